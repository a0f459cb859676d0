"""What can go wrong in this package.

KnowledgeError
├── UnreadableFileError      a file cannot be parsed: encrypted, damaged, too large, of an unknown type
├── EmbeddingMismatchError   an index was made by another embedder, splitter or segmenter
├── StoreError               the data folder cannot be read or written: disk full, locked, damaged
└── NotFoundError            no knowledge base, file or chunk has this name or number
"""

import errno
from typing import Any

from knowledge.messages import Language, render


class KnowledgeError(Exception):
    """A failed operation, told in one line: what, why, what to do next.

    Args:
        code: a key of `knowledge.messages.MESSAGES`.
        params: fill the message's fields.
    """

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params

    def text(self, language: Language = "en") -> str:
        """Return the message in `language`."""
        return render(self.code, self.params, language)

    def __str__(self) -> str:
        return self.text("en")


class UnreadableFileError(KnowledgeError):
    """A file cannot be parsed."""


class EmbeddingMismatchError(KnowledgeError):
    """An index was made by another embedder, splitter or segmenter than the one asked for."""


class StoreError(KnowledgeError):
    """The data folder cannot be read or written."""


class NotFoundError(KnowledgeError):
    """No knowledge base, file or chunk has this name or number."""


def error_code(err: OSError) -> str:
    """What the operating system calls an error, such as "ENOSPC": the same in every language."""
    return errno.errorcode.get(err.errno or 0, type(err).__name__)
