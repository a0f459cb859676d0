"""`tandem experiment` on a real document and the embedded models."""

import json
import sqlite3
from functools import partial
from pathlib import Path

import pytest

from assistant.terminal import opened
from finetune.folders import ModelFolder
from tests.assistant.running import CommandLine

SAMPLES = Path(__file__).resolve().parents[3] / "samples"
MANUAL = SAMPLES / "manual" / "en" / "QF-47 Troubleshooting and Release Notes.md"


@pytest.fixture
def tandem(command_line: CommandLine) -> CommandLine:
    """`tandem experiment …`."""
    return partial(command_line, "experiment")


def index_manual() -> None:
    """Put the manual into the knowledge base `notes`."""
    with opened("test") as app:
        inputs, _ = app.gather([MANUAL])
        list(app.index(app.create_base("notes").id, inputs))


def test_a_real_experiment_from_run_to_replay(
    tandem: CommandLine, tmp_path: Path, minilm_folder: ModelFolder, smollm2_folder: ModelFolder
) -> None:
    (tmp_path / "data" / "models").symlink_to(minilm_folder.path.parent, target_is_directory=True)
    index_manual()
    rows = [json.loads(line) for line in (SAMPLES / "questions" / "en.jsonl").read_text("utf-8").splitlines()]
    chosen = [row for row in rows if row["source"] == MANUAL.name][:2]
    questions = tmp_path / "q.jsonl"
    questions.write_text("\n".join(map(json.dumps, chosen)), encoding="utf-8")

    code, out, err = tandem("run", str(questions), "--base", "notes", "--json")
    assert code == 0, err
    told = json.loads(out)
    number = str(told["id"])
    assert "There are only 2 questions" in err
    assert "4/4" in err
    arms = told["results"]["arms"]
    assert [arms[arm]["answered"] for arm in ("base", "rag")] == [2, 2]
    assert told["results"]["retrieval"]["recall_at_5"]["n"] == 2

    code, out, _ = tandem("show", number, "--json")
    shown = json.loads(out)
    assert shown["verdict"]["word"] == "few"
    identity = shown["manifest"]["identity"]
    assert identity["model"] == "smollm2-135m-reader"
    assert list(identity["sources"]) == [MANUAL.name]
    rag = next(answer for answer in shown["answers"] if answer["arm"] == "rag")["answer"]
    assert len(rag["record"]["prompt_sha256"]) in (0, 64)
    assert rag["record"]["index_generation"]
    assert rag["record"]["sampling"]["temperature"] == 0.0
    assert all(found["retrieval"]["passages"] for found in shown["retrievals"].values())
    # What another would need to search as was searched here.
    asked = next(iter(shown["retrievals"].values()))["retrieval"]["asked"]
    assert (asked["mode"], asked["top_k"], asked["reranker"]) == ("hybrid", 5, "")

    assert tandem("replay", number)[0] == 0
    code, out, err = tandem("run", "--resume", number)
    assert code == 0, err
    assert "4/4  " not in err  # nothing is asked again
    page = tmp_path / "r.html"
    assert tandem("show", number, "--html", str(page), language="zh")[0] == 0
    assert '<html lang="zh">' in page.read_text(encoding="utf-8")


