"""A run under what really happens to programs: memory that is refused, and being killed at any moment."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from finetune import runs
from finetune.adapters import list_adapters, verified
from finetune.config_files import read_config
from finetune.run_folder import RunFolder
from finetune.runs import load_tokenizer
from finetune.training_data import prepare_rows, write_run
from tests.finetune.tiny_chat import tiny_config, write_rows, write_tiny_chat

UNDER_A_LIMIT = """
import resource, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
import finetune.checks, finetune.train, finetune.training_session
finetune.checks.QUESTIONS = (("a", "b", "c", "d"),)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
limit = used + int(sys.argv[2]) * 1_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
print(finetune.train.run(Path(sys.argv[1])))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux: /proc and RLIMIT_AS")
def test_memory_that_the_system_refuses_makes_the_batch_smaller(tmp_path: Path) -> None:
    model, data = write_tiny_chat(tmp_path / "model"), write_rows(tmp_path / "rows.json", 400)
    config = tiny_config(
        model, data, per_device_train_batch_size=256, max_steps=2, eval_share=0.0, save_steps=100
    )
    folder = RunFolder(tmp_path / "run")
    tokenizer = load_tokenizer(model)
    write_run(folder, config, prepare_rows(config, tokenizer), model, tokenizer, adapters_dir=None)
    # The estimate looks at the machine's free memory and finds plenty; only trying tells.
    done = subprocess.run(
        [sys.executable, "-c", UNDER_A_LIMIT, str(folder.path), "150"],
        env={**os.environ, "MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
        check=False, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    status, record = folder.read_status(), folder.read_record()
    assert (status.state, status.step) == ("done", 2), (status, done.stderr[-2000:])
    settings = record["settings"]
    assert settings["per_device_train_batch_size"] < 256
    rows = settings["per_device_train_batch_size"] * settings["gradient_accumulation_steps"]
    assert rows == 256
    assert {note["code"] for note in record["notes"]} == {"batch_made_smaller"}


@pytest.mark.slow
def test_killed_at_any_moment_a_run_offers_nothing_half_and_goes_on(tmp_path: Path) -> None:
    model, data = write_tiny_chat(tmp_path / "model"), write_rows(tmp_path / "rows.json")
    adapters = tmp_path / "adapters"
    config = tiny_config(model, data, max_steps=60, learning_rate=2e-2, save_steps=1, eval_steps=30)
    run = runs.start(config, runs_dir=tmp_path / "runs", model=model, adapters_dir=adapters)
    dice = random.Random(7)
    for _ in range(8):
        status = runs.status_of(run.folder)
        # Killed somewhere in the next steps; once past the last one, in the midst of checks and of writing.
        target = status.step + dice.randrange(1, 20)
        deadline = time.monotonic() + 300
        while status.alive and status.step < target and status.state != "checking":
            assert time.monotonic() < deadline, status
            time.sleep(0.02)
            status = runs.status_of(run.folder)
        time.sleep(dice.random())
        if status.alive:
            process = psutil.Process(status.pid)
            process.send_signal(signal.SIGKILL)
            psutil.wait_procs([process], timeout=10)
        dead = runs.status_of(run.folder)
        assert dead.state in ("interrupted", "done")
        assert read_config(run.folder.config).config == run.config
        for info in list_adapters(adapters):
            verified(adapters, info.name, base=model)  # raises where a byte is missing
        if dead.state == "done":
            break
        assert list_adapters(adapters) == []
        runs.resume(run.folder)
    for _ in runs.watch(run.folder):
        pass
    assert runs.status_of(run.folder).state == "done", runs.status_of(run.folder)
    steps = [e["step"] for e in run.folder.read_metrics()[0] if e["kind"] == "train"]
    assert steps == list(range(1, 61))
    assert [info.name for info in list_adapters(adapters)] == ["tiny"]
