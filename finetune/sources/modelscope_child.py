"""`python -m finetune.sources.modelscope_child STATUS REPOSITORY REVISION OFFLINE`: one model by ModelScope's client.

A process of its own, because the client cannot be stopped: its threads go on through an exception of a progress
callback, and wait for a silent server without asking anybody. STATUS is a file for `total` (bytes, where the hub
tells them), then `path` or `reason`. Ends when its standard input does, so that no parent leaves it behind.
"""

import os
import sys
import threading
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from finetune.folders import WANTED_SUFFIXES
from finetune.run_folder import write_json


def main(status: Path, repository: str, revision: str | None, *, offline: bool) -> None:
    """Fetch, and write what came of it."""
    from modelscope import snapshot_download

    told: dict[str, Any] = {}
    named: dict[str, Any] = {} if revision is None else {"revision": revision}
    if not offline:
        with suppress(Exception):  # without it there is a count of bytes and no bar
            told["total"] = _total(repository, named)
            write_json(status, told)
    try:
        path = snapshot_download(
            repository,
            **named,
            local_files_only=offline,
            allow_patterns=[f"*{suffix}" for suffix in sorted(WANTED_SUFFIXES)],
        )
        told["path"] = str(path)
    except Exception as err:
        # The client raises requests' errors, ValueError and classes of its own, by no common root.
        told["reason"] = (str(err).strip().splitlines() or [type(err).__name__])[0][:200]
    write_json(status, told)


def _total(repository: str, named: dict[str, Any]) -> int:
    from modelscope.hub.api import HubApi

    files = HubApi().get_model_files(repository, recursive=True, **named)
    return sum(
        int(file.get("Size") or 0) for file in files if PurePosixPath(file["Path"]).suffix in WANTED_SUFFIXES
    )


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3] or None, offline=sys.argv[4] == "offline")
