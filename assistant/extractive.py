"""Check a short answer against the passages, and quote their best sentence where it has no support.

A small model often answers fluently and wrongly. Its reply is kept when the passages hold it; else a
person is better served by the passage's own words. Pure functions; no chat model is run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.sentences import rank_sentences, terms
from knowledge.documents import Passage

if TYPE_CHECKING:
    from knowledge.embeddings import Embedder


@dataclass(frozen=True, slots=True)
class GuardedAnswer:
    """An answer that has been checked.

    Args:
        text: what to show.
        replaced: True where `text` is a sentence of `passage` and no longer the model's.
        passage, span: where the quoted sentence stands; None where the model's answer was kept.
    """

    text: str
    replaced: bool = False
    passage: Passage | None = None
    span: tuple[int, int] | None = None


def support(answer: str, passages: Sequence[Passage], question: str = "") -> float:
    """Return the share of the answer's own words (those not in the question) that one passage holds, 0..1.

    An answer that only repeats the question has none: 0.
    """
    claimed = set(terms(answer)) - set(terms(question))
    if not claimed:
        return 0.0
    return max((len(claimed & set(terms(p.text))) / len(claimed) for p in passages), default=0.0)


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
    return GuardedAnswer(passage.text[best.start : best.end], True, passage, (best.start, best.end))
