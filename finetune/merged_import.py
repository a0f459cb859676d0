"""A catalogue model that is another one with an adapter of ours merged into it, made once on this machine.

Weights that differ by a few megabytes need no second download, and the model they come from stays as it was.
"""

import hashlib
import json
import shutil
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from finetune.errors import ModelUnavailableError
from finetune.folders import ModelFolder, Progress, list_files, sha256_of

_WEIGHTS, _CONFIG = "adapter_model.safetensors", "adapter_config.json"
_PREFIX = "base_model.model."


def merged_revision(base: ModelFolder, adapter: str) -> str:
    """Return what names the merged weights: a digest over both parents'.

    Args:
        adapter: its folder inside the package `finetune`, "/" between names.
    """
    with as_file(files("finetune").joinpath(adapter)) as folder:
        own = [_digest(path, path.stat().st_mtime_ns) for path in (folder / _WEIGHTS, folder / _CONFIG)]
        parents = "+".join([base.weights_sha256, *own])
    return f"sha256:{hashlib.sha256(parents.encode()).hexdigest()}"


@cache
def _digest(path: Path, _changed: int) -> str:
    return sha256_of(path)


def merge_into(base: ModelFolder, adapter: str, target: Path, *, progress: Progress | None = None) -> None:
    """Write the model folder `target`: `base` with the adapter's products added to its weights.

    Sums are formed in float32 and rounded once to the precision of the base.

    Args:
        base: whole, with one safetensors file.
        adapter: plain LoRA; see `merged_revision`.
        target: an existing, empty folder.
        progress: called with ("convert", bytes done, bytes).

    Raises:
        ModelUnavailableError: the adapter has a weight that the base has no place for.
    """
    from safetensors.torch import load_file, save_file

    for path in list_files(base.path):
        if path.suffix != ".safetensors":
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(base.path / path, target / path)
    weights = load_file(base.path / "model.safetensors")
    with as_file(files("finetune").joinpath(adapter)) as folder:
        config = json.loads((folder / _CONFIG).read_text("utf-8"))
        tensors = load_file(folder / _WEIGHTS)
    scale = config["lora_alpha"] / config["r"]
    names = sorted(name for name in tensors if name.endswith(".lora_A.weight"))
    total = sum(tensor.nbytes for tensor in weights.values())
    done = 0
    for name in names:
        module = name.removesuffix(".lora_A.weight")
        place = f"{module.removeprefix(_PREFIX)}.weight"
        other = tensors.get(f"{module}.lora_B.weight")
        if other is None or place not in weights:
            raise ModelUnavailableError("model_merge_mismatch", name=base.name, weight=place)
        weights[place] = _sum(weights[place], tensors[name], other, scale)
        done += weights[place].nbytes
        if progress is not None:
            progress("convert", done, total)
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})


def _sum(weight: Any, a: Any, b: Any, scale: float) -> Any:
    return (weight.float() + scale * (b.float() @ a.float())).to(weight.dtype)
