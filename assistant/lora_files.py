"""Plain LoRA straight from an adapter's folder: milliseconds, where building PEFT's modules takes a second.

Only what `assistant.lora_rows` can apply is read here; everything else is left to PEFT, by returning None.
Imported only where an engine runs, because it needs torch.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import load
from torch.nn.utils import get_total_norm

from assistant.lora_rows import AdapterPairs, LoraPair

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"

# Settings that change neither what an adapter computes nor on which weights it stands.
_HARMLESS = frozenset(
    {
        "alpha_pattern",
        "auto_mapping",
        "base_model_name_or_path",
        "bias",
        "corda_config",
        "ensure_weight_tying",
        "eva_config",
        "exclude_modules",
        "inference_mode",
        "init_lora_weights",
        "layers_pattern",
        "layers_to_transform",
        "loftq_config",
        "lora_alpha",
        "lora_dropout",
        "lora_ga_config",
        "megatron_core",
        "peft_type",
        "peft_version",
        "qalora_group_size",
        "r",
        "rank_pattern",
        "revision",
        "runtime_config",
        "target_modules",
        "task_type",
        "use_rslora",
    }
)
_PLAIN_STARTS = (True, False, None, "gaussian", "eva", "orthogonal")
# These take something out of the base's weights at the start of training; PEFT takes it out again on loading.
_CHANGED_BASE = ("pissa", "corda", "olora", "loftq", "lora_ga")
_KEY = re.compile(
    r"base_model\.model\.(?P<module>(?:.*\.)?layers\.(?P<layer>\d+)\.(?:self_attn|mlp)\.(?P<linear>\w+))"
    r"\.lora_(?P<matrix>[AB])\.weight"
)


def read_plain_lora(folder: Path, shapes: Sequence[Mapping[str, tuple[int, int]]]) -> AdapterPairs | None:
    """Return what the PEFT adapter in `folder` adds to a model; None where it is more than plain LoRA.

    Args:
        shapes: per decoder layer of the model, the (out, in) of each linear layer.

    Raises:
        OSError: a file cannot be read.
        ValueError: the adapter does not fit the model or itself, holds numbers that are not finite, or was begun
            from base weights other than the model's.
    """
    config = json.loads((folder / CONFIG).read_text("utf-8"))
    if not isinstance(config, dict):
        raise ValueError(f"{CONFIG} holds no settings")
    start = config.get("init_lora_weights", True)
    if isinstance(start, str) and start.lower().startswith(_CHANGED_BASE):
        raise ValueError(
            f"it was begun by {start} and stands on changed base weights; convert it to plain LoRA"
        )
    if not _is_plain(config) or start not in _PLAIN_STARTS or not (folder / WEIGHTS).is_file():
        return None
    # Read, not mapped: the file may be replaced while the adapter serves.
    tensors = load((folder / WEIGHTS).read_bytes())
    # One norm over everything instead of a look at each: whatever is not finite shows in it.
    if not get_total_norm(list(tensors.values())).isfinite():
        raise ValueError("it holds numbers that are not finite")
    halves: dict[tuple[int, str], dict[str, Any]] = {}
    modules: dict[tuple[int, str], str] = {}
    for key, tensor in tensors.items():
        match = _KEY.fullmatch(key)
        if match is None:
            return None
        place = int(match["layer"]), match["linear"]
        if place[0] >= len(shapes) or place[1] not in shapes[place[0]]:
            raise ValueError(f"{match['module']} is not in the model")
        modules[place] = match["module"]
        halves.setdefault(place, {})[match["matrix"]] = tensor
    return {
        place: _pair(halves[place], modules[place], shapes[place[0]][place[1]], config) for place in halves
    }


def _is_plain(config: Mapping[str, Any]) -> bool:
    """Whether nothing but harmless settings is on."""
    return (
        config.get("peft_type") == "LORA"
        and config.get("bias", "none") == "none"
        and not any(value for key, value in config.items() if key not in _HARMLESS)
    )


def _pair(
    halves: Mapping[str, Any], module: str, shape: tuple[int, int], config: Mapping[str, Any]
) -> LoraPair:
    rank = _by_pattern(config.get("rank_pattern"), module, config["r"])
    alpha = _by_pattern(config.get("alpha_pattern"), module, config["lora_alpha"])
    a, b = halves.get("A"), halves.get("B")
    if a is None or b is None:
        raise ValueError(f"{module} has only one of its two matrices")
    if a.shape != (rank, shape[1]) or b.shape != (shape[0], rank):
        raise ValueError(
            f"{module}: {tuple(b.shape)} x {tuple(a.shape)} of rank {rank} does not fit {tuple(shape)}"
        )
    scale = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
    return LoraPair(a, b.float() * scale)


def _by_pattern(patterns: Mapping[str, int] | None, module: str, default: int) -> int:
    """A module's own value: the first pattern that the end of its name fits, as PEFT chooses."""
    for pattern, value in (patterns or {}).items():
        if re.match(rf"(.*\.)?({pattern})$", module):
            return value
    return default
