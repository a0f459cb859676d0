"""One training run, start to finish, as a process of its own: `python -m finetune.train RUN_DIR`.

Reads config.yaml, run.json and the encoded rows of the folder, and writes all else there: status, metrics, log,
checkpoints, result. It opens no knowledge base and asks nobody anything.
"""

import errno
import logging
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.errors import TrainingError
from finetune.processes import is_first, is_sharded, join, leave, world
from finetune.run_folder import RunFolder, Status, error_fields, read_json, write_json

if TYPE_CHECKING:
    from finetune.config import TrainingConfig
    from finetune.training_loop import Reporter

logger = logging.getLogger(__name__)


def main() -> None:
    """Run the folder named on the command line; the exit code says whether it ended as it should."""
    # None of these may be asked for on a terminal that nobody watches, or sent anywhere unasked.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if "LOCAL_RANK" not in os.environ:
        # With several GPUs in sight Trainer would share one batch among them in the slowest way there is.
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    sys.exit(0 if run(Path(sys.argv[1])).state in ("done", "stopped") else 1)


def run(path: Path) -> Status:
    """Train as the folder says and return how it ended; errors end up in the status, not with the caller."""
    import psutil

    from finetune.training_loop import Reporter

    folder = RunFolder(path)
    if is_first():
        folder.stop.unlink(missing_ok=True)
        folder.failure.unlink(missing_ok=True)
    me = psutil.Process()
    before = folder.read_status()
    status = Status(pid=me.pid, started=me.create_time(), step=before.step, total_steps=before.total_steps)
    with Reporter(folder, status) as reporter:
        restore = _obey_signals(reporter)
        try:
            reporter.update(**_train(folder, reporter))
        except BaseException as err:
            logger.exception("the run failed")
            reporter.update(state="failed", **_told_first(_reason(err, folder), folder))
            if isinstance(err, KeyboardInterrupt):
                raise
        finally:
            restore()
            leave()
    return reporter.status


def _told_first(reason: dict[str, Any], folder: RunFolder) -> dict[str, Any]:
    """Return the reason of the process that failed first: the others only know that it is gone."""
    if world() == 1:
        return reason
    if not is_first():
        write_json(folder.failure, reason)
        return reason
    time.sleep(1.0)
    return read_json(folder.failure) or reason


def _obey_signals(reporter: "Reporter") -> Any:
    """Make SIGTERM a wish to stop after the step; return what undoes that."""
    try:
        earlier = signal.signal(signal.SIGTERM, lambda number, frame: reporter.terminate())
    except ValueError:  # not the main thread
        return lambda: None
    return lambda: signal.signal(signal.SIGTERM, earlier)


def _reason(err: BaseException, folder: RunFolder) -> dict[str, Any]:
    full = isinstance(err, OSError) and err.errno in (errno.ENOSPC, errno.EDQUOT)
    # safetensors and torch wrap what the system said into errors of their own.
    if full or "No space left" in str(err) or "os error 28" in str(err):
        return {"code": "training_disk_full", "params": {"folder": str(folder.path)}}
    code, params = error_fields(err)
    return {"code": code, "params": params}


def _train(folder: RunFolder, reporter: "Reporter") -> dict[str, Any]:
    """Do it all; return the closing changes of the status."""
    from transformers import set_seed

    from finetune.config_files import read_config
    from finetune.fitting import note_batch
    from finetune.memory import is_out_of_memory, smaller
    from finetune.methods import check_available
    from finetune.models import device_and_dtype
    from finetune.preferences import load_rows
    from finetune.trackers import prepare_trackers
    from finetune.training_session import Session

    config = read_config(folder.config).config
    record = folder.read_record()
    train, held = (load_rows(folder.data / f"{name}.npz") for name in ("train", "eval"))
    precisions = {"auto": None, "bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
    device, dtype = device_and_dtype(None, precisions[config.training.precision])
    join(device)
    compute = str(dtype).removeprefix("torch.")
    check_available(replace(config.training, stage=record.get("stage", "sft")), device=device)
    if is_sharded() and config.training.method in ("qlora", "pissa", "prompt_tuning", "freeze"):
        raise TrainingError(
            "sharded_method", method=config.training.method, distributed=config.training.distributed
        )
    prepare_trackers(config.training.report_to, folder.path)
    set_seed(config.training.seed)
    settings: TrainingConfig | None = None
    while True:
        session = Session(folder, reporter, config, record, train, held, device, compute)
        session.open(settings)
        try:
            return session.work()
        except (RuntimeError, MemoryError) as err:
            # A row may be longer, or a neighbour's program hungrier, than when the batch was chosen.
            less = smaller(session.settings) if is_out_of_memory(err) else None
            if less is None or world() > 1:  # the other processes wait in the middle of a step
                raise
            settings = less
            session.close()
            note_batch(less, record)


if __name__ == "__main__":
    main()
