"""Exact search over vectors in memory: the answer while no index stands, and for what it does not hold yet."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class DenseHit:
    """A chunk's entry with its cosine similarity to the query, -1 to 1."""

    entry: int
    similarity: float


class ExactIndex:
    """Unit vectors in blocks. Not thread-safe by itself; its owner locks."""

    def __init__(self) -> None:
        self._blocks: list[tuple[np.ndarray, np.ndarray]] = []  # entries (n,), vectors (n, D)

    def snapshot(self) -> "ExactIndex":
        """A view that later changes do not touch: blocks are replaced, never written."""
        view = ExactIndex()
        view._blocks = list(self._blocks)
        return view

    def __len__(self) -> int:
        return sum(len(entries) for entries, _ in self._blocks)

    @property
    def entries(self) -> np.ndarray:
        """Entries held, (N,) int64."""
        return np.concatenate([entries for entries, _ in self._blocks] or [np.zeros(0, np.int64)])

    def add(self, entries: np.ndarray, vectors: np.ndarray) -> None:
        """Hold more vectors, (N, D) float32. Small blocks are joined, so that their number stays small."""
        if len(entries) == 0:
            return
        self._blocks.append((entries, vectors))
        while len(self._blocks) > 1 and len(self._blocks[-2][0]) < 2 * len(self._blocks[-1][0]):
            (first, above), (second, below) = self._blocks[-2:]
            self._blocks[-2:] = [(np.concatenate([first, second]), np.concatenate([above, below]))]

    def delete(self, entries: Iterable[int]) -> None:
        """Let vectors go; unknown entries are ignored."""
        gone = np.fromiter(entries, np.int64)
        blocks = []
        for held, vectors in self._blocks:
            keep = ~np.isin(held, gone)
            if keep.all():
                blocks.append((held, vectors))
            elif keep.any():
                blocks.append((held[keep], vectors[keep]))
        self._blocks = blocks

    def search(self, query: np.ndarray, *, limit: int) -> list[DenseHit]:
        """The nearest vectors to a unit vector, (D,), best first."""
        hits: list[DenseHit] = []
        for entries, vectors in self._blocks:
            similarity = vectors @ query
            rows = np.arange(len(entries))
            top = np.argpartition(similarity, -limit)[-limit:] if len(entries) > limit else rows
            hits += [DenseHit(int(entries[row]), float(similarity[row])) for row in top]
        return sorted(hits, key=lambda hit: (-hit.similarity, hit.entry))[:limit]
