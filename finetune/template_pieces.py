"""The runs of a rendered conversation: whose each is, and whether the model would have to write it itself."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from finetune.examples import Message
from finetune.formats.conversation import Note


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of the rendered text. `turn` is the message it belongs to, -1 for what stands between messages.

    Args:
        part: "content" and "thinking" come from the message; "lead" is what the template puts before an answer
            and the model has to write itself; "block" is an empty thinking block; "stop" ends the answer.
        text: "" for content and thinking, which each row fills.
    """

    part: Literal["between", "lead", "block", "thinking", "content", "stop"]
    turn: int = -1
    text: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A conversation as text.

    Args:
        pieces: (piece, start, end) in characters of `text`, in order and without gaps.
        matches: whether `text` is what `apply_chat_template` makes of the conversation. It is not where a
            template would drop the thinking that is to be trained, or has no stop token of its own.
        notes: what happened on the way, as (code, params).
    """

    text: str
    pieces: tuple[tuple[Piece, int, int], ...]
    messages: tuple[Message, ...]
    matches: bool
    notes: tuple[Note, ...] = ()
    untrained: frozenset[int] = frozenset()


def cut_up(
    text: str,
    cuts: list[tuple[int, int, Piece]],
    starts: dict[int, int | None],
    special: re.Pattern[str] | None,
) -> list[Piece]:
    """Name every run of a text.

    Args:
        cuts: (start, end, piece) of the contents, in order.
        starts: for each assistant turn where the generation prompt before it ends, if that is known.
        special: finds the tokenizer's control tokens; the first after an answer is its stop token.
    """
    pieces: list[Piece] = []
    at = 0
    open_turn = -1  # the assistant turn whose stop token has not come yet
    for low, high, mark in [*cuts, (len(text), len(text), Piece("between"))]:
        literal = text[at:low]
        if open_turn >= 0 and open_turn != mark.turn:
            stop = special.search(literal) if special else None
            if stop:
                if stop.start():
                    pieces.append(Piece("lead", open_turn, literal[: stop.start()]))
                pieces.append(Piece("stop", open_turn, stop[0]))
                literal = literal[stop.end() :]
            open_turn = -1
        if mark.turn in starts and mark.turn not in {p.turn for p in pieces}:
            start = starts[mark.turn]
            lead = literal[max(0, start - low + len(literal)) :] if start is not None and start <= low else ""
            if lead:
                literal = literal[: -len(lead)]
            pieces.append(Piece("between", -1, literal))
            is_block = "</think>" in lead and mark.part == "content"
            pieces.append(Piece("block" if is_block else "lead", mark.turn, lead))
        elif literal:
            pieces.append(Piece("lead" if mark.turn in starts else "between", mark.turn, literal))
        if mark.turn >= 0:
            pieces.append(mark)
            open_turn = mark.turn if mark.turn in starts and mark.part == "content" else -1
        at = high
    return [piece for piece in pieces if piece.text or piece.part in ("content", "thinking")]


def fill(
    pieces: Sequence[Piece], messages: Sequence[Message]
) -> tuple[str, tuple[tuple[Piece, int, int], ...]]:
    """Return the text of pieces with these messages in them, and each piece's place in it."""
    texts = []
    placed = []
    at = 0
    for piece in pieces:
        if piece.part == "content":
            text = messages[piece.turn].content
        elif piece.part == "thinking":
            text = messages[piece.turn].thinking or ""
        else:
            text = piece.text
        texts.append(text)
        placed.append((piece, at, at + len(text)))
        at += len(text)
    return "".join(texts), tuple(placed)


def trimmed(message: Message) -> Message:
    """Return the message without white space around it."""
    return replace(message, content=message.content.strip())


def repairs(messages: Sequence[Message]) -> list[tuple[Sequence[Message], list[Note]]]:
    """The conversation, then what can be tried when the template refuses it: some know no system turn, some want
    the user to speak first."""
    tries: list[tuple[Sequence[Message], list[Note]]] = [(messages, [])]
    greeting = next((i for i, m in enumerate(messages) if m.role != "system"), 0)
    if messages[greeting].role == "assistant" and len(messages) > greeting + 1:
        shorter = [*messages[:greeting], *messages[greeting + 1 :]]
        tries.append((shorter, [("greeting_dropped", {})]))
    for kept, notes in list(tries):
        user = next((i for i, m in enumerate(kept) if m.role == "user"), None)
        if kept[0].role == "system" and user is not None:
            merged = replace(kept[user], content=f"{kept[0].content}\n\n{kept[user].content}")
            tries.append(([*kept[1:user], merged, *kept[user + 1 :]], [*notes, ("system_merged", {})]))
    return tries
