"""PPTX: every slide a page, with its title as heading, text, tables, diagrams and notes."""

from collections.abc import Iterator
from typing import Any

from knowledge.documents import ParsedDocument
from knowledge.errors import UnreadableFileError
from knowledge.parsing.builder import DocumentBuilder
from knowledge.parsing.office_parts import OfficeParts
from knowledge.parsing.request import Request

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_RELATION_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_FURNITURE = frozenset(("dt", "ftr", "sldNum", "hdr", "sldImg"))
_MAX_DEPTH = 40


def parse_pptx(request: Request, builder: DocumentBuilder) -> ParsedDocument:
    """Read a presentation in the order it is shown."""
    with OfficeParts(request) as parts:
        main = parts.main_part("ppt/presentation.xml")
        relations = parts.relations(main)
        root = parts.root(main)
        for number, slide in enumerate(root.iter(f"{_P}sldId"), 1):
            _, path = relations.get(slide.get(_RELATION_ID, ""), ("", ""))
            builder.start_page(str(number), new_outline=True)
            try:
                _add_slide(builder, parts, path)
            except UnreadableFileError as err:
                if err.code != "file_damaged":
                    raise
                builder.notice("document_partly_read", part=path)
        return builder.build(
            title=parts.title(),
            media_type="application/vnd.openxmlformats-officedocument.presentationml.presentation",
        )


def _add_slide(builder: DocumentBuilder, parts: OfficeParts, path: str) -> None:
    root = parts.root(path)
    if root is None:
        return
    shapes = list(_shapes(root))
    titles = [shape for shape in shapes if _placeholder(shape) in ("title", "ctrTitle")]
    for shape in titles:
        builder.heading(" ".join(text for text, _ in _paragraphs(shape)), 1)
    for shape in shapes:
        if shape in titles or _placeholder(shape) in _FURNITURE:
            continue
        if (table := shape.find(f".//{_A}tbl")) is not None:
            builder.table(_rows(table))
        else:
            _add_text(builder, shape)
    for kind, target in parts.relations(path).values():
        if kind == "diagramData" and (diagram := parts.root(target)) is not None:
            builder.items(f"- {text}" for text, _ in _paragraphs(diagram))
        elif kind == "notesSlide" and (notes := parts.root(target)) is not None:
            for shape in _shapes(notes):
                if _placeholder(shape) == "body":
                    _add_text(builder, shape)


def _shapes(root: Any, depth: int = 0) -> Iterator[Any]:
    """Shapes and table frames of a slide, those in groups included, in drawing order."""
    for child in root:
        if child.tag in (f"{_P}sp", f"{_P}graphicFrame"):
            yield child
        elif depth < _MAX_DEPTH:
            yield from _shapes(child, depth + 1)


def _placeholder(shape: Any) -> str:
    placeholder = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph")
    return placeholder.get("type", "body") if placeholder is not None else ""


def _paragraphs(shape: Any) -> Iterator[tuple[str, int]]:
    """Text and indent level of a shape's paragraphs that are not empty."""
    for paragraph in shape.iter(f"{_A}p"):
        text = "".join(
            "\n" if element.tag == f"{_A}br" else element.text or ""
            for element in paragraph.iter()
            if element.tag in (f"{_A}t", f"{_A}br")
        ).strip()
        if text:
            properties = paragraph.find(f"{_A}pPr")
            level = properties.get("lvl", "0") if properties is not None else "0"
            yield text, int(level) if level.isdigit() else 0


def _add_text(builder: DocumentBuilder, shape: Any) -> None:
    """Add a shape's text: one paragraph as such, several as a list."""
    found = list(_paragraphs(shape))
    if len(found) == 1:
        builder.paragraph(found[0][0])
    else:
        builder.items(f"{'  ' * level}- {text}" for text, level in found)


def _rows(table: Any) -> list[list[str]]:
    """Read a table; a cell merged from above repeats what it is merged with."""
    rows: list[list[str]] = []
    for row in table.iter(f"{_A}tr"):
        cells: list[str] = []
        for cell in row.iter(f"{_A}tc"):
            if cell.get("vMerge") in ("1", "true") and rows and len(cells) < len(rows[-1]):
                cells.append(rows[-1][len(cells)])
            else:
                cells.append(" ".join(text for text, _ in _paragraphs(cell)))
        rows.append(cells)
    return rows
