"""How long it takes until an adapter that is on disk can answer, against PEFT's `load_adapter` and `set_adapter`.

Run: python bench/adapter_swap.py --model FOLDER [--rank 16] [--dtype bfloat16] [--threads 2] [--rounds 7] [--cpu-time]

Each round reads an adapter that is not loaded into an engine that has others, self-test included, and lets it draw
the first token of a short prompt; the same prompt is asked once more for what the first use costs. PEFT does the same
with the same folders, files in the disk cache for both. Adapters are LoRA of random weights on all linear layers,
made for the run. Medians; the last line is `ratio X.XX`, ours over PEFT's.

On a busy machine give --cpu-time: both run on one thread and processor seconds are counted instead of the clock's.
"""

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine_setup import clock_name, clock_of, engine_options, load_line, model_of, random_adapter, serve

from assistant.arms import Sampling
from assistant.engine import Engine
from assistant.generation import GenerationRequest


def main() -> None:
    """Print the times and the ratio."""
    import torch

    from finetune.models import load_model

    parser = engine_options(__doc__)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    clock = clock_of(arguments)
    loaded = model_of(arguments)
    with tempfile.TemporaryDirectory() as folder:
        folders = [
            random_adapter(loaded.model, Path(folder) / str(number), seed=number, r=arguments.rank)
            for number in range(3)
        ]
        size = (folders[0] / "adapter_model.safetensors").stat().st_size
        print(
            f"{loaded.dtype}, {torch.get_num_threads()} threads, {clock_name(arguments)}, rank {arguments.rank}, "
            f"{size / 2**20:.1f} MiB; {load_line()}"
        )
        engine = Engine(loaded.model, loaded.tokenizer, name=arguments.model.name)
        by_peft = _Peft(load_model(arguments.model, device="cpu", dtype=arguments.dtype).model, folders[0])
        engine.load_adapter("a0", folders[0])
        spent: dict[str, list[float]] = {"load": [], "first": [], "again": [], "peft": []}
        for _ in range(arguments.rounds):
            for number in (1, 2):
                name = f"a{number}"
                began = clock()
                engine.load_adapter(name, folders[number])
                spent["load"].append(clock() - began)
                for key in ("first", "again"):
                    began = clock()
                    _first_token(engine, name)
                    spent[key].append(clock() - began)
                engine.unload_adapter(name)
                spent["peft"].append(by_peft.swap(name, folders[number], clock))
        check = _check(engine, folders[1])
        engine.close()
    medians = {key: statistics.median(times) for key, times in spent.items()}
    print(
        f"engine: loaded and tested in {1000 * medians['load']:.1f} ms (best {1000 * min(spent['load']):.1f})"
    )
    more = medians["first"] - medians["again"]
    print(f"engine: first use takes {1000 * more:.1f} ms more than the second")
    print(f"peft: load_adapter and set_adapter {1000 * medians['peft']:.1f} ms; {load_line()}")
    print(f"self-test: logits change by {check.changed:.3f}, base restored to the bit: {check.restored}")
    print(f"ratio {(medians['load'] + max(more, 0)) / medians['peft']:.2f}")


class _Peft:
    """A `PeftModel` that takes an adapter in and out."""

    def __init__(self, model: Any, first: Path) -> None:
        from peft import PeftModel

        self._wrapped = PeftModel.from_pretrained(model, str(first), adapter_name="a0").eval()

    def swap(self, name: str, folder: Path, clock: Callable[[], float]) -> float:
        """Return the seconds until `name` is the one that would answer."""
        began = clock()
        self._wrapped.load_adapter(str(folder), adapter_name=name, is_trainable=False)
        self._wrapped.set_adapter(name)
        spent = clock() - began
        self._wrapped.set_adapter("a0")
        self._wrapped.delete_adapter(name)
        return spent


def _first_token(engine: Engine, adapter: str) -> None:
    ids = list(range(100, 116))
    serve(engine, [GenerationRequest("r", ids, adapter, Sampling(max_new_tokens=1))])


def _check(engine: Engine, folder: Path) -> Any:
    engine.load_adapter("last", folder)
    check = engine.adapter_check("last")
    assert check is not None
    return check


if __name__ == "__main__":
    main()
