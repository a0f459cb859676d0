"""Bases, and the versions of each: ways of cutting, embedding and segmenting it."""

import time
from sqlite3 import Connection, Row

from knowledge.errors import NotFoundError, StoreError
from knowledge.records import BaseInfo, VersionInfo, VersionSpec, base_info, splitter_to_json, version_info
from knowledge.tables import Tables, drop_orphan_vectors_in

_BASE = """
    SELECT b.*, v.embedder, v.splitter,
        (SELECT count(*) FROM kb_source s WHERE s.base_id = b.id) AS files,
        (SELECT count(*) FROM kb_chunk c WHERE c.version_id = b.active) AS chunks,
        EXISTS (SELECT 1 FROM kb_version w WHERE w.base_id = b.id
            AND w.id NOT IN (b.active, coalesce(b.previous, -1))) AS building
    FROM kb_base b JOIN kb_version v ON v.id = b.active
"""


class BaseTable(Tables):
    """Makes, finds, switches and deletes bases and versions."""

    def bases(self) -> list[BaseInfo]:
        """All bases, oldest first."""
        return [base_info(row) for row in self._rows(_BASE + "ORDER BY b.id")]

    def base(self, name_or_id: str | int) -> BaseInfo:
        """One base, by number or exact name.

        Raises:
            NotFoundError: there is none.
        """
        column = "b.id" if isinstance(name_or_id, int) else "b.name"
        rows = self._rows(_BASE + f"WHERE {column} = ?", name_or_id)
        if not rows:
            raise NotFoundError("base_unknown", base=name_or_id)
        return base_info(rows[0])

    def create_base(self, name: str, spec: VersionSpec) -> BaseInfo:
        """Make an empty base.

        Raises:
            StoreError: the name is taken or empty.
        """
        name = _clean_name(name)
        with self.database.transaction() as db:
            self._refuse_taken(db, name)
            base_id = db.execute(
                "INSERT INTO kb_base (name, created_at) VALUES (?, ?)", (name, time.time())
            ).lastrowid
            version = _add_version(db, base_id, spec)
            db.execute("UPDATE kb_base SET active = ? WHERE id = ?", (version, base_id))
        assert base_id is not None
        return self.base(base_id)

    def rename_base(self, base_id: int, name: str) -> BaseInfo:
        """Give a base another name.

        Raises:
            StoreError: the name is taken or empty.
        """
        name = _clean_name(name)
        with self.database.transaction() as db:
            self._refuse_taken(db, name, but=base_id)
            db.execute("UPDATE kb_base SET name = ? WHERE id = ?", (name, base_id))
        return self.base(base_id)

    def delete_base(self, base_id: int) -> None:
        """Delete a base with everything in it."""
        with self.database.transaction() as db:
            versions = [row["id"] for row in self.versions(base_id)]
            db.execute("DELETE FROM kb_base WHERE id = ?", (base_id,))
            drop_orphan_vectors_in(db)
            self._changed(versions)

    def versions(self, base_id: int) -> list[Row]:
        """Rows of a base's versions."""
        return self._rows("SELECT * FROM kb_version WHERE base_id = ? ORDER BY id", base_id)

    def version(self, version_id: int) -> VersionInfo:
        """One version.

        Raises:
            NotFoundError: there is none.
        """
        rows = self._rows("SELECT * FROM kb_version WHERE id = ?", version_id)
        if not rows:
            raise NotFoundError("version_unknown", version=version_id)
        return version_info(rows[0])

    def active_version(self, base_id: int) -> VersionInfo:
        """The version that a base is searched with; cheaper than `base`, which counts.

        Raises:
            NotFoundError: there is no such base.
        """
        rows = self._rows(
            "SELECT v.* FROM kb_version v JOIN kb_base b ON b.active = v.id WHERE b.id = ?", base_id
        )
        if not rows:
            raise NotFoundError("base_unknown", base=base_id)
        return version_info(rows[0])

    def live_versions(self) -> list[int]:
        """The active version of every base."""
        return [row["active"] for row in self._rows("SELECT active FROM kb_base")]

    def previous_version(self, base_id: int) -> int | None:
        """The version before the active one, when it is still there."""
        previous: int | None = self._rows("SELECT previous FROM kb_base WHERE id = ?", base_id)[0]["previous"]
        return previous

    def add_version(self, base_id: int, spec: VersionSpec) -> int:
        """Start another version beside the active one."""
        with self.database.transaction() as db:
            return _add_version(db, base_id, spec)

    def set_identity(self, version_id: int, identity: str) -> None:
        """Record whose vectors a version holds, when its first text is embedded."""
        with self.database.transaction() as db:
            db.execute("UPDATE kb_version SET embedder_identity = ? WHERE id = ?", (identity, version_id))

    def activate(self, base_id: int, version_id: int) -> None:
        """Switch a base to a version; the active one becomes the way back, older ones go."""
        with self.database.transaction() as db:
            active = self.base(base_id).version_id
            db.execute(
                "UPDATE kb_base SET active = ?, previous = ? WHERE id = ?", (version_id, active, base_id)
            )
            db.execute(
                "DELETE FROM kb_version WHERE base_id = ? AND id NOT IN (?, ?)", (base_id, version_id, active)
            )
            drop_orphan_vectors_in(db)

    def drop_version(self, version_id: int) -> None:
        """Give up a version that is not active."""
        with self.database.transaction() as db:
            db.execute("DELETE FROM kb_version WHERE id = ?", (version_id,))
            drop_orphan_vectors_in(db)
            self._changed([version_id])

    def _refuse_taken(self, db: Connection, name: str, *, but: int = -1) -> None:
        if db.execute("SELECT 1 FROM kb_base WHERE name = ? AND id <> ?", (name, but)).fetchone():
            raise StoreError("base_name_taken", name=name)


def _add_version(db: Connection, base_id: int | None, spec: VersionSpec) -> int:
    version = db.execute(
        "INSERT INTO kb_version (base_id, embedder, embedder_identity, splitter, splitter_identity, "
        "segmenter_identity, created_at) VALUES (?, ?, '', ?, ?, ?, ?)",
        (
            base_id, spec.embedder, splitter_to_json(spec.splitter), spec.splitter_identity,
            spec.segmenter_identity, time.time(),
        ),
    ).lastrowid  # fmt: skip
    assert version is not None
    return version


def _clean_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > 200:
        raise StoreError("base_name_wrong", name=name[:60])
    return name
