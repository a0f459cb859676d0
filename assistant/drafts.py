"""Guesses at the next tokens: what stood behind the same three tokens before, in the prompt or the answer.

An answer from passages repeats them, and several guessed tokens are tried in one pass for little more than one; a
wrong guess costs that little and changes nothing (see `assistant.running_batch`). Knows token ids only.

Source: prompt lookup decoding, https://github.com/apoorvumang/prompt-lookup-decoding
"""

from collections.abc import Sequence

_SAME = 3
_FIRST, _MOST = 3, 7


class Drafts:
    """The guesses for one request.

    Args:
        prompt: its token ids.
    """

    def __init__(self, prompt: Sequence[int]) -> None:
        self._ids: list[int] = []
        self._behind: dict[tuple[int, ...], int] = {}
        self._length = _FIRST
        for token in prompt:
            self.add(token)

    def add(self, token: int) -> None:
        """Take in the next token of prompt or answer."""
        # Entered when the token behind is known: the last three tokens are to be looked up, not to find themselves.
        if len(self._ids) >= _SAME:
            self._behind[tuple(self._ids[-_SAME:])] = len(self._ids)
        self._ids.append(token)

    def guess(self, most: int) -> list[int]:
        """Return at most `most` tokens that may come next; none where the last three tokens are new."""
        at = self._behind.get(tuple(self._ids[-_SAME:]))
        count = min(most, self._length)
        return [] if at is None or count < 1 else self._ids[at : at + count]

    def judge(self, guessed: int, right: int) -> None:
        """Learn how many of the guessed tokens came: more is guessed after success, less after failure."""
        if guessed:
            self._length = min(_MOST, self._length + 2) if right == guessed else max(1, right)
