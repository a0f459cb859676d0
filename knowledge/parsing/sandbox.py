"""Reads files in child processes, so that none can hang, crash or bloat the one that owns the data.

A child is limited in time, memory and output, may not write, and is killed with all it started when it
oversteps; only its file fails. Children are kept warm: an interpreter start would cost more than most files.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from queue import LifoQueue
from types import TracebackType
from typing import Any, BinaryIO

from knowledge.documents import ParsedDocument
from knowledge.errors import UnreadableFileError
from knowledge.parsing.child import FRAME
from knowledge.parsing.request import Limits
from knowledge.parsing.wire import unpack

_ROOT = Path(__file__).resolve().parents[2]
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR", "TEMP")
_FILES_PER_CHILD = 2_000
_WATCH_INTERVAL_S = 0.05


class _Child:
    """One warm process and the pipe to it."""

    def __init__(self, limits: Limits) -> None:
        environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        environment |= {
            "PYTHONPATH": str(_ROOT),
            "PYTHONHASHSEED": "0",
            "PYTHONUTF8": "1",
            "OMP_NUM_THREADS": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-s", "-m", "knowledge.parsing.child", str(limits.memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
            env=environment,
            start_new_session=True,
        )
        self.files = 0
        self.deadline: float | None = None
        self.killed_for = ""

    def kill(self) -> None:
        """End the process and everything it started."""
        try:
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()
        except ProcessLookupError:
            pass
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                try:
                    pipe.close()
                except OSError:
                    continue  # what was left to write is of no use any more

    def rss_bytes(self) -> int:
        """Memory it holds now; 0 once it is gone."""
        import psutil

        try:
            return int(psutil.Process(self.process.pid).memory_info().rss)
        except psutil.Error:
            return 0


class ParserPool:
    """Warm children that read files; safe to use from several threads.

    Args:
        workers: files read at the same time; by default one for every processor, at most four.
        limits: what one file may cost.
    """

    def __init__(self, *, workers: int | None = None, limits: Limits = Limits()) -> None:
        self.workers = workers or min(4, os.cpu_count() or 1)
        self._limits = limits
        self._idle: LifoQueue[_Child | None] = LifoQueue()
        for _ in range(self.workers):
            self._idle.put(None)
        self._busy: set[_Child] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._watcher: threading.Thread | None = None

    def __enter__(self) -> "ParserPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all children; files still being read fail."""
        self._closed.set()
        with self._lock:
            for busy in self._busy:
                busy.killed_for = "file_parser_died"
                _signal_kill(busy)
        for _ in range(self.workers):
            child_or_none = self._idle.get()
            if child_or_none is not None:
                child_or_none.kill()
        for _ in range(self.workers):
            self._idle.put(None)
        if self._watcher is not None:
            self._watcher.join()

    def parse(self, path: Path, *, name: str | None = None, password: str | None = None) -> ParsedDocument:
        """Read one file.

        Args:
            path: where it lies.
            name: what to call it in messages, with the suffix that counts; the path's own by default.
            password: for an encrypted file.

        Raises:
            UnreadableFileError: it cannot be read; the reason is in its code.
        """
        answer, _ = self.ask("parse", path, name=name, password=password)
        try:
            return unpack(answer["document"])
        except (KeyError, TypeError, ValueError) as err:
            raise UnreadableFileError("file_parser_died", name=name or path.name) from err

    def ask(
        self, task: str, path: Path, *, name: str | None = None, password: str | None = None, **extra: Any
    ) -> tuple[dict[str, Any], bytes]:
        """Have a child do a task with a file; return its answer and the answer's binary part.

        Raises:
            UnreadableFileError: the file is missing, or the child refused it, died or overran.
        """
        shown = name or path.name
        if not path.is_file():
            raise UnreadableFileError("file_missing", name=shown)
        if self._closed.is_set():
            raise ValueError("this ParserPool is closed: open a new one")
        seconds = self._limits.wall_time_s(path.stat().st_size)
        message = {
            "task": task,
            "path": str(path.resolve()),
            "name": shown,
            "password": password,
            "limits": asdict(self._limits),
            "seconds": seconds,
            **extra,
        }
        child = self._idle.get()
        keep: _Child | None = None
        try:
            if child is None or child.process.poll() is not None:
                child = _Child(self._limits)
            answer, binary = self._exchange(child, message, seconds)
            if "bye" not in answer and child.files < _FILES_PER_CHILD:
                keep = child
        except (OSError, ValueError, EOFError) as err:
            code = (child.killed_for if child else "") or "file_parser_died"
            raise UnreadableFileError(
                code, name=shown, seconds=round(seconds), limit=self._limits.memory_bytes >> 20
            ) from err
        finally:
            if child is not None and keep is None:
                child.kill()
            self._idle.put(keep)
        if "error" in answer:
            raise UnreadableFileError(answer["error"], **answer["params"])
        return answer, binary

    def _exchange(
        self, child: _Child, message: dict[str, Any], seconds: float
    ) -> tuple[dict[str, Any], bytes]:
        """Send a request and read the answer, watched."""
        stdin, stdout = child.process.stdin, child.process.stdout
        assert stdin is not None
        assert stdout is not None
        child.deadline = time.monotonic() + seconds
        child.files += 1
        with self._lock:
            self._busy.add(child)
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="parser-watch", daemon=True)
                self._watcher.start()
        try:
            stdin.write(json.dumps(message).encode() + b"\n")
            stdin.flush()
            # A character takes at most 6 bytes in JSON; blocks and pages come on top.
            limit = 8 * self._limits.text_chars + (64 << 20)
            body_length, binary_length = FRAME.unpack(_read_exactly(stdout, FRAME.size))
            if body_length + binary_length > limit:
                raise ValueError("the answer is too long")
            answer = json.loads(_read_exactly(stdout, body_length))
            if not isinstance(answer, dict):
                raise ValueError("the answer is no object")
            return answer, _read_exactly(stdout, binary_length)
        finally:
            with self._lock:
                self._busy.discard(child)
            child.deadline = None

    def _watch(self) -> None:
        """Kill children that take too long or too much memory, until the pool is closed."""
        while not self._closed.wait(_WATCH_INTERVAL_S):
            with self._lock:
                self._end_overrunning()

    def _end_overrunning(self) -> None:
        for child in self._busy:
            if child.deadline is not None and time.monotonic() > child.deadline:
                child.killed_for = "file_needs_time"
            elif child.rss_bytes() > self._limits.memory_bytes:
                child.killed_for = "file_needs_memory"
            if child.killed_for:
                _signal_kill(child)


def _signal_kill(child: _Child) -> None:
    """Send the signal only; the thread that waits for the answer cleans up."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(child.process.pid, signal.SIGKILL)
        else:
            child.process.kill()
    except ProcessLookupError:
        return


def _read_exactly(pipe: BinaryIO | Any, count: int) -> bytes:
    data = pipe.read(count)
    if len(data) != count:
        raise EOFError("the child closed its pipe")
    return bytes(data)
