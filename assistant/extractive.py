"""Check a short answer against the passages, and quote their best sentence where it has no support.

A small model often answers fluently and wrongly. Its reply is kept when the passages hold it; else a
person is better served by the passage's own words. Pure functions; no chat model is run.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.claims import measures_in, numbers_in
from assistant.sentences import rank_sentences, table_head, terms
from knowledge.documents import Passage
from knowledge.sentences import split_sentences

if TYPE_CHECKING:
    from knowledge.embeddings import Embedder

# Away from its list an item's number counts nothing.
_ITEM_MARK = re.compile(r"^\s*(?:[-*•]|\(?\d{1,2}[.)、）])\s+(?=\S)")


@dataclass(frozen=True, slots=True)
class GuardedAnswer:
    """An answer that has been checked.

    Args:
        text: what to show; a quoted table row reads "head: cell; head: cell".
        replaced: True where `text` is a sentence of `passage` and no longer the model's.
        passage, span: where the quoted sentence stands; None where the model's answer was kept.
    """

    text: str
    replaced: bool = False
    passage: Passage | None = None
    span: tuple[int, int] | None = None


def support(answer: str, passages: Sequence[Passage], question: str = "") -> float:
    """Return the share of the answer's own words that one passage holds, 0..1.

    Its own are those that stand neither in the question nor in a title: an answer that only repeats these
    says nothing and gets 0. So does one whose number the passage lacks, or gives of something else.
    """
    asked = set(terms(question))
    numbers, measures = numbers_in(answer) - numbers_in(question), measures_in(answer)
    best = 0.0
    for passage in passages:
        if not numbers <= numbers_in(passage.text):
            continue
        # In a table the unit stands in the head, away from its number.
        if "|" not in passage.text and not measures <= measures_in(passage.text):
            continue
        own = set(terms(answer)) - asked - set(terms(" ".join(passage.heading_path)))
        if own:
            best = max(best, len(own & set(terms(passage.text))) / len(own))
    return best


def guard_answer(
    question: str,
    answer: str,
    passages: Sequence[Passage],
    *,
    embedder: "Embedder | None" = None,
    threshold: float = 0.7,
) -> GuardedAnswer:
    """Keep `answer` when the passages support it, else return their best sentence.

    Args:
        passages: those the model was shown, best first; with none, the answer is kept.
        embedder: helps to pick the sentence; None where it does not know the language.
        threshold: least `support`, 0..1.
    """
    if support(answer, passages, question) >= threshold:
        return GuardedAnswer(answer)
    ranked = rank_sentences(question, passages, embedder=embedder)
    if not ranked:
        return GuardedAnswer(answer)
    best = ranked[0]
    passage = passages[best.passage]
    span = (best.start, best.end)
    return GuardedAnswer(_readable(passage.text, span), True, passage, span)


def _readable(text: str, span: tuple[int, int]) -> str:
    """A sentence as it stands, without line breaks; a table row with its heads."""
    row = text[span[0] : span[1]]
    head = table_head(text, split_sentences(text), span)
    if head is None:
        return " ".join(_ITEM_MARK.sub("", row).split())
    cells = _cells(row)
    if head == span:
        return "; ".join(cell for cell in cells if cell)
    heads = _cells(text[head[0] : head[1]])
    named = [f"{name}: {cell}" if name else cell for name, cell in zip(heads, cells, strict=False) if cell]
    return "; ".join([*named, *cells[len(heads) :]])


def _cells(row: str) -> list[str]:
    """The cells of a Markdown table row; an escaped bar is part of its cell."""
    inner = row.strip().removeprefix("|").removesuffix("|")
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner)]
