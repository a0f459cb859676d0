"""Make a base equal to these files, yielding what happens.

Three things go on at once: worker threads have files parsed in child processes and cut them, the calling
thread embeds batches of chunks across files, a writer thread commits the batch before. A file is
acknowledged (`FileDone`) only after the transaction that holds all of it.
"""

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from knowledge import lexical
from knowledge.config import KnowledgeConfig
from knowledge.documents import Chunk, Notice, ParsedDocument
from knowledge.errors import EmbeddingMismatchError, KnowledgeError, StoreError, UnreadableFileError
from knowledge.originals import Originals, SourceInput, gather_inputs
from knowledge.planning import FileState, IndexPlan, Planned, Scan
from knowledge.records import FileFacts, NewChunk, SourceInfo, VersionInfo
from knowledge.splitter import embed_text, split
from knowledge.store import Store

if TYPE_CHECKING:
    from knowledge.embeddings import Embedder
    from knowledge.parsing import ParserPool

__all__ = [
    "FileDone", "FileProgress", "FileStarted", "Finished", "IndexEvent", "IndexPlan", "SourceInput", "Started",
    "gather_inputs",
]  # fmt: skip

ShouldStop = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Started:
    """A run begins; `total` files will be reported done."""

    total: int


@dataclass(frozen=True, slots=True)
class FileStarted:
    """A file is the next to be finished; others behind it may be in work already."""

    name: str


@dataclass(frozen=True, slots=True)
class FileProgress:
    """How far a file is: `stage` is "embed", counted in chunks."""

    name: str
    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class FileDone:
    """A file is finished and durable.

    Args:
        chunks: that it has now.
        embedded: of them, how many had to be embedded; the others' vectors were known.
        error: why it failed.
        notices: worth telling though it did not fail.
    """

    name: str
    state: FileState
    chunks: int = 0
    embedded: int = 0
    error: Notice | None = None
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """The run is over; `counts` are files by state."""

    counts: dict[str, int]
    seconds: float
    stopped: bool


IndexEvent = Started | FileStarted | FileProgress | FileDone | Finished


@dataclass(slots=True)
class Prepared:
    """A file cut into chunks, waiting for vectors. `texts` are what is embedded, `hashes` name them."""

    name: str
    state: FileState
    document: ParsedDocument
    chunks: list[Chunk]
    texts: list[str]
    hashes: list[bytes]
    terms: list[bytes]
    write: Callable[[list[NewChunk]], object]
    source_id: int | None = None
    embedded: int = 0


class Task(Protocol):
    """Work on one file, done by a worker thread."""

    @property
    def name(self) -> str:
        """What the file is called."""
        ...

    def prepare(self) -> Prepared:
        """Parse and cut the file, or raise `KnowledgeError`."""
        ...

    def fail(self, error: Notice) -> None:
        """Record that it could not be read."""
        ...


@dataclass(slots=True)
class Cutter:
    """Documents to chunks ready for embedding, the way a version of a base wants them."""

    version: VersionInfo
    embedder: "Embedder"

    def cut(
        self, name: str, state: FileState, document: ParsedDocument, write: Callable[[list[NewChunk]], object]
    ) -> Prepared:
        """Split a document and segment its chunks."""
        chunks = split(
            document,
            self.version.splitter,
            count_tokens=self.embedder.count_tokens,
            max_tokens=self.embedder.max_tokens,
        )
        texts = [embed_text(chunk, document.title) for chunk in chunks]
        return Prepared(
            name=name,
            state=state,
            document=document,
            chunks=chunks,
            texts=texts,
            hashes=[text_hash(text) for text in texts],
            terms=[pack_chunk(chunk.text, text) for chunk, text in zip(chunks, texts, strict=True)],
            write=write,
        )


