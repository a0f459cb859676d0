"""A dataset file, a folder of them, or a LLaMA-Factory folder -> examples and what was found on the way.

Every row of the file comes out: as an example, or as a finding that says why not.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finetune.errors import DatasetError
from finetune.examples import Example, Finding, Outcome, Source
from finetune.formats.conversation import RowRefusedError
from finetune.formats.dataset_info import FILE_NAME, Entry, find_entry, take
from finetune.formats.layouts import KNOWN_COLUMNS, NAMES, Hints, Layout, is_tag, make_example, recognise
from finetune.formats.row_files import SUFFIXES, RowFile, open_rows

MAX_DROPPED_SHARE = 0.1
NOTED = frozenset({
    "greeting_untrained", "tags_detected", "thinking_unclosed", "thinking_empty", "tools_unreadable",
})  # fmt: skip
"""Codes of rows that are used as they stand; the other codes of a row that is kept say what was repaired."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file.

    Args:
        example: None where the row is refused; the last finding then says why.
        layout: as in `layouts`, "" where it was not recognised.
    """

    source: Source
    example: Example | None
    findings: tuple[Finding, ...] = ()
    layout: str = ""


@dataclass(slots=True)
class Dataset:
    """What was read.

    Args:
        rows: rows in the files; those without an example are among `findings`.
        layouts: rows by layout.
        name: the file's or the registry entry's.
    """

    name: str
    examples: list[Example] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    rows: int = 0
    layouts: Counter[str] = field(default_factory=Counter)

    @property
    def dropped(self) -> int:
        """Rows that gave no example."""
        return sum(finding.outcome == "dropped" for finding in self.findings)


def iter_rows(path: Path, *, hints: Hints | None = None, name: str | None = None) -> Iterator[Row]:
    """Yield every row of the file at `path`, one in memory at a time.

    Args:
        hints: what is known about the columns; by default they are recognised.
        name: what to call the file in findings.

    Yields:
        Rows in order. One with `source.row` 0 tells something about the whole file.

    Raises:
        DatasetError: the file is no dataset, or broken as a whole.
    """
    hints = hints or Hints()
    columns = KNOWN_COLUMNS | frozenset(hints.columns.values())
    source = open_rows(path, name=name, columns=frozenset(column.lower() for column in columns))
    whole = Source(source.name, 0)
    for finding in _file_findings(source, whole):
        yield Row(whole, None, (finding,))
    layouts: dict[tuple[Any, ...], Layout] = {}
    told: set[tuple[str, str]] = set()
    tag: str | None = None
    for raw in source.rows():
        place = Source(source.name, raw.number, raw.line)
        if raw.data is None:
            code, params = raw.problem or ("row_not_object", {"found": "?"})
            yield Row(place, None, (Finding(code, place, "dropped", params),))
            continue
        notes: list[tuple[str, dict[str, Any]]] = []
        layout: Layout | None = None
        try:
            shape = tuple((column, type(value), is_tag(value)) for column, value in raw.data.items())
            layout = layouts.get(shape)
            if layout is None:
                layout = layouts[shape] = recognise(raw.data, hints)
                for code, params in layout.notes:
                    if (code, str(params)) not in told:
                        told.add((code, str(params)))
                        yield Row(whole, None, (Finding(code, whole, "noted", params),))
            if layout.name == "kto":
                tag = layout.columns["kto_tag"]
            elif tag is not None and raw.data.get(tag) is not None:
                # In a file of liked and disliked answers, an answer of which nobody knows is not a good one.
                raise RowRefusedError("label_unreadable", found=str(raw.data[tag]))
            example = make_example(raw.data, layout, hints, place, notes)
        except RowRefusedError as refusal:
            findings = [*_findings(notes, place), Finding(refusal.code, place, "dropped", refusal.params)]
            yield Row(place, None, tuple(findings), layout.name if layout else "")
            continue
        yield Row(place, example, tuple(_findings(notes, place)), layout.name)


def _findings(notes: list[tuple[str, dict[str, Any]]], place: Source) -> list[Finding]:
    """One finding for each code: a conversation with ten joined turns is one repaired row."""
    unique = dict(notes)
    return [Finding(c, place, "noted" if c in NOTED else "repaired", params) for c, params in unique.items()]


def _file_findings(source: RowFile, whole: Source) -> list[Finding]:
    found = []
    if source.packing not in ("parquet", "arrow") and source.charset.encoding not in ("utf-8", "utf-8-sig"):
        found.append(Finding("charset_other", whole, params={"encoding": source.charset.encoding}))
    if source.charset.damaged:
        found.append(Finding("charset_damaged", whole, params={"characters": source.charset.damaged}))
    return found


def read_dataset(
    path: Path,
    *,
    dataset: str | None = None,
    columns: Mapping[str, str] | None = None,
    max_dropped_share: float = MAX_DROPPED_SHARE,
    seed: int = 0,
) -> Dataset:
    """Read a dataset whole.

    Args:
        path: a file; a folder with a `dataset_info.json`, or that file itself; or a folder of dataset files.
        dataset: the entry's name in `dataset_info.json`; may be left out where only one has its file there.
        columns: column names by meaning (`layouts.NAMES`), for names that are not recognised.
        max_dropped_share: 0..1; more rows than this unreadable is an error.
        seed: of the choice that `num_samples` makes.

    Raises:
        DatasetError: nothing can be read, too little of it can (`too_many_dropped`, its `findings` say what), or
            the registry entry is not usable.
    """
    if columns and (unknown := set(columns) - set(NAMES)):
        raise ValueError(f"columns: {sorted(unknown)} are no meanings; there are {sorted(NAMES)}")
    if not path.exists():
        raise DatasetError("data_missing", name=path.name)
    entry = _entry(path, dataset)
    if columns:
        hints = Hints({**entry.hints.columns, **columns}, entry.hints.role_key, entry.hints.content_key,
                      entry.hints.roles, entry.hints.ranking)  # fmt: skip
    else:
        hints = entry.hints
    found = Dataset(entry.name)
    root = path if path.is_dir() else path.parent
    found.findings += [Finding(code, Source(FILE_NAME, 0), params=params) for code, params in entry.notes]
    for file in entry.files:
        for row in iter_rows(file, hints=hints, name=file.relative_to(root).as_posix()):
            found.findings += row.findings
            if row.source.row:
                found.rows += 1
                found.layouts[row.layout or "?"] += 1
            if row.example is not None:
                found.examples.append(row.example)
    check_dropped(found.findings, found.rows, max_dropped_share=max_dropped_share, name=found.name)
    found.examples = take(found.examples, entry, seed=seed)
    return found


def _entry(path: Path, dataset: str | None) -> Entry:
    if path.name == FILE_NAME:
        return find_entry(path.parent, dataset)
    if path.is_file():
        if dataset is not None:
            raise DatasetError("dataset_without_registry", dataset=dataset, name=path.name)
        return Entry(path.name, (path,), Hints())
    if (path / FILE_NAME).is_file():
        return find_entry(path, dataset)
    if dataset is not None:
        raise DatasetError("dataset_without_registry", dataset=dataset, name=path.name)
    files = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in SUFFIXES - {".txt"})
    if not files:
        raise DatasetError("folder_without_data", name=path.name)
    return Entry(path.name, tuple(files), Hints())


def check_dropped(findings: list[Finding], rows: int, *, max_dropped_share: float, name: str) -> None:
    """Stop where too many rows are dropped.

    Raises:
        DatasetError: `too_many_dropped`, or `nothing_left` where no row is left; `findings` hold the reasons.
    """
    dropped = Counter(f.source for f in findings if f.outcome == "dropped" and f.source.row)
    if rows and len(dropped) <= max_dropped_share * rows and len(dropped) < rows:
        return
    reasons = [f for f in findings if f.outcome == "dropped"]
    most: Outcome | str = Counter(f.code for f in reasons).most_common(1)[0][0] if reasons else ""
    first = next((f for f in reasons if f.code == most), None)
    code = "too_many_dropped" if len(dropped) < rows else "nothing_left"
    raise DatasetError(
        code,
        findings=findings,
        name=name,
        dropped=len(dropped),
        rows=rows,
        percent=round(100 * len(dropped) / rows) if rows else 0,
        limit=round(100 * max_dropped_share),
        place=str(first.source) if first else "-",
        reason=first.text("en") if first else "-",
        reason_zh=first.text("zh") if first else "-",
    )
