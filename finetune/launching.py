"""How a run's process is started: alone, or as several that share the work on one machine or many.

On GPUs `accelerate launch` does it with one of our files in `launch_configs`; on CPUs, where it would want MPI, torch's
own launcher does, and only "ddp" is there.

With several machines, `tandem train rows.json distributed=ddp num_machines=2 main_process_ip=10.0.0.1` on the first one
writes the run's folder and waits; every other machine, which must see that folder and the model at the same paths,
joins by `python -m finetune.launching RUN_FOLDER --machine-rank 1`.

The rows of a step are those of a single process. Only the last step of an epoch, where it is not full, repeats as many
rows as it takes to give every process the same number.
"""

import argparse
import importlib.util
import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

from finetune.config import TrainingConfig
from finetune.errors import TrainingError

CONFIGS = Path(__file__).parent / "launch_configs"
CPU_PROCESSES = 2


def launch_command(config: TrainingConfig, run: Path, *, gpus: int) -> list[str]:
    """Return the command that trains the run in the folder `run`.

    Args:
        gpus: of this machine.

    Raises:
        TrainingError: the way of sharing needs GPUs, or DeepSpeed is not installed.
    """
    module = ["-m", "finetune.train", str(run)]
    if config.distributed == "none":
        return [sys.executable, *module]
    if not gpus and config.distributed != "ddp":
        raise TrainingError("distributed_needs_gpus", distributed=config.distributed)
    if config.distributed.startswith("deepspeed") and importlib.util.find_spec("deepspeed") is None:
        raise TrainingError("deepspeed_missing", distributed=config.distributed)
    machines = config.num_machines
    processes = config.num_processes or (gpus or CPU_PROCESSES) * machines
    if processes % machines:
        raise TrainingError("processes_uneven", processes=processes, machines=machines)
    port = config.main_process_port if machines > 1 else _free_port()
    if not gpus:
        return [
            sys.executable, "-m", "torch.distributed.run", f"--nproc_per_node={processes // machines}",
            f"--nnodes={machines}", f"--node_rank={config.machine_rank}",
            f"--master_addr={config.main_process_ip}", f"--master_port={port}", *module,
        ]  # fmt: skip
    if config.distributed.startswith("deepspeed"):
        sharing = ["--use_deepspeed", f"--deepspeed_config_file={CONFIGS / config.distributed}.json"]
        if machines > 1:
            sharing.append("--deepspeed_multinode_launcher=standard")
    else:
        sharing = [f"--config_file={CONFIGS / config.distributed}.yaml"]
    return [
        sys.executable, "-m", "accelerate.commands.launch", *sharing, f"--num_processes={processes}",
        f"--num_machines={machines}", f"--machine_rank={config.machine_rank}",
        f"--main_process_ip={config.main_process_ip}", f"--main_process_port={port}", *module,
    ]  # fmt: skip


def launch_environment(config: TrainingConfig, *, gpus: int) -> dict[str, str]:
    """Return what the processes need in their environment beyond what is there."""
    if config.distributed == "none":
        return {}
    needed = {} if gpus else {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": str(_threads(config))}
    return {key: value for key, value in needed.items() if key not in os.environ}


def main() -> None:
    """Join a run of several machines from this one; becomes its processes."""
    import torch

    from finetune.config_files import read_config
    from finetune.run_folder import RunFolder

    parser = argparse.ArgumentParser(prog="python -m finetune.launching", description="Join a run.")
    parser.add_argument("run", type=Path, help="the run's folder")
    parser.add_argument("--machine-rank", type=int, required=True, help="number of this machine, from 1")
    given = parser.parse_args()
    training = read_config(RunFolder(given.run).config).config.training
    training = replace(training, machine_rank=given.machine_rank)
    gpus = torch.cuda.device_count()
    os.environ.update(launch_environment(training, gpus=gpus))
    command = launch_command(training, given.run, gpus=gpus)
    os.execv(command[0], command)


def _threads(config: TrainingConfig) -> int:
    """Threads of each process, so that together they do not want more cores than there are."""
    here = (config.num_processes or CPU_PROCESSES * config.num_machines) // config.num_machines
    return max(1, (os.cpu_count() or 1) // max(1, here))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
