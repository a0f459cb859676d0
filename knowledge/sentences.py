"""Where sentences end, in Western and Chinese text, and how to cut what is too long to stay whole.

Two ways, for two purposes: `sentences` cuts a text without leaving anything out, and takes every line's end for a
sentence's; `split_sentences` finds what a person would read as one, over wrapped lines, without table rules.
"""

import re
from collections.abc import Iterator

from knowledge.graphemes import boundary_at_or_before

_SENTENCE_END = re.compile(
    r"[。！？；…!?]+[”’」』》）)\]\"']*[ \u3000]*\n?"  # full-width ends need no space after them
    r"|[.!?]+[”’\"')\]]*(?:[ \u3000]+(?=[^\sa-z])|\n)"
    r"|\n+"
)
_ABBREVIATION = re.compile(
    r"\b(?:[A-Z]|Dr|Mr|Mrs|Ms|Prof|St|No|Nr|Fig|Eq|Sec|Vol|vs|etc|approx|ca|cf|al|e\.g|i\.e|U\.S)\.\s*$"
)
_CLAUSE_END = re.compile(r"[，、,;:：；]\s*|\s+")
# For reading: a full stop ends a sentence only before something that can begin one; the Chinese marks always do.
_READ_END = re.compile(
    r"(?:[.!?]+[\"'”’)\]]*(?=\s+[\"'“‘(\[]?[A-Z0-9\u00c0-\u00de])|[。！？；]+[”’」』）\"]*)"
)
_NEW_LINE_UNIT = re.compile(
    r"\s*(?:[-*•·▪◦‣]\s|\d{1,3}[.)、](?!\d)\s*|[(（]?[a-zA-Z0-9一二三四五六七八九十]{1,2}[)）]\s*|#{1,6}\s|\|)"
)
_TABLE_RULE = re.compile(r"^\s*\|?[\s:|-]+\|?\s*$")


def sentences(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Find the sentences of `text[start:end]`, by Western and Chinese ends and by line ends.

    Yields:
        (start, end) of each, adjoining; white space after a sentence belongs to it.
    """
    end = len(text) if end is None else end
    begin = start
    for match in _SENTENCE_END.finditer(text, start, end):
        cut = match.end()
        if text[match.start()] == "." and _ABBREVIATION.search(text, max(begin, cut - 12), cut):
            continue
        if cut > begin:
            yield begin, cut
        begin = cut
    if begin < end:
        yield begin, end


def cut_evenly(text: str, start: int, end: int, parts: int) -> list[tuple[int, int]]:
    """Cut a span into about `parts` parts, at clause ends or spaces near the cut, else between characters."""
    if end - start < 2:
        return [(start, end)]
    step = max((end - start) // max(parts, 2), 1)
    spans = []
    begin = start
    while end - begin > step:
        target = begin + step
        cut = 0
        for match in _CLAUSE_END.finditer(text, begin + step // 2, target):
            cut = match.end()
        cut = boundary_at_or_before(text, cut or target, above=begin)
        if cut >= end:
            break
        spans.append((begin, cut))
        begin = cut
    spans.append((begin, end))
    return spans


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Return the spans of the sentences of `text`, in order, without surrounding white space.

    A table row, a list item and a heading line are a sentence each; the rule under a table's head is none.
    A line that is only wrapped goes on in the next one.
    """
    spans: list[tuple[int, int]] = []
    for start, end in _units(text):
        cut = start
        for match in _READ_END.finditer(text, start, end):
            if text[match.start()] == "." and _ABBREVIATION.search(text, cut, match.start() + 1):
                continue
            if cut == start and text[start : match.start()].strip().isdigit():
                continue  # the number of a list item
            spans.append((cut, match.end()))
            cut = match.end()
        spans.append((cut, end))
    trimmed = (_trim(text, start, end) for start, end in spans)
    return [(start, end) for start, end in trimmed if start < end and not _TABLE_RULE.match(text[start:end])]


def _units(text: str) -> list[tuple[int, int]]:
    """Spans that no sentence crosses: paragraphs, list items, table rows, headings."""
    units: list[tuple[int, int]] = []
    open_at: int | None = None
    at = 0
    for line in text.splitlines(keepends=True):
        blank = not line.strip()
        marked = bool(_NEW_LINE_UNIT.match(line))
        if open_at is not None and (blank or marked):
            units.append((open_at, at))
            open_at = None
        if line.lstrip().startswith(("|", "#")):
            units.append((at, at + len(line)))
        elif not blank and open_at is None:
            open_at = at
        at += len(line)
    if open_at is not None:
        units.append((open_at, at))
    return units


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
