"""What is trained: a LoRA and its relatives, IA3, prompt tuning, the last layers, or everything.

PEFT does the work; this module turns our settings into PEFT's and keeps weights at the right precision: what is
frozen in the precision of the computation, what is trained in float32.
"""

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune.config import LORA_METHODS, TrainingConfig
from finetune.errors import TrainingError

IA3_MODULES = ("k_proj", "v_proj", "down_proj")
IA3_FEEDFORWARD = ("down_proj",)
PISSA_START = "pissa_start"
"""Folder beside the checkpoints that holds the first PiSSA weights: what is saved is the difference to them."""


@dataclass(frozen=True, slots=True)
class Trainable:
    """How many parameters there are, and how many of them learn."""

    total: int
    trainable: int

    @property
    def share(self) -> float:
        """Part that learns, 0..1."""
        return self.trainable / self.total if self.total else 0.0


def check_available(config: TrainingConfig, *, device: str) -> None:
    """Raise `TrainingError` when a method cannot run here, before anything is loaded."""
    if config.method == "qlora" and (
        importlib.util.find_spec("bitsandbytes") is None or not device.startswith("cuda")
    ):
        raise TrainingError("qlora_unavailable", device=device)
    if config.packing and config.method == "prompt_tuning":
        raise TrainingError("packing_with_prompt", method=config.method)
    if config.packing and config.stage in ("dpo", "kto"):
        raise TrainingError("packing_with_preference", stage=config.stage)
    if config.precision == "fp16" and not device.startswith("cuda"):
        raise TrainingError("fp16_unavailable", device=device)


def weights_dtype(config: TrainingConfig, compute: str) -> str:
    """The precision in which the base weights are loaded, "float32", "bfloat16" or "float16"."""
    # Updates smaller than a bfloat16 step would be lost; only what stands still may be kept in it.
    return compute if config.makes_adapter else "float32"


def attach(model: Any, config: TrainingConfig, *, base_name: str, uniform: bool = False) -> Any:
    """Make `model` trainable as the settings, filled in, say; return it or its PEFT wrapper.

    Args:
        base_name: what the adapter records as the model that it belongs to.
        uniform: give what is trained the precision of the rest, as spreading over processes wants it.

    Raises:
        TrainingError: no module has one of the names in `target_modules`.
    """
    import torch

    if config.method == "full":
        model.requires_grad_(True)
        return model
    if config.method == "freeze":
        return _freeze(model, config.freeze_trainable_layers)
    from peft import get_peft_model

    try:
        wrapped = get_peft_model(model, _peft_config(model, config), autocast_adapter_dtype=not uniform)
    except ValueError as err:
        reason = (str(err).splitlines() or [""])[0][:200]
        raise TrainingError("targets_unknown", targets=config.target_modules, reason=reason) from err
    wrapped.peft_config["default"].base_model_name_or_path = base_name
    cast_inputs(wrapped, False)
    for parameter in wrapped.parameters():
        if not uniform and parameter.requires_grad and not parameter.is_meta:
            parameter.data = parameter.data.to(torch.float32)
    return wrapped


def cast_inputs(model: Any, cast: bool) -> None:
    """Say whether adapter layers turn their inputs into float32 themselves.

    Under autocast that would make a float32 copy of every layer's input and keep it for the way back; without
    autocast it is needed.
    """
    for module in model.modules():
        if hasattr(module, "cast_input_dtype_enabled"):
            module.cast_input_dtype_enabled = cast


def count(model: Any) -> Trainable:
    """Count parameters, shared ones once; 4-bit ones as many as they stand for."""
    total = trainable = 0
    for parameter in model.parameters():
        size = parameter.numel() * (2 if type(parameter).__name__ == "Params4bit" else 1)
        total += size
        trainable += size if parameter.requires_grad else 0
    return Trainable(total, trainable)


def keep_start(model: Any, config: TrainingConfig, folder: Path) -> None:
    """Keep what `save` needs of the first weights; only PiSSA does."""
    if config.method == "pissa" and not (folder / PISSA_START).is_dir():
        # PEFT marks the saved start as an ordinary LoRA, so that it is not initialised a second time.
        model.peft_config["default"].init_lora_weights = True
        model.save_pretrained(str(folder / PISSA_START), save_embedding_layers=False)
        model.peft_config["default"].init_lora_weights = "pissa"


def save(model: Any, tokenizer: Any, config: TrainingConfig, target: Path, *, start: Path) -> None:
    """Write the adapter, or the model with its tokenizer, into the folder `target`.

    Args:
        start: the folder given to `keep_start`.
    """
    if not config.makes_adapter:
        model.save_pretrained(str(target))
        tokenizer.save_pretrained(str(target))
        return
    options: dict[str, Any] = {}
    if config.method == "pissa":
        options["path_initial_model_for_weight_conversion"] = str(start / PISSA_START)
    model.save_pretrained(str(target), save_embedding_layers=False, **options)
    # PEFT's README template is empty headings; card.json says what there is to say.
    (target / "README.md").unlink(missing_ok=True)


def base_name(name: str) -> str:
    """What others know a model as: its hub id where it has one."""
    from finetune.catalogue import entry_for

    entry = entry_for(name)
    return entry.hub if entry is not None and entry.hub else name


def architecture(folder: Path) -> dict[str, Any]:
    """Return a model folder's config.json."""
    value: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
    return value


def _peft_config(model: Any, config: TrainingConfig) -> Any:
    from peft import IA3Config, LoraConfig, PromptTuningConfig, TaskType

    targets: Any = config.target_modules
    if targets != "all-linear":
        targets = [part.strip() for part in targets.split(",") if part.strip()]
    if config.method in LORA_METHODS:
        return LoraConfig(
            r=config.lora_r or 16,
            lora_alpha=config.lora_alpha or 32,  # type: ignore[arg-type]  # peft divides; 0.5 works
            lora_dropout=config.lora_dropout or 0.0,
            target_modules=targets,
            use_rslora=config.method == "rslora",
            use_dora=config.method == "dora",
            init_lora_weights="pissa" if config.method == "pissa" else True,
            task_type=TaskType.CAUSAL_LM,
        )
    if config.method == "ia3":
        return IA3Config(task_type=TaskType.CAUSAL_LM, **_ia3_modules(model, targets))
    return PromptTuningConfig(task_type=TaskType.CAUSAL_LM, num_virtual_tokens=config.num_virtual_tokens)


def _ia3_modules(model: Any, targets: Any) -> dict[str, Any]:
    """Keys, values and the feed-forward's last layer; for unusual names PEFT's own table decides."""
    names = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    wanted = IA3_MODULES if targets == "all-linear" else tuple(targets)
    found = [name for name in wanted if name in names]
    if not found and targets == "all-linear":
        return {}
    return {
        "target_modules": found or list(wanted),
        "feedforward_modules": [name for name in found if name in IA3_FEEDFORWARD],
    }


def _freeze(model: Any, layers: int) -> Any:
    """Let only the last layers and the norm after them learn."""
    model.requires_grad_(False)
    stacks = [m for m in model.modules() if type(m).__name__ == "ModuleList"]
    stack = max(stacks, key=len, default=None)
    if stack is None:
        raise TrainingError("targets_unknown", targets="layers", reason=type(model).__name__)
    for layer in list(stack)[-layers:]:
        layer.requires_grad_(True)
    return model
