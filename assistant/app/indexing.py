"""Putting files into knowledge bases, now or as jobs in the background."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.app.documents import Documents
from assistant.app.uploads import remove_uploads, safe_suffix, uploads_wanted
from assistant.errors import AssistantError
from assistant.jobs import Job
from knowledge.documents import Notice

if TYPE_CHECKING:
    from knowledge.indexing import IndexEvent
    from knowledge.originals import SourceInput
    from knowledge.planning import IndexPlan


class Indexing(Documents):
    """Indexing, and the jobs that do it in the background."""

    def gather(
        self, paths: Iterable[Path], *, password: str | None = None
    ) -> "tuple[list[SourceInput], list[Notice]]":
        """Files and folders as inputs for indexing, and what was passed over."""
        from knowledge.originals import gather_inputs

        inputs, skipped = gather_inputs(paths)
        if password is not None:
            inputs = [replace(item, password=password) for item in inputs]
        return inputs, skipped

    def plan(
        self, base_id: int, inputs: "Sequence[SourceInput]", *, remove_missing: bool = False
    ) -> "IndexPlan":
        """What indexing these inputs would do."""
        return self.knowledge.plan(base_id, inputs, remove_missing=remove_missing)

    def index(
        self,
        base_id: int,
        inputs: "Sequence[SourceInput]",
        *,
        remove_missing: bool = False,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> "Iterator[IndexEvent]":
        """Index now, in this thread, yielding what happens."""
        return self.knowledge.index(base_id, inputs, remove_missing=remove_missing, should_stop=should_stop)

    def start_indexing(
        self, base_id: int, inputs: "Sequence[SourceInput]", *, remove_missing: bool = False
    ) -> Job:
        """Index in the background."""
        arguments = {
            "inputs": [[str(item.path), item.name] for item in inputs],
            "remove_missing": remove_missing,
        }

        def work(should_stop: Callable[[], bool]) -> "Iterator[IndexEvent]":
            return self.index(base_id, inputs, remove_missing=remove_missing, should_stop=should_stop)

        def clean_up(job: Job) -> None:
            if job.state == "done":  # any other may be continued and then wants its files again
                remove_uploads(self.settings.uploads_dir, (item.path for item in inputs))

        title = self.knowledge.base(base_id).name
        return self.job_list.start(
            "index",
            title,
            work,
            base_id=base_id,
            arguments=arguments,
            after=clean_up,
        )

    def start_reindex(
        self,
        base_id: int,
        *,
        embedder: str | None = None,
        chunk_size: int | None = None,
        chunk_overlap: int | None = None,
    ) -> Job:
        """Cut and embed a base anew in the background, beside the old index; switch when complete."""
        splitter = self.splitter(chunk_size, chunk_overlap) if chunk_size or chunk_overlap else None

        def work(should_stop: Callable[[], bool]) -> "Iterator[IndexEvent]":
            return self.knowledge.reindex(
                base_id, embedder=embedder, splitter=splitter, should_stop=should_stop
            )

        arguments = {"embedder": embedder, "chunk_size": chunk_size, "chunk_overlap": chunk_overlap}
        title = self.knowledge.base(base_id).name
        return self.job_list.start("reindex", title, work, base_id=base_id, arguments=arguments)

    def roll_back(self, base_id: int) -> None:
        """Go back to the index before the last re-index."""
        self.knowledge.roll_back(base_id)

    def continue_job(self, job_id: int) -> Job:
        """Start an interrupted or stopped job again with what it was given."""
        from knowledge.originals import SourceInput

        job = self.job_list.get(job_id)
        if job.base_id is None:
            raise AssistantError("job_unknown", id=job_id)
        self.job_list.forget(job_id)
        if job.kind == "reindex":
            return self.start_reindex(job.base_id, **job.arguments)
        inputs = [SourceInput(path=Path(path), name=name) for path, name in job.arguments["inputs"]]
        return self.start_indexing(job.base_id, inputs, remove_missing=job.arguments["remove_missing"])

    def jobs(self) -> list[Job]:
        """The latest jobs, newest first."""
        return self.job_list.latest()

    def job(self, job_id: int) -> Job:
        """One job."""
        return self.job_list.get(job_id)

    def stop_job(self, job_id: int) -> None:
        """Ask a job to stop; what is finished stays."""
        self.job_list.stop(job_id)

    def forget_job(self, job_id: int) -> None:
        """Take an ended job off the list, and the uploads that it kept for going on."""
        remove_uploads(self.settings.uploads_dir, uploads_wanted(self.job_list.get(job_id)))
        self.job_list.forget(job_id)

    def save_upload(self, name: str, data: bytes) -> Path:
        """Keep an uploaded file until it is indexed; its name on disk is ours, not the user's."""
        self.settings.uploads_dir.mkdir(parents=True, exist_ok=True)
        path = self.settings.uploads_dir / f"{uuid.uuid4().hex}{safe_suffix(name)}"
        path.write_bytes(data)
        return path
