"""Which module reads which format. Each is imported when its first file comes, so that a child starts fast."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from knowledge.documents import ParsedDocument
from knowledge.errors import UnreadableFileError
from knowledge.parsing.builder import DocumentBuilder
from knowledge.parsing.detect import CODE_SUFFIXES, FORMATS, IMAGE_SUFFIXES, detect
from knowledge.parsing.request import Request

Parser = Callable[[Request, DocumentBuilder], ParsedDocument]

PARSERS: dict[str, str] = {
    "code": "plain:parse_code",
    "csv": "tabular:parse_csv",
    "docx": "word:parse_docx",
    "epub": "epub:parse_epub",
    "html": "html:parse_html",
    "image": "picture:parse_image",
    "json": "json_text:parse_json",
    "jsonl": "json_text:parse_jsonl",
    "mail": "mail:parse_mail",
    "markdown": "markdown:parse_markdown",
    "odt": "opendocument:parse_odt",
    "pdf": "pdf:parse_pdf",
    "pptx": "slides:parse_pptx",
    "rtf": "rtf:parse_rtf",
    "text": "plain:parse_plain",
    "unknown": "plain:parse_unknown",
    "xlsx": "sheets:parse_xlsx",
}
SUPPORTED_SUFFIXES: frozenset[str] = (
    frozenset(FORMATS)
    | CODE_SUFFIXES
    | (IMAGE_SUFFIXES if find_spec("rapidocr_onnxruntime") else frozenset())
)


def parse_here(request: Request) -> ParsedDocument:
    """Read a file in this very process, without protection: for the sandbox's child.

    Raises:
        UnreadableFileError: it cannot be read, or has no text.
    """
    size = request.path.stat().st_size
    if size > request.limits.file_bytes:
        raise UnreadableFileError(
            "file_too_large",
            name=request.name,
            megabytes=round(size / 1e6),
            limit=request.limits.file_bytes // 10**6,
        )
    if size == 0:
        raise UnreadableFileError("file_empty", name=request.name)
    module, _, function = PARSERS[detect(request)].partition(":")
    parser: Parser = getattr(import_module(f"knowledge.parsing.{module}"), function)
    document = parser(request, DocumentBuilder(name=request.name, max_chars=request.limits.text_chars))
    if not document.blocks:
        reason = next((notice.code for notice in document.notices if notice.code in _NO_TEXT), "no_text")
        raise UnreadableFileError(_NO_TEXT.get(reason, "file_empty"), name=request.name)
    return document


# A file whose every page is a picture is refused with the reason its notice gives.
_NO_TEXT = {
    "pages_garbled": "file_garbled",
    "pages_unreadable": "file_no_page",
    "pages_without_text": "file_scanned",
}
