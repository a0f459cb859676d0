"""Runs work on an experiment in a thread and keeps how far it is, for a page that polls."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from assistant.compare.experiment import Answered, Began, Ended, ExperimentEvent
from assistant.errors import TANDEM_ERRORS

logger = logging.getLogger(__name__)

Work = Callable[[Callable[[], bool]], Iterator[ExperimentEvent]]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Args:
        done, total: answers.
        failed: answers that failed since this start.
        question_id, arm: what was answered last; "" before the first.
        seconds_left: estimate; None until there is something to go by.
        error: what ended the run, when `state` is "failed".
    """

    state: Literal["running", "stopping", "stopped", "done", "failed"]
    done: int = 0
    total: int = 0
    failed: int = 0
    question_id: str = ""
    arm: str = ""
    seconds_left: float | None = None
    seconds: float = 0.0
    error: Exception | None = None


class BackgroundRun:
    """Work on one experiment in a thread of its own.

    Args:
        work: given a function that says whether to stop; yields events, the last an `Ended`.
    """

    def __init__(self, experiment_id: int, work: Work) -> None:
        self.experiment_id = experiment_id
        self._work = work
        self._stop = threading.Event()
        self._began = time.monotonic()
        self._progress = Progress("running")
        self._lock = threading.Lock()  # a stop must not write over an end that came meanwhile
        self._thread = threading.Thread(target=self._run, name=f"experiment-{experiment_id}", daemon=True)
        self._thread.start()

    def progress(self) -> Progress:
        """How far it is now."""
        return self._progress

    def stop(self) -> None:
        """Ask to stop after the answers that are being made; all before them are kept."""
        self._stop.set()
        with self._lock:
            if self._progress.state == "running":
                self._progress = replace(self._progress, state="stopping")

    def wait(self, timeout_s: float | None = None) -> Progress:
        """Wait until it has ended, at most `timeout_s` seconds."""
        self._thread.join(timeout_s)
        return self._progress

    def _run(self) -> None:
        try:
            for event in self._work(self._stop.is_set):
                self._follow(event)
        except TANDEM_ERRORS as err:
            self._end("failed", error=err)
        except Exception as err:
            logger.exception("experiment %d failed", self.experiment_id)
            self._end("failed", error=err)

    def _follow(self, event: ExperimentEvent) -> None:
        if isinstance(event, Ended):
            self._end("stopped" if event.stopped else "done")
            return
        with self._lock:
            state: Literal["running", "stopping"] = "stopping" if self._stop.is_set() else "running"
            match event:
                case Began():
                    self._progress = Progress(state, event.done, event.total)
                case Answered():
                    self._progress = Progress(
                        state,
                        event.done,
                        event.total,
                        event.failed,
                        event.question_id,
                        event.arm,
                        event.seconds_left,
                        time.monotonic() - self._began,
                    )

    def _end(self, state: Literal["stopped", "done", "failed"], *, error: Exception | None = None) -> None:
        seconds = time.monotonic() - self._began
        with self._lock:
            self._progress = replace(
                self._progress, state=state, seconds_left=None, seconds=seconds, error=error
            )
