import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from assistant.arms import Sentence
from assistant.compare.charts import Mark, interval_chart
from assistant.compare.experiment import run_experiment
from assistant.compare.exports import csv_report, json_report
from assistant.compare.planning import make_plan
from assistant.compare.published import PUBLISHED
from assistant.compare.question_files import Row
from assistant.compare.questions import check_questions
from assistant.compare.report import html_report
from assistant.compare.report_questions import anchor
from assistant.compare.report_text import REPORT_TEXT
from assistant.compare.reporting import result_lines
from assistant.compare.store import Experiments
from tests.assistant.compare.scripted import ScriptedAsker, make_questions

VOID = {"meta", "line", "circle", "br"}


class Outline(HTMLParser):
    """Tags must close in order; collects text, tags, ids and links."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        self.ids += [value for key, value in attrs if key == "id"]
        self.links += [value for key, value in attrs if key == "href"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    opened = Experiments(tmp_path_factory.mktemp("report") / "tandem.db")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def four_arms(store: Experiments) -> int:
    questions = make_questions(30)
    arms = ("base", "rag", "sft:a", "rag+sft:a")
    number = store.create("四种 <b>arms</b>", questions, make_plan(questions, arms))
    asker = ScriptedAsker(
        base_knows=lambda i: i % 3 == 0,
        rag_finds=lambda i: i % 4 != 1,
        fails=lambda arm, i: arm == "sft:a" and i == 4,
    )
    list(run_experiment(store, number, asker))
    return number


def outline(html: str) -> Outline:
    parsed = Outline()
    parsed.feed(html)
    parsed.close()
    assert parsed.open == []
    return parsed


@pytest.mark.parametrize("language", ["en", "zh"])
def test_report_is_whole_and_needs_nothing_from_elsewhere(store, four_arms: int, language: str) -> None:
    html = html_report(store, four_arms, language)
    parsed = outline(html)
    assert {"svg", "table", "details", "style"} <= parsed.tags
    assert not parsed.tags & {"script", "link", "img", "iframe", "object", "base", "form"}
    assert not re.search(r"https?://|url\(|@import|\son\w+=", html)
    assert "default-src 'none'" in html
    text = " ".join(parsed.words)
    assert "四种 <b>arms</b>" in text
    for key in (
        "board",
        "pairs",
        "refusals",
        "retrieval",
        "strata",
        "flipped",
        "losses",
        "published",
        "manifest",
    ):
        assert REPORT_TEXT[key][language] in text
    assert "What is number 7?" in text
    assert len(set(parsed.ids)) == len(parsed.ids) == 30
    assert parsed.links
    assert {link.removeprefix("#") for link in parsed.links} <= set(parsed.ids)
    assert "told to" in text  # the failure is shown, not hidden
    assert PUBLISHED[0].source in text


def test_every_sentence_is_marked_where_an_answer_cites_nothing(store) -> None:
    class Uncited(ScriptedAsker):
        def ask(self, question, arm, retrieval, language):
            answer = super().ask(question, arm, retrieval, language)
            text = "Made up. All of it."
            sentences = (Sentence(0, 8, ()), Sentence(9, 19, ()))
            return replace(answer, text=text, sentences=sentences, citations=(), refused=False)

    questions = make_questions(12)
    number = store.create("uncited", questions, make_plan(questions, ["base", "rag"]))
    list(run_experiment(store, number, Uncited()))
    page = html_report(store, number, "en")
    assert (
        page.count('<mark title="no passage supports this">Made up.</mark>') == 12
    )  # rag's; base read nothing
    assert page.count('<mark title="no passage supports this">All of it.</mark>') == 12


def test_hostile_text_stays_text(store) -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(2)>{0}%s'
    rows = [
        Row(number=i, id=f"{evil}{i}", question=f"{evil} {i}?", answers=(f"{evil}",)) for i in range(10, 22)
    ]
    questions = check_questions("evil", rows)
    number = store.create(evil, questions, make_plan(questions, ["base", "rag"]))
    list(run_experiment(store, number, ScriptedAsker()))
    parsed = outline(html_report(store, number, "en"))
    assert not parsed.tags & {"script", "img"}
    assert not any(name.startswith("on") for name, _ in parsed.attributes)
    assert evil in " ".join(parsed.words)


def test_csv_has_a_row_per_question_and_arm_and_no_formula(store, four_arms: int) -> None:
    rows = list(csv.DictReader(io.StringIO(csv_report(store, four_arms, "en"))))
    assert len(rows) == 30 * 4
    by_key = {(row["id"], row["arm"]): row for row in rows}
    assert by_key["q2", "rag"]["answer"] == "value 2"
    assert float(by_key["q2", "rag"]["squad_f1"]) == 1.0
    assert by_key["q1", "rag"]["state"] == "refused"
    failed = by_key["q4", "sft:a"]
    assert (failed["state"], failed["squad_f1"], failed["answer"]) == ("failed", "", "")
    assert "told to" in failed["error"]
    questions = check_questions("f", [Row(i, f"=1+{i}", answers=("-5",)) for i in range(10)])
    number = store.create("", questions, make_plan(questions, ["base", "rag"]))
    first = next(iter(csv.DictReader(io.StringIO(csv_report(store, number, "en")))))
    assert first["question"] == "'=1+0"
    assert first["references"] == "'-5"
    assert first["state"] == "not asked"


def test_json_holds_everything_and_survives(store, four_arms: int) -> None:
    told = json.loads(json.dumps(json_report(store, four_arms), allow_nan=False))
    assert told["questions_sha256"] == make_questions(30).sha256
    assert len(told["questions"]) == 30
    assert len(told["answers"]) == 120
    assert len(told["retrievals"]) == 30
    assert told["plan"]["contrast"] == ["rag", "rag+sft:a"]
    assert told["verdict"]["en"][0] != told["verdict"]["zh"][0]
    assert told["results"]["factorial"]["n"] == 29
    assert told["manifest"]["starts"][0]["machine"]["cores"] >= 1


def test_a_run_that_has_not_begun_can_be_shown(store) -> None:
    questions = make_questions(12)
    number = store.create("new", questions, make_plan(questions, ["base", "rag"]))
    assert result_lines(store.get(number), "en") == ["No results yet."]
    outline(html_report(store, number, "zh"))
    assert json_report(store, number)["verdict"]["word"] == "none"


def test_terminal_table_names_coverage_and_failures(store, four_arms: int) -> None:
    lines = result_lines(store.get(four_arms), "en")
    assert any(line.startswith("F1 (SQuAD 2.0)") and "n=29" in line for line in lines)
    assert "sft:a: 1 answers failed" in lines
    assert any("1 个回答出错" in line for line in result_lines(store.get(four_arms), "zh"))


def test_chart_draws_values_where_they_belong() -> None:
    chart = interval_chart("t", [Mark("a & b", 0.5, 0.25, 0.75), Mark("c", None)], bounds=(0.0, 1.0))
    outline(chart)
    assert "a &amp; b" in chart
    (dot,) = re.findall(r'cx="([\d.]+)"', chart)
    (bar,) = re.findall(r'class="bar" x1="([\d.]+)" x2="([\d.]+)"', chart)
    assert float(dot) == pytest.approx((float(bar[0]) + float(bar[1])) / 2)
    ticks = [float(x) for x in re.findall(r'class="grid" x1="([\d.]+)"', chart)]
    assert [ticks[1], ticks[2], ticks[3]] == [float(bar[0]), float(dot), float(bar[1])]
    assert anchor("a b") != anchor("a_b")


def test_words_are_in_both_languages() -> None:
    for texts in REPORT_TEXT.values():
        assert texts["en"]
        assert any("\u4e00" <= letter <= "\u9fff" for letter in texts["zh"])


def test_published_results_show_their_interaction() -> None:
    assert PUBLISHED[0].contrasts()["interaction"] == pytest.approx(-0.088)
    assert (Path(__file__).parents[3] / "assistant" / "compare" / "report.css").is_file()
