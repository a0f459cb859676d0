"""A run on disk: one folder that says everything about it, and the rules by which it is written and read.

    config.yaml     what was asked for; repeats the run        run.json      what became of it: model, data, defaults
    data/           encoded rows and the preflight report      metrics.jsonl a line per logged step, only appended
    status.json     replaced whole, never half                 log.txt       what the process printed
    checkpoints/    checkpoint-N, whole once COMPLETE is there  stop         asks the run to stop, by being there
    result/         the adapter or model, with its card

Knows nothing of models.
"""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from finetune.errors import FinetuneError
from finetune.messages import Language, render

State = Literal["preparing", "running", "checking", "done", "stopped", "failed", "interrupted"]
ALIVE: frozenset[str] = frozenset({"preparing", "running", "checking"})
CHECKPOINT_MARKER = "COMPLETE"


@dataclass(frozen=True, slots=True)
class Status:
    """Where a run stands.

    Args:
        state: as its process last wrote it; `finetune.runs.status_of` turns that of a dead process into
            "interrupted".
        pid, started: of the process; `started` in seconds since 1970, as the system knows it, so that another
            process that got the number later is not taken for it.
        heartbeat: when this was written, seconds since 1970.
        step, total_steps: optimiser steps.
        loss, eval_loss: the latest, per token.
        tokens_per_s: without padding, over the last steps.
        eta_s: seconds left, from measured steps; None before there are any.
        memory_bytes: the most that was in use.
        code, params: of the error, or of the reason why the adapter is not offered.
        adapter: the name under which it is offered.
    """

    state: State = "preparing"
    pid: int = 0
    started: float = 0.0
    heartbeat: float = 0.0
    step: int = 0
    total_steps: int = 0
    epoch: float = 0.0
    loss: float | None = None
    eval_loss: float | None = None
    tokens_per_s: float | None = None
    eta_s: float | None = None
    memory_bytes: int = 0
    seconds: float = 0.0
    code: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    adapter: str = ""

    @property
    def alive(self) -> bool:
        """Whether a process is at work on it."""
        return self.state in ALIVE

    def reason(self, language: Language = "en") -> str:
        """Why it ended as it did, or ""."""
        return render(self.code, self.params, language) if self.code else ""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one run."""

    path: Path

    @property
    def config(self) -> Path:
        """What was asked for."""
        return self.path / "config.yaml"

    @property
    def record(self) -> Path:
        """What became of it."""
        return self.path / "run.json"

    @property
    def data(self) -> Path:
        """Encoded rows."""
        return self.path / "data"

    @property
    def metrics(self) -> Path:
        """One JSON object a line."""
        return self.path / "metrics.jsonl"

    @property
    def log(self) -> Path:
        """What the process printed."""
        return self.path / "log.txt"

    @property
    def checkpoints(self) -> Path:
        """From which it can go on."""
        return self.path / "checkpoints"

    @property
    def stop(self) -> Path:
        """A file that asks the run to stop."""
        return self.path / "stop"

    @property
    def failure(self) -> Path:
        """Why a process failed that is not the one that writes the status."""
        return self.path / "failure.json"

    @property
    def result(self) -> Path:
        """The adapter or model."""
        return self.path / "result"

    def read_record(self) -> dict[str, Any]:
        """Return run.json, or {} where there is none."""
        return read_json(self.record)

    def read_status(self) -> Status:
        """Return the status as last written."""
        known = {f.name for f in fields(Status)}
        return Status(
            **{key: value for key, value in read_json(self.path / "status.json").items() if key in known}
        )

    def write_status(self, status: Status) -> None:
        """Replace the status."""
        write_json(self.path / "status.json", asdict(status))

    def append_metrics(self, record: dict[str, Any]) -> None:
        """Add a line; a reader never sees half of one that it takes for whole."""
        line = json.dumps({"time": round(time.time(), 3), **record}, ensure_ascii=False) + "\n"
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(line)

    def read_metrics(self, *, after: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Return the records after byte `after`, and where the next begin; all where the file became shorter."""
        try:
            with self.metrics.open("rb") as file:
                after = after if after <= file.seek(0, os.SEEK_END) else 0
                file.seek(after)
                text = file.read()
        except FileNotFoundError:
            return [], after
        whole = text[: text.rfind(b"\n") + 1]
        records = []
        for line in whole.splitlines():
            try:
                records.append(json.loads(line))
            except ValueError:
                continue  # cut off when the disk was full or the machine went down
        return records, after + len(whole)

    def forget_after_checkpoint(self) -> None:
        """Take off metrics of steps after the last whole checkpoint, which will be done again."""
        checkpoint = self.latest_checkpoint()
        step = -1 if checkpoint is None else int(checkpoint.name.rpartition("-")[2])
        records, _ = self.read_metrics()
        kept = [record for record in records if record.get("step", 0) <= step]
        if len(kept) < len(records):
            temporary = self.metrics.with_name(".metrics.jsonl")
            temporary.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in kept), "utf-8")
            temporary.replace(self.metrics)

    def latest_checkpoint(self) -> Path | None:
        """The newest checkpoint that is whole."""
        found = [
            path for path in self.checkpoints.glob("checkpoint-*") if (path / CHECKPOINT_MARKER).is_file()
        ]
        return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def list_folders(runs_dir: Path) -> Iterator[RunFolder]:
    """Yield the runs in `runs_dir`, newest first."""
    if not runs_dir.is_dir():
        return
    found = [path for path in runs_dir.iterdir() if (path / "config.yaml").is_file()]
    yield from (RunFolder(path) for path in sorted(found, key=lambda p: p.name, reverse=True))


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object, or {} where there is no readable one."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json(path: Path, value: Any) -> None:
    """Replace `path` by `value` in one step, flushed."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=1, default=str)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def error_fields(err: BaseException) -> tuple[str, dict[str, Any]]:
    """How an error is kept in a status: its code and what fills it."""
    if isinstance(err, FinetuneError):
        return err.code, dict(err.params.items())
    reason = (str(err).strip().splitlines() or [""])[0][:300]
    return "training_broke", {"reason": f"{type(err).__name__}: {reason}"}
