"""A query to ranked passages: both legs over several bases, fused, perhaps reranked, loaded from the store."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, Protocol

import numpy as np

from knowledge import lexical
from knowledge.documents import Page, Passage, Retrieval
from knowledge.errors import EmbeddingMismatchError
from knowledge.exact import DenseHit
from knowledge.live_index import LiveIndex
from knowledge.ranking import Candidate, cut_to_unit, dense_share, fuse, relevance
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

    identity: str
    languages: frozenset[str]

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
        versions = [self._store.version(self._store.base(base_id).version_id) for base_id in base_ids]
        dense: list[DenseHit] = []
        exact = False
        share = 0.0
        names: list[str] = []
        timer.lap("load")
        if mode != "lexical":
            dense, exact, share, names = self._dense(
                query, versions, candidates, timer, always=mode == "dense"
            )
        matches: list[lexical.LexicalHit] = []
        if mode != "dense":
            indexes = [self._index_of(version.id).lexical() for version in versions]
            matches = lexical.search(indexes, lexical.QueryTerms.of(query), limit=candidates)
            timer.lap("lexical")
        weight = {"dense": 1.0, "lexical": 0.0, "hybrid": share}[mode]
        ranked = fuse(dense, matches, dense_weight=weight)
        timer.lap("fuse")
        keep = candidates if reranker else top_k
        passages = self._load(ranked, weight, keep, score_threshold if reranker is None else 0.0)
        timer.lap("load")
        if reranker is not None:
            passages = rerank(reranker, query, passages)
            passages = [p for p in passages if p.score >= score_threshold][:top_k]
            timer.lap("rerank")
        return Retrieval(
            query=query,
            passages=tuple(passages),
            generation="+".join(
                [f"v{version.id}" for version in versions] + sorted(filter(None, set(names)))
            ),
            timings_ms=timer.stages,
            dense_exact=exact,
        )

    def _dense(
        self, query: str, versions: Sequence[VersionInfo], limit: int, timer: Timer, *, always: bool
    ) -> tuple[list[DenseHit], bool, float, list[str]]:
        """Hits of all versions, whether any came from exact search, the leg's weight, generations' names.

        Where an embedder does not know the query's language its similarities are noise: it is not asked,
        unless `always`.
        """
        vectors: dict[str, np.ndarray] = {}
        hits: list[DenseHit] = []
        exact = False
        shares = [0.0]
        names: list[str] = []
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
            share = dense_share(query, embedder.languages)
            if share == 0 and not always:
                continue
            shares.append(share)
            if embedder.identity not in vectors:
                vectors[embedder.identity] = embedder.embed_query(query)
                timer.lap("embed")
            answer = self._index_of(version.id).nearest(vectors[embedder.identity], limit=limit)
            hits += answer.hits
            exact = exact or answer.exact
            names.append(answer.generation)
            timer.lap("dense")
        hits.sort(key=lambda hit: (-hit.similarity, hit.entry))
        return hits[:limit], exact, max(shares), names

    def _load(
        self, ranked: Sequence[Candidate], weight: float, keep: int, score_threshold: float
    ) -> list[Passage]:
        """Turn candidates into passages; what was deleted meanwhile is left out."""
        passages: list[Passage] = []
        documents: dict[int, tuple[Page, ...]] = {}
        for at in range(0, len(ranked), 64):
            part = ranked[at : at + 64]
            rows = self._store.chunk_rows([chunk_number(candidate.entry) for candidate in part])
            for candidate in part:
                row = rows.get(chunk_number(candidate.entry))
                score = relevance(candidate.similarity, candidate.coverage, dense_weight=weight)
                if row is None or score < score_threshold:
                    continue
                chunk = stored_chunk(row).chunk
                source_id = row["source_id"]
                if chunk.page_first is not None and source_id not in documents:
                    documents[source_id] = self._store.pages(source_id)
                passages.append(
                    Passage(
                        chunk_id=row["id"],
                        source_id=source_id,
                        base_id=row["base_id"],
                        source_name=row["source_name"],
                        text=chunk.text,
                        start=chunk.start,
                        end=chunk.end,
                        score=score,
                        heading_path=chunk.heading_path,
                        kind=chunk.kind,
                        page_first=chunk.page_first,
                        page_last=chunk.page_last,
                        page_label=_page_label(documents.get(source_id, ()), chunk.page_first),
                        dense_score=cut_to_unit(candidate.similarity),
                        dense_rank=candidate.dense_rank,
                        lexical_score=candidate.coverage,
                        lexical_rank=candidate.lexical_rank,
                    )
                )
                if len(passages) == keep:
                    return passages
        return passages


def rerank(reranker: Reranker, query: str, passages: Sequence[Passage]) -> list[Passage]:
    """Order passages by a reranker's scores, which become their relevance."""
    scores = reranker.rank(query, [passage.text for passage in passages])
    scored = [
        replace(passage, score=float(score), rerank_score=float(score))
        for passage, score in zip(passages, scores, strict=True)
    ]
    return sorted(scored, key=lambda passage: -passage.score)


def _page_label(pages: Sequence[Page], number: int | None) -> str:
    return next((page.label for page in pages if page.number == number), "")
