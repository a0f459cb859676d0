"""From a real knowledge base to rows: provenance, the retriever's own hits and misses, leaks, stopping, commands."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assistant.app import App
from assistant.cli import cli
from assistant.prompts import refusal
from assistant.settings import load_settings
from assistant.training.data_building import BuildOptions
from finetune.errors import DatasetError
from finetune.facts.build import Build
from finetune.facts.extract import squeeze
from finetune.near_duplicates import normalise

QUESTIONS = Path(__file__).parents[3] / "samples" / "questions" / "en.jsonl"
BASE = ["Sample manual (English)"]
GUIDE = "QF-47 Maintenance and Service Guide.docx"
FEW = BuildOptions(max_facts=24, held_documents=(GUIDE,), test=(str(QUESTIONS),), open_book=0.08, misses=0.5)


@pytest.fixture(scope="module")
def app(sample_data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    folder = tmp_path_factory.mktemp("building") / "data"
    shutil.copytree(sample_data_dir, folder, symlinks=True, ignore=shutil.ignore_patterns("tandem.lock"))
    with App.open(load_settings(data_dir=folder)) as opened:
        yield opened


@pytest.fixture(scope="module")
def build(app: App) -> Build:
    """Of the English sample manual, the service guide held out."""
    stages: list[str] = []
    made = app.data_builds.build(
        "sample", app.base_ids(BASE), FEW, progress=lambda stage, done, total: stages.append(stage)
    )
    assert list(dict.fromkeys(stages)) == ["read", "facts", "wordings", "search", "check", "save"]
    return made


def test_the_rules_find_the_sample_manuals_facts(build: Build) -> None:
    told = {(f.subject, f.relation): f.value for f in build.facts}
    assert told["Tempeh", "Temperature"] == "31.0 °C"
    assert told["E-03", "Meaning"] == "Chamber sensor interrupted"
    assert told["QF-47C", "Weight, empty"] == "26.9 kg"
    assert sum(build.report.facts.values()) > 800


def test_each_row_leads_back_to_chunk_and_file(app: App, build: Build) -> None:
    facts = build.facts_by_id
    for row in build.rows:
        if row.kind in ("unknown", "replay"):
            assert not row.fact_ids
            continue
        assert row.files
        fact = facts[row.fact_ids[0]]
        stored = app.chunk(fact.chunk_id)
        assert squeeze(fact.span) in squeeze(stored.chunk.text)
        assert app.knowledge.source(stored.source_id).name == fact.file
        if row.kind == "closed":
            assert fact.chunk_id in row.chunk_ids


def test_open_book_rows_answer_from_what_was_found_and_refuse_what_was_not(build: Build) -> None:
    hits = [r for r in build.rows if r.kind == "open_hit"]
    misses = [r for r in build.rows if r.kind == "open_miss"]
    assert len(hits) >= 5
    assert len(misses) >= 5
    facts = build.facts_by_id
    for row in hits:
        assert "<passages>" in row.question
        assert squeeze(row.answer.removeprefix("Answer: ")).casefold() in squeeze(row.question).casefold()
    for row in misses:
        assert row.answer == f"Answer: {refusal('en')}"
        context = row.question.rpartition("</passages>")[0]
        assert squeeze(facts[row.fact_ids[0]].value).casefold() not in squeeze(context).casefold()


def test_no_test_question_is_trained(build: Build) -> None:
    asked = {normalise(json.loads(line)["question"]) for line in QUESTIONS.open(encoding="utf-8")}
    trained = {
        normalise(m.content) for r in build.rows if r.split == "train" for m in r.messages if m.role == "user"
    }
    assert not asked & trained
    train = next(leak for leak in build.report.leaks if leak.split == "train")
    assert train.questions == 120
    assert train.nearest is not None
    assert train.nearest < FEW.meaning


def test_the_document_held_out_is_only_asked_about(build: Build) -> None:
    assert any(row.split == "held_document" for row in build.rows)
    assert all(row.split == "held_document" for row in build.rows if GUIDE in row.files)


def test_a_name_that_is_taken_or_unusable_is_refused(app: App, build: Build) -> None:
    with pytest.raises(DatasetError, match="already"):
        app.data_builds.build("sample", app.base_ids(BASE), FEW)
    with pytest.raises(DatasetError, match="letters"):
        app.data_builds.build("../away", app.base_ids(BASE), FEW)
    assert app.data_builds.names() == ["sample"]
    assert app.data_builds.load("sample").rows == build.rows


def test_an_empty_base_has_nothing_to_build_from(app: App) -> None:
    empty = app.create_base("empty")
    with pytest.raises(DatasetError, match="tandem index"):
        app.data_builds.build("none", [empty.id])


def test_a_build_that_is_stopped_keeps_what_was_made_and_says_so(app: App) -> None:
    calls = iter(range(10**6))
    made = app.data_builds.build("stopped", app.base_ids(BASE), FEW, should_stop=lambda: next(calls) > 20)
    assert made.report.stopped
    assert len(made.rows) > 5
    assert any("stopped" in line for line in made.report.summary("en"))
    app.data_builds.delete("stopped")
    assert "stopped" not in app.data_builds.names()


@pytest.mark.slow
def test_the_command_builds_and_shows_the_ledger(
    sample_data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"
    shutil.copytree(sample_data_dir, folder, symlinks=True, ignore=shutil.ignore_patterns("tandem.lock"))
    monkeypatch.setenv("TANDEM_DATA_DIR", str(folder))
    words = [
        "data",
        "build",
        "--base",
        *BASE,
        "--name",
        "mine",
        "--layout",
        "alpaca",
        "max_facts=10",
        "open_book=0",
        "--json",
    ]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert len(json.loads(Path(report["files"]["train"]).read_text("utf-8"))) > 50
    ledger = json.loads(CliRunner().invoke(cli, ["data", "builds", "mine", "--json"]).stdout)
    assert sum(entry["verdict"] == "likely" for entry in ledger) >= 8
    assert "mine" in CliRunner().invoke(cli, ["data", "builds"]).stdout
    wrong = CliRunner().invoke(cli, ["data", "build", "--name", "other", "wording=3"])
    assert wrong.exit_code == 2
