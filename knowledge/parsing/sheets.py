"""XLSX: every sheet a page, its values as tables; formulas give the value that was last computed."""

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from knowledge.documents import ParsedDocument
from knowledge.errors import UnreadableFileError
from knowledge.parsing.builder import DocumentBuilder
from knowledge.parsing.containers import check_container, refuse_entities
from knowledge.parsing.request import Request

_MAX_CELLS = 2_000_000
_MAX_COLUMNS = 512
_MAX_EMPTY_ROWS = 10_000


def parse_xlsx(request: Request, builder: DocumentBuilder) -> ParsedDocument:
    """Read a workbook; a sheet that is too large is cut with a notice."""
    check_container(request.path, request.name)
    refuse_entities(request.path, request.name)
    from openpyxl import load_workbook

    try:
        workbook = load_workbook(request.path, read_only=True, data_only=True, keep_links=False)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, SyntaxError) as err:
        raise UnreadableFileError("file_damaged", name=request.name, detail="broken_workbook") from err
    room = _Room(_MAX_CELLS, request.limits.text_chars)
    try:
        for sheet in workbook.worksheets:
            builder.start_page(sheet.title, new_outline=True)
            sheet.reset_dimensions()  # the size a file claims may be wrong, or a million rows
            try:
                rows, cut = _rows(sheet, room)
            except (KeyError, ValueError, TypeError, AttributeError, IndexError, SyntaxError):
                builder.notice("document_partly_read", part=sheet.title)
                continue
            if room.chars < 0:
                raise UnreadableFileError(
                    "file_too_much_text", name=request.name, limit=request.limits.text_chars
                )
            if cut:
                builder.notice("rows_cut", sheet=sheet.title, rows=len(rows))
            if any(map(any, rows)):
                builder.heading(sheet.title, 1)
                _add_tables(builder, rows)
        title = (workbook.properties.title or "") if workbook.properties else ""
    finally:
        workbook.close()
    return builder.build(
        title=title, media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )


@dataclass(slots=True)
class _Room:
    """Cells and characters that the workbook may still have."""

    cells: int
    chars: int


def _rows(sheet: Any, room: _Room) -> tuple[list[list[str]], bool]:
    """Read a sheet's rows as text, and whether the end was cut off."""
    rows: list[list[str]] = []
    empty = 0
    for row in sheet.iter_rows(max_col=_MAX_COLUMNS):
        cells: list[str] = []
        for cell in row:
            cells.append(_text(cell.value, getattr(cell, "number_format", "")))
            # One long string may be shared by every cell: count before it is copied anywhere.
            room.chars -= len(cells[-1])
            if room.chars < 0:
                return rows, True
        while cells and not cells[-1]:
            cells.pop()
        empty = 0 if cells else empty + 1
        room.cells -= len(cells) or 1
        if empty > _MAX_EMPTY_ROWS:
            break
        if room.cells < 0:
            return rows, True
        rows.append(cells)
    return rows, False


def _add_tables(builder: DocumentBuilder, rows: Iterable[list[str]]) -> None:
    """Cut a sheet where a new header follows empty rows; lone cells above a table are its title."""
    table: list[list[str]] = []
    gap = False
    for row in rows:
        if not any(row):
            gap = True
            continue
        # Rows with numbers after a gap go on with the table above: no header holds numbers.
        if table and gap and not any(map(_is_number, row)):
            builder.table(table)
            table = []
        if len(table) == 1 and sum(map(bool, table[0])) == 1:
            builder.paragraph("".join(table.pop()))
        table.append(row)
        gap = False
    builder.table(table)


def _is_number(cell: str) -> bool:
    return bool(re.fullmatch(r"-?[\d.,]+%?", cell))


def _text(value: Any, number_format: str) -> str:
    """Write a cell's value as its reader would."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        if "%" in number_format:
            return f"{value * 100:.10g}%"
        return f"{value:.15g}"
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d" if value.time() == datetime.time() else "%Y-%m-%d %H:%M:%S")
    return str(value)
