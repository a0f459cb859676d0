"""Copies of the files that were indexed, named by their content's SHA-256, and what changed since."""

import hashlib
import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from knowledge.database import translated
from knowledge.documents import Notice
from knowledge.errors import StoreError, UnreadableFileError, error_code

_BLOCK = 1 << 20
_RACY_NS = 2_000_000_000  # the coarsest clock of a file system that people use (FAT: 2 s)


@dataclass(frozen=True, slots=True)
class SourceInput:
    """A file to index.

    Args:
        path: where it lies.
        name: what to call it, unique in its base; relative to the folder that was given.
        password: opens an encrypted file; never stored.
    """

    path: Path
    name: str
    password: str | None = None


def gather_inputs(paths: Iterable[Path]) -> tuple[list[SourceInput], list[Notice]]:
    """Expand folders into the files that can be read, in a stable order.

    Args:
        paths: files, taken whatever they are, and folders, searched through all levels. Hidden files and
            linked folders inside them are left out silently, files of unknown types with a notice.

    Returns:
        Inputs named relative to their folder, "/" between parts, and what was passed over. Where two folders
        hold the same name, the later one's is preceded by its folder's name.
    """
    from knowledge.parsing import SUPPORTED_SUFFIXES

    found: dict[str, SourceInput] = {}
    skipped: list[Notice] = []
    for path in paths:
        for file, name in _walk(Path(path)):
            if file != Path(path) and file.suffix.lower() not in SUPPORTED_SUFFIXES:
                skipped.append(Notice("file_unsupported", {"name": name, "suffix": file.suffix or "?"}))
                continue
            if name in found and found[name].path.resolve() == file.resolve():
                continue
            unique, count = name, 1
            while unique in found:
                unique = f"{file.parent.name}/{name}" if count == 1 else f"{name} ({count})"
                count += 1
            found[unique] = SourceInput(file, unique)
    return list(found.values()), skipped


def _walk(path: Path) -> Iterable[tuple[Path, str]]:
    if not path.is_dir():
        yield path, path.name
        return
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith((".", "~$")):
                file = Path(folder) / name
                yield file, file.relative_to(path).as_posix()


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the file system says of a file, enough to know that it was not written since.

    Args:
        text: size and times of content and status change; equal texts mean an untouched file, unless it was
            written within the clock's resolution of `newest_ns`.
    """

    text: str
    newest_ns: int
    size_bytes: int

    @classmethod
    def of(cls, path: Path, name: str) -> "Stamp":
        """Look at a file.

        Raises:
            UnreadableFileError: it is missing or may not be looked at.
        """
        try:
            status = path.stat()
        except OSError as err:
            raise _refusal(err, name) from err
        text = f"{status.st_size}.{status.st_mtime_ns}.{status.st_ctime_ns}"
        return cls(text, max(status.st_mtime_ns, status.st_ctime_ns), status.st_size)

    def untouched_since(self, text: str, checked_ns: int) -> bool:
        """Whether a file hashed at `checked_ns`, with stamp `text` then, must still have the same content."""
        return self.text == text and self.newest_ns < checked_ns - _RACY_NS


class Originals:
    """The folder `sources/`: one file per content, whatever number of bases and names use it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        """Where the content with this hash lies."""
        return self.folder / sha256

    def keep(self, source: Path, name: str, *, reserve_bytes: int) -> tuple[str, int]:
        """Copy a file in; complete and on disk before it has its name.

        Args:
            reserve_bytes: must stay free on the disk, besides three times the file: copy, text and vectors.

        Returns:
            SHA-256 and clock (ns) of the moment before it was read.

        Raises:
            UnreadableFileError: the file cannot be read.
            StoreError: there is no room, or the folder cannot be written.
        """
        checked_ns = time.time_ns()
        with translated(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self.folder).free
        digest = sha256_of(source, name)
        if self.path(digest).exists():
            return digest, checked_ns
        size = source.stat().st_size
        if free < 3 * size + reserve_bytes:
            raise StoreError("store_full", path=str(self.folder), reason=f"{free >> 20} MiB")
        copied = hashlib.sha256()
        partial = self.folder / f".{digest}.{os.getpid()}.{time.monotonic_ns()}.part"
        with translated(self.folder):
            try:
                with source.open("rb") as reading, partial.open("wb") as writing:
                    while block := reading.read(_BLOCK):
                        copied.update(block)
                        writing.write(block)
                    writing.flush()
                    os.fsync(writing.fileno())
                # the file may have been written while it was read: what counts is what was copied
                partial.replace(self.path(copied.hexdigest()))
            finally:
                partial.unlink(missing_ok=True)
        return copied.hexdigest(), checked_ns

    def sweep(self, needed: set[str]) -> None:
        """Remove every file that no source needs, with what killed copies left."""
        if not self.folder.is_dir():
            return
        with translated(self.folder):
            for file in self.folder.iterdir():
                if file.name not in needed:
                    file.unlink(missing_ok=True)


def sha256_of(path: Path, name: str) -> str:
    """Hash a file's content.

    Raises:
        UnreadableFileError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as err:
        raise _refusal(err, name) from err


def _refusal(err: OSError, name: str) -> UnreadableFileError:
    if isinstance(err, FileNotFoundError | NotADirectoryError):
        return UnreadableFileError("file_missing", name=name)
    return UnreadableFileError("file_unopened", name=name, detail=error_code(err))
