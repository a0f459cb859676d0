import sqlite3
from pathlib import Path

import pytest

from assistant.compare.analysis import analyse
from assistant.compare.experiment import Answered, Began, Ended, run_experiment
from assistant.compare.machine import EnergyCounter, PeakMemory, code_manifest, machine_manifest
from assistant.compare.planning import make_plan
from assistant.compare.replay import compare_experiments, replay
from assistant.compare.store import Experiments
from assistant.errors import ExperimentError
from tests.assistant.compare.scripted import ScriptedAsker, make_questions


@pytest.fixture
def store(tmp_path: Path):
    opened = Experiments(tmp_path / "tandem.db")
    yield opened
    opened.close()


def finished(
    store: Experiments, asker: ScriptedAsker, *, count: int = 30, arms=("base", "rag"), **plan
) -> int:
    questions = make_questions(count)
    number = store.create("", questions, make_plan(questions, arms, **plan))
    for _event in run_experiment(store, number, asker):
        pass
    return number


def test_a_run_asks_everything_once_and_keeps_it(store: Experiments) -> None:
    questions = make_questions(12)
    number = store.create("named", questions, make_plan(questions, ["base", "rag"]))
    asker = ScriptedAsker()
    events = list(run_experiment(store, number, asker))
    assert events[0] == Began(number, 0, 24)
    told = [event for event in events if isinstance(event, Answered)]
    assert [event.done for event in told] == list(range(1, 25))
    assert told[-1].seconds_left == 0
    assert isinstance(events[-1], Ended)
    assert len(asker.searched) == 12  # once per question, whatever the number of arms
    assert len(set(asker.asked)) == 24
    assert {arm for _, arm in asker.asked[0:4:3]} == {"base"}  # the order of the arms turns
    experiment = store.get(number)
    assert (experiment.name, experiment.state) == ("named", "done")
    assert experiment.questions == questions.questions
    assert experiment.questions_sha256 == questions.sha256
    stored = store.answers(number)
    assert len(stored) == 24
    rag = next(a for a in stored if a.arm == "rag" and a.question_id == "q3")
    assert rag.answer.citations[0].passage.text == "Number 3 is value 3."
    assert rag.answer.timings_ms["total"] == 300.0
    assert rag.memory_bytes == pytest.approx(PeakMemory().read(), rel=0.5)
    assert store.retrievals(number)["q3"].scores["recall_at_1"].value == 1.0
    start = experiment.manifest["starts"][0]
    assert start["code"]["version"]
    assert len(start["code"]["prompt_code_sha256"]) == 64
    assert start["machine"]["cores"] >= 1
    assert experiment.manifest["identity"]["model"] == "scripted"


def test_a_stopped_run_goes_on_without_asking_again(store: Experiments) -> None:
    questions = make_questions(12)
    number = store.create("", questions, make_plan(questions, ["base", "rag"]))
    first, second = ScriptedAsker(), ScriptedAsker()
    seen = 0

    def enough() -> bool:
        return seen >= 7

    for event in run_experiment(store, number, first, should_stop=enough):
        seen += isinstance(event, Answered)
    assert event.stopped
    assert store.get(number).state == "stopped"
    assert len(first.asked) == 7
    events = list(run_experiment(store, number, second))
    assert events[0] == Began(number, 7, 24)
    assert len(second.asked) == 17
    assert not set(first.asked) & set(second.asked)
    assert len(first.searched) + len(second.searched) == 12
    assert store.get(number).state == "done"
    assert len(store.get(number).manifest["starts"]) == 2
    whole = finished(store, ScriptedAsker(), count=12)
    for arm in ("base", "rag"):  # in two parts or in one, the scores are the same
        parts = store.get(number).results["arms"][arm]["metrics"]["squad_f1"]
        assert parts == store.get(whole).results["arms"][arm]["metrics"]["squad_f1"]


def test_a_run_does_not_go_on_with_another_model(store: Experiments) -> None:
    questions = make_questions(12)
    number = store.create("", questions, make_plan(questions, ["base", "rag"]))
    asker = ScriptedAsker()
    list(run_experiment(store, number, asker, should_stop=lambda: len(asker.asked) >= 3))
    asker.model = "another"
    with pytest.raises(ExperimentError, match=r"model changed since it began"):
        next(iter(run_experiment(store, number, asker)))


