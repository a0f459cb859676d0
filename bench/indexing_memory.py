"""Memory while many small files are indexed: does it grow with their number?

    python bench/indexing_memory.py --files 10000 --model DIR
    ... --instant          random vectors: everything but the embedding, in a tenth of the time

Files of varied length (0.2 to 20 thousand characters; Markdown, a tenth HTML, a twentieth DOCX) are indexed in
one run. Twice a second the resident memory of this process and of all its children is added up. Printed: what
it came to by number of files done, the straight line through the readings after the first 1,000 files, and,
apart from it, what the Chroma child took afterwards. There is no peer: the last line is the memory at the end
over the memory at 1,000 files.
"""

import argparse
import io
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from knowledge.base import Knowledge
from knowledge.config import KnowledgeConfig
from knowledge.embeddings import load_embedder
from knowledge.indexing import FileDone, Finished, gather_inputs

_MEBI = 1 << 20
_WARM_UP = 1000


class Instant:
    """Tokenizes as the model does; its vectors are random and cost nothing."""

    def __init__(self, embedder: Any) -> None:
        self._embedder = embedder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._embedder, name)

    def embed_documents(self, texts: list[str], **_: Any) -> np.ndarray:
        """(N, D) float32 of unit length."""
        vectors = np.random.default_rng(len(texts)).standard_normal((len(texts), self._embedder.dimensions))
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


class Readings:
    """Reads resident memory in a thread; each reading goes with the number of files done by then."""

    def __init__(self) -> None:
        self.done = 0
        self.rows: list[tuple[int, int, int]] = []  # files done, bytes of this process, of its children
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> "Readings":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _read(self) -> None:
        me = psutil.Process()
        while not self._stop.wait(0.5):
            children = 0
            for child in me.children(recursive=True):
                try:
                    children += child.memory_info().rss
                except psutil.Error:
                    continue  # ended meanwhile
            self.rows.append((self.done, me.memory_info().rss, children))

    def peak(self, first: int, last: int) -> tuple[int, int, int]:
        """Most bytes of process, children and both, while `first` to `last` files were done."""
        rows = [row for row in self.rows if first <= row[0] <= last] or [(0, 0, 0)]
        return max(r[1] for r in rows), max(r[2] for r in rows), max(r[1] + r[2] for r in rows)

    def slope(self, first: int) -> float:
        """Bytes for each further file, by least squares over the readings after `first` files."""
        rows = np.array([(done, own + children) for done, own, children in self.rows if done >= first])
        return float(np.polyfit(rows[:, 0], rows[:, 1], 1)[0]) if len(set(rows[:, 0])) > 1 else 0.0


def words(draw: random.Random, characters: int) -> Iterator[str]:
    """Sentences of invented words, about so many characters in all."""
    while characters > 0:
        sentence = " ".join(
            "".join(draw.choice("bdfgklmnprstv") + draw.choice("aeiou") for _ in range(draw.randint(1, 4)))
            for _ in range(draw.randint(5, 20))
        )
        characters -= len(sentence) + 2
        yield sentence.capitalize() + "."


def write_files(folder: Path, count: int) -> int:
    """Write the files; returns their characters."""
    from docx import Document

    draw = random.Random(5)
    total = 0
    for number in range(count):
        size = min(20_000, max(200, int(draw.lognormvariate(6.8, 0.8))))
        title, body = f"Note {number}", list(words(draw, size))
        total += size
        if number % 20 == 0:
            document = Document()
            document.add_heading(title)
            for sentence in body:
                document.add_paragraph(sentence)
            packed = io.BytesIO()
            document.save(packed)
            (folder / f"{number:05}.docx").write_bytes(packed.getvalue())
        elif number % 10 == 1:
            paragraphs = "".join(f"<p>{sentence}</p>" for sentence in body)
            (folder / f"{number:05}.html").write_text(f"<html><h1>{title}</h1>{paragraphs}</html>")
        else:
            (folder / f"{number:05}.md").write_text(f"# {title}\n\n{' '.join(body)}\n")
    return total


def main() -> None:
    """Index them all, print the readings."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--model", type=Path, required=True, help="embedder's folder")
    parser.add_argument("--instant", action="store_true", help="random vectors, to time everything else")
    options = parser.parse_args()
    embedder: Any = load_embedder(options.model)
    if options.instant:
        embedder = Instant(embedder)
    with tempfile.TemporaryDirectory() as place:
        files, data = Path(place) / "files", Path(place) / "data"
        files.mkdir()
        characters = write_files(files, options.files)
        print(f"{options.files} files, {characters / 1e6:.1f} million characters", flush=True)
        config = KnowledgeConfig(embedder="bench")
        with Knowledge(
            data, data / "tandem.db", load_embedder=lambda _: embedder, config=config
        ) as knowledge:
            base = knowledge.create_base("bench")
            began = time.perf_counter()
            with Readings() as readings:
                inputs, _ = gather_inputs([files])
                step = max(options.files // 10, 1)
                for event in knowledge.index(base.id, inputs):
                    if isinstance(event, FileDone):
                        readings.done += 1
                        if readings.done % step == 0:
                            own, children, both = readings.peak(readings.done - step, readings.done)
                            print(
                                f"{readings.done:7} files {time.perf_counter() - began:7.0f} s  peak: process "
                                f"{own / _MEBI:6.0f} MiB, children {children / _MEBI:6.0f}, both {both / _MEBI:6.0f}",
                                flush=True,
                            )
                    elif isinstance(event, Finished):
                        assert event.counts == {"added": options.files}, event.counts
            with Readings() as building:
                assert knowledge.wait_for_indexes(timeout_s=3600)
            own, children, both = building.peak(0, 0)
            print(
                f"{knowledge.base(base.id).chunks} chunks; while Chroma was built: process {own / _MEBI:.0f} MiB, "
                f"children {children / _MEBI:.0f}, both {both / _MEBI:.0f}"
            )
    slope = readings.slope(min(_WARM_UP, options.files // 10))
    at_first = readings.peak(0, step)[2]
    at_last = readings.peak(options.files - step // 2, options.files)[2]
    print(
        f"slope {slope / 1024:+.2f} KiB for each further file; peak {readings.peak(0, options.files)[2] / _MEBI:.0f} MiB"
    )
    print(f"ratio {at_last / at_first:.2f}")


if __name__ == "__main__":
    main()
