"""`FineTuner`: rows in, a checked adapter out, measured, saved, and back as a LangChain chat model."""

import json
from pathlib import Path

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.prompts import ChatPromptTemplate

import finetune
from assistant.settings import Settings, load_settings
from assistant.training.fine_tuner import FineTuner, as_file
from assistant.training.installation import base_named_by
from finetune.adapters import list_adapters
from finetune.config import DataConfig
from finetune.errors import AdapterError
from finetune.run_folder import Status
from tests.finetune.tiny_chat import NAMES, write_tiny_chat


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path / "data")


def rows(count: int) -> list[dict[str, str]]:
    return [
        {
            "instruction": f"Where is the {NAMES[k % len(NAMES)]} number {k}?",
            "output": "It is in drawer seven.",
        }
        for k in range(count)
    ]


def tuner(settings: Settings, model: Path, **training: object) -> FineTuner:
    return FineTuner(
        model=str(model),
        settings=settings,
        rows=DataConfig(max_length=256),
        lora_r=4,
        lora_dropout=0.0,
        learning_rate=2e-2,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=1,
        precision="fp32",
        save_steps=1000,
        **training,
    )


def test_train_evaluate_save_and_ask(settings: Settings, tmp_path: Path) -> None:
    model = write_tiny_chat(tmp_path / "model")
    tuned = tuner(settings, model.path).train(rows(24), epochs=10)
    assert tuned.status.state == "done", tuned.status.reason()
    found = tuned.evaluate(rows(36)[24:])
    assert found["loss"] < 0.5 * found["base_loss"]
    assert list_adapters(settings.adapters_dir) == []  # nothing is offered before it is saved
    tuned.save("drawers")
    assert [info.name for info in list_adapters(settings.adapters_dir)] == ["drawers"]
    chat = tuned.chat_model()
    assert isinstance(chat, BaseChatModel)
    chain = ChatPromptTemplate.from_messages([("user", "Where is the {thing} number 99?")]) | chat
    reply = chain.invoke({"thing": "drill"})
    assert str(reply.content).startswith("It is in drawer seven.")
    assert reply.response_metadata["adapter"] == tuned.run


@pytest.mark.slow
def test_a_whole_model_comes_back_as_a_model(settings: Settings, tmp_path: Path) -> None:
    model = write_tiny_chat(tmp_path / "model")
    tuned = tuner(settings, model.path, method="full").train(rows(24), epochs=4, learning_rate=3e-3)
    assert tuned.status.code == "model_made", tuned.status.reason()
    found = tuned.evaluate(rows(30)[24:])
    assert found["loss"] < found["base_loss"]
    with pytest.raises(AdapterError) as caught:
        tuned.save("whole")
    assert caught.value.code == "model_not_adapter"
    assert str(tuned.chat_model().invoke("Where is the saw number 3?").content)


def test_rows_in_memory_become_one_file(settings: Settings, tmp_path: Path) -> None:
    first, again, other = (as_file(some, settings) for some in (rows(3), rows(3), rows(4)))
    assert first == again != other
    assert as_file(str(tmp_path), settings) == tmp_path


def test_an_adapter_that_failed_its_checks_is_not_saved(settings: Settings, tmp_path: Path) -> None:
    from assistant.training.fine_tuner import TunedModel

    made = TunedModel(tuner(settings, tmp_path), "no-run", Status())
    with pytest.raises(AdapterError) as caught:
        made.save("x")
    assert caught.value.code == "adapter_not_offered_yet"


def test_an_adapter_that_names_its_base_by_hub_id_finds_the_embedded_model(tmp_path: Path) -> None:

    assert base_named_by(Path(finetune.__file__).parent / "recipes/reader/adapter") == "smollm2-135m-instruct"
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    config = {"peft_type": "LORA", "base_model_name_or_path": "someone/else-7b"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    assert base_named_by(tmp_path) == "someone/else-7b"
