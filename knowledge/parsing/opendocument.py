"""ODT: headings, paragraphs, lists and tables of an OpenDocument text."""

import zipfile
from collections.abc import Iterator
from typing import Any

from knowledge.documents import ParsedDocument
from knowledge.errors import UnreadableFileError
from knowledge.parsing.builder import DocumentBuilder
from knowledge.parsing.containers import check_container, parse_xml, read_entry
from knowledge.parsing.request import Request

_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_DC_TITLE = ".//{http://purl.org/dc/elements/1.1/}title"
_SKIPPED = frozenset(
    (
        f"{_TEXT}tracked-changes",
        f"{_TEXT}table-of-content",
        f"{_TEXT}sequence-decls",
        f"{_OFFICE}annotation",
        "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}title",
    )
)
_MAX_DEPTH = 60
_MAX_REPEATS = 64


def parse_odt(request: Request, builder: DocumentBuilder) -> ParsedDocument:
    """Read an OpenDocument text."""
    check_container(request.path, request.name)
    with zipfile.ZipFile(request.path) as archive:
        names = archive.namelist()
        if "META-INF/manifest.xml" in names and b"encryption-data" in read_entry(
            archive, "META-INF/manifest.xml", name=request.name
        ):
            raise UnreadableFileError("file_encrypted_office", name=request.name)
        if "content.xml" not in names:
            raise UnreadableFileError(
                "file_damaged", name=request.name, detail="missing_part", part="content.xml"
            )
        root = parse_xml(read_entry(archive, "content.xml", name=request.name), name=request.name)
        title = ""
        if "meta.xml" in names:
            meta = parse_xml(read_entry(archive, "meta.xml", name=request.name), name=request.name)
            title = meta.findtext(_DC_TITLE) or ""
    body = root.find(f"{_OFFICE}body/{_OFFICE}text")
    if body is not None:
        _add(builder, body, 0)
    return builder.build(title=title, media_type="application/vnd.oasis.opendocument.text")


def _add(builder: DocumentBuilder, container: Any, depth: int) -> None:
    for child in container:
        if child.tag == f"{_TEXT}h":
            level = child.get(f"{_TEXT}outline-level", "1")
            builder.heading(_words(child), int(level) if level.isdigit() else 1)
        elif child.tag == f"{_TEXT}p":
            builder.paragraph(_words(child))
        elif child.tag == f"{_TEXT}list":
            builder.items(_items(child, 0))
        elif child.tag == f"{_TABLE}table":
            builder.table(_rows(child))
        elif child.tag not in _SKIPPED and depth < _MAX_DEPTH:
            _add(builder, child, depth + 1)


def _words(element: Any, depth: int = 0) -> str:
    """Text of a paragraph with its spans, spaces and line breaks."""
    words = [element.text or ""]
    for child in element:
        if child.tag == f"{_TEXT}s":
            count = child.get(f"{_TEXT}c", "1")
            words.append(" " * (min(int(count), _MAX_REPEATS) if count.isdigit() else 1))
        elif child.tag == f"{_TEXT}tab":
            words.append("\t")
        elif child.tag == f"{_TEXT}line-break":
            words.append("\n")
        elif child.tag not in _SKIPPED and depth < _MAX_DEPTH:
            words.append(_words(child, depth + 1))
        words.append(child.tail or "")
    return "".join(words)


def _items(element: Any, depth: int) -> Iterator[str]:
    for item in element:
        for child in item:
            if child.tag == f"{_TEXT}list" and depth < _MAX_DEPTH:
                yield from _items(child, depth + 1)
            elif child.tag in (f"{_TEXT}p", f"{_TEXT}h") and (text := _words(child).strip()):
                yield f"{'  ' * depth}- {text}"


def _rows(table: Any) -> list[list[str]]:
    rows = []
    for row in table.iter(f"{_TABLE}table-row"):
        cells: list[str] = []
        for cell in row:
            if cell.tag not in (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
                continue
            repeat = cell.get(f"{_TABLE}number-columns-repeated", "1")
            text = " ".join(_words(paragraph) for paragraph in cell.iter(f"{_TEXT}p"))
            cells += [text] * (min(int(repeat), _MAX_REPEATS) if repeat.isdigit() else 1)
        rows.append(cells)
    return rows
