"""Chunks and the vectors of their texts."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from sqlite3 import Connection, Row
from typing import Any

import numpy as np

from knowledge.errors import NotFoundError
from knowledge.records import NewChunk, StoredChunk, stored_chunk
from knowledge.tables import Tables, drop_orphan_vectors_in


def chunk_number(entry: Any) -> Any:
    """The chunk's number in an entry, or in an array of entries."""
    return entry >> 16


class ChunkTable(Tables):
    """Finds and changes chunks; keeps vectors by what was embedded."""

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

    def touched_chunks(self, version_id: int, *, source_id: int | None = None) -> list[Row]:
        """Rows of a version's chunks, or one source's of them, that a user edited or disabled."""
        return self._rows(
            "SELECT * FROM kb_chunk WHERE version_id = ? AND source_id = coalesce(?, source_id) "
            "AND (edited = 1 OR enabled = 0) ORDER BY source_id, ordinal",
            version_id, source_id,
        )  # fmt: skip

    def edits_identity(self, version_id: int) -> str:
        """Names what users did to a version's chunks; "" for nothing, and the same again once it is undone."""
        rows = self._rows(
            "SELECT s.name, c.start, c.end, c.enabled, CASE c.edited WHEN 1 THEN c.text END AS text "
            "FROM kb_chunk c JOIN kb_source s ON s.id = c.source_id "
            "WHERE c.version_id = ? AND (c.edited = 1 OR c.enabled = 0) ORDER BY s.name, c.ordinal",
            version_id,
        )
        told = json.dumps([tuple(row) for row in rows]).encode()
        return hashlib.sha256(told).hexdigest()[:12] if rows else ""

    def chunks_of(self, source_id: int, version_id: int) -> list[StoredChunk]:
        """All of a source's chunks in a version, active or not, in document order."""
        rows = self._rows(
            "SELECT * FROM kb_chunk WHERE source_id = ? AND version_id = ? ORDER BY ordinal",
            source_id, version_id,
        )  # fmt: skip
        return [stored_chunk(row) for row in rows]

    def rewrite_chunk(
        self, chunk_id: int, text: str, *, token_count: int, vector_id: int, terms: bytes, edited: bool
    ) -> None:
        """Give a chunk another text. Its entry changes, so that indexes notice; its former vector stays.

        Args:
            edited: whether a user typed it, rather than that it stands so in the document.
        """
        with self.database.transaction() as db:
            row = db.execute(
                "UPDATE kb_chunk SET text = ?, token_count = ?, vector_id = ?, terms = ?, edited = ?, "
                "revision = revision + 1 WHERE id = ? RETURNING version_id",
                (text, token_count, vector_id, terms, edited, chunk_id),
            ).fetchone()
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
            drop_orphan_vectors_in(db)

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


def insert_chunk(db: Connection, source_id: int, version_id: int, new: NewChunk) -> int:
    """Add a chunk inside a transaction; return its number."""
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
