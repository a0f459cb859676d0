"""A query to ranked passages: both legs over several bases, fused, perhaps reranked, loaded from the store."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from sqlite3 import Row
from typing import Literal, Protocol

import numpy as np

from knowledge import lexical, segmenter
from knowledge.documents import Notice, Page, Passage, Retrieval
from knowledge.errors import EmbeddingMismatchError
from knowledge.exact import DenseHit
from knowledge.live_index import LiveIndex
from knowledge.ranking import Candidate, blend, ordered, smooth, understands
from knowledge.records import VersionInfo, stored_chunk
from knowledge.store import Store, chunk_number

Mode = Literal["hybrid", "dense", "lexical"]


class Reranker(Protocol):
    """Reads query and passage together and says how well they fit."""

    def rank(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        """Return a score for each text, 0 to 1, higher is better."""
        ...


class QueryEmbedder(Protocol):
    """The part of an embedder that searching needs."""

    languages: frozenset[str]

    @property
    def identity(self) -> str:
        """Names the vectors; see `knowledge.embeddings.Embedder`."""
        ...

    def embed_query(self, text: str) -> np.ndarray:
        """Return (D,) float32 of unit length."""
        ...


class Timer:
    """Milliseconds by stage."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """What passed since the last lap was this stage."""
        now = time.perf_counter()
        self.stages[stage] = self.stages.get(stage, 0.0) + (now - self._last) * 1000
        self._last = now


class Searcher:
    """Searches versions of bases.

    Args:
        embedder_of: opens an embedder by name; may take long the first time.
        index_of: the live index of a version.
    """

    def __init__(
        self,
        store: Store,
        *,
        embedder_of: Callable[[str], QueryEmbedder],
        index_of: Callable[[int], LiveIndex],
    ) -> None:
        self._store = store
        self._embedder_of = embedder_of
        self._index_of = index_of

    def search(
        self,
        query: str,
        *,
        base_ids: Sequence[int],
        top_k: int,
        mode: Mode,
        score_threshold: float,
        reranker: Reranker | None,
        candidates: int,
    ) -> Retrieval:
        """See `Knowledge.search`."""
        timer = Timer()
        versions = [self._store.active_version(base_id) for base_id in base_ids]
        timer.lap("load")
        dense = self._dense(query, versions, candidates, timer, mode) if mode != "lexical" else _Dense()
        found: dict[int, Candidate] = {}
        for rank, near in enumerate(dense.hits, 1):
            found[near.entry] = Candidate(near.entry, dense_rank=rank, similarity=near.similarity)
        matches: lexical.LexicalAnswer | None = None
        if mode != "dense":
            indexes = [self._index_of(version.id).lexical() for version in versions]
            matches = lexical.search(indexes, lexical.QueryTerms.of(query))
            for rank, match in enumerate(matches.best(candidates), 1):
                found.setdefault(match.entry, Candidate(match.entry)).lexical_rank = rank
            timer.lap("lexical")
        ranked = self._ranked(list(found.values()), dense, matches)
        timer.lap("fuse")
        keep = candidates if reranker else top_k
        passages = self._load(ranked, keep, score_threshold if reranker is None else 0.0, matches is not None)
        timer.lap("load")
        if reranker is not None:
            passages = rerank(reranker, query, passages)
            passages = [p for p in passages if p.score >= score_threshold][:top_k]
            timer.lap("rerank")
        return Retrieval(
            query=query,
            passages=tuple(passages),
            generation="+".join(
                [self._identity_of(version) for version in versions] + sorted(dense.generations)
            ),
            timings_ms=timer.stages,
            dense_exact=dense.exact,
            notices=tuple(
                Notice("segmenter_changed", {"base": self._store.base(version.base_id).name})
                for version in versions
                if version.segmenter_identity != segmenter.IDENTITY
            ),
        )

    def _identity_of(self, version: VersionInfo) -> str:
        """A version as it is searched: its number, and what users did to its chunks."""
        edits = self._store.edits_identity(version.id)
        return f"v{version.id}~{edits}" if edits else f"v{version.id}"

    def _dense(
        self, query: str, versions: Sequence[VersionInfo], limit: int, timer: Timer, mode: Mode
    ) -> "_Dense":
        """Ask every version's vectors.

        Where an embedder does not know the query's language its similarities are noise that would drag the
        lexical leg down: it is not asked, unless the dense leg is all there is.
        """
        result = _Dense()
        for version in versions:
            if not version.embedder_identity:  # nothing was embedded yet
                continue
            embedder = self._embedder_of(version.embedder)
            if embedder.identity != version.embedder_identity:
                raise EmbeddingMismatchError(
                    "embedder_changed",
                    base=self._store.base(version.base_id).name,
                    embedder=version.embedder,
                    made_with=version.embedder_identity,
                    now=embedder.identity,
                )
            if mode == "hybrid" and not understands(embedder.languages, query):
                continue
            if embedder.identity not in result.queries:
                result.queries[embedder.identity] = embedder.embed_query(query)
                timer.lap("embed")
            result.identities[version.id] = embedder.identity
            answer = self._index_of(version.id).nearest(result.queries[embedder.identity], limit=limit)
            result.hits += answer.hits
            result.exact = result.exact or answer.exact
            result.generations |= {answer.generation} - {""}
            timer.lap("dense")
        result.hits.sort(key=lambda hit: (-hit.similarity, hit.entry))
        del result.hits[limit:]
        return result

    def _ranked(
        self, candidates: list[Candidate], dense: "_Dense", matches: lexical.LexicalAnswer | None
    ) -> list[Candidate]:
        """Give every candidate both legs' scores, whichever leg put it up, and order them."""
        shares: list[float] | None = None
        if matches is not None:
            entries = np.array([candidate.entry for candidate in candidates], np.int64)
            shares = matches.shares_of(entries).tolist()
        for number, candidate in enumerate(candidates):
            candidate.share = shares[number] if shares else 0.0
            candidate.score = blend(candidate.similarity, shares[number] if shares else None)
        if not dense.queries or matches is None:
            return ordered(candidates)
        stored = self._store.vectors_of([candidate.entry for candidate in candidates])
        for identity, query in dense.queries.items():
            group = [
                candidate
                for candidate in candidates
                if candidate.entry in stored and dense.identities.get(stored[candidate.entry][0]) == identity
            ]
            if not group:
                continue
            vectors = np.stack([stored[candidate.entry][1] for candidate in group])  # (N, D)
            for candidate, similarity in zip(group, vectors @ query, strict=True):
                candidate.similarity = float(similarity)
                candidate.score = blend(candidate.similarity, candidate.share)
            scores = np.array([candidate.score for candidate in group])
            for candidate, score in zip(group, smooth(scores, vectors), strict=True):
                candidate.score = float(score)
        return ordered(candidates)

    def _load(
        self, ranked: Sequence[Candidate], keep: int, score_threshold: float, lexical_asked: bool
    ) -> list[Passage]:
        """Turn candidates into passages; what was deleted meanwhile is left out."""
        passages: list[Passage] = []
        pages: dict[int, tuple[Page, ...]] = {}
        for at in range(0, len(ranked), keep):
            part = [c for c in ranked[at : at + keep] if c.score >= score_threshold]
            rows = self._store.chunk_rows([chunk_number(candidate.entry) for candidate in part])
            for candidate in part:
                row = rows.get(chunk_number(candidate.entry))
                if row is None:
                    continue
                if row["page_first"] is not None and row["source_id"] not in pages:
                    pages[row["source_id"]] = self._store.pages(row["source_id"])
                passages.append(_passage(row, candidate, pages.get(row["source_id"], ()), lexical_asked))
                if len(passages) == keep:
                    return passages
        return passages


