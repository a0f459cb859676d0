"""What an indexing run tells while it goes on."""

from dataclasses import dataclass

from knowledge.documents import Notice
from knowledge.planning import FileState


@dataclass(frozen=True, slots=True)
class Started:
    """A run begins; `total` files will be reported done."""

    total: int


@dataclass(frozen=True, slots=True)
class FileStarted:
    """A file is the next to be finished; others behind it may be in work already."""

    name: str


@dataclass(frozen=True, slots=True)
class FileProgress:
    """How far a file is: `stage` is "embed", counted in chunks."""

    name: str
    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class FileDone:
    """A file is finished and durable.

    Args:
        chunks: that it has now.
        embedded: of them, how many had to be embedded; the others' vectors were known.
        error: why it failed.
        notices: worth telling though it did not fail.
    """

    name: str
    state: FileState
    chunks: int = 0
    embedded: int = 0
    error: Notice | None = None
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """The run is over.

    Args:
        counts: files by state.
        notices: worth telling of the run as a whole.
    """

    counts: dict[str, int]
    seconds: float
    stopped: bool
    notices: tuple[Notice, ...] = ()


IndexEvent = Started | FileStarted | FileProgress | FileDone | Finished
