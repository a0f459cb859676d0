"""Independent pieces of computation side by side, each on one processor core.

torch splits a single operation over all cores and lets them wait for each other dozens of times per
millisecond. As soon as something else wants a core (a parser, a page, another model) most of the time goes
into that waiting: with four other processes on two cores, two threads together did less than one alone.
Whole batches side by side never wait for each other.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

Given = TypeVar("Given")
Found = TypeVar("Found")


class Lanes:
    """A thread for every core that torch may use, and one more for what must not queue behind them."""

    def __init__(self) -> None:
        import torch

        self._many = one_core_threads(torch.get_num_threads())
        self._quick = one_core_threads(1)

    def one(self, work: Callable[[Given], Found], given: Given) -> Found:
        """Do one small piece at once, whatever else is under way."""
        return self._quick.submit(work, given).result()

    def each(self, work: Callable[[Given], Found], pieces: Iterable[Given]) -> Iterator[tuple[Given, Found]]:
        """Yield every piece with its result, in the order they get done; start the first pieces first.

        Raises:
            Exception: whatever `work` raised; the pieces not yet begun are then dropped.
        """
        waiting = {self._many.submit(work, piece): piece for piece in pieces}
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        finally:
            for future in waiting:
                future.cancel()


def one_core_threads(count: int) -> ThreadPoolExecutor:
    """Start `count` threads in which torch uses one core each."""
    import torch

    cores = torch.get_num_threads()
    pool = ThreadPoolExecutor(count, "one-core", initializer=_use_one_core)
    started = threading.Barrier(count + 1)  # holds each thread until all of them exist
    for _ in range(count):
        pool.submit(started.wait)
    started.wait()
    # What a thread sets for itself, torch also takes for every thread that starts later: take that back.
    torch.set_num_threads(cores)
    return pool


def _use_one_core() -> None:
    import torch

    torch.set_num_threads(1)
    # A thread takes over the number that was set last, by whichever thread, when it first needs it: need it now.
    torch.get_num_threads()
