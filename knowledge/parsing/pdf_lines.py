"""The lines of a PDF page with their places and fonts, read from PDFium character by character."""

import ctypes
import re
import unicodedata
from dataclasses import dataclass, field
from math import hypot
from typing import Any

import pypdfium2.raw as pdfium

# PDFium's own mark for a hyphen at the end of a line.
_HYPHEN_MARKS = (0x02, 0xFFFE)
_LINE_ENDS = (0x0A, 0x0D)
_WIDE_GAP = 1.4
_WORD_GAP = 0.15
_MARK = re.compile(r"\(?(?:\d{1,3}|[A-Za-z]|[ivx]{1,5})[.)]|[•●▪■◦○‣–—*·➢✓\uf000-\uf0ff-]")
_RADICAL = re.compile(r"[\u2e80-\u2fdf]")
_MONO = re.compile(r"courier|mono|consol|menlo|typewriter|cmtt", re.I)
_BOLD = re.compile(r"bold|black|heavy|semibold|demi", re.I)
_LIGATURES = {
    0xFB00: "ff",
    0xFB01: "fi",
    0xFB02: "fl",
    0xFB03: "ffi",
    0xFB04: "ffl",
    0xFB05: "st",
    0xFB06: "st",
}


@dataclass(slots=True)
class Line:
    """One printed line.

    Args:
        cells: its text, cut where a gap is too wide for a space, with each part's left and right edge.
        left, bottom, right, top: in points, from the page's lower left corner.
        size: of the letters, in points.
        mono: set in a typewriter font, as code is.
        hyphenated: it ends within a word.
    """

    cells: list[tuple[str, float, float]]
    left: float
    bottom: float
    right: float
    top: float
    size: float
    bold: bool = False
    mono: bool = False
    hyphenated: bool = False
    text: str = field(init=False)

    def __post_init__(self) -> None:
        self.text = " ".join(cell for cell, _, _ in self.cells)


def read_lines(textpage: Any) -> list[Line]:
    """Read a `pypdfium2.PdfTextPage` in the order of its content stream."""
    raw = textpage.raw
    codes = [pdfium.FPDFText_GetUnicode(raw, index) for index in range(textpage.count_chars())]
    lines: list[Line] = []
    begin = 0
    for index, code in enumerate([*codes, 0x0A]):
        if code in _LINE_ENDS or code in _HYPHEN_MARKS:
            line = _line(raw, codes, begin, index)
            if line is not None:
                line.hyphenated = code in _HYPHEN_MARKS
                if not lines or not _continue(lines[-1], line):
                    lines.append(line)
            begin = index + 1
    return lines


def _continue(line: Line, after: Line) -> bool:
    """Add what stands on the same baseline right of a line to it: some files place every letter on its own."""
    gap = after.left - line.right
    size = max(line.size, after.size)
    if line.hyphenated or abs(after.bottom - line.bottom) > 0.25 * size or gap < -0.3 * size:
        return False
    if abs(line.size - after.size) > 0.3 * size:
        return False
    if gap > _WIDE_GAP * size:
        line.cells += after.cells
    else:
        text, left, _ = line.cells[-1]
        more, _, right = after.cells[0]
        line.cells[-1:] = [
            (text + (" " if gap > _WORD_GAP * size else "") + more, left, right),
            *after.cells[1:],
        ]
    line.text = " ".join(cell for cell, _, _ in line.cells)
    line.right = max(line.right, after.right)
    line.bottom, line.top = min(line.bottom, after.bottom), max(line.top, after.top)
    line.bold, line.mono = line.bold and after.bold, line.mono and after.mono
    line.hyphenated = after.hyphenated
    return True


def text_of(codes: list[int]) -> str:
    """Join code units to text; ligatures and radicals become letters, what is no character U+FFFD."""
    text = "".join(
        _LIGATURES.get(code) or (chr(code) if 0x20 <= code < 0x110000 or code == 0x09 else "\ufffd")
        for code in codes
    )
    if any(0xD800 <= code < 0xE000 for code in codes):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    # Fonts name Chinese characters by the radical of the same shape, which no query contains.
    return _RADICAL.sub(lambda match: unicodedata.normalize("NFKC", match.group()), text)


def _line(raw: Any, codes: list[int], begin: int, end: int) -> Line | None:
    while begin < end and codes[begin] <= 0x20:
        begin += 1
    while end > begin and codes[end - 1] <= 0x20:
        end -= 1
    if begin == end:
        return None
    size = _size(raw, begin)
    first, last = _box(raw, begin), _box(raw, end - 1)
    cells = []
    cell_begin, cell_left = begin, first[0]
    for index in range(begin + 1, end - 1):
        # Only where there is a space can there be a gap; a run of spaces is looked at once.
        if codes[index] != 0x20 or codes[index - 1] == 0x20:
            continue
        after = index + 1
        while codes[after] == 0x20:
            after += 1
        right, left = _box(raw, index - 1)[2], _box(raw, after)[0]
        if left - right > _WIDE_GAP * size:
            cells.append((text_of(codes[cell_begin:index]), cell_left, right))
            cell_begin, cell_left = after, left
    cells.append((text_of(codes[cell_begin:end]), cell_left, last[2]))
    if len(cells) > 1 and _MARK.fullmatch(cells[0][0].strip()):
        # A list item's mark stands apart from its text, but is no column.
        (mark, left, _), (text, _, right) = cells[:2]
        cells[:2] = [(f"{mark} {text}", left, right)]
    middle = (begin + end) // 2
    fonts = [_font(raw, index) for index in (begin, middle, end - 1)]
    return Line(
        cells=cells,
        left=min(first[0], last[0]),
        bottom=min(first[1], last[1]),
        right=max(first[2], last[2]),
        top=max(first[3], last[3]),
        size=max(size, _size(raw, middle)) or 1.0,
        bold=all(_BOLD.search(font) for font in fonts),
        mono=all(_MONO.search(font) for font in fonts),
    )


def _box(raw: Any, index: int) -> tuple[float, float, float, float]:
    """Left, bottom, right, top of a character's cell."""
    rect = pdfium.FS_RECTF()
    if not pdfium.FPDFText_GetLooseCharBox(raw, index, rect):
        return 0.0, 0.0, 0.0, 0.0
    return rect.left, rect.bottom, rect.right, rect.top


def _size(raw: Any, index: int) -> float:
    """Letter size as printed: the font's size under the text's own matrix, whole half points."""
    matrix = pdfium.FS_MATRIX()
    scale = 1.0
    if pdfium.FPDFText_GetMatrix(raw, index, matrix):
        scale = hypot(matrix.c, matrix.d) or 1.0
    return round(float(pdfium.FPDFText_GetFontSize(raw, index)) * scale * 2) / 2


def _font(raw: Any, index: int) -> str:
    buffer = ctypes.create_string_buffer(128)
    length = pdfium.FPDFText_GetFontInfo(raw, index, buffer, 128, ctypes.c_int())
    return buffer.value.decode("utf-8", "replace") if 0 < length <= 128 else ""
