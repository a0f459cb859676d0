"""The open knowledge folder: bases, files, chunks, search. The one door of this package."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.chunk_edits import ChunkEditor
from knowledge.config import KnowledgeConfig
from knowledge.dense import Generations
from knowledge.documents import Chunk, ParsedDocument, Retrieval
from knowledge.embedders import Embedders
from knowledge.index_keeper import IndexKeeper
from knowledge.index_runs import IndexRuns
from knowledge.indexing import IndexEvent, ShouldStop
from knowledge.originals import Originals, SourceInput
from knowledge.planning import IndexPlan
from knowledge.records import BaseInfo, SourceInfo, StoredChunk
from knowledge.searching import Mode, Reranker, Searcher
from knowledge.splitter import SplitterConfig
from knowledge.splitter import split as cut
from knowledge.store import Store
from knowledge.version_indexes import VersionIndexes

if TYPE_CHECKING:
    from knowledge.embeddings import Embedder
    from knowledge.parsing import Limits, ParserPool

__all__ = ["BaseInfo", "Knowledge", "Preview", "SourceInfo", "SourceInput", "SplitterConfig", "StoredChunk"]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file would become: its text with structure, and its chunks."""

    document: ParsedDocument
    chunks: tuple[Chunk, ...]


class Knowledge:
    """Knowledge bases in one folder.

    One process may have a folder open, and holds a lock to make sure; the threads of that process may use
    this object together. Indexing runs queue up, one at a time.

    Args:
        folder: originals and derived indexes live here, in `sources/` and `index/`.
        database: the SQLite file with the truth; other packages may keep tables in it.
        load_embedder: opens an embedding model by name; called once for each name.
        limits: what one file may cost when it is parsed.

    Raises:
        StoreError: the database cannot be opened.
    """

    def __init__(
        self,
        folder: Path,
        database: Path,
        *,
        load_embedder: "Callable[[str], Embedder]",
        config: KnowledgeConfig = KnowledgeConfig(),
        limits: "Limits | None" = None,
    ) -> None:
        self.folder = Path(folder)
        self.config = config
        self._limits = limits
        self._running = threading.Lock()
        self._store = Store(Path(database))
        self._originals = Originals(self.folder / "sources")
        self._embedders = Embedders(self._store, load_embedder)
        self._edits = ChunkEditor(self._store, self._embedders)
        generations = Generations(self.folder / "index")
        self._indexes = VersionIndexes(self._store, generations, on_broken=lambda: self._keeper.wake())
        self._keeper = IndexKeeper(
            self._store, generations, index_of=self._indexes.of, busy=self._running.locked, config=config
        )
        self._searcher = Searcher(self._store, embedder_of=self.embedder, index_of=self._indexes.of)
        self._runs = IndexRuns(
            self._store,
            self._originals,
            self._embedders,
            self._edits,
            config=config,
            open_pool=self._pool,
            erase=self._erase,
            drop_indexes=self._indexes.drop,
            after=self._keeper.wake,
            running=self._running,
        )

    def __enter__(self) -> "Knowledge":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up index building, close indexes and the database."""
        self._keeper.close()
        self._indexes.close()
        self._store.close()

    def wait_for_indexes(self, *, timeout_s: float = 600.0) -> bool:
        """Wait until every base has its index; False when that takes longer. Searching never needs to."""
        self._keeper.wake()
        return self._keeper.wait(timeout_s)

    # Bases

    def bases(self) -> list[BaseInfo]:
        """All bases, oldest first."""
        return self._store.bases()

    def base(self, name_or_id: str | int) -> BaseInfo:
        """One base, by number or exact name.

        Raises:
            NotFoundError: there is none.
        """
        return self._store.base(name_or_id)

    def create_base(
        self, name: str, *, embedder: str | None = None, splitter: SplitterConfig | None = None
    ) -> BaseInfo:
        """Make an empty base.

        Args:
            name: in any script, unique, at most 200 characters.
            embedder: name of the embedding model; the configured one by default. It is not loaded yet.

        Raises:
            StoreError: the name is taken or empty.
        """
        return self._store.create_base(name, self._runs.spec(embedder, splitter))

    def rename_base(self, base_id: int, name: str) -> BaseInfo:
        """Give a base another name.

        Raises:
            StoreError: the name is taken or empty.
        """
        self._store.base(base_id)
        return self._store.rename_base(base_id, name)

    def delete_base(self, base_id: int) -> None:
        """Delete a base; no byte of its texts, names and originals is left in the folder."""
        self._store.base(base_id)
        with self._running:
            versions = [row["id"] for row in self._store.versions(base_id)]
            self._store.delete_base(base_id)
            self._indexes.drop(versions)
            self._erase()

    # Sources and chunks

    def sources(self, base_id: int) -> list[SourceInfo]:
        """The files of a base, by name."""
        return self._store.sources(base_id)

    def source(self, source_id: int) -> SourceInfo:
        """One file.

        Raises:
            NotFoundError: there is none of this number.
        """
        return self._store.source(source_id)

    def document(self, source_id: int) -> ParsedDocument:
        """What was read from a file.

        Raises:
            NotFoundError: there is none of this number, or it was never read.
        """
        return self._store.document(source_id)

    def original(self, source_id: int) -> Path:
        """The file as it was added. Do not write to it.

        Raises:
            NotFoundError: there is none of this number.
        """
        return self._originals.path(self._store.source(source_id).sha256)

    def delete_source(self, source_id: int) -> None:
        """Delete a file; no byte of its text, name and original is left in the folder.

        Raises:
            NotFoundError: there is none of this number.
        """
        base = self._store.base(self._store.source(source_id).base_id)
        with self._running:
            self._store.delete_sources([source_id])
            self._erase()
        self._keeper.wake(stale=[base.version_id])

    def chunks(self, source_id: int, *, offset: int = 0, limit: int = 50) -> list[StoredChunk]:
        """A file's chunks in document order."""
        return self._store.chunks(source_id, offset=offset, limit=limit)

    def chunk(self, chunk_id: int) -> StoredChunk:
        """One chunk.

        Raises:
            NotFoundError: there is none of this number.
        """
        return self._store.chunk(chunk_id)

    def edit_chunk(self, chunk_id: int, text: str) -> StoredChunk:
        """Replace a chunk's text and embed it again. `reset_chunk` undoes it.

        Raises:
            NotFoundError: there is none of this number.
            ValueError: the text is empty.
        """
        stored = self._edits.edit(chunk_id, text)
        self._forget_unused_vectors()
        return stored

    def reset_chunk(self, chunk_id: int) -> StoredChunk:
        """Give a chunk back the text that its document has there; whether it is enabled stays.

        Raises:
            NotFoundError: there is none of this number.
        """
        stored = self._edits.reset(chunk_id)
        self._forget_unused_vectors()
        return stored

    def enable_chunk(self, chunk_id: int, enabled: bool) -> None:
        """Let searches find a chunk, or hide it from them.

        Raises:
            NotFoundError: there is none of this number.
        """
        self._store.chunk(chunk_id)
        self._store.enable_chunk(chunk_id, enabled)

    def edits_identity(self, base_id: int) -> str:
        """Names what users did to a base's chunks, editing and disabling; "" for nothing.

        It is part of what `Retrieval.generation` says.

        Raises:
            NotFoundError: there is no such base.
        """
        return self._store.edits_identity(self._store.active_version(base_id).id)

    # Indexing

    def plan(self, base_id: int, inputs: Sequence[SourceInput], *, remove_missing: bool = False) -> IndexPlan:
        """What `index` would do; nothing is touched."""
        return self._runs.plan(base_id, inputs, remove_missing=remove_missing)

    def index(
        self,
        base_id: int,
        inputs: Sequence[SourceInput],
        *,
        remove_missing: bool = False,
        should_stop: ShouldStop = lambda: False,
    ) -> Iterator[IndexEvent]:
        """Make a base hold these files, yielding what happens.

        A file that is unchanged is not read, one that changed has only its changed chunks embedded. A run
        that was killed or stopped leaves every file it reported done; running it again does the rest.

        Args:
            remove_missing: also delete the base's files that are not among the inputs.
            should_stop: asked between files and batches.

        Raises:
            NotFoundError: there is no such base.
            StoreError: disk full or read-only; what was reported done stays.
            EmbeddingMismatchError: the embedder is another than the base was made with.
        """
        return self._runs.index(base_id, inputs, remove_missing=remove_missing, should_stop=should_stop)

    def reindex(
        self,
        base_id: int,
        *,
        embedder: str | None = None,
        splitter: SplitterConfig | None = None,
        should_stop: ShouldStop = lambda: False,
    ) -> Iterator[IndexEvent]:
        """Cut and embed a base anew beside its active version, and switch when all of it is there.

        Files are not read again: their documents are in the store. What was done to chunks, editing and
        disabling, is carried over where their text is in one chunk again; the last event has a notice of
        how many it was not, and `roll_back` returns to them. A killed run is continued by the next one with
        the same options; a stopped one is given up.

        Args:
            embedder, splitter: None keeps what the base has.

        Raises:
            NotFoundError: there is no such base.
        """
        return self._runs.reindex(base_id, embedder=embedder, splitter=splitter, should_stop=should_stop)

    def roll_back(self, base_id: int) -> None:
        """Go back to the version before the last `reindex`, files added since and edits of chunks made since included.

        Raises:
            StoreError: there is no version to go back to.
        """
        self._runs.roll_back(base_id)

    def preview(
        self, source: SourceInput, *, splitter: SplitterConfig | None = None, embedder: str | None = None
    ) -> Preview:
        """Parse and cut a file without keeping anything.

        Raises:
            UnreadableFileError: it cannot be read.
        """
        with self._pool() as pool:
            document = pool.parse(source.path, name=source.name, password=source.password)
        model = self.embedder(embedder or self.config.embedder)
        chunks = cut(
            document,
            splitter or SplitterConfig(),
            count_tokens=model.count_tokens,
            max_tokens=model.max_tokens,
        )
        return Preview(document, tuple(chunks))

    # Searching

    def search(
        self,
        query: str,
        *,
        base_ids: Sequence[int],
        top_k: int = 5,
        mode: Mode = "hybrid",
        score_threshold: float = 0.0,
        reranker: Reranker | None = None,
        candidates: int | None = None,
    ) -> Retrieval:
        """The passages that answer a query best.

        Args:
            base_ids: bases to search as one.
            top_k: K, most passages returned.
            mode: which legs search.
            score_threshold: 0..1; passages whose relevance is lower are left out.
            reranker: orders the candidates anew; its scores become the relevance.
            candidates: passages that each leg puts up; the configured number by default.

        Raises:
            NotFoundError: there is no such base.
            EmbeddingMismatchError: a base was made with another embedder than its name now opens.
        """
        self._keeper.wake_once()
        return self._searcher.search(
            query,
            base_ids=base_ids,
            top_k=top_k,
            mode=mode,
            score_threshold=score_threshold,
            reranker=reranker,
            candidates=max(candidates or self.config.candidates, top_k),
        )

    def embedder(self, name: str) -> "Embedder":
        """An embedding model by name, loaded once."""
        return self._embedders.named(name)

    # Private

    def _pool(self) -> "ParserPool":
        from knowledge.parsing import Limits, ParserPool

        return ParserPool(workers=self.config.parse_workers, limits=self._limits or Limits())

    def _forget_unused_vectors(self) -> None:
        """Drop what edited chunks were embedded as before; during a run its vectors are still without chunks."""
        if self._running.acquire(blocking=False):
            try:
                self._store.drop_orphan_vectors()
            finally:
                self._running.release()

    def _erase(self) -> None:
        """Leave no byte of what was deleted: originals, database and its log."""
        self._originals.sweep(self._store.hashes())
        self._store.database.scrub()
