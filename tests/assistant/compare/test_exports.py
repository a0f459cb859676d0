import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.compare.experiment import run_experiment
from assistant.compare.exports import csv_report, json_report
from assistant.compare.judges import judge_experiment
from assistant.compare.planning import make_plan
from assistant.compare.store import Experiments
from tests.assistant.compare.scripted import ScriptedAsker, make_questions
from tests.assistant.compare.test_judge import Scripted


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Experiments]:
    opened = Experiments(tmp_path / "tandem.db")
    yield opened
    opened.close()


def test_csv_tells_unscored_from_failed_and_why(store: Experiments) -> None:
    questions = make_questions(12)
    number = store.create("", questions, make_plan(questions, ("base", "rag")))
    fails = ScriptedAsker(fails=lambda arm, i: arm == "base" and i == 3)
    list(run_experiment(store, number, fails, should_stop=lambda: len(fails.asked) >= 20))
    rows = {
        (row["id"], row["arm"]): row for row in csv.DictReader(io.StringIO(csv_report(store, number, "en")))
    }
    scored, failed = rows["q2", "rag"], rows["q3", "base"]
    assert (scored["squad_f1"], scored["squad_f1_state"]) == ("1.0", "scored")
    assert (failed["squad_f1"], failed["squad_f1_state"]) == ("", "failed")
    unscored = rows["q2", "base"]
    assert (unscored["citation_precision"], unscored["citation_precision_state"]) == (
        "",
        "unscored: no_retrieval",
    )
    assert rows["q11", "rag"]["squad_f1_state"] == "not asked"


def test_json_holds_single_judgements_and_how_many_were_answered_at_once(store: Experiments) -> None:
    questions = make_questions(60)
    number = store.create("", questions, make_plan(questions, ("base", "rag")))
    list(run_experiment(store, number, ScriptedAsker()))
    list(judge_experiment(store, number, Scripted()))
    told = json.loads(json.dumps(json_report(store, number)))
    assert {answer["together"] for answer in told["answers"]} == {1, 8}
    judgements = told["judgements"]["scripted"]
    assert len(judgements) == 60
    assert judgements[0]["facts"]["state"] == "judged"
    assert {"question_id", "first", "second"} < set(judgements[0])
