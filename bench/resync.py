"""Re-sync of unchanged files: seconds and embeddings, beside indexing them the first time.

python bench/resync.py --files 1000 --model DIR
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from knowledge.base import Knowledge
from knowledge.config import KnowledgeConfig
from knowledge.embeddings import load_embedder
from knowledge.indexing import Finished, gather_inputs


class Counting:
    """Passes everything on and counts texts; with `instant`, vectors are random and cost nothing."""

    def __init__(self, embedder: Any, *, instant: bool) -> None:
        self._embedder = embedder
        self._instant = instant
        self.texts = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._embedder, name)

    def embed_documents(self, texts: list[str], **options: Any) -> np.ndarray:
        """(N, D) float32 of unit length."""
        self.texts += len(texts)
        if not self._instant:
            return np.asarray(self._embedder.embed_documents(texts, **options))
        vectors = np.random.default_rng(len(texts)).standard_normal((len(texts), self._embedder.dimensions))
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def main() -> None:
    """Index, touch nothing, index again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--model", type=Path, required=True, help="embedder's folder")
    parser.add_argument("--instant", action="store_true", help="random vectors, to time everything else")
    options = parser.parse_args()
    embedder = Counting(load_embedder(options.model), instant=options.instant)
    with tempfile.TemporaryDirectory() as place:
        files, data = Path(place) / "files", Path(place) / "data"
        files.mkdir()
        for number in range(options.files):
            path = files / f"{number:05}.md"
            path.write_text(f"# Note {number}\n\n" + f"Item {number} is kept on shelf {number % 97}. " * 8)
            os.utime(path, (time.time() - 3600,) * 2)
        time.sleep(2.1)  # a file written within the last two seconds is hashed, not trusted
        config = KnowledgeConfig(embedder="bench", background=False)
        knowledge = Knowledge(data, data / "tandem.db", load_embedder=lambda _: embedder, config=config)
        base = knowledge.create_base("bench")
        for attempt in ("first", "again", "again, in a new process's state"):
            before, began = embedder.texts, time.perf_counter()
            inputs, _ = gather_inputs([files])
            *_, last = knowledge.index(base.id, inputs, remove_missing=True)
            assert isinstance(last, Finished)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            print(
                f"{attempt:32} {time.perf_counter() - began:7.2f} s  embedded {embedder.texts - before:6}"
                f"  {last.counts}  peak memory {peak} MiB"
            )
            if attempt == "again":
                knowledge.close()
                knowledge = Knowledge(
                    data, data / "tandem.db", load_embedder=lambda _: embedder, config=config
                )
        knowledge.close()


if __name__ == "__main__":
    main()
