"""Titles and headings shortened to a number of columns."""

from collections.abc import Sequence

from knowledge.graphemes import boundary_at_or_before


def width_of(text: str) -> int:
    """Columns of a text: a Chinese character takes two, as it takes more tokens than a letter."""
    if text.isascii():
        return len(text)
    return sum(2 if ord(char) > 0x2E7F else 1 for char in text)


def cut_width(text: str, width: int) -> str:
    """Cut a text to `width` columns, its end replaced by an ellipsis."""
    if width_of(text) <= width:
        return text
    used = 0
    for position, char in enumerate(text):
        used += width_of(char)
        if used > width - 1:
            return text[: boundary_at_or_before(text, position, above=0)].rstrip() + "…"
    return text


def narrow(path: Sequence[str], width: int, *, each: int) -> list[str]:
    """Keep the innermost headings that fit `width`, each shortened to `each` columns; at least one."""
    kept: list[str] = []
    for entry in reversed(path):
        entry = cut_width(entry, each)
        width -= width_of(entry)
        if kept and width < 0:
            break
        kept.append(entry)
    return kept[::-1]
