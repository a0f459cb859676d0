"""A build: rows, facts, ledger and report in a folder of their own, where rows can be edited and left out.

The folder holds `rows.jsonl`, `facts.jsonl` and `build.json`; each change rewrites one of them whole, by renaming.
`export` writes what is trained beside them, as files that LLaMA-Factory and `tandem train` read.
"""

import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from finetune.errors import DatasetError
from finetune.examples import Message
from finetune.facts.ledger import LedgerEntry, keep_ledger
from finetune.facts.rows import BuiltRow, Fact, Loss, Split
from finetune.formats.writing import Export, Formatting, write_dataset
from finetune.messages import Language, render

ROWS, FACTS, ABOUT = "rows.jsonl", "facts.jsonl", "build.json"
EXPORTED: dict[str, Split] = {
    "train": "train", "held_wordings": "held_wording", "held_documents": "held_document"}  # fmt: skip
"""Files of an export and the rows that go into each."""


@dataclass(frozen=True, slots=True)
class LeakStratum:
    """How near one group of rows comes to the test questions.

    Args:
        split: which rows.
        test: the file of test questions.
        rows, questions: how many of each were compared.
        exact, like, meaning: rows left out because the words were the same, nearly the same (MinHash), or meant
            the same (embeddings).
        nearest: 0..1, the highest similarity by embedding that is left; None without an embedder.
    """

    split: Split
    test: str
    rows: int
    questions: int
    exact: int = 0
    like: int = 0
    meaning: int = 0
    nearest: float | None = None


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What was found, made, and not used.

    Args:
        documents, chunks: read.
        facts: kept, by kind.
        rows: by kind; held out ones included.
        wordings: closed-book rows that are trained, by kind of wording.
        losses: everything found and not used, in the order in which it was met.
        written: questions that a model wrote, and how many passed each check; empty where rules alone did.
        leaks: how near the rows come to the test questions.
        writer: "rules", or the model's name.
        stopped: whether the build was stopped before its end.
        seconds: it took.
    """

    documents: int
    chunks: int
    facts: dict[str, int]
    rows: dict[str, int]
    wordings: dict[str, int]
    losses: tuple[Loss, ...] = ()
    written: dict[str, int] = field(default_factory=dict)
    leaks: tuple[LeakStratum, ...] = ()
    writer: str = "rules"
    stopped: bool = False
    seconds: float = 0.0

    @property
    def lost(self) -> dict[str, int]:
        """How much was not used, by message code."""
        return dict(Counter(loss.code for loss in self.losses))

    def summary(self, language: Language = "en") -> list[str]:
        """Return the report as a few lines of text."""
        lines = [
            render("build_read", {"documents": self.documents, "chunks": self.chunks,
                                  "facts": sum(self.facts.values())}, language),
            render("build_rows", {"rows": sum(self.rows.values()),
                                  **{kind: self.rows.get(kind, 0) for kind in
                                     ("closed", "open_hit", "open_miss", "unknown", "replay")}}, language),
        ]  # fmt: skip
        if self.written:
            lines.append(render("build_written", {"writer": self.writer, **self.written}, language))
        lines += [render(f"{code}_count", {"number": number}, language) for code, number in self.lost.items()]
        for leak in self.leaks:
            near = "-" if leak.nearest is None else f"{leak.nearest:.2f}"
            lines.append(render(f"build_leaks_{leak.split}", asdict(leak) | {"nearest": near}, language))
        if self.stopped:
            lines.append(render("build_stopped", {}, language))
        return lines

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "BuildReport":
        """Undo `to_json`."""
        losses = tuple(Loss(**item) for item in data.pop("losses"))
        leaks = tuple(LeakStratum(**item) for item in data.pop("leaks"))
        return cls(**data, losses=losses, leaks=leaks)


class Build:
    """A build in its folder.

    Args:
        folder: where it is kept.
        options: it was made with, as plain values.
    """

    def __init__(
        self,
        folder: Path,
        *,
        rows: Iterable[BuiltRow],
        facts: Iterable[Fact],
        report: BuildReport,
        options: dict[str, Any],
    ) -> None:
        self.folder = folder
        self.facts = list(facts)
        self.report = report
        self.options = options
        self._rows = {row.id: row for row in rows}

    @classmethod
    def load(cls, folder: Path) -> "Build":
        """Read a build.

        Raises:
            DatasetError: there is none in the folder, or a line of it is broken.
        """
        if not (folder / ABOUT).is_file():
            raise DatasetError("build_missing", name=folder.name)
        about = _read_lines(folder / ABOUT)[0]
        return cls(
            folder,
            rows=[_row(item) for item in _read_lines(folder / ROWS)],
            facts=[fact_of(item) for item in _read_lines(folder / FACTS)],
            report=BuildReport.from_json(about["report"]),
            options=about["options"],
        )

    def save(self) -> None:
        """Write everything; `build.json`, which makes it count as a build, comes last."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _write_lines(self.folder / FACTS, (asdict(fact) for fact in self.facts))
        self._save_rows()
        about = {"options": self.options, "report": self.report.to_json()}
        _write_lines(self.folder / ABOUT, [about])

    @property
    def rows(self) -> list[BuiltRow]:
        """All rows, in order."""
        return list(self._rows.values())

    def row(self, row_id: str) -> BuiltRow:
        """One row.

        Raises:
            DatasetError: there is none of this id.
        """
        if row_id not in self._rows:
            raise DatasetError("build_row_missing", row=row_id)
        return self._rows[row_id]

    @cached_property
    def facts_by_id(self) -> dict[str, Fact]:
        """Every fact by its id."""
        return {fact.id: fact for fact in self.facts}

    @property
    def ledger(self) -> list[LedgerEntry]:
        """What the selected rows would teach, at the epochs that the build was made for."""
        return self.ledger_for(float(self.options.get("epochs", 1)))

    def ledger_for(self, epochs: float) -> list[LedgerEntry]:
        """What the selected rows would teach in so many epochs."""
        return keep_ledger(self.facts, self._rows.values(), epochs=epochs)

    def edit_row(self, row_id: str, *, question: str | None = None, answer: str | None = None) -> BuiltRow:
        """Replace a row's question or answer, and keep that.

        Raises:
            DatasetError: there is no such row, or nothing would be left of it.
        """
        try:
            edited = self.row(row_id).edit(question=question, answer=answer)
        except ValueError as err:
            raise DatasetError("build_row_empty", row=row_id) from err
        self._rows[row_id] = edited
        self._save_rows()
        return edited

    def select_row(self, row_id: str, selected: bool) -> BuiltRow:
        """Take a row into the export, or leave it out, and keep that."""
        self._rows[row_id] = replace(self.row(row_id), selected=selected)
        self._save_rows()
        return self._rows[row_id]

    def deselect_row(self, row_id: str) -> BuiltRow:
        """Leave a row out of the export."""
        return self.select_row(row_id, False)

    def select_rows(self, row_ids: Iterable[str], selected: bool) -> None:
        """Take several rows in, or leave them out, in one write."""
        for row_id in row_ids:
            self._rows[row_id] = replace(self.row(row_id), selected=selected)
        self._save_rows()

    def export(self, layout: Formatting = "sharegpt", *, folder: Path | None = None) -> Export:
        """Write the selected rows, what is trained and what is held out apart; each row names its provenance.

        Args:
            layout: "alpaca", "sharegpt" or "openai".
            folder: by default the build's own, in a folder of the layout's name.

        Raises:
            DatasetError: no row is selected.
        """
        target = folder or self.folder / layout
        chosen = [row for row in self._rows.values() if row.selected]
        if not any(row.split == "train" for row in chosen):
            raise DatasetError("build_nothing_selected", name=self.folder.name)
        export = Export()
        for name, split in EXPORTED.items():
            rows = [row for row in chosen if row.split == split]
            if not rows:
                continue
            examples = (row.example(number) for number, row in enumerate(rows, 1))
            part = write_dataset(examples, target, name=name, formatting=layout)
            export.files |= part.files
            export.rows += part.rows
            export.findings += part.findings
        return export

    def _save_rows(self) -> None:
        _write_lines(self.folder / ROWS, (_row_json(row) for row in self._rows.values()))


