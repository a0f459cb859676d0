"""From votes to a further arm: preferences become rows, rows train an adapter, the adapter answers and is voted on."""

import time
from collections.abc import Iterator
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path

import pytest

from assistant.app import App
from assistant.arms import BASE, Answer, Arm, Finished, Sampling
from assistant.compare.hand_over import votes_to_dataset
from assistant.compare.leaderboard import standings
from assistant.compare.votes import Ballot, ShownAnswer
from assistant.settings import ModelSettings, load_settings
from finetune.config import DataConfig
from finetune.folders import ModelFolder
from tests.finetune.tiny_chat import NAMES, tiny_config, write_tiny_chat

PREFERRED, OTHER = "It is in drawer seven.", "I do not know where it is."


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return write_tiny_chat(tmp_path_factory.mktemp("votes_to_arm") / "model")


@pytest.fixture
def app(model: ModelFolder, tmp_path: Path) -> Iterator[App]:
    settings = load_settings(data_dir=tmp_path / "data", models=ModelSettings(chat=str(model.path)))
    with App.open(settings) as app:
        yield app


def test_votes_train_an_adapter_that_is_an_arm_and_takes_part_in_the_next_vote(
    app: App, model: ModelFolder
) -> None:
    for number in range(24):
        shown = (ShownAnswer("base", Answer(OTHER)), ShownAnswer("rag", Answer(PREFERRED)))
        app.votes.add(Ballot(f"Where is the {NAMES[number % 12]} {number}?", shown, "best", "rag"))
    kept = votes_to_dataset(app.workshop.datasets, app.votes.all(), "preferences", name="votes")
    assert app.adapters() == []

    # The chosen answers are imitated too, so that the random model learns to end them.
    config = tiny_config(model, kept.path, max_steps=40, learning_rate=1e-2, pref_ftx=1.0)
    config = replace(config, model=str(model.path), name="liked", rows=DataConfig(max_length=128))
    run = app.workshop.start(config)
    deadline = time.monotonic() + 240
    while app.workshop.status(run.id).alive and time.monotonic() < deadline:
        time.sleep(0.1)
    assert app.workshop.status(run.id).state == "done", run.folder.log.read_text("utf-8")
    assert app.workshop.run(run.id).record["settings"]["stage"] == "dpo"

    assert app.adapters() == ["liked"], (run.folder.result / "card.json").read_text("utf-8")
    question = "Where is the mallet 77?"
    arms = [BASE, Arm(False, "liked")]
    events = app.ask(question, arms=arms, base_ids=(), sampling=Sampling(max_new_tokens=16))
    answers = {event.arm.name: event.answer for event in events if isinstance(event, Finished)}
    assert sorted(answers) == ["base", "sft:liked"]
    record = answers["sft:liked"].record
    assert record is not None
    assert record.adapter_sha256 is not None
    assert record.adapter_check is not None
    assert record.adapter_check.changed > 0
    assert record.adapter_check.restored
    # It learnt from the votes what to say; the untrained base says something else.
    likeness = {name: _alike(answer.text, PREFERRED) for name, answer in answers.items()}
    assert likeness["sft:liked"] > likeness["base"] + 0.2, answers
    assert likeness["sft:liked"] > _alike(answers["sft:liked"].text, OTHER), answers

    shown = tuple(ShownAnswer(name, answer) for name, answer in answers.items())
    app.votes.add(Ballot(question, shown, "best", "sft:liked"))
    board = standings(app.votes.all())
    assert board is not None
    assert {rating.arm for rating in board.ratings} == {"base", "rag", "sft:liked"}


def _alike(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other).ratio()
