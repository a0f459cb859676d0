"""A run's settings as YAML: ours, written and read back the same, and LLaMA-Factory's, with what does not apply named.

Ours is flat: the fields of `RunConfig`, `DataConfig` and `TrainingConfig` side by side, as LLaMA-Factory's is.
"""

import re
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union

from finetune.config import DataConfig, RunConfig, TrainingConfig
from finetune.errors import TrainingError
from finetune.examples import Finding, Source

SECTIONS = ("rows", "training")
PLAIN = tuple(f.name for f in fields(RunConfig) if f.name not in SECTIONS)

SAME = {
    "learning_rate", "num_train_epochs", "max_steps", "per_device_train_batch_size", "gradient_accumulation_steps",
    "max_samples", "lr_scheduler_type", "warmup_steps", "weight_decay", "max_grad_norm", "optim", "seed", "packing",
    "neftune_noise_alpha", "eval_steps", "save_steps", "save_total_limit", "logging_steps", "lora_alpha",
    "lora_dropout", "freeze_trainable_layers", "gradient_checkpointing", "group_by_length",
    "pref_beta", "pref_loss", "pref_ftx", "kto_chosen_weight", "kto_rejected_weight",
}  # fmt: skip
RENAMED = {
    "model_name_or_path": "model",
    "dataset_dir": "data",
    "dataset": "dataset",
    "eval_dataset": "eval_data",
    "cutoff_len": "max_length",
    "lora_rank": "lora_r",
    "val_size": "eval_share",
    "warmup_ratio": "warmup_steps",
    "early_stopping_steps": "early_stopping_patience",
}
OURS_ANYWAY = {
    "template", "output_dir", "logging_dir", "overwrite_output_dir", "overwrite_cache", "plot_loss", "do_train",
    "do_eval", "eval_strategy", "evaluation_strategy", "save_strategy", "preprocessing_num_workers",
    "dataloader_num_workers", "per_device_eval_batch_size", "ddp_timeout", "trust_remote_code", "flash_attn",
    "include_num_input_tokens_seen", "save_only_model", "cache_dir", "run_name", "use_fast_tokenizer",
    "resume_from_checkpoint", "report_to_hub", "double_quantization",
}  # fmt: skip
"""LLaMA-Factory keys about things that are done here in one way; leaving them out changes nothing that is learnt."""
MARKS = {"model_name_or_path", "finetuning_type", "cutoff_len", "lora_rank", "lora_target"}


@dataclass(frozen=True, slots=True)
class ReadConfig:
    """What a file said.

    Args:
        config: ready to run.
        notes: what of a LLaMA-Factory file does not apply here, and why.
    """

    config: RunConfig
    notes: tuple[Finding, ...] = ()


def to_mapping(config: RunConfig) -> dict[str, Any]:
    """Return the settings flat, as the YAML holds them; what is None is left out."""
    nested = asdict(config)
    flat = {key: nested[key] for key in PLAIN} | nested["rows"] | nested["training"]
    return {key: value for key, value in flat.items() if value is not None}


def from_mapping(values: Mapping[str, Any], *, file: str = "-") -> RunConfig:
    """Return the settings that a flat mapping holds.

    Raises:
        TrainingError: a key is unknown, a value has the wrong type, or model or data are missing.
    """
    for needed in ("model", "data"):
        if not values.get(needed):
            raise TrainingError("config_key_missing", file=file, key=needed)
    parts: dict[str, dict[str, Any]] = {"rows": {}, "training": {}, "": {}}
    for key, value in values.items():
        section, owner = _owner(key, file)
        parts[section][key] = _typed(key, value, typing.get_type_hints(owner)[key], file)
    return RunConfig(
        **parts[""], rows=DataConfig(**parts["rows"]), training=TrainingConfig(**parts["training"])
    )


def to_yaml(config: RunConfig) -> str:
    """Return the settings as YAML."""
    import yaml

    return str(yaml.safe_dump(to_mapping(config), sort_keys=False, allow_unicode=True))


def write_config(config: RunConfig, path: Path) -> None:
    """Write the settings as YAML."""
    path.write_text(to_yaml(config), "utf-8")


