"""PDF lines to headings, paragraphs, lists and tables. Works on `Line`s alone and never opens a file."""

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from knowledge.parsing.pdf_lines import Line

_TERMINAL = re.compile(r"[.!?:;。！？：；…][\"'”’」』）)\]]*$")
_BULLET = re.compile(r"^(?:[•●▪■◦○‣–—\-*·➢✓\uf000-\uf0ff]\s+\S|[•●▪■◦‣·➢✓\uf000-\uf0ff]\S)")
_NUMBERED = re.compile(
    r"^(?:\(?\d{1,2}[.)、]|\(?[a-z][.)]|[（(][一二三四五六七八九十\d]{1,3}[）)]|[①-⑳])\s*\S"
)
_PRIVATE_BULLET = re.compile(r"^[\uf000-\uf0ff]\s*")
_CJK = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\u3000-\u303f\uff00-\uffef]")
_SPACED_CJK = re.compile(
    r"(?<=[\u3400-\u9fff\u3000-\u303f\uff00-\uffef]) (?=[\u3400-\u9fff\u3000-\u303f\uff00-\uffef])"
)
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LETTER = re.compile(r"[^\W\d_]")

Kind = Literal["code", "heading", "list", "paragraph", "table"]


@dataclass(slots=True)
class Part:
    """A block of a page: its kind, and its text, items or rows."""

    kind: Kind
    text: str = ""
    level: int = 0
    items: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


class Typography:
    """What letter sizes mean in one document: the body's, and which ones are headings.

    Args:
        pages: all lines of the document.
        outline: titles of the document's bookmarks with their level, by page index.
    """

    def __init__(self, pages: Sequence[Sequence[Line]], outline: dict[int, dict[str, int]]) -> None:
        sizes: Counter[float] = Counter()
        self.words: set[str] = set()
        for lines in pages:
            for line in lines:
                sizes[line.size] += len(line.text)
                self.words.update(word.lower() for word in _WORD.findall(line.text))
        self.body = sizes.most_common(1)[0][0] if sizes else 10.0
        larger = sorted((size for size in sizes if size >= self.body * 1.15), reverse=True)
        # Sizes within 8 % of each other are one level.
        self.levels: dict[float, int] = {}
        level, last = 0, float("inf")
        for size in larger:
            if size < last * 0.92:
                level, last = level + 1, size
            self.levels[size] = min(level, 5)
        self.outline = outline

    def heading_level(self, page: int, text: str, size: float, bold: bool) -> int:
        """Level of a heading, 0 for running text."""
        if not _LETTER.search(text) or len(text) > 160:
            return 0
        if (known := self.outline.get(page, {}).get(_squeezed(text))) is not None:
            return known
        if size in self.levels and not (len(text) > 80 and _TERMINAL.search(text)):
            return self.levels[size]
        if bold and size >= self.body and len(text) <= 80 and not _TERMINAL.search(text):
            return min(max(self.levels.values(), default=0) + 1, 6)
        return 0

    def join(self, first: str, second: str, *, hyphenated: bool) -> str:
        """Join two lines of one paragraph: Chinese without a space, a word cut by a hyphen made whole."""
        if not first or not second:
            return first + second
        if hyphenated or (first.endswith("-") and first[-2:-1].isalpha() and second[0].islower()):
            stem = first.rstrip("-")
            left = _WORD.findall(stem[-40:])
            right = _WORD.match(second)
            if left and right:
                whole, hyphen = (left[-1] + right.group()).lower(), f"{left[-1]}-{right.group()}".lower()
                keep = hyphen in self.words and whole not in self.words
                if keep or (second[0].isupper() and whole not in self.words):
                    return f"{stem}-{second}"
                return stem + second
            return f"{stem}-{second}"
        if _CJK.match(first[-1]) and _CJK.match(second[0]):
            return first + second
        return f"{first} {second}"


def drop_running_lines(pages: list[list[Line]], heights: Sequence[float]) -> None:
    """Take page headers, footers and page numbers out, all but their first appearance."""
    if len(pages) < 3:
        return
    seen: Counter[str] = Counter()
    for lines, height in zip(pages, heights, strict=True):
        seen.update({_shape(line) for line in lines if _in_margin(line, height)})
    running = {shape for shape, count in seen.items() if count >= max(3, 0.3 * len(pages))}
    kept: set[str] = set()
    for lines, height in zip(pages, heights, strict=True):
        for line in list(lines):
            shape = _shape(line)
            if shape in running and _in_margin(line, height):
                if shape in kept or not _LETTER.search(shape):
                    lines.remove(line)
                kept.add(shape)


def drop_contents(pages: list[list[Line]]) -> None:
    """Take tables of contents out: lines that end in a number and whose words are a line further on."""
    texts = Counter(_squeezed(line.text) for lines in pages for line in lines)
    for lines in pages:
        entries = [line for line in lines if _is_entry(_squeezed(line.text), texts)]
        if len(entries) >= 5:
            lines[:] = [line for line in lines if not any(line is entry for entry in entries)]


def _is_entry(text: str, texts: Counter[str]) -> bool:
    digits = len(text) - len(text.rstrip("0123456789"))
    return any(texts[text[:-count].rstrip("…._·")] for count in range(1, min(digits, 4) + 1))


def _in_margin(line: Line, height: float) -> bool:
    return line.bottom > 0.9 * height or line.top < 0.1 * height


def _shape(line: Line) -> str:
    return re.sub(r"\d+", "#", line.text)


def _squeezed(text: str) -> str:
    return "".join(text.split()).lower()


