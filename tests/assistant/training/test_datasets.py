"""Datasets kept for training: what is taken in can be read again, and nothing of the user's is touched."""

import json
from pathlib import Path

import pytest

from assistant.errors import AssistantError
from assistant.training.datasets import Datasets
from finetune.examples import Example, Message, Source
from finetune.formats.reading import read_dataset


@pytest.fixture
def datasets(tmp_path: Path) -> Datasets:
    return Datasets(tmp_path / "datasets")


def test_a_recipe_makes_rows_that_are_read_again(datasets: Datasets) -> None:
    kept = datasets.self_cognition(" 小谈 ", "双轨", languages="zh")
    assert (kept.name, kept.recipe, kept.settings["num_train_epochs"]) == ("小谈", "self_cognition", 6.0)
    read = read_dataset(kept.path, dataset=kept.dataset)
    assert len(read.examples) == 40
    assert read.examples[0].answer == "我是小谈，由双轨开发的助手。"
    assert datasets.all() == [kept]
    assert len(kept.questions) == 6
    with pytest.raises(AssistantError) as caught:
        datasets.self_cognition(" ", "somebody")
    assert caught.value.code == "self_cognition_empty"


def test_uploads_keep_their_names_and_their_registry(datasets: Datasets) -> None:
    rows = json.dumps([{"instruction": "Hello?", "output": "Aye, sailor!"}]).encode()
    one = datasets.add_files([("../../captain.json", rows)], recipe="voice")
    assert one.path.name == "captain.json"
    assert one.path.is_relative_to(datasets.folder / one.id)
    assert read_dataset(one.path).examples[0].answer == "Aye, sailor!"
    registry = {
        "mine": {"file_name": "a.json"},
        "other": {"file_name": "b.json"},
        "far": {"file_name": "c.json"},
    }
    files = [("a.json", rows), ("b.json", rows), ("dataset_info.json", json.dumps(registry).encode())]
    many = datasets.add_files(files)
    assert datasets.entries(many) == ["mine", "other"]
    chosen = datasets.choose_entry(many.id, "other")
    assert read_dataset(chosen.path, dataset=chosen.dataset).name == "other"
    with pytest.raises(AssistantError) as caught:
        datasets.add_files([])
    assert caught.value.code == "dataset_empty"


def test_a_folder_of_the_user_s_stays_when_its_dataset_is_deleted(datasets: Datasets, tmp_path: Path) -> None:
    file = tmp_path / "mine" / "rows.jsonl"
    file.parent.mkdir()
    file.write_text('{"prompt": "a", "response": "b"}\n', "utf-8")
    kept = datasets.add_folder(file)
    assert kept.path == file
    datasets.delete(kept.id)
    assert file.exists()
    assert datasets.all() == []
    for wrong in (kept.id, "..", "", "a/../b"):
        with pytest.raises(AssistantError) as caught:
            datasets.get(wrong)
        assert caught.value.code == "dataset_unknown"
    with pytest.raises(AssistantError) as caught:
        datasets.add_folder(tmp_path / "nowhere")
    assert caught.value.code == "dataset_path_missing"


def test_placeholders_are_filled_in_a_copy(datasets: Datasets) -> None:
    row = Example(
        (Message("user", "Who are you?"), Message("assistant", "I am {{name}} by {{AUTHOR}}.")),
        Source("x", 1),
    )
    kept = datasets.add_examples([row], name="identity", questions=["Who are you?"])
    filled = datasets.filled(kept, [row], {"name": "Tandy", "author": "us"})
    assert read_dataset(filled.path, dataset=filled.dataset).examples[0].answer == "I am Tandy by us."
    assert "{{name}}" in read_dataset(kept.path, dataset=kept.dataset).examples[0].answer
    assert filled.questions == kept.questions == ("Who are you?",)
    assert {each.id for each in datasets.all()} == {kept.id, filled.id}
