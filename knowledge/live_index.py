"""The searchable side of one version: follows the store by comparing entries, change by change.

Nothing is pushed into it. When the store's counter moved, the entries that it holds are compared with the
entries that the store would have found: new ones are added, others deleted. So it cannot keep a ghost or
miss a chunk, whatever happened in between.
"""

import threading
from dataclasses import dataclass

import numpy as np

from knowledge.exact import DenseHit, ExactIndex
from knowledge.lexical import LexicalIndex
from knowledge.store import Store


@dataclass(frozen=True, slots=True)
class DenseAnswer:
    """Nearest chunks, best first, and whether any were found by exact search instead of the index."""

    hits: list[DenseHit]
    exact: bool


class LiveIndex:
    """Postings and vectors of one version, loaded on first use. Safe to use from several threads."""

    def __init__(self, store: Store, version_id: int) -> None:
        self.version_id = version_id
        self._store = store
        self._lock = threading.Lock()
        self._lexical = LexicalIndex()
        self._exact = ExactIndex()
        self._lexical_change = -1
        self._dense_change = -1

    def lexical(self) -> LexicalIndex:
        """The postings as they are now. Whoever searches them sees one state, even while others add."""
        with self._lock:
            change = self._store.changes(self.version_id)
            if change != self._lexical_change:
                with self._store.database.one_view():
                    gone, new = self._difference(self._lexical.entries)
                    terms = self._store.terms(self.version_id, new)
                self._lexical.delete(gone)
                self._lexical.add(new, terms)
                self._lexical_change = change
            return self._lexical.snapshot()

    def nearest(self, query: np.ndarray, *, limit: int) -> DenseAnswer:
        """The chunks nearest to a unit vector, (D,)."""
        with self._lock:
            change = self._store.changes(self.version_id)
            if change != self._dense_change:
                with self._store.database.one_view():
                    gone, new = self._difference(self._exact.entries)
                    vectors = self._store.vectors(self.version_id, new)
                self._exact.delete(gone)
                self._exact.add(new, vectors)
                self._dense_change = change
            exact = self._exact.snapshot()
        return DenseAnswer(exact.search(query, limit=limit), exact=True)

    def _difference(self, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Entries that are held but gone from the store, and entries of the store that are not held."""
        wanted = self._store.findable(self.version_id)
        gone = np.setdiff1d(held, wanted, assume_unique=True)
        return gone, np.setdiff1d(wanted, held, assume_unique=True)
