"""Several processes share a run: the commands that start them, and two CPU processes that learn what one would."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from finetune import runs
from finetune.config import TrainingConfig
from finetune.errors import TrainingError
from finetune.launching import CONFIGS, launch_command, launch_environment
from finetune.run_folder import RunFolder
from tests.finetune.tiny_chat import tiny_config, write_rows, write_tiny_chat

WAYS = [
    "ddp", "fsdp2", "deepspeed_zero0", "deepspeed_zero1", "deepspeed_zero2", "deepspeed_zero2_offload",
    "deepspeed_zero3", "deepspeed_zero3_offload",
]  # fmt: skip


def losses(folder: RunFolder, kind: str = "train") -> dict[int, float]:
    return {r["step"]: r["loss"] for r in folder.read_metrics()[0] if r["kind"] == kind}


def test_two_processes_learn_what_one_does_with_twice_the_accumulation(tmp_path: Path) -> None:
    # 24 rows to train and 5 held out: six full steps, and an evaluation that does not come out even.
    model, data = write_tiny_chat(tmp_path / "model"), write_rows(tmp_path / "rows.json", 29)
    alone = tiny_config(model, data, per_device_train_batch_size=2, gradient_accumulation_steps=2)
    shared = replace(
        alone,
        name="shared",
        training=replace(alone.training, gradient_accumulation_steps=1, distributed="ddp", num_processes=2),
    )
    found: dict[str, RunFolder] = {}
    for name, config in (("alone", alone), ("shared", shared)):
        run = runs.start(config, runs_dir=tmp_path / name, model=model, adapters_dir=tmp_path / "adapters")
        for _ in runs.watch(run.folder):
            pass
        status = runs.status_of(run.folder)
        log = run.folder.log.read_text("utf-8")
        assert (status.state, status.step) == ("done", 6), (status, log[-2000:])
        assert (run.folder.result / "adapter_model.safetensors").is_file()
        found[name] = run.folder
    assert len(losses(found["shared"])) == 6  # one process writes, not both
    assert losses(found["shared"]) == pytest.approx(losses(found["alone"]), rel=1e-4)
    assert losses(found["shared"], "eval") == pytest.approx(losses(found["alone"], "eval"), rel=1e-4)
    # Each of the two saw half of the tokens, and the speed is of both together.
    card = json.loads((found["shared"].result / "card.json").read_text("utf-8"))
    assert {g["name"]: g["passed"] for g in card["gates"]}["moved"] is True


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_share_has_a_configuration_and_a_command(way: str, monkeypatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    config = TrainingConfig(distributed=way, num_machines=2, machine_rank=1, main_process_ip="10.0.0.1")  # type: ignore[arg-type]
    command = launch_command(config, Path("/runs/x"), gpus=4)
    assert command[:3] == [sys.executable, "-m", "accelerate.commands.launch"]
    assert command[-3:] == ["-m", "finetune.train", "/runs/x"]
    assert {"--num_processes=8", "--num_machines=2", "--machine_rank=1", "--main_process_ip=10.0.0.1",
            "--main_process_port=29500"} <= set(command)  # fmt: skip
    named = next(part.partition("=")[2] for part in command if "config_file=" in part)
    assert Path(named).parent == CONFIGS
    text = Path(named).read_text("utf-8")
    if way.startswith("deepspeed"):
        zero = json.loads(text)["zero_optimization"]
        assert f"deepspeed_zero{zero['stage']}" == way.removesuffix("_offload")
        assert ("offload_optimizer" in zero) == way.endswith("_offload")
    else:
        assert yaml.safe_load(text)["distributed_type"] == {"ddp": "MULTI_GPU", "fsdp2": "FSDP"}[way]


def test_accelerate_takes_the_configurations() -> None:
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser

    for way in ("ddp", "fsdp2"):
        command = launch_command(TrainingConfig(distributed=way, num_processes=2), Path("x"), gpus=2)  # type: ignore[arg-type]
        args, _, _ = _validate_launch_command(launch_command_parser().parse_args(command[3:]))
        assert args.num_processes == 2
        assert (args.use_fsdp, args.multi_gpu) == ((True, False) if way == "fsdp2" else (False, True))
        if way == "fsdp2":
            assert int(args.fsdp_version) == 2


def test_one_process_is_started_as_such(tmp_path: Path) -> None:
    command = launch_command(TrainingConfig(), tmp_path, gpus=4)
    assert command == [sys.executable, "-m", "finetune.train", str(tmp_path)]
    assert launch_environment(TrainingConfig(), gpus=4) == {}


@pytest.mark.parametrize(
    ("changes", "gpus", "code"),
    [
        ({"distributed": "fsdp2"}, 0, "distributed_needs_gpus"),
        ({"distributed": "deepspeed_zero3"}, 0, "distributed_needs_gpus"),
        ({"distributed": "ddp", "num_processes": 3, "num_machines": 2}, 0, "processes_uneven"),
    ],
)
def test_what_cannot_be_started_is_told(changes: dict[str, object], gpus: int, code: str) -> None:
    with pytest.raises(TrainingError) as caught:
        launch_command(replace(TrainingConfig(), **changes), Path("x"), gpus=gpus)  # type: ignore[arg-type]
    assert caught.value.code == code
