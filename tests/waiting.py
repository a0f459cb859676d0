"""Waiting for what another thread or process brings about."""

import time
from collections.abc import Callable

# However busy the machine, and still an end for what never comes.
PATIENCE_S = 120.0


def until(condition: Callable[[], object], *, seconds: float = PATIENCE_S) -> None:
    """Wait until `condition` holds; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"still not so after {seconds:g} s"
        time.sleep(0.005)
