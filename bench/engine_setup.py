"""What the benches of the engine share: options, clock, model, an adapter of random weights, answering requests."""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.engine import Engine
from assistant.generation import EngineDone, EngineFailed, GenerationRequest

if TYPE_CHECKING:
    from finetune.models import LoadedModel


def engine_options(description: str | None, *, clock: bool = True) -> argparse.ArgumentParser:
    """A parser with what every bench of the engine takes; each adds its own.

    Args:
        clock: with --cpu-time, for benches that time by `clock_of`.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--device", default="cpu", help="cpu, cuda, or auto for a GPU where there is one")
    parser.add_argument("--dtype", help="bfloat16 or float32; without it, what the machine does best")
    parser.add_argument("--threads", type=int)
    if clock:
        parser.add_argument(
            "--cpu-time", action="store_true", help="one thread, processor seconds: for busy machines"
        )
    return parser


def clock_of(arguments: argparse.Namespace) -> Callable[[], float]:
    """What counts the seconds."""
    return time.process_time if arguments.cpu_time else time.perf_counter


def clock_name(arguments: argparse.Namespace) -> str:
    """What it is called in a heading."""
    return "processor time" if arguments.cpu_time else "by the clock"


def model_of(arguments: argparse.Namespace) -> "LoadedModel":
    """Set the threads, one where processor time is counted, and load the model."""
    import torch

    from finetune.models import load_model

    threads = 1 if getattr(arguments, "cpu_time", False) else arguments.threads
    if threads:
        torch.set_num_threads(threads)
    return load_model(arguments.model, device=arguments.device, dtype=arguments.dtype)


def load_line() -> str:
    """What else the machine is doing, to read the figures by."""
    return "load " + " ".join(f"{value:.1f}" for value in os.getloadavg())


def random_adapter(model: Any, folder: Path, *, seed: int, r: int = 8) -> Path:
    """Write a LoRA on all linear layers with small random weights that change answers; return its folder."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    config = LoraConfig(r=r, lora_alpha=2 * r, target_modules="all-linear", task_type="CAUSAL_LM")
    wrapped = get_peft_model(model, config)
    for name, weight in wrapped.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.01)
    wrapped.save_pretrained(str(folder))
    wrapped.unload()
    return folder


def write_to_the_limit(engine: Engine) -> None:
    """Let no token end an answer: answers that end early would make rounds unlike."""
    engine._batch._ends = frozenset()


def serve(
    engine: Engine, requests: list[GenerationRequest], *, clock: Callable[[], float] = time.perf_counter
) -> tuple[float, list[EngineDone]]:
    """Return the seconds until all are done, and their closing events."""
    began = clock()
    ends = []
    for event in engine.stream(requests):
        if isinstance(event, EngineFailed):
            raise event.error
        if isinstance(event, EngineDone):
            ends.append(event)
    return clock() - began, ends
