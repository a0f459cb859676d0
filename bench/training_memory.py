"""Predicted peak memory of training against what it really took, on models of several shapes with random weights.

Run: python bench/training_memory.py [--device cpu|cuda] [--shapes tiny|small|7b]

Each case is a process of its own that builds the model, puts a LoRA on it (or trains it whole) and does two optimiser
steps, of which the second has the optimiser's state. On a CPU the peak is what the process's resident memory grew by,
with glibc told to give freed blocks back at once (`MALLOC_MMAP_THRESHOLD_`): by default it keeps so much that the
process holds 1.2 to 1.7 times what it uses, which `--keep-freed` shows. Training itself leaves glibc as it is: made to
give blocks back, it spends processor time on that. There the probe, which tries the longest rows before the first step
and measures what the process holds, decides. On a GPU it is what torch allocated. The last
line is `ratio X.XX`, the mean of measured over predicted; the worst error is printed before it.
"""

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finetune.config import TrainingConfig
from finetune.recommended import fill_in

GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}


@dataclass(frozen=True)
class Case:
    """A shape and how it is trained; `trained` is the share of the positions that carry loss."""

    name: str
    hidden: int
    inner: int
    layers: int
    heads: int
    vocabulary: int
    batch: int
    length: int
    trained: float = 0.25
    method: str = "lora"
    rank: int = 16
    checkpointing: bool = False
    compute: str = "float32"


CASES: dict[str, list[Case]] = {
    "tiny": [
        Case("wide vocabulary, all trained", 256, 704, 4, 4, 32000, 4, 256, 1.0),
        Case("deep, long", 256, 704, 12, 4, 8000, 2, 512),
        Case("large batch", 384, 1024, 6, 6, 8000, 16, 128),
        Case("bfloat16", 384, 1024, 6, 6, 16000, 8, 256, compute="bfloat16"),
        Case("checkpointing", 384, 1024, 12, 6, 8000, 8, 256, checkpointing=True),
        Case("full", 384, 1024, 6, 6, 8000, 4, 256, method="full"),
    ],
    "small": [
        Case("135M, answers", 576, 1536, 30, 9, 49152, 4, 512, compute="bfloat16"),
        Case("135M, all trained", 576, 1536, 30, 9, 49152, 4, 512, 1.0, compute="bfloat16"),
        Case("135M, one long row", 576, 1536, 30, 9, 49152, 1, 2048, compute="bfloat16"),
        Case("135M, checkpointing", 576, 1536, 30, 9, 49152, 8, 512, checkpointing=True, compute="bfloat16"),
        Case("135M, float32", 576, 1536, 30, 9, 49152, 2, 512),
        Case("135M, full", 576, 1536, 30, 9, 49152, 2, 512, method="full"),
    ],
    "7b": [
        Case("7B, 1 x 2048", 3584, 18944, 28, 28, 152064, 1, 2048, compute="bfloat16"),
        Case("7B, 2 x 4096", 3584, 18944, 28, 28, 152064, 2, 4096, compute="bfloat16"),
        Case(
            "7B, 2 x 4096, checkpointing", 3584, 18944, 28, 28, 152064, 2, 4096, 1.0, checkpointing=True,
            compute="bfloat16",
        ),
        Case("7B, rank 64", 3584, 18944, 28, 28, 152064, 1, 4096, rank=64, compute="bfloat16"),
        Case("4B, 4 x 2048", 2560, 9728, 36, 32, 151936, 4, 2048, compute="bfloat16"),
        Case("4B, 8 x 512, all trained", 2560, 9728, 36, 32, 151936, 8, 512, 1.0, compute="bfloat16"),
    ],
}  # fmt: skip


