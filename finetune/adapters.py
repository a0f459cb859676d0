"""The adapters that are offered: one folder each, plain PEFT, with its card and a list of its files' digests.

A folder counts once COMPLETE.json is in it, which is written last; it names what belongs to the adapter: base model
and revision, hashes of data and chat template, settings, seed. Whatever was changed since is refused.
"""

import json
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finetune.checks import (
    Gate,
    check_finite,
    check_forgetting,
    check_moved,
    check_shape,
    failed,
    read_tensors,
)
from finetune.errors import AdapterError
from finetune.folders import MARKER, ModelFolder, discard, publish, sha256_of
from finetune.run_folder import read_json, write_json

CARD = "card.json"
NOTES = "notes.txt"
"""The one file that may change: what people write about the adapter."""
WANTED = ("adapter_config.json", "adapter_model.safetensors")
_NAME = re.compile(r"(?![. ])[\w .+-]{1,80}(?<![. ])")


@dataclass(frozen=True, slots=True)
class AdapterInfo:
    """An adapter that is offered.

    Args:
        path: the PEFT folder.
        base_model, base_revision: what it belongs to.
        method: "lora", "dora" ..., or PEFT's name for what was imported.
        created_at: seconds since 1970.
        whole: whether every file is there in its size; `verified` looks at the contents.
        card: what its checks measured.
    """

    name: str
    path: Path
    base_model: str
    base_revision: str
    method: str
    created_at: float
    size_bytes: int
    whole: bool = True
    notes: str = ""
    card: dict[str, Any] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)


def check_name(name: str) -> str:
    """Return `name`, fit to be a folder's name.

    Raises:
        AdapterError: it is not.
    """
    if not _NAME.fullmatch(name):
        raise AdapterError("name_unusable", name=name)
    return name


