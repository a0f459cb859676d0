"""The searchable side of one version: follows the store by comparing entries, change by change.

Nothing is pushed into it. When the store's counter moved, the entries that it holds are compared with the
entries that the store would have found: new ones are added, others deleted. So it cannot keep a ghost or
miss a chunk, whatever happened in between.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from knowledge.dense import Generation, GenerationError
from knowledge.exact import DenseHit, ExactIndex
from knowledge.lexical import LexicalIndex
from knowledge.store import Store

logger = logging.getLogger(__name__)

_MOST_MASKED = 2000


@dataclass(frozen=True, slots=True)
class DenseAnswer:
    """Nearest chunks, best first; `exact` when no index stood and every vector was compared."""

    hits: list[DenseHit]
    exact: bool
    generation: str


class LiveIndex:
    """Postings and vectors of one version, loaded on first use. Safe to use from several threads.

    Args:
        load_postings, load_vectors: give what a generation keeps on disk, so that the first search after a start
            need not wait for the store to be read; or an empty index, and None.
        on_broken: called when the generation failed a query; exact search has taken over.
    """

    def __init__(
        self,
        store: Store,
        version_id: int,
        *,
        load_postings: Callable[[], LexicalIndex],
        load_vectors: Callable[[], tuple[np.ndarray, np.ndarray] | None],
        on_broken: Callable[[], None],
    ) -> None:
        self.version_id = version_id
        self._store = store
        self._load_postings = load_postings
        self._load_vectors = load_vectors
        self._on_broken = on_broken
        self._lock = threading.Lock()
        self._lexical_lock = threading.Lock()
        self._lexical: LexicalIndex | None = None
        self._lexical_change = -1
        self._exact = ExactIndex()
        self._dense_change = -1
        self._generation: Generation | None = None
        self._masked: frozenset[int] = frozenset()

    @property
    def generation(self) -> Generation | None:
        """The Chroma generation in use."""
        return self._generation

    def use(self, generation: Generation | None) -> None:
        """Search with another generation from now on; the one before is removed."""
        with self._lock:
            before, self._generation = self._generation, generation
            self._dense_change = -1
        if before is not None:
            before.retire()

    def close(self) -> None:
        """Close the generation and keep its folder."""
        with self._lock:
            before, self._generation = self._generation, None
            self._dense_change = -1
        if before is not None:
            before.close()

    def lexical(self) -> LexicalIndex:
        """The postings as they are now. Whoever searches them sees one state, even while others add."""
        with self._lexical_lock:
            if self._lexical is None:
                self._lexical = self._load_postings()
            change = self._store.changes(self.version_id)
            if change != self._lexical_change:
                with self._store.database.one_view():
                    wanted = self._store.findable(self.version_id)
                    gone, new = difference(self._lexical.entries, wanted)
                    terms = self._store.terms(self.version_id, new)
                self._lexical.delete(gone)
                self._lexical.add(new, terms)
                self._lexical_change = change
            return self._lexical.snapshot()

    def nearest(self, query: np.ndarray, *, limit: int) -> DenseAnswer:
        """The chunks nearest to a unit vector, (D,)."""
        with self._lock:
            self._refresh()
            exact, generation, masked = self._exact.snapshot(), self._generation, self._masked
        hits = exact.search(query, limit=limit)
        if generation is None:
            return DenseAnswer(hits, exact=len(exact) > 0, generation="")
        try:
            indexed = generation.search(query, limit=limit + min(len(masked), _MOST_MASKED))
        except GenerationError as err:
            if self._generation is generation:
                logger.warning("index %s failed, searching exactly: %s", generation.name, err)
                self.use(None)
                self._on_broken()
            return self.nearest(query, limit=limit)
        hits += [hit for hit in indexed if hit.entry not in masked]
        hits.sort(key=lambda hit: (-hit.similarity, hit.entry))
        return DenseAnswer(hits[:limit], exact=False, generation=generation.name)

    def _refresh(self) -> None:
        """Hold exactly what the generation does not find, and mask what it should not find."""
        change = self._store.changes(self.version_id)
        if change == self._dense_change:
            return
        if self._dense_change == -1 and self._generation is None and len(self._exact) == 0:
            mapped = self._load_vectors()
            if mapped is not None:
                self._exact.add(*mapped)
        with self._store.database.one_view():
            wanted = self._store.findable(self.version_id)
            indexed = np.zeros(0, np.int64)
            if self._generation is not None:
                indexed = np.setdiff1d(self._generation.entries, self._generation.missed)
            gone, new = difference(self._exact.entries, np.setdiff1d(wanted, indexed, assume_unique=True))
            vectors = self._store.vectors(self.version_id, new)
        self._exact.delete(gone)
        self._exact.add(new, vectors)
        self._masked = frozenset(np.setdiff1d(indexed, wanted, assume_unique=True).tolist())
        self._dense_change = change


def difference(held: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Entries that are held but not wanted, and entries that are wanted but not held."""
    gone = np.setdiff1d(held, wanted, assume_unique=True)
    return gone, np.setdiff1d(wanted, held, assume_unique=True)
