"""How long the rest of a run will take."""

import time


class Pace:
    """How long the rest will take, from what the answers took so far.

    Args:
        alone, together: answers to be made one at a time, and `at_once` of them at a time.
    """

    def __init__(self, alone: int, together: int, at_once: int) -> None:
        self._left = {True: alone, False: together}
        self._count = {True: 0, False: 0}
        self._spent = {True: 0.0, False: 0.0}
        self._gain = min(max(at_once, 1), 4)  # what a batch gains at least, measured on two cores
        self._last = time.monotonic()

    def left(self, *, alone: bool) -> float | None:
        """Note one more answer; return the seconds left, None after the first, which also loads the model."""
        now = time.monotonic()
        self._left[alone] -= 1
        first = not any(self._count.values())
        self._count[alone] += 1
        self._spent[alone] += now - self._last
        self._last = now
        if first and any(self._left.values()):
            return None
        mine = self._spent[True] / self._count[True] if self._count[True] else None
        ours = self._spent[False] / self._count[False] if self._count[False] else None
        slow = mine if mine is not None else (ours or 0.0) * self._gain
        fast = ours if ours is not None else slow / self._gain
        return self._left[True] * slow + self._left[False] * fast
