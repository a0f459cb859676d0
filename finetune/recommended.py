"""What the settings that were left open should be, by size of the model and number of rows.

For 200 to 5,000 rows. Rank 16 (32 above 5,000 rows), alpha twice the rank, all linear layers; 2e-4 at 7B and for
QLoRA, more for smaller models; batches of 8 to 16 rows; loss on answers only.

Sources: https://thinkingmachines.ai/blog/lora (rates about ten times those of full tuning, all layers, small
batches), https://arxiv.org/abs/2305.14314 (QLoRA), https://arxiv.org/abs/2405.09673 (alpha twice the rank),
https://arxiv.org/abs/2205.05638 (IA3).
"""

import math
from dataclasses import replace

from finetune.config import LORA_METHODS, TrainingConfig
from finetune.examples import Finding, Source

FEW_STEPS, MANY_STEPS = 50, 3000
FEW_ROWS = 64
"""Below, the same rows come again and again, and large steps make a small model repeat itself and forget."""
TOKENS_AT_ONCE = {"cpu": 2048, "cuda": 16384}
"""Tokens of one forward pass: more hardly help the device, and cost memory."""


def fill_in(
    config: TrainingConfig, *, parameters: int, rows: int, longest: int, device: str, processes: int = 1
) -> TrainingConfig:
    """Return `config` with every open setting chosen.

    Args:
        parameters: of the base model.
        rows: sequences that will be trained on.
        longest: tokens of the longest of them.
        device: "cpu", "cuda" ...
        processes: that share an optimiser step.
    """
    rank = config.lora_r or (32 if rows > 5000 else 16)
    micro, accumulation = _batch(config, rows, longest, device, processes)
    filled = replace(
        config,
        lora_r=rank,
        lora_alpha=config.lora_alpha if config.lora_alpha is not None else 2.0 * rank,
        lora_dropout=_or(config.lora_dropout, 0.05 if rows < 500 else 0.0),
        learning_rate=_or(config.learning_rate, _rate(config, parameters, rows)),
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=accumulation,
        max_grad_norm=_or(config.max_grad_norm, 0.3 if config.method == "qlora" else 1.0),
        gradient_checkpointing=bool(config.gradient_checkpointing),
    )
    steps = total_steps(filled, rows, processes=processes)
    warmup = config.warmup_steps if config.warmup_steps is not None else min(max(5, steps // 20), steps // 4)
    per_epoch = max(1, steps_per_epoch(filled, rows, processes=processes))
    return replace(
        filled,
        warmup_steps=float(warmup),
        eval_steps=config.eval_steps or max(1, min(per_epoch, steps // 10 or 1)),
        save_steps=config.save_steps or max(1, min(per_epoch, 200)),
    )


def steps_per_epoch(config: TrainingConfig, rows: int, *, processes: int = 1) -> int:
    """Optimiser steps for one pass over the rows."""
    return math.ceil(rows / effective_batch(config, processes=processes))


def total_steps(config: TrainingConfig, rows: int, *, processes: int = 1) -> int:
    """Optimiser steps of the whole run."""
    if config.max_steps > 0:
        return config.max_steps
    return max(1, math.ceil(config.num_train_epochs * steps_per_epoch(config, rows, processes=processes)))


def effective_batch(config: TrainingConfig, *, processes: int = 1) -> int:
    """Rows of one optimiser step; the settings must be filled in."""
    assert config.per_device_train_batch_size is not None
    assert config.gradient_accumulation_steps is not None
    return config.per_device_train_batch_size * config.gradient_accumulation_steps * processes


def advice(config: TrainingConfig, rows: int, *, processes: int = 1) -> list[Finding]:
    """What to think about before the start: runs so short or long that something is probably amiss, and results
    that cannot answer here."""
    steps = total_steps(config, rows, processes=processes)
    place = Source("-", 0)
    told = []
    if config.method == "prompt_tuning":
        told.append(Finding("method_export_only", place, params={"method": config.method}))
    if steps < FEW_STEPS:
        told.append(Finding("few_steps", place, params={"steps": steps, "few": FEW_STEPS}))
    if steps > MANY_STEPS:
        told.append(Finding("many_steps", place, params={"steps": steps, "many": MANY_STEPS}))
    return told


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _rate(config: TrainingConfig, parameters: int, rows: int) -> float:
    if config.method == "ia3":
        return 3e-3
    if config.method == "prompt_tuning":
        return 3e-2
    small = 3e-4 if rows < FEW_ROWS else 5e-4
    rate = small if parameters < 1e9 else 3e-4 if parameters < 4e9 else 2e-4
    if config.method == "qlora":
        return min(rate, 2e-4)
    if config.stage in ("dpo", "kto"):
        rate /= 10  # an answer's likelihood, not a token's, is what moves
    return rate if config.method in LORA_METHODS else rate / 10


def _batch(config: TrainingConfig, rows: int, longest: int, device: str, processes: int) -> tuple[int, int]:
    """Rows at once, and how many times that makes a step."""
    micro, accumulation = config.per_device_train_batch_size, config.gradient_accumulation_steps
    if micro is not None and accumulation is not None:
        return micro, accumulation
    wanted = 16 if rows >= 1000 else 8
    if micro is None:
        at_once = TOKENS_AT_ONCE.get(device.partition(":")[0], TOKENS_AT_ONCE["cpu"])
        limit = max(1, at_once // max(1, longest))
        # A power of two divides the rows of a step.
        micro = max(min(wanted, 2 ** int(math.log2(limit))), 2 if config.stage == "kto" else 1)
    return micro, accumulation or max(1, wanted // (micro * processes))
