"""The truth: bases, versions, sources, documents, chunks and vectors in one SQLite file.

A file's chunks appear or vanish in one transaction. Dense and lexical indexes are derived from here and
follow through `changes`. Knows nothing of parsing, splitting or searching.
"""

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from sqlite3 import Connection, Row
from typing import Any

import numpy as np

from knowledge.database import Database, translated
from knowledge.documents import Notice, Page, ParsedDocument
from knowledge.errors import NotFoundError, StoreError
from knowledge.records import (
    BaseInfo,
    FileFacts,
    NewChunk,
    SourceInfo,
    StoredChunk,
    VersionInfo,
    VersionSpec,
    base_info,
    document_from_row,
    notice_to_json,
    notices_to_json,
    source_info,
    splitter_to_json,
    stored_chunk,
    structure_to_json,
    version_info,
)

_BASE = """
    SELECT b.*, v.embedder, v.splitter,
        (SELECT count(*) FROM kb_source s WHERE s.base_id = b.id) AS files,
        (SELECT count(*) FROM kb_chunk c WHERE c.version_id = b.active) AS chunks,
        EXISTS (SELECT 1 FROM kb_version w WHERE w.base_id = b.id
            AND w.id NOT IN (b.active, coalesce(b.previous, -1))) AS building
    FROM kb_base b JOIN kb_version v ON v.id = b.active
"""
_SOURCE = """
    SELECT s.*, (SELECT count(*) FROM kb_chunk c WHERE c.source_id = s.id AND c.version_id = b.active) AS chunks
    FROM kb_source s JOIN kb_base b ON b.id = s.base_id
"""


def chunk_number(entry: Any) -> Any:
    """The chunk's number in an entry, or in an array of entries."""
    return entry >> 16


