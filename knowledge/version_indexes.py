"""What is derived from each version: its live index, and what its generation keeps on disk."""

import logging
import threading
from collections.abc import Callable, Sequence

import numpy as np

from knowledge.dense import GenerationError, Generations, load_postings, load_vectors
from knowledge.lexical import LexicalIndex
from knowledge.live_index import LiveIndex
from knowledge.store import Store

logger = logging.getLogger(__name__)


class VersionIndexes:
    """The live indexes of a folder, made when first asked for.

    Args:
        on_broken: called when a generation failed a query.
    """

    def __init__(self, store: Store, generations: Generations, *, on_broken: Callable[[], None]) -> None:
        self._store = store
        self._generations = generations
        self._on_broken = on_broken
        self._indexes: dict[int, LiveIndex] = {}
        self._lock = threading.Lock()

    def of(self, version_id: int) -> LiveIndex:
        """The index of a version."""
        with self._lock:
            if version_id not in self._indexes:
                self._indexes[version_id] = LiveIndex(
                    self._store,
                    version_id,
                    load_postings=lambda: self._postings(version_id),
                    load_vectors=lambda: self._vectors(version_id),
                    on_broken=self._on_broken,
                )
            return self._indexes[version_id]

    def drop(self, versions: Sequence[int]) -> None:
        """Remove what is derived from versions that are gone."""
        for version in versions:
            self._generations.drop(version)
            with self._lock:
                index = self._indexes.pop(version, None)
            if index is not None:
                index.use(None)
        self._generations.sweep()

    def close(self) -> None:
        """Close all of them; what is on disk stays."""
        for index in self._indexes.values():
            index.close()

    def _postings(self, version_id: int) -> LexicalIndex:
        """What the version's generation keeps on disk; empty, to be filled from the store, without one."""
        folder = self._generations.current().get(version_id)
        try:
            return load_postings(folder) if folder else LexicalIndex()
        except GenerationError as err:
            logger.warning("postings are read from the store: %s", err)
            return LexicalIndex()

    def _vectors(self, version_id: int) -> tuple[np.ndarray, np.ndarray] | None:
        """What the version's generation keeps on disk; None to read the store instead."""
        folder = self._generations.current().get(version_id)
        try:
            return load_vectors(folder) if folder else None
        except GenerationError as err:
            logger.warning("vectors are read from the store: %s", err)
            return None
