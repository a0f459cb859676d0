"""What every parsed document must keep to; see `knowledge.documents`."""

import unicodedata

from knowledge.documents import ParsedDocument


def assert_sound(document: ParsedDocument) -> None:
    """Blocks and pages cover the text in order, and the text is clean."""
    text = document.text
    assert text
    assert unicodedata.is_normalized("NFC", text)
    assert not any(char in text for char in "\0\r\ufeff\u200b\u202e")
    text.encode("utf-8")  # no lone surrogates
    position = 0
    for block in document.blocks:
        assert not text[position : block.start].strip()
        assert position <= block.start < block.end <= len(text)
        body = text[block.start : block.end]
        assert body == body.strip("\n")
        assert body.strip()
        if block.kind == "heading":
            assert block.heading_path[-1] == body
            assert 1 <= block.level <= 6
        else:
            assert block.level == 0
        position = block.end
    assert not text[position:].strip()
    position = 0
    for number, page in enumerate(document.pages, 1):
        assert page.number == number
        assert page.label
        assert position <= page.start <= page.end <= len(text)
        position = page.end
    for block in document.blocks:
        assert (block.page is None) == (not document.pages)
        if block.page is not None:
            page = document.pages[block.page - 1]
            assert page.start <= block.start
            assert block.end <= page.end