def main() -> None:
    """Print a line per case and how far the prediction was off."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--shapes", choices=sorted(CASES), default="tiny")
    parser.add_argument("--keep-freed", action="store_true", help="leave the allocator as it is")
    given = parser.parse_args()
    if given.device == "cpu" and not given.keep_freed and not GIVE_BACK.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **GIVE_BACK})
    _import_all()
    # On a CPU a copy of this process has the libraries already, which shows only what training adds.
    context = multiprocessing.get_context("fork" if given.device == "cpu" else "spawn")
    print(f"{'':34} {'predicted':>10} {'measured':>10} {'off':>7}")
    ratios = []
    for case in CASES[given.shapes]:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            (folder / "config.json").write_text(json.dumps(_described(case)), "utf-8")
            predicted, measured = (
                _apart(context, task, case, folder, given.device) for task in (_predict, _measure)
            )
        ratios.append(measured / predicted)
        off = 100 * (predicted / measured - 1)
        print(f"{case.name:34} {predicted / 1e6:7.0f} MB {measured / 1e6:7.0f} MB {off:+6.1f}%", flush=True)
    print(f"worst: {max(abs(100 * (1 / ratio - 1)) for ratio in ratios):.1f} % off, {len(ratios)} cases")
    print(f"ratio {sum(ratios) / len(ratios):.2f}")


def _apart(context: Any, task: Callable[..., None], *given: Any) -> int:
    """Return what `task` puts into a queue, in a process of its own."""
    queue = context.Queue()
    process = context.Process(target=task, args=(*given, queue))
    process.start()
    value: int = queue.get()
    process.join()
    return value


def _described(case: Case) -> dict[str, Any]:
    return {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": case.hidden,
        "intermediate_size": case.inner, "num_hidden_layers": case.layers, "num_attention_heads": case.heads,
        "num_key_value_heads": max(1, case.heads // 4), "vocab_size": case.vocabulary, "tie_word_embeddings": True,
        "max_position_embeddings": 8192,
    }  # fmt: skip


def _settings(case: Case, device: str) -> TrainingConfig:
    config = TrainingConfig(
        method=case.method,  # type: ignore[arg-type]
        lora_r=case.rank,
        lora_dropout=0.0,
        per_device_train_batch_size=case.batch,
        gradient_accumulation_steps=1,
        gradient_checkpointing=case.checkpointing,
    )
    return replace(
        fill_in(config, parameters=10**8, rows=1000, longest=case.length, device=device), stage="sft"
    )


def _predict(case: Case, folder: Path, device: str, queue: Any) -> None:
    from finetune.memory import MetaModel

    config = _settings(case, device)
    meta = MetaModel(folder, config, compute=case.compute, device=device)
    trained = int(case.trained * case.length) * case.batch
    queue.put(meta.estimate(config, batch=case.batch, length=case.length, supervised=trained).peak)


def _measure(case: Case, folder: Path, device: str, queue: Any) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from finetune.cpu_steps import quicken
    from finetune.fitting import turn_on_checkpointing
    from finetune.methods import attach
    from finetune.supervised_loss import token_loss
    from finetune.training_loop import autocast

    config = _settings(case, device)
    before = _start_counting(device)
    dtype = torch.float32 if case.method == "full" else getattr(torch, case.compute)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder), dtype=dtype)
    model = attach(model, config, base_name="")
    model.config.use_cache = False
    if device == "cpu":
        quicken(model)
    if case.checkpointing:
        turn_on_checkpointing(model)
    model.train()
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    ids = torch.randint(0, case.vocabulary, (case.batch, case.length), device=device)
    labels = torch.full_like(ids, -100)
    labels[:, -int(case.trained * case.length) :] = ids[:, -int(case.trained * case.length) :]
    for _ in range(2):
        with autocast(device, case.compute if case.compute == "bfloat16" else None):
            losses, _, _ = token_loss(model, {"input_ids": ids, "labels": labels})
        losses.mean().backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    queue.put(_counted(device) - before)


def _start_counting(device: str) -> int:
    """Forget earlier peaks; return what is in use."""
    import torch

    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
        return int(torch.cuda.memory_allocated(device))
    Path("/proc/self/clear_refs").write_text("5")
    return _status_line("VmRSS")


def _counted(device: str) -> int:
    import torch

    return (
        int(torch.cuda.max_memory_allocated(device)) if device.startswith("cuda") else _status_line("VmHWM")
    )


def _status_line(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("this system does not tell a process's peak memory")


def _import_all() -> None:
    """Load the libraries before copies of this process are made."""
    import peft  # noqa: F401
    import torch
    from transformers import AutoModelForCausalLM, LlamaForCausalLM  # noqa: F401

    import finetune.fitting  # noqa: F401

    torch.set_num_threads(1)  # threads of the parent do not survive the copy


if __name__ == "__main__":
    main()
