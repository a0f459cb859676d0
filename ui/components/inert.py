"""Makes other people's text harmless and countable before the browser gets it.

Streamlit reads Markdown in labels, captions and titles; a file named `![](https://…)` would be fetched
as an image. Every name that comes from a user, a file or a model goes through `plain` on its way there.
"""

import re
from typing import overload

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&@/=^\"'])")
_BREAKS = re.compile(r"\s+")
# An address becomes a link even when its marks are escaped; a word joiner, which nobody sees, parts it.
_ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)(?=\w)", re.IGNORECASE)


def plain(text: str, *, limit: int | None = None) -> str:
    """Return `text` on one line so that Markdown shows it as it is: no markup, no image, no link.

    Args:
        limit: characters kept; a longer text ends in "…".
    """
    line = _BREAKS.sub(" ", text).strip()
    if limit is not None and len(line) > limit:
        line = line[: limit - 1].rstrip() + "…"
    return _SPECIAL.sub(r"\\\1", _ADDRESS.sub("\u2060", line))


class Utf16:
    """Turns offsets in code points, which Python counts, into UTF-16 units, which browsers count."""

    def __init__(self, text: str) -> None:
        self._wide = [index for index, char in enumerate(text) if ord(char) > 0xFFFF]

    @overload
    def __call__(self, offset: int) -> int: ...
    @overload
    def __call__(self, offset: tuple[int, int]) -> list[int]: ...
    def __call__(self, offset: int | tuple[int, int]) -> int | list[int]:
        """Convert one offset, or a span."""
        if isinstance(offset, tuple):
            return [self(offset[0]), self(offset[1])]
        return offset + sum(1 for index in self._wide if index < offset)
