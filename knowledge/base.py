"""The open knowledge folder: bases, files, chunks, search. The one door of this package."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from knowledge import segmenter
from knowledge.config import KnowledgeConfig
from knowledge.dense import GenerationError, Generations, load_postings, load_vectors
from knowledge.documents import Chunk, ParsedDocument, Retrieval
from knowledge.errors import EmbeddingMismatchError, StoreError
from knowledge.index_keeper import IndexKeeper
from knowledge.indexing import (
    Cutter,
    FileTask,
    Finished,
    IndexEvent,
    Pipeline,
    ShouldStop,
    Started,
    StoredTask,
    Task,
    pack_chunk,
    settle,
    text_hash,
)
from knowledge.lexical import LexicalIndex
from knowledge.live_index import LiveIndex
from knowledge.originals import Originals, SourceInput
from knowledge.planning import IndexPlan, Scan, scan
from knowledge.records import BaseInfo, SourceInfo, StoredChunk, VersionInfo, VersionSpec
from knowledge.searching import Mode, Reranker, Searcher
from knowledge.splitter import SplitterConfig, embed_text
from knowledge.splitter import identity as splitter_identity
from knowledge.splitter import split as cut
from knowledge.store import Store

if TYPE_CHECKING:
    from knowledge.embeddings import Embedder
    from knowledge.parsing import Limits, ParserPool

logger = logging.getLogger(__name__)

__all__ = ["BaseInfo", "Knowledge", "Preview", "SourceInfo", "SourceInput", "SplitterConfig", "StoredChunk"]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file would become: its text with structure, and its chunks."""

    document: ParsedDocument
    chunks: tuple[Chunk, ...]


