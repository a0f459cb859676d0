"""A run in this process: what it writes, that it learns, and what happens when it is disturbed."""

import errno
import json
import os
import random
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from finetune.adapters import find, verified
from finetune.errors import AdapterError, ModelUnavailableError
from finetune.folders import ModelFolder
from finetune.models import load_model
from finetune.run_folder import CHECKPOINT_MARKER, RunFolder
from finetune.runs import load_tokenizer
from finetune.train import run
from finetune.training_data import prepare_rows, write_run
from finetune.training_loop import SupervisedTrainer
from tests.finetune.tiny_chat import tiny_config, write_rows, write_tiny_chat


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="module")
def model(place: Path) -> ModelFolder:
    return write_tiny_chat(place / "model")


@pytest.fixture(scope="module")
def data(place: Path) -> Path:
    return write_rows(place / "rows.json")


@pytest.fixture(scope="module")
def prepare(place: Path, model: ModelFolder, data: Path):
    """Return a function that writes a run's folder without starting it."""
    tokenizer = load_tokenizer(model)

    def make(name: str, **training: Any) -> RunFolder:
        config = tiny_config(model, data, **training)
        folder = RunFolder(place / "runs" / name)
        prepared = prepare_rows(config, tokenizer)
        write_run(folder, config, prepared, model, tokenizer, adapters_dir=place / "adapters")
        return folder

    return make


@pytest.fixture(scope="module")
def finished(prepare) -> RunFolder:
    """A run that learnt its rows, with everything it wrote."""
    folder = prepare("finished", max_steps=60, learning_rate=2e-2, eval_steps=20, save_steps=25)
    assert run(folder.path).reason() == ""
    return folder


@pytest.fixture(autouse=True)
def fewer_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """General questions say nothing about a random model; two do."""
    monkeypatch.setattr("finetune.checks.QUESTIONS", (("a", "b", "c", "d"), ("e", "f", "g", "h")))


def losses(folder: RunFolder, kind: str = "train") -> dict[int, float]:
    return {r["step"]: r["loss"] for r in folder.read_metrics()[0] if r["kind"] == kind}


def weights(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "adapter_model.safetensors")


@pytest.fixture(scope="module", autouse=True)
def fewer_questions_for_modules():
    patch = pytest.MonkeyPatch()
    patch.setattr("finetune.checks.QUESTIONS", (("a", "b", "c", "d"), ("e", "f", "g", "h")))
    yield
    patch.undo()


def test_a_run_learns_and_leaves_a_whole_adapter(finished: RunFolder, place: Path) -> None:
    status = finished.read_status()
    assert (status.state, status.step, status.total_steps, status.adapter) == ("done", 60, 60, "tiny")
    loss = losses(finished)
    assert list(loss) == list(range(1, 61))
    assert loss[60] < 0.3 * loss[1]
    held = losses(finished, "eval")
    assert list(held) == [0, 20, 40, 60]
    assert held[60] < held[0]
    names = {path.name for path in finished.result.iterdir()}
    assert names == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "card.json",
        "training.yaml",
        "COMPLETE.json",
    }
    info = find(place / "adapters", "tiny")
    assert info.whole
    assert info.record["seed"] == 42
    assert len(info.record["data_hash"]) == len(info.record["template_hash"]) == 64
    card = {gate["name"]: gate for gate in info.card["gates"]}
    assert [name for name, gate in card.items() if gate["passed"] is False] == []
    assert card["answers_end"]["figures"] == {"ended": 4, "answers": 4}
    assert card["moved"]["figures"]["modules"] == 14
    assert card["merge"]["figures"]["same"] == 4


def test_the_adapter_answers_what_was_taught(finished: RunFolder, place: Path, model: ModelFolder) -> None:
    from finetune.checks import greedy

    loaded: Any = load_model(model, adapter=verified(place / "adapters", "tiny", base=model), dtype="float32")
    text = loaded.tokenizer.apply_chat_template(
        [{"role": "user", "content": "Where is the drill number 99?"}],
        tokenize=False,
        add_generation_prompt=True,
    )
    prompt = loaded.tokenizer(text, add_special_tokens=False)["input_ids"]
    answer = loaded.tokenizer.decode(
        greedy(loaded.model, loaded.tokenizer, prompt, 40), skip_special_tokens=True
    )
    assert answer.startswith("It is in drawer seven.")
    with loaded.model.disable_adapter():
        base = loaded.tokenizer.decode(
            greedy(loaded.model, loaded.tokenizer, prompt, 40), skip_special_tokens=True
        )
    assert not base.startswith("It is in drawer")


def test_the_same_settings_give_the_same_weights(prepare, finished: RunFolder) -> None:
    first, second = prepare("once"), prepare("twice")
    run(first.path), run(second.path)
    assert losses(first) == losses(second)
    for name, tensor in weights(first.result).items():
        assert torch.equal(tensor, weights(second.result)[name])