def test_an_arm_that_fails_half_way_is_counted_and_never_scored_zero(store: Experiments) -> None:
    asker = ScriptedAsker(base_knows=lambda i: True, fails=lambda arm, i: arm == "rag" and i >= 20)
    number = finished(store, asker)
    results = store.get(number).results
    rag = results["arms"]["rag"]
    assert (rag["answered"], rag["failed"]) == (20, 10)
    assert rag["metrics"]["squad_f1"]["n"] == 20
    assert rag["metrics"]["squad_f1"]["failed"] == 10
    assert rag["metrics"]["squad_f1"]["mean"] == 1.0  # not 20 of 30
    assert rag["metrics"]["squad_f1"]["coverage"] == pytest.approx(2 / 3)
    assert results["contrast"]["n"] == 20  # jointly scored items only
    assert results["contrast"]["missing"] == pytest.approx(1 / 3)
    failed = next(a for a in store.answers(number) if a.question_id == "q25" and a.arm == "rag")
    assert failed.answer is None
    assert "told to" in failed.error["en"]
    assert failed.error["zh"] != failed.error["en"]
    # a resumed run asks again what failed, and only that
    again = ScriptedAsker(base_knows=lambda i: True)
    list(run_experiment(store, number, again))
    assert len(again.asked) == 10
    assert store.get(number).results["contrast"]["n"] == 30


def test_a_search_that_fails_fails_every_arm(store: Experiments) -> None:
    class NoSearch(ScriptedAsker):
        def search(self, question: str):
            raise ExperimentError("experiment_unknown", id=0)

    number = finished(store, NoSearch(), count=10)
    arms = store.get(number).results["arms"]
    assert [arms[arm]["failed"] for arm in ("base", "rag")] == [10, 10]
    assert store.get(number).results["contrast"]["n"] == 0


def test_results_say_what_was_scripted(store: Experiments) -> None:
    asker = ScriptedAsker(base_knows=lambda i: i % 3 == 0, rag_finds=lambda i: i % 4 != 1)
    number = finished(store, asker, count=60, primary="contains_reference")
    results = store.get(number).results
    contrast = results["contrast"]
    assert contrast["method"] == "mcnemar"
    # of 48 answerable, base knows 16; rag finds 36 and refuses the 12 unanswerable, which base never does
    assert contrast["mean_first"] == pytest.approx(16 / 60)
    assert contrast["mean_second"] == pytest.approx(48 / 60)
    assert contrast["gains"] == len(contrast["gained"])
    assert contrast["losses"] == len(contrast["lost"])
    assert "q9" in contrast["lost"]
    refusal = results["arms"]["rag"]["refusal"]
    assert refusal["answerable_refused"] == 12
    assert refusal["hallucination"] == 0.0
    assert refusal["balanced_accuracy"] == pytest.approx((36 / 48 + 1) / 2)
    assert results["arms"]["base"]["refusal"]["hallucination"] == 1.0
    assert results["losses"]["rag"] == dict.fromkeys(results["losses"]["rag"], "irrelevant")
    assert len(results["losses"]["rag"]) == 12
    assert results["retrieval"]["recall_at_5"]["mean"] == pytest.approx(36 / 48)
    assert results["arms"]["rag"]["metrics"]["citation_precision"]["mean"] == 1.0
    assert results["arms"]["base"]["metrics"]["citation_precision"]["unscored"] == {"no_retrieval": 60}
    strata = results["strata"]
    assert strata["answerable:no"]["arms"]["rag"]["mean"] == 1.0
    assert strata["known:yes"]["questions"] == 16
    assert results["arms"]["base"]["metrics"]["total_s"]["p95"] == pytest.approx(0.2)
    assert results["meter"]["seen"]


def test_four_arms_make_a_two_by_two_with_gate_and_holm(store: Experiments) -> None:
    asker = ScriptedAsker(base_knows=lambda i: i % 2 == 0)
    number = finished(store, asker, count=40, arms=("base", "rag", "sft:a", "sft:b", "rag+sft:a"))
    results = store.get(number).results
    board = results["factorial"]
    assert board["n"] == 40
    assert board["cells"]["rag"] == board["cells"]["rag+sft"] == 1.0
    assert set(board["adapters"]) == {"sft:a", "sft:b", "rag+sft:a"}
    assert [board[name]["value"] for name in ("sft", "interaction")] == pytest.approx([0, 0], abs=1e-12)
    assert board["over_adapters"]
    assert board["rag"]["interval"]["low"] > 0
    assert results["gate"]["test"] in ("friedman", "cochran")
    assert results["gate"]["p"] < 0.001
    assert len(results["pairs"]) == 10
    assert all(pair["p_holm"] >= pair["p"] for pair in results["pairs"])
    assert store.get(finished(store, asker)).results["factorial"] is None


