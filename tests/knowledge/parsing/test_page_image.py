"""Pages as pictures: the right lines light up, on turned pages too, and nothing is drawn for other files."""

import io
from pathlib import Path

import pytest
from PIL import Image

from knowledge.errors import UnreadableFileError
from knowledge.parsing import ParserPool
from knowledge.parsing.page_image import render_page


def test_a_paragraph_lights_up_line_by_line(shared_data: Path, pool: ParserPool) -> None:
    path = shared_data / "documents/pdf/tracemonkey.pdf"
    document = pool.parse(path)
    start = document.text.index("Dynamic languages such as JavaScript are more difficult")
    block = next(block for block in document.blocks if block.start == start)
    image = render_page(path, 1, highlight=document.text[block.start : block.end], scale=1.0, pool=pool)
    assert len(image.boxes) == 14  # printed lines of the abstract, words cut by hyphens among them
    assert all(left < 310 for left, *_ in image.boxes)  # left column
    tops = [top for _, top, _, _ in image.boxes]
    assert tops == sorted(tops)
    picture = Image.open(io.BytesIO(image.png))
    assert picture.size == (image.width, image.height)
    left, top, _, _ = image.boxes[0]
    assert picture.getpixel((int(left), int(top) + 1))[2] < 100  # type: ignore[index]


def test_no_highlight_and_no_match_light_nothing(shared_data: Path, pool: ParserPool) -> None:
    path = shared_data / "documents/pdf/Doc3.pdf"
    plain = render_page(path, 1, pool=pool)
    assert plain.boxes == ()
    assert render_page(path, 1, highlight="这段文字不在这一页上面。", pool=pool).png == plain.png


def test_a_turned_page(shared_data: Path, pool: ParserPool) -> None:
    image = render_page(
        shared_data / "documents/pdf/rotation.pdf", 2, highlight="Second line here.", scale=1.0, pool=pool
    )
    assert image.width > image.height
    ((left, top, right, bottom),) = image.boxes
    assert right - left > bottom - top > 5


def test_a_huge_page_is_drawn_smaller(shared_data: Path, pool: ParserPool) -> None:
    image = render_page(shared_data / "documents/malformed/bomb_giant.pdf", 1, scale=4, pool=pool)
    assert image.width * image.height <= 16_100_000


def test_refusals(shared_data: Path, pool: ParserPool) -> None:
    documents = shared_data / "documents"
    for path, page, code in (
        (documents / "office/footnotes.docx", 1, "page_not_drawn"),
        (documents / "pdf/Doc3.pdf", 2, "page_missing"),
        (documents / "encrypted/password.pdf", 1, "file_password_needed"),
        (documents / "malformed/poppler-937-0-fuzzed.pdf", 1, "pages_unreadable"),
    ):
        with pytest.raises(UnreadableFileError) as caught:
            render_page(path, page, pool=pool)
        assert caught.value.code == code
        assert caught.value.text("zh")
    with pytest.raises(ValueError, match="scale"):
        render_page(documents / "pdf/Doc3.pdf", 1, scale=9)
