"""A page of a PDF as a picture, with a passage lit up. Drawn in the sandbox like everything that opens files."""

import io
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowledge.errors import UnreadableFileError
from knowledge.parsing.request import Limits, Request
from knowledge.parsing.sandbox import ParserPool

_MAX_PIXELS = 16_000_000
_LIGHT = (255, 214, 10)
# Shorter pieces of a passage occur by chance all over a page.
_SHORTEST_PIECE = 6

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class PageImage:
    """A drawn page.

    Args:
        png: the picture, boxes already drawn on it.
        width, height: in pixels.
        boxes: left, top, right, bottom of each lit line, in pixels.
    """

    png: bytes
    width: int
    height: int
    boxes: tuple[Box, ...] = ()


def render_page(
    path: Path,
    page: int,
    *,
    highlight: str | None = None,
    scale: float = 1.5,
    name: str | None = None,
    password: str | None = None,
    pool: ParserPool | None = None,
) -> PageImage:
    """Draw a page of a PDF.

    Args:
        page: from 1.
        highlight: the passage to light up; white space, hyphens and punctuation need not agree, and a part
            that stands on another page is passed over.
        scale: pixels per point (1/72 inch), 0.2 to 4; lowered for a page that would grow too large.
        name: what to call the file in messages.
        pool: children to draw with; by default one is started for this page.

    Raises:
        UnreadableFileError: it is no PDF, has no such page, or cannot be drawn.
        ValueError: `scale` is out of range.
    """
    if not 0.2 <= scale <= 4:
        raise ValueError(f"scale={scale} must be 0.2 to 4")
    if pool is None:
        with ParserPool(workers=1, limits=Limits()) as own:
            return render_page(
                path, page, highlight=highlight, scale=scale, name=name, password=password, pool=own
            )
    answer, png = pool.ask(
        "page_image", path, name=name, password=password, page=page, highlight=highlight, scale=scale
    )
    width, height = answer["size"]
    return PageImage(png, width, height, tuple((box[0], box[1], box[2], box[3]) for box in answer["boxes"]))


def render_here(request: Request, page: int, highlight: str | None, scale: float) -> PageImage:
    """Draw a page in this very process: for the sandbox's child."""
    import pypdfium2

    from knowledge.parsing.pdf import open_pdf

    with request.path.open("rb") as file:
        if b"%PDF-" not in file.read(1024):
            raise UnreadableFileError("page_not_drawn", name=request.name)
    document = open_pdf(request.path, name=request.name, password=request.password)
    if not 1 <= page <= len(document):
        raise UnreadableFileError("page_missing", name=request.name, page=page, pages=len(document))
    try:
        pdf_page = document[page - 1]
        width, height = pdf_page.get_size()
        scale = min(scale, (_MAX_PIXELS / max(width * height, 1.0)) ** 0.5)
        picture = pdf_page.render(scale=scale, rev_byteorder=True).to_pil().convert("RGB")
        boxes = list(_boxes(pdf_page, picture.size, highlight)) if highlight else []
    except pypdfium2.PdfiumError as err:
        raise UnreadableFileError("pages_unreadable", name=request.name, pages=page) from err
    _light_up(picture, boxes)
    png = io.BytesIO()
    picture.save(png, "PNG", compress_level=3)
    return PageImage(png.getvalue(), picture.width, picture.height, tuple(boxes))


def _light_up(picture: Any, boxes: list[Box]) -> None:
    """Colour the boxes as a marker pen does: the letters stay dark."""
    from PIL import Image, ImageChops

    for left, top, right, bottom in boxes:
        area = (int(left), int(top), int(right) + 1, int(bottom) + 1)
        part = picture.crop(area)
        picture.paste(ImageChops.multiply(part, Image.new("RGB", part.size, _LIGHT)), area)


