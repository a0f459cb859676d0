"""The truth: bases, versions, sources, documents, chunks and vectors in one SQLite file.

A file's chunks appear or vanish in one transaction. Dense and lexical indexes are derived from here and
follow through `changes`. Knows nothing of parsing, splitting or searching.
"""

from knowledge.base_table import BaseTable
from knowledge.chunk_table import ChunkTable, chunk_number
from knowledge.source_table import SourceTable

__all__ = ["Store", "chunk_number"]


class Store(BaseTable, SourceTable, ChunkTable):
    """The tables of this package in one SQLite file.

    Args:
        path: the database file, shared with other packages' tables.

    Raises:
        StoreError: every method may, when the disk is full, read-only or the file damaged; then nothing
            was changed.
    """
