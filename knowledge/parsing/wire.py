"""How a parsed document crosses from the child to its parent: JSON only, because a child is not trusted."""

from typing import Any

from knowledge.documents import Block, Notice, Page, ParsedDocument


def pack(document: ParsedDocument) -> dict[str, Any]:
    """Write a document as plain lists and strings."""
    paths: dict[tuple[str, ...], int] = {}
    blocks = [
        (
            block.kind,
            block.start,
            block.end,
            paths.setdefault(block.heading_path, len(paths)),
            block.level,
            block.page,
        )
        for block in document.blocks
    ]
    return {
        "text": document.text,
        "blocks": blocks,
        "paths": list(paths),
        "pages": [(page.number, page.label, page.start, page.end) for page in document.pages],
        "title": document.title,
        "media_type": document.media_type,
        "encoding": document.encoding,
        "notices": [(notice.code, notice.params) for notice in document.notices],
    }


def unpack(data: dict[str, Any]) -> ParsedDocument:
    """Read what `pack` wrote.

    Raises:
        ValueError, KeyError, TypeError: the data is not a document.
    """
    paths = [tuple(path) for path in data["paths"]]
    return ParsedDocument(
        text=data["text"],
        blocks=tuple(
            Block(kind, start, end, paths[path], level, page)
            for kind, start, end, path, level, page in data["blocks"]
        ),
        pages=tuple(Page(*page) for page in data["pages"]),
        title=data["title"],
        media_type=data["media_type"],
        encoding=data["encoding"],
        notices=tuple(Notice(code, params) for code, params in data["notices"]),
    )
