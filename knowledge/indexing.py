"""Make a base equal to these files, yielding what happens.

Three things go on at once: worker threads have files parsed in child processes and cut them, the calling
thread embeds batches of chunks across files, a writer thread commits the batch before. A file is
acknowledged (`FileDone`) only after the transaction that holds all of it.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from knowledge.chunk_edits import keep_edits
from knowledge.config import KnowledgeConfig
from knowledge.documents import Notice
from knowledge.errors import EmbeddingMismatchError, KnowledgeError, StoreError
from knowledge.indexing_events import FileDone, FileProgress, FileStarted, Finished, IndexEvent, Started
from knowledge.indexing_tasks import Prepared, Task
from knowledge.originals import SourceInput, gather_inputs
from knowledge.planning import IndexPlan, Scan
from knowledge.records import NewChunk, VersionInfo
from knowledge.store import Store

if TYPE_CHECKING:
    from knowledge.embeddings import Embedder

__all__ = [
    "FileDone", "FileProgress", "FileStarted", "Finished", "IndexEvent", "IndexPlan", "SourceInput", "Started",
    "gather_inputs",
]  # fmt: skip

ShouldStop = Callable[[], bool]


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
        self.lost_edits = 0
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
            chunks, lost = keep_edits(self.store, prepared.source_id, self.version.id, chunks)
            self.lost_edits += lost
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