def test_questions_are_made_of_documents_and_run(
    tandem: CommandLine, tmp_path: Path, minilm_folder: ModelFolder
) -> None:
    (tmp_path / "data" / "models").symlink_to(minilm_folder.path.parent, target_is_directory=True)
    index_manual()
    code, out, err = tandem("questions", "notes", "--out", "made.jsonl", "--count", "30")
    assert code == 0, err
    assert "made.jsonl: 30 questions, 6 of them unanswerable" in out
    code, out, err = tandem("run", "made.jsonl", "--dry-run")
    assert code == 0, err
    assert "30 questions would show" in err
    code, _, err = tandem("questions", "notes", "--out", "made.jsonl")
    assert (code, "not overwritten" in err) == (1, True)
    assert tandem("questions", "notes", "--out", "made.csv")[0] == 2
    code, _, err = tandem("questions", "notes", "--out", "other.jsonl", "--adapter", "nobody")
    assert (code, "nobody" in err) == (1, True)
    code, out, _ = tandem("questions", "notes", "--out", "zh.jsonl", "--count", "10", "--json", language="zh")
    assert json.loads(out)["questions"] == 10


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_default_is_the_2_x_2_and_the_meter_runs_along(
    tandem: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    import assistant.compare.app_asker
    from assistant.app import App
    from tests.assistant.compare.scripted import ScriptedAsker

    asker = ScriptedAsker(base_knows=lambda i: i % 3 == 0, rag_finds=lambda i: i % 4 != 1)
    monkeypatch.setattr(assistant.compare.app_asker, "AppAsker", lambda app, plan: asker)
    monkeypatch.setattr(App, "adapters", lambda self: ["mine", "other"])
    questions = tmp_path / "q.csv"
    lines = [f"What is number {i}?,value {i},a.md" for i in range(30)]
    questions.write_text("question,answer,source\n" + "\n".join(lines), encoding="utf-8")
    code, _, err = tandem("run", str(questions), language=language)
    assert code == 0, err
    told = json.loads(tandem("show", "1", "--json")[1])
    assert list(told["results"]["arms"]) == ["base", "rag", "sft:mine", "rag+sft:mine"]
    assert told["results"]["contrast"]["second"] == "rag+sft:mine"
    assert ("to see 10 points, by the answers so far" if language == "en" else "按目前的回答") in err
    monkeypatch.setattr(App, "adapters", lambda self: [])
    assert tandem("run", str(questions), language=language)[0] == 0
    assert list(json.loads(tandem("show", "2", "--json")[1])["results"]["arms"]) == ["base", "rag"]


def test_misuse_and_unknown_numbers_are_one_line(tandem: CommandLine, tmp_path: Path) -> None:
    assert tandem("run")[0] == 2
    code, _, err = tandem("show", "7")
    assert (code, err.count("\n")) == (1, 1)
    assert "no experiment 7" in err
    assert "没有编号为 7 的实验" in tandem("replay", "7", language="zh")[2]
    bad = tmp_path / "bad.csv"
    bad.write_text("frage\nWo?\n", encoding="utf-8")
    code, _, err = tandem("run", str(bad))
    assert code == 1
    assert "no column `question`" in err
    good = SAMPLES / "questions" / "en.jsonl"
    code, _, err = tandem("run", str(good), "--dry-run")
    assert code == 0
    assert "120 questions would show a difference of about 14 points" in err
    assert tandem("run", str(good), "--dry-run", "--arm", "rag")[0] == 1
    assert tandem("run", str(good), "--dry-run", "--contrast", "rag")[0] == 2
    assert tandem("list", "--json")[1].strip() == "[]"


def test_replay_and_compare_fail_when_numbers_are_worse(tandem: CommandLine, tmp_path: Path) -> None:
    from assistant.compare.experiment import run_experiment
    from assistant.compare.planning import make_plan
    from assistant.compare.store import Experiments
    from tests.assistant.compare.scripted import ScriptedAsker, make_questions

    store = Experiments(tmp_path / "data" / "tandem.db")
    questions = make_questions(30)
    for knows in (True, False):
        number = store.create("", questions, make_plan(questions, ["base", "rag"]))
        list(run_experiment(store, number, ScriptedAsker(base_knows=lambda i, knows=knows: knows)))
    half = store.create("half", questions, make_plan(questions, ["base", "rag"]))
    for done, _event in enumerate(run_experiment(store, half, ScriptedAsker())):
        if done == 26:  # the program ends here, with 13 questions answered
            break
    store.close()
    assert "On your 13 questions, " in tandem("show", str(half))[1]
    code, out, err = tandem("compare", "1", "2")
    assert code == 1
    assert "base: 80.0 -> 0.0" in out
    assert "worse" in out
    assert "got worse" in err
    assert tandem("compare", "2", "1")[0] == 0
    assert tandem("replay", "1")[0] == 0
    with sqlite3.connect(tmp_path / "data" / "tandem.db") as db:
        db.execute(
            "UPDATE experiment_answer SET scores = replace(scores, '\"squad_f1\": 1.0', '\"squad_f1\": 0.9')"
        )
    code, out, err = tandem("replay", "1")
    assert code == 1
    assert "squad_f1: 0.9 -> 1.0" in out
    assert "other numbers" in err
