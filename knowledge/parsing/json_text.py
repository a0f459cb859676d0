"""JSON and JSON Lines: records become tables where they are flat, else indented text a reader can follow."""

import json
from typing import Any

from knowledge.documents import ParsedDocument
from knowledge.parsing.builder import DocumentBuilder
from knowledge.parsing.plain import add_paragraphs, read_text
from knowledge.parsing.request import Request

_TITLE_KEYS = ("title", "name", "question", "标题", "名称", "问题")
_MAX_DEPTH = 40


def parse_json(request: Request, builder: DocumentBuilder) -> ParsedDocument:
    """Read a JSON file; a damaged one is read as plain text with a notice."""
    text, encoding = read_text(request, builder)
    try:
        value = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as err:
        lines = [line for line in text.split("\n") if line.strip()]
        if len(lines) > 1 and all(_loads(line) is not None for line in lines[:3]):
            return _add_lines(builder, lines, encoding)
        builder.notice("json_damaged", line=getattr(err, "lineno", 1))
        add_paragraphs(builder, text)
        return builder.build(media_type="application/json", encoding=encoding)
    _add_value(builder, value, 1)
    return builder.build(media_type="application/json", encoding=encoding)


def parse_jsonl(request: Request, builder: DocumentBuilder) -> ParsedDocument:
    """Read JSON Lines, one record a line."""
    text, encoding = read_text(request, builder)
    return _add_lines(builder, text.splitlines(), encoding)


def _add_lines(builder: DocumentBuilder, lines: list[str], encoding: str) -> ParsedDocument:
    records = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        record = _loads(line)
        if record is None:
            builder.notice("json_damaged", line=number)
            record = line
        records.append(record)
    _add_value(builder, records, 1)
    return builder.build(media_type="application/jsonl", encoding=encoding)


def _loads(line: str) -> Any:
    try:
        return json.loads(line)
    except (json.JSONDecodeError, RecursionError):
        return None


def _add_value(builder: DocumentBuilder, value: Any, depth: int) -> None:
    if isinstance(value, list) and _is_table(value):
        columns = list(dict.fromkeys(key for record in value for key in record))
        builder.table([columns, *([_scalar(record.get(key)) for key in columns] for record in value)])
    elif isinstance(value, list):
        for entry in value:
            if isinstance(entry, dict | list) and depth < _MAX_DEPTH:
                _add_value(builder, entry, depth)
            else:
                builder.paragraph(_scalar(entry))
    elif isinstance(value, dict):
        _add_record(builder, value, depth)
    else:
        builder.paragraph(_scalar(value))


def _add_record(builder: DocumentBuilder, record: dict[str, Any], depth: int) -> None:
    """Write a record: simple fields as lines, larger ones under their name as a heading."""
    title = next((record[key] for key in _TITLE_KEYS if isinstance(record.get(key), str)), "")
    if title and len(title) < 120:
        builder.heading(title, min(depth, 6))
    simple = []
    larger = []
    for key, entry in record.items():
        if isinstance(entry, dict | list) and entry and depth < _MAX_DEPTH:
            if isinstance(entry, list) and all(not isinstance(part, dict | list) for part in entry):
                simple.append(f"{key}: {', '.join(_scalar(part) for part in entry)}")
            else:
                larger.append((key, entry))
        elif not (title and entry == title and len(title) < 120):
            simple.append(f"{key}: {_scalar(entry)}")
    builder.paragraph("\n".join(simple))
    for key, entry in larger:
        builder.heading(key, min(depth + 1, 6))
        _add_value(builder, entry, depth + 2)


def _is_table(values: list[Any]) -> bool:
    """Whether these are records of short simple fields that mostly share their keys."""
    if len(values) < 2 or not all(isinstance(value, dict) for value in values):
        return False
    columns = {key for value in values for key in value}
    if not 1 < len(columns) <= 20 or len(columns) > 2 * max(len(value) for value in values):
        return False
    return all(
        not isinstance(entry, dict | list) and len(str(entry)) <= 200
        for value in values
        for entry in value.values()
    )


def _scalar(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
