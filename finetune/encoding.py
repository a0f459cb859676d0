"""Examples -> token ids and labels. The one function that decides what is trained: the trainer, the preflight and
the loss-mask lens all call it.

A label is the token's id where the token is trained and -100 elsewhere. What is trained is what the model would
have to write itself: everything after the generation prompt up to and with the stop token.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Literal

from finetune.chat_template import ChatTemplate, Thinking
from finetune.cutting import GAP, fit
from finetune.errors import DatasetError
from finetune.examples import Example, Message, Source
from finetune.formats.conversation import Note, RowRefusedError
from finetune.template_pieces import Piece, Rendered

IGNORE = -100
TrainOn = Literal["last", "assistant", "all"]
Overlong = Literal["cut", "drop"]


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """Tokens `start:end` and whose they are: a role, "thinking", or "template"."""

    role: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Encoded:
    """One sequence to train on.

    Args:
        input_ids, labels: (T,) each, T <= max_length.
        spans: whose the tokens are, in order, without gaps.
        stops: positions of trained stop tokens.
        matches_template: whether `input_ids` is what `apply_chat_template` makes of `messages`.
        messages: the conversation as encoded, after any cutting; empty for plain text.
        notes: what was cut or repaired, as (code, params).
    """

    input_ids: list[int]
    labels: list[int]
    spans: tuple[TokenSpan, ...] = ()
    stops: tuple[int, ...] = ()
    matches_template: bool = True
    messages: tuple[Message, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def trained_tokens(self) -> int:
        """How many tokens carry loss."""
        return len(self.labels) - self.labels.count(IGNORE)


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """A DPO row: two answers after one prompt; trl's `prompt_ids`, `chosen_ids`, `rejected_ids`."""

    prompt_ids: list[int]
    chosen_ids: list[int]
    rejected_ids: list[int]
    chosen: Encoded
    rejected: Encoded
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class EncodedRow:
    """What one example became.

    Args:
        index: of the example, from 0 in what was given.
        pieces: one sequence; for "dpo" chosen and rejected; for a long text as many as it takes; none if refused.
        pair: for "dpo".
        refused: why there is nothing to train on, as (code, params).
    """

    index: int
    pieces: tuple[Encoded, ...]
    pair: EncodedPair | None = None
    refused: Note | None = None

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was cut or repaired."""
        return self.pair.notes if self.pair else tuple(note for piece in self.pieces for note in piece.notes)


@dataclass(slots=True)
class Encoder:
    """A tokenizer and what to train on. Holds the template's pictures, so make one for many rows.

    Args:
        max_length: in tokens.
        train_on: the last answer, every answer of the assistant, or all tokens.
        thinking: see `finetune.chat_template`.
        overlong: "cut" keeps the question and the stop token (`finetune.cutting`); "drop" refuses the row.
    """

    tokenizer: Any
    max_length: int = 2048
    train_on: TrainOn = "assistant"
    thinking: Thinking = "keep"
    overlong: Overlong = "cut"
    template: ChatTemplate = field(init=False)

    def __post_init__(self) -> None:
        if self.max_length < 16:
            raise ValueError(f"max_length: {self.max_length} tokens; at least 16 are needed")
        self.template = ChatTemplate(self.tokenizer, thinking=self.thinking)

    def encode(
        self,
        conversations: Sequence[tuple[Message, ...]],
        tools: Sequence[Sequence[Any]] = (),
        *,
        train_on: TrainOn | None = None,
    ) -> list[Encoded | RowRefusedError]:
        """Tokenize conversations in one call, however long they become. `train_on` stands before the encoder's."""
        rendered: list[Rendered | RowRefusedError] = []
        for k, messages in enumerate(conversations):
            try:
                rendered.append(self.template.trace(messages, tools=tools[k] if tools else ()))
            except RowRefusedError as refusal:
                rendered.append(refusal)
        texts = [r.text for r in rendered if isinstance(r, Rendered)]
        tokenized = iter(self._tokenize(texts) if texts else ())
        return [
            self._label(r, *next(tokenized), train_on or self.train_on) if isinstance(r, Rendered) else r
            for r in rendered
        ]

    def _tokenize(self, texts: list[str]) -> Iterator[tuple[list[int], Any]]:
        batch = self.tokenizer(texts, add_special_tokens=False, return_attention_mask=False, verbose=False)
        if not getattr(self.tokenizer, "is_fast", False):
            name = type(self.tokenizer).__name__
            raise DatasetError("tokenizer_slow", tokenizer=name)
        yield from zip(batch["input_ids"], batch.encodings, strict=True)

    def _label(self, rendered: Rendered, ids: list[int], encoding: Any, train_on: TrainOn) -> Encoded:
        """Carry the pieces over from characters to tokens."""
        count = len(ids)
        labels = [IGNORE] * count
        spans: list[TokenSpan] = []
        stops: list[int] = []
        last = len(rendered.messages) - 1
        has_gap = GAP in rendered.text
        at = 0  # the next token without a span
        for piece, start, end in rendered.pieces:
            if start == end:
                continue
            low = _boundary(encoding, start, count, len(rendered.text))
            high = _boundary(encoding, end, count, len(rendered.text))
            message = rendered.messages[piece.turn] if piece.turn >= 0 else None
            if high > at:
                spans.append(TokenSpan(_whose(piece, message), at, high))
                at = high
            if message is None or message.role != "assistant" or not message.train:
                continue
            if piece.part == "between" or (piece.part == "block" and self.thinking != "empty"):
                continue
            if piece.turn in rendered.untrained or (train_on == "last" and piece.turn != last):
                continue
            for first, until in _around_gap(rendered.text, start, end) if has_gap else ((start, end),):
                low = _boundary(encoding, first, count, len(rendered.text))
                high = _boundary(encoding, until, count, len(rendered.text))
                labels[low:high] = ids[low:high]
            if piece.part == "stop":
                stops.append(high - 1)
        if train_on == "all":
            labels = list(ids)
        return Encoded(
            ids, labels, tuple(spans), tuple(stops), rendered.matches, rendered.messages, rendered.notes
        )

    def encode_text(self, text: str) -> tuple[Encoded, ...]:
        """Tokenize plain text: every token is trained, a long text becomes several sequences, the last one stops."""
        ids = list(self.tokenizer(text, verbose=False)["input_ids"])
        stop = self.tokenizer.eos_token_id
        if stop is not None and ids[-1:] != [stop]:
            ids.append(stop)
        pieces = []
        for at in range(0, len(ids), self.max_length):
            part = ids[at : at + self.max_length]
            stops = (len(part) - 1,) if part[-1] == stop else ()
            pieces.append(Encoded(part, list(part), (TokenSpan("assistant", 0, len(part)),), stops))
        if len(pieces) > 1:
            pieces[0] = replace(pieces[0], notes=(("text_split", {"pieces": len(pieces)}),))
        return tuple(pieces)

    def encode_rows(self, examples: Iterable[Example], *, batch_size: int = 256) -> Iterator[EncodedRow]:
        """Yield what becomes of every example, in order; only `batch_size` of them are held at a time."""
        numbered = enumerate(examples)
        while batch := list(islice(numbered, batch_size)):
            plain = [example for _, example in batch if example.kind == "sft"]
            encoded = iter(self.encode([e.messages for e in plain], [e.tools for e in plain]))
            for index, example in batch:
                try:
                    if example.kind == "text":
                        yield EncodedRow(index, self.encode_text(example.messages[0].content))
                        continue
                    if example.kind == "dpo":
                        pair = encode_pair(example, self)
                        yield EncodedRow(index, (pair.chosen, pair.rejected), pair)
                        continue
                    if example.kind == "kto":
                        found = self.encode([example.messages], [example.tools], train_on="last")[0]
                    else:
                        found = next(encoded)
                    if isinstance(found, RowRefusedError):
                        raise found
                    preferred: TrainOn = "last" if example.kind == "kto" else self.train_on
                    fitted = fit(self, found, tools=example.tools, train_on=preferred)
                    if not fitted.trained_tokens:
                        raise RowRefusedError("no_trained_token")
                    yield EncodedRow(index, (fitted,))
                except RowRefusedError as refusal:
                    yield EncodedRow(index, (), refused=(refusal.code, refusal.params))


