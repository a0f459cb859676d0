"""Builds and checks a Chroma generation; runs as a child process, `python -m knowledge.dense_build`.

Chroma's native code can take its process with it when a folder is damaged, and a kill while it persists
leaves damage for good. So a generation is written by a child that dies alone, persisted exactly once, and
closed, opened anew and queried by it before the owner of the data opens it.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

COLLECTION = "chunks"
ENTRIES = "entries.npy"
VECTORS = "vectors.npy"
MISSED = "missed.npy"
_BATCH = 5000  # Chroma takes 5,461 at most
_QUERIES = 250
_SAMPLE = 500
_LEAST_REACHABLE = 0.99


def open_client(folder: Path) -> Any:
    """A Chroma client on a generation's folder, without telemetry."""
    import chromadb
    from chromadb.config import Settings

    return chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))


def build(folder: Path) -> None:
    """Make the collection from `entries.npy` and `vectors.npy`."""
    entries = np.load(folder / ENTRIES, allow_pickle=False)
    vectors = np.load(folder / VECTORS, mmap_mode="r", allow_pickle=False)
    client = open_client(folder)
    # One persist, when the last vector is in: each one is a moment in which a kill would do damage.
    hnsw = {
        "space": "cosine",
        "ef_construction": 100,
        "ef_search": 100,
        "max_neighbors": 16,
        "num_threads": max(1, (os.cpu_count() or 2) - 1),
        "batch_size": min(1000, len(entries)),
        "sync_threshold": max(2, len(entries)),
    }
    collection = client.create_collection(COLLECTION, embedding_function=None, configuration={"hnsw": hnsw})
    for at in range(0, len(entries), _BATCH):
        part = slice(at, at + _BATCH)
        collection.add(ids=[str(entry) for entry in entries[part]], embeddings=np.asarray(vectors[part]))
    client.close()


def check(folder: Path, *, everything: bool) -> np.ndarray:
    """Ask the collection for its own vectors, because counting them proves nothing.

    Returns:
        Entries that it does not find, (M,) int64; they have to be searched exactly.

    Raises:
        ValueError: it finds too few to be of use.
    """
    entries = np.load(folder / ENTRIES, allow_pickle=False)
    client = open_client(folder)
    collection = client.get_collection(COLLECTION, embedding_function=None)
    if collection.count() != len(entries):
        raise ValueError(f"{collection.count()} of {len(entries)} vectors are there")
    if not everything:
        entries = entries[:: max(1, len(entries) // _SAMPLE)]
    missed: list[int] = []
    for at in range(0, len(entries), _QUERIES):
        ids = [str(entry) for entry in entries[at : at + _QUERIES]]
        stored = collection.get(ids=ids, include=["embeddings"])
        asked = dict(zip(stored["ids"], stored["embeddings"], strict=True))
        answer = collection.query(
            query_embeddings=[asked[key] for key in ids], n_results=3, include=["distances"]
        )
        for key, found, distances in zip(ids, answer["ids"], answer["distances"], strict=True):
            # an equal vector under another number, a repeated text, stands for it as well
            if key not in found and not (distances and distances[0] < 1e-6 and len(found) == 3):
                missed.append(int(key))
    client.close()
    if len(missed) > (1 - _LEAST_REACHABLE) * len(entries):
        raise ValueError(f"{len(missed)} of {len(entries)} vectors cannot be reached")
    return np.array(missed, np.int64)


def main(task: str, folder: Path) -> None:
    """Do `build`, with a check of everything, or `glance`, a check of a sample."""
    if hasattr(os, "nice"):
        os.nice(10)
    if task == "build":
        build(folder)
        # What was written is opened anew; in a process of its own it would only import Chroma once more.
        np.save(folder / MISSED, check(folder, everything=True), allow_pickle=False)
    else:
        check(folder, everything=False)


if __name__ == "__main__":
    try:
        main(sys.argv[1], Path(sys.argv[2]))
    except Exception as err:  # whatever it was, the parent needs one line and an exit code
        sys.stderr.write(json.dumps({"error": f"{type(err).__name__}: {err}"}) + "\n")
        sys.exit(1)
