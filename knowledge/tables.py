"""What the tables of one SQLite file have in common: reading rows, and counting changes for the indexes."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from sqlite3 import Connection, Row

from knowledge.database import Database, translated


class Tables:
    """One SQLite file, shared with other packages' tables.

    Args:
        path: the database file.
    """

    def __init__(self, path: Path) -> None:
        self.database = Database(path)
        self._changes: dict[int, int] = defaultdict(int)

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def changes(self, version_id: int) -> int:
        """A number that grows whenever the version's findable chunks change while the file is open."""
        return self._changes[version_id]

    def _rows(self, query: str, *params: object) -> list[Row]:
        with translated(self.database.path):
            return self.database.reader().execute(query, params).fetchall()

    def _changed(self, versions: Iterable[int]) -> None:
        """Count a change of versions once the running transaction is committed."""
        changed = list(versions)

        def count() -> None:
            for version in changed:
                self._changes[version] += 1

        self.database.after_commit(count)


def drop_orphan_vectors_in(db: Connection) -> None:
    """Forget vectors that no chunk uses, inside a transaction."""
    db.execute(
        "DELETE FROM kb_vector WHERE id IN "
        "(SELECT v.id FROM kb_vector v LEFT JOIN kb_chunk c ON c.vector_id = v.id WHERE c.id IS NULL)"
    )
