"""How well retrieval finds what it should: recall, MRR and nDCG over a folder in BEIR's layout.

The corpus goes through the same store, indexes and search as a user's documents, one chunk a document.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from knowledge import segmenter
from knowledge.config import KnowledgeConfig
from knowledge.documents import Block, Chunk, ParsedDocument
from knowledge.errors import KnowledgeError
from knowledge.lexical import LexicalIndex
from knowledge.live_index import LiveIndex
from knowledge.records import FileFacts, NewChunk, VersionSpec
from knowledge.searching import Mode, Reranker, Searcher
from knowledge.splitter import SplitterConfig, embed_text
from knowledge.store import Store

if TYPE_CHECKING:
    from knowledge.embeddings import Embedder

_BATCH = 512


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Means over the queries, 0 to 1, each at the cut-off `k`."""

    k: int
    queries: int
    documents: int
    recall: float
    mrr: float
    ndcg: float


def evaluate_folder(
    folder: Path,
    *,
    embedder: "Embedder",
    modes: Sequence[Mode] = ("hybrid", "dense", "lexical"),
    k: int = 10,
    split: str | None = None,
    reranker: Reranker | None = None,
    candidates: int | None = None,
) -> dict[Mode, Evaluation]:
    """Index a BEIR folder in a temporary place and search it with all its judged queries.

    Args:
        folder: holds `corpus.jsonl`, `queries.jsonl` and `qrels/SPLIT.tsv`.
        split: which judgements; "test" where there is one, else the only one, by default.
        k: the cut-off of all three measures.

    Raises:
        KnowledgeError: the folder is not of this layout.
    """
    corpus, queries, judged = read_folder(Path(folder), split=split)
    with tempfile.TemporaryDirectory(prefix="evaluate-") as place:
        collection = Collection(Path(place) / "evaluate.db", embedder)
        try:
            collection.add(corpus)
            results: dict[Mode, Evaluation] = {}
            for mode in modes:
                rankings = {
                    key: collection.search(text, mode=mode, top_k=k, reranker=reranker, candidates=candidates)
                    for key, text in queries.items()
                    if key in judged
                }
                results[mode] = score(rankings, judged, k=k, documents=len(corpus))
            return results
        finally:
            collection.close()


def score(
    rankings: Mapping[str, Sequence[str]],
    judged: Mapping[str, Mapping[str, int]],
    *,
    k: int,
    documents: int = 0,
) -> Evaluation:
    """Measure rankings.

    Args:
        rankings: document keys, best first, by query.
        judged: by query, the gain of each relevant document, 1 or more.

    Source: nDCG with linear gain and log2 discount, as trec_eval's ndcg_cut and BEIR.
    """
    recalls, reciprocal, gains = [], [], []
    for query, relevant in judged.items():
        ranking = list(rankings.get(query, ()))[:k]
        recalls.append(len(set(ranking) & set(relevant)) / len(relevant))
        first = next((rank for rank, key in enumerate(ranking, 1) if key in relevant), None)
        reciprocal.append(1 / first if first else 0.0)
        best = sorted(relevant.values(), reverse=True)[:k]
        gains.append(_dcg([relevant.get(key, 0) for key in ranking]) / _dcg(best))
    if not recalls:
        return Evaluation(k, 0, documents, 0.0, 0.0, 0.0)
    means = [float(np.mean(values)) for values in (recalls, reciprocal, gains)]
    return Evaluation(k, len(recalls), documents, *means)


def _dcg(gains: Sequence[int]) -> float:
    return sum(gain / float(np.log2(rank + 1)) for rank, gain in enumerate(gains, 1))


def read_folder(
    folder: Path, *, split: str | None
) -> tuple[dict[str, ParsedDocument], dict[str, str], dict[str, dict[str, int]]]:
    """Documents, queries and judgements of a BEIR folder.

    Raises:
        KnowledgeError: the folder is not of this layout.
    """
    try:
        corpus = {row["_id"]: _document(row) for row in _lines(folder / "corpus.jsonl")}
        queries = {row["_id"]: row["text"] for row in _lines(folder / "queries.jsonl")}
        splits = {path.stem: path for path in sorted((folder / "qrels").glob("*.tsv"))}
        chosen = split or ("test" if "test" in splits else next(iter(splits), ""))
        judged: dict[str, dict[str, int]] = {}
        for line in splits[chosen].read_text(encoding="utf-8").splitlines()[1:]:
            query, document, gain = line.split("\t")[:3]
            if int(gain) > 0:
                judged.setdefault(query, {})[document] = int(gain)
    except (OSError, ValueError, KeyError, TypeError) as err:
        at_fault = Path(err.filename).name if isinstance(err, OSError) and err.filename else ""
        reason = ": ".join(filter(None, (at_fault, type(err).__name__)))
        raise KnowledgeError("evaluation_folder_wrong", folder=str(folder), reason=reason) from err
    return corpus, queries, judged


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def _document(row: Mapping[str, Any]) -> ParsedDocument:
    text = row["text"] or row.get("title") or " "
    title = row.get("title") or ""
    return ParsedDocument(text=text, blocks=(Block("paragraph", 0, len(text)),), title=title)


class Collection:
    """Documents as one chunk each in a store of their own.

    Args:
        database: a new file.
    """

    def __init__(self, database: Path, embedder: "Embedder") -> None:
        from knowledge.indexing_tasks import pack_chunk, text_hash

        self._hash, self._pack = text_hash, pack_chunk
        self._embedder = embedder
        self._store = Store(database)
        spec = VersionSpec("evaluated", SplitterConfig(), "whole", segmenter.IDENTITY)
        base = self._store.create_base("evaluated", spec)
        self._base, self._version = base.id, base.version_id
        self._store.set_identity(self._version, embedder.identity)
        self._index = LiveIndex(
            self._store,
            self._version,
            load_postings=LexicalIndex,
            load_vectors=lambda: None,
            on_broken=lambda: None,
        )
        self._searcher = Searcher(self._store, embedder_of=lambda _: embedder, index_of=lambda _: self._index)

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def add(self, documents: Mapping[str, ParsedDocument]) -> None:
        """Embed and keep documents under their keys."""
        keys = list(documents)
        for at in range(0, len(keys), _BATCH):
            with self._store.database.transaction():
                self._add_batch([(key, documents[key]) for key in keys[at : at + _BATCH]])

    def _add_batch(self, batch: Iterable[tuple[str, ParsedDocument]]) -> None:
        items = [(key, document, Chunk(0, document.text, 0, len(document.text))) for key, document in batch]
        texts = [embed_text(chunk, document.title) for _, document, chunk in items]
        hashes = [self._hash(text) for text in texts]
        numbers = self._store.add_vectors(
            self._embedder.identity, hashes, self._embedder.embed_documents(texts)
        )
        for (key, document, chunk), text, name in zip(items, texts, hashes, strict=True):
            facts = FileFacts(key, "", name.hex(), len(document.text), "", 0)
            new = NewChunk(chunk, numbers[name], self._pack(chunk.text, text))
            self._store.write_file(self._base, facts, document, self._version, [new])

    def search(
        self,
        query: str,
        *,
        mode: Mode,
        top_k: int,
        reranker: Reranker | None = None,
        candidates: int | None = None,
    ) -> list[str]:
        """Keys of the best documents, best first."""
        found = self._searcher.search(
            query,
            base_ids=[self._base],
            top_k=top_k,
            mode=mode,
            score_threshold=0.0,
            reranker=reranker,
            candidates=max(top_k, candidates or KnowledgeConfig().candidates),
        )
        return [passage.source_name for passage in found.passages]