@dataclass(slots=True)
class _Dense:
    """What the dense leg found.

    Args:
        queries: the query's vector, (D,), by embedder.
        identities: which embedder each version that was asked has.
    """

    hits: list[DenseHit] = field(default_factory=list)
    exact: bool = False
    generations: set[str] = field(default_factory=set)
    queries: dict[str, np.ndarray] = field(default_factory=dict)
    identities: dict[int, str] = field(default_factory=dict)


def _passage(row: Row, candidate: Candidate, pages: Sequence[Page], lexical_asked: bool) -> Passage:
    chunk = stored_chunk(row).chunk
    similarity = candidate.similarity
    return Passage(
        chunk_id=row["id"],
        source_id=row["source_id"],
        base_id=row["base_id"],
        source_name=row["source_name"],
        text=chunk.text,
        start=chunk.start,
        end=chunk.end,
        score=candidate.score,
        heading_path=chunk.heading_path,
        kind=chunk.kind,
        page_first=chunk.page_first,
        page_last=chunk.page_last,
        page_label=next((page.label for page in pages if page.number == chunk.page_first), ""),
        dense_score=None if similarity is None else min(max(similarity, 0.0), 1.0),
        dense_rank=candidate.dense_rank,
        lexical_score=candidate.share if lexical_asked else None,
        lexical_rank=candidate.lexical_rank,
    )


def rerank(reranker: Reranker, query: str, passages: Sequence[Passage]) -> list[Passage]:
    """Order passages by a reranker's scores, which become their relevance."""
    scores = reranker.rank(query, [passage.text for passage in passages])
    scored = [
        replace(passage, score=float(score), rerank_score=float(score))
        for passage, score in zip(passages, scores, strict=True)
    ]
    return sorted(scored, key=lambda passage: -passage.score)
