"""What the store hands out: bases, versions, sources, chunks; and how they become rows and back."""

import json
from dataclasses import asdict, dataclass
from sqlite3 import Row
from typing import Any, Literal

from knowledge.documents import Block, Chunk, Notice, Page, ParsedDocument
from knowledge.splitter import SplitterConfig

SourceState = Literal["ready", "pending", "failed"]


@dataclass(frozen=True, slots=True)
class BaseInfo:
    """A knowledge base.

    Args:
        embedder, splitter: what its active version is made with.
        files: sources, failed ones included.
        chunks: chunks of the active version, disabled ones included.
        created_at: seconds since 1970.
        state: "empty", "ready", or "building" while another version is made beside the active one.
        previous: whether a way back to the version before exists.
        version_id: of the active version.
    """

    id: int
    name: str
    embedder: str
    splitter: SplitterConfig
    files: int
    chunks: int
    created_at: float
    state: Literal["empty", "ready", "building"]
    previous: bool
    version_id: int


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """One way of cutting, embedding and segmenting a base.

    Args:
        embedder: the name to load it by.
        embedder_identity: of the weights that made the vectors; "" until something was embedded.
    """

    id: int
    base_id: int
    embedder: str
    embedder_identity: str
    splitter: SplitterConfig
    splitter_identity: str
    segmenter_identity: str


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """A file of a base.

    Args:
        error: why it could not be read, when `state` is "failed"; what was stored of it before is kept.
        pages: 0 where the format has none.
        chunks: of the active version.
        indexed_at: seconds since 1970; None if it never succeeded.
        path: where it was read from, "" for uploads.
    """

    id: int
    base_id: int
    name: str
    state: SourceState
    error: Notice | None
    notices: tuple[Notice, ...]
    pages: int
    chunks: int
    size_bytes: int
    sha256: str
    media_type: str
    indexed_at: float | None
    path: str = ""
    stamp: str = ""
    checked_ns: int = 0


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk with its number and what a user did to it."""

    id: int
    source_id: int
    chunk: Chunk
    enabled: bool
    edited: bool


@dataclass(frozen=True, slots=True)
class NewChunk:
    """A chunk on its way into the store.

    Args:
        vector_id: of its stored vector.
        terms: as packed by `lexical.pack`.
    """

    chunk: Chunk
    vector_id: int
    terms: bytes
    enabled: bool = True
    edited: bool = False


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is known of a file besides its content.

    Args:
        stamp: size and times of change, as the file system tells them.
        checked_ns: the clock when its content was hashed.
    """

    name: str
    path: str
    sha256: str
    size_bytes: int
    stamp: str
    checked_ns: int


@dataclass(frozen=True, slots=True)
class VersionSpec:
    """What a version is to be made with."""

    embedder: str
    splitter: SplitterConfig
    splitter_identity: str
    segmenter_identity: str


def base_info(row: Row) -> BaseInfo:
    """From a row of `kb_base` joined with its active version and counts."""
    state: Literal["empty", "ready", "building"] = "ready" if row["files"] else "empty"
    return BaseInfo(
        id=row["id"],
        name=row["name"],
        embedder=row["embedder"],
        splitter=splitter_from_json(row["splitter"]),
        files=row["files"],
        chunks=row["chunks"],
        created_at=row["created_at"],
        state="building" if row["building"] else state,
        previous=row["previous"] is not None,
        version_id=row["active"],
    )


def version_info(row: Row) -> VersionInfo:
    """From a row of `kb_version`."""
    return VersionInfo(
        id=row["id"],
        base_id=row["base_id"],
        embedder=row["embedder"],
        embedder_identity=row["embedder_identity"],
        splitter=splitter_from_json(row["splitter"]),
        splitter_identity=row["splitter_identity"],
        segmenter_identity=row["segmenter_identity"],
    )


def source_info(row: Row) -> SourceInfo:
    """From a row of `kb_source` with its number of chunks."""
    return SourceInfo(
        id=row["id"],
        base_id=row["base_id"],
        name=row["name"],
        state=row["state"],
        error=notice_from_json(row["error"]),
        notices=tuple(Notice(**item) for item in json.loads(row["notices"])),
        pages=row["pages"],
        chunks=row["chunks"],
        size_bytes=row["size_bytes"],
        sha256=row["sha256"],
        media_type=row["media_type"],
        indexed_at=row["indexed_at"],
        path=row["path"],
        stamp=row["stamp"],
        checked_ns=row["checked_ns"],
    )


def stored_chunk(row: Row) -> StoredChunk:
    """From a row of `kb_chunk`."""
    chunk = Chunk(
        ordinal=row["ordinal"],
        text=row["text"],
        start=row["start"],
        end=row["end"],
        heading_path=tuple(json.loads(row["heading_path"])),
        kind=row["kind"],
        page_first=row["page_first"],
        page_last=row["page_last"],
        token_count=row["token_count"],
    )
    return StoredChunk(row["id"], row["source_id"], chunk, bool(row["enabled"]), bool(row["edited"]))


def splitter_to_json(config: SplitterConfig) -> str:
    """The splitter's options as stored."""
    return json.dumps(asdict(config), sort_keys=True)


def splitter_from_json(text: str) -> SplitterConfig:
    """Undo `splitter_to_json`; JSON has no tuples, dataclasses of ours have no lists."""
    return SplitterConfig(**{key: _tupled(value) for key, value in json.loads(text).items()})


def notice_to_json(notice: Notice | None) -> str | None:
    """A notice as stored."""
    return None if notice is None else json.dumps(asdict(notice), ensure_ascii=False, default=str)


def notice_from_json(text: str | None) -> Notice | None:
    """Undo `notice_to_json`."""
    return None if text is None else Notice(**json.loads(text))


def notices_to_json(notices: tuple[Notice, ...]) -> str:
    """Several notices as stored."""
    return json.dumps([asdict(notice) for notice in notices], ensure_ascii=False, default=str)


def structure_to_json(document: ParsedDocument) -> str:
    """Everything of a document but its text."""
    return json.dumps(
        {
            "blocks": [
                [b.kind, b.start, b.end, list(b.heading_path), b.level, b.page] for b in document.blocks
            ],
            "pages": [[p.number, p.label, p.start, p.end] for p in document.pages],
            "title": document.title,
            "media_type": document.media_type,
            "encoding": document.encoding,
            "notices": [asdict(notice) for notice in document.notices],
        },
        ensure_ascii=False,
        default=str,
    )


def document_from_row(text: str, structure: str) -> ParsedDocument:
    """Undo `structure_to_json`."""
    data: dict[str, Any] = json.loads(structure)
    return ParsedDocument(
        text=text,
        blocks=tuple(
            Block(kind, start, end, tuple(path), level, page)
            for kind, start, end, path, level, page in data["blocks"]
        ),
        pages=tuple(Page(*item) for item in data["pages"]),
        title=data["title"],
        media_type=data["media_type"],
        encoding=data["encoding"],
        notices=tuple(Notice(**item) for item in data["notices"]),
    )


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
