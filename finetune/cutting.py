"""Making a conversation fit `max_length` so that it still teaches something true.

What goes first: the oldest exchanges; then the middle of the longest of system and question, whose ends hold the
instruction and the question; last the middle of the thinking or the answer. The stop token always stays and
always follows the true end of the answer: a tail cut off would teach to stop in mid-sentence, or never. Where
the middle is missing there stands a mark, which is not trained.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from finetune.examples import Message
from finetune.formats.conversation import Note, RowRefusedError

if TYPE_CHECKING:
    from finetune.encoding import Encoded, Encoder, TrainOn

GAP = "\n…\n"
"""The mark that stands where the middle of a text was cut out."""
ROUNDS = 12
KEEP = 32
"""Tokens of a system message or question that are kept even if the answer has to be cut for it."""
SLACK = 12
"""Tokens: what the mark takes, which is 2 to 5, and what tokens at the seam may add."""


def fit(
    encoder: "Encoder", encoded: "Encoded", *, tools: Sequence[Any] = (), train_on: "TrainOn | None" = None
) -> "Encoded":
    """Return `encoded` itself if it fits, else the conversation cut until it does, with notes of what went.

    Raises:
        RowRefusedError: `too_long`: cutting is not wanted, or does not help.
    """
    before = len(encoded.input_ids)
    if before <= encoder.max_length:
        return encoded
    refusal = RowRefusedError("too_long", tokens=before, limit=encoder.max_length)
    if encoder.overlong == "drop":
        raise refusal
    cut: dict[str, dict[str, Any]] = {}
    trained_before = encoded.trained_tokens
    for _ in range(ROUNDS):
        excess = len(encoded.input_ids) - encoder.max_length
        if excess <= 0:
            notes = (*encoded.notes, *_with_totals(cut, before, trained_before, encoded))
            return replace(encoded, notes=notes)
        messages = _shorten(encoder, encoded, excess, cut)
        if messages is None:
            break
        again = encoder.encode([messages], [tools], train_on=train_on)[0]
        if isinstance(again, RowRefusedError):
            raise again
        encoded = again
    raise refusal


def _with_totals(
    cut: dict[str, dict[str, Any]], before: int, trained_before: int, encoded: "Encoded"
) -> list[Note]:
    totals = {
        "before": before,
        "after": len(encoded.input_ids),
        "trained": trained_before - encoded.trained_tokens,
    }
    return [(code, {**params, **totals}) for code, params in cut.items()]


def _shorten(
    encoder: "Encoder", encoded: "Encoded", excess: int, cut: dict[str, dict[str, Any]]
) -> tuple[Message, ...] | None:
    """Return a conversation about `excess` tokens shorter, or None where nothing can go."""
    messages = encoded.messages
    opening = 1 if messages[0].role == "system" else 0
    last_user = max((i for i, m in enumerate(messages) if m.role == "user"), default=opening)
    if last_user > opening:
        kept = _without_oldest(encoder, messages, opening, last_user, excess)
        turns = len(messages) - len(kept)
        cut["cut_turns"] = {"turns": cut.get("cut_turns", {}).get("turns", 0) + turns}
        return kept
    sizes = {i: _count(encoder, m.content) for i, m in enumerate(messages[:-1])}
    longest = max(sizes, key=lambda i: sizes[i], default=None)
    if longest is not None and sizes[longest] > KEEP + SLACK:
        keep = max(KEEP, sizes[longest] - excess - SLACK)
        shorter = replace(
            messages[longest], content=_without_middle(encoder, messages[longest].content, keep)
        )
        cut["cut_context"] = {"role": messages[longest].role}
        return (*messages[:longest], shorter, *messages[longest + 1 :])
    answer = messages[-1]
    thinking = _count(encoder, answer.thinking or "")
    if thinking > KEEP + SLACK:
        keep = max(KEEP, thinking - excess - SLACK)
        cut["cut_thinking"] = {}
        return (
            *messages[:-1],
            replace(answer, thinking=_without_middle(encoder, answer.thinking or "", keep)),
        )
    size = _count(encoder, answer.content)
    keep = size - excess - SLACK
    if keep < 2:
        return None
    cut["cut_answer"] = {}
    return (*messages[:-1], replace(answer, content=_without_middle(encoder, answer.content, keep)))


def _without_oldest(
    encoder: "Encoder", messages: Sequence[Message], opening: int, last_user: int, excess: int
) -> tuple[Message, ...]:
    """Leave out whole exchanges from the oldest on, until `excess` tokens are gone or only the last one is left."""
    gone = 0
    first = opening
    while first < last_user and gone < excess:
        end = first + 1
        while end < last_user and messages[end].role != "user":
            end += 1
        gone += sum(_count(encoder, m.content) for m in messages[first:end])
        first = end
    return (*messages[:opening], *messages[first:])


def _count(encoder: "Encoder", text: str) -> int:
    return len(encoder.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]) if text else 0


def _without_middle(encoder: "Encoder", text: str, keep: int) -> str:
    """Return the first and last tokens of `text`, `keep` in all, with the mark between them."""
    head, gap, tail = text.partition(GAP)
    if gap:  # cut before: widen that gap rather than make a second one
        text, seam = head + tail, len(head)
    else:
        seam = -1
    encoding = encoder.tokenizer(text, add_special_tokens=False, verbose=False).encodings[0]
    count = len(encoding.ids)
    first = min(keep, count - 1) // 2 if seam < 0 else round(keep * seam / max(1, len(text)))
    first = max(1, first)
    last = max(first + 1, count - max(1, keep - first))
    end = encoding.token_to_chars(first - 1)[1]
    start = encoding.token_to_chars(min(last, count - 1))[0]
    return text[:end].rstrip() + GAP + text[max(start, end) :].lstrip()
