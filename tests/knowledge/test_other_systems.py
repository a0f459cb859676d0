"""What Windows and macOS lack: everything imports, files are read and children end without it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Windows has none of these modules and none of these functions.
_WITHOUT_POSIX = """
import builtins, importlib, os, pkgutil, signal, sys
absent = {"resource", "fcntl", "pwd", "grp", "termios", "tty", "pty"}
for name in absent:
    sys.modules.pop(name, None)
real = builtins.__import__
def refusing(name, globals=None, locals=None, fromlist=(), level=0):
    if level == 0 and name.partition(".")[0] in absent:
        caller = (globals or {}).get("__name__", "")
        if caller.partition(".")[0] in ("knowledge", "__main__"):
            raise ImportError(f"no module named {name}")
    return real(name, globals, locals, fromlist, level)
builtins.__import__ = refusing
for name in ("killpg", "setsid", "getpgid", "nice", "fork", "getuid", "sched_setaffinity"):
    if hasattr(os, name):
        delattr(os, name)
"""

_IMPORTS = """
import knowledge
for module in pkgutil.walk_packages(knowledge.__path__, "knowledge."):
    importlib.import_module(module.name)
"""

_READS = """
from pathlib import Path
from knowledge.errors import UnreadableFileError
from knowledge.parsing import Limits, ParserPool
from knowledge.parsing.child import _give_up_rights, _limit_cpu
_give_up_rights(1 << 30)
_limit_cpu(10)

"""

_KILLS = """
from pathlib import Path
from knowledge.errors import UnreadableFileError
from knowledge.parsing import Limits, ParserPool
folder = Path(sys.argv[1])
with ParserPool(workers=1, limits=Limits(seconds=0.01, seconds_per_megabyte=0)) as pool:
    try:
        pool.parse(folder / "slow.html")
    except UnreadableFileError as err:
        assert err.code == "file_needs_time", err.code
    else:
        raise AssertionError("it was not stopped")
with ParserPool(workers=1, limits=Limits(memory_bytes=(1 << 30) + 3)) as pool:
    assert pool.parse(folder / "good.md").text
"""


def run(code: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_POSIX + code, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_every_module_imports_without_posix() -> None:
    run(_IMPORTS)


def test_a_child_gives_up_what_it_can_without_posix() -> None:
    run(_READS)


def test_files_are_read_and_stopped_without_posix(tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text("# Title\n\nText.")
    (tmp_path / "slow.html").write_text("<table>" + "<tr><td>x</td></tr>" * 100_000 + "</table>")
    run(_KILLS, str(tmp_path))
