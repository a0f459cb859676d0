"""Lanes use one core each and leave everybody else's threads as they were."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from knowledge.lanes import Lanes
from tests.torch_threads import torch_threads


@pytest.fixture(autouse=True)
def two_cores() -> Iterator[None]:
    with torch_threads(2):
        yield


def busy(_: int) -> float:
    """Processor seconds of this thread for a product that torch would split."""
    a = torch.ones(700, 700)
    before = time.thread_time()
    for _ in range(20):
        a = (a @ a).clamp_(max=1)
    return time.thread_time() - before


def test_each_lane_computes_on_one_core() -> None:
    lanes = Lanes()
    list(lanes.each(busy, range(2)))
    before = time.process_time()
    own = sum(seconds for _, seconds in lanes.each(busy, range(6)))
    assert time.process_time() - before < 1.5 * own + 0.1  # no helper thread worked or waited beside them
    assert lanes.one(lambda _: torch.get_num_threads(), 0) == 1


def test_other_threads_keep_their_cores() -> None:
    lanes = Lanes()
    assert lanes.one(lambda given: given + 1, 1) == 2
    assert torch.get_num_threads() == 2
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert seen == [2]


def test_every_piece_comes_back_with_its_result() -> None:
    assert sorted(Lanes().each(lambda n: n * n, range(20))) == [(n, n * n) for n in range(20)]


def test_a_failure_is_raised_and_the_rest_dropped() -> None:
    begun: list[int] = []
    raised = threading.Event()

    def work(n: int) -> None:
        if n == 0:
            raise ValueError("first")
        begun.append(n)
        raised.wait(60)

    lanes = Lanes()
    with pytest.raises(ValueError, match="first"):
        list(lanes.each(work, range(200)))
    raised.set()
    # Behind what was dropped: when these are done, whatever was to come before them is.
    list(lanes.each(lambda n: n, range(8)))
    assert len(begun) <= 2


def test_a_quick_piece_does_not_wait_for_the_others() -> None:
    lanes = Lanes()
    release = threading.Event()
    with ThreadPoolExecutor(1) as outside:
        slow = outside.submit(lambda: list(lanes.each(lambda _: release.wait(120), range(8))))
        assert lanes.one(lambda given: given, "now") == "now"
        assert not slow.done()
        release.set()
        slow.result()
