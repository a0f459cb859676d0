"""Runs that fill a base: from files, anew from what is stored, and the way back.

One run at a time. What a run leaves is derived from the store and followed by the indexes afterwards.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from knowledge import segmenter
from knowledge.chunk_edits import ChunkEditor
from knowledge.config import KnowledgeConfig
from knowledge.documents import Notice
from knowledge.embedders import Embedders
from knowledge.errors import StoreError
from knowledge.indexing import Finished, IndexEvent, Pipeline, ShouldStop, Started, settle
from knowledge.indexing_tasks import Cutter, FileTask, StoredTask, Task
from knowledge.originals import Originals, SourceInput
from knowledge.planning import IndexPlan, Scan, scan
from knowledge.records import VersionInfo, VersionSpec
from knowledge.splitter import SplitterConfig
from knowledge.splitter import identity as splitter_identity
from knowledge.store import Store

if TYPE_CHECKING:
    from knowledge.parsing import ParserPool


class IndexRuns:
    """Indexing, re-indexing and going back, for the bases of one folder.

    Args:
        open_pool: starts parser children for one run.
        erase: leaves no byte of what was deleted from the store.
        drop_indexes: removes what is derived from versions that are gone or no longer active.
        after: called when a run is over, with the versions whose indexes hold what was erased.
        running: held by a run, and by whatever must not meet one.
    """

    def __init__(
        self,
        store: Store,
        originals: Originals,
        embedders: Embedders,
        edits: ChunkEditor,
        *,
        config: KnowledgeConfig,
        open_pool: "Callable[[], AbstractContextManager[ParserPool]]",
        erase: Callable[[], None],
        drop_indexes: Callable[[Sequence[int]], None],
        after: Callable[[Sequence[int]], None],
        running: threading.Lock,
    ) -> None:
        self._store = store
        self._originals = originals
        self._embedders = embedders
        self._edits = edits
        self._config = config
        self._open_pool = open_pool
        self._erase = erase
        self._drop_indexes = drop_indexes
        self._after = after
        self._running = running

    def spec(self, embedder: str | None, splitter: SplitterConfig | None) -> VersionSpec:
        """What a version is made with, the configured embedder and the default splitter where unsaid."""
        chosen = splitter or SplitterConfig()
        return VersionSpec(
            embedder or self._config.embedder, chosen, splitter_identity(chosen), segmenter.IDENTITY
        )

    def plan(self, base_id: int, inputs: Sequence[SourceInput], *, remove_missing: bool) -> IndexPlan:
        """What `index` would do; nothing is touched."""
        return self._scan(base_id, inputs, remove_missing, lambda: False).plan()

    def index(
        self,
        base_id: int,
        inputs: Sequence[SourceInput],
        *,
        remove_missing: bool,
        should_stop: ShouldStop,
    ) -> Iterator[IndexEvent]:
        """Make a base hold these files; see `Knowledge.index`."""
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
            notices: tuple[Notice, ...] = ()
            if work and not stopped:
                version = self._store.version(self._store.base(base_id).version_id)
                pipeline, cutter = self._pipeline(version, should_stop)
                reserve_bytes = self._config.free_space_mb << 20
                with self._open_pool() as pool:
                    tasks: Iterator[Task] = (
                        FileTask(item, base_id, cutter, self._store, self._originals, pool, reserve_bytes)
                        for item in work
                    )
                    yield from pipeline.run(tasks)
                stopped, notices = pipeline.stopped, _lost("edits_without_text", pipeline.lost_edits)
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
            finished = Finished(counts, time.monotonic() - began, stopped, notices)
        self._after([self._store.base(base_id).version_id] if result.removed else ())
        yield finished

    def reindex(
        self,
        base_id: int,
        *,
        embedder: str | None,
        splitter: SplitterConfig | None,
        should_stop: ShouldStop,
    ) -> Iterator[IndexEvent]:
        """Cut and embed a base anew beside its active version; see `Knowledge.reindex`."""
        with self._running:
            began = time.monotonic()
            active = self._store.version(self._store.base(base_id).version_id)
            version = self._beside(
                base_id, self.spec(embedder or active.embedder, splitter or active.splitter)
            )
            pipeline, tasks = self._filling(version, should_stop)
            yield Started(len(tasks))
            yield from pipeline.run(tasks)
            notices: tuple[Notice, ...] = ()
            if pipeline.stopped:
                self._store.drop_version(version.id)
            else:
                notices = _lost("edits_not_carried", self._activate(base_id, version.id))
            finished = Finished(dict(pipeline.counts), time.monotonic() - began, pipeline.stopped, notices)
        self._after(())
        yield finished

    def roll_back(self, base_id: int) -> None:
        """Go back to the version before the last `reindex`; see `Knowledge.roll_back`."""
        with self._running:
            previous = self._store.previous_version(base_id)
            if previous is None:
                raise StoreError("no_way_back", base=self._store.base(base_id).name)
            pipeline, tasks = self._filling(self._store.version(previous), lambda: False)
            for _ in pipeline.run(tasks):
                continue
            self._activate(base_id, previous)
        self._after(())

    def _scan(
        self, base_id: int, inputs: Sequence[SourceInput], remove_missing: bool, should_stop: ShouldStop
    ) -> Scan:
        return scan(
            self._store,
            base_id,
            inputs,
            remove_missing=remove_missing,
            data_folder=self._originals.folder.parent,
            should_stop=should_stop,
        )

    def _pipeline(self, version: VersionInfo, should_stop: ShouldStop) -> tuple[Pipeline, Cutter]:
        embedder = self._embedders.of(version)
        pipeline = Pipeline(self._store, version, embedder, config=self._config, should_stop=should_stop)
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

    def _activate(self, base_id: int, version_id: int) -> int:
        """Switch to a version with the edits of the one before; returns how many of them were lost."""
        before = self._store.base(base_id).version_id
        with self._store.database.transaction():  # an edit comes before, and is carried, or after
            lost = self._edits.carry(self._store.version(before), self._store.version(version_id))
            self._store.activate(base_id, version_id)
        self._drop_indexes([before])
        return lost


def _lost(code: str, count: int) -> tuple[Notice, ...]:
    return (Notice(code, {"count": count}),) if count else ()