def _around_gap(text: str, start: int, end: int) -> tuple[tuple[int, int], ...]:
    """What is left of a piece without the mark of a cut."""
    gap = text.find(GAP, start, end)
    return ((start, end),) if gap < 0 else ((start, gap), (gap + len(GAP), end))


def _whose(piece: Piece, message: Message | None) -> str:
    if piece.part == "thinking":
        return "thinking"
    return message.role if message is not None and piece.part == "content" else "template"


def _boundary(encoding: Any, character: int, count: int, size: int) -> int:
    """The first token that begins at `character` or later; one that reaches over it belongs to what is before."""
    while character < size:
        token = encoding.char_to_token(character)
        if token is not None:
            return token if encoding.token_to_chars(token)[0] >= character else _after(encoding, token, count)
        character += 1  # characters that a normaliser swallows have no token
    return count


def _after(encoding: Any, token: int, count: int) -> int:
    """The token after `token` and after the others of the same character, which byte tokens share."""
    place = encoding.token_to_chars(token)
    while token < count and encoding.token_to_chars(token) == place:
        token += 1
    return token


def encode_example(
    messages: Sequence[Message],
    tokenizer: Any,
    *,
    max_length: int,
    train_on: TrainOn = "assistant",
    thinking: Thinking = "keep",
    overlong: Overlong = "cut",
    tools: Sequence[Any] = (),
) -> Encoded:
    """Tokenize one conversation and mark what is trained. For many rows make one `Encoder`.

    Args:
        messages: oldest first; the last turn is the assistant's.
        max_length: in tokens; a longer conversation is cut as `finetune.cutting` says, and the notes tell.
        train_on, thinking, overlong: see `Encoder`.

    Returns:
        `input_ids` and `labels`, T <= max_length.

    Raises:
        DatasetError: the template refuses the conversation, or nothing is left to train on.
    """
    encoder = Encoder(tokenizer, max_length, train_on, thinking, overlong)
    example = Example(tuple(messages), Source("-", 1), tools=tuple(tools))
    row = next(encoder.encode_rows([example]))
    if row.refused:
        raise DatasetError(row.refused[0], **row.refused[1])
    return row.pieces[0]


