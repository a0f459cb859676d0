"""Collects headings, paragraphs, lists, tables and code into a `ParsedDocument` with exact offsets.

Every parser writes through a `DocumentBuilder`: text is cleaned here once, before its offset is taken, so
that no later step has to move an offset. Knows nothing of file formats.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from knowledge.documents import Block, BlockKind, Notice, Page, ParsedDocument
from knowledge.errors import UnreadableFileError

MAX_HEADING_CHARS = 200

_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_SOFT = re.compile(r"[\u00ad\ufeff]")
# Invisible characters that can hide text from a reader but not from a model. Zero-width joiners stay:
# emoji and several scripts need them. Tag characters stay only where a black flag starts a sequence.
_HIDDEN = re.compile(
    r"[\u200b\u200e\u200f\u2060-\u2064\u180e\u202a-\u202e\u2066-\u2069]"
    r"|(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0000-\U000e007f]+"
)
_SPACES = re.compile(r"[ \t\u00a0\u1680\u2000-\u200a\u202f\u205f]+")
_EDGE_SPACES = re.compile(r"[ \t]*\n[ \t]*")
_BLANK_LINES = re.compile(r"\n{3,}")


def clean(text: str) -> tuple[str, int]:
    """Normalise line ends and Unicode (NFC), and drop what cannot be seen.

    Returns:
        the text, and how many hidden characters (zero width, direction controls, tags) were dropped.
    """
    if text.isascii():
        if "\r" in text or "\x0b" in text or "\x0c" in text:
            text = _LINE_ENDS.sub("\n", text)
        return _CONTROLS.sub("", text), 0
    text = _LINE_ENDS.sub("\n", text)
    text = _CONTROLS.sub("", text)
    text = _SURROGATES.sub("\ufffd", text)
    text = _SOFT.sub("", text)
    before = len(text)
    text = _HIDDEN.sub("", text)
    hidden = before - len(text)
    return unicodedata.normalize("NFC", text), hidden


def flow(text: str) -> str:
    """Collapse runs of spaces inside lines, and drop them at the ends of lines."""
    text = _EDGE_SPACES.sub("\n", _SPACES.sub(" ", text))
    return _BLANK_LINES.sub("\n\n", text).strip()


def one_line(text: str) -> str:
    """Collapse all white space to single spaces."""
    return " ".join(text.split())


def pipe_table(rows: Iterable[Sequence[str]]) -> str:
    """Write rows as a Markdown pipe table; the first is the header, short rows are filled up."""
    cells = [[one_line(cell).replace("|", "\\|") for cell in row] for row in rows]
    width = max((len(row) for row in cells), default=0)
    lines = ["| " + " | ".join(row + [""] * (width - len(row))) + " |" for row in cells]
    if lines:
        lines.insert(1, "|" + " --- |" * width)
    return "\n".join(lines)


class DocumentBuilder:
    """Writes a document from top to bottom.

    Args:
        name: shown in the error when the text grows too long.
        max_chars: the longest text that is accepted.
    """

    def __init__(self, *, name: str = "", max_chars: int = 20_000_000) -> None:
        self._name = name
        self._max_chars = max_chars
        self._parts: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []
        self._pages: list[Page] = []
        self._page: tuple[int, str, int] | None = None
        self._path: list[tuple[int, str]] = []
        self._hidden = 0
        self._notices: list[Notice] = []

    @property
    def length(self) -> int:
        """Characters written so far."""
        return self._length

    def start_page(self, label: str | None = None, *, new_outline: bool = False) -> None:
        """Begin the next page.

        Args:
            label: what people call it; its number by default.
            new_outline: forget the headings above, as for a slide or a sheet.
        """
        self._end_page()
        number = len(self._pages) + 1
        self._page = (
            number,
            one_line(clean(label or "")[0])[:MAX_HEADING_CHARS] or str(number),
            self._length,
        )
        if new_outline:
            self._path.clear()

    def heading(self, text: str, level: int) -> None:
        """Add a heading of level 1 to 6; one too long to be a heading becomes a paragraph."""
        text = one_line(self._clean(text))
        if len(text) > MAX_HEADING_CHARS:
            self._add("paragraph", text)
        elif text:
            level = min(max(level, 1), 6)
            while self._path and self._path[-1][0] >= level:
                self._path.pop()
            self._path.append((level, text))
            self._add("heading", text, level)

    def paragraph(self, text: str) -> None:
        """Add a paragraph; line breaks inside it are kept."""
        self._add("paragraph", flow(self._clean(text)))

    def items(self, items: Iterable[str]) -> None:
        """Add a list; each item brings its own mark and indent."""
        lines = [re.sub(r"\n{2,}", "\n", self._clean(item)).rstrip() for item in items]
        self._add("list", "\n".join(line for line in lines if line.strip()).strip("\n"))

    def table(self, rows: Iterable[Sequence[str]]) -> None:
        """Add a table whose first row is the header; empty rows and columns at the edges are dropped."""
        cells = [[self._clean(cell) for cell in row] for row in rows]
        cells = [row for row in cells if any(cell.strip() for cell in row)]
        if not cells:
            return
        used = [column for row in cells for column, cell in enumerate(row) if cell.strip()]
        first, last = min(used), max(used) + 1
        cells = [row[first:last] for row in cells]
        if last - first == 1:
            self._add("paragraph", "\n".join(one_line(row[0]) for row in cells if row))
        else:
            self._add("table", pipe_table(cells))

    def code(self, text: str) -> None:
        """Add code or other text whose spaces matter."""
        self._add("code", self._clean(text).strip("\n").rstrip())

    def notice(self, code: str, **params: Any) -> None:
        """Tell the reader something about this file; the same notice is kept once."""
        notice = Notice(code, params)
        if notice not in self._notices:
            self._notices.append(notice)

    def decoded(self, encoding: str, gaps: int) -> None:
        """Note what `encodings.decode` reported, where anything was lost or guessed."""
        if encoding == "mixed":
            self.notice("text_mixed")
        if gaps:
            self.notice("text_gaps", count=gaps, encoding=encoding)

    def build(self, *, title: str = "", media_type: str = "", encoding: str | None = None) -> ParsedDocument:
        """Return what was written; the first heading is the title where none is given."""
        self._end_page()
        if self._hidden:
            self.notice("hidden_characters", count=self._hidden)
        title = one_line(clean(title)[0])[:MAX_HEADING_CHARS]
        if not title:
            title = next((block.heading_path[-1] for block in self._blocks if block.kind == "heading"), "")
        return ParsedDocument(
            text="".join(self._parts),
            blocks=tuple(self._blocks),
            pages=tuple(self._pages),
            title=title,
            media_type=media_type,
            encoding=encoding,
            notices=tuple(self._notices),
        )

    def _clean(self, text: str) -> str:
        text, hidden = clean(text)
        self._hidden += hidden
        return text

    def _add(self, kind: BlockKind, text: str, level: int = 0) -> None:
        if not text or text.isspace():
            return
        separator = "\n\n" if self._parts else ""
        start = self._length + len(separator)
        if start + len(text) > self._max_chars:
            raise UnreadableFileError("file_too_much_text", name=self._name, limit=self._max_chars)
        if self._page and self._page[2] == self._length:
            # The page begins with its text, not with the blank lines before it.
            self._page = (self._page[0], self._page[1], start)
        self._parts += [separator, text]
        self._length = start + len(text)
        path = tuple(entry for _, entry in self._path)
        page = self._page[0] if self._page else None
        self._blocks.append(Block(kind, start, self._length, path, level, page))

    def _end_page(self) -> None:
        if self._page:
            number, label, start = self._page
            self._pages.append(Page(number, label, start, self._length))
            self._page = None
