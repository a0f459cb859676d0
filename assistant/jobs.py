"""Long work in the background: one row per job in the database, one thread while it runs.

A job outlives the page that started it. What it was given is kept in its row, so that a job cut off by
a crash is shown as interrupted after the next start and can be continued. The work itself is an iterator
of indexing events; this module knows nothing else about it.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from assistant.errors import TANDEM_ERRORS, AssistantError
from assistant.tables import Tables
from knowledge.documents import Notice
from knowledge.indexing import FileDone, FileProgress, FileStarted, Finished, IndexEvent, Started

logger = logging.getLogger(__name__)

JobState = Literal["running", "done", "stopped", "failed", "interrupted"]
Work = Callable[[Callable[[], bool]], Iterator[IndexEvent]]

# "IF NOT EXISTS": the first version was made without a ledger.
_MIGRATIONS = (
    (
        """CREATE TABLE IF NOT EXISTS jobs (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,
            title TEXT NOT NULL,
            base_id INTEGER,
            state TEXT NOT NULL,
            arguments TEXT NOT NULL,
            done INTEGER NOT NULL DEFAULT 0,
            total INTEGER NOT NULL DEFAULT 0,
            started_at REAL NOT NULL,
            finished_at REAL
        )""",
    ),
)
_COLUMNS = "id, kind, title, base_id, state, arguments, done, total, started_at, finished_at"


@dataclass
class Job:
    """One piece of long work, as it stands now.

    Args:
        kind: "index" or "reindex".
        title: the knowledge base's name.
        done, total: files.
        current: the file being worked on, with `stage` and its own `file_done` of `file_total`.
        results: one per finished file, newest last.
        error: what ended the job, when it failed.
        seconds: run time so far, or in all.
    """

    id: int
    kind: str
    title: str
    base_id: int | None
    state: JobState = "running"
    done: int = 0
    total: int = 0
    current: str = ""
    stage: str = ""
    file_done: int = 0
    file_total: int = 0
    results: list[FileDone] = field(default_factory=list)
    notices: tuple[Notice, ...] = ()
    error: Exception | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    started_at: float = 0.0
    finished_at: float | None = None
    _stop: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def seconds(self) -> float:
        """Run time so far, or in all."""
        return (self.finished_at or time.time()) - self.started_at

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for and the job has not ended yet."""
        return self._stop.is_set() and self.state == "running"


