"""Latency of retrieval, and of the lexical leg beside its rivals, at a number of chunks.

    python bench/retrieval_latency.py --chunks 20000 --model DIR
    python bench/retrieval_latency.py --chunks 200000 --lexical

Texts are sentences of a BEIR corpus shuffled into chunks of about 120 words; vectors are random around 500
centres, because embedding 200,000 texts would take hours here and changes nothing in what is timed.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from knowledge import segmenter
from knowledge.base import Knowledge
from knowledge.config import KnowledgeConfig
from knowledge.documents import Block, Chunk, ParsedDocument
from knowledge.embeddings import load_embedder
from knowledge.lexical import LexicalIndex, QueryTerms, pack, search
from knowledge.records import FileFacts, NewChunk

CHUNKS_PER_FILE = 50


def main() -> None:
    """Print a table; the machine is the reader's to name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--chunks", type=int, default=20_000)
    parser.add_argument("--corpus", type=Path, default=Path("../shared/data/retrieval/scifact"))
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--model", type=Path, help="embedder's folder: time the whole retrieval")
    parser.add_argument("--lexical", action="store_true", help="compare BM25 engines instead")
    options = parser.parse_args()
    lines = (options.corpus / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    queries = [json.loads(line)["text"] for line in lines][: options.queries]
    texts = list(make_texts(options.corpus, options.chunks))
    if options.lexical:
        compare_engines(texts, queries)
    else:
        time_retrieval(texts, queries, options.model)


def make_texts(corpus: Path, count: int) -> Iterator[str]:
    """Chunks of six sentences drawn from the corpus."""
    draw = random.Random(0)
    sentences = [
        sentence
        for line in (corpus / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
        for sentence in json.loads(line)["text"].split(". ")
        if len(sentence) > 20
    ]
    for number in range(count):
        yield f"{'. '.join(draw.sample(sentences, 6))}. Chunk number {number}."


def percentiles(seconds: list[float]) -> str:
    """Median and 95th percentile in milliseconds."""
    return "p50 {:.1f} ms  p95 {:.1f} ms".format(*(1000 * np.percentile(seconds, [50, 95])))


def query_times(ask: Callable[[int], object], count: int) -> str:
    """Wall time of queries, and processor time, which other programs on the machine disturb less."""
    wall, processor = [], []
    for number in range(count):
        began = time.process_time()
        wall.append(timed(lambda n=number: ask(n)))
        processor.append(time.process_time() - began)
    return f"{percentiles(wall)}   processor time {percentiles(processor)}"


def timed(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def time_retrieval(texts: list[str], queries: list[str], model: Path) -> None:
    """Fill a store, then search while nothing but exact search stands, with the index, and cold."""
    embedder = load_embedder(model, languages=frozenset({"en"}))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        config = KnowledgeConfig(embedder="bench")

        def reopen() -> Knowledge:
            return Knowledge(folder, folder / "tandem.db", load_embedder=lambda _: embedder, config=config)

        knowledge = reopen()
        base = knowledge.create_base("bench")
        began = time.perf_counter()
        fill(knowledge, base.version_id, base.id, texts, embedder.identity, embedder.dimensions)
        print(f"{len(texts)} chunks stored in {time.perf_counter() - began:.0f} s")

        def ask(number: int) -> object:
            return knowledge.search(queries[number % len(queries)], base_ids=[base.id])

        knowledge._keeper.close()  # exact search is to be timed alone
        print(f"first query, exact        {1000 * timed(lambda: ask(0)):.0f} ms")
        print(f"exact                     {query_times(ask, len(queries))}")
        knowledge.close()
        knowledge = reopen()
        began = time.perf_counter()
        print(
            f"index built: {knowledge.wait_for_indexes(timeout_s=3600)} in {time.perf_counter() - began:.0f} s"
        )
        ask(0)
        print(f"index                     {query_times(ask, len(queries))}")
        stages: dict[str, list[float]] = {}
        for query in queries:
            for stage, spent in knowledge.search(query, base_ids=[base.id]).timings_ms.items():
                stages.setdefault(stage, []).append(spent)
        print(
            "  by stage, p95:", {stage: round(float(np.percentile(v, 95)), 1) for stage, v in stages.items()}
        )
        knowledge.close()
        knowledge = reopen()
        print(f"first query after a start {1000 * timed(lambda: ask(0)):.0f} ms")
        knowledge.close()


def fill(
    knowledge: Knowledge, version: int, base_id: int, texts: list[str], identity: str, dimensions: int
) -> None:
    """Write chunks straight into the store."""
    store = knowledge._store
    store.set_identity(version, identity)
    draw = np.random.default_rng(0)
    centres = draw.standard_normal((500, dimensions))
    for at in range(0, len(texts), CHUNKS_PER_FILE):
        part = texts[at : at + CHUNKS_PER_FILE]
        vectors = centres[draw.integers(500, size=len(part))] + 0.8 * draw.standard_normal(
            (len(part), dimensions)
        )
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        keys = [f"{at + row:016}".encode() for row in range(len(part))]
        text = "\n".join(part)
        starts = np.cumsum([0] + [len(item) + 1 for item in part])
        with store.database.transaction():
            numbers = store.add_vectors(identity, keys, vectors.astype(np.float32))
            chunks = [
                NewChunk(
                    Chunk(row, item, int(starts[row]), int(starts[row]) + len(item)), numbers[key], pack(item)
                )
                for row, (item, key) in enumerate(zip(part, keys, strict=True))
            ]
            facts = FileFacts(f"{at}.txt", "", f"{at:064}", len(text), "", 0)
            document = ParsedDocument(text, (Block("paragraph", 0, len(text)),))
            store.write_file(base_id, facts, document, version, chunks)


@dataclass
class Engine:
    """A BM25 engine: how to build, add a file's chunks, delete them, and ask."""

    name: str
    build: Callable[[], object]
    add: Callable[[list[str]], object]
    delete: Callable[[], object]
    ask: Callable[[str], object]


def compare_engines(texts: list[str], queries: list[str]) -> None:
    """Time building, one file more, one file less, and queries, on terms segmented beforehand."""
    began = time.perf_counter()
    words = [segmenter.terms(text) for text in texts]
    print(f"{len(texts)} chunks segmented in {time.perf_counter() - began:.0f} s (all engines need that)")
    with tempfile.TemporaryDirectory() as place:
        for engine in (
            ours(texts),
            fts5(Path(place), words),
            tantivy_engine(Path(place), words),
            bm25s_engine(words),
        ):
            build = timed(engine.build)
            add = timed(lambda e=engine: e.add(texts[:CHUNKS_PER_FILE]))
            asked = percentiles([timed(lambda q=q, e=engine: e.ask(q)) for q in queries])
            delete = timed(engine.delete)
            print(
                f"{engine.name:9} build {build:6.1f} s  add 50 {1000 * add:8.1f} ms  "
                f"delete 50 {1000 * delete:8.1f} ms  query {asked}"
            )


def ours(texts: list[str]) -> Engine:
    """Packed terms, as the store keeps them, to numpy postings."""
    packed = [pack(text) for text in texts]
    index = LexicalIndex()
    first = len(texts) + 10

    def add(more: list[str]) -> None:
        index.add(np.arange(first, first + len(more)), [pack(text) for text in more])

    return Engine(
        "ours",
        lambda: index.add(np.arange(len(packed)), packed),
        add,
        lambda: index.delete(range(first, first + CHUNKS_PER_FILE)),
        lambda query: search([index], QueryTerms.of(query)).best(100),
    )


def fts5(folder: Path, words: list[list[str]]) -> Engine:
    """SQLite's own full-text index, on disk, each change committed."""
    import sqlite3

    database = sqlite3.connect(folder / "fts.db", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE VIRTUAL TABLE t USING fts5(x, content='', tokenize='unicode61')")
    first = len(words) + 10

    def insert(start: int, items: list[list[str]]) -> None:
        database.execute("BEGIN")
        rows = ((start + n, " ".join(item)) for n, item in enumerate(items))
        database.executemany("INSERT INTO t(rowid, x) VALUES (?, ?)", rows)
        database.execute("COMMIT")

    def delete() -> None:
        database.execute("BEGIN")
        rows = ((first + n, " ".join(words[n])) for n in range(CHUNKS_PER_FILE))
        database.executemany("INSERT INTO t(t, rowid, x) VALUES ('delete', ?, ?)", rows)
        database.execute("COMMIT")

    def ask(query: str) -> object:
        match = " OR ".join(f'"{term}"' for term in dict.fromkeys(segmenter.terms(query)))
        sql = "SELECT rowid, bm25(t) FROM t WHERE t MATCH ? ORDER BY bm25(t) LIMIT 100"
        return database.execute(sql, (match,)).fetchall()

    return Engine(
        "fts5",
        lambda: insert(0, words),
        lambda more: insert(first, [segmenter.terms(text) for text in more]),
        delete,
        ask,
    )


def tantivy_engine(folder: Path, words: list[list[str]]) -> Engine:
    """Tantivy on disk, each change committed and reloaded."""
    import tantivy

    (folder / "tantivy").mkdir()
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("id", stored=True, indexed=True)
    builder.add_text_field("x", tokenizer_name="whitespace")
    index = tantivy.Index(builder.build(), str(folder / "tantivy"))
    first = len(words) + 10

    def insert(start: int, items: list[list[str]]) -> None:
        writer = index.writer(heap_size=200_000_000, num_threads=1)
        for n, item in enumerate(items):
            writer.add_document(tantivy.Document(id=start + n, x=" ".join(item)))
        writer.commit()
        writer.wait_merging_threads()
        index.reload()

    def delete() -> None:
        writer = index.writer(heap_size=50_000_000, num_threads=1)
        for n in range(CHUNKS_PER_FILE):
            writer.delete_documents_by_term("id", first + n)
        writer.commit()
        writer.wait_merging_threads()
        index.reload()

    def ask(query: str) -> object:
        parts = [
            (tantivy.Occur.Should, tantivy.Query.term_query(index.schema, "x", term))
            for term in segmenter.terms(query)
        ]
        searcher = index.searcher()
        hits = searcher.search(tantivy.Query.boolean_query(parts), limit=100).hits
        return [searcher.doc(address)["id"][0] for _, address in hits]

    return Engine(
        "tantivy",
        lambda: insert(0, words),
        lambda more: insert(first, [segmenter.terms(text) for text in more]),
        delete,
        ask,
    )


def bm25s_engine(words: list[list[str]]) -> Engine:
    """bm25s, which has no other way to change than to build anew."""
    import bm25s

    held = list(words)
    state: dict[str, bm25s.BM25] = {}

    def build() -> None:
        state["index"] = bm25s.BM25()
        state["index"].index(held, show_progress=False)

    def add(more: list[str]) -> None:
        held.extend(segmenter.terms(text) for text in more)
        build()

    def delete() -> None:
        del held[-CHUNKS_PER_FILE:]
        build()

    def ask(query: str) -> object:
        return state["index"].retrieve([segmenter.terms(query)], k=100, show_progress=False, n_threads=0)

    return Engine("bm25s", build, add, delete, ask)


if __name__ == "__main__":
    main()
