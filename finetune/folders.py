"""A model as a folder on this machine: its record, and how such a folder comes to be whole or not at all.

A folder is written under a temporary name, flushed, described by COMPLETE.json and only then renamed, so a
download that is killed at any moment leaves nothing that looks like a model.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from finetune.errors import ModelUnavailableError

Kind = Literal["chat", "embedding", "reranker"]
Source = Literal["folder", "hub", "modelscope", "package"]
Progress = Callable[[str, int, int], None]
"""Called with a stage ("download", "verify", "convert"), and how much of how much is done, in bytes."""

MARKER = "COMPLETE.json"

WANTED_SUFFIXES = frozenset({".safetensors", ".json", ".txt", ".jinja", ".model", ".tiktoken"})
"""What a model folder may hold: weights and data. No Python, no pickle."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model that is here, whole and known.

    Args:
        name: as it was asked for.
        path: holds config.json, tokenizer and safetensors.
        revision: names exactly these weights: a commit of the hub, or "sha256:…" of what was imported.
        weights_sha256: of the safetensors file, or over the digests of several in order.
        files: SHA-256 of every file, by its path inside the folder.
        size_bytes: of all files.
    """

    name: str
    path: Path
    source: Source
    kind: Kind
    revision: str
    weights_sha256: str
    files: dict[str, str] = field(default_factory=dict)
    size_bytes: int = 0


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 as lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def list_files(folder: Path) -> list[Path]:
    """Return the files of a model folder that belong to the model, in a fixed order, relative to it."""
    return sorted(
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and path.suffix in WANTED_SUFFIXES and path.name != MARKER
    )


def describe(
    folder: Path,
    *,
    name: str,
    source: Source,
    revision: str | None = None,
    kind: Kind | None = None,
    progress: Progress | None = None,
) -> ModelFolder:
    """Read and hash a model folder; the revision is the weights' digest where no better one is known.

    Raises:
        ModelUnavailableError: it is no model, or its weights are not safetensors.
    """
    check_layout(folder, name=name)
    paths = list_files(folder)
    size_bytes = sum((folder / path).stat().st_size for path in paths)
    files: dict[str, str] = {}
    done = 0
    for path in paths:
        if progress is not None:
            progress("verify", done, size_bytes)
        files[path.as_posix()] = sha256_of(folder / path)
        done += (folder / path).stat().st_size
    weights = [digest for path, digest in files.items() if path.endswith(".safetensors") and "/" not in path]
    digest = weights[0] if len(weights) == 1 else hashlib.sha256("".join(weights).encode()).hexdigest()
    return ModelFolder(
        name=name,
        path=folder,
        source=source,
        kind=kind or kind_of(folder),
        revision=revision or f"sha256:{digest}",
        weights_sha256=digest,
        files=files,
        size_bytes=size_bytes,
    )


def check_layout(folder: Path, *, name: str) -> None:
    """Raise `ModelUnavailableError` unless `folder` has a config, safetensors weights and a tokenizer."""
    if not folder.is_dir():
        raise ModelUnavailableError("model_folder_missing", folder=str(folder))
    if not (folder / "config.json").is_file():
        raise ModelUnavailableError("model_file_missing", name=name, folder=str(folder), file="config.json")
    if not any(folder.glob("*.safetensors")):
        code = (
            "model_pickle_only"
            if has_pickle(path.name for path in folder.iterdir())
            else "model_file_missing"
        )
        raise ModelUnavailableError(code, name=name, folder=str(folder), file="model.safetensors")
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        for shard in sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values())):
            if not (folder / shard).is_file():
                raise ModelUnavailableError("model_file_missing", name=name, folder=str(folder), file=shard)
    tokenizers = ("tokenizer.json", "tokenizer.model", "vocab.txt", "vocab.json", "sentencepiece.bpe.model")
    if not any((folder / tokenizer).is_file() for tokenizer in tokenizers):
        raise ModelUnavailableError(
            "model_file_missing", name=name, folder=str(folder), file="tokenizer.json"
        )


def has_pickle(names: Any) -> bool:
    """Whether any of these file names is of a format that can run code when it is opened."""
    return any(
        str(name).endswith((".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack")) for name in names
    )


def kind_of(folder: Path) -> Kind:
    """Tell from its files whether a model chats, embeds or reranks."""
    if (folder / "modules.json").is_file():
        return "embedding"
    config = json.loads((folder / "config.json").read_text("utf-8"))
    architecture = str((config.get("architectures") or [""])[0])
    if architecture.endswith("ForSequenceClassification"):
        return "reranker"
    if architecture.endswith(("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")):
        return "chat"
    return "embedding"


@contextmanager
def publish(target: Path) -> Iterator[Path]:
    """Hand out an empty folder beside `target`; rename it to `target` when the block ends well.

    Whatever fails, the temporary folder goes. Nothing else may write `target` meanwhile: hold its lock.

    Raises:
        ModelUnavailableError: the disk is full or the folder cannot be written.
    """
    temporary = target.with_name(f".partial-{target.name}")
    try:
        discard(temporary)  # what a killed run left
        temporary.mkdir(parents=True)
        yield temporary
        for path in temporary.rglob("*"):
            if path.is_file():
                _flush(path)
        discard(target)
        temporary.rename(target)
        _flush(target.parent)
    except OSError as err:
        raise disk_error(err, target) from err
    finally:
        discard(temporary)


def write_record(folder: Path, model: ModelFolder, **more: Any) -> None:
    """Write COMPLETE.json, which makes a folder count as whole. `more` is kept for people to read."""
    record = {**asdict(model), "path": str(model.path), **more}
    states = {name: _state(model.path / name) for name in model.files}
    temporary = folder / f".{MARKER}"
    temporary.write_text(
        json.dumps({**record, "states": states}, indent=2, ensure_ascii=False) + "\n", "utf-8"
    )
    _flush(temporary)
    temporary.replace(folder / MARKER)
    _flush(folder)


def read_record(folder: Path, *, name: str, inside: bool = True) -> ModelFolder | None:
    """Return what COMPLETE.json in `folder` says, or None when it is absent, unreadable or no longer true.

    Args:
        inside: the model's files lie in `folder` itself, wherever that has been moved to since; otherwise
            where the record says.
    """
    try:
        record = json.loads((folder / MARKER).read_text("utf-8"))
        path = folder if inside else Path(record["path"])
        # Our own folders may be copied elsewhere, which changes times; a user's may be trained again in place.
        parts = 1 if inside else 2
        whole = all(_state(path / file)[:parts] == state[:parts] for file, state in record["states"].items())
        known = {
            key: record[key]
            for key in ("source", "kind", "revision", "weights_sha256", "files", "size_bytes")
        }
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return ModelFolder(name=name, path=path, **known) if whole else None


def _state(path: Path) -> list[int]:
    """What tells cheaply that a file has changed: size, then time of change."""
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]


def verify(model: ModelFolder) -> list[str]:
    """Return the names of files that are gone or no longer have the digest on record; empty when all is well."""
    return [
        name
        for name, digest in model.files.items()
        if not (model.path / name).is_file() or sha256_of(model.path / name) != digest
    ]


def require_space(folder: Path, size_bytes: int) -> None:
    """Raise `ModelUnavailableError` unless the disk under `folder` has room for `size_bytes`."""
    place = folder
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < size_bytes:
        raise ModelUnavailableError(
            "model_no_space", folder=str(folder), needed=megabytes(size_bytes), free=megabytes(free)
        )


def disk_error(err: OSError, folder: Path) -> ModelUnavailableError:
    """Say in our words why a folder cannot be written."""
    return ModelUnavailableError(
        "model_folder_unwritable", folder=str(folder), reason=err.strerror or str(err)
    )


def megabytes(size_bytes: int) -> str:
    """Return a size as people read it."""
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"


def discard(folder: Path) -> None:
    """Remove a folder and all that is in it, if it is there."""
    if folder.is_dir():
        shutil.rmtree(folder)


def _flush(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows opens no folders
    # Read and write access: Windows flushes nothing that was opened for reading.
    handle = os.open(path, os.O_RDONLY if path.is_dir() or os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
