"""Models on their way here: one thread each, with progress and a stop; what was fetched by then is gone on with."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from assistant.errors import TANDEM_ERRORS, AssistantError
from assistant.providers.asking import Hangup

logger = logging.getLogger(__name__)

State = Literal["running", "done", "stopped", "failed"]
Progress = Callable[[str, int, int | None], None]
Work = Callable[[Progress, Hangup], object]


class _StopFetchError(BaseException):
    """Ends a download from inside its progress callback; no handler of the fetching code takes it for a failure."""


@dataclass
class Download:
    """One model as its fetching stands now.

    Args:
        place: where it comes from or goes to, for people; "" for this machine's own sources.
        stage: what is done now, in the source's own words.
        done, total: bytes of the stage; `total` is None where nobody knows.
        error: why it failed.
    """

    name: str
    place: str = ""
    stage: str = ""
    done: int = 0
    total: int | None = None
    state: State = "running"
    error: Exception | None = None
    hangup: Hangup = field(default_factory=Hangup, repr=False)

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for and has not come yet."""
        return self.hangup.rung and self.state == "running"


class Downloads:
    """The downloads of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], Download] = {}
        self._threads: list[threading.Thread] = []

    def start(self, name: str, work: Work, *, place: str = "") -> Download:
        """Fetch in a thread.

        Args:
            work: given a function to tell progress to, which stops it, and what ends requests of its own.

        Raises:
            AssistantError: the same is being fetched already.
        """
        with self._lock:
            known = self._known.get((place, name))
            if known is not None and known.state == "running":
                raise AssistantError("fetch_running", name=name)
            download = self._known[place, name] = Download(name, place)
            thread = threading.Thread(target=_run, args=(download, work), name=f"fetch-{name}", daemon=True)
            self._threads.append(thread)
        thread.start()
        return download

    def all(self) -> list[Download]:
        """Every download, the latest last."""
        with self._lock:
            return list(self._known.values())

    def stop(self, download: Download) -> None:
        """Ask a download to stop."""
        download.hangup.ring()

    def forget(self, download: Download) -> None:
        """Drop an ended download from the list."""
        with self._lock:
            if download.state != "running":
                self._known.pop((download.place, download.name), None)

    def close(self, *, timeout_s: float = 5.0) -> None:
        """Stop what runs and wait a little for it."""
        for download in self.all():
            download.hangup.ring()
        for thread in self._threads:
            thread.join(timeout_s)


def _run(download: Download, work: Work) -> None:
    def progress(stage: str, done: int, total: int | None) -> None:
        if download.hangup.rung:
            raise _StopFetchError
        download.stage, download.done, download.total = stage, done, total or None

    state: State = "done"
    try:
        work(progress, download.hangup)
        if download.hangup.rung:
            state = "stopped"
    except _StopFetchError:
        state = "stopped"
    except TANDEM_ERRORS as err:
        download.error, state = err, "failed"
    except Exception as err:
        logger.exception("%s could not be fetched", download.name)
        download.error, state = err, "failed"
    finally:
        download.state = state
