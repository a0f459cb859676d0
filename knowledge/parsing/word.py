"""DOCX: paragraphs under their headings, lists, tables, foot- and endnotes, text boxes.

Reads the XML itself rather than through an object model: broken and unusual files still give their text.
"""

import re
from collections.abc import Iterator
from typing import Any

from knowledge.documents import ParsedDocument
from knowledge.errors import UnreadableFileError
from knowledge.parsing.builder import DocumentBuilder
from knowledge.parsing.office_parts import OfficeParts
from knowledge.parsing.request import Request

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STRICT_W = "{http://purl.oclc.org/ooxml/wordprocessingml/main}"
_MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_ALTERNATIVES = "{http://schemas.openxmlformats.org/markup-compatibility/2006}AlternateContent"
_HEADING_NAME = re.compile(r"^(?:heading|标题|標題|überschrift|titre)\s*(\d)$", re.I)
_MAX_DEPTH = 60


def parse_docx(request: Request, builder: DocumentBuilder) -> ParsedDocument:
    """Read a Word document."""
    with OfficeParts(request) as parts:
        main = parts.main_part("word/document.xml")
        root = parts.root(main)
        _to_transitional(root)
        related = dict(parts.relations(main).values())
        reader = _Reader(
            builder,
            styles=_side_part(builder, parts, related.get("styles")),
            numbering=_side_part(builder, parts, related.get("numbering")),
            notes={
                kind: _notes(_side_part(builder, parts, related.get(f"{kind}s")), kind)
                for kind in ("footnote", "endnote")
            },
        )
        body = root.find(f"{W}body")
        if body is None:
            raise UnreadableFileError("file_damaged", name=request.name, detail="no_body")
        reader.read(body)
        return builder.build(
            title=parts.title(),
            media_type="application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        )


def _to_transitional(root: Any) -> None:
    """Give the strict variant's elements the names of the usual one."""
    if root is None or not root.tag.startswith(_STRICT_W):
        return
    for element in root.iter():
        if element.tag.startswith(_STRICT_W):
            element.tag = W + element.tag[len(_STRICT_W) :]
        for key in [key for key in element.attrib if key.startswith(_STRICT_W)]:
            element.set(W + key[len(_STRICT_W) :], element.attrib.pop(key))


def _side_part(builder: DocumentBuilder, parts: OfficeParts, path: str | None) -> Any:
    """Parse a part that the text can do without."""
    if path is None:
        return None
    try:
        root = parts.root(path)
    except UnreadableFileError as err:
        if err.code == "file_hostile_xml":
            raise
        builder.notice("document_partly_read", part=path)
        return None
    _to_transitional(root)
    return root


def _notes(root: Any, kind: str) -> dict[str, str]:
    """Text of each foot- or endnote by its id."""
    if root is None:
        return {}
    return {
        note.get(f"{W}id", ""): " ".join("".join(_words(p)).strip() for p in note.iter(f"{W}p")).strip()
        for note in root.iter(W + kind)
        if note.get(f"{W}type") in (None, "normal")
    }


def _words(element: Any, depth: int = 0) -> Iterator[str]:
    """Visible text of a paragraph, without text boxes and deleted words; note marks as [1]."""
    for child in element:
        tag = child.tag
        if tag in (f"{W}t", _MATH_TEXT):
            yield child.text or ""
        elif tag == f"{W}tab":
            yield "\t"
        elif tag in (f"{W}br", f"{W}cr"):
            yield "\n"
        elif tag == f"{W}noBreakHyphen":
            yield "-"
        elif tag in (f"{W}footnoteReference", f"{W}endnoteReference"):
            yield f"[{child.get(f'{W}id', '')}]"
        elif tag not in _NOT_WORDS and depth < _MAX_DEPTH:
            yield from _words(child, depth + 1)


_NOT_WORDS = frozenset(
    (
        _ALTERNATIVES,
        f"{W}del",
        f"{W}moveFrom",
        f"{W}pPr",
        f"{W}rPr",
        f"{W}txbxContent",
        f"{W}drawing",
        f"{W}pict",
        f"{W}instrText",
        f"{W}object",
    )
)


class _Reader:
    """Walks a document's body."""

    def __init__(
        self, builder: DocumentBuilder, *, styles: Any, numbering: Any, notes: dict[str, Any]
    ) -> None:
        self.builder = builder
        self.notes = notes
        self.levels, self.style_lists, self.contents = _read_styles(styles)
        self.formats = _read_numbering(numbering)
        self.counters: dict[tuple[str, int], int] = {}
        self.items: list[str] = []

    def read(self, container: Any, depth: int = 0) -> None:
        """Add the paragraphs and tables of a body, a text box or a content control."""
        for child in container:
            if child.tag == f"{W}p":
                self._paragraph(child, depth)
            elif child.tag == f"{W}tbl":
                self._flush()
                self._table(child, depth)
            elif child.tag != f"{W}sectPr" and depth < _MAX_DEPTH:
                # Content controls, insertions, custom XML: whatever wraps paragraphs.
                self.read(child, depth + 1)
        if not depth:
            self._flush()

    def _flush(self) -> None:
        if self.items:
            self.builder.items(self.items)
            self.items = []

    def _paragraph(self, paragraph: Any, depth: int) -> None:
        properties = paragraph.find(f"{W}pPr")
        style = _value(properties, "pStyle")
        if style in self.contents:
            return
        text = "".join(_words(paragraph)).strip()
        level = self._level(properties, style)
        if text and level:
            self._flush()
            self.builder.heading(text, level)
        elif text and (mark := self._mark(properties, style)):
            self.items.append(mark + text)
        elif text:
            self._flush()
            self.builder.paragraph(text)
        for note in self._notes_of(paragraph):
            self._flush()
            self.builder.paragraph(note)
        for box in _text_boxes(paragraph):
            self._flush()
            if depth < _MAX_DEPTH:
                self.read(box, depth + 1)
                self._flush()

    def _level(self, properties: Any, style: str) -> int:
        own = _value(properties, "outlineLvl")
        if own.isdigit() and int(own) < 6:
            return int(own) + 1
        return self.levels.get(style, 0)

    def _mark(self, properties: Any, style: str) -> str:
        """The mark before a list item, indented by its level; "" outside lists."""
        numbering = properties.find(f"{W}numPr") if properties is not None else None
        number, depth = _value(numbering, "numId"), _value(numbering, "ilvl")
        if not number:
            number, depth = self.style_lists.get(style, ("", "0"))
        if not number or number == "0":
            return ""
        level = int(depth) if depth.isdigit() and int(depth) < 9 else 0
        if self.formats.get((number, level), "bullet") in ("bullet", "none"):
            return f"{'  ' * level}- "
        count = self.counters[number, level] = self.counters.get((number, level), 0) + 1
        for deeper in range(level + 1, 9):
            self.counters.pop((number, deeper), None)
        return f"{'  ' * level}{count}. "

    def _notes_of(self, paragraph: Any) -> Iterator[str]:
        for kind, texts in self.notes.items():
            for reference in paragraph.iter(f"{W}{kind}Reference"):
                number = reference.get(f"{W}id", "")
                if texts.get(number):
                    yield f"[{number}] {texts[number]}"

    def _table(self, table: Any, depth: int) -> None:
        rows: list[list[str]] = []
        for row in _inside(table, f"{W}tr"):
            cells: list[str] = []
            for cell in _inside(row, f"{W}tc"):
                properties = cell.find(f"{W}tcPr")
                merged = properties.find(f"{W}vMerge") if properties is not None else None
                if (
                    merged is not None
                    and merged.get(f"{W}val") != "restart"
                    and rows
                    and len(cells) < len(rows[-1])
                ):
                    text = rows[-1][len(cells)]
                else:
                    text = " ".join("".join(_words(p)).strip() for p in cell.iter(f"{W}p")).strip()
                span = _value(properties, "gridSpan")
                cells.append(text)
                cells += [""] * (min(int(span), 64) - 1 if span.isdigit() else 0)
            rows.append(cells)
        if len(rows) == 1 and len(rows[0]) == 1:  # a frame around text
            for cell in (cell for row in _inside(table, f"{W}tr") for cell in _inside(row, f"{W}tc")):
                if depth < _MAX_DEPTH:
                    self.read(cell, depth + 1)
            self._flush()
            return
        self.builder.table(rows)
        for note in self._notes_of(table):
            self.builder.paragraph(note)


def _inside(element: Any, tag: str) -> Iterator[Any]:
    """A table's rows or a row's cells, through content controls but not into nested tables."""
    for child in element:
        if child.tag == tag:
            yield child
        elif child.tag in (f"{W}sdt", f"{W}sdtContent", f"{W}ins", f"{W}customXml"):
            yield from _inside(child, tag)


def _value(properties: Any, name: str) -> str:
    element = properties.find(W + name) if properties is not None else None
    return element.get(f"{W}val", "") if element is not None else ""


def _text_boxes(paragraph: Any) -> Iterator[Any]:
    """Text boxes anchored in a paragraph; of two variants of the same box only the first."""
    for child in paragraph:
        if child.tag == f"{W}txbxContent":
            yield child
        elif child.tag == _ALTERNATIVES:
            yield from _text_boxes(child[:1])
        else:
            yield from _text_boxes(child)


def _read_styles(styles: Any) -> tuple[dict[str, int], dict[str, tuple[str, str]], set[str]]:
    """Heading level and list of each style, inherited ones included, and the styles of tables of contents."""
    levels: dict[str, int] = {}
    lists: dict[str, tuple[str, str]] = {}
    contents: set[str] = set()
    parents: dict[str, str] = {}
    for style in styles.iter(f"{W}style") if styles is not None else ():
        identifier = style.get(f"{W}styleId", "")
        name = _value(style, "name")
        parents[identifier] = _value(style, "basedOn")
        properties = style.find(f"{W}pPr")
        outline = _value(properties, "outlineLvl")
        if match := _HEADING_NAME.match(name):
            levels[identifier] = max(int(match.group(1)), 1)
        elif outline.isdigit():
            levels[identifier] = int(outline) + 1 if int(outline) < 6 else 0
        elif name.lower() == "title":
            levels[identifier] = 1
        if re.match(r"toc \d|目录 \d", name, re.I):
            contents.add(identifier)
        numbering = properties.find(f"{W}numPr") if properties is not None else None
        if number := _value(numbering, "numId"):
            lists[identifier] = (number, _value(numbering, "ilvl") or "0")
    for identifier in parents:
        seen = {identifier}
        parent = parents[identifier]
        while parent and parent not in seen:
            seen.add(parent)
            if identifier not in levels and parent in levels:
                levels[identifier] = levels[parent]
            if identifier not in lists and parent in lists:
                lists[identifier] = lists[parent]
            parent = parents.get(parent, "")
    return levels, lists, contents


def _read_numbering(numbering: Any) -> dict[tuple[str, int], str]:
    """Number format ("bullet", "decimal", ...) by list and level."""
    if numbering is None:
        return {}
    abstract = {
        element.get(f"{W}abstractNumId", ""): {
            level.get(f"{W}ilvl", ""): _value(level, "numFmt") for level in element.iter(f"{W}lvl")
        }
        for element in numbering.iter(f"{W}abstractNum")
    }
    return {
        (number.get(f"{W}numId", ""), int(level)): number_format
        for number in numbering.iter(f"{W}num")
        for level, number_format in abstract.get(_value(number, "abstractNumId"), {}).items()
        if level.isdigit()
    }
