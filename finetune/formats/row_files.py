"""The rows of a dataset file, whatever it is packed in: JSON, JSONL, CSV, TSV, Parquet, Arrow, plain text.

What it is packed in is told by content; the suffix decides only where the content does not. Knows nothing of
what a row means: that is `layouts`.
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from finetune.errors import DatasetError
from finetune.formats.charset import Charset, detect_charset
from finetune.formats.json_stream import JsonStream, parse_line

Packing = Literal["json", "jsonl", "csv", "parquet", "arrow", "text"]
UTF8 = Charset("utf-8")
SUFFIXES = frozenset({".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet", ".arrow", ".txt"})
ROW_LISTS = ("data", "rows", "train", "examples", "samples", "instances", "conversations", "items")
"""Keys under which a JSON object may hold its list of rows."""
HEAD = 1 << 16
MAX_FIELD = 1 << 27

_column_name = re.compile(r"[\w.-]{1,40}")


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as it stands in the file.

    Args:
        number: from 1. line: from 1, or None where the file has none.
        data: its columns; None where it could not be read, and `problem` is (code, params) then.
    """

    number: int
    line: int | None
    data: dict[str, Any] | None
    problem: tuple[str, dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class RowFile:
    """A dataset file whose packing and character set are known. `rows()` reads it, one row in memory at a time."""

    path: Path
    name: str
    packing: Packing
    charset: Charset = UTF8
    delimiter: str = ","

    def rows(self) -> Iterator[RawRow]:
        """Yield every row; what cannot be read is a row with a `problem`.

        Raises:
            DatasetError: the file as a whole is broken: malformed JSON (with its line), a damaged Parquet file.
        """
        match self.packing:
            case "parquet" | "arrow":
                yield from _read_table(self)
            case "json":
                yield from _read_json(self)
            case "jsonl":
                yield from _read_jsonl(self)
            case "csv":
                yield from _read_csv(self)
            case "text":
                yield from _read_text(self)

    def open(self, newline: str | None = None) -> io.TextIOWrapper:
        """Return the decoded file."""
        return self.path.open(encoding=self.charset.encoding, errors=self.charset.errors, newline=newline)


def open_rows(path: Path, *, name: str | None = None, columns: frozenset[str] = frozenset()) -> RowFile:
    """Find out how the file at `path` is packed.

    Args:
        name: what to call it in messages; default its file name.
        columns: column names that tell a CSV header from a first line of prose.

    Raises:
        DatasetError: missing, empty, binary, in an unknown character set, or not a dataset at all.
    """
    name = name or path.name
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise DatasetError("data_unreadable", name=name, reason=error.strerror or str(error)) from error
    if not head:
        raise DatasetError("data_empty", name=name)
    if head[:4] == b"PAR1":
        return RowFile(path, name, "parquet")
    if head[:6] == b"ARROW1" or (head[:4] == b"\xff\xff\xff\xff" and path.suffix.lower() == ".arrow"):
        return RowFile(path, name, "arrow")
    if head[:2] == b"PK" or head[:2] == b"\x1f\x8b" or head[:4] in (b"%PDF", b"\x89PNG", b"\xd0\xcf\x11\xe0"):
        raise DatasetError("data_binary", name=name)
    charset = detect_charset(path, name=name)
    with path.open(encoding=charset.encoding, errors=charset.errors) as text:
        start = text.read(HEAD)
        complete = not text.read(1)
    if "\0" in start:
        raise DatasetError("data_binary", name=name)
    start = start.lstrip("\ufeff")
    if not start.strip():
        raise DatasetError("data_empty", name=name)
    packing, delimiter = _packing(start, complete, path.suffix.lower(), columns)
    if packing is None:
        raise DatasetError("data_not_dataset", name=name, suffix=path.suffix or "?")
    return RowFile(path, name, packing, charset, delimiter)


def _packing(start: str, complete: bool, suffix: str, columns: frozenset[str]) -> tuple[Packing | None, str]:
    """Tell the packing from the beginning of the file; the second value is a CSV's delimiter."""
    lines = [line for line in start.split("\n") if line.strip()]
    if not complete and len(lines) > 1:
        lines.pop()  # cut in two
    first = start.lstrip()[0]
    if first in "[{":
        parsed = sum(_is_value(line, first) for line in lines[:20])
        single = len(lines) == 1 and (first == "[" or suffix == ".json")
        return ("jsonl" if parsed * 2 >= len(lines[:20]) and not single else "json"), ","
    header = lines[0].strip("\r")
    delimiter = max(",\t;|", key=header.count) if any(d in header for d in ",\t;|") else ","
    names = {cell.strip().strip('"').lower() for cell in header.split(delimiter)}
    is_header = len(lines) > 1 and len(names) > 1 and all(_column_name.fullmatch(name) for name in names)
    if suffix in (".csv", ".tsv") or (is_header and names & columns):
        return "csv", delimiter
    if suffix in (".json", ".jsonl", ".ndjson"):
        return ("json" if suffix == ".json" else "jsonl"), ","
    return ("text" if suffix in (".txt", ".text", "") else None), ","


def _is_value(line: str, first: str) -> bool:
    try:
        return isinstance(parse_line(line.strip()), dict if first == "{" else list)
    except (json.JSONDecodeError, RecursionError):
        return False


def _row(number: int, line: int | None, value: Any) -> RawRow:
    if isinstance(value, dict):
        return RawRow(number, line, value)
    if isinstance(value, list) and value and all(isinstance(turn, dict) for turn in value):
        return RawRow(number, line, {"messages": value})
    if isinstance(value, str) and value.strip():
        return RawRow(number, line, {"text": value})
    return RawRow(number, line, None, ("row_not_object", {"found": type(value).__name__}))


def _read_json(source: RowFile) -> Iterator[RawRow]:
    with source.open() as file:
        stream = JsonStream(file, name=source.name)
        number = 0
        if stream.peek() == "[":
            for number, (line, value) in enumerate(stream.items(), 1):
                yield _row(number, line, value)
            if stream.peek():
                raise stream.error("Extra data after the list")
            return
        while stream.peek():
            line = stream.line
            value = stream.value()
            # Only a file that is one object can be a wrapper; several in a row are the rows themselves.
            if number == 0 and isinstance(value, dict) and not stream.peek():
                for number, row in enumerate(_unwrap(value), 1):
                    yield _row(number, None, row)
                return
            number += 1
            yield _row(number, line, value)
            if stream.peek() == ",":
                stream.skip()


def _unwrap(value: dict[str, Any]) -> list[Any]:
    """The rows inside one JSON object: a list under a known key, columns side by side, or itself."""
    for key in ROW_LISTS:
        rows = value.get(key)
        if not isinstance(rows, list) or not rows or not isinstance(rows[0], (dict, list)):
            continue
        if key == "conversations" and not (
            isinstance(rows[0], dict) and any(isinstance(cell, list) for cell in rows[0].values())
        ):
            continue  # its items are turns: the object is one conversation
        return rows
    lists = {key: rows for key, rows in value.items() if isinstance(rows, list)}
    sizes = {len(rows) for rows in lists.values()}
    if len(lists) > 1 and len(sizes) == 1 and len(lists) == len(value):
        return [dict(zip(lists, cells, strict=True)) for cells in zip(*lists.values(), strict=True)]
    return [value]


def _read_jsonl(source: RowFile) -> Iterator[RawRow]:
    number = 0
    with source.open() as file:
        for line, text in enumerate(file, 1):
            text = text.strip().lstrip("\ufeff")
            if not text:
                continue
            number += 1
            try:
                yield _row(number, line, parse_line(text))
            except json.JSONDecodeError as error:
                yield RawRow(
                    number, line, None, ("row_malformed", {"reason": error.msg, "column": error.colno})
                )
            except RecursionError:
                yield RawRow(
                    number, line, None, ("row_malformed", {"reason": "nested too deep", "column": 1})
                )


def _read_csv(source: RowFile) -> Iterator[RawRow]:
    csv.field_size_limit(MAX_FIELD)  # the default refuses a cell over 128 KiB, which a long document reaches
    with source.open(newline="") as file:
        reader = csv.reader(file, delimiter=source.delimiter)
        try:
            header = [name.strip().lstrip("\ufeff") for name in next(reader)]
            start = reader.line_num + 1
            number = 0
            for cells in reader:
                line, start = start, reader.line_num + 1
                if not any(cell.strip() for cell in cells):
                    continue
                number += 1
                if len(cells) > len(header):
                    problem = ("row_extra_cells", {"cells": len(cells), "columns": len(header)})
                    yield RawRow(number, line, None, problem)
                    continue
                named = zip(header, cells, strict=False)
                yield RawRow(number, line, {key: _cell(cell) for key, cell in named if cell})
        except csv.Error as error:
            raise DatasetError(
                "csv_malformed", name=source.name, line=reader.line_num, reason=str(error)
            ) from error


def _cell(text: str) -> Any:
    """A list or an object written into a cell as JSON, else the text as it is."""
    if text[0] in "[{" and text.rstrip()[-1] in "]}":
        try:
            value = parse_line(text)
        except (json.JSONDecodeError, RecursionError):
            return text
        if isinstance(value, list) and value and isinstance(value[0], (dict, list)):
            return value
    return text


def _read_table(source: RowFile) -> Iterator[RawRow]:
    import pyarrow
    import pyarrow.parquet

    number = 0
    try:
        for batch in _batches(source):
            for row in batch.to_pylist():
                number += 1
                filled = {key: value for key, value in row.items() if value is not None}
                yield RawRow(number, None, filled)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise DatasetError("table_damaged", name=source.name, reason=reason) from error


def _batches(source: RowFile) -> Iterator[Any]:
    import pyarrow
    import pyarrow.parquet

    if source.packing == "parquet":
        with pyarrow.parquet.ParquetFile(source.path) as file:
            yield from file.iter_batches(batch_size=1024)
        return
    with pyarrow.memory_map(str(source.path)) as mapped:
        try:
            reader = pyarrow.ipc.open_stream(mapped)
        except pyarrow.ArrowInvalid:
            mapped.seek(0)
            reader = pyarrow.ipc.open_file(mapped)
            for index in range(reader.num_record_batches):
                yield reader.get_batch(index)
            return
        yield from reader


def _read_text(source: RowFile) -> Iterator[RawRow]:
    """Paragraphs divided by an empty line; where there is no empty line, one row a line."""
    with source.open() as file:
        filled = [bool(line.strip()) for line in file]
    while filled and not filled[-1]:
        filled.pop()
    lines_are_rows = False not in filled[filled.index(True) :]
    number = 0
    start = 1
    paragraph: list[str] = []
    with source.open() as file:
        for line, text in enumerate(file, 1):
            if text.strip():
                start = start if paragraph else line
                paragraph.append(text.rstrip("\n"))
            if paragraph and (lines_are_rows or not text.strip()):
                number += 1
                yield RawRow(number, start, {"text": "\n".join(paragraph)})
                paragraph = []
    if paragraph:
        yield RawRow(number + 1, start, {"text": "\n".join(paragraph)})
