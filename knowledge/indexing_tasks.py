"""Work on one file of an indexing run: from its bytes, or its stored document, to chunks that wait for vectors."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from knowledge import lexical
from knowledge.documents import Chunk, Notice, ParsedDocument
from knowledge.errors import UnreadableFileError
from knowledge.originals import Originals
from knowledge.planning import FileState, Planned
from knowledge.records import FileFacts, NewChunk, SourceInfo, VersionInfo
from knowledge.splitter import embed_text, split
from knowledge.store import Store

if TYPE_CHECKING:
    from knowledge.embeddings import Embedder
    from knowledge.parsing import ParserPool


@dataclass(slots=True)
class Prepared:
    """A file cut into chunks, waiting for vectors. `texts` are what is embedded, `hashes` name them."""

    name: str
    state: FileState
    document: ParsedDocument
    chunks: list[Chunk]
    texts: list[str]
    hashes: list[bytes]
    terms: list[bytes]
    write: Callable[[list[NewChunk]], object]
    source_id: int | None = None
    embedded: int = 0


class Task(Protocol):
    """Work on one file, done by a worker thread."""

    @property
    def name(self) -> str:
        """What the file is called."""
        ...

    def prepare(self) -> Prepared:
        """Parse and cut the file, or raise `KnowledgeError`."""
        ...

    def fail(self, error: Notice) -> None:
        """Record that it could not be read."""
        ...


@dataclass(slots=True)
class Cutter:
    """Documents to chunks ready for embedding, the way a version of a base wants them."""

    version: VersionInfo
    embedder: "Embedder"

    def cut(
        self, name: str, state: FileState, document: ParsedDocument, write: Callable[[list[NewChunk]], object]
    ) -> Prepared:
        """Split a document and segment its chunks."""
        chunks = split(
            document,
            self.version.splitter,
            count_tokens=self.embedder.count_tokens,
            max_tokens=self.embedder.max_tokens,
        )
        texts = [embed_text(chunk, document.title) for chunk in chunks]
        return Prepared(
            name=name,
            state=state,
            document=document,
            chunks=chunks,
            texts=texts,
            hashes=[text_hash(text) for text in texts],
            terms=[pack_chunk(chunk.text, text) for chunk, text in zip(chunks, texts, strict=True)],
            write=write,
        )


@dataclass(slots=True)
class FileTask:
    """A file that is new or changed."""

    planned: Planned
    base_id: int
    cutter: Cutter
    store: Store
    originals: Originals
    pool: "ParserPool"
    reserve_bytes: int
    facts: FileFacts | None = None

    @property
    def name(self) -> str:
        """What the file is called."""
        return self.planned.input.name

    def prepare(self) -> Prepared:
        """Copy, parse and cut it. What is parsed is the copy, so that hash and text belong together."""
        item = self.planned.input
        facts = self.facts = self.planned.facts
        if facts is None:
            raise self.planned.refusal or UnreadableFileError("file_missing", name=item.name)
        digest, checked_ns = self.originals.keep(item.path, item.name, reserve_bytes=self.reserve_bytes)
        if digest != facts.sha256:  # written since it was looked at: no stamp vouches for what was copied
            facts = FileFacts(item.name, facts.path, digest, facts.size_bytes, "", checked_ns)
        self.facts = facts
        document = self.pool.parse(self.originals.path(digest), name=item.name, password=item.password)
        version = self.cutter.version.id
        prepared = self.cutter.cut(
            item.name,
            self.planned.state,
            document,
            lambda chunks: self.store.write_file(self.base_id, facts, document, version, chunks),
        )
        if self.planned.source is not None:
            prepared.source_id = self.planned.source.id
        return prepared

    def fail(self, error: Notice) -> None:
        """Record why it could not be read; of a file that is not there, nothing."""
        if self.facts is not None:
            self.store.fail_source(self.base_id, self.facts, error)


@dataclass(slots=True)
class StoredTask:
    """A source whose document is in the store already, to be cut and embedded for another version."""

    source: SourceInfo
    cutter: Cutter
    store: Store

    @property
    def name(self) -> str:
        """What the file is called."""
        return self.source.name

    def prepare(self) -> Prepared:
        """Cut the stored document."""
        source, version = self.source, self.cutter.version.id
        return self.cutter.cut(
            source.name,
            "changed",
            self.store.document(source.id),
            lambda chunks: self.store.write_chunks(source.id, version, source.sha256, chunks),
        )

    def fail(self, error: Notice) -> None:
        """Nothing to record: the source itself is sound."""


def pack_chunk(text: str, embedded: str) -> bytes:
    """A chunk's terms; what is embedded besides its text, title and headings, counts as such."""
    return lexical.pack(text, title=embedded.removesuffix(text))


def text_hash(text: str) -> bytes:
    """Names what was embedded, (16,) bytes."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
