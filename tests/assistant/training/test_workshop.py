"""What the page Train stands on: reports, the lens, the plan, runs and adapters of one installation."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assistant.app import App
from assistant.settings import ModelSettings, Settings, load_settings
from assistant.training.workshop import Workshop
from finetune.config import DataConfig, TrainingConfig
from finetune.errors import DatasetError
from finetune.folders import ModelFolder
from tests.finetune.tiny_chat import tiny_config, write_rows, write_tiny_chat


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return write_tiny_chat(tmp_path_factory.mktemp("workshop") / "model")


@pytest.fixture
def settings(model: ModelFolder, tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path / "data", models=ModelSettings(chat=str(model.path)))


@pytest.fixture
def workshop(settings: Settings) -> Workshop:
    return Workshop(settings)


def test_the_lens_shows_what_the_trainer_gets(workshop: Workshop, model: ModelFolder, tmp_path: Path) -> None:
    from finetune.training_data import prepare_rows

    config = tiny_config(model, write_rows(tmp_path / "rows.json", 6), eval_share=0)
    config = replace(config, model=str(model.path))
    examined = workshop.examine(config)
    assert examined.report.kept == 6
    trained = prepare_rows(config, workshop.tokenizer(config.model)).train
    for number, example in enumerate(examined.data.examples):
        (views,) = workshop.lens(config, example).tokens
        assert [view.id for view in views] == trained[number]["input_ids"].tolist()
        assert [view.trained for view in views] == [label != -100 for label in trained[number]["labels"]]
        assert sum(view.is_stop for view in views) == 1
    everything = replace(config, rows=replace(config.rows, train_on="all"))
    (views,) = workshop.lens(everything, examined.data.examples[0]).tokens
    assert sum(view.trained for view in views) > 1.5 * sum(label != -100 for label in trained[0]["labels"])


def test_a_report_is_remembered_until_the_file_changes(
    workshop: Workshop, model: ModelFolder, tmp_path: Path
) -> None:
    data = write_rows(tmp_path / "rows.json", 6)
    config = replace(tiny_config(model, data), model=str(model.path))
    first = workshop.examine(config)
    assert workshop.examine(config) is first
    time.sleep(0.01)
    write_rows(data, 8)
    assert workshop.examine(config).report.rows == 8
    data.write_text(json.dumps([{"instruction": "a", "output": "b"}, {"unknown": 1}]), "utf-8")
    with pytest.raises(DatasetError) as caught:
        workshop.examine(config)
    assert caught.value.findings
    allowed = replace(config, rows=replace(config.rows, max_dropped_share=0.6))
    assert workshop.examine(allowed).report.dropped == 1


def test_the_plan_says_what_the_run_then_does(workshop: Workshop, model: ModelFolder, tmp_path: Path) -> None:
    data = write_rows(tmp_path / "rows.json", 24)
    config = replace(
        tiny_config(model, data, max_steps=2, num_train_epochs=1.0, save_steps=None, eval_steps=None),
        model=str(model.path),
    )
    plan = workshop.plan(config, workshop.examine(config).report)
    assert plan.fits
    assert (plan.rows + plan.eval_rows, plan.steps) == (24, 2)
    tight = replace(config, training=replace(config.training, max_memory_gb=1e-4))
    assert not workshop.plan(tight, workshop.examine(tight).report).fits
    run = workshop.start(config)
    deadline = time.monotonic() + 240
    while workshop.status(run.id).alive and time.monotonic() < deadline:
        time.sleep(0.1)
    status = workshop.status(run.id)
    assert status.state == "done", (status, run.folder.log.read_text("utf-8"))
    record = workshop.run(run.id).record
    assert (record["rows"], record["eval_rows"]) == (plan.rows, plan.eval_rows)
    assert record["parameters"]["trainable"] == plan.memory.trainable
    assert record["settings"]["per_device_train_batch_size"] == plan.settings.per_device_train_batch_size
    workshop.delete_run(run.id)
    assert workshop.runs() == []


def test_chinese_rows_on_an_english_model_are_remarked_on() -> None:
    from collections import Counter
    from types import SimpleNamespace

    from assistant.training.workshop import _language_advice

    def advised(model: str, **languages: int) -> list[str]:
        report: Any = SimpleNamespace(languages=Counter(languages))
        return [finding.text("zh") for finding in _language_advice(model, report)]

    (told,) = advised("smollm2-135m-reader", zh=18, latin=6)
    assert "75%" in told
    assert "smollm2-135m-reader" in told
    assert advised("smollm2-135m-reader", zh=6, latin=18) == []
    assert advised("qwen3-4b-instruct-2507", zh=24) == []
    assert advised("/a/folder", zh=24) == []
    assert advised("smollm2-135m-reader") == []


def test_only_adapters_that_can_answer_are_offered(
    settings: Settings, model: ModelFolder, tmp_path: Path
) -> None:
    from finetune.adapters import seal
    from finetune.run_folder import write_json

    def adapter(name: str, method: str, revision: str) -> None:
        folder = settings.adapters_dir / name
        folder.mkdir(parents=True)
        (folder / "adapter_model.safetensors").write_bytes(b"x")
        write_json(folder / "adapter_config.json", {"peft_type": method.upper()})
        seal(folder, {"base_model": str(model.path), "base_revision": revision, "method": method})

    adapter("good", "lora", model.revision)
    adapter("virtual", "prompt_tuning", model.revision)
    adapter("old", "lora", "sha256:other")
    adapter("broken", "lora", model.revision)
    (settings.adapters_dir / "broken" / "adapter_model.safetensors").write_bytes(b"xx")
    with App.open(settings) as app:
        assert app.adapters() == ["good"]
        reasons = {info.name: reason for info, reason in app.workshop.adapters.all()}
        assert reasons.pop("good") is None
        codes = {name: getattr(reason, "code", "") for name, reason in reasons.items()}
        assert codes == {
            "virtual": "adapter_kind_not_served",
            "old": "adapter_of_other_version",
            "broken": "adapter_damaged",
        }
        app.workshop.adapters.note("good", "for tests")
        app.workshop.adapters.rename("good", "better")
        assert app.adapters() == ["better"]
        app.workshop.adapters.delete("better")
        assert app.adapters() == []


def test_the_settings_a_draft_leaves_open_are_the_recommended_ones(
    workshop: Workshop, model: ModelFolder, tmp_path: Path
) -> None:
    config = replace(
        tiny_config(model, write_rows(tmp_path / "rows.json", 24)),
        model=str(model.path),
        rows=DataConfig(max_length=128),
        training=TrainingConfig(),
    )
    chosen = workshop.plan(config, workshop.examine(config).report).settings
    assert (chosen.lora_r, chosen.lora_alpha, chosen.learning_rate) == (16, 32.0, 3e-4)