def tidy(text: str) -> str:
    """Close up Chinese that the page sets letter by letter."""
    if len(_SPACED_CJK.findall(text)) * 3 > len(_CJK.findall(text)):
        return _SPACED_CJK.sub("", text)
    return text


def parts(lines: Sequence[Line], page: int, typography: Typography) -> Iterator[Part]:
    """Group a page's lines into blocks, in order."""
    gaps = [
        above.bottom - below.bottom
        for above, below in itertools.pairwise(lines)
        if 0 < above.bottom - below.bottom < 4 * above.size
    ]
    leading = median(gaps) if gaps else 0.0
    items: list[str] = []
    for group in _groups(lines, leading):
        part = _code(group) or _table(group) or _prose(group, page, typography)
        if part.kind == "list":
            items.append(part.text)
            continue
        if items:
            yield Part("list", items=items)
            items = []
        yield part
    if items:
        yield Part("list", items=items)


def _groups(lines: Sequence[Line], leading: float) -> Iterator[list[Line]]:
    """Cut a page's lines where a paragraph ends; rows of one table stay together."""
    group: list[Line] = []
    for line in lines:
        if group and _new_paragraph(group, line, leading):
            yield group
            group = []
        group.append(line)
    if group:
        yield group


def _new_paragraph(group: Sequence[Line], line: Line, leading: float) -> bool:
    above = group[-1]
    if above.mono != line.mono:
        return True
    if above.hyphenated:
        return False
    size = max(above.size, line.size)
    gap = above.bottom - line.bottom
    if line.mono and 0 < gap < 3 * size:
        return False
    in_table, row = len(group[0].cells) > 1, len(line.cells) > 1
    if in_table and 0 < gap < 3 * size and (row or _continues_row(group, line)):
        return False
    if in_table != row and len(group) + row > 1:
        return True
    if abs(above.size - line.size) > 0.08 * size:
        return True
    # Bold or not is sampled at three letters: a sentence that goes on outweighs it.
    if above.bold != line.bold and not line.text[0].islower():
        return True
    if _BULLET.match(line.text) or (_NUMBERED.match(line.text) and gap > 0.5 * size):
        return True
    ended = bool(_TERMINAL.search(above.text))
    if gap < -0.5 * size:  # further up: the next column
        return ended
    if gap > max(1.3 * leading, 1.42 * size):
        return True
    hanging = len(group) == 1 and bool(_BULLET.match(above.text) or _NUMBERED.match(above.text))
    if ended and not hanging and line.left - above.left > 0.9 * size:
        return True
    width = max(max(other.right for other in group), line.right) - min(above.left, line.left)
    return ended and above.right < line.right - 0.12 * width


def _prose(group: Sequence[Line], page: int, typography: Typography) -> Part:
    text = ""
    hyphenated = False
    for line in group:
        text = typography.join(text, tidy(line.text).strip(), hyphenated=hyphenated)
        hyphenated = line.hyphenated
    text = text.strip()
    if _BULLET.match(text) or _NUMBERED.match(text):
        heading = typography.heading_level(page, text, group[0].size, group[0].bold)
        if not heading:
            return Part("list", text=_PRIVATE_BULLET.sub("• ", text))
        return Part("heading", text=text, level=heading)
    level = typography.heading_level(page, text, group[0].size, all(line.bold for line in group))
    return Part("heading", text=text, level=level) if level else Part("paragraph", text=text)


def _code(group: Sequence[Line]) -> Part | None:
    """Read lines set in a typewriter font as code, indented as they are printed."""
    if not all(line.mono for line in group) or (len(group) == 1 and len(group[0].text) > 60):
        return None
    left = min(line.left for line in group)
    width = 0.6 * group[0].size
    return Part("code", text="\n".join(" " * round((line.left - left) / width) + line.text for line in group))


def _continues_row(group: Sequence[Line], line: Line) -> bool:
    """Whether a line is the second line of a table's cells: it begins where one of the later cells does."""
    row = next(other for other in reversed(group) if len(other.cells) > 1)
    starts = [left for _, left, _ in row.cells[1:]]
    near = 0.6 * line.size
    return (
        len(line.cells) < len(row.cells)
        and all(any(abs(left - start) < near for start in starts) for _, left, _ in line.cells)
        and 0 < group[-1].bottom - line.bottom < 1.6 * line.size
    )


def _table(group: Sequence[Line]) -> Part | None:
    """Read lines of several cells as a table if their cells stand in columns."""
    if len(group) < 2 or len(group[0].cells) < 2:
        return None
    columns: list[list[float]] = []
    for left, right in sorted((left, right) for line in group for _, left, right in line.cells):
        if columns and left < columns[-1][1]:
            columns[-1][1] = max(columns[-1][1], right)
        else:
            columns.append([left, right])
    if len(columns) < 2 or len(columns) > max(len(line.cells) for line in group) + 1:
        return None
    rows: list[list[str]] = []
    for number, line in enumerate(group):
        if not rows or not _continues_row(group[:number], line):
            rows.append([""] * len(columns))
        for text, left, _ in line.cells:
            place = next(
                (place for place, (_, right) in enumerate(columns) if left < right), len(columns) - 1
            )
            rows[-1][place] = _joined(rows[-1][place], tidy(text))
    return Part("table", rows=rows) if len(rows) > 1 else None


def _joined(first: str, second: str) -> str:
    if first and second and _CJK.match(first[-1]) and _CJK.match(second[0]):
        return first + second
    return f"{first} {second}".strip()


def text_of_pages(pages: Iterable[Sequence[Line]]) -> list[str]:
    """Return each page's bare text, for judging whether it is text at all."""
    return ["\n".join(line.text for line in lines) for lines in pages]
