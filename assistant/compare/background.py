"""Runs an experiment in a thread and keeps how far it is, for a page that polls."""

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from assistant.compare.experiment import Answered, Asker, Began, Ended, ExperimentEvent, run_experiment
from assistant.compare.store import Experiments
from assistant.errors import TANDEM_ERRORS

logger = logging.getLogger(__name__)


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
    """One start of an experiment in a thread of its own.

    Args:
        experiment_id: new, stopped, or done with failures; it goes on where it was.
        asker: used from that thread only.
    """

    def __init__(self, store: Experiments, experiment_id: int, asker: Asker) -> None:
        self.experiment_id = experiment_id
        self._store = store
        self._asker = asker
        self._stop = threading.Event()
        self._began = time.monotonic()
        self._progress = Progress("running")
        self._thread = threading.Thread(target=self._run, name=f"experiment-{experiment_id}", daemon=True)
        self._thread.start()

    def progress(self) -> Progress:
        """How far it is now."""
        return self._progress

    def stop(self) -> None:
        """Ask to stop after the answer that is being made; all before it is kept."""
        self._stop.set()

    def wait(self, timeout_s: float | None = None) -> Progress:
        """Wait until it has ended, at most `timeout_s` seconds."""
        self._thread.join(timeout_s)
        return self._progress

    def _run(self) -> None:
        try:
            self._follow(
                run_experiment(self._store, self.experiment_id, self._asker, should_stop=self._stop.is_set)
            )
        except TANDEM_ERRORS as err:
            self._set("failed", error=err)
        except Exception as err:
            logger.exception("experiment %d failed", self.experiment_id)
            self._set("failed", error=err)

    def _follow(self, events: Iterator[ExperimentEvent]) -> None:
        for event in events:
            match event:
                case Began():
                    self._progress = Progress("running", event.done, event.total)
                case Answered():
                    self._progress = Progress(
                        "stopping" if self._stop.is_set() else "running",
                        event.done,
                        event.total,
                        event.failed,
                        event.question_id,
                        event.arm,
                        event.seconds_left,
                        time.monotonic() - self._began,
                    )
                case Ended():
                    self._set("stopped" if event.stopped else "done")

    def _set(self, state: Literal["stopped", "done", "failed"], *, error: Exception | None = None) -> None:
        now = self._progress
        seconds = time.monotonic() - self._began
        self._progress = Progress(
            state, now.done, now.total, now.failed, now.question_id, now.arm, None, seconds, error
        )
