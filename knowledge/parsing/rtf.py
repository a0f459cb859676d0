"""RTF: the text between the control words, in the code page of its font."""

import re

from knowledge.documents import ParsedDocument
from knowledge.parsing.builder import DocumentBuilder
from knowledge.parsing.plain import add_paragraphs
from knowledge.parsing.request import Request

_TOKEN = re.compile(
    rb"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-f]{2})|\\([^a-z])|([{}])|([^\\{}\r\n]+)", re.I
)
_NOT_TEXT = frozenset(
    b"fonttbl colortbl stylesheet info pict object header headerl headerr headerf footer footerl footerr footerf "
    b"listtable listoverridetable revtbl rsidtbl generator xmlnstbl themedata colorschememapping latentstyles "
    b"datastore fldinst bkmkstart bkmkend".split()
)
_SIGNS = {
    b"par": "\n\n", b"sect": "\n\n", b"page": "\n\n", b"line": "\n", b"row": "\n", b"tab": "\t", b"cell": "\t",
    b"emdash": "—", b"endash": "–", b"lquote": "‘", b"rquote": "’", b"ldblquote": "“", b"rdblquote": "”",
    b"bullet": "•",
}  # fmt: skip
_CHARSETS = {
    128: "cp932",
    129: "cp949",
    134: "gb18030",
    136: "big5",
    161: "cp1253",
    162: "cp1254",
    204: "cp1251",
}
_ESCAPED = {b"~": "\u00a0", b"_": "-", b"{": "{", b"}": "}", b"\\": "\\", b"\n": "\n\n", b"\r": "\n\n"}


def parse_rtf(request: Request, builder: DocumentBuilder) -> ParsedDocument:
    """Read a Rich Text file as paragraphs."""
    add_paragraphs(builder, _text(request.path.read_bytes()))
    return builder.build(media_type="application/rtf")


def _text(data: bytes) -> str:
    words: list[str] = []
    pending = bytearray()
    codec = "cp1252"
    fonts = {
        int(number): _CHARSETS[int(charset)]
        for number, charset in re.findall(rb"\\f(\d{1,6})[^{};]*?\\fcharset(\d{1,3})", data)
        if int(charset) in _CHARSETS
    }
    # Per group: whether its text is shown, its font's codec, and how many characters replace a \u.
    state = (True, codec, 1)
    stack = []
    skip = 0

    def flush() -> None:
        if pending:
            words.append(pending.decode(state[1], "replace"))
            pending.clear()

    for match in _TOKEN.finditer(data):
        word, number, byte, sign, brace, plain = match.groups()
        if byte:
            if skip:
                skip -= 1
            elif state[0]:
                pending.append(int(byte, 16))
            continue
        if plain is None or skip:
            flush()
        if brace == b"{":
            stack.append(state)
        elif brace == b"}":
            state = stack.pop() if stack else state
            skip = 0
        elif sign == b"*" or word in _NOT_TEXT:
            state = (False, *state[1:])
        elif sign in _ESCAPED and state[0]:
            words.append(_ESCAPED[sign])
        elif word == b"u" and number and state[0]:
            words.append(_code_point(int(number)))
            skip = state[2]
        elif word == b"uc" and number:
            state = (*state[:2], min(max(int(number), 0), 8))
        elif word == b"ansicpg" and number:
            codec = _known_code_page(number.decode("ascii"))
            state = (state[0], codec, state[2])
        elif word == b"f" and number:
            state = (state[0], fonts.get(int(number), codec), state[2])
        elif word in _SIGNS and state[0]:
            words.append(_SIGNS[word])
        elif plain is not None:
            shown = plain[skip:]
            skip = max(skip - len(plain), 0)
            if state[0]:
                pending += shown
    flush()
    text = "".join(words)
    # Characters beyond the first plane come as two surrogates.
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _code_point(number: int) -> str:
    return chr(number % 0x10000)


def _known_code_page(number: str) -> str:
    codec = {"936": "gb18030", "950": "big5", "932": "cp932"}.get(number, f"cp{number}")
    try:
        b"".decode(codec)
    except LookupError:
        return "cp1252"
    return codec
