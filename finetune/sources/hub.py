"""Models from the Hugging Face hub or a mirror of it.

Everything that huggingface_hub honours holds: HF_ENDPOINT, HF_HOME, HF_TOKEN, HF_HUB_OFFLINE, resuming what
was cut off. Only safetensors, configuration and tokenizer files are asked for.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from finetune.errors import ModelUnavailableError
from finetune.folders import WANTED_SUFFIXES, Progress, has_pickle, require_space, sha256_of

_FOLDERS_LEFT_OUT = {"onnx", "openvino", "original", "metal", "gguf"}
"""Copies of the same weights for other runtimes."""


def fetch_from_hub(
    repository: str, *, revision: str | None = None, offline: bool = False, progress: Progress | None = None
) -> tuple[Path, str]:
    """Return the model's folder in the hub's cache and the commit it is of, downloading what is missing.

    Args:
        repository: "organisation/name".
        revision: branch, tag or commit; the main branch by default.
        offline: use only what the cache already has.

    Raises:
        ModelUnavailableError: it does not exist, may not be read, has no safetensors, or cannot be fetched.
    """
    from huggingface_hub import HfApi, hf_hub_download, snapshot_download
    from huggingface_hub.utils import is_offline_mode

    endpoint = os.environ.get("HF_ENDPOINT") or None
    with _translated(repository, revision):
        if offline or is_offline_mode():
            path = snapshot_download(
                repository, revision=revision, local_files_only=True, allow_patterns=["config.json"]
            )
            return Path(path), Path(path).name
        api = HfApi(endpoint=endpoint)
        info = api.model_info(repository, revision=revision, files_metadata=True)
        files = [sibling for sibling in info.siblings or () if _wanted(sibling.rfilename)]
        if not any(file.rfilename.endswith(".safetensors") for file in files):
            everything = [sibling.rfilename for sibling in info.siblings or ()]
            code = "model_pickle_only" if has_pickle(everything) else "model_hub_without_weights"
            raise ModelUnavailableError(code, name=repository)
        from huggingface_hub.constants import HF_HUB_CACHE

        total = sum(file.size or 0 for file in files)
        commit = str(info.sha)
        cached = Path(HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}" / "snapshots" / commit
        missing = [file for file in files if not (cached / file.rfilename).exists()]
        require_space(Path(HF_HUB_CACHE), sum(file.size or 0 for file in missing))
        done = total - sum(file.size or 0 for file in missing)
        for file in sorted(missing, key=lambda file: file.size or 0):
            path = hf_hub_download(
                repository,
                file.rfilename,
                revision=commit,
                endpoint=endpoint,
                tqdm_class=_progress_class(progress, done, total),
            )
            done += file.size or 0
            if progress is not None:
                progress("download", done, total)
            # Checked here because the client itself compares sizes only.
            if file.lfs is not None:
                found = sha256_of(Path(path))
                if found != file.lfs.sha256:
                    _forget(Path(path))
                    raise ModelUnavailableError(
                        "model_wrong_hash",
                        name=repository,
                        file=file.rfilename,
                        expected=file.lfs.sha256[:16],
                        found=found[:16],
                    )
        return cached, commit


def _wanted(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix in WANTED_SUFFIXES and not _FOLDERS_LEFT_OUT & set(path.parts[:-1])


def _forget(path: Path) -> None:
    """Remove a cached file, and the blob it points to, so that the next attempt starts afresh."""
    path.resolve().unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _progress_class(progress: Progress | None, before: int, total: int) -> Any:
    """A progress bar that draws nothing and tells `progress` the bytes of the whole model instead."""
    from tqdm.auto import tqdm

    class Reported(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            self.counted = int(options.get("initial") or 0)
            options.pop("name", None)
            super().__init__(*args, **{**options, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            self.counted += int(n or 0)
            if progress is not None:
                progress("download", min(before + self.counted, total), total)
            return None

    return Reported


@contextmanager
def _translated(repository: str, revision: str | None) -> Iterator[None]:
    """Turn the hub client's errors into ours."""
    import httpx
    from huggingface_hub import constants, errors

    where = os.environ.get("HF_ENDPOINT") or constants.ENDPOINT
    try:
        yield
    except errors.GatedRepoError as err:
        raise ModelUnavailableError("model_gated", name=repository) from err
    except errors.RevisionNotFoundError as err:
        raise ModelUnavailableError(
            "model_revision_unknown", name=repository, revision=str(revision)
        ) from err
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as err:
        raise ModelUnavailableError("model_unknown_on_hub", name=repository, hub=where) from err
    except (errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError) as err:
        # The client raises the second also when it was online and could not connect.
        offline = isinstance(err, errors.OfflineModeIsEnabled) or err.__cause__ is None
        code = "model_offline" if offline else "model_hub_unreachable"
        raise ModelUnavailableError(code, name=repository, hub=where, reason=_first_line(err)) from err
    except (errors.HfHubHTTPError, httpx.HTTPError) as err:
        raise ModelUnavailableError(
            "model_hub_unreachable", name=repository, hub=where, reason=_first_line(err)
        ) from err
    except OSError as err:
        reason = err.strerror or _first_line(err)
        raise ModelUnavailableError(
            "model_folder_unwritable", folder=constants.HF_HUB_CACHE, reason=reason
        ) from err


def _first_line(err: BaseException) -> str:
    return (str(err).strip().splitlines() or [type(err).__name__])[0][:200]
