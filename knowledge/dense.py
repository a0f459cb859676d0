"""Chroma generations: derived from the store, built beside, checked, switched to by one pointer, dropped.

`index/gen-N/` holds one version's vectors in a Chroma collection (cosine) and its postings; no text. A
generation never changes once it is there: what came since is searched exactly beside it, what went is
masked, and when that is too much another is built. `index/CURRENT` names the generation of each version.
"""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

from knowledge.database import translated
from knowledge.dense_build import COLLECTION, ENTRIES, MISSED, VECTORS, open_client
from knowledge.exact import DenseHit
from knowledge.lexical import LexicalIndex, Segment

logger = logging.getLogger(__name__)

_ROOT = Path(__file__).resolve().parent.parent
_MANIFEST = "manifest.json"
_FORMAT = 1
_LEAST_DEADLINE_S = 120.0
_VECTORS_PER_S = 50  # slower than the slowest machine that we would wait for


class GenerationError(Exception):
    """A generation could not be built or opened; exact search goes on."""


class Generation:
    """An open, checked generation.

    Args:
        folder: `index/gen-N`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        self.entries: np.ndarray = np.load(folder / ENTRIES, allow_pickle=False)
        self.missed: np.ndarray = np.load(folder / MISSED, allow_pickle=False)
        self._lock = threading.Lock()
        self._users = 0
        self._retired = False
        self._client: Any = open_client(folder)
        self._collection = self._client.get_collection(COLLECTION, embedding_function=None)

    def search(self, query: np.ndarray, *, limit: int) -> list[DenseHit]:
        """The nearest vectors to a unit vector, (D,), best first.

        Raises:
            GenerationError: Chroma failed, or the generation was retired meanwhile.
        """
        with self._lock:
            if self._retired:
                raise GenerationError(f"{self.name} was retired")
            self._users += 1
        try:
            answer = self._collection.query(
                query_embeddings=[query], n_results=min(limit, len(self.entries)), include=["distances"]
            )
        except Exception as err:  # Chroma raises its Rust side's errors under many names
            raise GenerationError(f"{self.name}: {err}") from err
        finally:
            with self._lock:
                self._users -= 1
                last = self._retired and self._users == 0
            if last:
                self._remove()
        return [
            DenseHit(int(key), 1.0 - float(distance))
            for key, distance in zip(answer["ids"][0], answer["distances"][0], strict=True)
        ]

    def retire(self) -> None:
        """Close it and remove its folder, once nobody searches it any more."""
        with self._lock:
            self._retired = True
            idle = self._users == 0
        if idle:
            self._remove()

    def close(self) -> None:
        """Close it and keep its folder."""
        with self._lock:
            self._retired = True
        self._client.close()

    def _remove(self) -> None:
        self._client.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Generations:
    """The folder `index/`.

    Args:
        folder: made when the first generation is built.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._child: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._building: Path | None = None
        self._lock = threading.Lock()

    def current(self) -> dict[int, Path]:
        """The finished generation of each version, by what `CURRENT` and the manifests say."""
        try:
            named = json.loads((self.folder / "CURRENT").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        found = {}
        for version, name in named.items():
            folder = self.folder / str(name)
            try:
                manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if manifest.get("format") == _FORMAT and manifest.get("version") == int(version):
                found[int(version)] = folder
        return found

    def open_checked(self, folder: Path) -> Generation:
        """Open a generation that a child process opened and queried just before.

        Raises:
            GenerationError: it is damaged.
        """
        entries = np.load(folder / ENTRIES, mmap_mode="r", allow_pickle=False)
        self._run("glance", folder, len(entries))
        return self._open(folder)

    def build(
        self, version_id: int, entries: np.ndarray, vectors: np.ndarray, postings: LexicalIndex
    ) -> Generation:
        """Build, check and open a generation, and make it its version's current one.

        Args:
            entries, vectors: (N,) int64 ascending and (N, D) float32 of unit length.
            postings: the version's; compacted already.

        Raises:
            GenerationError: it did not pass; the one before stays current.
            StoreError: the folder cannot be written.
        """
        folder = self._building = self._new_folder()
        try:
            with translated(self.folder):
                (folder / "lexical").mkdir(parents=True)
                np.save(folder / ENTRIES, entries, allow_pickle=False)
                np.save(folder / VECTORS, vectors, allow_pickle=False)
                for segment in postings.segments:
                    segment.save(folder / "lexical")
            self._run("build", folder, len(entries))
            generation = self._open(folder)
            with translated(self.folder):
                _sync_tree(folder)
                manifest = {"format": _FORMAT, "version": version_id, "chunks": len(entries)}
                _write(folder / _MANIFEST, json.dumps(manifest))
                self._point(version_id, folder.name)
            return generation
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            self._building = None

    def drop(self, version_id: int) -> None:
        """Forget a version's generation; its folder goes with `sweep` or `Generation.retire`."""
        with translated(self.folder):
            self._point(version_id, None)

    def sweep(self) -> None:
        """Remove every folder that is not a version's current one: left by a kill, or given up."""
        if not self.folder.is_dir():
            return
        kept = {path.name for path in self.current().values()}
        for path in self.folder.iterdir():
            if path.is_dir() and path.name not in kept and path != self._building:
                shutil.rmtree(path, ignore_errors=True)

    def close(self) -> None:
        """End a child that is still at work."""
        with self._lock:
            self._closed = True
            child = self._child
        if child is not None:
            _kill(child)

    def _open(self, folder: Path) -> Generation:
        try:
            return Generation(folder)
        except Exception as err:  # Chroma raises its Rust side's errors under many names
            raise GenerationError(f"{folder.name}: {err}") from err

    def _new_folder(self) -> Path:
        taken = [int(path.name[4:]) for path in self.folder.glob("gen-*") if path.name[4:].isdigit()]
        return self.folder / f"gen-{max(taken, default=0) + 1}"

    def _point(self, version_id: int, name: str | None) -> None:
        named = {str(version): path.name for version, path in self.current().items()}
        if name is None:
            named.pop(str(version_id), None)
        else:
            named[str(version_id)] = name
        if named or self.folder.is_dir():
            _write(self.folder / "CURRENT", json.dumps(named))

    def _run(self, task: str, folder: Path, count: int) -> None:
        """Do a task in a child process with a deadline."""
        deadline_s = _LEAST_DEADLINE_S + count / _VECTORS_PER_S
        with self._lock:
            if self._closed:
                raise GenerationError("the folder is being closed")
            self._child = child = subprocess.Popen(
                [sys.executable, "-m", "knowledge.dense_build", task, str(folder.resolve())],
                cwd=_ROOT,
                env={**os.environ, "ANONYMIZED_TELEMETRY": "False"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        try:
            _, errors = child.communicate(timeout=deadline_s)
        except subprocess.TimeoutExpired as err:
            _kill(child)
            child.communicate()
            raise GenerationError(f"{task} of {folder.name} took over {deadline_s:.0f} s") from err
        finally:
            with self._lock:
                self._child = None
        if child.returncode != 0:
            said = errors.decode(errors="replace").strip().splitlines()[-1:] or ["nothing"]
            raise GenerationError(f"{task} of {folder.name} ended with {child.returncode}: {said[0]}")


def load_postings(folder: Path) -> LexicalIndex:
    """The postings of a generation, mapped from disk.

    Raises:
        GenerationError: they are damaged.
    """
    try:
        return LexicalIndex([Segment.load(folder / "lexical")])
    except (OSError, ValueError, EOFError) as err:
        raise GenerationError(f"{folder.name}: {err}") from err


def load_vectors(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Entries (N,) and vectors (N, D) of a generation, mapped from disk: exact search needs no reading first.

    Raises:
        GenerationError: they are damaged.
    """
    try:
        entries = np.load(folder / ENTRIES, allow_pickle=False)
        vectors = np.load(folder / VECTORS, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as err:
        raise GenerationError(f"{folder.name}: {err}") from err
    if vectors.ndim != 2 or len(vectors) != len(entries):
        raise GenerationError(f"{folder.name}: {vectors.shape} vectors for {len(entries)} chunks")
    return entries, vectors


def _kill(child: "subprocess.Popen[bytes]") -> None:
    try:
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    except ProcessLookupError:
        return


def _write(path: Path, text: str) -> None:
    """Replace a small file; after a crash it is the old or the new one."""
    partial = path.with_suffix(".part")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _sync_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDWR)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