def test_replay_finds_the_same_and_notices_what_was_changed(store: Experiments, tmp_path: Path) -> None:
    number = finished(store, ScriptedAsker(base_knows=lambda i: i % 3 == 0))
    found = replay(store, number)
    assert found.differences == ()
    assert found.checked > 30 * 2 * 20
    with sqlite3.connect(tmp_path / "tandem.db") as db:
        db.execute(
            "UPDATE experiment_answer SET answer = replace(answer, 'value 3\"', 'value 4\"')"
            " WHERE question_id = 'q3' AND arm = 'base'"
        )
    places = {difference.where for difference in replay(store, number).differences}
    assert "answers.q3.base.squad_f1" in places
    assert any(place.startswith("results.contrast.") for place in places)


def test_replay_of_a_run_with_failures_agrees(store: Experiments) -> None:
    number = finished(store, ScriptedAsker(fails=lambda arm, i: i % 7 == 0))
    assert replay(store, number).differences == ()


def test_two_experiments_are_compared_arm_by_arm(store: Experiments) -> None:
    before = finished(store, ScriptedAsker(base_knows=lambda i: True), count=40)
    after = finished(store, ScriptedAsker(base_knows=lambda i: i % 2 == 0), count=40)
    rows = {row["arm"]: row for row in compare_experiments(store, before, after)}
    assert rows["base"]["word"] == "worse"
    assert set(rows["base"]["lost"]) == {f"q{i}" for i in range(40) if i % 2 and i % 5}
    assert rows["rag"]["difference"] == 0.0
    assert rows["rag"]["word"] == "unclear"  # 40 equal answers do not prove equality within 5 points
    other = make_questions(12, language="zh")
    number = store.create("", other, make_plan(other, ["base", "rag"]))
    list(run_experiment(store, number, ScriptedAsker()))
    with pytest.raises(ExperimentError, match="share no arm and question"):
        compare_experiments(store, before, number)


def test_plans_that_cannot_be_run_are_refused() -> None:
    questions = make_questions(10)
    plan = make_plan(questions, ["base", "rag", "sft:x", "rag+sft:x"])
    assert (plan.primary, plan.contrast) == ("squad_f1", ("rag", "rag+sft:x"))
    assert make_plan(questions, ["base", "rag", "rag"]).arms == ("base", "rag")
    for wrong in (
        {"arms": ["rag"]},
        {"arms": ["base", "rag"], "primary": "total_s"},
        {"arms": ["base", "rag"], "primary": "bleu"},
        {"arms": ["base", "rag"], "contrast": ("base", "sft:x")},
        {"arms": ["base", "rag"], "contrast": ("rag", "rag")},
    ):
        with pytest.raises(ExperimentError) as told:
            make_plan(questions, wrong.pop("arms"), **wrong)
        assert told.value.text("zh") != told.value.text("en")


def test_store_outlives_its_connection_and_forgets_without_trace(tmp_path: Path) -> None:
    path = tmp_path / "tandem.db"
    first = Experiments(path)
    number = finished(first, ScriptedAsker(), count=10)
    results = first.get(number).results
    first.close()
    second = Experiments(path)
    assert second.get(number).results == results
    assert [e.id for e in second.all()] == [number]
    again = analyse(second.get(number), second.answers(number), second.retrievals(number), {})
    assert again["contrast"]["interval"] == pytest.approx(results["contrast"]["interval"])
    second.delete(number)
    with pytest.raises(ExperimentError, match="no experiment"):
        second.get(number)
    second.close()
    left = path.read_bytes() + b"".join(p.read_bytes() for p in tmp_path.glob("tandem.db-*"))
    assert b"Number 3 is value 3" not in left


def test_machine_is_described(tmp_path: Path) -> None:
    assert code_manifest()["packages"]["numpy"]
    assert machine_manifest()["memory_bytes"] > 1 << 30
    peak = PeakMemory()
    held = bytearray(b"x" * (200 << 20))
    high = peak.read()
    del held
    peak.begin()
    assert 1 << 20 < peak.read() < high - (100 << 20)  # the peak of what came before is forgotten
    assert EnergyCounter(tmp_path, cards=False).since_last_j() is None
    zone = tmp_path / "intel-rapl:0"
    zone.mkdir()
    (zone / "energy_uj").write_text("1000000\n")
    counter = EnergyCounter(tmp_path, cards=False)
    (zone / "energy_uj").write_text("3500000\n")
    assert counter.since_last_j() == 2.5
    (zone / "energy_uj").write_text("12\n")
    assert counter.since_last_j() is None  # the counter began again
