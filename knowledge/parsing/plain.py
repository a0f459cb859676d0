"""Plain text and source code."""

import re

from knowledge.documents import ParsedDocument
from knowledge.errors import UnreadableFileError
from knowledge.parsing.builder import DocumentBuilder, clean
from knowledge.parsing.encodings import decode
from knowledge.parsing.request import Request

_BLANK = re.compile(r"\n[ \t\u3000]*\n\s*")
_LIST_ITEM = re.compile(r"[ \t]*(?:[-*+•·]|\d{1,3}[.)、](?!\d))[ \t]*\S")
# A line of its own that numbers a chapter: 第三章, 一、, 1.2 Title, Chapter 4.
_MARKDOWN_HEADING = re.compile(r"^#{2,6} \S", re.MULTILINE)
_CHAPTER = re.compile(
    r"^(?:第[一二三四五六七八九十百零〇\d]{1,6}([章节篇部回编])|(?i:chapter|part)\s+[\dIVXLC]+\b)[^。.!?！？]{0,60}$"
)


def read_text(request: Request, builder: DocumentBuilder, *, declared: str | None = None) -> tuple[str, str]:
    """Read and decode the file, leaving a notice where bytes were lost; return text and character set."""
    text, encoding, gaps = decode(request.path.read_bytes(), name=request.name, declared=declared)
    builder.decoded(encoding, gaps)
    return text, encoding


def add_paragraphs(builder: DocumentBuilder, text: str) -> None:
    """Add text whose paragraphs are set apart by blank lines; hard-wrapped lines stay as they are."""
    for part in _BLANK.split(clean(text)[0]):
        lines = [line for line in part.split("\n") if line.strip()]
        if len(lines) == 1 and _CHAPTER.match(lines[0].strip()):
            match = _CHAPTER.match(lines[0].strip())
            builder.heading(lines[0], 2 if match and match.group(1) == "节" else 1)
        elif len(lines) > 1 and all(_LIST_ITEM.match(line) for line in lines):
            builder.items(lines)
        else:
            builder.paragraph(part)


def parse_plain(request: Request, builder: DocumentBuilder) -> ParsedDocument:
    """Read a text file; one that is written in Markdown keeps its headings."""
    text, encoding = read_text(request, builder)
    text, hidden = clean(text)
    if hidden:
        builder.notice("hidden_characters", count=hidden)
    if len(_MARKDOWN_HEADING.findall(text)) > 1:
        from knowledge.parsing.markdown import add_markdown

        add_markdown(builder, text)
    else:
        add_paragraphs(builder, text)
    return builder.build(media_type="text/plain", encoding=encoding)


def parse_code(request: Request, builder: DocumentBuilder) -> ParsedDocument:
    """Read source code or configuration as one block of code."""
    text, encoding = read_text(request, builder)
    builder.code(text)
    return builder.build(title=request.path.name, media_type="text/x-code", encoding=encoding)


def parse_unknown(request: Request, builder: DocumentBuilder) -> ParsedDocument:
    """Read a file of unknown type as text if it is text.

    Raises:
        UnreadableFileError: it is not.
    """
    try:
        return parse_plain(request, builder)
    except UnreadableFileError as err:
        raise UnreadableFileError(
            "file_unsupported", name=request.name, suffix=request.suffix or "(none)"
        ) from err
