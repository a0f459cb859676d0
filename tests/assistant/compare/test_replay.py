import json
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from assistant.compare.experiment import run_experiment
from assistant.compare.planning import make_plan
from assistant.compare.replay import compare_experiments, replay
from assistant.compare.store import Experiments
from assistant.errors import ExperimentError
from tests.assistant.compare.scripted import ScriptedAsker, make_questions
from tests.assistant.running import CommandLine


@pytest.fixture
def database(data_dir: Path) -> Path:
    return data_dir / "tandem.db"


@pytest.fixture
def store(database: Path) -> Iterator[Experiments]:
    opened = Experiments(database)
    yield opened
    opened.close()


@pytest.fixture
def tandem(store: Experiments, command_line: CommandLine) -> CommandLine:
    """`tandem experiment …`."""
    return partial(command_line, "experiment")


def asked(
    store: Experiments, asker: ScriptedAsker, *, count: int = 30, arms: tuple[str, ...] = ("base", "rag")
) -> int:
    questions = make_questions(count)
    number = store.create("", questions, make_plan(questions, arms))
    list(run_experiment(store, number, asker))
    return number


def rewrite(database: Path, number: int, change: Callable[[dict[str, Any]], None]) -> None:
    with sqlite3.connect(database) as db:
        (text,) = db.execute("SELECT results FROM experiment_run WHERE id = ?", (number,)).fetchone()
        results = json.loads(text)
        change(results)
        db.execute("UPDATE experiment_run SET results = ? WHERE id = ?", (json.dumps(results), number))


@pytest.mark.parametrize(
    ("fails", "word"),
    [(lambda arm, i: arm == "rag", "none"), (lambda arm, i: arm == "rag" and i >= 15, "missing")],
)
def test_an_arm_that_failed_is_named_and_fails_the_comparison(
    store: Experiments, tandem: CommandLine, fails: Callable[[str, int], bool], word: str
) -> None:
    before, after = asked(store, ScriptedAsker()), asked(store, ScriptedAsker(fails=fails))
    rows = {row["arm"]: row for row in compare_experiments(store, before, after)}
    assert rows["rag"]["word"] == word
    assert "difference" not in rows["rag"]
    code, out, err = tandem("compare", str(before), str(after))
    assert code == 1
    assert "rag: " in out
    assert "answers or scores are missing: rag." in err
    code, _, err = tandem("compare", str(before), str(after), language="zh")
    assert code == 1
    assert "缺少回答或评分：rag" in err


def test_an_arm_that_the_second_run_did_not_ask_is_named_and_fails(
    store: Experiments, tandem: CommandLine
) -> None:
    before = asked(store, ScriptedAsker(), arms=("base", "rag", "sft:a"))
    after = asked(store, ScriptedAsker())
    code, out, err = tandem("compare", str(before), str(after))
    assert code == 1
    assert "sft:a: not asked in the second run (scored in both runs: 0 of 30)" in out
    assert "sft:a" in err
    assert tandem("compare", str(after), str(before))[0] == 0  # an arm more is nothing worse


def test_too_few_shared_questions_do_not_pass(store: Experiments, tandem: CommandLine) -> None:
    before, after = asked(store, ScriptedAsker(), count=9), asked(store, ScriptedAsker(), count=9)
    code, out, err = tandem("compare", str(before), str(after))
    assert code == 1
    assert "too few questions (scored in both runs: 9 of 9)" in out
    assert "->" not in out
    assert "Nothing could be compared" in err


def test_the_verdict_is_replayed_and_a_falsified_p_is_found(
    store: Experiments, tandem: CommandLine, database: Path
) -> None:
    number = asked(store, ScriptedAsker())
    assert replay(store, number).differences == ()
    rewrite(database, number, lambda results: results["contrast"].update(p=0.5))
    assert [one.where for one in replay(store, number).differences] == ["results.contrast.p"]
    number = asked(store, ScriptedAsker())
    rewrite(database, number, lambda results: results["verdict"]["sentences"][0].update(code="verdict_worse"))
    found = replay(store, number).differences
    assert [one.where for one in found] == ["results.verdict.sentences[0].code"]
    assert tandem("replay", str(number))[0] == 1


def test_results_of_another_version_are_said_to_be_so_and_compared_all_the_same(
    store: Experiments, tandem: CommandLine, database: Path
) -> None:
    def older(results: dict[str, Any]) -> None:
        results["version"] -= 1
        del results["verdict"]

    number = asked(store, ScriptedAsker())
    rewrite(database, number, older)
    with pytest.raises(ExperimentError, match=r"scored by another version .* 0 came out otherwise"):
        replay(store, number)
    rewrite(database, number, lambda results: results["contrast"].update(p=0.5))
    code, _, err = tandem("replay", str(number))
    assert code == 1
    assert "1 came out otherwise (results.contrast.p)" in err
    assert "由另一版本评分" in tandem("replay", str(number), language="zh")[2]


def test_a_run_of_another_version_is_scored_anew_from_its_answers(
    store: Experiments, tandem: CommandLine, database: Path
) -> None:
    number = asked(store, ScriptedAsker())
    right = dict(store.get(number).results or {})
    rewrite(database, number, lambda results: results.update(version=1, contrast={}))
    finished_at = store.get(number).finished_at
    code, _, err = tandem("replay", str(number))
    assert code == 1
    assert f"tandem experiment replay {number} --keep" in err
    assert tandem("replay", str(number), "--keep")[0] == 0
    assert tandem("replay", str(number))[0] == 0
    assert store.get(number).results == right
    assert store.get(number).finished_at == finished_at


def test_an_experiment_may_be_asked_again(store: Experiments) -> None:
    number = asked(store, ScriptedAsker())
    other = store.again(number)
    first, second = store.get(number), store.get(other)
    assert other != number
    assert (second.plan, second.questions_sha256) == (first.plan, first.questions_sha256)
    assert second.state == "new"
    store.save_manifest(number, {"erased": 1})
    with pytest.raises(ExperimentError, match="erased"):
        store.again(number)
