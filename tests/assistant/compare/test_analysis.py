import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.compare.board import board_effects, board_svg
from assistant.compare.experiment import run_experiment
from assistant.compare.planning import make_plan
from assistant.compare.report import html_report
from assistant.compare.reporting import result_lines
from assistant.compare.store import Experiments
from knowledge.documents import Retrieval
from tests.assistant.compare.scripted import ScriptedAsker, make_questions, passage

GREEN = "#0f8a7e"
FOUR = ("base", "rag", "sft:a", "rag+sft:a")
HALF = ScriptedAsker(fails=lambda arm, i: arm == "rag" and i >= 15)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Experiments]:
    opened = Experiments(tmp_path / "tandem.db")
    yield opened
    opened.close()


def asked(
    store: Experiments, asker: ScriptedAsker, *, count: int, arms: tuple[str, ...] = FOUR, **plan: Any
) -> int:
    questions = make_questions(count)
    number = store.create("", questions, make_plan(questions, arms, **plan))
    list(run_experiment(store, number, asker))
    return number


def results_of(store: Experiments, number: int) -> dict[str, Any]:
    results = store.get(number).results
    assert results is not None
    return dict(results)


def test_fewer_than_ten_questions_are_counted_and_make_no_value_anywhere(store: Experiments) -> None:
    number = asked(store, ScriptedAsker(), count=9)
    results = results_of(store, number)
    told = results["arms"]["rag"]["metrics"]["squad_f1"]
    assert (told["n"], told["mean"], told["interval"]) == (9, None, None)
    assert results["factorial"] is results["gate"] is None
    assert {pair["word"] for pair in results["pairs"]} == {"few"}
    assert not any("p_holm" in pair for pair in results["pairs"])
    assert results["others"] == []
    assert not results["meter"]["seen"]
    assert results["retrieval"]["recall_at_5"]["mean"] is None
    assert results["arms"]["rag"]["refusal"]["hallucination"] is None
    for language, text in (("en", "9: too few"), ("zh", "9 个，太少")):
        page = html_report(store, number, language)  # type: ignore[arg-type]
        assert text in page
        assert "+100" not in page
        assert "100.0" not in page.partition("<h3>")[0]
        lines = result_lines(store.get(number), language)  # type: ignore[arg-type]
        assert any(line.startswith("F1") and text in line for line in lines)
        assert not any("100.0" in line for line in lines)


def test_a_kind_of_few_questions_is_counted_only(store: Experiments) -> None:
    number = asked(store, ScriptedAsker(), count=40)
    unanswerable = results_of(store, number)["strata"]["answerable:no"]
    assert unanswerable["questions"] == 8
    assert unanswerable["arms"]["rag"]["mean"] is None
    assert unanswerable["arms"]["rag"]["n"] == 8
    assert "<td>8: too few</td>" in html_report(store, number, "en")


def test_an_arm_that_fails_half_way_makes_no_difference_and_no_board(store: Experiments) -> None:
    number = asked(store, HALF, count=30)
    results = results_of(store, number)
    words = {(pair["first"], pair["second"]): pair["word"] for pair in results["pairs"]}
    assert words["base", "rag"] == words["rag", "rag+sft:a"] == "missing"
    assert words["base", "sft:a"] not in ("missing", "few", "none")
    assert results["factorial"] is None
    assert set(board_effects(results)) == {
        "sft_alone",
        "rag_on_sft",
    }  # the other edges end at the arm that failed
    page = html_report(store, number, "en")
    row = page.partition("<td>base → rag</td>")[2].partition("</tr>")[0]
    assert row == "<td>–</td><td>–</td><td>15 / 30</td><td>–</td><td>too many are missing</td>"
    assert "Too many answers are missing" in page


def test_adapters_that_all_answer_alike_are_no_proof_of_no_effect(store: Experiments) -> None:
    """Two adapters of 40 equal scores: the interval is as wide as that of one."""
    knows = ScriptedAsker(base_knows=lambda i: True)
    one = results_of(store, asked(store, knows, count=40))["factorial"]
    arms = ("base", "rag", "sft:a", "sft:b", "rag+sft:a", "rag+sft:b")
    two = results_of(store, asked(store, knows, count=40, arms=arms))["factorial"]
    assert two["over_adapters"]
    assert one["sft_on_rag"]["interval"]["high"] == pytest.approx(0.088, abs=0.001)
    for name in ("sft", "sft_on_rag", "interaction"):
        assert two[name]["interval"] == pytest.approx(one[name]["interval"])
        assert two[name]["interval90"] == pytest.approx(one[name]["interval90"])
    assert two["rag"]["interval"]["low"] > 0  # what varies is still drawn anew with the adapters


def _arrows(picture: str) -> str:
    """What is drawn between the cells."""
    return "".join(re.findall(r"<(?:line|polygon)[^>]*>", picture))


class Finder(ScriptedAsker):
    """Retrieval finds every answer, and the model alone knows all but six."""

    def __init__(self) -> None:
        super().__init__(base_knows=lambda i: i >= 6)

    def search(self, question: str) -> Retrieval:
        i = question.removeprefix("What is number ").rstrip("?")
        return Retrieval(question, (passage(f"Number {i} is value {i}."),), generation="g1")


def test_six_questions_won_are_no_gain_among_many_pairs(store: Experiments) -> None:
    """Six of 50 won and none lost is p = 0.02 by itself, above 0.05 among six pairs or seven effects."""
    questions = make_questions(50, unanswerable_every=0)
    number = store.create("", questions, make_plan(questions, FOUR, primary="contains_reference"))
    list(run_experiment(store, number, Finder()))
    results = results_of(store, number)
    pairs = {(pair["first"], pair["second"]): pair for pair in results["pairs"]}
    won = pairs["base", "rag"]
    assert (won["gains"], won["losses"]) == (6, 0)
    assert won["interval"]["low"] > 0
    assert won["p"] < 0.05 < won["p_holm"]
    assert won["word"] == "unclear"
    effect = results["factorial"]["rag"]
    assert effect["interval"]["low"] > 0
    assert not effect["clear"]
    assert GREEN not in _arrows(board_svg(results, "en"))
    row = html_report(store, number, "en").partition("<td>base → rag</td>")[2].partition("</tr>")[0]
    assert "not enough questions" in row
    assert "better" not in row
    declared = store.create(
        "", questions, make_plan(questions, FOUR, primary="contains_reference", contrast=("base", "rag"))
    )
    list(run_experiment(store, declared, Finder()))
    assert results_of(store, declared)["pairs"][0]["word"] == "better"  # the one that was declared beforehand


def test_what_the_intervals_are_grouped_by_is_said(store: Experiments) -> None:
    number = asked(store, ScriptedAsker(), count=30, arms=("base", "rag"))
    text = "each question counts by itself"
    assert text in html_report(store, number, "en")
    assert any(text in line for line in result_lines(store.get(number), "en"))
    assert any("每个问题单独计算" in line for line in result_lines(store.get(number), "zh"))


def test_the_board_is_drawn_of_the_arms_that_answered(store: Experiments) -> None:
    number = asked(store, ScriptedAsker(fails=lambda arm, i: arm == "rag+sft:a"), count=30)
    assert '<rect x="544"' in html_report(store, number, "en")
    nothing = asked(store, ScriptedAsker(fails=lambda arm, i: arm == "rag"), count=30, arms=("base", "rag"))
    page = html_report(store, nothing, "en")
    assert '<rect x="544"' not in page
    assert "<p>nothing in common</p>" in page
