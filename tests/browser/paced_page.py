"""`python -m assistant` with an engine that writes ten tokens a second, so that a browser sees answers grow."""

import runpy
import time

from assistant.running_batch import RunningBatch

_step = RunningBatch.step


def _unhurried(batch: RunningBatch) -> None:
    time.sleep(0.1)
    _step(batch)


RunningBatch.step = _unhurried  # type: ignore[method-assign]
RunningBatch._guess = lambda self, entry, rows: []  # type: ignore[method-assign]
runpy.run_module("assistant", run_name="__main__")
