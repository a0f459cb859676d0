"""What comes in: documents as text with structure, cut into chunks that a row's provenance can name."""

from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "zh"]
PieceKind = Literal["heading", "paragraph", "list", "table", "code"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text of one kind.

    Args:
        text: a table is one Markdown pipe table; a list has one item a line.
        start: where it begins in the document, in code points.
        headings: titles above it, outermost first.
    """

    kind: PieceKind
    text: str
    start: int
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceChunk:
    """A chunk as searches find it.

    Args:
        id: its number in the knowledge base.
        text: as it stands there, after any edit by the user.
        start, end: its span in the document, in code points.
        page: the first page it stands on; None where the format has none.
    """

    id: int
    text: str
    start: int
    end: int
    headings: tuple[str, ...] = ()
    page: int | None = None


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A file of a knowledge base.

    Args:
        id: its number there.
        name: of the file.
        title: what it calls itself, or "".
        chunks: those that searches may find, in order.
    """

    id: int
    name: str
    pieces: tuple[Piece, ...]
    chunks: tuple[SourceChunk, ...]
    title: str = ""
