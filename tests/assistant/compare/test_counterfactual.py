import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.arms import Answer
from assistant.compare.counterfactual import alter, altered_retrieval, probe_experiment, sources_of
from assistant.compare.experiment import Answered, run_experiment
from assistant.compare.planning import make_plan
from assistant.compare.report import html_report
from assistant.compare.store import Experiments
from knowledge.documents import Retrieval
from tests.assistant.compare.scripted import ScriptedAsker, make_questions, passage


class Reading(ScriptedAsker):
    """Base knows every third answer; the adapter every second one besides. With passages all read them, but for
    the questions whose answer they know by heart and hold on to: every sixth.
    """

    def ask(self, question, arm, retrieval, language):
        super().ask(question, arm, Retrieval(question, (passage("Nothing."),)), language)
        i = int("".join(filter(str.isdigit, question)))
        known = i % 3 == 0 or ("sft" in arm and i % 2 == 0)
        read = re.search(r"is (value \d+)", retrieval.passages[0].text) if arm.startswith("rag") else None
        if read and not (known and i % 6 == 0) and f"Number {i} " in retrieval.passages[0].text:
            return Answer(read[1])
        if known:
            return Answer(f"value {i}")
        return Answer("I could not find it.", refused=True) if arm.startswith("rag") else Answer("no idea")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Experiments]:
    opened = Experiments(tmp_path / "tandem.db")
    yield opened
    opened.close()


@pytest.mark.parametrize("arms", [("rag", "rag+sft:a"), ("base", "rag", "sft:a", "rag+sft:a")])
def test_sources_are_found_by_changing_what_is_read(store: Experiments, arms: tuple[str, ...]) -> None:
    questions = make_questions(30)
    number = store.create("", questions, make_plan(questions, arms))
    list(run_experiment(store, number, Reading()))
    asker = Reading()
    list(probe_experiment(store, number, asker, limit=100))
    told = sources_of(store.probes(number))
    right = [i for i in range(30) if i % 5]  # the answerable ones, all found
    base = [f"q{i}" for i in right if i % 3 == 0]
    adapter = [f"q{i}" for i in right if i % 3 and i % 2 == 0]
    assert (told["rag"]["n"], told["rag"]["base"]) == (24, len(base))
    assert told["rag"]["adapter"] == 0
    assert told["rag+sft:a"]["base"] == len(base)
    assert told["rag+sft:a"]["adapter"] == len(adapter)
    assert [name for name, source in told["rag+sft:a"]["questions"].items() if source == "adapter"] == adapter
    # With the figure in the passage changed, only what is held by heart stays.
    assert told["rag"]["altered"]["keeps"] == sum(i % 6 == 0 for i in right)
    assert told["rag"]["altered"]["follows"] == sum(i % 6 != 0 for i in right)
    assert told["rag"]["swapped"]["refused"] == sum(i % 3 != 0 for i in right)
    # What an arm of the experiment had answered without passages is not asked again.
    assert ("base" in {arm for _, arm in asker.asked}) is ("base" not in arms)
    before = len(asker.asked)
    events = list(probe_experiment(store, number, asker, limit=100))
    assert len(asker.asked) == before
    assert all(event.error is None for event in events if isinstance(event, Answered))
    report = html_report(store, number, "en")
    assert "Where right answers came from" in report


def test_arms_with_a_look_up_or_a_model_of_their_own_read_what_they_are_handed(store: Experiments) -> None:
    arms = ["rag", "rag+sft:a?model=m&top_k=3&base=other"]
    questions = make_questions(12)
    number = store.create("", questions, make_plan(questions, arms))
    list(run_experiment(store, number, Reading()))
    asker = Reading()
    list(probe_experiment(store, number, asker, limit=100))
    own = {arm for _, arm in asker.asked if arm.endswith("model=m")}
    assert own == {"rag+sft:a?model=m", "sft:a?model=m", "base?model=m"}
    assert all("top_k" not in arm for _, arm in asker.asked)
    assert {probe.arm for probe in store.probes(number)} == set(arms)


def test_a_failure_is_counted_and_tried_again(store: Experiments) -> None:
    questions = make_questions(12)
    number = store.create("", questions, make_plan(questions, ["base", "rag"]))
    list(run_experiment(store, number, Reading()))
    failing = Reading(fails=lambda arm, i: i == 4)
    events = [e for e in probe_experiment(store, number, failing, limit=100) if isinstance(e, Answered)]
    assert events[-1].failed == 2  # swapped and altered; without passages the base had answered
    list(probe_experiment(store, number, Reading(), limit=100))
    changes = {probe.change for probe in store.probes(number) if probe.question_id == "q4"}
    assert changes == {"removed", "swapped", "altered"}


def test_figures_are_changed_digit_by_digit_and_words_by_other_answers() -> None:
    questions = make_questions(10).questions
    wanted, instead = alter(questions[3], questions, seed=0)
    assert wanted == "value 3"
    assert re.fullmatch(r"value [1-9]", instead)
    assert instead != wanted
    found = Retrieval("?", (passage("It is  VALUE\n3, not more."), passage("Other.")))
    changed = altered_retrieval(found, wanted, "value 7")
    assert changed.passages[0].text == "It is  value 7, not more."
    assert changed.passages[1] is not None
    assert altered_retrieval(Retrieval("?", (passage("Other."),)), wanted, instead) is None
