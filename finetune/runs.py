"""Runs from outside: start one, watch it, stop it, go on with it, list them. A run is a process of its own that
outlives whoever started it; everything known about it is in its folder.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finetune.adapters import check_name
from finetune.auto_classes import import_auto_classes
from finetune.config import RunConfig
from finetune.config_files import read_config
from finetune.errors import AdapterError, TrainingError
from finetune.examples import Finding
from finetune.folders import ModelFolder, discard
from finetune.run_folder import RunFolder, Status, list_folders
from finetune.trackers import check_trackers

POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run and where it stands.

    Args:
        id: the folder's name.
        status: with a dead process shown as interrupted.
        record: run.json.
    """

    id: str
    folder: RunFolder
    config: RunConfig
    status: Status
    record: dict[str, Any]


def start(
    config: RunConfig,
    *,
    runs_dir: Path,
    model: ModelFolder,
    adapters_dir: Path | None = None,
    notes: Sequence[Finding] = (),
    progress: Callable[[int, int], None] | None = None,
) -> RunInfo:
    """Examine the data, write a run's folder, and set its process going.

    Args:
        model: the folder of `config.model`.
        adapters_dir: where the adapter is offered once it has passed its checks.
        notes: kept in run.json.
        progress: of the preflight, called with (examples, of how many).

    Raises:
        DatasetError: the data cannot be used.
        TrainingError: the settings cannot be used.
        AdapterError: the adapter's name is taken or unusable.
    """
    from finetune.training_data import prepare_rows, write_run

    if config.name:
        check_name(config.name)
        if adapters_dir is not None and (adapters_dir / config.name).exists():
            raise AdapterError("adapter_name_taken", name=config.name)
    check_launch(config)
    check_trackers(config.training.report_to)
    tokenizer = load_tokenizer(model)
    prepared = prepare_rows(config, tokenizer, progress=progress)
    folder = _new_folder(runs_dir, config)
    try:
        write_run(folder, config, prepared, model, tokenizer, adapters_dir=adapters_dir, notes=notes)
    except OSError as err:
        discard(folder.path)
        raise TrainingError("training_disk_full", folder=str(runs_dir)) from err
    launch(folder)
    return read(folder)


def check_launch(config: RunConfig) -> None:
    """Raise `TrainingError` where the run's processes could not be started here."""
    from finetune.launching import launch_command

    if config.training.distributed != "none":
        import torch

        launch_command(config.training, Path(), gpus=torch.cuda.device_count())


def launch(folder: RunFolder) -> None:
    """Set the process of a prepared run going, in a session of its own, and return at once."""
    from finetune.launching import launch_command, launch_environment

    folder.stop.unlink(missing_ok=True)
    training = read_config(folder.config).config.training
    gpus = 0
    if training.distributed != "none":
        import torch

        gpus = torch.cuda.device_count()
    command = launch_command(training, folder.path, gpus=gpus)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("COV_", "PYTEST_"))}
    environment |= launch_environment(training, gpus=gpus)
    options: dict[str, Any] = {}
    if os.name == "nt":
        # CREATE_NEW_PROCESS_GROUP and DETACHED_PROCESS, which the module has on Windows only.
        options["creationflags"] = 0x200 | 0x8
    else:
        options["start_new_session"] = True
    with folder.log.open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=Path(__file__).resolve().parent.parent,
            **options,
        )
    # The process writes the rest itself; until then others must see that there is one.
    before = folder.read_status()
    folder.write_status(
        replace(before, state="preparing", pid=process.pid, started=_started(process.pid), heartbeat=time.time(),
                code="", params={}, eta_s=None)
    )  # fmt: skip
    _children[folder.path.name] = process


_children: dict[str, "subprocess.Popen[bytes]"] = {}
"""Processes started here; kept only so that the system does not hold their exit codes for ever."""


def status_of(folder: RunFolder) -> Status:
    """Return a run's status; "interrupted" where it says that it is at work and its process is gone."""
    status = folder.read_status()
    if not status.alive:
        return status
    child = _children.get(folder.path.name)
    if child is not None:
        child.poll()
    if _is_alive(status):
        return status
    # It may have ended between the two looks.
    again = folder.read_status()
    if not again.alive:
        return again
    params = {"run": folder.path.name}
    return replace(again, state="interrupted", code="run_died", params=params, eta_s=None)


def read(folder: RunFolder) -> RunInfo:
    """Return what is known about a run."""
    config = read_config(folder.config).config
    return RunInfo(folder.path.name, folder, config, status_of(folder), folder.read_record())


