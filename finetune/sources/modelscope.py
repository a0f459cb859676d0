"""Models from ModelScope, through its own client, which is an optional part of the installation."""

import importlib.util
from pathlib import Path

from finetune.errors import ModelUnavailableError
from finetune.folders import WANTED_SUFFIXES, Progress


def fetch_from_modelscope(
    repository: str, *, revision: str | None = None, offline: bool = False, progress: Progress | None = None
) -> tuple[Path, str | None]:
    """Return the model's folder in ModelScope's cache, and the revision that was asked for.

    Raises:
        ModelUnavailableError: the client is not installed, or the model cannot be fetched.
    """
    if importlib.util.find_spec("modelscope") is None:
        raise ModelUnavailableError("model_modelscope_missing", name=repository)
    from modelscope import snapshot_download

    if progress is not None:
        progress("download", 0, 0)
    try:
        path = snapshot_download(
            repository,
            revision=revision,
            local_files_only=offline,
            allow_patterns=[f"*{suffix}" for suffix in sorted(WANTED_SUFFIXES)],
        )
    except Exception as err:
        # The client raises requests' errors, ValueError and classes of its own, by no common root.
        reason = (str(err).strip().splitlines() or [type(err).__name__])[0][:200]
        raise ModelUnavailableError("model_modelscope_failed", name=repository, reason=reason) from err
    return Path(path), revision
