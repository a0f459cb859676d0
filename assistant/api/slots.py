"""How many requests are worked on at once, and where: threads for the work, a queue of bounded length before them."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from assistant.api.errors import ApiError

T = TypeVar("T")
ShouldStop = Callable[[], bool]

_LONGEST_ADVICE_S = 60
_LEARNING = 0.2


class Slots:
    """Runs blocking work for the event loop.

    Args:
        running: requests worked on at once; each has its share of the model's memory.
        waiting: requests that may wait for their turn; one more is told to come back later.
    """

    def __init__(self, *, running: int, waiting: int) -> None:
        self._running = running
        self._waiting_limit = waiting
        self._waiting = 0
        self._seconds = 1.0  # what a request takes, on average lately
        self._free = asyncio.Semaphore(running)
        self._pool = ThreadPoolExecutor(max_workers=running, thread_name_prefix="api")
        self._beside = ThreadPoolExecutor(max_workers=2, thread_name_prefix="api-beside")

    async def stream(self, work: Callable[[ShouldStop], Iterator[T]]) -> AsyncGenerator[T, None]:
        """Yield what `work` yields, which runs in a thread.

        Ending this iterator early makes `work`'s argument true; the slot is free when `work` has ended.

        Raises:
            ApiError: too many are waiting; whatever `work` raises.
        """
        await self._take()
        loop = asyncio.get_running_loop()
        items: asyncio.Queue[tuple[T | None, BaseException | None]] = asyncio.Queue()
        stopped = threading.Event()

        def tell(item: T | None, error: BaseException | None) -> None:
            loop.call_soon_threadsafe(items.put_nowait, (item, error))

        def run() -> None:
            try:
                for item in work(stopped.is_set):
                    tell(item, None)
                tell(None, None)
            except BaseException as err:
                tell(None, err)

        began = time.monotonic()
        done = loop.run_in_executor(self._pool, run)
        done.add_done_callback(lambda _: self._give_back(time.monotonic() - began))
        try:
            while True:
                item, error = await items.get()
                if error is not None:
                    raise error
                if item is None:
                    return
                yield item
        finally:
            stopped.set()

    async def call(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, which runs in a thread.

        Raises:
            ApiError: too many are waiting; whatever `work` raises.
        """
        result: list[T] = [item async for item in self.stream(lambda _: iter((work(),)))]
        return result[0]

    async def aside(self, work: Callable[[], T]) -> T:
        """Return what short `work` returns; it waits for no slot, so that a busy server still says how it is."""
        return await asyncio.get_running_loop().run_in_executor(self._beside, work)

    async def _take(self) -> None:
        if self._free.locked() and self._waiting >= self._waiting_limit:
            advice = round(self._seconds * (self._waiting + 1) / self._running)
            seconds = min(max(advice, 1), _LONGEST_ADVICE_S)
            raise ApiError(
                "api_queue_full",
                status=429,
                name="queue_full",
                headers={"retry-after": str(seconds)},
                seconds=seconds,
            )
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1

    def _give_back(self, seconds: float) -> None:
        self._seconds += _LEARNING * (seconds - self._seconds)
        self._free.release()
