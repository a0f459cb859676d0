"""Trackers get the metrics, into the run's folder, offline and without asking; without them nothing is missing."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from finetune import runs
from finetune.errors import TrainingError
from finetune.run_folder import RunFolder
from finetune.runs import load_tokenizer
from finetune.trackers import check_trackers, names, prepare_trackers
from finetune.training_data import prepare_rows, write_run
from tests.finetune.tiny_chat import tiny_config, write_rows, write_tiny_chat


@pytest.fixture
def bare_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder in which nobody has logged in to anything."""
    for name in list(os.environ):
        if name.startswith(("SWANLAB_", "WANDB_", "TENSORBOARD_")):
            monkeypatch.delenv(name)
    monkeypatch.setattr("os.environ", dict(os.environ))  # what is set here ends here
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return tmp_path


def test_a_tracker_that_is_not_installed_is_told_before_anything_is_written(tmp_path: Path) -> None:
    model, data = write_tiny_chat(tmp_path / "model"), write_rows(tmp_path / "rows.json")
    config = tiny_config(model, data, report_to="tensorboard,no_such_tracker")
    with pytest.raises(TrainingError) as caught:
        runs.start(config, runs_dir=tmp_path / "runs", model=model)
    assert caught.value.code == "tracker_missing"
    assert runs.list_runs(tmp_path / "runs") == []


def test_trackers_stay_offline_until_somebody_logged_in(bare_home: Path, monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr("finetune.trackers._open_swanlab", lambda folder: None)
    prepare_trackers("swanlab, wandb", bare_home / "run")
    assert os.environ["SWANLAB_MODE"] == os.environ["WANDB_MODE"] == "offline"
    assert os.environ["SWANLAB_LOG_DIR"] == str(bare_home / "run" / "trackers" / "swanlab")
    for name in ("SWANLAB_MODE", "WANDB_MODE"):
        del os.environ[name]
    (bare_home / ".netrc").write_text("machine example.org login x password y", "utf-8")
    prepare_trackers("wandb", bare_home / "run")
    assert os.environ.pop("WANDB_MODE") == "offline"  # somebody else's login
    (bare_home / ".netrc").write_text("machine api.wandb.ai login user password y", "utf-8")
    (bare_home / ".swanlab").mkdir()
    (bare_home / ".swanlab" / ".netrc").write_text("machine swanlab.cn login x password y", "utf-8")
    prepare_trackers("swanlab,wandb", bare_home / "run")
    assert "SWANLAB_MODE" not in os.environ
    assert "WANDB_MODE" not in os.environ
    os.environ["SWANLAB_MODE"] = "disabled"
    prepare_trackers("swanlab", bare_home / "run")
    assert os.environ["SWANLAB_MODE"] == "disabled"


def test_none_is_none() -> None:
    assert names("none") == names("") == []
    check_trackers("none")


@pytest.mark.slow
@pytest.mark.parametrize("tracker", ["tensorboard", "swanlab", "wandb"])
def test_a_run_reports_without_a_terminal_or_a_network(tmp_path: Path, tracker: str) -> None:
    if importlib.util.find_spec(tracker) is None:
        pytest.skip(f"{tracker} is not installed; pip install 'tandem-assistant[trackers]'")
    model, data = write_tiny_chat(tmp_path / "model"), write_rows(tmp_path / "rows.json")
    config = tiny_config(model, data, report_to=tracker, max_steps=2, eval_share=0.0)
    folder = RunFolder(tmp_path / "run")
    tokenizer = load_tokenizer(model)
    write_run(folder, config, prepare_rows(config, tokenizer), model, tokenizer, adapters_dir=None)
    home = tmp_path / "home"
    home.mkdir()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SWANLAB_", "WANDB_", "TENSORBOARD_"))}
    done = subprocess.run(
        [sys.executable, "-m", "finetune.train", str(folder.path)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=900,
        env={**kept, "HOME": str(home), "USERPROFILE": str(home)}, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert folder.read_status().state == "done", done.stderr[-2000:]
    written = [path for path in (folder.path / "trackers" / tracker).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in written) > 200, written
