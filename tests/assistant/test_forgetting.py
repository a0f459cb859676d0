"""Deleting documents leaves no copy of them in experiments, votes and conversations."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.arms import Answer, ArmRecord, Citation, Sentence
from assistant.compare.experiment import run_experiment
from assistant.compare.planning import make_plan
from assistant.compare.replay import replay
from assistant.compare.store import Experiments
from assistant.compare.votes import Ballot, ShownAnswer, Votes
from assistant.conversations import Conversations
from assistant.errors import ExperimentError
from assistant.forgetting import Gone, forgetting
from knowledge.documents import Passage, Retrieval, SearchOptions
from tests.assistant.compare.scripted import ScriptedAsker, make_questions

SECRET, OTHER, FILE, BASE = "zindel-valve-31-bar", "morrow-pump-cellar", "geheim.pdf", "Klosterakten"


def passage(text: str, *, base: int, source: int, name: str) -> Passage:
    return Passage(source, source, base, name, text, 0, len(text), 0.9)


class TwoFiles(ScriptedAsker):
    """Even questions find the secret file, odd ones another file of the same base."""

    def search(self, question: str) -> Retrieval:
        even = int("".join(filter(str.isdigit, question))) % 2 == 0
        found = (
            passage(f"It says {SECRET} value.", base=7, source=70, name=FILE)
            if even
            else passage(f"It says {OTHER} value.", base=7, source=71, name="offen.md")
        )
        return Retrieval(question, (found,), generation="g1")

    def ask(self, question, arm, retrieval, language):
        answer = super().ask(question, arm, retrieval, language)
        text = retrieval.passages[0].text if arm == "rag" else "I guess."
        cited = (Citation(1, retrieval.passages[0], ((0, 5),), 0.9),) if arm == "rag" else ()
        return Answer(
            text, (Sentence(0, len(text)),), cited, prompt=f"Context: {text}", timings_ms=answer.timings_ms
        )

    def base_ids(self) -> list[int]:
        return [7]

    def identity(self, arms):
        return {"model": "m", "sources": {FILE: "00", "offen.md": "01"}, "bases": {BASE: {"chunks": 2}}}


Stores = tuple[Path, Experiments, Votes, Conversations]


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    """An experiment, a vote and a conversation over one base of two files."""
    database = tmp_path / "tandem.db"
    experiments, votes, conversations = Experiments(database), Votes(database), Conversations(database)
    asked = make_questions(20)
    plan = make_plan(asked, ["base", "rag"], base_names=(BASE,))
    number = experiments.create(f"{BASE}, 20", asked, plan)
    list(run_experiment(experiments, number, TwoFiles()))
    for secret, source, name in ((SECRET, 70, FILE), (OTHER, 71, "offen.md")):
        found = passage(f"It says {secret}.", base=7, source=source, name=name)
        answer = Answer(
            f"So {secret}.",
            citations=(Citation(1, found, ((0, 2),), 0.9),),
            prompt=f"Context: {secret}",
            record=ArmRecord("rag", "m"),
        )
        guess = Answer("A guess.", record=ArmRecord("base", "m"))
        unread = passage(f"Beside it: {secret}.", base=7, source=source, name=name)
        kept = Retrieval("What?", (found, unread), asked=SearchOptions((7,), 5, "hybrid", 0.0))
        shown = (ShownAnswer("rag", answer, retrieval=kept), ShownAnswer("base", guess))
        votes.add(Ballot("What?", shown, "best", "rag", base_ids=(7,), base_names=(BASE,)))
        turn = conversations.create()
        conversations.add_turn(
            turn,
            "What?",
            {"rag": answer},
            retrievals={"rag": Retrieval("What?", (found,))},
            base_names=[BASE],
        )
    yield database, experiments, votes, conversations
    for store in (experiments, votes, conversations):
        store.close()


def on_disk(database: Path) -> str:
    """Everything in the file and its log, as it would be found by a search over bytes."""
    files = [database, *database.parent.glob("tandem.db-*")]
    return "".join(file.read_bytes().decode("utf-8", "replace") for file in files)


def forget(stores: Stores, gone: Gone) -> None:
    _, experiments, votes, conversations = stores
    with forgetting(gone, experiments=experiments, votes=votes, conversations=conversations):
        pass


def test_a_deleted_base_leaves_scores_and_no_text(stores: Stores) -> None:
    database, experiments, votes, conversations = stores
    number = experiments.all()[0].id
    before = experiments.get(number).results["contrast"]
    assert SECRET in on_disk(database)
    forget(stores, Gone(7, base_name=BASE, names=(FILE, "offen.md")))
    for conversation in conversations.list():
        # What a person was answered is theirs; the passages behind it are not.
        (turn,) = conversations.get(conversation.id).turns
        assert turn.answers["rag"].text.startswith("So ")
        assert turn.answers["rag"].prompt == ""
        assert turn.retrievals["rag"].passages[0].text == ""
        conversations.delete(conversation.id)
    left = on_disk(database)
    for secret in (SECRET, OTHER, FILE, "offen.md", BASE, "Number 3 is value 3"):
        assert secret not in left
    experiment = experiments.get(number)
    assert experiment.results["contrast"] == before
    assert experiment.name == f"#{number}"
    assert [question.text for question in experiment.questions][3] == "What is number 3?"
    assert all(not question.evidence for question in experiment.questions)
    assert {one.answer.text for one in experiments.answers(number)} == {""}
    with pytest.raises(ExperimentError, match="erased"):
        replay(experiments, number)
    assert [ballot.best for ballot in votes.all()] == ["rag", "rag"]
    assert votes.all()[0].shown[1].answer.text == "A guess."
    assert votes.all()[0].base_names == ()


def test_a_base_that_only_one_arm_searched_is_forgotten_too(stores: Stores) -> None:
    _, _, votes, _ = stores
    found = passage("Vault nine.", base=9, source=90, name="tresor.md")
    own = Retrieval("Where?", (found,), asked=SearchOptions((9,), 5, "hybrid", 0.0))
    here = Retrieval(
        "Where?",
        (passage("Hall two.", base=8, source=80, name="b.md"),),
        asked=SearchOptions((8,), 5, "hybrid", 0.0),
    )
    shown = tuple(
        ShownAnswer(
            arm,
            Answer("There.", prompt=f"Read: {kept.passages[0].text}", record=ArmRecord(arm, "m")),
            retrieval=kept,
        )
        for arm, kept in (("rag?base=Tresor", own), ("rag", here))
    )
    votes.add(Ballot("Where?", shown, "tie", base_ids=(8,), base_names=("b",)))
    forget(stores, Gone(9, base_name="Tresor", names=("tresor.md",)))
    last = votes.all()[-1].shown
    assert last[0].answer is not None
    assert last[0].answer.prompt == ""
    assert last[0].retrieval is not None
    assert last[0].retrieval.passages[0].text == ""
    assert last[1].answer is not None
    assert last[1].answer.prompt == "Read: Hall two."
    assert last[1].retrieval == here


class Vault(TwoFiles):
    """One arm searches a base of its own."""

    def read(self, question, arm):
        return Retrieval(question, (passage("Vault nine is open.", base=9, source=90, name="tresor.md"),))

    def base_ids(self) -> list[int]:
        return [7, 9]

    def identity(self, arms):
        own = {"rag?base=9": {"sources": {"tresor.md": "02"}, "bases": {"Tresor": {"chunks": 1}}}}
        return super().identity(arms) | {"own": own}


def test_what_one_arm_of_an_experiment_looked_up_is_forgotten(stores: Stores) -> None:
    database, experiments, _, _ = stores
    asked = make_questions(12)
    number = experiments.create("own", asked, make_plan(asked, ["base", "rag", "rag?base=9"]))
    list(run_experiment(experiments, number, Vault()))
    before = experiments.get(number).results["own_retrieval"]
    assert "Vault nine" in on_disk(database)
    forget(stores, Gone(9, base_name="Tresor", names=("tresor.md",)))
    for secret in ("Vault nine", "tresor.md", "Tresor"):
        assert secret not in on_disk(database)
    assert experiments.get(number).results["own_retrieval"] == before
    assert experiments.get(number).manifest["identity"]["sources"]  # what the others searched is still there


def test_a_deleted_file_takes_only_its_own_with_it(stores: Stores) -> None:
    database, experiments, votes, conversations = stores
    number = experiments.all()[0].id
    forget(stores, Gone(7, 70, names=(FILE,)))
    first = min(conversations.list(), key=lambda one: one.id)
    assert SECRET in conversations.get(first.id).turns[0].answers["rag"].text
    conversations.delete(first.id)
    left = on_disk(database)
    assert SECRET not in left
    assert FILE not in left
    answers = {(one.question_id, one.arm): one.answer for one in experiments.answers(number)}
    assert answers["q2", "rag"].text == ""
    assert OTHER in answers["q3", "rag"].text
    texts = [ballot.shown[0].answer.text for ballot in votes.all()]
    assert texts == ["", f"So {OTHER}."]


def test_another_base_is_left_alone_and_a_failed_deletion_erases_nothing(stores: Stores) -> None:
    database, experiments, votes, conversations = stores
    kept = [experiments.answers(1), votes.all(), [conversations.get(one.id) for one in conversations.list()]]
    forget(stores, Gone(8, base_name="Other", names=("x.pdf",)))
    with (
        pytest.raises(OSError, match="disk"),
        forgetting(Gone(7), experiments=experiments, votes=votes, conversations=conversations),
    ):
        raise OSError("disk")
    assert kept == [
        experiments.answers(1),
        votes.all(),
        [conversations.get(one.id) for one in conversations.list()],
    ]
    assert SECRET in on_disk(database)
