"""Votes that become a dataset with its provenance, and an answer that becomes a conversation."""

import json
from pathlib import Path

import pytest

from assistant.compare.hand_over import answer_to_conversation, votes_to_dataset
from assistant.compare.votes import Ballot, ShownAnswer
from assistant.conversations import Conversations
from assistant.errors import AssistantError
from assistant.training.datasets import Datasets
from finetune.formats.reading import read_dataset
from tests.assistant.compare.test_votes import ANSWER, ballot

FIXED = Ballot(
    "How heavy?",
    (ShownAnswer("base", ballot("x", "tie").shown[0].answer), ShownAnswer("rag", ANSWER)),
    "best",
    "rag",
    base_names=("手册",),
    corrected="12 kilograms.",
    id=7,
)


@pytest.mark.parametrize(
    ("kind", "rows", "read_as"), [("corrected", 1, "sft"), ("preferences", 3, "dpo"), ("likes", 2, "kto")]
)
def test_votes_become_a_dataset_that_training_lists(
    tmp_path: Path, kind: str, rows: int, read_as: str
) -> None:
    datasets = Datasets(tmp_path / "datasets")
    kept = votes_to_dataset(datasets, [FIXED, ballot("tied", "tie")], kind, name="投票")  # type: ignore[arg-type]
    assert datasets.get(kept.id).name == "投票"
    read = read_dataset(kept.path)
    assert [example.kind for example in read.examples] == [read_as] * rows
    assert {example.provenance["vote"] for example in read.examples} == {7}
    (vote,) = json.loads((datasets.folder / kept.id / "provenance.json").read_text("utf-8"))["votes"]
    assert vote["id"] == 7
    assert vote["answers"][1]["record"]["index_generation"] == "g7"


def test_votes_that_make_no_rows_are_told(tmp_path: Path) -> None:
    datasets = Datasets(tmp_path / "datasets")
    with pytest.raises(AssistantError) as told:
        votes_to_dataset(datasets, [ballot("tied", "tie")], "corrected", name="x")
    assert told.value.code == "votes_without_rows"
    assert not list(tmp_path.glob("datasets/*"))


def test_an_answer_becomes_a_conversation_of_its_arm(tmp_path: Path) -> None:
    conversations = Conversations(tmp_path / "tandem.db")
    number = answer_to_conversation(
        conversations, "How heavy?", FIXED.shown[1], retrieval=None, base_names=("手册",)
    )
    conversation = conversations.get(number)
    assert conversation.title == "How heavy?"
    assert list(conversation.turns[0].answers) == ["rag"]
    assert [turn.content for turn in conversation.history("rag")] == ["How heavy?", "It weighs 12 kg."]
    conversations.close()
