"""The batch of a run: worked out from memory, tried on the longest rows, made smaller until it fits."""

import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from finetune.batches import Collator
from finetune.config import TrainingConfig
from finetune.encoding import IGNORE
from finetune.examples import Finding, Source
from finetune.memory import RESERVE, MetaModel, back_off, free_bytes, longest_rows, peak_bytes, probe
from finetune.preferences import PreferenceRows
from finetune.processes import everybody, world
from finetune.recommended import effective_batch
from finetune.supervised_loss import token_loss
from finetune.training_loop import autocast

logger = logging.getLogger(__name__)


def choose_batch(
    model: Any,
    rows: Any,
    settings: TrainingConfig,
    *,
    model_folder: Path,
    pad_id: int,
    device: str,
    compute: str,
    precision: str | None,
    record: dict[str, Any],
) -> TrainingConfig:
    """Return settings with a micro-batch that fits; rows of an optimiser step stay as many.

    Args:
        rows: of the trainer: `TokenRows`, `Packed` or `PreferenceRows`.
        settings: filled in.
        compute: precision of the frozen weights.
        precision: see `finetune.training_loop.autocast`.
        record: run.json; gets "memory", "probe", and a note where the batch was made smaller.

    Raises:
        InsufficientMemoryError: not even one row fits.
    """
    here = peak_bytes(device)
    free = int(free_bytes(device) * RESERVE)
    limit = settings.max_memory_gb
    # What is loaded already counts against a limit of the user's, and is gone from what is free.
    room = free if limit is None else min(free, int(limit * 1e9) - here)
    meta = MetaModel(model_folder, settings, compute=compute, device=device)
    order = longest_rows(rows.lengths, len(rows))

    def longest(config: TrainingConfig) -> list[Any]:
        return _sequences(rows, order[: config.per_device_train_batch_size])

    def predicted(config: TrainingConfig) -> int:
        sequences = longest(config)
        trained = sum(int((_labels(sequence) != IGNORE).sum()) for sequence in sequences)
        length = int(rows.lengths[order[0]])
        found = meta.estimate(config, batch=len(sequences), length=length, supervised=trained)
        record["memory"] = {**asdict(found), "peak": found.peak}
        return found.peak - found.weights

    chosen, _ = back_off(settings, predicted, limit=room)
    collate = Collator(pad_id)

    def loss(trained: Any, batch: dict[str, Any]) -> Any:
        with autocast(device, precision):
            return token_loss(trained, batch)[0].mean()

    def tried(config: TrainingConfig) -> int:
        if config.gradient_checkpointing:
            turn_on_checkpointing(model)
        batch = {key: value.to(device) for key, value in collate(longest(config)).items()}
        found = probe(model, batch, loss, device=device)
        record["probe"] = asdict(found)
        # The optimiser's state is not there yet, and what the probe found cannot be told from what was before.
        return max(0, found.peak_bytes - here) + int(record["memory"]["optimiser"])

    chosen, _ = back_off(chosen, tried, limit=room)
    chosen = _agreed(chosen)
    if chosen != settings:
        note_batch(chosen, record)
    return chosen


def turn_on_checkpointing(model: Any) -> None:
    """Compute activations a second time on the way back instead of keeping them."""
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    if hasattr(model, "enable_input_require_grads"):
        model.enable_input_require_grads()


def _agreed(settings: TrainingConfig) -> TrainingConfig:
    """The smallest batch that any of the processes chose: they must compute alike."""
    chosen = everybody((
        settings.per_device_train_batch_size,
        settings.gradient_accumulation_steps,
        bool(settings.gradient_checkpointing),
    ))  # fmt: skip
    micro, times, _ = min(chosen)
    return replace(
        settings,
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=times,
        gradient_checkpointing=any(checkpointing for _, _, checkpointing in chosen),
    )


def _sequences(rows: Any, numbers: list[int]) -> list[Any]:
    """What is computed at once for these rows, as rows or packed groups of them."""
    if isinstance(rows, PreferenceRows):
        sides = (rows.answers, rows.rejected) if rows.kind == "dpo" else (rows.answers,)
        return [side[k] for side in sides for k in numbers]
    return [rows[k] for k in numbers]


def _labels(row: Any) -> Any:
    """Labels of a row, or of a group of rows packed together."""
    return np.concatenate([part["labels"] for part in row]) if isinstance(row, list) else row["labels"]


def note_batch(settings: TrainingConfig, record: dict[str, Any]) -> None:
    """Remember in the run's record that the batch was made smaller, for whoever looks at it."""
    params = {
        "micro": settings.per_device_train_batch_size,
        "times": settings.gradient_accumulation_steps,
        "checkpointing": settings.gradient_checkpointing,
        "rows": effective_batch(settings, processes=world()),
    }
    finding = Finding("batch_made_smaller", Source("-", 0), params=params)
    logger.warning("%s", finding.text())
    record["notes"] = [*record.get("notes", []), finding.to_json()]
