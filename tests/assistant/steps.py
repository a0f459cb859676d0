"""An engine whose steps a test hands out, so that nothing depends on whether engine or test is quicker."""

import threading
from types import TracebackType
from typing import Any

from assistant.engine import Engine, EngineDone, EngineFailed
from tests.waiting import PATIENCE_S, until


class Steps:
    """Makes an engine wait before every step for which it has no leave.

    A step reads a prompt's next block, or appends to every answer a token and what was guessed behind it: at most
    eight tokens together.

    Args:
        allowed: steps that it may make at once.

    Attributes:
        ended: closing events of its requests within the block, in their order.
    """

    def __init__(self, engine: Engine, *, allowed: int = 0) -> None:
        self.ended: list[EngineDone | EngineFailed] = []
        self._engine = engine
        self._leave = threading.Semaphore(allowed)
        self._free, self._held = threading.Event(), threading.Event()

    def __enter__(self) -> "Steps":
        batch = self._engine._batch
        step, end = batch.step, batch._end

        def with_leave() -> None:
            if not self._free.is_set() and not self._leave.acquire(blocking=False):
                self._held.set()
                self._leave.acquire(timeout=PATIENCE_S)
                self._held.clear()
            step()

        def told(entry: Any, event: EngineDone | EngineFailed) -> None:
            self.ended.append(event)
            end(entry, event)

        batch.step = with_leave  # type: ignore[method-assign]
        batch._end = told  # type: ignore[method-assign]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.go_on()
        del self._engine._batch.step, self._engine._batch._end

    def go_on(self) -> None:
        """Give leave for all steps to come."""
        self._free.set()
        self._leave.release()

    def allow(self, steps: int) -> None:
        """Give leave for so many steps more."""
        self._leave.release(steps)

    def until_held(self) -> None:
        """Wait until the engine waits for leave: it takes in no request then."""
        until(self._held.is_set)

    def until_arrived(self, count: int) -> None:
        """Wait until so many requests have come to an engine that waits for leave."""
        until(lambda: self._engine._inbox.qsize() >= count)

    def until_cancelled(self) -> None:
        """Wait until all that runs is told to end, though the engine may make no step."""
        until(lambda: all(entry.cancelled.is_set() for entry in list(self._engine._running.values())))


def arriving_together(engine: Engine, count: int) -> None:
    """Keep an idle engine from its next step until so many requests have arrived."""
    engine._inbox.put(lambda: until(lambda: engine._inbox.qsize() >= count))
