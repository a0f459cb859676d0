import threading
from pathlib import Path

import pytest

from assistant.compare.background import BackgroundRun
from assistant.compare.experiment import run_experiment
from assistant.compare.planning import make_plan
from assistant.compare.store import Experiments
from tests.assistant.compare.scripted import ScriptedAsker, make_questions
from tests.waiting import until


class Gate(ScriptedAsker):
    """Waits before its seventh answer until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go = threading.Event(), threading.Event()

    def ask(self, question, arm, retrieval, language):
        if len(self.asked) == 6:
            self.reached.set()
            assert self.go.wait(60)
        return super().ask(question, arm, retrieval, language)


def started(store: Experiments, number: int, asker: ScriptedAsker) -> BackgroundRun:
    return BackgroundRun(
        number, lambda should_stop: run_experiment(store, number, asker, should_stop=should_stop)
    )


@pytest.fixture
def store(tmp_path: Path):
    opened = Experiments(tmp_path / "tandem.db")
    yield opened
    opened.close()


def test_a_run_in_the_background_is_watched_stopped_and_continued(store: Experiments) -> None:
    questions = make_questions(12)
    number = store.create("", questions, make_plan(questions, ["base", "rag"]))
    asker = Gate()
    run = started(store, number, asker)
    assert asker.reached.wait(60)
    until(lambda: run.progress().done == 6)
    progress = run.progress()
    assert (progress.state, progress.done, progress.total) == ("running", 6, 24)
    assert progress.seconds_left is not None
    assert store.get(number).state == "running"
    run.stop()
    asker.go.set()
    ended = run.wait(60)
    assert (ended.state, ended.done) == ("stopped", 7)
    assert store.get(number).state == "stopped"
    assert store.get(number).results is not None  # of what there is
    again = started(store, number, ScriptedAsker()).wait(60)
    assert (again.state, again.done, again.failed) == ("done", 24, 0)


def test_what_ends_a_run_is_told(store: Experiments) -> None:
    ended = started(store, 99, ScriptedAsker()).wait(60)
    assert ended.state == "failed"
    assert "no experiment 99" in str(ended.error)
    questions = make_questions(12)
    number = store.create("", questions, make_plan(questions, ["base", "rag"]))

    def broken(arm: str, i: int) -> bool:
        raise RuntimeError("a defect")

    ended = started(store, number, ScriptedAsker(fails=broken)).wait(60)
    assert (ended.state, str(ended.error)) == ("failed", "a defect")
    assert store.get(number).state == "stopped"
