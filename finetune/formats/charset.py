"""Which character set a text file is in: its mark, then UTF-8, then the Chinese sets, then a guess.

UTF-8 is tried first and by counting, so that one broken byte in a UTF-8 file does not turn the whole of it
into well-formed nonsense in another character set.
"""

import codecs
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from finetune.errors import DatasetError

BLOCK = 1 << 20
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
COMMON = {"gb18030": range(0xB0, 0xD8), "big5hkscs": range(0xA4, 0xC7)}
"""Lead bytes of the everyday characters. Most Big5 text is well-formed GB18030 too, but then of rare characters."""
SPARED_SHARE = 0.1
"""Of the characters beyond ASCII: more broken ones than this and the file is not UTF-8."""


@dataclass(frozen=True, slots=True)
class Charset:
    """How to open the file.

    Args:
        damaged: characters that cannot be decoded and are read as U+FFFD.
    """

    encoding: str
    errors: Literal["strict", "replace"] = "strict"
    damaged: int = 0


def detect_charset(path: Path, *, name: str) -> Charset:
    """Return the character set of the text file at `path`, reading it through once.

    Raises:
        DatasetError: `charset_unknown`: the file is in no character set we know, or is not text.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    for mark, encoding in MARKS:
        if head.startswith(mark):
            return _checked(path, encoding, name)
    even, odd = head[0:16:2].count(0), head[1:16:2].count(0)
    if max(even, odd) > 2 and min(even, odd) == 0:  # UTF-16 without a mark: brackets and names are Latin
        return _checked(path, "utf-16-be" if even else "utf-16-le", name)
    if _decodes(path, "utf-8"):
        return Charset("utf-8")
    good, broken = _count_utf8(path)
    if broken <= SPARED_SHARE * (good + broken):
        return Charset("utf-8", "replace", broken)
    fitting = [encoding for encoding in COMMON if _decodes(path, encoding)]
    if fitting:
        return Charset(max(fitting, key=lambda encoding: _common_share(path, encoding)))
    from charset_normalizer import from_bytes

    guess = from_bytes(head).best()
    if guess is None:
        raise DatasetError("charset_unknown", name=name)
    return _checked(path, guess.encoding, name)


def _checked(path: Path, encoding: str, name: str) -> Charset:
    if not _decodes(path, encoding):
        raise DatasetError("charset_unknown", name=name)
    return Charset(encoding)


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _common_share(path: Path, encoding: str) -> float:
    """Which share of the Chinese characters at the beginning are everyday ones, read so; 0..1."""
    with path.open("rb") as file:
        text = file.read(BLOCK).decode(encoding, "ignore")
    leads = [c.encode(encoding)[0] for c in text if "\u4e00" <= c <= "\u9fff"]
    return sum(lead in COMMON[encoding] for lead in leads) / max(1, len(leads))


def _count_utf8(path: Path) -> tuple[int, int]:
    """Return how many characters beyond ASCII decode as UTF-8, and how many do not."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    good = broken = 0
    with path.open("rb") as file:
        while True:
            block = file.read(BLOCK)
            text = decoder.decode(block, final=not block)
            if not text.isascii():
                bad = text.count("\ufffd")
                broken += bad
                good += sum(1 for c in text if c > "\x7f") - bad
            if not block:
                return good, broken
