"""A build of training rows in the background, so that it goes on when the page is drawn anew or left."""

import logging
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from assistant.errors import TANDEM_ERRORS

if TYPE_CHECKING:
    from assistant.training.data_building import BuildOptions, DataBuilds, Stage

logger = logging.getLogger(__name__)


class BuildJob:
    """One build, under way or ended.

    Args:
        builds: where it is kept.
        name: of the build.
        base_ids: the knowledge bases to read.

    Attributes:
        stage, done, total: how far it is.
        error: why it failed.
        ended: whether nothing more will come.
    """

    def __init__(
        self, builds: "DataBuilds", name: str, base_ids: Sequence[int], options: "BuildOptions"
    ) -> None:
        self.name = name
        self.stage: Stage = "read"
        self.done = self.total = 0
        self.error: Exception | None = None
        self._began = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._work, args=(builds, tuple(base_ids), options), name="build-rows", daemon=True
        )
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return not self._thread.is_alive()

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for and the build has not ended yet."""
        return self._stop.is_set() and not self.ended

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    def stop(self, *, wait_s: float = 0.0) -> None:
        """Ask it to end with what there is.

        Args:
            wait_s: seconds to wait for that.
        """
        self._stop.set()
        if wait_s:
            self._thread.join(wait_s)

    def _work(self, builds: "DataBuilds", base_ids: tuple[int, ...], options: "BuildOptions") -> None:
        try:
            builds.build(self.name, base_ids, options, should_stop=self._stop.is_set, progress=self._progress)
        except TANDEM_ERRORS as err:
            self.error = err
        except Exception as err:  # a thread has no one else to tell
            logger.exception("the build failed")
            self.error = err

    def _progress(self, stage: "Stage", done: int, total: int) -> None:
        self.stage, self.done, self.total = stage, done, total
