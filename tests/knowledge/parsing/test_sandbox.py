"""The sandbox against parsers that hang, crash, bloat, and against what is no file at all."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from knowledge.errors import UnreadableFileError
from knowledge.parsing import Limits, ParserPool, parse_file
from tests.waiting import until


def _refusal(pool: ParserPool, path: Path) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        pool.parse(path)
    assert path.name in str(caught.value)
    return caught.value.code


def _child(pool: ParserPool) -> psutil.Process:
    (child,) = [
        process
        for process in psutil.Process().children(recursive=True)
        # A child that another test killed may still wait to be reaped; it has no command line any more.
        if process.status() != psutil.STATUS_ZOMBIE and str(pool._limits.memory_bytes) in process.cmdline()
    ]
    return child


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.md"
    path.write_text("# Title\n\nA paragraph.\n", encoding="utf-8")
    return path


def _slow_file(folder: Path) -> Path:
    """A table so long that its tree takes seconds to build and hundreds of megabytes."""
    path = folder / "slow.html"
    path.write_text("<table>" + "<tr><td>x</td></tr>" * 400_000 + "</table>", encoding="utf-8")
    return path


def test_a_file_that_takes_too_long_fails_alone(tmp_path: Path, good: Path) -> None:
    slow = _slow_file(tmp_path)
    limits = Limits(memory_bytes=(1 << 30) + 1)
    with ParserPool(workers=1, limits=limits) as pool:
        pool.parse(good)
        first = _child(pool).pid
        # For the slow file only: on a busy machine a new child takes longer to start.
        pool._limits = replace(limits, seconds=0.4, seconds_per_megabyte=0)
        started = time.monotonic()
        assert _refusal(pool, slow) == "file_needs_time"
        assert time.monotonic() - started < 30
        pool._limits = limits
        assert pool.parse(good).title == "Title"
        assert _child(pool).pid != first
        assert not psutil.pid_exists(first)


def test_a_file_that_takes_too_much_memory_fails_alone(tmp_path: Path, good: Path) -> None:
    slow = _slow_file(tmp_path)
    with ParserPool(workers=1, limits=Limits(memory_bytes=160 << 20)) as pool:
        assert _refusal(pool, slow) == "file_needs_memory"
        assert pool.parse(good).title == "Title"


def test_a_child_that_is_killed_fails_only_its_file(tmp_path: Path, good: Path) -> None:
    slow = _slow_file(tmp_path)
    with (
        ParserPool(workers=1, limits=Limits(memory_bytes=(1 << 30) + 2)) as pool,
        ThreadPoolExecutor(1) as thread,
    ):
        pool.parse(good)
        child = _child(pool)
        before = child.cpu_times().user
        work = thread.submit(_refusal, pool, slow)
        until(lambda: child.cpu_times().user > before + 0.1)  # it is at work
        child.kill()
        assert work.result(timeout=60) == "file_parser_died"
        assert pool.parse(good).title == "Title"


def test_too_much_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("word " * 3000, encoding="utf-8")
    with ParserPool(workers=1, limits=Limits(text_chars=10_000)) as pool:
        assert _refusal(pool, path) == "file_too_much_text"
    with ParserPool(workers=1, limits=Limits(file_bytes=10_000)) as pool:
        assert _refusal(pool, path) == "file_too_large"


def test_what_is_no_file(tmp_path: Path, pool: ParserPool) -> None:
    assert _refusal(pool, tmp_path / "missing.pdf") == "file_missing"
    assert _refusal(pool, tmp_path) == "file_missing"
    (tmp_path / "empty.docx").touch()
    assert _refusal(pool, tmp_path / "empty.docx") == "file_empty"


def test_the_child_may_not_write_connect_or_start_programs() -> None:
    from knowledge.parsing import child

    code = (
        "import socket, subprocess, sys, tempfile\n"
        "from knowledge.parsing.child import _give_up_rights\n"
        "_give_up_rights(1 << 30)\n"
        "for attempt in (lambda: socket.socket().connect(('127.0.0.1', 9)), lambda: subprocess.Popen(['true'])):\n"
        "    try:\n"
        "        attempt()\n"
        "    except PermissionError:\n"
        "        print('refused')\n"
    )
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=Path(child.__file__).parents[2],
        check=True,
    )
    assert done.stdout.split() == ["refused", "refused"]


def test_threads_share_a_pool(tmp_path: Path) -> None:
    paths = []
    for number in range(40):
        paths.append(tmp_path / f"{number}.md")
        paths[-1].write_text(f"# Number {number}\n\nText.\n", encoding="utf-8")
    with ParserPool(workers=2) as pool, ThreadPoolExecutor(8) as threads:
        titles = [document.title for document in threads.map(pool.parse, paths)]
    assert titles == [f"Number {number}" for number in range(40)]


def test_a_closed_pool_leaves_no_process_and_says_so(good: Path) -> None:
    limits = Limits(memory_bytes=(1 << 30) + 3)
    with ParserPool(workers=1, limits=limits) as pool:
        pool.parse(good)
        process = _child(pool)
    assert not process.is_running()
    with pytest.raises(ValueError, match="closed"):
        pool.parse(good)


def test_parse_file_alone_gives_the_same_document_each_time(good: Path) -> None:
    assert parse_file(good) == parse_file(good)
    assert parse_file(good, name="as/the user/calls it.txt").media_type == "text/plain"
