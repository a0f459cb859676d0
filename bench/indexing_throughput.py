"""Indexing throughput beside LangChain's plain pipeline: same files, same model folder, same run, interleaved.

    python bench/indexing_throughput.py ../shared/data/retrieval/scifact --model DIR
    python bench/indexing_throughput.py ../shared/data/manual/dolphinscheduler/docs/en --model DIR
    ... --quality ../shared/data/retrieval/scifact     also compare nDCG@10 of the two kinds of vectors

Both start with files on the disk and a loaded model, and end with everything searchable by vector in Chroma;
ours has by then also written its store and its BM25 index. Pieces differ (1,000 characters there, tokens and
headings here), so the unit is 1,000 characters of text. The last line is the ratio of the medians.

The peer: RecursiveCharacterTextSplitter(1000), HuggingFaceEmbeddings, Chroma.from_documents.
"""

import argparse
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Measured:
    """One run: wall seconds, processor seconds of this process and its children, pieces embedded."""

    seconds: float
    cpu_seconds: float
    pieces: int
    note: str = ""


def main() -> None:
    """Measure both sides in turn and print a line for each run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, help="folder of text files, or of a BEIR corpus")
    parser.add_argument("--model", type=Path, required=True, help="embedder's folder")
    parser.add_argument("--characters", type=int, default=600_000, help="of text to index")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quality", type=Path, help="BEIR folder to compare the vectors on")
    options = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["ANONYMIZED_TELEMETRY"] = "False"

    from langchain_huggingface import HuggingFaceEmbeddings

    from knowledge.embeddings import load_embedder

    ours = load_embedder(options.model, languages=frozenset({"en"}))
    theirs = HuggingFaceEmbeddings(model_name=str(options.model))
    ours.embed_documents(["warm up"])
    theirs.embed_documents(["warm up"])
    runs: dict[str, list[Measured]] = {"tandem": [], "langchain": []}
    with tempfile.TemporaryDirectory() as place:
        files = write_texts(options.source, Path(place) / "texts", options.characters)
        thousands = sum(len(path.read_text("utf-8")) for path in files) / 1000
        print(f"{len(files)} files, {thousands:.0f} x 1,000 characters, {os.cpu_count()} cores")
        for turn in range(options.rounds):
            sides: dict[str, Callable[[Path], Measured]] = {
                "tandem": lambda folder: index_with_tandem(files, folder, ours),
                "langchain": lambda folder: index_with_langchain(files, folder, theirs),
            }
            for name, run in sides.items():
                found = run(Path(place) / f"{name}-{turn}")
                runs[name].append(found)
                print(
                    f"{name:10} {thousands / found.seconds:7.1f}/s wall {thousands / found.cpu_seconds:7.1f}/s cpu "
                    f"{found.pieces:6d} pieces {found.seconds:6.1f} s {found.note}",
                    flush=True,
                )
    wall = {name: statistics.median(run.seconds for run in found) for name, found in runs.items()}
    cpu = {name: statistics.median(run.cpu_seconds for run in found) for name, found in runs.items()}
    if options.quality:
        compare_quality(options.quality, ours, theirs)
    print(f"processor time ratio {cpu['langchain'] / cpu['tandem']:.2f}")
    print(f"ratio {wall['langchain'] / wall['tandem']:.2f}")


def write_texts(source: Path, target: Path, characters: int) -> list[Path]:
    """Put text files of `characters` in all into `target`: Markdown as it is, or one file for each abstract."""
    target.mkdir(parents=True)
    corpus = source / "corpus.jsonl"
    if corpus.is_file():
        rows = (json.loads(line) for line in corpus.read_text("utf-8").splitlines())
        texts = [f"# {row['title']}\n\n{row['text']}\n" for row in rows]
    else:
        texts = [
            path.read_text("utf-8") for path in sorted(source.rglob("*")) if path.suffix in (".md", ".txt")
        ]
    files: list[Path] = []
    left = characters
    for text in texts:
        if left <= 0:
            break
        files.append(target / f"{len(files):05d}.md")
        files[-1].write_text(text, "utf-8")
        left -= len(text)
    return files


def cpu_seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in usage)


def index_with_tandem(files: list[Path], folder: Path, embedder: Any) -> Measured:
    """Everything that adding files does: parse in children, split, embed, store, BM25, Chroma."""
    from knowledge.base import Knowledge
    from knowledge.indexing import Finished
    from knowledge.originals import gather_inputs

    began, cpu = time.perf_counter(), cpu_seconds()
    with Knowledge(folder, folder / "tandem.db", load_embedder=lambda _: embedder) as knowledge:
        base = knowledge.create_base("bench")
        inputs, _ = gather_inputs([files[0].parent])
        events = list(knowledge.index(base.id, inputs))
        assert isinstance(events[-1], Finished), events[-1]
        searchable = time.perf_counter() - began
        assert knowledge.wait_for_indexes()
        seconds = time.perf_counter() - began
        info = knowledge.base(base.id)
        assert info.files == len(files), info
    return Measured(seconds, cpu_seconds() - cpu, info.chunks, f"(searchable after {searchable:.1f} s)")


def index_with_langchain(files: list[Path], folder: Path, embeddings: Any) -> Measured:
    """The pipeline of LangChain's own tutorials."""
    from langchain_chroma import Chroma
    from langchain_core.documents import Document
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    began, cpu = time.perf_counter(), cpu_seconds()
    documents = [Document(path.read_text("utf-8"), metadata={"source": path.name}) for path in files]
    pieces = RecursiveCharacterTextSplitter(chunk_size=1000).split_documents(documents)
    Chroma.from_documents(pieces, embeddings, persist_directory=str(folder))
    return Measured(time.perf_counter() - began, cpu_seconds() - cpu, len(pieces))


def compare_quality(folder: Path, ours: Any, theirs: Any) -> None:
    """Print nDCG@10 of plain dense search with either side's vectors over the same whole documents."""
    from knowledge.evaluate import read_folder, score

    corpus, queries, judged = read_folder(folder, split=None)
    keys = list(corpus)
    texts = [corpus[key].text for key in keys]
    asked = list(judged)
    found = {}
    for name, documents, questions in (
        ("tandem", ours.embed_documents(texts), [ours.embed_query(queries[key]) for key in asked]),
        ("langchain", theirs.embed_documents(texts), [theirs.embed_query(queries[key]) for key in asked]),
    ):
        similar = np.asarray(questions) @ np.asarray(documents).T  # (queries, N)
        best = np.argsort(-similar, axis=1, kind="stable")[:, :10]
        rankings = {key: [keys[i] for i in row] for key, row in zip(asked, best, strict=True)}
        found[name] = score(rankings, judged, k=10).ndcg
    print("nDCG@10 " + "  ".join(f"{name} {value:.4f}" for name, value in found.items()), end="  ")
    print(f"difference {found['tandem'] - found['langchain']:+.4f}")


if __name__ == "__main__":
    main()