def list_runs(runs_dir: Path) -> list[RunInfo]:
    """Return all runs, newest first."""
    found = []
    for folder in list_folders(runs_dir):
        try:
            found.append(read(folder))
        except TrainingError:  # settings of a later version, or edited by hand
            continue
    return found


def find(runs_dir: Path, run: str) -> RunInfo:
    """Return a run by its id or the beginning of it; "" or "last" is the newest.

    Raises:
        TrainingError: there is none, or several.
    """
    folders = list(list_folders(runs_dir))
    wanted = [f for f in folders if f.path.name == run] or [f for f in folders if f.path.name.startswith(run)]
    if run in ("", "last"):
        wanted = folders[:1]
    if len(wanted) != 1:
        raise TrainingError("run_unknown", run=run)
    return read(wanted[0])


def watch(folder: RunFolder, *, after: int = 0, poll_s: float = POLL_S) -> Iterator[dict[str, Any] | Status]:
    """Yield new metrics as they are written, and the status whenever it changes; ends with the run.

    Args:
        after: bytes of metrics.jsonl to pass over.
    """
    last: Status | None = None
    while True:
        status = status_of(folder)
        records, after = folder.read_metrics(after=after)
        yield from records
        shown = replace(status, heartbeat=0.0, seconds=0.0)
        if shown != last:
            last = shown
            yield status
        if not status.alive:
            return
        time.sleep(poll_s)


def stop(folder: RunFolder, *, finish: bool = False, wait_s: float = 0.0) -> Status:
    """Ask a run to stop after its step, with a checkpoint to go on from.

    Args:
        finish: check and offer what was learnt so far instead of leaving it at a checkpoint.
        wait_s: seconds to wait for it.
    """
    status = status_of(folder)
    if not status.alive:
        return status
    folder.stop.write_text("finish" if finish else "stop", "utf-8")
    deadline = time.monotonic() + wait_s
    while status.alive and time.monotonic() < deadline:
        time.sleep(POLL_S)
        status = status_of(folder)
    return status


def resume(folder: RunFolder) -> RunInfo:
    """Go on with a run from its last whole checkpoint, or from the start where there is none.

    Raises:
        TrainingError: it is at work, or complete.
    """
    status = status_of(folder)
    if status.alive:
        raise TrainingError("run_alive", run=folder.path.name)
    if status.state == "done":
        raise TrainingError("run_complete", run=folder.path.name)
    folder.forget_after_checkpoint()  # before anybody watches; the process does it again
    launch(folder)
    return read(folder)


def delete(folder: RunFolder) -> None:
    """Remove a run and all it wrote; adapters that are offered stay.

    Raises:
        TrainingError: it is at work.
    """
    if status_of(folder).alive:
        raise TrainingError("run_alive", run=folder.path.name)
    folder.config.unlink(missing_ok=True)  # without it the folder is no run, however far the removal comes
    shutil.rmtree(folder.path, ignore_errors=True)
    _children.pop(folder.path.name, None)


def load_tokenizer(model: ModelFolder) -> Any:
    """Return a model's tokenizer alone, as `finetune.models.load_model` would."""
    import_auto_classes()
    from transformers import AutoTokenizer

    from finetune.errors import ModelUnavailableError

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            str(model.path), local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError) as err:
        reason = (str(err).splitlines() or [""])[0][:200]
        raise ModelUnavailableError(
            "model_broken", name=model.name, folder=str(model.path), reason=reason
        ) from err
    if tokenizer.chat_template is None:
        raise ModelUnavailableError("model_without_template", name=model.name)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _new_folder(runs_dir: Path, config: RunConfig) -> RunFolder:
    """Make the folder of a run; its name sorts by time and says what it is."""
    label = "".join(c if c.isalnum() else "-" for c in (config.name or Path(config.data).stem)).strip("-")[
        :40
    ]
    stamp = time.strftime("%Y%m%d-%H%M%S")
    number = 1
    while True:
        path = runs_dir / (f"{stamp}-{label}" if number == 1 else f"{stamp}-{number}-{label}")
        try:
            path.mkdir(parents=True)
            return RunFolder(path)
        except FileExistsError:
            number += 1
        except OSError as err:
            raise TrainingError("training_disk_full", folder=str(runs_dir)) from err


def _started(pid: int) -> float:
    """When a process began, or 0 where it has ended already."""
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def _is_alive(status: Status) -> bool:
    """Whether the very process that wrote the status is there and not a zombie."""
    import psutil

    try:
        process = psutil.Process(status.pid)
        same = abs(process.create_time() - status.started) < 1.0
        return same and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, ValueError):
        return False
