"""What a parser is asked for, and within which limits."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost.

    Args:
        seconds: wall time for a file of up to 1 MB.
        seconds_per_megabyte: more time for each further megabyte, ...
        max_seconds: ... up to this much.
        memory_bytes: of the child that reads it.
        text_chars: the longest text that is accepted.
        file_bytes: the largest file that is opened.
    """

    seconds: float = 30.0
    seconds_per_megabyte: float = 2.0
    max_seconds: float = 120.0
    memory_bytes: int = 1 << 30
    text_chars: int = 20_000_000
    file_bytes: int = 512 << 20

    def wall_time_s(self, size_bytes: int) -> float:
        """Seconds that a file of this size may take."""
        return min(self.seconds + self.seconds_per_megabyte * (size_bytes / 1e6), self.max_seconds)


@dataclass(frozen=True, slots=True)
class Request:
    """One file to read.

    Args:
        path: where it lies now.
        name: what people call it; its suffix counts as the file's.
        password: for an encrypted file.
    """

    path: Path
    name: str
    password: str | None = None
    limits: Limits = Limits()

    @property
    def suffix(self) -> str:
        """Lower case, with its dot; "" without one."""
        return Path(self.name).suffix.lower()
