"""The loss-mask lens: an encoded example as tokens a person can read, each with whether it is trained."""

from dataclasses import dataclass
from typing import Any

from finetune.encoding import IGNORE, Encoded

BROKEN = "\ufffd"
LONGEST_CHARACTER = 8
"""Tokens that one character can be spread over, with room to spare; a longer run is broken bytes."""


@dataclass(frozen=True, slots=True)
class TokenView:
    """One token.

    Args:
        text: what it reads as. A character spread over several byte tokens stands whole on the first of them; the
            others have "" and `continues`.
        trained: whether it carries loss.
        is_stop: whether it is a trained stop token.
        role: "system", "user", "assistant", "tool", "thinking", or "template" for what the chat template adds.
    """

    id: int
    text: str
    trained: bool
    is_stop: bool
    role: str
    continues: bool = False


def mask_view(encoded: Encoded, tokenizer: Any) -> list[TokenView]:
    """Return one view for each token of `encoded`, in order; their texts joined are the whole text."""
    stops = set(encoded.stops)
    roles = ["template"] * len(encoded.input_ids)
    for span in encoded.spans:
        roles[span.start : span.end] = [span.role] * (span.end - span.start)
    views: list[TokenView] = []
    for start, text, end in _readable(encoded.input_ids, tokenizer):
        for at in range(start, end):
            trained = encoded.labels[at] != IGNORE
            views.append(
                TokenView(
                    encoded.input_ids[at],
                    text if at == start else "",
                    trained,
                    at in stops,
                    roles[at],
                    at > start,
                )
            )
    return views


def _readable(ids: list[int], tokenizer: Any) -> list[tuple[int, str, int]]:
    """Group the tokens into the shortest runs that decode to whole characters, as (start, text, end).

    A token is decoded after the run before it and the earlier text taken off, because some tokenizers drop a
    leading space from what they decode.
    """
    groups: list[tuple[int, str, int]] = []
    start = context = 0
    while start < len(ids):
        before = _decode(tokenizer, ids[context:start])
        end = start + 1
        text = _decode(tokenizer, ids[context:end])
        while text.endswith(BROKEN) and end < len(ids) and end - start < LONGEST_CHARACTER:
            end += 1
            text = _decode(tokenizer, ids[context:end])
        if text.endswith(BROKEN):  # no later token mends it
            end = start + 1
            text = _decode(tokenizer, ids[context:end])
        groups.append((start, text[len(before) :], end))
        context, start = start, end
    return groups


def _decode(tokenizer: Any, ids: list[int]) -> str:
    if not ids:
        return ""
    return tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
