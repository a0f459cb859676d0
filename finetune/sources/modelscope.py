"""Models from ModelScope, through its own client, which is an optional part of the installation."""

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from finetune.errors import ModelUnavailableError
from finetune.folders import Progress
from finetune.run_folder import read_json

_POLL_S = 0.2


def fetch_from_modelscope(
    repository: str, *, revision: str | None = None, offline: bool = False, progress: Progress | None = None
) -> tuple[Path, str | None]:
    """Return the model's folder in ModelScope's cache, and the revision that was asked for.

    Args:
        progress: what it raises ends the download; the client goes on with what is there the next time.

    Raises:
        ModelUnavailableError: the client is not installed, or the model cannot be fetched.
    """
    if importlib.util.find_spec("modelscope") is None:
        raise ModelUnavailableError("model_modelscope_missing", name=repository)
    with tempfile.TemporaryDirectory(prefix="tandem-modelscope-") as scratch:
        status, log = Path(scratch, "status.json"), Path(scratch, "log.txt")
        command = [sys.executable, "-m", "finetune.sources.modelscope_child", str(status)]
        command += [repository, revision or "", "offline" if offline else ""]
        began = time.time()
        with (
            log.open("wb") as out,
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT) as process,
        ):
            try:
                while process.poll() is None:
                    if progress is not None:
                        total = int(read_json(status).get("total", 0))
                        done = _written_since(began)
                        progress("download", min(done, total) if total else done, total)
                    time.sleep(_POLL_S)
            except BaseException:
                process.kill()
                raise
        told = read_json(status)
        if "path" not in told:
            lines = log.read_text("utf-8", "replace").strip().splitlines()
            reason = told.get("reason") or (lines or [f"exit code {process.returncode}"])[-1][:200]
            raise ModelUnavailableError("model_modelscope_failed", name=repository, reason=reason)
        return Path(told["path"]), revision


def _written_since(began: float) -> int:
    """Bytes of the files in the client's cache that were written since then: it has no other count that all versions share."""
    cache = Path(os.environ.get("MODELSCOPE_CACHE") or "~/.cache/modelscope").expanduser()
    total = 0
    for folder, _, names in os.walk(cache):
        for name in names:
            try:
                state = os.stat(os.path.join(folder, name))
            except OSError:  # it was renamed while it was counted
                continue
            if state.st_mtime >= began:
                total += state.st_size
    return total
