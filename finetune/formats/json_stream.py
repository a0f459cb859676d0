"""The values of a JSON file one at a time, each with its line, without holding the file in memory."""

import json
from collections.abc import Iterator
from typing import Any, TextIO

from finetune.errors import DatasetError

BLOCK = 1 << 20
ESCAPE = 12
"""Characters: an error this near the end of what was read may be a value cut in two, no longer than an escape."""

# strict=False lets a tab or a line break stand inside a string: files edited by hand have them, and the
# meaning is plain.
_decoder = json.JSONDecoder(strict=False)


def parse_line(text: str) -> Any:
    """Return the value of one line of JSONL.

    Raises:
        json.JSONDecodeError: the line is not one JSON value.
    """
    return _decoder.decode(text)


class JsonStream:
    """A cursor in a JSON text.

    Args:
        file: read from where it stands.
        name: the file's name, for errors.
    """

    def __init__(self, file: TextIO, *, name: str) -> None:
        self._file = file
        self._name = name
        self._buffer = ""
        self._at = 0
        self._ended = False
        self.line = 1

    def peek(self) -> str:
        """Return the next character that is not white space, or "" at the end."""
        while True:
            while self._at < len(self._buffer):
                character = self._buffer[self._at]
                if not character.isspace() and character != "\ufeff":
                    return character
                self._move_to(self._at + 1)
            if not self._fill():
                return ""

    def skip(self) -> None:
        """Step over the character that `peek` returned."""
        self._move_to(self._at + 1)

    def value(self) -> Any:
        """Return the value that begins here and step over it.

        Raises:
            DatasetError: `json_malformed`, with the line.
        """
        self.peek()
        while True:
            try:
                value, end = _decoder.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated") or error.pos >= len(self._buffer) - ESCAPE
                if cut and self._fill():
                    continue
                raise self.error(error.msg, error.pos) from None
            except RecursionError:
                raise self.error("nested too deep", self._at) from None
            if end == len(self._buffer) and not isinstance(value, (dict, list, str)) and self._fill():
                continue  # the rest of a number may follow
            self._move_to(end)
            return value

    def items(self) -> Iterator[tuple[int, Any]]:
        """Yield (line, value) for each item of the array that begins here.

        Raises:
            DatasetError: `json_malformed`, with the line.
        """
        self.skip()
        while self.peek() != "]":
            line = self.line
            yield line, self.value()
            following = self.peek()
            if following == ",":
                self.skip()
            elif following != "]":
                raise self.error("Expecting ',' or ']'", self._at)
        self.skip()

    def error(self, reason: str, at: int | None = None) -> DatasetError:
        """Return the error that says what is wrong `at` this place of the buffer, by default where we stand."""
        at = self._at if at is None else at
        line = self.line + self._buffer.count("\n", self._at, at)
        return DatasetError("json_malformed", name=self._name, line=line, reason=reason)

    def _move_to(self, at: int) -> None:
        self.line += self._buffer.count("\n", self._at, at)
        self._at = at
        if self._at >= BLOCK:
            self._buffer = self._buffer[self._at :]
            self._at = 0

    def _fill(self) -> bool:
        """Read as much again as is held, so that one huge value costs linear time; False at the end."""
        if self._ended:
            return False
        block = self._file.read(max(BLOCK, len(self._buffer)))
        self._buffer += block
        self._ended = not block
        return bool(block)
