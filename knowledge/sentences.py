"""Where sentences end, in Western and Chinese text, and how to cut what is too long to stay whole."""

import re
from collections.abc import Iterator

from knowledge.graphemes import boundary_at_or_before

_SENTENCE_END = re.compile(
    r"[。！？；…!?]+[”’」』》）)\]\"']*[ \u3000]*\n?"  # full-width ends need no space after them
    r"|[.!?]+[”’\"')\]]*(?:[ \u3000]+(?=[^\sa-z])|\n)"
    r"|\n+"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Z]|Dr|Mr|Mrs|Ms|Prof|St|No|Nr|Fig|Eq|Sec|Vol|vs|etc|e\.g|i\.e|cf|al))\.\s*$"
)
_CLAUSE_END = re.compile(r"[，、,;:：；]\s*|\s+")


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
