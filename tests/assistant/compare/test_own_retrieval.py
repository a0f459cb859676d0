"""Arms with a look-up of their own are scored by what they found, not by what the others share."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.compare.board import board_cells, board_effects
from assistant.compare.counterfactual import probe_experiment
from assistant.compare.experiment import run_experiment
from assistant.compare.exports import json_report
from assistant.compare.planning import make_plan
from assistant.compare.replay import replay
from assistant.compare.report import html_report
from assistant.compare.reporting import result_lines
from assistant.compare.store import Experiments
from assistant.compare.verdict import verdict
from knowledge.documents import Retrieval
from tests.assistant.compare.scripted import ScriptedAsker, make_questions, passage

OWN = "rag?top_k=1&base=other"


class Better(ScriptedAsker):
    """The shared look-up finds nothing; the arm's own finds every answer, in a base of its own."""

    def __init__(self) -> None:
        super().__init__(rag_finds=lambda i: False)
        self.handed: list[str] = []

    def identity(self, arms: Any) -> dict[str, Any]:
        return super().identity(arms) | {
            "sources": {"b.md": "00"},
            "own": {OWN: {"sources": {"a.md": "00"}}},
        }

    def ask(self, question: str, arm: str, retrieval: Retrieval, language: str) -> Any:
        if arm == OWN:
            retrieval = self._own(question)
        self.handed += [one.text for one in retrieval.passages]
        return super().ask(question, arm, retrieval, language)

    def read(self, question: str, arm: str) -> Retrieval | None:
        return self._own(question)

    @staticmethod
    def _own(question: str) -> Retrieval:
        i = int("".join(letter for letter in question if letter.isdigit()))
        return Retrieval(question, (passage(f"Number {i} is value {i}." if i % 5 else "Nothing."),))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Experiments]:
    opened = Experiments(tmp_path / "tandem.db")
    yield opened
    opened.close()


def test_recall_and_reasons_are_of_what_the_arm_found(store: Experiments, tmp_path: Path) -> None:
    questions = make_questions(20)
    number = store.create("", questions, make_plan(questions, ["base", "rag", OWN]))
    list(run_experiment(store, number, Better()))
    results = dict(store.get(number).results or {})
    assert results["retrieval"]["recall_at_5"]["unscored"] == {"source_not_indexed": 16, "unanswerable": 4}
    found = results["own_retrieval"]
    assert list(found) == [OWN]
    assert found[OWN]["recall_at_5"]["mean"] == found[OWN]["reciprocal_rank"]["mean"] == 1.0
    assert (
        results["arms"][OWN]["metrics"]["citation_precision"]["mean"] == 1.0
    )  # by the files that it searched
    assert set(results["losses"]["rag"].values()) == {"not_indexed"}
    assert results["losses"][OWN] == {}
    assert any(line.startswith(f"{OWN}: ") for line in result_lines(store.get(number), "en"))
    assert "<h3>rag?top_k=1&amp;base=other</h3>" in html_report(store, number, "zh")
    assert len(json_report(store, number)["own_retrievals"]) == 20
    assert replay(store, number).differences == ()
    with sqlite3.connect(tmp_path / "tandem.db") as db:
        db.execute(
            "UPDATE experiment_own_retrieval SET retrieval = replace(retrieval, 'Number 3 is value 3.', 'x')"
        )
    places = {difference.where for difference in replay(store, number).differences}
    assert f"own_retrievals.q3.{OWN}.recall_at_1" in places


def test_the_board_shows_the_plain_arm_and_the_advice_names_the_other(store: Experiments) -> None:
    questions = make_questions(40)
    plan = make_plan(questions, ["base", OWN, "rag"], contrast=("rag", OWN))
    number = store.create("", questions, plan)
    list(run_experiment(store, number, Better()))
    results = dict(store.get(number).results or {})
    cell = board_cells(results)["rag"]
    assert cell is not None
    assert list(cell["arms"]) == ["rag"]
    arrow = board_effects(results)["rag_alone"]
    assert arrow["value"] == pytest.approx(
        cell["mean"] - results["arms"]["base"]["metrics"]["squad_f1"]["mean"]
    )
    assert any("use retrieval (RAG) (top_k=1&base=other)" in line for line in verdict(results).lines("en"))


def test_asked_again_it_reads_its_own_passages_altered(store: Experiments) -> None:
    questions = make_questions(20)
    number = store.create("", questions, make_plan(questions, ["base", OWN]))
    list(run_experiment(store, number, Better()))
    asker = Better()
    list(probe_experiment(store, number, asker, limit=100))
    altered = [probe for probe in store.probes(number) if probe.change == "altered"]
    assert len(altered) == 16
    assert all(f"is {probe.facts['instead']}." in " ".join(asker.handed) for probe in altered)
