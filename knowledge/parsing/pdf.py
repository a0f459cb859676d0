"""PDF through PDFium: text with its pages, headings by letter size, and a plain word about bad text layers."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pypdfium2

from knowledge.documents import ParsedDocument
from knowledge.errors import UnreadableFileError
from knowledge.parsing.builder import DocumentBuilder
from knowledge.parsing.pdf_layout import Typography, drop_contents, drop_running_lines, parts, text_of_pages
from knowledge.parsing.pdf_lines import Line, read_lines
from knowledge.parsing.request import Request

_PASSWORD_ERROR = 4
_MAX_PAGES = 5_000
_BROKEN = re.compile(r"[\ufffd\ue000-\uefff\uf100-\uf8ff\x00-\x08\x0e-\x1f]|\(cid:\d+\)")
_HIGH = re.compile(r"[\u0080-\u00ff]")


def open_pdf(path: Path, *, name: str, password: str | None) -> pypdfium2.PdfDocument:
    """Open a PDF.

    Raises:
        UnreadableFileError: it needs a password, or another one, or cannot be read at all.
    """
    # Old encryption takes the password's bytes as Latin-1, new one as UTF-8; PDFium tries both.
    try:
        return pypdfium2.PdfDocument(path, password=password)
    except pypdfium2.PdfiumError as err:
        if err.err_code == _PASSWORD_ERROR and _is_encrypted(path):
            code = "file_password_wrong" if password else "file_password_needed"
            raise UnreadableFileError(code, name=name) from err
        raise UnreadableFileError("file_damaged", name=name, detail="no_pdf") from err


def _is_encrypted(path: Path) -> bool:
    """PDFium also blames the password when it cannot read the trailer of an unencrypted file."""
    return b"/Encrypt" in path.read_bytes()


def parse_pdf(request: Request, builder: DocumentBuilder) -> ParsedDocument:
    """Read a PDF; a page that cannot be read is left out with a notice."""
    document = open_pdf(request.path, name=request.name, password=request.password)
    try:
        count = len(document)
        if count > _MAX_PAGES:
            raise UnreadableFileError("file_too_many_pages", name=request.name, pages=count, limit=_MAX_PAGES)
        pages: list[list[Line]] = []
        heights: list[float] = []
        damaged: list[int] = []
        blank: list[int] = []
        for index in range(count):
            try:
                lines, height, drawn = _read_page(document, index)
                if not lines and not drawn:
                    blank.append(index + 1)
            except pypdfium2.PdfiumError:
                lines, height = [], 0.0
                damaged.append(index + 1)
            pages.append(lines)
            heights.append(height)
        labels = [_label(document, index) for index in range(count)]
        outline = _outline(document)
        title = _metadata_title(document)
    finally:
        document.close()
    _judge(builder, pages, damaged, blank)
    drop_running_lines(pages, heights)
    drop_contents(pages)
    typography = Typography(pages, outline)
    for index, lines in enumerate(pages):
        builder.start_page(labels[index])
        for part in parts(lines, index, typography):
            if part.kind == "heading":
                builder.heading(part.text, part.level)
            elif part.kind == "list":
                builder.items(part.items)
            elif part.kind == "code":
                builder.code(part.text)
            elif part.kind == "table":
                builder.table(part.rows)
            else:
                builder.paragraph(part.text)
    return builder.build(title=title, media_type="application/pdf")


def _read_page(document: pypdfium2.PdfDocument, index: int) -> tuple[list[Line], float, bool]:
    """Read a page's lines, its height, and whether one without lines shows anything at all."""
    page = document[index]
    try:
        textpage = page.get_textpage()
        try:
            lines = read_lines(textpage)
            return lines, page.get_height(), bool(lines) or _is_drawn(page)
        finally:
            textpage.close()
    finally:
        page.close()


def _is_drawn(page: pypdfium2.PdfPage) -> bool:
    """Whether a page shows a picture, or so many strokes that they may be letters."""
    for strokes, shape in enumerate(page.get_objects(max_depth=3)):
        if shape.type == pypdfium2.raw.FPDF_PAGEOBJ_IMAGE or strokes > 50:
            return True
    return False


