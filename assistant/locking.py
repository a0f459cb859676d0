"""One process owns a data folder, held by a lock of the operating system.

The lock dies with the process, so a crash never leaves a folder locked. Beside it lies a small note
saying who holds it, for the message that a second process gets.
"""

import json
import os
import time
from pathlib import Path

from filelock import FileLock, Timeout

from assistant.errors import DataFolderError


class DataFolderLock:
    """Holds `folder` for this process until `release`.

    Args:
        folder: the data folder; made when missing.
        purpose: what this process does with it, such as the page's address; shown to a second process.

    Raises:
        DataFolderError: another process holds the folder, or it cannot be written.
    """

    def __init__(self, folder: Path, *, purpose: str) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._note = folder / "owner.json"
            self._lock = FileLock(folder / "tandem.lock", thread_local=False)
            self._lock.acquire(timeout=0)
        except Timeout as err:
            owner = _read_note(folder / "owner.json")
            raise DataFolderError(
                "data_folder_locked",
                folder=folder,
                pid=owner.get("pid", "?"),
                purpose=owner.get("purpose", "?"),
            ) from err
        except OSError as err:
            raise DataFolderError(
                "data_folder_unwritable", folder=folder, reason=err.strerror or err
            ) from err
        self.describe(purpose)

    def describe(self, purpose: str) -> None:
        """Replace what a second process is told, such as once the page's address is known."""
        note = {"pid": os.getpid(), "purpose": purpose, "since": time.time()}
        self._note.write_text(json.dumps(note), encoding="utf-8")

    def release(self) -> None:
        """Let the folder go; safe to call twice."""
        if self._lock.is_locked:
            self._note.unlink(missing_ok=True)
            self._lock.release()


def lock_owner(folder: Path) -> dict[str, object] | None:
    """Who holds `folder` now, or None; asks without keeping it."""
    if not (folder / "tandem.lock").exists():
        return None
    lock = FileLock(folder / "tandem.lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return _read_note(folder / "owner.json")
    except OSError:
        return None
    lock.release()
    return None


def _read_note(path: Path) -> dict[str, object]:
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}