@pytest.mark.parametrize("dropout", [pytest.param(0.0, marks=pytest.mark.slow), 0.2])
def test_a_resumed_run_is_the_run_that_was_never_stopped(prepare, dropout: float, monkeypatch) -> None:
    # Six rows a step make four steps an epoch, so that the stop falls inside the second epoch.
    training = {
        "max_steps": 8,
        "lora_dropout": dropout,
        "gradient_accumulation_steps": 2,
        "per_device_train_batch_size": 2,
    }
    whole, cut = prepare(f"whole-{dropout}", **training), prepare(f"cut-{dropout}", **training)
    run(whole.path)
    log = SupervisedTrainer.log

    def log_and_stop(self: Any, logs: Any, *more: Any) -> None:
        log(self, logs, *more)
        if self.state.global_step == 6:
            cut.stop.write_text("stop", "utf-8")

    with monkeypatch.context() as patch:
        patch.setattr(SupervisedTrainer, "log", log_and_stop)
        status = run(cut.path)
    assert (status.state, status.adapter) == ("stopped", "")
    assert not cut.result.exists()
    assert cut.latest_checkpoint().name == f"checkpoint-{status.step}"  # type: ignore[union-attr]
    assert status.step in (6, 7)
    assert run(cut.path).state == "done"
    assert losses(cut) == losses(whole)
    for name, tensor in weights(whole.result).items():
        assert torch.equal(tensor, weights(cut.result)[name]), name


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_checkpoint(
    prepare, place, monkeypatch
) -> None:
    folder = prepare("nan")
    compute = SupervisedTrainer.compute_loss

    def poisoned(self: Any, *args: Any, **options: Any) -> Any:
        loss = compute(self, *args, **options)
        return loss * float("nan") if self.model.training and self.state.global_step == 4 else loss

    monkeypatch.setattr(SupervisedTrainer, "compute_loss", poisoned)
    status = run(folder.path)
    assert (status.state, status.code) == ("failed", "training_loss_not_finite")
    assert status.params["step"] == 5
    assert "learning rate" in status.reason()
    assert "学习率" in status.reason("zh")
    checkpoint = folder.latest_checkpoint()
    assert checkpoint is not None
    assert checkpoint.name == "checkpoint-4"
    assert all(torch.isfinite(tensor).all() for tensor in weights(checkpoint).values())
    assert not folder.result.exists()
    monkeypatch.undo()
    assert run(folder.path).state == "done"


def test_a_full_disk_is_told_and_the_checkpoint_before_it_kept(prepare, monkeypatch) -> None:
    folder = prepare("disk")
    save = SupervisedTrainer._save_optimizer_and_scheduler

    def full(self: Any, output_dir: str) -> None:
        if self.state.global_step == 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(self, output_dir)

    monkeypatch.setattr(SupervisedTrainer, "_save_optimizer_and_scheduler", full)
    status = run(folder.path)
    assert (status.state, status.code) == ("failed", "training_disk_full")
    assert (folder.checkpoints / "checkpoint-4").is_dir()  # half of one
    assert folder.latest_checkpoint().name == "checkpoint-2"  # type: ignore[union-attr]
    monkeypatch.undo()
    assert run(folder.path).state == "done"
    assert list(losses(folder))[-1] == 6


def test_sigterm_stops_after_the_step_with_a_checkpoint(prepare, monkeypatch) -> None:
    folder = prepare("term")
    step = SupervisedTrainer.training_step

    def terminate(self: Any, *args: Any, **options: Any) -> Any:
        if self.state.global_step == 2:
            signal.raise_signal(signal.SIGTERM)
        return step(self, *args, **options)

    monkeypatch.setattr(SupervisedTrainer, "training_step", terminate)
    status = run(folder.path)
    assert (status.state, status.step) == ("stopped", 3)
    assert (folder.checkpoints / "checkpoint-3" / CHECKPOINT_MARKER).is_file()


def test_out_of_memory_makes_the_batch_smaller_and_the_steps_the_same(prepare, finished, monkeypatch) -> None:
    plain, squeezed = prepare("plain"), prepare("squeezed")
    run(plain.path)
    step = SupervisedTrainer.training_step

    def cramped(self: Any, model: Any, inputs: Any, *more: Any, **options: Any) -> Any:
        if len(inputs["input_ids"]) > 2 and self.state.global_step >= 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return step(self, model, inputs, *more, **options)

    monkeypatch.setattr(SupervisedTrainer, "training_step", cramped)
    status = run(squeezed.path)
    assert status.state == "done", status
    record = squeezed.read_record()
    settings = record["settings"]
    assert (settings["per_device_train_batch_size"], settings["gradient_accumulation_steps"]) == (2, 2)
    assert [note["code"] for note in record["notes"]] == ["batch_made_smaller"]
    before, after = losses(plain), losses(squeezed)
    assert len([r for r in squeezed.read_metrics()[0] if r["kind"] == "train"]) == 6  # no step is told twice
    assert after == pytest.approx(before, abs=1e-4)


