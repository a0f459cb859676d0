"""LLaMA-Factory's `dataset_info.json`: a folder that has one works as it stands.

Every key is honoured for local files. An entry that lives on a hub is refused with the command that fetches it:
nothing here touches the network.

Source: https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md
"""

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from finetune.errors import DatasetError
from finetune.examples import Role
from finetune.formats.charset import detect_charset
from finetune.formats.conversation import Note
from finetune.formats.layouts import NAMES, Hints
from finetune.formats.row_files import SUFFIXES

FILE_NAME = "dataset_info.json"
HUBS = ("hf_hub_url", "ms_hub_url", "om_hub_url")
REMOTE = ("script_url", "cloud_file_name")
MEDIA_COLUMNS = ("images", "videos", "audios")
KEYS = {*HUBS, *REMOTE, "file_name", "formatting", "ranking", "subset", "split", "folder", "num_samples", "columns",
        "tags"}  # fmt: skip
TAGS: dict[str, Role] = {
    "user_tag": "user",
    "assistant_tag": "assistant",
    "observation_tag": "tool",
    "function_tag": "assistant",
    "system_tag": "system",
}

T = TypeVar("T")
_split = re.compile(r"(\w[\w.-]*)(?:\[(-?\d+%?)?:(-?\d+%?)?\])?$")


@dataclass(frozen=True, slots=True)
class Entry:
    """One dataset of the registry, ready to read.

    Args:
        files: the local files, in order.
        num_samples: rows to take at random, more than there are meaning some twice; None for all.
        start, stop: a slice of the rows, as written in `split`: "10", "50%", or None.
        notes: what differs from LLaMA-Factory here.
    """

    name: str
    files: tuple[Path, ...]
    hints: Hints
    num_samples: int | None = None
    start: str | None = None
    stop: str | None = None
    notes: tuple[Note, ...] = ()


def load_registry(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the entries of the folder's `dataset_info.json` by name.

    Raises:
        DatasetError: it is not readable JSON of that shape.
    """
    path = folder / FILE_NAME
    # LLaMA-Factory opens this file in the system's character set, which is GBK on a Chinese Windows; a file
    # written there may be either.
    charset = detect_charset(path, name=FILE_NAME)
    try:
        registry = json.loads(path.read_text(charset.encoding, charset.errors))
    except json.JSONDecodeError as error:
        raise DatasetError("json_malformed", name=FILE_NAME, line=error.lineno, reason=error.msg) from error
    if not isinstance(registry, dict) or not all(isinstance(entry, dict) for entry in registry.values()):
        raise DatasetError("registry_shape", name=FILE_NAME)
    return registry


def local_names(folder: Path) -> list[str]:
    """Return the names of the entries whose files are in the folder."""
    entries = load_registry(folder).items()
    return [
        name for name, entry in entries if "file_name" in entry and (folder / entry["file_name"]).exists()
    ]


def find_entry(folder: Path, name: str | None) -> Entry:
    """Return the entry called `name`, or the only one whose file is there.

    Raises:
        DatasetError: unknown, ambiguous, on a hub, or its file is not there.
    """
    registry = load_registry(folder)
    if name is None:
        names = local_names(folder)
        if len(names) != 1:
            raise DatasetError("dataset_unnamed", names=", ".join(names) or "-")
        name = names[0]
    if name not in registry:
        raise DatasetError("dataset_unknown", dataset=name, names=", ".join(local_names(folder)) or "-")
    entry = registry[name]
    file_name = entry.get("file_name")
    if file_name is None or (not (folder / file_name).exists() and any(key in entry for key in HUBS)):
        for key in (*HUBS, *REMOTE):
            if key in entry:
                raise DatasetError("dataset_remote", dataset=name, key=key, place=entry[key])
        raise DatasetError("registry_shape", name=f"{FILE_NAME}: {name}")
    if not (folder / file_name).exists():
        raise DatasetError("dataset_file_missing", dataset=name, file=file_name)
    notes: list[Note] = [("registry_key_unknown", {"key": key}) for key in entry if key not in KEYS]
    split = _split.match(str(entry.get("split") or "train"))
    if split is None:
        raise DatasetError("split_unreadable", dataset=name, split=entry["split"])
    files = _files(folder / file_name, entry, split[1])
    if not files:
        raise DatasetError("dataset_file_missing", dataset=name, file=file_name)
    if entry.get("formatting") == "openai":
        notes.append(("formatting_openai", {}))
    samples = entry.get("num_samples")
    return Entry(
        name, files, _hints(entry, notes), int(samples) if samples else None, split[2], split[3], tuple(notes)
    )


def _hints(entry: dict[str, Any], notes: list[Note]) -> Hints:
    columns = dict(entry.get("columns") or {})
    for key in [key for key in columns if key not in NAMES and key not in MEDIA_COLUMNS]:
        notes.append(("registry_key_unknown", {"key": f"columns.{key}"}))
        del columns[key]
    tags = dict(entry.get("tags") or {})
    for key in tags:
        if key not in TAGS and key not in ("role_tag", "content_tag"):
            notes.append(("registry_key_unknown", {"key": f"tags.{key}"}))
    roles = {str(tags[key]): role for key, role in TAGS.items() if key in tags}
    given = {meaning: str(column) for meaning, column in columns.items() if column}
    ranking = entry.get("ranking")
    return Hints(given, tags.get("role_tag"), tags.get("content_tag"), roles, True if ranking else None)


def _files(path: Path, entry: dict[str, Any], split: str) -> tuple[Path, ...]:
    """The files of an entry; in a folder, `subset`, `folder` and `split` choose among them."""
    if path.is_file():
        return (path,)
    for name in (entry.get("folder"), entry.get("subset")):
        if name and (path / name).is_dir():
            path = path / name
    found = sorted(
        p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in SUFFIXES and p.name != FILE_NAME
    )
    named = [p for p in found if split in re.split(r"[^A-Za-z0-9_]|-", p.stem) or split in p.parent.name]
    return tuple(named or found)


def take(rows: Sequence[T], entry: Entry, *, seed: int = 0) -> list[T]:
    """Return the rows that `split` and `num_samples` ask for: chosen at random, kept in order."""
    low = _position(entry.start, len(rows), 0)
    high = _position(entry.stop, len(rows), len(rows))
    taken = list(rows[low:high])
    count = entry.num_samples
    if count is None or not taken or count == len(taken):
        return taken
    dice = random.Random(seed)
    indices = [i for _ in range(count // len(taken)) for i in range(len(taken))]
    indices += dice.sample(range(len(taken)), count % len(taken))
    return [taken[i] for i in sorted(indices)]


def _position(written: str | None, rows: int, default: int) -> int:
    if written is None:
        return default
    return round(rows * int(written[:-1]) / 100) if written.endswith("%") else int(written)
