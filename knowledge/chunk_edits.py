"""What users do to chunks, and how it outlives a changed file or another way of cutting.

An edit belongs to the characters of the document that its chunk was cut from, not to the chunk's number. Where
those characters are found in one chunk again, the edit is found there too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from knowledge.embedders import Embedders
from knowledge.indexing_tasks import pack_chunk, text_hash
from knowledge.records import NewChunk, StoredChunk, VersionInfo, stored_chunk
from knowledge.splitter import embed_text
from knowledge.store import Store

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Carried:
    """What edits mean for another way of cutting the same text.

    Args:
        texts: by the new chunks' numbers, the text that they get.
        disabled: numbers of the new chunks that are switched off.
        lost: how many edited or disabled chunks have no counterpart.
    """

    texts: dict[int, str]
    disabled: frozenset[int]
    lost: int


class ChunkEditor:
    """Edits chunks, undoes edits, and carries them to another version."""

    def __init__(self, store: Store, embedders: Embedders) -> None:
        self._store = store
        self._embedders = embedders

    def edit(self, chunk_id: int, text: str) -> StoredChunk:
        """Give a chunk a text and embed it.

        Raises:
            NotFoundError: there is none of this number.
            ValueError: the text is empty.
        """
        if not text.strip():
            raise ValueError("text is empty: disable the chunk instead")
        stored = self._store.chunk(chunk_id)
        version = self._store.version(self._store.version_of(chunk_id))
        self._rewrite(version, stored.source_id, {chunk_id: text}, edited=True)
        return self._store.chunk(chunk_id)

    def reset(self, chunk_id: int) -> StoredChunk:
        """Give a chunk the text back that its document has there.

        Raises:
            NotFoundError: there is none of this number.
        """
        stored = self._store.chunk(chunk_id)
        if stored.edited:
            version = self._store.version(self._store.version_of(chunk_id))
            text = self._store.document(stored.source_id).text[stored.chunk.start : stored.chunk.end]
            self._rewrite(version, stored.source_id, {chunk_id: text}, edited=False)
        return self._store.chunk(chunk_id)

    def carry(self, old: VersionInfo, new: VersionInfo) -> int:
        """Do to a version's chunks what was done to another's, where the same text is in one chunk again.

        Chunks of `new` that were edited already are left as they are.

        Returns:
            How many edited or disabled chunks could not be carried over.
        """
        lost = 0
        by_source: dict[int, list[StoredChunk]] = {}
        for row in self._store.touched_chunks(old.id):
            by_source.setdefault(row["source_id"], []).append(stored_chunk(row))
        for source_id, touched in by_source.items():
            text = self._store.document(source_id).text
            fitted = fit(touched, self._store.chunks_of(source_id, new.id), text)
            self._rewrite(new, source_id, fitted.texts, edited=True)
            for chunk_id in fitted.disabled:
                self._store.enable_chunk(chunk_id, False)
            lost += fitted.lost
        return lost

    def _rewrite(self, version: VersionInfo, source_id: int, texts: dict[int, str], *, edited: bool) -> None:
        """Give chunks of one source other texts, embedding what is new."""
        if not texts:
            return
        embedder = self._embedders.of(version)
        title = self._store.document(source_id).title
        with self._store.database.transaction():
            embedded = {
                chunk_id: embed_text(replace(self._store.chunk(chunk_id).chunk, text=text), title)
                for chunk_id, text in texts.items()
            }
            keys = {chunk_id: text_hash(text) for chunk_id, text in embedded.items()}
            numbers = self._store.known_vectors(embedder.identity, list(keys.values()))
            missing = {keys[i]: text for i, text in embedded.items() if keys[i] not in numbers}
            if missing:
                vectors = embedder.embed_documents(list(missing.values()))
                numbers |= self._store.add_vectors(embedder.identity, list(missing), vectors)
            counts = embedder.count_tokens(list(embedded.values()))
            for (chunk_id, text), tokens in zip(texts.items(), counts, strict=True):
                self._store.rewrite_chunk(
                    chunk_id,
                    text,
                    token_count=tokens,
                    vector_id=numbers[keys[chunk_id]],
                    terms=pack_chunk(text, embedded[chunk_id]),
                    edited=edited,
                )


def fit(touched: Sequence[StoredChunk], chunks: Sequence[StoredChunk], text: str) -> Carried:
    """Find where edits of chunks belong when the same document is cut in another way.

    An edit goes into every chunk that holds all of the edited one; a chunk is switched off when all of it was.

    Args:
        touched: edited or disabled chunks of the former way.
        chunks: of the new one.
        text: the document's.
    """
    off = _merged([_span(old) for old in touched if not old.enabled], text)
    disabled = [new for new in chunks if _within(_span(new), off)]
    hidden = _merged([_span(new) for new in disabled], text)
    lost = {old.id for old in touched if not old.enabled and not _within(_span(old), hidden)}
    parts: dict[int, list[StoredChunk]] = {}
    for old in touched:
        if not old.edited:
            continue
        placed = False
        for new in chunks:
            before = parts.get(new.id, [])
            inside = _within(_span(old), [_span(new)]) and not new.edited
            if inside and all(_apart(_span(old), _span(other)) for other in before):
                parts[new.id] = [*before, old]
                placed = True
        if not placed:
            lost.add(old.id)
    texts = {new.id: _with_edits(new, parts[new.id], text) for new in chunks if new.id in parts}
    return Carried(texts, frozenset(new.id for new in disabled), len(lost))


def keep_edits(
    store: Store, source_id: int, version_id: int, chunks: Sequence[NewChunk]
) -> tuple[list[NewChunk], int]:
    """Keep what a user did to chunks, disabling and editing, where a changed file still has their text.

    Returns:
        The chunks, and how many edited or disabled ones have no counterpart among them.
    """
    touched = store.touched_chunks(version_id, source_id=source_id)
    if not touched:
        return list(chunks), 0
    before = store.document(source_id).text
    by_text = {before[row["start"] : row["end"]]: row for row in touched}
    kept = []
    found = set()
    for new in chunks:
        row = by_text.get(new.chunk.text)
        if row is None:
            kept.append(new)
            continue
        found.add(new.chunk.text)
        if row["edited"]:
            chunk = replace(new.chunk, text=row["text"], token_count=row["token_count"])
            kept.append(NewChunk(chunk, row["vector_id"], row["terms"], bool(row["enabled"]), True))
        else:
            kept.append(replace(new, enabled=bool(row["enabled"])))
    return kept, len(by_text) - len(found)


def _span(stored: StoredChunk) -> Span:
    return stored.chunk.start, stored.chunk.end


def _apart(first: Span, second: Span) -> bool:
    return first[1] <= second[0] or second[1] <= first[0]


def _within(span: Span, spans: Sequence[Span]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in spans)


def _merged(spans: Sequence[Span], text: str) -> list[Span]:
    """Join spans that overlap or have only white space between them."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and not text[joined[-1][1] : start].strip():
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _with_edits(new: StoredChunk, edits: Sequence[StoredChunk], text: str) -> str:
    """A new chunk's text with the edited parts in their places."""
    start, end = _span(new)
    for old in sorted(edits, key=_span, reverse=True):
        text = text[: old.chunk.start] + old.chunk.text + text[old.chunk.end :]
        end += len(old.chunk.text) - (old.chunk.end - old.chunk.start)
    return text[start:end]