def _boxes(page: Any, size: tuple[int, int], highlight: str) -> Iterator[Box]:
    """Find the passage's characters on the page, and join their boxes line by line."""
    import pypdfium2.raw as pdfium

    from knowledge.parsing.pdf_lines import text_of

    textpage = page.get_textpage()
    letters: list[str] = []
    places: list[int] = []
    for index in range(textpage.count_chars()):
        squeezed = _squeeze(text_of([pdfium.FPDFText_GetUnicode(textpage.raw, index)]))
        letters += squeezed
        places += [index] * len(squeezed)
    found = _find("".join(letters), highlight)
    rect = pdfium.FS_RECTF()
    line: Box | None = None
    for index in sorted({places[position] for position in found}):
        if not pdfium.FPDFText_GetLooseCharBox(textpage.raw, index, rect):
            continue
        box = _on_device(page, size, (rect.left, rect.bottom, rect.right, rect.top))
        if line is not None and _same_line(line, box):
            line = (min(line[0], box[0]), min(line[1], box[1]), max(line[2], box[2]), max(line[3], box[3]))
            continue
        if line is not None:
            yield line
        line = box
    if line is not None:
        yield line
    textpage.close()


def _on_device(page: Any, size: tuple[int, int], box: Box) -> Box:
    """Turn a box in page space into pixels, the page's rotation and crop included."""
    import ctypes

    import pypdfium2.raw as pdfium

    x, y = ctypes.c_int(), ctypes.c_int()
    corners = []
    for left, bottom in ((box[0], box[1]), (box[2], box[3])):
        pdfium.FPDF_PageToDevice(page.raw, 0, 0, size[0], size[1], 0, left, bottom, x, y)
        corners.append((x.value, y.value))
    (x0, y0), (x1, y1) = corners
    limit_x, limit_y = size[0] - 1, size[1] - 1
    return (
        float(min(max(min(x0, x1), 0), limit_x)),
        float(min(max(min(y0, y1), 0), limit_y)),
        float(min(max(max(x0, x1), 0), limit_x)),
        float(min(max(max(y0, y1), 0), limit_y)),
    )


def _same_line(line: Box, box: Box) -> bool:
    """Whether a character goes on with a line: it stands beside it, on either axis of a turned page."""
    across = min(line[3], box[3]) - max(line[1], box[1]) > 0.5 * min(line[3] - line[1], box[3] - box[1])
    near = box[0] - line[2] < 3 * max(box[3] - box[1], 1.0) and line[0] - box[2] < 3 * max(
        box[3] - box[1], 1.0
    )
    down = min(line[2], box[2]) - max(line[0], box[0]) > 0.5 * min(line[2] - line[0], box[2] - box[0])
    close = -2.0 < box[1] - line[3] < 2.0 or -2.0 < line[1] - box[3] < 2.0
    return (across and near) or (down and close and line[3] - line[1] > 2 * (line[2] - line[0]))


def _squeeze(text: str) -> str:
    """Only what survives every change of layout: letters and digits, in their plainest form."""
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())


def _find(page: str, highlight: str) -> set[int]:
    """Positions in the squeezed page that belong to the passage, found whole or piece by piece."""
    from knowledge.sentences import sentences

    positions: set[int] = set()
    whole = _squeeze(highlight)
    start = page.find(whole) if whole else -1
    if start >= 0:
        return set(range(start, start + len(whole)))
    after = 0
    for begin, end in sentences(highlight):
        for piece in _halves(_squeeze(highlight[begin:end]), page):
            if len(piece) < _SHORTEST_PIECE:
                continue
            # A passage runs down the page, so its next piece stands below the last one.
            start = page.find(piece, after)
            start = start if start >= 0 else page.find(piece)
            if start >= 0:
                positions.update(range(start, start + len(piece)))
                after = start + len(piece)
    return positions


def _halves(piece: str, page: str) -> Iterator[str]:
    """A piece that is on the page as it is, or those halves of it that are."""
    if piece in page or len(piece) < 4 * _SHORTEST_PIECE:
        yield piece
        return
    middle = len(piece) // 2
    yield from _halves(piece[:middle], page)
    yield from _halves(piece[middle:], page)
