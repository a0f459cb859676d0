"""One subject's tables in the data folder's one SQLite file: a connection of their own, and a version of their own.

Conversations, votes, experiments and jobs stand side by side in that file and know nothing of each other, so each can change
its tables without the others.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assistant.errors import AssistantError

_PRAGMAS = (
    "busy_timeout = 10000",
    "journal_mode = WAL",
    "synchronous = FULL",
    # Deleted text is overwritten, not only unlinked.
    "secure_delete = ON",
    "foreign_keys = ON",
)


class Tables:
    """A subject's tables; may be used from any thread, one at a time.

    Args:
        database: the SQLite file; it and the tables are made when missing.
        ledger: the table that holds their version.
        migrations: the statements that make version 1 of version 0, then 2 of 1, and so on. One that was
            released is never changed.
        unreadable: makes the error to raise of the file's path and SQLite's reason.

    Raises:
        AssistantError: the file was written by a newer version of the program, or what `unreadable` makes.
    """

    def __init__(
        self,
        database: Path,
        ledger: str,
        migrations: Sequence[Sequence[str]],
        *,
        unreadable: Callable[[str, str], AssistantError],
    ) -> None:
        self._database = database
        self._unreadable = unreadable
        self._lock = threading.RLock()
        with self._translated():
            self._connection = sqlite3.connect(database, check_same_thread=False, isolation_level=None)
            for pragma in _PRAGMAS:
                self._connection.execute(f"PRAGMA {pragma}")
        self._migrate(ledger, migrations)

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, while no other thread has it."""
        with self._lock, self._translated():
            yield self._connection

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query finds."""
        with self.reading() as db:
            return db.execute(query, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction; undone when anything is raised in it."""
        with self._lock, self._translated():
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk may have ended it
                    self._connection.execute("ROLLBACK")
                raise

    def empty_log(self) -> None:
        """Leave nothing of what rows said before in the write-ahead log."""
        with self.reading() as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _migrate(self, ledger: str, migrations: Sequence[Sequence[str]]) -> None:
        """Bring the tables to the newest version, one transaction each."""
        with self.writing() as db:
            db.execute(f"CREATE TABLE IF NOT EXISTS {ledger} (version INTEGER NOT NULL)")
        for version, statements in enumerate(migrations, start=1):
            with self.writing() as db:
                (done,) = db.execute(f"SELECT coalesce(max(version), 0) FROM {ledger}").fetchone()
                if done > len(migrations):
                    raise AssistantError("database_newer", file=str(self._database))
                if done < version:
                    for statement in statements:
                        db.execute(statement)
                    db.execute(f"INSERT INTO {ledger} (version) VALUES (?)", (version,))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """SQLite's errors as ours."""
        try:
            yield
        except sqlite3.Error as err:
            raise self._unreadable(str(self._database), str(err)) from err
