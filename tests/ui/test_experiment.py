"""The page Experiment without a browser: real App, store and statistics, the arms' answers by rule."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import assistant.compare.experiment
import assistant.experiments
from assistant.app import App
from assistant.compare import document_questions
from assistant.compare.counterfactual import probe_experiment
from assistant.compare.experiment import run_experiment
from assistant.compare.judges import judge_experiment
from assistant.compare.planning import make_plan
from assistant.forgetting import Gone, forgetting
from finetune.folders import ModelFolder
from tests.assistant.compare.scripted import ScriptedAsker, make_questions
from tests.assistant.compare.test_judge import Scripted
from tests.assistant.compare.test_own_retrieval import OWN, Better
from ui.experiment_parts import charts
from ui.resources import close_app, open_app
from ui.text.experiment import TEXT

SCRIPT = Path(__file__).resolve().parents[2] / "ui" / "app.py"
MANUAL = SCRIPT.parents[1] / "samples" / "manual" / "en" / "QF-47 Troubleshooting and Release Notes.md"
TABS = ("board", "metrics", "flips", "losses", "knowledge", "kinds", "judge", "adapters", "published")
ARMS = ("base", "rag", "sft:a", "rag+sft:a")
GATE = {"name": "forgetting", "passed": True, "reason": {"en": "", "zh": ""}}
FACTS = {
    "a": {
        "seconds": 600.0,
        "memory_bytes": 2_000_000_000,
        "rows": 300,
        "gates": [GATE | {"figures": {"before": 0.75, "after": 0.72, "questions": 32}}],
        "leaks": ["q1", "q7"],
    }
}


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """The App that the page opens, asking scripted arms."""
    monkeypatch.setenv("TANDEM_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("TANDEM_CONFIG", raising=False)
    monkeypatch.setattr(App, "warm_up", lambda self: None)
    monkeypatch.setattr(App, "adapters", lambda self: ["a"])
    monkeypatch.setattr(assistant.experiments, "AppAsker", lambda app, plan: scripted())
    # What shapes prompts is compared when a run goes on, and its files may be edited while tests run.
    monkeypatch.setattr(assistant.compare.experiment, "code_manifest", lambda: {"prompt_code_sha256": "0"})
    monkeypatch.chdir(tmp_path)
    st.cache_resource.clear()
    yield open_app()
    close_app()


def scripted() -> ScriptedAsker:
    asker = ScriptedAsker(base_knows=lambda i: i % 3 == 0, rag_finds=lambda i: i % 4 != 1)
    asker.adapters = FACTS
    return asker


def ran(app: App, *, arms: Sequence[str] = ARMS) -> int:
    questions = make_questions(30)
    number = app.experiments.store.create("named *by* me", questions, make_plan(questions, arms))
    list(run_experiment(app.experiments.store, number, scripted()))
    return number


def page(lang: str = "en") -> AppTest:
    at = AppTest.from_file(str(SCRIPT), default_timeout=120)
    at.query_params["lang"] = lang
    at.run()
    at.switch_page("app_pages/experiment.py").run()
    assert not at.exception, at.exception
    return at


def words(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.text, at.error, at.info)
    return "\n".join(str(item.value) for kind in kinds for item in kind)


def open_tab(at: AppTest, number: int, name: str, lang: str) -> str:
    at.session_state[f"experiment_tabs_{number}"] = TEXT[f"experiment.tab_{name}"][lang]  # type: ignore[index]
    at.run()
    assert not at.exception, at.exception
    assert not at.error, [error.value for error in at.error]
    return words(at)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_part_of_a_result_is_drawn(app: App, lang: str) -> None:
    number = ran(app)
    store = app.experiments.store
    list(probe_experiment(store, number, scripted(), limit=5))
    list(judge_experiment(store, number, Scripted()))
    list(judge_experiment(store, number, Named("worse", biased=True)))
    at = page(lang)
    assert ("30 questions" if lang == "en" else "30 个问题") in words(at)
    told = {name: open_tab(at, number, name, lang) for name in TABS}
    if lang == "en":
        assert "75 % of 32 control questions right before training, 72 % after" in told["adapters"]
        assert "2 of the 30 questions stand in its training data" in told["adapters"]
        assert "It passed its exam." in told["judge"]
        assert "It judges nothing, and nothing it says is counted." in told["judge"]
        assert "What is number" in told["flips"]
        assert "was declared to decide" in told["metrics"]


class Named(Scripted):
    """A judge of another name."""

    def __init__(self, name: str, **worse: bool) -> None:
        super().__init__(**worse)
        self.name = name


def test_two_arms_make_half_a_board_and_say_what_would_make_it_whole(app: App) -> None:
    number = ran(app, arms=("base", "rag"))
    at = page()
    told = open_tab(at, number, "board", "en")
    assert "Not asked: fine-tuning" in told or "not asked" in told.lower()
    assert len(at.table[0].value) == 1


def test_an_experiment_is_set_up_started_watched_and_deleted(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    laboratory = assistant.experiments.Laboratory
    monkeypatch.setattr(laboratory, "sample_languages", lambda self: ["en"])
    monkeypatch.setattr(laboratory, "sample_questions", lambda self, language: make_questions(120))
    at = page()
    told = words(at)
    assert "120 questions: 96 with an answer in the documents, 24 without." in told
    at.get_by_key("experiment_arms_" + str(hash(("base", "rag", "sft:a", "rag+sft:a")))).set_value(
        ["base"]
    ).run()
    assert "Choose two arms or more." in words(at)
    at.get_by_key("experiment_arms_" + str(hash(("base", "rag", "sft:a", "rag+sft:a")))).set_value(
        ["base", "sft:a"]
    ).run()
    at.slider[0].set_value(30).run()
    assert "30 questions show a difference of about" in words(at)
    next(button for button in at.button if button.label == "Start").click().run()
    assert not at.exception, at.exception
    (number,) = [one.id for one in app.experiments.all()]
    ended = app.experiments.wait(number, 60)
    assert ended is not None
    assert (ended.state, ended.done) == ("done", 60)
    at.run()
    assert "30 questions are not enough to tell" in words(at)  # both arms said the same
    next(button for button in at.button if button.key == "experiment_delete_open").click().run()
    assert "with all its answers? This cannot be undone." in words(at)
    app.experiments.delete(number)
    at.run()
    assert not at.exception, at.exception
    assert "120 questions: 96" in words(at)  # with none left, a new one is set up


def test_what_was_cut_off_is_gone_on_with_and_what_was_erased_is_said(app: App) -> None:
    store = app.experiments.store
    questions = make_questions(20)
    number = store.create("cut", questions, make_plan(questions, ["base", "rag"]))
    asker = scripted()
    list(run_experiment(store, number, asker, should_stop=lambda: len(asker.asked) >= 25))
    at = page()
    assert "25 of 40 answers are there." in words(at)
    next(button for button in at.button if button.key == "experiment_resume").click().run()
    app.experiments.wait(number, 60)
    at.run()
    assert "answers are there." not in words(at)
    with forgetting(
        Gone(1, base_name="cut"), experiments=store, votes=app.votes, conversations=app.conversations
    ):
        pass
    at.run()
    assert not at.exception, at.exception
    assert "The knowledge base of this experiment was deleted" in words(at)
    open_tab(at, number, "flips", "en")


def test_what_cannot_be_gone_on_with_is_asked_anew(app: App) -> None:
    store = app.experiments.store
    questions = make_questions(12)
    number = store.create("cut", questions, make_plan(questions, ["base", "rag"]))
    asker = scripted()
    list(run_experiment(store, number, asker, should_stop=lambda: len(asker.asked) >= 5))
    at = page("zh")
    next(button for button in at.button if button.key == "experiment_again").click().run()
    assert not at.exception, at.exception
    latest = store.all()[0]
    app.experiments.wait(latest.id, 60)
    assert latest.id != number
    assert latest.questions_sha256 == store.get(number).questions_sha256
    assert app.experiments.answered(latest.id) == 24
    assert app.experiments.answered(number) == 5


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_questions_are_made_of_documents(
    app: App, monkeypatch: pytest.MonkeyPatch, minilm_folder: ModelFolder, lang: str
) -> None:
    app.settings.models_dir.symlink_to(minilm_folder.path.parent, target_is_directory=True)
    inputs, _ = app.gather([MANUAL])
    list(app.index(app.create_base("notes").id, inputs))
    monkeypatch.setattr(document_questions, "trained_questions", lambda config: ["What does E-03 mean?"])
    monkeypatch.setattr(document_questions, "find", lambda folder, name: SimpleNamespace(record={}))
    at = page(lang)
    at.session_state["experiment_source_2"] = "documents"
    at.run()
    assert not [button for button in at.button if button.key == "experiment_start"]
    at.number_input(key="experiment_make_count").set_value(180).run()
    next(button for button in at.button if button.key == "experiment_make").click().run()
    assert not at.exception, at.exception
    told = words(at)
    counted = TEXT["experiment.counted"][lang].format(questions="180", answerable="144", unanswerable="36")  # type: ignore[index]
    assert counted in told
    assert any("E-03" in str(frame.value) for frame in at.dataframe)  # left out, and listed
    assert at.text_input[0].value == "notes"
    assert [button for button in at.button if button.key == "experiment_start"]
    at.number_input(key="experiment_make_seed").set_value(3).run()  # what was made is not of this seed
    assert counted not in words(at)


def test_questions_are_read_from_a_file_and_one_experiment_runs_at_a_time(app: App) -> None:
    laboratory = app.experiments
    read = laboratory.read_questions("mine.csv", b"id,question,answer\n1,How big?,2 L\n1,Again?,x\n3,,y\n")
    assert (read.name, len(read.questions)) == ("mine.csv", 1)
    assert {problem.code for problem in read.problems} >= {"question_id_twice", "question_row_empty"}
    assert laboratory.running() is None
    told: Any = laboratory.progress(1)
    assert told is None


def test_an_arm_that_failed_half_way_and_too_few_questions_are_no_results(app: App) -> None:
    store = app.experiments.store
    fails = ScriptedAsker(fails=lambda arm, i: arm == "rag" and i >= 15)
    number = asked(app, fails, count=30)
    at = page()
    told = open_tab(at, number, "board", "en")
    assert "has 15 of 30 answers" in told
    assert "Too many answers are missing" in told
    assert "each question counts by itself" in told
    pairs = at.table[0].value
    assert list(pairs.iloc[0])[1:] == ["too many are missing", "–", "–", "15\u00a0\\/\u00a030", "–"]
    store.delete(number)
    number = asked(app, ScriptedAsker(), count=9)
    at = page()
    told = open_tab(at, number, "board", "en")
    assert "9: too few" in told
    assert set(at.table[0].value.iloc[:, 2]) == {"–"}
    assert "Too few scores to show a mean" in open_tab(at, number, "metrics", "en")


def asked(app: App, asker: ScriptedAsker, *, count: int) -> int:
    store, questions = app.experiments.store, make_questions(count)
    number = store.create("", questions, make_plan(questions, ARMS))
    list(run_experiment(store, number, asker))
    return number


def test_look_ups_of_single_arms_and_groups_of_adapters_are_drawn(app: App) -> None:
    store, questions = app.experiments.store, make_questions(20)
    number = store.create("own", questions, make_plan(questions, ["base", "rag", OWN], contrast=("rag", OWN)))
    list(run_experiment(store, number, Better()))
    at = page()
    open_tab(at, number, "metrics", "en")
    assert "RAG \\(top\\_k\\=1" in open_tab(at, number, "flips", "en")
    arms = ("base", "rag", "sft:a", "sft:b", "rag+sft:a", "rag+sft:b")
    number = store.create("runs", questions, make_plan(questions, arms, pooled=True))
    list(run_experiment(store, number, ScriptedAsker()))
    at = page("zh")
    open_tab(at, number, "board", "zh")
    assert "微调（多次训练平均）" in str(at.table[0].value)
    told = open_tab(at, number, "flips", "zh")
    assert "微调 a" in told
    assert "微调 b" in told


def test_a_judge_that_was_compared_with_no_vote_says_so(app: App) -> None:
    number = ran(app)
    list(judge_experiment(app.experiments.store, number, Scripted()))
    assert "there are no blind votes of yours on the page Compare yet" in open_tab(
        page(), number, "judge", "en"
    )


def test_a_difference_that_is_not_clear_is_drawn_grey(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(charts.st, "altair_chart", lambda chart, **_: drawn.append(chart.to_dict()))
    rows = [charts.Row("shown", 0.1, 0.02, 0.2), charts.Row("by chance", 0.1, 0.02, 0.2, clear=False)]
    charts.interval_chart(rows, key="k", axis="points", zero=True)
    (table,) = [layer["data"]["values"] for layer in drawn[0]["layer"] if len(layer["data"]["values"]) == 2][
        :1
    ]
    assert [row["color"] for row in table] == [charts.GAIN, charts.OPEN]
