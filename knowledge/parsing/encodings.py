"""Bytes to text: UTF-8 first and strictly, then what Chinese and other users' files are really in."""

import codecs
import re

from knowledge.errors import UnreadableFileError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 64 * 1024
# What running text is made of: the 3,755 everyday characters of GB 2312 and the 5,401 of Big5.
_HAN = re.compile(r"[\u3400-\u9fff]")
_UNUSUAL = re.compile(r"[\ue000-\uf8ff\ufffd\x00-\x08\x0e-\x1a\x1c-\x1f\x80-\x9f]")


def decode(data: bytes, *, name: str = "", declared: str | None = None) -> tuple[str, str, int]:
    """Decode a text file.

    Args:
        data: the whole file.
        name: shown in errors.
        declared: the character set the file names itself (HTML, mail); believed only if the bytes agree.

    Returns:
        the text, the character set (lower case, "utf-8", "gb18030", ...; "mixed" where lines differ), and
        how many places could not be decoded and were dropped or now hold U+FFFD.

    Raises:
        UnreadableFileError: the bytes are no text.
    """
    for bom, bom_encoding in _BOMS:
        if data.startswith(bom):
            text = data[len(bom) :].decode(bom_encoding, "replace")
            return text, bom_encoding, text.count("\ufffd")
    if b"\0" in data[:_SAMPLE]:
        encoding16 = _utf16_without_bom(data)
        if encoding16 is None:
            raise UnreadableFileError("file_not_text", name=name)
        text = data.decode(encoding16, "replace")
        return text, encoding16, text.count("\ufffd")
    try:
        return data.decode("utf-8"), "utf-8", 0
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
        gaps = text.count("\ufffd")
        right = sum(char > "\x7f" for char in text) - gaps
        if right > 10 * gaps:
            return text, "utf-8", gaps
    for encoding in (_known(declared), *_candidates(data)):
        if not encoding or encoding == "utf-8":
            continue
        try:
            return data.decode(encoding), encoding, 0
        except UnicodeDecodeError:
            # A file cut off within its last character is no reason to guess on.
            if (cut := _decode_cut(data, encoding)) is not None:
                return cut, encoding, 1
    return _with_gaps(data, name)


def _known(declared: str | None) -> str | None:
    """Name the codec for a declared character set; GBK's superset stands in for its subsets."""
    if not declared:
        return None
    try:
        encoding = codecs.lookup(declared.strip().strip("\"'")).name
    except LookupError:
        return None
    return "gb18030" if encoding in ("gb2312", "gbk") else encoding


def _candidates(data: bytes) -> list[str]:
    """Order the East Asian encodings by how ordinary the text looks in each, then ask charset-normalizer."""
    sample = data[:_SAMPLE]
    scored = []
    for order, encoding in enumerate(("shift_jis", "cp949", "big5", "gb18030")):
        score = _plausible(sample, encoding)
        if score > 0.6:
            scored.append((score, order, encoding))
    # Korean also reads as everyday Chinese, hardly ever the other way round: the narrower one wins.
    scored.sort(key=lambda entry: (-round(entry[0], 1), entry[1]))
    found = [encoding for _, _, encoding in scored]
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    if best is not None and best.encoding:
        guess = _known(best.encoding) or best.encoding
        if scored and scored[0][0] > 0.9:
            return [*found, guess]
        return [guess, *found]
    return found


def _plausible(sample: bytes, encoding: str) -> float:
    """Share (0 to 1) of the non-ASCII characters that ordinary writing in `encoding` consists of."""
    text = _decode_cut(sample, encoding)
    if text is None:
        return 0.0
    high = [char for char in text if ord(char) > 0x7F]
    if not high:
        return 0.0
    return sum(_everyday(char, encoding) for char in high) / len(high)


def _everyday(char: str, encoding: str) -> bool:
    code = ord(char)
    if 0x3000 <= code <= 0x303F or 0xFF01 <= code <= 0xFF5E or char in "“”‘’—…·℃％":
        return True
    if encoding == "gb18030":
        if not 0x4E00 <= code <= 0x9FFF:
            return False
        lead = char.encode("gb18030")[0]
        return 0xB0 <= lead <= 0xD7
    if encoding == "big5":
        return 0x4E00 <= code <= 0x9FFF and 0xA4 <= char.encode("big5")[0] <= 0xC6
    if encoding == "shift_jis":
        return 0x3041 <= code <= 0x30FF
    return 0xAC00 <= code <= 0xD7A3


def _decode_cut(sample: bytes, encoding: str) -> str | None:
    """Decode a sample whose last character may be cut."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        return decoder.decode(sample)
    except UnicodeDecodeError:
        return None


def _utf16_without_bom(data: bytes) -> str | None:
    """Tell UTF-16 by the zero bytes of its ASCII and line ends; None when it is no text."""
    sample = data[: _SAMPLE & ~1]
    best: tuple[float, str] | None = None
    for encoding in ("utf-16-le", "utf-16-be"):
        text = _decode_cut(sample, encoding)
        if not text or _UNUSUAL.search(text) or "\0" in text:
            continue
        ordinary = sum(
            char in "\r\n\t"
            or 0x20 <= ord(char) < 0x250
            or 0x3000 <= ord(char) < 0xA000
            or ord(char) > 0xFF00
            for char in text
        ) / len(text)
        spaces = sum(char in " \n，。、" for char in text) / len(text)
        if ordinary > 0.9 and (best is None or ordinary + spaces > best[0]):
            best = (ordinary + spaces, encoding)
    return best[1] if best else None


def _with_gaps(data: bytes, name: str) -> tuple[str, str, int]:
    """Decode what can be decoded: the encoding with the fewest gaps, line by line where they are mixed."""
    controls = sum(byte < 9 or 13 < byte < 27 for byte in data[:_SAMPLE])
    if controls > 0.02 * min(len(data), _SAMPLE):
        raise UnreadableFileError("file_not_text", name=name)
    counted = []
    for order, encoding in enumerate(("utf-8", "gb18030", "big5", "cp1252")):
        text = data.decode(encoding, "replace")
        counted.append((text.count("\ufffd"), order, encoding, text))
    gaps, _, encoding, text = min(counted)
    lines = [_decode_line(line, encoding) for line in data.splitlines(keepends=True)]
    if (mixed_gaps := sum(line.count("\ufffd") for line in lines)) < gaps:
        return "".join(lines), "mixed", mixed_gaps
    return text, encoding, gaps


def _decode_line(line: bytes, fallback: str) -> str:
    for encoding in ("utf-8", "gb18030"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode(fallback, "replace")
