"""Jobs: followed live, stopped, interrupted by a dead process, one per knowledge base."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assistant.errors import AssistantError
from assistant.jobs import Jobs
from knowledge.errors import StoreError
from knowledge.indexing import FileDone, FileStarted, Finished, IndexEvent, Started


def done(name: str) -> FileDone:
    return FileDone(name=name, state="added", chunks=1, embedded=1)


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    opened = Jobs(tmp_path / "tandem.db")
    yield opened
    opened.close()


def test_a_job_is_followed_to_its_end(jobs: Jobs) -> None:
    ended: list[str] = []

    def work(should_stop: Callable[[], bool]) -> Iterator[IndexEvent]:
        yield Started(total=2)
        for name in ("a.md", "b.md"):
            yield FileStarted(name=name)
            yield done(name)
        yield Finished(counts={"added": 2}, seconds=0.1, stopped=False)

    job = jobs.start(
        "index", "手册", work, base_id=1, arguments={"inputs": []}, after=lambda job: ended.append(job.state)
    )
    finished = jobs.wait(job.id, 60)
    assert (finished.state, finished.done, finished.total) == ("done", 2, 2)
    assert [result.name for result in finished.results] == ["a.md", "b.md"]
    assert ended == ["done"]


def test_stop_is_passed_on_and_what_is_finished_stays(jobs: Jobs) -> None:
    first, asked = threading.Event(), threading.Event()

    def work(should_stop: Callable[[], bool]) -> Iterator[IndexEvent]:
        yield Started(total=1000)
        for number in range(1000):
            if should_stop():
                break
            yield done(f"{number}.md")
            first.set()
            asked.wait(60)
        yield Finished(counts={}, seconds=0.1, stopped=should_stop())

    job = jobs.start("index", "m", work, base_id=1, arguments={})
    assert first.wait(60)
    jobs.stop(job.id)
    asked.set()
    finished = jobs.wait(job.id, 60)
    assert (finished.state, finished.done) == ("stopped", 1)
    assert [result.name for result in finished.results] == ["0.md"]


def test_one_job_at_a_time_for_a_base(jobs: Jobs) -> None:
    release = threading.Event()

    def work(should_stop: Callable[[], bool]) -> Iterator[IndexEvent]:
        release.wait(60)
        yield Finished(counts={}, seconds=0.0, stopped=False)

    job = jobs.start("index", "one", work, base_id=1, arguments={})
    with pytest.raises(AssistantError, match="one"):
        jobs.start("reindex", "one", work, base_id=1, arguments={})
    other = jobs.start("index", "two", work, base_id=2, arguments={})
    release.set()
    assert jobs.wait(job.id, 60).state == jobs.wait(other.id, 60).state == "done"


def test_an_error_of_ours_is_kept_and_a_defect_does_not_kill_the_thread_silently(jobs: Jobs) -> None:
    def work(should_stop: Callable[[], bool]) -> Iterator[IndexEvent]:
        raise StoreError("file_missing", name="x.pdf")
        yield

    job = jobs.wait(jobs.start("index", "m", work, base_id=1, arguments={}).id, 60)
    assert job.state == "failed"
    assert isinstance(job.error, StoreError)


def test_a_job_of_a_dead_process_is_interrupted_never_running(tmp_path: Path) -> None:
    database = tmp_path / "tandem.db"
    Jobs(database).close()
    with sqlite3.connect(database) as connection:
        connection.execute(
            "INSERT INTO jobs (kind, title, base_id, state, arguments, done, total, started_at)"
            " VALUES ('index', 'm', 1, 'running', '{\"inputs\": [[\"a\", \"b\"]]}', 3, 9, 1.0)"
        )
    connection.close()
    again = Jobs(database)
    (job,) = again.latest()
    assert (job.state, job.done, job.total) == ("interrupted", 3, 9)
    assert job.arguments == {"inputs": [["a", "b"]]}
    again.forget(job.id)
    assert again.latest() == []
    with pytest.raises(AssistantError):
        again.get(job.id)
    again.close()
