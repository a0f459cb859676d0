"""The SQLite file that is the truth: connections, tables, migrations, and errors in one clear line.

Other packages keep their own tables in the same file; ours start with `kb_` and have their own
migration counter. One process owns the file (the caller holds the lock); its threads each get a
connection, writers queue on one lock.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from knowledge.errors import StoreError, error_code

_MIGRATIONS = [
    """
    CREATE TABLE kb_base (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        created_at REAL NOT NULL,
        active INTEGER,
        previous INTEGER
    );
    -- One way of cutting, embedding and segmenting a base. Chunks belong to a version.
    CREATE TABLE kb_version (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        base_id INTEGER NOT NULL REFERENCES kb_base(id) ON DELETE CASCADE,
        embedder TEXT NOT NULL,
        embedder_identity TEXT NOT NULL,
        splitter TEXT NOT NULL,
        splitter_identity TEXT NOT NULL,
        segmenter_identity TEXT NOT NULL,
        created_at REAL NOT NULL
    );
    CREATE TABLE kb_source (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        base_id INTEGER NOT NULL REFERENCES kb_base(id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        path TEXT NOT NULL,
        stamp TEXT NOT NULL,
        checked_ns INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        state TEXT NOT NULL,
        error TEXT,
        notices TEXT NOT NULL,
        pages INTEGER NOT NULL,
        media_type TEXT NOT NULL,
        indexed_at REAL,
        UNIQUE (base_id, name)
    );
    CREATE INDEX kb_source_sha256 ON kb_source (sha256);
    CREATE TABLE kb_document (
        source_id INTEGER PRIMARY KEY REFERENCES kb_source(id) ON DELETE CASCADE,
        text TEXT NOT NULL,
        structure TEXT NOT NULL
    );
    -- Which content of a source a version holds; no row means that the version has yet to index it.
    CREATE TABLE kb_coverage (
        version_id INTEGER NOT NULL REFERENCES kb_version(id) ON DELETE CASCADE,
        source_id INTEGER NOT NULL REFERENCES kb_source(id) ON DELETE CASCADE,
        sha256 TEXT NOT NULL,
        PRIMARY KEY (version_id, source_id)
    ) WITHOUT ROWID;
    -- Vectors by what was embedded, so that identical text is embedded once.
    CREATE TABLE kb_vector (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        embedder_identity TEXT NOT NULL,
        text_hash BLOB NOT NULL,
        vector BLOB NOT NULL,
        UNIQUE (embedder_identity, text_hash)
    );
    CREATE TABLE kb_chunk (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        version_id INTEGER NOT NULL REFERENCES kb_version(id) ON DELETE CASCADE,
        source_id INTEGER NOT NULL REFERENCES kb_source(id) ON DELETE CASCADE,
        ordinal INTEGER NOT NULL,
        text TEXT NOT NULL,
        start INTEGER NOT NULL,
        end INTEGER NOT NULL,
        heading_path TEXT NOT NULL,
        kind TEXT NOT NULL,
        page_first INTEGER,
        page_last INTEGER,
        token_count INTEGER NOT NULL,
        enabled INTEGER NOT NULL DEFAULT 1,
        edited INTEGER NOT NULL DEFAULT 0,
        revision INTEGER NOT NULL DEFAULT 0,
        vector_id INTEGER NOT NULL REFERENCES kb_vector(id),
        terms BLOB NOT NULL
    );
    CREATE INDEX kb_chunk_source ON kb_chunk (source_id, version_id, ordinal);
    CREATE INDEX kb_chunk_version ON kb_chunk (version_id, id, enabled, revision);
    CREATE INDEX kb_chunk_vector ON kb_chunk (vector_id);
    """,
    # What users did to chunks is asked for with every search, and there is little of it.
    "CREATE INDEX kb_chunk_touched ON kb_chunk (version_id) WHERE edited = 1 OR enabled = 0",
]


class Database:
    """Connections to one SQLite file.

    Args:
        path: made, with its folder, when it does not exist.

    Raises:
        StoreError: the file cannot be opened or written, or a newer version of the program made it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._writer = threading.RLock()
        self._closed = False
        self._after_commit: list[Callable[[], None]] = []
        with translated(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._migrate()

    def _migrate(self) -> None:
        with self.transaction() as db:
            db.execute("CREATE TABLE IF NOT EXISTS kb_migration (version INTEGER PRIMARY KEY)")
            done = db.execute("SELECT coalesce(max(version), 0) FROM kb_migration").fetchone()[0]
            if done > len(_MIGRATIONS):
                raise StoreError("store_newer", path=str(self.path))
            for version, script in enumerate(_MIGRATIONS[done:], done + 1):
                for statement in script.split(";\n"):
                    if statement.strip():
                        db.execute(statement)
                db.execute("INSERT INTO kb_migration VALUES (?)", (version,))

    def reader(self) -> sqlite3.Connection:
        """This thread's connection; never blocked by a writer."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            if self._closed:
                raise StoreError("store_closed", path=str(self.path))
            # autocommit: transactions are begun and ended by `transaction` alone
            connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=30)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA cache_size=-16000")
            self._local.connection = connection
            self._all.append(connection)
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One write transaction: all of it is durable at the end of the block, or none.

        Raises:
            StoreError: the disk is full, read-only, or the file is damaged; nothing was changed.
        """
        with self._writer, translated(self.path):
            db = self.reader()
            if db.in_transaction:  # an inner block joins the outer one
                yield db
                return
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                self._after_commit.clear()
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            calls, self._after_commit = self._after_commit, []
            for call in calls:
                call()

    @contextmanager
    def one_view(self) -> Iterator[None]:
        """Let every read of this thread inside the block see the same state of the file."""
        with translated(self.path):
            db = self.reader()
            if db.in_transaction:
                yield
                return
            db.execute("BEGIN")
            try:
                yield
            finally:
                db.execute("COMMIT")

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call a function when what this transaction wrote can be seen; not at all if it is undone."""
        self._after_commit.append(call)

    def scrub(self) -> None:
        """Leave no byte of deleted rows in the database file or its log.

        `secure_delete` zeroes freed cells, but pages that SQLite rebalanced may keep stale copies, and
        the log keeps whole old pages; so the file is rewritten and the log emptied.
        """
        with self._writer, translated(self.path):
            self.reader().execute("VACUUM")
            self.empty_log()

    def empty_log(self) -> None:
        """Bring the log's pages into the file and truncate it: old pages hold what rows said before."""
        with self._writer, translated(self.path):
            self.reader().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close every thread's connection."""
        with self._writer:
            self._closed = True
            for connection in self._all:
                connection.close()
            self._all.clear()
            self._local = threading.local()


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite and the operating system say into one `StoreError`."""
    try:
        yield
    except sqlite3.Error as err:
        reason = getattr(err, "sqlite_errorname", None) or type(err).__name__
        raise StoreError(_code(str(err)), path=str(path), reason=reason) from err
    except OSError as err:
        raise StoreError(_code(err.strerror or str(err)), path=str(path), reason=error_code(err)) from err


def _code(reason: str) -> str:
    reason = reason.lower()
    if "full" in reason or "no space" in reason or "quota" in reason:
        return "store_full"
    if "readonly" in reason or "read-only" in reason or "permission" in reason or "unable to open" in reason:
        return "store_readonly"
    if "locked" in reason or "busy" in reason:
        return "store_locked"
    if "malformed" in reason or "not a database" in reason or "corrupt" in reason:
        return "store_damaged"
    return "store_failed"
