"""The files of bases, with what was read from them and which version holds them."""

import json
import time
from collections.abc import Iterable, Sequence
from sqlite3 import Connection

from knowledge.chunk_table import insert_chunk
from knowledge.documents import Notice, Page, ParsedDocument
from knowledge.errors import NotFoundError
from knowledge.records import (
    FileFacts,
    NewChunk,
    SourceInfo,
    document_from_row,
    notice_to_json,
    notices_to_json,
    source_info,
    structure_to_json,
)
from knowledge.tables import Tables, drop_orphan_vectors_in

_SOURCE = """
    SELECT s.*, (SELECT count(*) FROM kb_chunk c WHERE c.source_id = s.id AND c.version_id = b.active) AS chunks
    FROM kb_source s JOIN kb_base b ON b.id = s.base_id
"""


class SourceTable(Tables):
    """Writes a file with its chunks in one transaction, and finds, marks and deletes files."""

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
            versions = db.execute("SELECT id FROM kb_version WHERE base_id = ?", (base_id,)).fetchall()
            self._changed([row["id"] for row in versions])
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
            drop_orphan_vectors_in(db)
            self._changed(versions)

    def _write_chunks(
        self, db: Connection, source_id: int, version_id: int, sha256: str, chunks: Sequence[NewChunk]
    ) -> None:
        db.execute("DELETE FROM kb_chunk WHERE source_id = ? AND version_id = ?", (source_id, version_id))
        for new in chunks:
            insert_chunk(db, source_id, version_id, new)
        db.execute("INSERT OR REPLACE INTO kb_coverage VALUES (?, ?, ?)", (version_id, source_id, sha256))
