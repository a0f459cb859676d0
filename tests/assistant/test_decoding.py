"""Text as it comes: characters over several tokens, thinking, stop strings."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.decoding import AnswerStream, Detokenizer, Piece, StopMatcher, ThinkingSplitter
from tests.assistant.tiny_model import build_tiny

TOKENIZER = build_tiny()[1]


@given(st.text(max_size=60))
def test_pieces_join_to_what_decode_says(text: str) -> None:
    ids = TOKENIZER(text, add_special_tokens=False)["input_ids"]
    stream = Detokenizer(TOKENIZER)
    pieces = [stream.step(token) for token in ids]
    assert "".join(pieces) == TOKENIZER.decode(ids, skip_special_tokens=True)
    assert not any("\ufffd" in piece for piece in pieces) or "\ufffd" in text


def test_a_tokenizer_without_fast_backend_gives_the_same_pieces() -> None:
    class Slow:
        def decode(self, ids: list[int], *, skip_special_tokens: bool) -> str:
            return str(TOKENIZER.decode(ids, skip_special_tokens=skip_special_tokens))

    text = "水泵 🚰 weighs 12 公斤"
    ids = TOKENIZER(text)["input_ids"]
    stream = Detokenizer(Slow())
    pieces = [stream.step(token) for token in ids]
    assert "".join(pieces) == text
    assert not any("\ufffd" in piece for piece in pieces)


def splitter_pieces(text: str) -> list[Piece]:
    """What the splitter makes of a text that comes at once; two thoughts in a row are two pieces."""
    splitter = ThinkingSplitter()
    return splitter.feed(text) + splitter.flush()


@given(st.lists(st.sampled_from(["<", "think", ">", "</", "think>", "a", "\n", "<think>", "</think>", " b"])))
def test_thinking_is_split_alike_however_it_arrives(parts: list[str]) -> None:
    def split(pieces: list[str]) -> list[tuple[bool, str]]:
        """Runs of thought and of answer."""
        splitter = ThinkingSplitter()
        out = [piece for text in pieces for piece in splitter.feed(text)] + splitter.flush()
        return [
            (thinking, "".join(piece.text for piece in run))
            for thinking, run in itertools.groupby(out, key=lambda piece: piece.thinking)
        ]

    told = split(parts)
    assert told == split(["".join(parts)])
    whole = splitter_pieces("".join(parts))
    assert not any("</think>" in piece.text for piece in whole if piece.thinking)


def test_a_prompt_that_opens_thinking_starts_with_it() -> None:
    stream = AnswerStream(TOKENIZER, ("\n",), prompt_end="<|assistant|>\n<think>\n")
    ids = TOKENIZER("one\ntwo</think>\n\nanswer\nmore")["input_ids"]
    pieces = []
    for token in ids:
        pieces += stream.feed(token)
        if stream.stopped:
            break
    pieces += stream.flush()
    assert "".join(p.text for p in pieces if p.thinking) == "one\ntwo"
    assert "".join(p.text for p in pieces if not p.thinking) == "answer"


@given(st.text("ab", max_size=20), st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3))
def test_stops_cut_where_the_first_one_begins(text: str, stops: list[str]) -> None:
    matcher = StopMatcher(stops)
    shown = ""
    for character in text:
        shown += matcher.feed(character)
        if matcher.stopped:
            break
    if not matcher.stopped:
        shown += matcher.flush()
    assert not any(stop in shown for stop in stops)
    assert text.startswith(shown)
    assert matcher.stopped == any(stop in text for stop in stops)
    if not matcher.stopped:
        assert shown == text


@pytest.mark.parametrize("stops", [(), ("",)])
def test_no_stops_hold_nothing_back(stops: tuple[str, ...]) -> None:
    assert StopMatcher(stops).feed("abc") == "abc"