class Jobs:
    """The jobs of one data folder.

    Args:
        database: the SQLite file; the table is made when missing. Jobs that an earlier process left
            running are marked interrupted.

    Raises:
        AssistantError: the file was written by a newer version of the program, or cannot be read or written; the
            latter from any method.
    """

    def __init__(self, database: Path) -> None:
        self._tables = Tables(
            database,
            "job_schema",
            _MIGRATIONS,
            unreadable=lambda file, reason: AssistantError("jobs_unreadable", file=file, reason=reason),
        )
        with self._tables.writing() as db:
            db.execute("UPDATE jobs SET state = 'interrupted' WHERE state = 'running'")
        self._lock = threading.Lock()
        self._live: dict[int, Job] = {}
        self._threads: dict[int, threading.Thread] = {}

    def start(
        self,
        kind: str,
        title: str,
        work: Work,
        *,
        base_id: int | None,
        arguments: dict[str, Any],
        after: Callable[[Job], None] | None = None,
    ) -> Job:
        """Run `work` in a thread.

        Args:
            work: given a function that says whether to stop; yields events, the last a `Finished`.
            arguments: what is needed to start the same work again; JSON.
            after: called with the job when it has ended, however it ended.

        Raises:
            AssistantError: a job for the same knowledge base is running.
        """
        with self._lock:
            for other in self._live.values():
                if other.state == "running" and other.base_id == base_id:
                    raise AssistantError("job_running", title=other.title)
            started_at = time.time()
            with self._tables.writing() as db:
                cursor = db.execute(
                    "INSERT INTO jobs (kind, title, base_id, state, arguments, started_at) VALUES (?,?,?,?,?,?)",
                    (kind, title, base_id, "running", json.dumps(arguments, ensure_ascii=False), started_at),
                )
            assert cursor.lastrowid is not None
            job = Job(cursor.lastrowid, kind, title, base_id, arguments=arguments, started_at=started_at)
            self._live[job.id] = job
        thread = threading.Thread(
            target=self._run, args=(job, work, after), name=f"job-{job.id}", daemon=True
        )
        self._threads[job.id] = thread
        thread.start()
        return job

    def _run(self, job: Job, work: Work, after: Callable[[Job], None] | None) -> None:
        state: JobState = "done"
        try:
            for event in work(job._stop.is_set):
                _follow(job, event)
                if isinstance(event, FileDone):
                    self._save(job, "running")
                if isinstance(event, Finished) and event.stopped:
                    state = "stopped"
        except TANDEM_ERRORS as err:
            job.error, state = err, "failed"
        except Exception as err:
            logger.exception("job %d failed", job.id)
            job.error, state = err, "failed"
        finally:
            job.finished_at = time.time()
            job.current = job.stage = ""
            self._save(job, state)
            job.state = state
            if after is not None:
                after(job)

    def _save(self, job: Job, state: JobState) -> None:
        if state == "done":
            job.arguments = {}  # file names need not outlive their files
        arguments = json.dumps(job.arguments, ensure_ascii=False)
        with self._tables.writing() as db:
            db.execute(
                "UPDATE jobs SET state = ?, arguments = ?, done = ?, total = ?, finished_at = ? WHERE id = ?",
                (state, arguments, job.done, job.total, job.finished_at, job.id),
            )

    def latest(self, *, limit: int = 20) -> list[Job]:
        """The latest jobs, newest first; those of this process with their results."""
        rows = self._tables.rows(f"SELECT {_COLUMNS} FROM jobs ORDER BY id DESC LIMIT ?", limit)
        return [self._live.get(row[0]) or _from_row(row) for row in rows]

    def get(self, job_id: int) -> Job:
        """One job.

        Raises:
            AssistantError: there is no such job.
        """
        rows = self._tables.rows(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", job_id)
        if not rows:
            raise AssistantError("job_unknown", id=job_id)
        return self._live.get(job_id) or _from_row(rows[0])

    def stop(self, job_id: int) -> None:
        """Ask a running job to stop after the batch it is at; nothing finished is lost."""
        job = self._live.get(job_id)
        if job is not None:
            job._stop.set()

    def forget(self, job_id: int) -> None:
        """Drop an ended job from the list."""
        job = self._live.get(job_id)
        if job is not None and job.state == "running":
            return
        with self._lock, self._tables.writing() as db:
            self._live.pop(job_id, None)
            db.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    def forget_base(self, base_id: int) -> None:
        """Drop every ended job of a knowledge base, whose name may not outlive it."""
        for (job_id,) in self._tables.rows("SELECT id FROM jobs WHERE base_id = ?", base_id):
            self.forget(job_id)

    def wait(self, job_id: int, timeout_s: float | None = None) -> Job:
        """Wait until a job of this process has ended."""
        thread = self._threads.get(job_id)
        if thread is not None:
            thread.join(timeout_s)
        return self.get(job_id)

    def close(self, *, timeout_s: float = 30.0) -> None:
        """Stop what runs, wait for it, close the database."""
        for job in list(self._live.values()):
            job._stop.set()
        for thread in self._threads.values():
            thread.join(timeout_s)
        self._tables.close()


def _follow(job: Job, event: IndexEvent) -> None:
    match event:
        case Started():
            job.total = event.total
        case FileStarted():
            job.current, job.stage, job.file_done, job.file_total = event.name, "", 0, 0
        case FileProgress():
            job.current, job.stage = event.name, event.stage
            job.file_done, job.file_total = event.done, event.total
        case FileDone():
            job.done += 1
            job.results.append(event)
        case Finished():
            job.notices = event.notices


def _from_row(row: tuple[Any, ...]) -> Job:
    job = Job(row[0], row[1], row[2], row[3], state=row[4], arguments=json.loads(row[5]))
    job.done, job.total, job.started_at = row[6], row[7], row[8]
    job.finished_at = row[9] if row[9] is not None else row[8]
    return job
