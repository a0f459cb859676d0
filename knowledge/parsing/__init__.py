"""Files to documents. `parse_file` and `ParserPool` read in child processes under limits; nothing else should."""

from pathlib import Path

from knowledge.documents import ParsedDocument
from knowledge.parsing.formats import SUPPORTED_SUFFIXES
from knowledge.parsing.request import Limits
from knowledge.parsing.sandbox import ParserPool

__all__ = ["SUPPORTED_SUFFIXES", "Limits", "ParserPool", "parse_file"]


def parse_file(
    path: Path, *, name: str | None = None, password: str | None = None, limits: Limits = Limits()
) -> ParsedDocument:
    """Read one file in a child process of its own; for many files keep a `ParserPool`.

    Args:
        path: where it lies.
        name: what to call it in messages, with the suffix that counts; the path's own by default.
        password: for an encrypted PDF.
        limits: what it may cost.

    Raises:
        UnreadableFileError: it is missing, encrypted, damaged, without text, of an unknown type, or it
            exceeded a limit.
    """
    with ParserPool(workers=1, limits=limits) as pool:
        return pool.parse(path, name=name, password=password)
