"""The settings on the page: under which heading each stands, and what may be entered."""

import types
import typing
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal

from finetune.config import DataConfig, TrainingConfig

COMMON = (
    "num_train_epochs",
    "learning_rate",
    "max_length",
    "lora_r",
    "lora_alpha",
    "per_device_train_batch_size",
)
GROUPS: dict[str, tuple[str, ...]] = {
    "length": ("max_steps", "max_samples", "eval_share", "eval_steps", "early_stopping_patience", "save_steps",
               "save_total_limit", "logging_steps", "seed"),
    "optimiser": ("gradient_accumulation_steps", "lr_scheduler_type", "warmup_steps", "weight_decay", "max_grad_norm",
                  "optim", "neftune_noise_alpha"),
    "method": ("method", "lora_dropout", "target_modules", "num_virtual_tokens", "freeze_trainable_layers"),
    "memory": ("precision", "gradient_checkpointing", "packing", "group_by_length", "max_memory_gb"),
    "rows": ("replay", "overlong", "drop_duplicates", "drop_test_overlap", "max_dropped_share", "near_duplicate_share",
             "test_overlap_share"),
    "preference": ("stage", "pref_beta", "pref_loss", "pref_ftx", "kto_chosen_weight", "kto_rejected_weight"),
    "machines": ("distributed", "num_processes", "num_machines", "machine_rank", "main_process_ip",
                 "main_process_port"),
    "report": ("report_to",),
}  # fmt: skip
ELSEWHERE = frozenset({"train_on", "thinking"})
"""Chosen beside the lens, where what they do can be seen."""
OFFERED = {
    "lr_scheduler_type": ("cosine", "linear", "constant", "constant_with_warmup", "cosine_with_restarts", "polynomial",
                          "inverse_sqrt"),
    "optim": ("adamw_torch", "adamw_torch_fused", "adamw_8bit", "paged_adamw_8bit", "adafactor", "sgd"),
    "report_to": ("none", "swanlab", "tensorboard", "wandb"),
}  # fmt: skip
"""Usual values of settings that take any text."""


@dataclass(frozen=True, slots=True)
class Field:
    """One setting.

    Args:
        kind: what may be entered.
        optional: whether it may be left open, for `finetune.recommended` to fill in.
        options: of a choice; the page also takes others where `free`.
    """

    name: str
    kind: Literal["int", "float", "bool", "choice", "text"]
    default: Any
    optional: bool = False
    options: tuple[str, ...] = ()
    free: bool = False


@cache
def field_of(name: str) -> Field:
    """The setting called `name`."""
    return next(field for field in all_fields() if field.name == name)


@cache
def all_fields() -> tuple[Field, ...]:
    """Every setting of rows and training, in the order in which they are defined."""
    return tuple(
        _field(entry.name, typing.get_type_hints(owner)[entry.name], entry.default)
        for owner in (DataConfig, TrainingConfig)
        for entry in fields(owner)
    )


@cache
def groups() -> dict[str, tuple[str, ...]]:
    """Names by heading; a setting that stands under none is shown with the trackers."""
    placed = {name for names in GROUPS.values() for name in names} | set(COMMON) | ELSEWHERE
    known = {field.name for field in all_fields()}
    rest = tuple(field.name for field in all_fields() if field.name not in placed)
    return {
        group: tuple(name for name in names if name in known) + (rest if group == "report" else ())
        for group, names in GROUPS.items()
    }


def _field(name: str, hint: Any, default: Any) -> Field:
    kinds = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    optional = type(None) in kinds
    kind = next(kind for kind in kinds if kind is not type(None))
    if name in OFFERED:
        return Field(name, "choice", default, optional, OFFERED[name], free=True)
    if typing.get_origin(kind) is Literal:
        return Field(name, "choice", default, optional, tuple(map(str, typing.get_args(kind))))
    names: dict[type, Literal["int", "float", "bool", "text"]] = {bool: "bool", int: "int", float: "float"}
    return Field(name, names.get(kind, "text"), default, optional)