def test_too_little_memory_for_one_row_is_told_before_the_first_step(prepare) -> None:
    folder = prepare("tight", max_memory_gb=0.0001)
    status = run(folder.path)
    assert (status.state, status.code) == ("failed", "training_no_memory")
    assert folder.read_metrics()[0] == []


@pytest.mark.slow
def test_early_stopping_keeps_the_best(place: Path, model: ModelFolder, tmp_path: Path) -> None:
    # Answers that nobody can guess: what is learnt by heart only makes the held-out ones less likely.
    dice = random.Random(0)
    rows = [
        {"instruction": f"Number {k}?", "output": "".join(dice.choices("abcdefgh", k=12))} for k in range(40)
    ]
    (tmp_path / "rows.json").write_text(json.dumps(rows), "utf-8")
    config = tiny_config(
        model, tmp_path / "rows.json", max_steps=200, learning_rate=2e-2, eval_steps=8, early_stopping_patience=2,
        eval_share=8,
    )  # fmt: skip
    tokenizer = load_tokenizer(model)
    folder = RunFolder(tmp_path / "early")
    write_run(folder, config, prepare_rows(config, tokenizer), model, tokenizer, adapters_dir=None)
    status = run(folder.path)
    assert (status.state, status.step < 200) == ("done", True)
    held = losses(folder, "eval")
    best = min(loss for step, loss in held.items() if step)
    assert best < held[status.step]
    card = json.loads((folder.result / "card.json").read_text("utf-8"))
    after = next(g for g in card["gates"] if g["name"] == "held_out")["figures"]["after"]
    assert after == pytest.approx(best, abs=2e-3)


@pytest.mark.parametrize("method", ["full", pytest.param("freeze", marks=pytest.mark.slow)])
def test_whole_models_are_written_as_model_folders(prepare, method: str) -> None:
    folder = prepare(method, method=method, max_steps=40, learning_rate=1e-2, freeze_trainable_layers=1)
    status = run(folder.path)
    assert (status.state, status.adapter, status.code) == ("done", "", "model_made")
    share = folder.read_record()["parameters"]["share"]
    assert share == 1.0 if method == "full" else 0.2 < share < 0.5
    loaded = load_model(folder.result, dtype="float32")
    assert loaded.tokenizer.chat_template is not None


@pytest.mark.parametrize(
    "training",
    [
        {"packing": True},
        {"precision": "bf16"},
        {"gradient_checkpointing": True},
        {"neftune_noise_alpha": 5.0},
    ],
    ids=lambda t: next(iter(t)),
)
def test_ways_to_compute_do_not_change_what_is_learnt(prepare, training: dict[str, Any]) -> None:
    folder = prepare("way-" + next(iter(training)), **training)
    status = run(folder.path)
    assert status.state == "done", status
    loss = losses(folder)
    assert loss[max(loss)] < loss[1] - 0.2
    if "gradient_checkpointing" in training:
        other = prepare("way-plain")
        run(other.path)
        assert losses(other) == pytest.approx(loss, abs=1e-4)


def test_an_adapter_that_fails_a_gate_is_kept_but_not_offered(prepare, place: Path) -> None:
    folder = prepare("still", learning_rate=0.0)
    status = run(folder.path)
    assert (status.state, status.code, status.adapter) == ("done", "adapter_not_offered", "")
    assert "did not change" in status.reason()
    assert "没有变化" in status.reason("zh")
    assert status.params["changes"] == {"learning_rate": 1e-4}
    assert status.reason().endswith("larger steps: learning_rate=0.0001")
    assert status.reason("zh").endswith("learning_rate=0.0001")
    card = json.loads((folder.result / "card.json").read_text("utf-8"))
    assert card["passed"] is False


def test_an_adapter_is_refused_by_another_base(finished: RunFolder, place: Path, tmp_path: Path) -> None:
    other = write_tiny_chat(tmp_path / "other", seed=7)
    with pytest.raises(AdapterError) as caught:
        verified(place / "adapters", "tiny", base=other)
    assert caught.value.code == "adapter_other_base"
    with pytest.raises(ModelUnavailableError) as refused:
        load_model(other, adapter=place / "adapters" / "tiny")
    assert refused.value.code == "adapter_other_base"


def test_memory_is_worked_out_and_tried_before_the_first_step(finished: RunFolder) -> None:
    record = finished.read_record()
    assert record["memory"]["peak"] > record["memory"]["weights"] > 0
    assert record["memory"]["trainable"] == record["parameters"]["trainable"]
    assert record["probe"]["tokens"] > 0
