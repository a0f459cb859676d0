"""Models from the Hugging Face hub or a mirror of it.

Everything that huggingface_hub honours holds: HF_ENDPOINT, HF_HOME, HF_TOKEN, HF_HUB_OFFLINE. Files land in its
cache, where other programs find them. Only safetensors, configuration and tokenizer files are asked for.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

from finetune.errors import ModelUnavailableError
from finetune.folders import WANTED_SUFFIXES, Progress, has_pickle, require_space, sha256_of

_FOLDERS_LEFT_OUT = {"onnx", "openvino", "original", "metal", "gguf"}
"""Copies of the same weights for other runtimes."""


def fetch_from_hub(
    repository: str,
    *,
    revision: str | None = None,
    offline: bool = False,
    endpoint: str | None = None,
    progress: Progress | None = None,
) -> tuple[Path, str]:
    """Return the model's folder in the hub's cache and the commit it is of, downloading what is missing.

    Args:
        repository: "organisation/name".
        revision: branch, tag or commit; the main branch by default.
        offline: use only what the cache already has.
        endpoint: address of a mirror; None takes HF_ENDPOINT, or the hub itself.

    Raises:
        ModelUnavailableError: it does not exist, may not be read, has no safetensors, or cannot be fetched.
    """
    from huggingface_hub import HfApi, hf_hub_download, hf_hub_url, is_offline_mode

    endpoint = endpoint or os.environ.get("HF_ENDPOINT") or None
    with _translated(repository, revision, endpoint):
        if offline or is_offline_mode():
            config = hf_hub_download(repository, "config.json", revision=revision, local_files_only=True)
            return Path(config).parent, Path(config).parent.name
        api = HfApi(endpoint=endpoint)
        info = api.model_info(repository, revision=revision, files_metadata=True)
        files = [sibling for sibling in info.siblings or () if _wanted(sibling.rfilename)]
        if not any(file.rfilename.endswith(".safetensors") for file in files):
            everything = [sibling.rfilename for sibling in info.siblings or ()]
            code = "model_pickle_only" if has_pickle(everything) else "model_hub_without_weights"
            raise ModelUnavailableError(code, name=repository)
        if not any(file.rfilename == "config.json" for file in files):
            raise ModelUnavailableError("model_hub_without_weights", name=repository)
        from huggingface_hub.constants import HF_HUB_CACHE

        total = sum(file.size or 0 for file in files)
        commit = str(info.sha)
        store = Path(HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
        folder = store / "snapshots" / commit
        # Asked for by branch and not by commit, so that the cache notes which commit the branch is at: that is
        # what finds the model again when there is no hub.
        hf_hub_download(repository, "config.json", revision=revision, endpoint=endpoint, tqdm_class=_quiet())
        missing = [file for file in files if not (folder / file.rfilename).exists()]
        wanted_bytes = sum(file.size or 0 for file in missing)
        require_space(store, wanted_bytes)
        done = total - wanted_bytes
        for file in sorted(missing, key=lambda file: file.size or 0):
            if file.lfs is not None:
                blob = store / "blobs" / file.lfs.sha256
                url = hf_hub_url(repository, file.rfilename, revision=commit, endpoint=endpoint)
                _fetch_blob(url, blob, file.lfs.size, repository, _counted(progress, done, total))
            # With its content in place, the client has only the name left to make.
            hf_hub_download(
                repository, file.rfilename, revision=commit, endpoint=endpoint, tqdm_class=_quiet()
            )
            done += file.size or 0
            if progress is not None:
                progress("download", done, total)
        return folder, commit


def _fetch_blob(
    url: str, blob: Path, size_bytes: int, repository: str, report: Callable[[int], None]
) -> None:
    """Put a large file's content into the cache, going on where a killed run stopped, and check its digest.

    The client (1.33) begins every file anew and compares sizes only, which costs gigabytes on a bad line.
    """
    from urllib.parse import urlsplit

    from huggingface_hub import get_hf_file_metadata
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    if blob.exists():
        return
    partial = blob.with_name(f"{blob.name}.tandem-partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    metadata = get_hf_file_metadata(url, headers=build_hf_headers())
    # The token is for the hub, not for the storage that it redirects to.
    same_host = urlsplit(metadata.location).netloc == urlsplit(url).netloc
    headers = build_hf_headers(token=None if same_host else False)
    with partial.open("ab") as file:
        before = file.tell()
        if before > size_bytes:
            file.truncate(0)
            before = 0
        http_get(
            metadata.location,
            file,
            resume_size=before,
            headers=headers,
            expected_size=size_bytes,
            tqdm_class=_quiet(report),
        )
        file.flush()
        os.fsync(file.fileno())
    found = sha256_of(partial)
    if found != blob.name:
        partial.unlink()
        raise ModelUnavailableError(
            "model_wrong_hash",
            name=repository,
            file=urlsplit(url).path.rsplit("/", 1)[-1],
            expected=blob.name[:16],
            found=found[:16],
        )
    partial.replace(blob)


def _wanted(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix in WANTED_SUFFIXES and not _FOLDERS_LEFT_OUT & set(path.parts[:-1])


def _counted(progress: Progress | None, before: int, total: int) -> Callable[[int], None]:
    """Turn bytes of one file into bytes of the whole model."""

    def report(done: int) -> None:
        if progress is not None:
            progress("download", min(before + done, total), total)

    return report


def _quiet(report: Callable[[int], None] | None = None) -> Any:
    """A progress bar class that draws nothing, and tells `report` the bytes so far instead."""
    from tqdm.auto import tqdm

    class Quiet(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)
            self.counted = int(options.get("initial") or 0)
            super().__init__(*args, **{**options, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            self.counted += int(n or 0)
            if report is not None:
                report(self.counted)
            return None

    return Quiet


@contextmanager
def _translated(repository: str, revision: str | None, endpoint: str | None) -> Iterator[None]:
    """Turn the hub client's errors into ours."""
    from huggingface_hub import constants, errors

    where = endpoint or constants.ENDPOINT
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
    except (errors.HfHubHTTPError, _transport_error()) as err:
        raise ModelUnavailableError(
            "model_hub_unreachable", name=repository, hub=where, reason=_first_line(err)
        ) from err
    except OSError as err:
        reason = err.strerror or _first_line(err)
        raise ModelUnavailableError(
            "model_folder_unwritable", folder=constants.HF_HUB_CACHE, reason=reason
        ) from err


def _transport_error() -> type[Exception]:
    """What the hub client's HTTP library raises: httpx below version 2 of the client, httpx2 from then on."""
    from huggingface_hub import get_session

    library = import_module(type(get_session()).__module__.partition(".")[0])
    error: type[Exception] = library.HTTPError
    return error


def _first_line(err: BaseException) -> str:
    return (str(err).strip().splitlines() or [type(err).__name__])[0][:200]
