"""Where a text may be cut without breaking what a reader sees as one character.

Covers the joining that occurs in documents (marks, joiners, emoji, flags, Hangul, line ends), by the rules of
Unicode Standard Annex 29, without its full property tables.
"""

import unicodedata

_JOINER = "\u200d"


def _extends(char: str) -> bool:
    code = ord(char)
    return (
        char == _JOINER
        or char == "\u200c"
        or 0xFE00 <= code <= 0xFE0F
        or 0x1F3FB <= code <= 0x1F3FF
        or 0xE0020 <= code <= 0xE007F
        or 0xFF9E <= code <= 0xFF9F
        or unicodedata.category(char) in ("Mn", "Mc", "Me")
    )


def _is_flag_half(char: str) -> bool:
    return 0x1F1E6 <= ord(char) <= 0x1F1FF


def is_boundary(text: str, position: int) -> bool:
    """Whether `text` may be cut before `position`, a code point's index."""
    if position <= 0 or position >= len(text):
        return True
    before, after = text[position - 1], text[position]
    if before.isascii() and after.isascii():
        return not (before == "\r" and after == "\n")
    # A virama (combining class 9) ties consonants into one letter.
    if _extends(after) or before == _JOINER or unicodedata.combining(before) == 9:
        return False
    if _is_flag_half(before) and _is_flag_half(after):
        run = 0
        while run < position and _is_flag_half(text[position - 1 - run]):
            run += 1
        return run % 2 == 0
    # Decomposed Hangul: a syllable's letters follow one another. NFC leaves few of them.
    return not (0x1100 <= ord(before) <= 0x11FF and 0x1160 <= ord(after) <= 0x11FF)


def boundary_at_or_before(text: str, position: int, *, above: int) -> int:
    """Return the last place at or before `position` where `text` may be cut, or the next one after it.

    Args:
        above: the cut must lie after this index; a cluster longer than the room is kept whole.
    """
    cut = position
    while cut > above and not is_boundary(text, cut):
        cut -= 1
    if cut > above:
        return cut
    cut = max(position, above + 1)
    while not is_boundary(text, cut):
        cut += 1
    return cut
