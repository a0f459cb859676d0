"""An experiment killed at any moment goes on where it was, and ends in the same numbers."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assistant.compare.experiment import run_experiment
from assistant.compare.planning import make_plan
from assistant.compare.replay import replay
from assistant.compare.store import Experiments
from tests.assistant.compare.scripted import ScriptedAsker, make_questions

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
@pytest.mark.parametrize("after", [15, 60])
def test_killed_and_gone_on_with(tmp_path: Path, after: int) -> None:
    questions = make_questions(50)  # 25 of them are asked alone first, then 25 together
    store = Experiments(tmp_path / "tandem.db")
    plan = make_plan(questions, ["base", "rag"])
    number, whole = store.create("killed", questions, plan), store.create("whole", questions, plan)
    child = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.assistant.compare.crash_child",
            str(tmp_path / "tandem.db"),
            str(number),
            str(after + 20),
        ],
        cwd=ROOT,
    )
    until = time.monotonic() + 120
    while len(store.answered(number)) < after and time.monotonic() < until:
        assert child.poll() is None, "the run ended before it was killed"
        time.sleep(0.005)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    kept = store.answered(number)
    assert after <= len(kept) < 100
    assert store.get(number).state == "running"  # nobody was left to say otherwise
    store.mark_interrupted()
    assert store.get(number).state == "interrupted"

    again = ScriptedAsker(base_knows=lambda i: i % 3 == 0)
    list(run_experiment(store, number, again))
    asked = {(f"q{int(''.join(filter(str.isdigit, text)))}", arm) for text, arm in again.asked}
    assert not asked & kept
    assert len(asked | kept) == 100
    list(run_experiment(store, whole, ScriptedAsker(base_knows=lambda i: i % 3 == 0)))
    mine, theirs = store.get(number), store.get(whole)
    assert mine.state == "done"
    assert mine.results["contrast"] == theirs.results["contrast"]
    assert replay(store, number).differences == ()
    store.close()