def _judge(builder: DocumentBuilder, pages: list[list[Line]], damaged: list[int], blank: list[int]) -> None:
    """Mend what can be mended of a broken text layer, and say which pages are not to be trusted."""
    empty, garbled, doubtful = [], [], []
    recoded: dict[str, list[int]] = {}
    for number, (lines, text) in enumerate(zip(pages, text_of_pages(pages), strict=True), 1):
        visible = len("".join(text.split()))
        broken = len(_BROKEN.findall(text))
        high = len(_HIGH.findall(text))
        if number in damaged or number in blank:
            continue
        if not visible:
            empty.append(number)
        elif high > 0.3 * visible and (encoding := _hidden_encoding(text)):
            recoded.setdefault(encoding, []).append(number)
            for line in lines:
                line.cells = [(_recode(cell, encoding), left, right) for cell, left, right in line.cells]
                line.text = " ".join(cell for cell, _, _ in line.cells)
        elif broken > 0.25 * visible or (high > 0.5 * visible and visible > 40):
            garbled.append(number)
            lines.clear()
        elif broken > 0.05 * visible:
            doubtful.append(number)
            lines[:] = [line for line in lines if len(_BROKEN.findall(line.text)) <= 0.25 * len(line.text)]
    for code, numbers in (
        ("pages_unreadable", damaged),
        ("pages_without_text", empty),
        ("pages_garbled", garbled),
        ("pages_doubtful", doubtful),
    ):
        if numbers:
            builder.notice(code, pages=spans(numbers))
    for encoding, numbers in recoded.items():
        builder.notice("pages_recoded", pages=spans(numbers), encoding=encoding.upper())


def _hidden_encoding(text: str) -> str | None:
    """Find the Chinese encoding whose bytes a font without a character table passes off as Latin-1."""
    try:
        data = text.encode("latin-1")
        recoded = data.decode("gbk")
    except UnicodeError:
        return None
    high = [char for char in recoded if ord(char) > 0x7F]
    everyday = sum("\u4e00" <= char <= "\u9fff" and 0xB0 <= char.encode("gbk")[0] <= 0xD7 for char in high)
    return "gbk" if high and everyday > 0.7 * len(high) else None


def _recode(text: str, encoding: str) -> str:
    return text.encode("latin-1", "replace").decode(encoding, "replace")


def _label(document: pypdfium2.PdfDocument, index: int) -> str:
    """The page's printed number where the file gives one."""
    try:
        return document.get_page_label(index) or str(index + 1)
    except pypdfium2.PdfiumError:
        return str(index + 1)


def _outline(document: pypdfium2.PdfDocument) -> dict[int, dict[str, int]]:
    """Titles of the bookmarks, without spaces, with their level, by page index."""
    outline: dict[int, dict[str, int]] = {}
    try:
        for bookmark in document.get_toc(max_depth=6):
            destination = bookmark.get_dest()
            page = destination.get_index() if destination else None
            if page is not None:
                outline.setdefault(page, {})["".join(bookmark.get_title().split()).lower()] = (
                    bookmark.level + 1
                )
    except (pypdfium2.PdfiumError, RecursionError):
        return outline
    return outline


def _metadata_title(document: pypdfium2.PdfDocument) -> str:
    """The title, unless a program wrote its own name or the file's there."""
    title: str = document.get_metadata_value("Title").strip()
    if re.search(
        r"\.(?:docx?|dvi|indd|pptx?|tex|xlsx?|qxd|pdf)$|^untitled|^microsoft|^\(?anonymous", title, re.I
    ):
        return ""
    return title


def spans(numbers: Iterable[int]) -> str:
    """Write page numbers briefly: [1, 2, 3, 7] becomes "1-3, 7"."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(_span(run) for run in runs)


def _span(run: Sequence[int]) -> str:
    return str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}"
