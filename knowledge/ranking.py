"""From the two legs' hits to one ranking: fusion by rank, and the relevance that thresholds compare with.

Knows numbers only, no text and no store.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from knowledge.exact import DenseHit
from knowledge.lexical import LexicalHit

RRF_K = 60
DENSE_WEIGHT = 0.5


@dataclass(slots=True)
class Candidate:
    """A chunk on its way to a passage; ranks count from 1 within each leg."""

    entry: int
    fused: float = 0.0
    dense_rank: int | None = None
    lexical_rank: int | None = None
    similarity: float | None = None
    coverage: float | None = None


def fuse(dense: Sequence[DenseHit], lexical: Sequence[LexicalHit], *, dense_weight: float) -> list[Candidate]:
    """Merge two rankings by weighted reciprocal ranks.

    Args:
        dense_weight: 0..1; what is left is the lexical leg's.

    Source: Cormack, Clarke and Büttcher 2009, https://doi.org/10.1145/1571941.1572114
    """
    found: dict[int, Candidate] = {}
    for rank, near in enumerate(dense, 1):
        candidate = found.setdefault(near.entry, Candidate(near.entry))
        candidate.dense_rank, candidate.similarity = rank, near.similarity
        candidate.fused += dense_weight / (RRF_K + rank)
    for rank, match in enumerate(lexical, 1):
        candidate = found.setdefault(match.entry, Candidate(match.entry))
        candidate.lexical_rank, candidate.coverage = rank, match.coverage
        candidate.fused += (1 - dense_weight) / (RRF_K + rank)
    return sorted(found.values(), key=lambda candidate: (-candidate.fused, candidate.entry))


def relevance(similarity: float | None, coverage: float | None, *, dense_weight: float) -> float:
    """How sure it is that a chunk has to do with the query, 0 to 1."""
    dense = min(max(similarity or 0.0, 0.0), 1.0)
    if dense_weight == 0:
        return coverage or 0.0
    return max(dense, coverage or 0.0)


def cut_to_unit(value: float | None) -> float | None:
    """A cosine as the score that people see: 0 to 1, opposite is no better than unrelated."""
    return None if value is None else min(max(value, 0.0), 1.0)


def languages_of(text: str) -> frozenset[str]:
    """ "zh" and "en" as far as the text's script tells."""
    from knowledge.segmenter import is_han

    han = sum(map(is_han, text))
    letters = sum(character.isalpha() for character in text) - han
    found = set()
    if han:
        found.add("zh")
    if letters > han or not han:
        found.add("en")
    return frozenset(found)


def dense_share(query: str, languages: frozenset[str]) -> float:
    """The dense leg's weight for a query: none where the embedder does not know its language."""
    return DENSE_WEIGHT if "*" in languages or languages_of(query) <= languages else 0.0