def encode_pair(example: Example, encoder: Encoder) -> EncodedPair:
    """Tokenize a DPO row; both answers follow exactly the same prompt, which is cut the same for both.

    Raises:
        RowRefusedError: as `Encoder.encode`, or one answer is left without a token.
    """
    assert example.chosen is not None
    assert example.rejected is not None
    ends = example.chosen, example.rejected
    both = encoder.encode([(*example.messages, end) for end in ends], [example.tools] * 2, train_on="last")
    sides: list[Encoded] = []
    for side in both:
        if isinstance(side, RowRefusedError):
            raise side
        sides.append(side)
    longer = 0 if len(sides[0].input_ids) >= len(sides[1].input_ids) else 1
    fitted = [fit(encoder, sides[longer], tools=example.tools, train_on="last")]
    other = sides[1 - longer]
    if fitted[0] is not sides[longer]:
        shortened = (*fitted[0].messages[:-1], ends[1 - longer])
        again = encoder.encode([shortened], [example.tools], train_on="last")[0]
        if isinstance(again, RowRefusedError):
            raise again
        other = fit(encoder, again, tools=example.tools, train_on="last")
    fitted.insert(1 - longer, other)
    chosen, rejected = fitted
    prompt = min(_first_trained(chosen), _first_trained(rejected))
    while chosen.input_ids[:prompt] != rejected.input_ids[:prompt]:
        prompt -= 1
    notes = dict((*chosen.notes, *rejected.notes))
    return EncodedPair(
        chosen.input_ids[:prompt],
        _completion(chosen, prompt),
        _completion(rejected, prompt),
        chosen,
        rejected,
        tuple(notes.items()),
    )


def _first_trained(encoded: Encoded) -> int:
    """Where the one answer that is trained begins."""
    start = next((k for k, label in enumerate(encoded.labels) if label != IGNORE), None)
    if start is None:
        raise RowRefusedError("no_trained_token")
    return start


def _completion(encoded: Encoded, prompt: int) -> list[int]:
    """The ids after the prompt up to the stop token; what a template writes after it is nobody's."""
    end = len(encoded.labels)
    while end > prompt and encoded.labels[end - 1] == IGNORE:
        end -= 1
    return encoded.input_ids[prompt:end]