def _never() -> bool:
    return False


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
        self._load_embedder = load_embedder
        self._embedders: dict[str, Embedder] = {}
        self._indexes: dict[int, LiveIndex] = {}
        self._lock = threading.Lock()
        self._loading = threading.RLock()
        self._running = threading.Lock()
        self._store = Store(Path(database))
        self._originals = Originals(self.folder / "sources")
        self._generations = Generations(self.folder / "index")
        self._keeper = IndexKeeper(
            self._store,
            self._generations,
            index_of=self._index,
            busy=self._running.locked,
            config=config,
        )
        self._searcher = Searcher(self._store, embedder_of=self.embedder, index_of=self._index)

    def __enter__(self) -> "Knowledge":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up index building, close indexes and the database."""
        self._keeper.close()
        for index in self._indexes.values():
            index.close()
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
        return self._store.create_base(name, self._spec(embedder, splitter))

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
            self._drop_indexes(versions)
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
        """Replace a chunk's text and embed it again. Re-indexing the base undoes it.

        Raises:
            NotFoundError: there is none of this number.
            ValueError: the text is empty.
        """
        if not text.strip():
            raise ValueError("text is empty: disable the chunk instead")
        stored = self._store.chunk(chunk_id)
        version = self._store.version(self._store.version_of(chunk_id))
        embedder = self._embedder_for(version)
        title = self._store.document(stored.source_id).title
        embedded = embed_text(replace(stored.chunk, text=text), title)
        key = text_hash(embedded)
        with self._store.database.transaction():
            numbers = self._store.known_vectors(embedder.identity, [key])
            if not numbers:
                vectors = embedder.embed_documents([embedded])
                numbers = self._store.add_vectors(embedder.identity, [key], vectors)
            tokens = embedder.count_tokens([embedded])[0]
            self._store.rewrite_chunk(chunk_id, text, tokens, numbers[key], pack_chunk(text, embedded))
        return self._store.chunk(chunk_id)

    def enable_chunk(self, chunk_id: int, enabled: bool) -> None:
        """Let searches find a chunk, or hide it from them.

        Raises:
            NotFoundError: there is none of this number.
        """
        self._store.chunk(chunk_id)
        self._store.enable_chunk(chunk_id, enabled)

    # Indexing

    def plan(self, base_id: int, inputs: Sequence[SourceInput], *, remove_missing: bool = False) -> IndexPlan:
        """What `index` would do; nothing is touched."""
        return self._scan(base_id, inputs, remove_missing).plan()

    def index(
        self,
        base_id: int,
        inputs: Sequence[SourceInput],
        *,
        remove_missing: bool = False,
        should_stop: ShouldStop = _never,
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
        with self._running:
            began = time.monotonic()
            self._originals.sweep(self._store.hashes())
            result = self._scan(base_id, inputs, remove_missing, should_stop)
            yield Started(len(result.planned) + len(result.removed))
            counts: dict[str, int] = {}
            for event in settle(self._store, base_id, result):
                counts[event.state] = counts.get(event.state, 0) + 1
                yield event
            work = [item for item in result.planned if item.state in ("added", "changed")]
            stopped = result.stopped
            if work and not stopped:
                version = self._store.version(self._store.base(base_id).version_id)
                pipeline, cutter = self._pipeline(version, should_stop)
                with self._pool() as pool:
                    tasks: Iterator[Task] = (
                        FileTask(
                            item, base_id, cutter, self._store, self._originals, pool,
                            self.config.free_space_mb << 20,
                        )
                        for item in work
                    )  # fmt: skip
                    yield from pipeline.run(tasks)
                stopped = pipeline.stopped
                for state, count in pipeline.counts.items():
                    counts[state] = counts.get(state, 0) + count
            # What a changed file said before is zeroed in place; only removing promises more, and rewriting
            # a large store for every changed file would cost more than indexing it.
            if counts.get("changed"):
                self._store.drop_orphan_vectors()
            if result.removed:
                self._erase()
            elif counts.get("changed"):
                self._originals.sweep(self._store.hashes())
                self._store.database.empty_log()
            finished = Finished(counts, time.monotonic() - began, stopped)
        self._keeper.wake(stale=[self._store.base(base_id).version_id] if result.removed else ())
        yield finished

    def reindex(
        self,
        base_id: int,
        *,
        embedder: str | None = None,
        splitter: SplitterConfig | None = None,
        should_stop: ShouldStop = _never,
    ) -> Iterator[IndexEvent]:
        """Cut and embed a base anew beside its active version, and switch when all of it is there.

        Files are not read again: their documents are in the store. Edits of chunks are not carried over.
        A killed run is continued by the next one with the same options; a stopped one is given up.

        Args:
            embedder, splitter: None keeps what the base has.

        Raises:
            NotFoundError: there is no such base.
        """
        with self._running:
            began = time.monotonic()
            active = self._store.version(self._store.base(base_id).version_id)
            spec = self._spec(embedder or active.embedder, splitter or active.splitter)
            version = self._beside(base_id, spec)
            pipeline, tasks = self._filling(version, should_stop)
            yield Started(len(tasks))
            yield from pipeline.run(tasks)
            if pipeline.stopped:
                self._store.drop_version(version.id)
            else:
                self._activate(base_id, version.id)
            finished = Finished(dict(pipeline.counts), time.monotonic() - began, pipeline.stopped)
        self._keeper.wake()
        yield finished

    def roll_back(self, base_id: int) -> None:
        """Go back to the version before the last `reindex`, files added since included.

        Raises:
            StoreError: there is no version to go back to.
        """
        with self._running:
            previous = self._store.previous_version(base_id)
            if previous is None:
                raise StoreError("no_way_back", base=self._store.base(base_id).name)
            pipeline, tasks = self._filling(self._store.version(previous), _never)
            for _ in pipeline.run(tasks):
                continue
            self._activate(base_id, previous)
        self._keeper.wake()

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
        with self._loading:
            if name not in self._embedders:
                self._embedders[name] = self._load_embedder(name)
            return self._embedders[name]

    # Private

    def _spec(self, embedder: str | None, config: SplitterConfig | None) -> VersionSpec:
        chosen = config or SplitterConfig()
        return VersionSpec(
            embedder or self.config.embedder, chosen, splitter_identity(chosen), segmenter.IDENTITY
        )

    def _scan(
        self,
        base_id: int,
        inputs: Sequence[SourceInput],
        remove_missing: bool,
        should_stop: ShouldStop = _never,
    ) -> Scan:
        return scan(
            self._store,
            base_id,
            inputs,
            remove_missing=remove_missing,
            data_folder=self.folder,
            should_stop=should_stop,
        )

    def _embedder_for(self, version: VersionInfo) -> "Embedder":
        """The embedder of a version, which must be the one it was made with."""
        embedder = self.embedder(version.embedder)
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

    def _pipeline(self, version: VersionInfo, should_stop: ShouldStop) -> tuple[Pipeline, Cutter]:
        embedder = self._embedder_for(version)
        pipeline = Pipeline(self._store, version, embedder, config=self.config, should_stop=should_stop)
        return pipeline, Cutter(version, embedder)

    def _filling(self, version: VersionInfo, should_stop: ShouldStop) -> tuple[Pipeline, list[StoredTask]]:
        """What is to be done for a version to hold all of its base's sources."""
        covered = self._store.covered(version.id)
        pipeline, cutter = self._pipeline(version, should_stop)
        return pipeline, [
            StoredTask(source, cutter, self._store)
            for source in self._store.sources(version.base_id)
            if source.indexed_at is not None and covered.get(source.id) != source.sha256
        ]

    def _beside(self, base_id: int, spec: VersionSpec) -> VersionInfo:
        """A version to build: what a killed run left of the same kind, or a new one."""
        keep = (self._store.base(base_id).version_id, self._store.previous_version(base_id))
        for row in self._store.versions(base_id):
            if row["id"] in keep:
                continue
            version = self._store.version(row["id"])
            if (version.embedder, version.splitter_identity, version.segmenter_identity) == (
                spec.embedder,
                spec.splitter_identity,
                spec.segmenter_identity,
            ):
                return version
            self._store.drop_version(version.id)
        return self._store.version(self._store.add_version(base_id, spec))

    def _activate(self, base_id: int, version_id: int) -> None:
        before = self._store.base(base_id).version_id
        self._store.activate(base_id, version_id)
        self._drop_indexes([before])

    def _pool(self) -> "ParserPool":
        from knowledge.parsing import Limits, ParserPool

        return ParserPool(workers=self.config.parse_workers, limits=self._limits or Limits())

    def _index(self, version_id: int) -> LiveIndex:
        with self._lock:
            if version_id not in self._indexes:
                self._indexes[version_id] = LiveIndex(
                    self._store,
                    version_id,
                    load_postings=lambda: self._postings(version_id),
                    load_vectors=lambda: self._vectors(version_id),
                    on_broken=self._keeper.wake,
                )
            return self._indexes[version_id]

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

    def _drop_indexes(self, versions: Sequence[int]) -> None:
        """Remove what is derived from versions that are gone."""
        for version in versions:
            self._generations.drop(version)
            with self._lock:
                index = self._indexes.pop(version, None)
            if index is not None:
                index.use(None)
        self._generations.sweep()

    def _erase(self) -> None:
        """Leave no byte of what was deleted: originals, database and its log."""
        self._originals.sweep(self._store.hashes())
        self._store.database.scrub()