@dataclass(slots=True)
class FileTask:
    """A file that is new or changed."""

    planned: Planned
    base_id: int
    cutter: Cutter
    store: Store
    originals: Originals
    pool: "ParserPool"
    reserve_bytes: int
    facts: FileFacts = field(init=False)

    @property
    def name(self) -> str:
        """What the file is called."""
        return self.planned.input.name

    def prepare(self) -> Prepared:
        """Copy, parse and cut it. What is parsed is the copy, so that hash and text belong together."""
        item = self.planned.input
        facts = self.planned.facts
        self.facts = facts or FileFacts(item.name, "", "", 0, "", 0)
        if facts is None:
            raise UnreadableFileError("file_missing", name=item.name)
        digest, checked_ns = self.originals.keep(item.path, item.name, reserve_bytes=self.reserve_bytes)
        if digest != facts.sha256:  # written since it was looked at: no stamp vouches for what was copied
            facts = FileFacts(item.name, facts.path, digest, facts.size_bytes, "", checked_ns)
        self.facts = facts
        document = self.pool.parse(self.originals.path(digest), name=item.name, password=item.password)
        prepared = self.cutter.cut(item.name, self.planned.state, document, self._write(document))
        if self.planned.source is not None:
            prepared.source_id = self.planned.source.id
        return prepared

    def _write(self, document: ParsedDocument) -> Callable[[list[NewChunk]], object]:
        facts, version = self.facts, self.cutter.version.id
        return lambda chunks: self.store.write_file(self.base_id, facts, document, version, chunks)

    def fail(self, error: Notice) -> None:
        """Record why it could not be read."""
        self.store.fail_source(self.base_id, self.facts, error)


@dataclass(slots=True)
class StoredTask:
    """A source whose document is in the store already, to be cut and embedded for another version."""

    source: SourceInfo
    cutter: Cutter
    store: Store

    @property
    def name(self) -> str:
        """What the file is called."""
        return self.source.name

    def prepare(self) -> Prepared:
        """Cut the stored document."""
        source, version = self.source, self.cutter.version.id
        return self.cutter.cut(
            source.name,
            "changed",
            self.store.document(source.id),
            lambda chunks: self.store.write_chunks(source.id, version, source.sha256, chunks),
        )

    def fail(self, error: Notice) -> None:
        """Nothing to record: the source itself is sound."""


def pack_chunk(text: str, embedded: str) -> bytes:
    """A chunk's terms; what is embedded besides its text, title and headings, counts as such."""
    return lexical.pack(text, title=embedded.removesuffix(text))


def text_hash(text: str) -> bytes:
    """Names what was embedded, (16,) bytes."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Pipeline:
    """Runs tasks to the end, a batch of chunks at a time.

    Args:
        should_stop: asked between files and between batches; files not committed by then are left for the
            next run, their vectors are kept for it.
    """

    def __init__(
        self,
        store: Store,
        version: VersionInfo,
        embedder: "Embedder",
        *,
        config: KnowledgeConfig,
        should_stop: ShouldStop,
    ) -> None:
        self.store = store
        self.version = version
        self.embedder = embedder
        self.config = config
        self.should_stop = should_stop
        self.counts: Counter[str] = Counter()
        self.stopped = False

    def run(self, tasks: Iterable[Task]) -> Iterator[IndexEvent]:
        """Yield `FileStarted`, `FileProgress` and `FileDone` of every task."""
        waiting: deque[tuple[Task, Future[Prepared]]] = deque()
        remaining = iter(tasks)
        group: list[Prepared] = []
        with (
            ThreadPoolExecutor(self.config.parse_workers, "prepare") as workers,
            ThreadPoolExecutor(1, "write") as writer,
        ):
            writing = _Writing(writer)
            try:
                while True:
                    self.stopped = self.stopped or self.should_stop()
                    if self.stopped:
                        break
                    while self._has_room(waiting) and (task := next(remaining, None)) is not None:
                        waiting.append((task, workers.submit(task.prepare)))
                    if not waiting:
                        break
                    task, future = waiting.popleft()
                    yield FileStarted(task.name)
                    try:
                        group.append(future.result())
                    except StoreError:
                        raise
                    except KnowledgeError as err:
                        error = Notice(err.code, err.params)
                        task.fail(error)
                        yield self._done(FileDone(task.name, "failed", error=error))
                    # A batch goes when it is full, or when nothing else is ready to join it.
                    full = sum(len(prepared.texts) for prepared in group) >= self.config.batch_chunks
                    if group and (full or not any(future.done() for _, future in waiting)):
                        yield from self._flush(group, writing)
                        group = []
                if group and not self.stopped:
                    yield from self._flush(group, writing)
                yield from map(self._done, writing.wait())
            finally:
                for _, future in waiting:
                    future.cancel()

    def _has_room(self, waiting: "deque[tuple[Task, Future[Prepared]]]") -> bool:
        """Whether another file may be read ahead: small ones until they fill a batch, large ones a few."""
        workers = self.config.parse_workers
        if len(waiting) < workers * 2 or len(waiting) >= workers * 32:
            return len(waiting) < workers * 2
        ready = [future for _, future in waiting if future.done() and future.exception() is None]
        return sum(len(future.result().texts) for future in ready) < self.config.batch_chunks

    def _flush(self, group: list[Prepared], writing: "_Writing") -> Iterator[IndexEvent]:
        """Embed a group of files, then hand it to the writer and report the group before."""
        numbers: dict[bytes, int] = {}
        yield from self._embed(group, numbers)
        yield from map(self._done, writing.wait())
        if self.stopped:
            return

        def write() -> list[FileDone]:
            with self.store.database.transaction():  # one sync to disk for all small files of a batch
                return [self._write(prepared, numbers) for prepared in group]

        writing.start(write)

    def _embed(self, group: list[Prepared], numbers: dict[bytes, int]) -> Iterator[IndexEvent]:
        """Fill `numbers` with the vectors' numbers of every text, embedding those that are unknown."""
        hashes = [key for prepared in group for key in prepared.hashes]
        numbers.update(self.store.known_vectors(self.embedder.identity, hashes))
        missing: dict[bytes, str] = {}
        for prepared in group:
            new = {
                key: text
                for key, text in zip(prepared.hashes, prepared.texts, strict=True)
                if key not in numbers and key not in missing
            }
            prepared.embedded = len(new)
            missing.update(new)
        keys = list(missing)
        size = self.config.batch_chunks
        for at in range(0, len(keys), size):
            if at and self.should_stop():
                self.stopped = True
                return
            part = keys[at : at + size]
            vectors = self.embedder.embed_documents([missing[key] for key in part])
            if not np.isfinite(vectors).all():
                raise EmbeddingMismatchError("embedder_not_finite", embedder=self.version.embedder)
            numbers.update(self.store.add_vectors(self.embedder.identity, part, vectors))
            yield FileProgress(group[-1].name, "embed", min(at + size, len(keys)), len(keys))

    def _write(self, prepared: Prepared, numbers: dict[bytes, int]) -> FileDone:
        chunks = [
            NewChunk(chunk, numbers[key], terms)
            for chunk, key, terms in zip(prepared.chunks, prepared.hashes, prepared.terms, strict=True)
        ]
        if prepared.source_id is not None:
            chunks = carry_over(self.store, prepared.source_id, self.version.id, chunks)
        prepared.write(chunks)
        return FileDone(
            prepared.name, prepared.state, len(chunks), prepared.embedded, notices=prepared.document.notices
        )

    def _done(self, event: FileDone) -> FileDone:
        self.counts[event.state] += 1
        return event


