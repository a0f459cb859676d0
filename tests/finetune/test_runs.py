"""Runs as processes of their own: they outlive whoever started them, and a dead one is never shown as running."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from finetune import runs
from finetune.errors import AdapterError, DatasetError, TrainingError
from finetune.folders import ModelFolder
from finetune.run_folder import RunFolder, Status, write_json
from tests.finetune.tiny_chat import tiny_config, write_rows, write_tiny_chat


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return write_tiny_chat(tmp_path_factory.mktemp("runs") / "model")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("rows") / "rows.json")


def wait_for(folder: RunFolder, step: int, seconds: float = 120.0) -> Status:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status = runs.status_of(folder)
        if status.step >= step or not status.alive:
            return status
        time.sleep(0.01)
    raise AssertionError(f"still at {runs.status_of(folder)}")


def test_a_run_outlives_its_starter_is_killed_resumed_and_finishes(model, data, tmp_path: Path) -> None:
    config = tiny_config(model, data, max_steps=150, learning_rate=2e-2, save_steps=10, eval_steps=75)
    runs_dir, adapters_dir = tmp_path / "runs", tmp_path / "adapters"
    starter = (
        "import sys; from pathlib import Path; from finetune import runs; from finetune.config_files import read_config;"
        "from finetune.folders import describe; m = Path(sys.argv[1]);"
        "c = read_config(Path(sys.argv[2])).config;"
        "print(runs.start(c, runs_dir=Path(sys.argv[3]), adapters_dir=Path(sys.argv[4]),"
        " model=describe(m, name=c.model, source='folder')).id)"
    )
    from finetune.config_files import write_config

    write_config(config, tmp_path / "run.yaml")
    done = subprocess.run(
        [sys.executable, "-c", starter, str(model.path), str(tmp_path / "run.yaml"), str(runs_dir), str(adapters_dir)],
        capture_output=True, text=True, check=True, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    # The starter has ended; its run has not.
    run = runs.find(runs_dir, done.stdout.strip())
    status = wait_for(run.folder, 20)
    assert status.state == "running", (status, run.folder.log.read_text("utf-8"))
    process = psutil.Process(status.pid)
    process.suspend()  # it must not end while it is looked at
    assert runs.status_of(run.folder).state == "running"
    assert process.parent().pid != os.getpid()  # type: ignore[union-attr]
    with pytest.raises(TrainingError) as caught:
        runs.resume(run.folder)
    assert caught.value.code == "run_alive"
    process.kill()
    psutil.wait_procs([process], timeout=60)
    dead = runs.status_of(run.folder)
    assert run.folder.read_status().state == "running"  # what it last wrote
    assert (dead.state, dead.code) == ("interrupted", "run_died")
    assert "tandem runs resume" in dead.reason()
    assert [r.status.state for r in runs.list_runs(runs_dir)] == ["interrupted"]
    assert not adapters_dir.exists()
    resumed = runs.resume(run.folder)
    seen = list(runs.watch(resumed.folder, poll_s=0.1))
    last = seen[-1]
    assert isinstance(last, Status)
    assert (last.state, last.adapter) == ("done", "tiny"), last.reason()
    steps = [event["step"] for event in seen if isinstance(event, dict) and event["kind"] == "train"]
    assert steps == list(range(1, 151))
    with pytest.raises(TrainingError) as caught:
        runs.resume(run.folder)
    assert caught.value.code == "run_complete"
    with pytest.raises(AdapterError) as taken:
        runs.start(config, runs_dir=runs_dir, model=model, adapters_dir=adapters_dir)
    assert taken.value.code == "adapter_name_taken"
    runs.delete(run.folder)
    assert runs.list_runs(runs_dir) == []
    assert (adapters_dir / "tiny" / "COMPLETE.json").is_file()


def test_stop_ends_at_a_checkpoint_or_with_what_was_learnt(model, data, tmp_path: Path) -> None:
    config = tiny_config(model, data, max_steps=5000, save_steps=2000, eval_share=0.0)
    run = runs.start(config, runs_dir=tmp_path, model=model)
    wait_for(run.folder, 3)
    status = runs.stop(run.folder, wait_s=60)
    assert status.state == "stopped"
    assert run.folder.latest_checkpoint() is not None
    assert not run.folder.result.exists()
    again = runs.resume(run.folder)
    wait_for(again.folder, status.step + 3)
    finished = runs.stop(again.folder, finish=True, wait_s=90)
    assert finished.state == "done"
    assert (run.folder.result / "COMPLETE.json").is_file()
    assert runs.stop(run.folder) == runs.status_of(run.folder)


def test_a_process_number_given_to_another_is_not_taken_for_the_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    me = psutil.Process()
    alive = Status(state="running", pid=me.pid, started=me.create_time(), heartbeat=time.time())
    folder.write_status(alive)
    assert runs.status_of(folder).state == "running"
    folder.write_status(replace(alive, started=me.create_time() - 3600))  # before a reboot, say
    assert runs.status_of(folder).state == "interrupted"
    folder.write_status(replace(alive, state="done", started=0.0))
    assert runs.status_of(folder).state == "done"


def test_metrics_are_read_on_from_where_they_ended(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.read_metrics() == ([], 0)
    folder.append_metrics({"step": 1})
    records, place = folder.read_metrics()
    assert [r["step"] for r in records] == [1]
    with folder.metrics.open("a") as file:
        file.write('{"step": 2')  # not finished yet
    assert folder.read_metrics(after=place) == ([], place)
    with folder.metrics.open("a") as file:
        file.write('}\n{"broken\n{"step": 3}\n')
    assert [r["step"] for r in folder.read_metrics(after=place)[0]] == [2, 3]
    (folder.checkpoints / "checkpoint-2").mkdir(parents=True)
    (folder.checkpoints / "checkpoint-2" / "COMPLETE").write_text("")
    place = folder.read_metrics()[1]
    folder.forget_after_checkpoint()
    assert [r["step"] for r in folder.read_metrics(after=place)[0]] == [1, 2]


def test_a_half_written_checkpoint_does_not_count(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for step, whole in ((5, True), (12, True), (20, False)):
        place = folder.checkpoints / f"checkpoint-{step}"
        place.mkdir(parents=True)
        if whole:
            (place / "COMPLETE").write_text("")
    assert folder.latest_checkpoint() == folder.checkpoints / "checkpoint-12"


def test_unusable_data_and_names_leave_no_run_behind(model, data, tmp_path: Path) -> None:
    with pytest.raises(AdapterError):
        runs.start(replace(tiny_config(model, data), name="../x"), runs_dir=tmp_path, model=model)
    pairs = tmp_path / "pairs.json"
    rows = [
        {"instruction": "Hi?", "chosen": "Hello.", "rejected": "Go."},
        {"instruction": "Hi?", "output": "Hello."},
    ]
    pairs.write_text(json.dumps(rows), "utf-8")
    with pytest.raises(TrainingError) as caught:
        runs.start(tiny_config(model, pairs), runs_dir=tmp_path / "runs", model=model)
    assert caught.value.code == "rows_of_several_kinds"
    with pytest.raises(DatasetError):
        runs.start(tiny_config(model, tmp_path / "none.json"), runs_dir=tmp_path / "runs", model=model)
    assert runs.list_runs(tmp_path / "runs") == []
    with pytest.raises(TrainingError) as unknown:
        runs.find(tmp_path / "runs", "last")
    assert unknown.value.code == "run_unknown"


def test_settings_of_another_time_do_not_hide_the_other_runs(model, data, tmp_path: Path) -> None:
    for name, text in (("a", "model: m\ndata: d\n"), ("b", "model: m\ndata: d\nnew_setting: 1\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(text, "utf-8")
    write_json(tmp_path / "a" / "status.json", {"state": "done", "of_a_later_version": 1})
    assert [(run.id, run.status.state) for run in runs.list_runs(tmp_path)] == [("a", "done")]
