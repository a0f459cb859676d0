"""Keeps a good Chroma generation for every base, in a background thread; nobody waits for it."""

import logging
import threading
from collections.abc import Callable, Iterable

import numpy as np

from knowledge.config import KnowledgeConfig
from knowledge.dense import GenerationError, Generations
from knowledge.errors import KnowledgeError
from knowledge.live_index import LiveIndex, difference
from knowledge.store import Store

logger = logging.getLogger(__name__)


class IndexKeeper:
    """Opens, builds and replaces generations when it is woken.

    Args:
        index_of: the live index of a version.
        busy: whether an indexing run is on; building waits for its end, which wakes the keeper again.
    """

    def __init__(
        self,
        store: Store,
        generations: Generations,
        *,
        index_of: Callable[[int], LiveIndex],
        busy: Callable[[], bool],
        config: KnowledgeConfig,
    ) -> None:
        self._store = store
        self._generations = generations
        self._index_of = index_of
        self._busy = busy
        self._config = config
        self._wake = threading.Event()
        self._idle = threading.Event()
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stale: set[int] = set()
        self._opened: set[int] = set()
        self._failed: dict[int, int] = {}

    def wake(self, stale: Iterable[int] = ()) -> None:
        """Look after all bases soon.

        Args:
            stale: versions whose generation holds vectors of what was erased, and must go.
        """
        if not self._config.background or self._closed.is_set():
            return
        with self._lock:
            self._stale.update(stale)
            self._idle.clear()
            self._wake.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="index-keeper", daemon=True)
                self._thread.start()

    def wake_once(self) -> None:
        """Look after all bases if that has not begun: a first search opens what is there."""
        if self._thread is None:
            self.wake()

    def wait(self, timeout_s: float) -> bool:
        """Wait until every base is looked after; False when that took too long."""
        return self._thread is None or self._idle.wait(timeout_s)

    def close(self) -> None:
        """Give up what is being built, and end."""
        self._closed.set()
        self._wake.set()
        self._generations.close()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._closed.is_set():
            self._wake.wait()
            self._wake.clear()
            try:
                versions = self._store.live_versions()
                for version in versions:
                    if self._closed.is_set():
                        return
                    self._tend(version)
                if not self._busy():
                    self._generations.sweep()
            except KnowledgeError as err:
                if not self._closed.is_set():
                    logger.warning("the index was not built, exact search goes on: %s", err)
            with self._lock:
                if not self._wake.is_set():
                    self._idle.set()

    def _tend(self, version: int) -> None:
        change = self._store.changes(version)
        index = self._index_of(version)
        try:
            self._open_once(version, index)
            if not self._busy() and self._failed.get(version) != change:
                self._renew(version, index)
        except GenerationError as err:
            if not self._closed.is_set():
                logger.warning("index of version %d: %s; exact search goes on", version, err)
                self._failed[version] = change

    def _open_once(self, version: int, index: LiveIndex) -> None:
        """Open what an earlier process built; what is damaged is forgotten, to be built again."""
        if version in self._opened:
            return
        self._opened.add(version)
        folder = self._generations.current().get(version)
        if folder is None or index.generation is not None:
            return
        try:
            index.use(self._generations.open_checked(folder))
        except GenerationError as err:
            if not self._closed.is_set():
                logger.warning("index of version %d is built again: %s", version, err)
                self._generations.drop(version)

    def _renew(self, version: int, index: LiveIndex) -> None:
        """Build another generation where the one in use lacks much, has much to hide, or must go."""
        wanted = self._store.findable(version)
        current = index.generation
        with self._lock:
            stale = version in self._stale
            self._stale.discard(version)
        if len(wanted) < self._config.index_from:
            if current is not None or version in self._generations.current():
                self._generations.drop(version)
                index.use(None)
            return
        if current is not None and not stale:
            gone, new = difference(current.entries, wanted)
            if len(gone) + len(new) <= self._config.rebuild_share * len(current.entries):
                return
        with self._store.database.one_view():
            entries = self._store.findable(version)
            vectors = self._store.vectors(version, entries)
        if not np.isfinite(vectors).all():
            raise GenerationError("stored vectors are not numbers")
        postings = index.lexical()
        postings.compact()
        generation = self._generations.build(version, entries, vectors, postings)
        if version in self._store.live_versions():
            index.use(generation)
        else:  # deleted or replaced while it was being built
            self._generations.drop(version)
            generation.retire()
