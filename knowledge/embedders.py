"""The embedding models in use: each opened once, and a version only with the one it was made with."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from knowledge.errors import EmbeddingMismatchError
from knowledge.records import VersionInfo
from knowledge.store import Store

if TYPE_CHECKING:
    from knowledge.embeddings import Embedder


class Embedders:
    """Embedding models by name and by version.

    Args:
        load: opens a model by name; called once for each name.
    """

    def __init__(self, store: Store, load: "Callable[[str], Embedder]") -> None:
        self._store = store
        self._load = load
        self._opened: dict[str, Embedder] = {}
        self._lock = threading.RLock()

    def named(self, name: str) -> "Embedder":
        """The model called so."""
        with self._lock:
            if name not in self._opened:
                self._opened[name] = self._load(name)
            return self._opened[name]

    def of(self, version: VersionInfo) -> "Embedder":
        """The model of a version; the first to be asked for becomes the one it is made with.

        Raises:
            EmbeddingMismatchError: its name now opens another model.
        """
        embedder = self.named(version.embedder)
        if not version.embedder_identity:
            self._store.set_identity(version.id, embedder.identity)
        elif version.embedder_identity != embedder.identity:
            raise EmbeddingMismatchError(
                "embedder_changed",
                base=self._store.base(version.base_id).name,
                embedder=version.embedder,
                made_with=version.embedder_identity,
                now=embedder.identity,
            )
        return embedder
