"""Other people's text: harmless in Markdown, counted the way browsers count."""

import pytest

from ui.components.inert import Utf16, plain


@pytest.mark.parametrize(
    "text",
    [
        "![x](https://evil.example/a.png)",
        "<img src=https://evil.example/b.png>",
        "[link](javascript:alert(1))",
        "$\\href{https://evil.example}{x}$",
        ":material/home: :red[x] `code` **bold** # heading",
    ],
)
def test_every_character_of_markdown_is_escaped(text: str) -> None:
    escaped = plain(text)
    for at, char in enumerate(escaped.replace("\\\\", "\0\0")):
        if char in "`*_{}[]()<>#!|~$:":
            assert escaped[at - 1] == "\\", escaped


def test_line_breaks_cannot_start_a_block() -> None:
    assert plain("a\n\n# b\r\n- c") == r"a \# b \- c"


def test_a_long_name_is_cut() -> None:
    assert plain("滤芯" * 30, limit=10) == "滤芯" * 4 + "滤…"


def test_plain_words_stay_as_they_are() -> None:
    assert plain("使用手册 第2版") == "使用手册 第2版"


def test_offsets_become_utf16_units() -> None:
    text = "a😀b𠮷c"
    utf16 = Utf16(text)
    for offset in range(len(text) + 1):
        assert utf16(offset) == len(text[:offset].encode("utf-16-le")) // 2
    assert utf16((1, 2)) == [1, 3]
