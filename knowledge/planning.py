"""What an indexing run would do: each input compared with what its base holds, without touching anything."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from knowledge.errors import UnreadableFileError
from knowledge.originals import SourceInput, Stamp, sha256_of
from knowledge.records import FileFacts, SourceInfo
from knowledge.store import Store

FileState = Literal["added", "changed", "unchanged", "renamed", "removed", "failed"]


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """What a run would do, by names; `renamed` holds pairs of old and new name.

    A file that cannot be read counts as new or changed: that shows only when it is parsed.
    """

    new: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    removed: tuple[str, ...]


@dataclass(slots=True)
class Planned:
    """An input with what is to be done about it.

    Args:
        source: what the base holds of it, under its old name if it was renamed.
        facts: None when the file cannot be read.
        hashed: whether its content was read; False when its stamp settled the matter.
        refusal: why there are no facts.
    """

    input: SourceInput
    state: FileState
    source: SourceInfo | None
    facts: FileFacts | None = None
    hashed: bool = False
    refusal: UnreadableFileError | None = None


@dataclass(slots=True)
class Scan:
    """All inputs of a run, and the sources that it would remove."""

    planned: list[Planned] = field(default_factory=list)
    removed: list[SourceInfo] = field(default_factory=list)
    stopped: bool = False

    def plan(self) -> IndexPlan:
        """As names."""
        names: dict[str, list[str]] = {}
        for item in self.planned:
            names.setdefault(item.state, []).append(item.input.name)
        return IndexPlan(
            new=tuple(names.get("added", ())),
            changed=tuple(names.get("changed", ())),
            unchanged=tuple(names.get("unchanged", ())),
            renamed=tuple(
                (item.source.name, item.input.name)
                for item in self.planned
                if item.state == "renamed" and item.source is not None
            ),
            removed=tuple(source.name for source in self.removed),
        )


def scan(
    store: Store,
    base_id: int,
    inputs: Sequence[SourceInput],
    *,
    remove_missing: bool,
    data_folder: Path,
    should_stop: Callable[[], bool] = lambda: False,
) -> Scan:
    """Compare inputs with a base.

    A file whose size and times are those of its last hashing is taken as unchanged unless it was written
    within two seconds of it; any other is hashed. A file that failed before is tried again. A content that
    the base knows under a name whose file is gone was renamed.

    Args:
        data_folder: paths inside it, uploads, are forgotten after indexing: nothing says that they are gone.
    """
    sources = {source.name: source for source in store.sources(base_id)}
    covered = store.covered(store.base(base_id).version_id)
    result = Scan()
    names = {item.name for item in inputs}
    inside = str(data_folder.resolve()) + os.sep
    for item in inputs:
        if should_stop():
            result.stopped = True
            return result
        result.planned.append(_compare(item, sources.get(item.name), covered, inside))
    free = {
        source.sha256: source
        for source in sources.values()
        if source.name not in names and source.state == "ready" and (remove_missing or _is_gone(source))
    }
    for planned in result.planned:
        if planned.state == "added" and planned.facts is not None and planned.facts.sha256 in free:
            source = free.pop(planned.facts.sha256)
            if covered.get(source.id) == source.sha256:
                planned.state, planned.source = "renamed", source
    if remove_missing:
        renamed = {item.source.name for item in result.planned if item.state == "renamed" and item.source}
        result.removed = [s for s in sources.values() if s.name not in names and s.name not in renamed]
    return result


def _compare(item: SourceInput, source: SourceInfo | None, covered: dict[int, str], inside: str) -> Planned:
    state: FileState = "changed" if source else "added"
    try:
        stamp = Stamp.of(item.path, item.name)
        path = str(item.path.absolute())
        path = "" if path.startswith(inside) or str(item.path.resolve()).startswith(inside) else path
        held = source is not None and source.state == "ready" and covered.get(source.id) == source.sha256
        if held and source and path and source.path == path and _untouched(stamp, source):
            return Planned(item, "unchanged", source)
        checked_ns = time.time_ns()
        digest = sha256_of(item.path, item.name)
    except UnreadableFileError as err:
        return Planned(item, state, source, refusal=err)
    facts = FileFacts(item.name, path, digest, stamp.size_bytes, stamp.text, checked_ns)
    if held and source and source.sha256 == digest:
        state = "unchanged"
    return Planned(item, state, source, facts, hashed=True)


def _untouched(stamp: Stamp, source: SourceInfo) -> bool:
    return stamp.untouched_since(source.stamp, source.checked_ns)


def _is_gone(source: SourceInfo) -> bool:
    """Whether the file that was indexed is no longer where it was, though its folder still is."""
    if not source.path:
        return False
    path = Path(source.path)
    return path.parent.is_dir() and not path.exists()
