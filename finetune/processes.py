"""What the processes of one run know of each other. A run of one process is the case of a world of one."""

import os
from typing import Any


def world() -> int:
    """How many processes share the run."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Which of them this is, from 0; the first one writes the run's files."""
    return int(os.environ.get("RANK", "0"))


def is_first() -> bool:
    """Whether this process writes."""
    return rank() == 0


def is_sharded() -> bool:
    """Whether no process holds the whole model: FSDP and ZeRO 3."""
    if os.environ.get("ACCELERATE_USE_FSDP", "false") == "true":
        return True
    return uses_deepspeed() and "zero3" in os.environ.get("ACCELERATE_DEEPSPEED_CONFIG_FILE", "")


def uses_deepspeed() -> bool:
    """Whether DeepSpeed steers the run."""
    return os.environ.get("ACCELERATE_USE_DEEPSPEED", "false") == "true"


def join(device: str) -> None:
    """Connect with the other processes; this one takes the GPU of its number."""
    if world() == 1:
        return
    import torch
    from accelerate import PartialState

    if device.startswith("cuda"):
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    PartialState(cpu=device == "cpu")


def leave() -> None:
    """Take leave of the others."""
    import torch.distributed as together

    if world() > 1 and together.is_initialized():
        together.destroy_process_group()


def everybody(value: Any) -> list[Any]:
    """Return what every process gave, by rank; all must call it at the same point."""
    if world() == 1:
        return [value]
    import torch.distributed as together

    found: list[Any] = [None] * world()
    together.all_gather_object(found, value)
    return found