def _write_lines(path: Path, items: Iterable[dict[str, Any]]) -> None:
    draft = path.with_suffix(path.suffix + ".tmp")
    with draft.open("w", encoding="utf-8", newline="\n") as file:
        for item in items:
            file.write(json.dumps(item, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _read_lines(path: Path) -> list[dict[str, Any]]:
    items = []
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    items.append(json.loads(line))
                except json.JSONDecodeError as err:
                    raise DatasetError("json_malformed", name=path.name, line=number, reason=err.msg) from err
    except OSError as err:
        raise DatasetError("data_unreadable", name=path.name, reason=err.strerror or str(err)) from err
    return items


def _row_json(row: BuiltRow) -> dict[str, Any]:
    data = asdict(row)
    data["messages"] = [{"role": m.role, "content": m.content, "train": m.train} for m in row.messages]
    return data


def _row(data: dict[str, Any]) -> BuiltRow:
    messages = tuple(Message(m["role"], m["content"], train=m["train"]) for m in data["messages"])
    lists = {key: tuple(data[key]) for key in ("fact_ids", "chunk_ids", "files", "turn_facts")}
    return BuiltRow(**{**data, **lists, "messages": messages})


def fact_of(data: dict[str, Any]) -> Fact:
    """A line of `facts.jsonl` as a fact."""
    lists = {key: tuple(data[key]) for key in ("headings", "siblings", "aliases")}
    return Fact(**{**data, **lists})