def seal(folder: Path, record: dict[str, Any]) -> None:
    """Write COMPLETE.json over all files of an adapter's folder; the last thing that is done to it."""
    files = {
        path.relative_to(folder).as_posix(): {"sha256": sha256_of(path), "bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (MARKER, NOTES)
    }
    write_json(folder / MARKER, {**record, "created_at": time.time(), "files": files})


def offer(result: Path, adapters_dir: Path, name: str) -> Path:
    """Copy a sealed folder to where adapters are found, under a name that is free; return where.

    Raises:
        AdapterError: `result` is not sealed, or was changed since.
        ModelUnavailableError: the disk is full.
    """
    _verify(result, name)
    free, number = check_name(name), 2
    while (adapters_dir / free).exists():
        free, number = f"{name}-{number}", number + 1
    with publish(adapters_dir / free) as temporary:
        shutil.copytree(result, temporary, dirs_exist_ok=True)
    return adapters_dir / free


def list_adapters(adapters_dir: Path) -> list[AdapterInfo]:
    """Return the adapters there are, newest first; folders that were never finished are left out."""
    if not adapters_dir.is_dir():
        return []
    folders = [path for path in adapters_dir.iterdir() if path.is_dir() and not path.name.startswith(".")]
    found = [read_adapter(path) for path in folders if read_json(path / MARKER)]
    return sorted(found, key=lambda info: -info.created_at)


def read_adapter(folder: Path) -> AdapterInfo:
    """Return what an adapter's folder says about itself.

    Raises:
        AdapterError: it has no valid COMPLETE.json.
    """
    record = read_json(folder / MARKER)
    files = record.get("files")
    if not isinstance(files, dict) or not all(isinstance(f, dict) and "sha256" in f for f in files.values()):
        raise AdapterError("adapter_incomplete", name=folder.name)
    notes = folder / NOTES
    return AdapterInfo(
        name=folder.name,
        path=folder,
        base_model=str(record.get("base_model", "")),
        base_revision=str(record.get("base_revision", "")),
        method=str(record.get("method", "")),
        created_at=float(record.get("created_at", 0.0)),
        size_bytes=sum(int(entry.get("bytes", 0)) for entry in files.values()),
        whole=all(_size(folder / name) == entry.get("bytes") for name, entry in files.items()),
        notes=notes.read_text("utf-8") if notes.is_file() else "",
        card=read_json(folder / CARD),
        record=record,
    )


def find(adapters_dir: Path, name: str) -> AdapterInfo:
    """Return the adapter called `name`.

    Raises:
        AdapterError: there is none, or it was never finished.
    """
    folder = adapters_dir / check_name(name)
    if not folder.is_dir():
        raise AdapterError("adapter_unknown", name=name)
    return read_adapter(folder)


def verified(adapters_dir: Path, name: str, *, base: ModelFolder | None = None) -> Path:
    """Return the folder of an adapter that is whole and belongs to `base`: what may be loaded.

    Raises:
        AdapterError: unknown, unfinished, changed since it was sealed, or trained on another model.
    """
    info = find(adapters_dir, name)
    _verify(info.path, name)
    if base is not None and info.base_revision and info.base_revision != base.revision:
        raise AdapterError(
            "adapter_other_base",
            adapter=name,
            name=base.name,
            trained_on=info.base_revision[:24],
            here=base.revision[:24],
        )
    return info.path


def rename(adapters_dir: Path, name: str, new: str) -> None:
    """Give an adapter another name.

    Raises:
        AdapterError: there is none of that name, or the new one is taken or unusable.
    """
    info = find(adapters_dir, name)
    target = adapters_dir / check_name(new)
    if target.exists():
        raise AdapterError("adapter_name_taken", name=new)
    info.path.rename(target)


def delete(adapters_dir: Path, name: str) -> None:
    """Remove an adapter, finished or not.

    Raises:
        AdapterError: there is none of that name.
    """
    folder = adapters_dir / check_name(name)
    if not folder.is_dir():
        raise AdapterError("adapter_unknown", name=name)
    # From here on it is no adapter, however far the removal comes.
    (folder / MARKER).unlink(missing_ok=True)
    discard(folder)


def set_notes(adapters_dir: Path, name: str, notes: str) -> None:
    """Keep what people write about an adapter; "" removes it.

    Raises:
        AdapterError: there is none of that name.
    """
    path = find(adapters_dir, name).path / NOTES
    if not notes.strip():
        path.unlink(missing_ok=True)
        return
    temporary = path.with_name(f".{NOTES}")
    temporary.write_text(notes, "utf-8")
    temporary.replace(path)


def named_base(folder: Path) -> str:
    """Return the model that a PEFT folder says it belongs to.

    Raises:
        AdapterError: it is no PEFT folder, or does not say.
    """
    _require_peft(folder)
    record = read_json(folder / MARKER)
    named = str(
        record.get("base_model") or read_json(folder / WANTED[0]).get("base_model_name_or_path") or ""
    )
    if not named:
        raise AdapterError("adapter_without_base", folder=str(folder))
    return named


def import_adapter(
    source: Path, adapters_dir: Path, *, name: str, base: ModelFolder, device: str | None = None
) -> tuple[AdapterInfo | None, list[Gate]]:
    """Take in an adapter that was made elsewhere, after the same checks as our own.

    Args:
        base: the model it belongs to; both are loaded to compare before and after.

    Returns:
        The adapter, or None where a gate failed, and all gates.

    Raises:
        AdapterError: `source` is no PEFT folder of safetensors, or the name is taken.
        ModelUnavailableError: adapter and model do not fit.
    """
    _require_peft(source)
    if (adapters_dir / check_name(name)).exists():
        raise AdapterError("adapter_name_taken", name=name)
    if read_json(source / MARKER):
        _verify(source, name)
    from finetune.checks import base_shapes, general_score
    from finetune.models import load_model

    tensors = read_tensors(source)
    gates = [check_finite(tensors), check_moved(tensors)]
    if not failed(gates):
        loaded: Any = load_model(base, adapter=source, device=device)
        gates.append(check_shape(tensors, base_shapes(loaded.model)))
        after = general_score(loaded.model, loaded.tokenizer)
        with loaded.model.disable_adapter():
            before = general_score(loaded.model, loaded.tokenizer)
        gates.append(check_forgetting(before, after))
    if failed(gates):
        return None, gates
    described = read_json(source / WANTED[0])
    record = read_json(source / MARKER) or {"method": str(described.get("peft_type", "")).lower()}
    record |= {"base_model": base.name, "base_revision": base.revision, "imported_from": source.name}
    record.pop("files", None)
    with publish(adapters_dir / name) as temporary:
        for file in WANTED:
            shutil.copy2(source / file, temporary / file)
        write_json(temporary / CARD, make_card(gates))
        seal(temporary, record)
    return read_adapter(adapters_dir / name), gates


def make_card(gates: Sequence[Gate], **more: Any) -> dict[str, Any]:
    """Return what is kept with an adapter about its checks."""
    return {"passed": not failed(gates), "gates": [gate.to_json() for gate in gates], **more}


def _verify(folder: Path, name: str) -> None:
    info = read_adapter(folder)
    for file, entry in info.record["files"].items():
        path = folder / file
        if _size(path) != entry.get("bytes") or sha256_of(path) != entry["sha256"]:
            raise AdapterError("adapter_damaged", name=name, file=file)
    for file in WANTED:
        if file not in info.record["files"]:
            raise AdapterError("adapter_damaged", name=name, file=file)


def _require_peft(folder: Path) -> None:
    for file in WANTED:
        if not (folder / file).is_file():
            raise AdapterError("adapter_no_folder", folder=str(folder), file=file)
    try:
        json.loads((folder / WANTED[0]).read_text("utf-8"))
    except ValueError as err:
        raise AdapterError("adapter_no_folder", folder=str(folder), file=WANTED[0]) from err


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