class Store:
    """The tables of this package in one SQLite file.

    Args:
        path: the database file, shared with other packages' tables.

    Raises:
        StoreError: every method may, when the disk is full, read-only or the file damaged; then nothing
            was changed.
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

    # Bases and versions

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
            _drop_orphan_vectors(db)
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
            _drop_orphan_vectors(db)

    def drop_version(self, version_id: int) -> None:
        """Give up a version that is not active."""
        with self.database.transaction() as db:
            db.execute("DELETE FROM kb_version WHERE id = ?", (version_id,))
            _drop_orphan_vectors(db)
            self._changed([version_id])

    # Sources

    def sources(self, base_id: int) -> list[SourceInfo]:
        """A base's sources by name."""
        return [
            source_info(row) for row in self._rows(_SOURCE + "WHERE s.base_id = ? ORDER BY s.name", base_id)
        ]

    def source(self, source_id: int) -> SourceInfo:
        """One source.

        Raises:
            NotFoundError: there is none.
        """
        rows = self._rows(_SOURCE + "WHERE s.id = ?", source_id)
        if not rows:
            raise NotFoundError("source_unknown", source=source_id)
        return source_info(rows[0])

    def document(self, source_id: int) -> ParsedDocument:
        """What was read from a source.

        Raises:
            NotFoundError: it was never read.
        """
        rows = self._rows("SELECT * FROM kb_document WHERE source_id = ?", source_id)
        if not rows:
            raise NotFoundError("source_unknown", source=source_id)
        return document_from_row(rows[0]["text"], rows[0]["structure"])

    def pages(self, source_id: int) -> tuple[Page, ...]:
        """The pages of a source's document; none if it was never read."""
        rows = self._rows(
            "SELECT json_extract(structure, '$.pages') AS pages FROM kb_document WHERE source_id = ?",
            source_id,
        )
        return tuple(Page(*item) for item in json.loads(rows[0]["pages"])) if rows else ()

    def hashes(self) -> set[str]:
        """SHA-256 of every original that a source needs."""
        return {row["sha256"] for row in self._rows("SELECT DISTINCT sha256 FROM kb_source")}

    def covered(self, version_id: int) -> dict[int, str]:
        """Which content (SHA-256) of each source a version holds."""
        rows = self._rows("SELECT source_id, sha256 FROM kb_coverage WHERE version_id = ?", version_id)
        return {row["source_id"]: row["sha256"] for row in rows}

    def write_file(
        self,
        base_id: int,
        facts: FileFacts,
        document: ParsedDocument,
        version_id: int,
        chunks: Sequence[NewChunk],
    ) -> int:
        """Put a file's document and chunks in the place of what its name held; all or nothing.

        Returns:
            The source's number.
        """
        with self.database.transaction() as db:
            row = (
                base_id, facts.name, facts.path, facts.stamp, facts.checked_ns, facts.sha256,
                facts.size_bytes, notices_to_json(document.notices), len(document.pages),
                document.media_type, time.time(),
            )  # fmt: skip
            source_id: int = db.execute(
                """
                INSERT INTO kb_source (base_id, name, path, stamp, checked_ns, sha256, size_bytes, state,
                    error, notices, pages, media_type, indexed_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, 'ready', NULL, ?, ?, ?, ?)
                ON CONFLICT (base_id, name) DO UPDATE SET path = excluded.path, stamp = excluded.stamp,
                    checked_ns = excluded.checked_ns, sha256 = excluded.sha256, state = 'ready', error = NULL,
                    size_bytes = excluded.size_bytes, notices = excluded.notices, pages = excluded.pages,
                    media_type = excluded.media_type, indexed_at = excluded.indexed_at
                RETURNING id
                """,
                row,
            ).fetchone()["id"]
            # chunks of other versions were cut from the content before
            db.execute(
                "DELETE FROM kb_chunk WHERE source_id = ? AND version_id IN "
                "(SELECT version_id FROM kb_coverage WHERE source_id = ? AND sha256 <> ?)",
                (source_id, source_id, facts.sha256),
            )
            db.execute(
                "DELETE FROM kb_coverage WHERE source_id = ? AND sha256 <> ?", (source_id, facts.sha256)
            )
            db.execute(
                "INSERT OR REPLACE INTO kb_document VALUES (?, ?, ?)",
                (source_id, document.text, structure_to_json(document)),
            )
            self._write_chunks(db, source_id, version_id, facts.sha256, chunks)
            self._changed([row["id"] for row in self.versions(base_id)])
        return source_id

    def write_chunks(self, source_id: int, version_id: int, sha256: str, chunks: Sequence[NewChunk]) -> None:
        """Give a source, whose document is stored, its chunks in another version."""
        with self.database.transaction() as db:
            self._write_chunks(db, source_id, version_id, sha256, chunks)
            self._changed([version_id])

    def touch_source(self, source_id: int, facts: FileFacts) -> None:
        """Record that a source was found unchanged, perhaps under another name or in another place."""
        with self.database.transaction() as db:
            db.execute(
                "UPDATE kb_source SET name = ?, path = ?, stamp = ?, checked_ns = ? WHERE id = ?",
                (facts.name, facts.path, facts.stamp, facts.checked_ns, source_id),
            )

    def fail_source(self, base_id: int, facts: FileFacts, error: Notice) -> int:
        """Record that a file could not be read. What its name held before stays findable."""
        with self.database.transaction() as db:
            source_id: int = db.execute(
                """
                INSERT INTO kb_source (base_id, name, path, stamp, checked_ns, sha256, size_bytes, state,
                    error, notices, pages, media_type, indexed_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, 'failed', ?, '[]', 0, '', NULL)
                ON CONFLICT (base_id, name) DO UPDATE SET state = 'failed', error = excluded.error
                RETURNING id
                """,
                (
                    base_id, facts.name, facts.path, facts.stamp, facts.checked_ns, facts.sha256,
                    facts.size_bytes, notice_to_json(error),
                ),
            ).fetchone()["id"]  # fmt: skip
        return source_id

    def delete_sources(self, source_ids: Iterable[int]) -> None:
        """Delete sources with their documents, chunks and vectors that nothing else uses."""
        versions: set[int] = set()
        with self.database.transaction() as db:
            for source_id in source_ids:
                rows = db.execute("SELECT version_id FROM kb_coverage WHERE source_id = ?", (source_id,))
                versions.update(row["version_id"] for row in rows.fetchall())
                db.execute("DELETE FROM kb_source WHERE id = ?", (source_id,))
            _drop_orphan_vectors(db)
            self._changed(versions)

    # Chunks and vectors

    def chunks(self, source_id: int, *, offset: int, limit: int) -> list[StoredChunk]:
        """A source's chunks in the active version, in document order."""
        rows = self._rows(
            "SELECT c.* FROM kb_chunk c JOIN kb_source s ON s.id = c.source_id JOIN kb_base b ON b.id = s.base_id "
            "WHERE c.source_id = ? AND c.version_id = b.active ORDER BY c.ordinal LIMIT ? OFFSET ?",
            source_id, limit, offset,
        )  # fmt: skip
        return [stored_chunk(row) for row in rows]

    def chunk_rows(self, chunk_ids: Sequence[int]) -> dict[int, Row]:
        """Rows of chunks with their source's name and base; unknown numbers are left out."""
        rows = self._rows(
            "SELECT c.*, s.name AS source_name, s.base_id FROM kb_chunk c JOIN kb_source s ON s.id = c.source_id "
            f"WHERE c.id IN ({','.join('?' * len(chunk_ids))})",
            *chunk_ids,
        )
        return {row["id"]: row for row in rows}

    def chunk(self, chunk_id: int) -> StoredChunk:
        """One chunk.

        Raises:
            NotFoundError: there is none.
        """
        rows = self._rows("SELECT * FROM kb_chunk WHERE id = ?", chunk_id)
        if not rows:
            raise NotFoundError("chunk_unknown", chunk=chunk_id)
        return stored_chunk(rows[0])

    def version_of(self, chunk_id: int) -> int:
        """The version that a chunk belongs to."""
        number: int = self._rows("SELECT version_id FROM kb_chunk WHERE id = ?", chunk_id)[0]["version_id"]
        return number

    def touched_chunks(self, source_id: int, version_id: int) -> list[Row]:
        """Rows of a source's chunks that a user edited or disabled."""
        return self._rows(
            "SELECT * FROM kb_chunk WHERE source_id = ? AND version_id = ? AND (edited = 1 OR enabled = 0)",
            source_id, version_id,
        )  # fmt: skip

    def rewrite_chunk(self, chunk_id: int, text: str, token_count: int, vector_id: int, terms: bytes) -> None:
        """Give a chunk the text that a user typed. Its entry changes, so that indexes notice."""
        with self.database.transaction() as db:
            row = db.execute(
                "UPDATE kb_chunk SET text = ?, token_count = ?, vector_id = ?, terms = ?, edited = 1, "
                "revision = revision + 1 WHERE id = ? RETURNING version_id",
                (text, token_count, vector_id, terms, chunk_id),
            ).fetchone()
            _drop_orphan_vectors(db)
            self._changed([row["version_id"]])

    def enable_chunk(self, chunk_id: int, enabled: bool) -> None:
        """Let a chunk be found, or not."""
        with self.database.transaction() as db:
            row = db.execute(
                "UPDATE kb_chunk SET enabled = ? WHERE id = ? RETURNING version_id", (enabled, chunk_id)
            ).fetchone()
            self._changed([row["version_id"]])

    def findable(self, version_id: int) -> np.ndarray:
        """Entries of a version's enabled chunks, (N,) int64 ascending.

        An entry is what indexes know a chunk by: its number and how often it was edited, see `chunk_number`.
        """
        rows = self.database.reader().execute(
            "SELECT (id << 16) | (revision & 65535) FROM kb_chunk WHERE version_id = ? AND enabled = 1 ORDER BY id",
            (version_id,),
        )
        return np.fromiter((row[0] for row in rows), np.int64)

    def terms(self, version_id: int, entries: np.ndarray) -> list[bytes]:
        """Packed terms of chunks, in the order of `entries`, which ascend."""
        return [row[0] for row in self._blobs("c.terms", version_id, entries)]

    def vectors(self, version_id: int, entries: np.ndarray) -> np.ndarray:
        """Vectors of chunks, (N, D) float32, in the order of `entries`, which ascend."""
        blobs = [row[0] for row in self._blobs("v.vector", version_id, entries)]
        if not blobs:
            return np.zeros((0, 0), np.float32)
        return np.frombuffer(b"".join(blobs), np.float32).reshape(len(blobs), -1)

    def vectors_of(self, entries: Sequence[int]) -> dict[int, tuple[int, np.ndarray]]:
        """Version and vector, (D,) float32, of chunks of any version; those that are gone are left out."""
        marks = ",".join("?" * len(entries))
        rows = self._rows(
            "SELECT (c.id << 16) | (c.revision & 65535) AS entry, c.version_id, v.vector "
            f"FROM kb_chunk c JOIN kb_vector v ON v.id = c.vector_id WHERE c.id IN ({marks})",
            *map(chunk_number, entries),
        )
        return {row["entry"]: (row["version_id"], np.frombuffer(row["vector"], np.float32)) for row in rows}

    def known_vectors(self, identity: str, hashes: Sequence[bytes]) -> dict[bytes, int]:
        """Numbers of the stored vectors of texts, by the texts' hashes."""
        known: dict[bytes, int] = {}
        for at in range(0, len(hashes), 500):
            part = hashes[at : at + 500]
            rows = self._rows(
                "SELECT text_hash, id FROM kb_vector WHERE embedder_identity = ? "
                f"AND text_hash IN ({','.join('?' * len(part))})",
                identity, *part,
            )  # fmt: skip
            known.update((row["text_hash"], row["id"]) for row in rows)
        return known

    def add_vectors(self, identity: str, hashes: Sequence[bytes], vectors: np.ndarray) -> dict[bytes, int]:
        """Keep vectors, (N, D) float32, under the hashes of their texts."""
        with self.database.transaction() as db:
            db.executemany(
                "INSERT OR IGNORE INTO kb_vector (embedder_identity, text_hash, vector) VALUES (?, ?, ?)",
                [
                    (identity, key, np.ascontiguousarray(vector, np.float32).tobytes())
                    for key, vector in zip(hashes, vectors, strict=True)
                ],
            )
        return self.known_vectors(identity, hashes)

    def drop_orphan_vectors(self) -> None:
        """Forget vectors that no chunk uses, such as those of a run that was stopped."""
        with self.database.transaction() as db:
            _drop_orphan_vectors(db)

    # Private

    def _rows(self, query: str, *params: object) -> list[Row]:
        with translated(self.database.path):
            return self.database.reader().execute(query, params).fetchall()

    def _blobs(self, column: str, version_id: int, entries: np.ndarray) -> Iterable[Row]:
        chunk_ids = chunk_number(entries)
        join = "JOIN kb_vector v ON v.id = c.vector_id" if column.startswith("v.") else ""
        if len(chunk_ids) > 5000:  # most of the version: one pass over it beats looking each one up
            wanted = set(chunk_ids.tolist())
            rows = self.database.reader().execute(
                f"SELECT {column}, c.id FROM kb_chunk c {join} WHERE c.version_id = ? ORDER BY c.id",
                (version_id,),
            )
            return [row for row in rows if row[1] in wanted]
        found: list[Row] = []
        for at in range(0, len(chunk_ids), 500):
            part = chunk_ids[at : at + 500].tolist()
            marks = ",".join("?" * len(part))
            found += self._rows(
                f"SELECT {column}, c.id FROM kb_chunk c {join} WHERE c.id IN ({marks}) ORDER BY c.id", *part
            )
        return found

    def _changed(self, versions: Iterable[int]) -> None:
        """Count a change of versions once the running transaction is committed."""
        changed = list(versions)

        def count() -> None:
            for version in changed:
                self._changes[version] += 1

        self.database.after_commit(count)

    def _refuse_taken(self, db: Connection, name: str, *, but: int = -1) -> None:
        if db.execute("SELECT 1 FROM kb_base WHERE name = ? AND id <> ?", (name, but)).fetchone():
            raise StoreError("base_name_taken", name=name)

    def _write_chunks(
        self, db: Connection, source_id: int, version_id: int, sha256: str, chunks: Sequence[NewChunk]
    ) -> None:
        db.execute("DELETE FROM kb_chunk WHERE source_id = ? AND version_id = ?", (source_id, version_id))
        for new in chunks:
            _insert_chunk(db, source_id, version_id, new)
        db.execute("INSERT OR REPLACE INTO kb_coverage VALUES (?, ?, ?)", (version_id, source_id, sha256))


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


def _insert_chunk(db: Connection, source_id: int, version_id: int, new: NewChunk) -> int:
    chunk = new.chunk
    number = db.execute(
        "INSERT INTO kb_chunk (version_id, source_id, ordinal, text, start, end, heading_path, kind, page_first, "
        "page_last, token_count, enabled, edited, vector_id, terms) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            version_id, source_id, chunk.ordinal, chunk.text, chunk.start, chunk.end,
            json.dumps(chunk.heading_path, ensure_ascii=False), chunk.kind, chunk.page_first, chunk.page_last,
            chunk.token_count, new.enabled, new.edited, new.vector_id, new.terms,
        ),
    ).lastrowid  # fmt: skip
    assert number is not None
    return number


def _drop_orphan_vectors(db: Connection) -> None:
    db.execute(
        "DELETE FROM kb_vector WHERE id IN "
        "(SELECT v.id FROM kb_vector v LEFT JOIN kb_chunk c ON c.vector_id = v.id WHERE c.id IS NULL)"
    )


def _clean_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > 200:
        raise StoreError("base_name_wrong", name=name[:60])
    return name
