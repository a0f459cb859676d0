"""From what the two legs found to one ranking, whose score is also what thresholds compare with.

Knows numbers only, no text and no store.

Scores are blended, not ranks: cosine similarity and the share of the reachable BM25 score are both absolute,
0 to 1, so their blend ranks and at the same time says whether anything relevant was found. Measured on
SciFact (809 questions, MiniLM), nDCG@10: BM25 0.698, dense 0.660, reciprocal ranks (k 60) 0.713, this blend
0.743, smoothed 0.746.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from knowledge.segmenter import is_han

DENSE_WEIGHT = 0.4
_LEXICAL_ALONE = 1.4
_SMOOTHING = 0.2
_NEIGHBOURS = 3


@dataclass(slots=True)
class Candidate:
    """A chunk on its way to a passage.

    Args:
        share: of the reachable BM25 score, 0 to 1.
        similarity: cosine; None where the embedder was not asked.
        dense_rank, lexical_rank: from 1 within each leg; None where the leg did not put it up.
        score: what ranks it, 0 to 1.
    """

    entry: int
    share: float = 0.0
    similarity: float | None = None
    dense_rank: int | None = None
    lexical_rank: int | None = None
    score: float = 0.0


def blend(similarity: float | None, share: float | None) -> float:
    """One score of both legs, 0 to 1; where one was not asked the other's.

    A threshold of 0.25 keeps the best passage of 96 in 100 answerable questions and turns away 95 in 100 whose
    answer is in another corpus (SciFact and SQuAD, each against the other, MiniLM; AUC 0.994). BM25 alone
    reaches lower numbers and is stretched to mean the same: on DRCD and CMRC against each other and a manual,
    96 and 99 in 100 (AUC 0.999).

    Opposite vectors are no better than unrelated ones, so a negative similarity counts as none.
    """
    dense = 0.0 if similarity is None else min(max(similarity, 0.0), 1.0)
    if similarity is None or share is None:
        return dense if share is None else min(1.0, _LEXICAL_ALONE * share)
    return DENSE_WEIGHT * dense + (1 - DENSE_WEIGHT) * share


def smooth(scores: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Lift candidates whose nearest fellow candidates score well: relevant texts lie together.

    Args:
        scores, vectors: (N,) and (N, D) of unit length.

    Returns:
        (N,), each four fifths its own score and one fifth the mean of its three nearest, weighted by
        similarity.

    Source: the cluster hypothesis; score regularisation after Diaz 2005,
    https://doi.org/10.1145/1099554.1099722.
    """
    if len(scores) <= _NEIGHBOURS:
        return scores
    near = np.maximum(vectors @ vectors.T, 0.0)
    np.fill_diagonal(near, 0.0)
    nearest = np.argpartition(near, -_NEIGHBOURS, axis=1)[:, -_NEIGHBOURS:]  # (N, 3)
    weights = np.take_along_axis(near, nearest, axis=1) + 1e-9
    lifted = (scores[nearest] * weights).sum(axis=1) / weights.sum(axis=1)
    return (1 - _SMOOTHING) * scores + _SMOOTHING * lifted


def ordered(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Best first; the older chunk first among equals."""
    return sorted(candidates, key=lambda candidate: (-candidate.score, candidate.entry))


def languages_of(text: str) -> frozenset[str]:
    """ "zh" and "en", as far as the script tells; a few Latin words in a Chinese question are not English."""
    han = sum(map(is_han, text))
    letters = sum(character.isalpha() for character in text) - han
    found = set()
    if han:
        found.add("zh")
    if letters > 4 * han or not han:
        found.add("en")
    return frozenset(found)


def understands(languages: frozenset[str], query: str) -> bool:
    """Whether an embedder for these languages can be asked about a query."""
    return "*" in languages or languages_of(query) <= languages
