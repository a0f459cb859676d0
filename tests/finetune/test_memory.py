"""The estimate counts what it says it counts, follows what drives it, and the back-off keeps the rows of a step."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from finetune.config import TrainingConfig
from finetune.cpu_steps import quicken
from finetune.errors import InsufficientMemoryError
from finetune.memory import MetaModel, back_off, is_out_of_memory, smaller
from finetune.methods import attach
from finetune.recommended import effective_batch, fill_in
from finetune.supervised_loss import token_loss
from tests.finetune.tiny_chat import write_tiny_chat


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_chat(tmp_path_factory.mktemp("memory") / "model", layers=4).path


def filled(**changes: object) -> TrainingConfig:
    config = fill_in(TrainingConfig(lora_dropout=0.0), parameters=10**6, rows=600, longest=64, device="cpu")
    return replace(config, **changes)  # type: ignore[arg-type]


def kept_by_autograd(folder: Path, config: TrainingConfig, batch: int, length: int, device: str) -> int:
    """What a real forward pass in float32 keeps, without parameters and without the head."""
    from transformers import AutoModelForCausalLM

    model = attach(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), config, base_name="")
    if device == "cpu":
        quicken(model)
    known = {p.untyped_storage().data_ptr() for p in model.parameters()}
    held: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in known:
            held[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    ids = torch.randint(20, 250, (batch, length))
    mask = torch.ones_like(ids)
    mask[-1, length // 2 :] = 0
    labels = torch.full_like(ids, -100)
    labels[0, 5] = 7  # the head sees one position
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        token_loss(model.train(), {"input_ids": ids, "attention_mask": mask, "labels": labels})
    return sum(tensor.untyped_storage().nbytes() for tensor in held.values())


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize(
    ("method", "batch", "length"), [("lora", 4, 64), ("lora", 1, 300), ("full", 2, 96), ("dora", 2, 64)]
)
def test_activations_are_those_of_a_real_step(
    folder: Path, method: str, batch: int, length: int, device: str
) -> None:
    config = filled(method=method)
    meta = MetaModel(folder, config, compute="float32", device=device)
    estimate = meta.estimate(config, batch=batch, length=length, supervised=1)
    real = kept_by_autograd(folder, config, batch, length, device)
    assert estimate.activations == pytest.approx(real, rel=0.1)


def test_the_estimate_follows_batch_length_rank_and_logits(folder: Path) -> None:
    config = filled()
    meta = MetaModel(folder, config, compute="float32", device="cuda")
    one = meta.estimate(config, batch=1, length=64)
    assert meta.estimate(config, batch=4, length=64).activations == pytest.approx(
        4 * one.activations, rel=0.02
    )
    assert meta.estimate(config, batch=1, length=256).activations == pytest.approx(
        4 * one.activations, rel=0.02
    )
    assert one.logits > 10 * meta.estimate(config, batch=1, length=64, supervised=4).logits
    checkpointed = meta.estimate(replace(config, gradient_checkpointing=True), batch=1, length=64)
    assert checkpointed.activations < 0.5 * one.activations
    assert one.optimiser == 8 * one.trainable
    wide = filled(lora_r=32, lora_alpha=64)
    assert MetaModel(folder, wide, compute="float32").trainable == 2 * meta.trainable
    assert one.peak == sum(
        (one.weights, one.copies, one.gradients, one.optimiser, one.activations, one.logits, one.working)
    )


def test_smaller_keeps_the_rows_of_a_step_and_ends_with_checkpointing() -> None:
    config = filled(per_device_train_batch_size=6, gradient_accumulation_steps=2)
    seen = []
    current: TrainingConfig | None = config
    while current is not None:
        assert effective_batch(current) == 12
        seen.append((current.per_device_train_batch_size, current.gradient_checkpointing))
        current = smaller(current)
    assert seen == [(6, False), (3, False), (1, False), (1, True)]


def test_back_off_takes_the_first_that_fits() -> None:
    config = filled(per_device_train_batch_size=8, gradient_accumulation_steps=1)

    def needed(settings: TrainingConfig) -> int:
        if (settings.per_device_train_batch_size or 0) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 100 * (settings.per_device_train_batch_size or 0)

    chosen, takes = back_off(config, needed, limit=250)
    assert (chosen.per_device_train_batch_size, chosen.gradient_accumulation_steps, takes) == (2, 4, 200)
    with pytest.raises(InsufficientMemoryError) as caught:
        back_off(config, needed, limit=50)
    assert caught.value.code == "training_no_memory"

    def broken(settings: TrainingConfig) -> int:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError):
        back_off(config, broken, limit=1)


def test_out_of_memory_is_known_on_every_device() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("x"))
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate"))
    assert not is_out_of_memory(RuntimeError("size mismatch"))


def test_gradients_take_the_room_of_activations_unless_earlier_ones_are_kept(folder: Path) -> None:
    config = filled(method="full", gradient_accumulation_steps=1)
    meta = MetaModel(folder, config, compute="float32", device="cuda")
    alone = meta.estimate(config, batch=8, length=256)
    twice = meta.estimate(replace(config, gradient_accumulation_steps=2), batch=8, length=256)
    assert (alone.gradients, twice.gradients) == (0, 4 * alone.trainable)
    short = meta.estimate(config, batch=1, length=2)
    assert 0 < short.gradients < 4 * short.trainable
    on_cpu = MetaModel(folder, config, compute="float32").estimate(config, batch=1, length=2)
    assert on_cpu.working > short.working