class _Writing:
    """The one batch that is being committed."""

    def __init__(self, writer: ThreadPoolExecutor) -> None:
        self._writer = writer
        self._future: Future[list[FileDone]] | None = None

    def start(self, write: Callable[[], list[FileDone]]) -> None:
        self._future = self._writer.submit(write)

    def wait(self) -> list[FileDone]:
        future, self._future = self._future, None
        return future.result() if future is not None else []


def carry_over(store: Store, source_id: int, version_id: int, chunks: Sequence[NewChunk]) -> list[NewChunk]:
    """Keep what a user did to chunks, disabling and editing, where a changed file still has their text."""
    touched = store.touched_chunks(source_id, version_id)
    if not touched:
        return list(chunks)
    before = store.document(source_id).text
    by_text = {before[row["start"] : row["end"]]: row for row in touched}
    kept = []
    for new in chunks:
        row = by_text.get(new.chunk.text)
        if row is None:
            kept.append(new)
        elif row["edited"]:
            chunk = replace(new.chunk, text=row["text"], token_count=row["token_count"])
            kept.append(NewChunk(chunk, row["vector_id"], row["terms"], bool(row["enabled"]), True))
        else:
            kept.append(replace(new, enabled=bool(row["enabled"])))
    return kept


def settle(store: Store, base_id: int, scan: Scan) -> Iterator[FileDone]:
    """Record everything that needs no reading: unchanged, renamed and removed files."""
    with store.database.transaction():
        for item in scan.planned:
            if item.hashed and item.state in ("unchanged", "renamed"):
                assert item.source is not None
                assert item.facts is not None
                store.touch_source(item.source.id, item.facts)
        if scan.removed:
            store.delete_sources([source.id for source in scan.removed])
    for item in scan.planned:
        if item.state in ("unchanged", "renamed") and item.source is not None:
            yield FileDone(item.input.name, item.state, item.source.chunks)
    for source in scan.removed:
        yield FileDone(source.name, "removed")