def read_config(path: Path) -> ReadConfig:
    """Read a run's YAML, ours or LLaMA-Factory's; a relative `data` is taken from where the file lies.

    Raises:
        TrainingError: it is not readable YAML, or `from_mapping` refuses it.
    """
    import yaml

    try:
        values = yaml.safe_load(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as err:
        reason = str(err).replace("\n", " ")
        raise TrainingError("config_unreadable", file=path.name, reason=reason) from err
    if not isinstance(values, dict):
        raise TrainingError("config_unreadable", file=path.name, reason="no mapping of keys")
    notes: list[Finding] = []
    if MARKS & set(values):
        values = _from_llama_factory(values, path.name, notes)
    for key in ("data", "eval_data"):
        place = Path(str(values.get(key) or "")).expanduser()
        if values.get(key) and not place.is_absolute() and (path.parent / place).exists():
            values[key] = str((path.parent / place).resolve())
    return ReadConfig(from_mapping(values, file=path.name), tuple(notes))


def _owner(key: str, file: str) -> tuple[str, type]:
    for section, owner in (("", RunConfig), ("rows", DataConfig), ("training", TrainingConfig)):
        if key in {f.name for f in fields(owner)} - set(SECTIONS):
            return section, owner
    raise TrainingError("config_key_unknown", file=file, key=key)


def _typed(key: str, value: Any, hint: Any, file: str) -> Any:
    """`value` as the annotation wants it: YAML reads 2e-4 as text and 3 where a float belongs."""
    options = typing.get_args(hint) if typing.get_origin(hint) in (Union, UnionType) else (hint,)
    for option in options:
        if option is type(None) and value is None:
            return None
        if typing.get_origin(option) is Literal and value in typing.get_args(option):
            return value
        if typing.get_origin(option) is dict and isinstance(value, dict):
            return value
        if (option is bool and isinstance(value, bool)) or (option is str and isinstance(value, str)):
            return value
        if option in (int, float) and not isinstance(value, bool):
            try:
                number = float(value)
            except (TypeError, ValueError):
                continue
            if option is float or number == int(number):
                return option(number)
    rule = getattr(hint, "__name__", None) or str(hint).replace("typing.", "")
    raise TrainingError("config_value_wrong", file=file, key=key, value=str(value), rule=rule)


def _from_llama_factory(values: dict[str, Any], file: str, notes: list[Finding]) -> dict[str, Any]:
    """Translate the keys; what has no counterpart goes into `notes`."""
    ours: dict[str, Any] = {}
    left = dict(values)

    def note(key: str, code: str) -> None:
        notes.append(Finding(code, Source(file, 0), "noted", {"key": key, "value": str(left.pop(key))}))

    ours["method"] = _method(left)
    stage = left.pop("stage", "sft")
    if stage not in ("sft", "pt", "dpo", "kto"):
        raise TrainingError("stage_not_offered", stage=stage)
    if stage in ("dpo", "kto"):
        ours["stage"] = stage
    for key in [key for key in left if key in SAME or key in RENAMED]:
        value = left.pop(key)
        if value is not None:
            ours[RENAMED.get(key, key)] = value
    target = left.pop("lora_target", None)
    if target is not None:
        ours["target_modules"] = "all-linear" if target == "all" else str(target)
    for key, precision in (("bf16", "bf16"), ("pure_bf16", "bf16"), ("fp16", "fp16")):
        if left.pop(key, False):
            ours["precision"] = precision
    for key, train_on in (("train_on_prompt", "all"), ("mask_history", "last")):
        if left.pop(key, False):
            ours["train_on"] = train_on
    if left.pop("neat_packing", False):
        ours["packing"] = True
    if left.pop("disable_gradient_checkpointing", False):
        ours["gradient_checkpointing"] = False
    trackers = left.pop("report_to", None) or []
    trackers = [str(t) for t in trackers] if isinstance(trackers, list) else [str(trackers)]
    if left.pop("use_swanlab", False):
        trackers.append("swanlab")
    if trackers:
        ours["report_to"] = ",".join(dict.fromkeys(trackers))
    spread = re.search(r"z(?:ero)?(\d)(.*offload)?", str(left.get("deepspeed", "")))
    if spread and int(spread[1]) <= 3:
        offload = "_offload" if spread[2] and int(spread[1]) >= 2 else ""
        ours["distributed"] = f"deepspeed_zero{spread[1]}{offload}"
        note("deepspeed", "config_key_translated")
    if "," in str(ours.get("dataset", "")):
        raise TrainingError("config_many_datasets", file=file, datasets=ours["dataset"])
    ours.setdefault("data", "data")  # LLaMA-Factory's default folder
    for key in list(left):
        note(key, "config_key_ours" if key in OURS_ANYWAY else "config_key_not_applied")
    return ours


def _method(left: dict[str, Any]) -> str:
    kind = left.pop("finetuning_type", "lora")
    flags = {key: left.pop(key, None) for key in ("use_rslora", "use_dora", "pissa_init", "quantization_bit")}
    if kind != "lora":
        return str(kind)
    named = {"quantization_bit": "qlora", "use_dora": "dora", "pissa_init": "pissa", "use_rslora": "rslora"}
    return next((method for flag, method in named.items() if flags[flag]), "lora")
