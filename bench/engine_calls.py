"""How many kernels a step of sixteen answers starts, row by row and in slots: what a GPU that waits for Python takes.

Run: python bench/engine_calls.py [--layers 30] [--tokens 450] [--rounds 5]

A llama-like model of random weights in fp32 on the CPU, with the way that a GPU takes: layers as Python, weights that share an
input joined. A third of the rows has no adapter, the others one of two of rank 16 on all linear layers. Counted
are calls of torch that compute or copy; views start nothing. Times on the CPU say only that the step does the same
work. Where there is a GPU, the recorded step is timed there too. The last line is `ratio X.XX`, calls row by row over calls in
slots.
"""

import argparse
import statistics
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM

from assistant import lean_model
from assistant.cuda_recording import CudaRecorder
from assistant.decoder_layers import DecoderLayers
from assistant.forwarding import shorten
from assistant.lean_model import LeanModel
from assistant.lora_rows import LoraPair
from assistant.packed_linear import LinearMaker
from assistant.prefix_cache import Block, PrefixCache
from assistant.slots import SlotShape

_ROWS = 16
_NO_KERNEL = (
    "view", "slice.", "select.int", "permute", "transpose", "expand", "squeeze", "split", "alias", "unbind",
    "detach", "narrow", "as_strided", "empty", "aten.t.", "lift_fresh", "reshape", "flatten", "chunk",
)  # fmt: skip


class _Counted(TorchDispatchMode):
    """Counts the calls of torch that compute or copy something."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not any(word in str(func) for word in _NO_KERNEL):
            self.calls[str(func)] += 1
        return func(*args, **(kwargs or {}))


def main() -> None:
    """Print the counts, the times and the ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", type=int, default=30)
    parser.add_argument("--width", type=int, default=576)
    parser.add_argument("--tokens", type=int, default=450)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--names", action="store_true", help="print the calls by name")
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    _as_on_a_gpu()
    config = LlamaConfig(
        hidden_size=arguments.width,
        intermediate_size=arguments.width * 8 // 3,
        num_hidden_layers=arguments.layers,
        num_attention_heads=9,
        num_key_value_heads=3,
        vocab_size=49152,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config).to(device).eval()
    with torch.inference_mode():
        lean = LeanModel(model)
        ratios = [
            _compared(lean, config, adapters, arguments) for adapters in ((None,), (None, "one", "two"))
        ]
    print(f"ratio {ratios[-1]:.2f}")


def _as_on_a_gpu() -> None:
    """Build models as on a GPU: no kernels of the CPU's own, no compiled layers, norms of one call."""
    begin = LinearMaker.__init__

    def without_packing(self: LinearMaker, *given: Any) -> None:
        begin(self, *given)
        self.packs, self.joins, self.may_take_four_bits = False, True, False

    LinearMaker.__init__ = without_packing  # type: ignore[method-assign]
    lean_model.compiled = lambda layers: None  # type: ignore[assignment]
    if not torch.cuda.is_available():
        # RMS norm is one kernel on a GPU and several on the CPU, layer norm is one on both. Nobody reads the logits.
        DecoderLayers._norm = (
            lambda self, x, weight: torch.layer_norm(  # type: ignore[method-assign]
                x, [x.shape[-1]], weight[: x.shape[-1]], None, self.eps
            )
        )


def _compared(
    lean: LeanModel, config: LlamaConfig, names: tuple[str | None, ...], arguments: argparse.Namespace
) -> float:
    """Print calls and milliseconds of both ways for rows of these adapters; return the ratio of the calls."""
    for name in filter(None, names):
        lean.adapters.put(
            name,
            {
                (layer, linear): LoraPair(0.01 * torch.randn(16, ins), 0.01 * torch.randn(outs, 16))
                for layer, shapes in enumerate(lean._shapes)
                for linear, (outs, ins) in shapes.items()
            },
        )
    recorder = CudaRecorder(lean.device) if lean.device.type == "cuda" else None
    static = lean.in_slots(SlotShape(_ROWS, 512), recorder=recorder)
    caches = PrefixCache(config, max_bytes=0, slots=static.slots)
    held = arguments.tokens
    prompts = [torch.randint(4, 40000, (held,)).tolist() for _ in range(_ROWS)]
    adapters = [names[row % len(names)] for row in range(_ROWS)]
    rows: list[DynamicCache] = []
    for prompt, adapter in zip(prompts, adapters, strict=True):
        cache, _ = caches.start(adapter, prompt, room=512)
        static.read([Block(prompt, cache, adapter, last=False)])
        rows.append(cache)
    ways: dict[str, Callable[[], Any]] = {
        "row by row": lambda: lean.step([7] * _ROWS, rows, adapters),
        "in slots": lambda: static.step([7] * _ROWS, rows, adapters),
    }
    calls, times = {}, {name: list[float]() for name in ways}
    static._recorder = None
    for name, way in ways.items():
        # Adapters are stacked in the first step.
        way()
        _cut(rows, held)
        with _Counted() as counted:
            way()
        calls[name] = counted.calls.total()
        if arguments.names:
            print(name, dict(counted.calls.most_common()))
        _cut(rows, held)
    static._recorder = recorder
    static._recordings.clear()
    for _ in range(arguments.rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            for logits in way():
                last = float(logits[0])  # waits for the device
            assert last == last
            times[name].append(1000 * (time.perf_counter() - began))
            _cut(rows, held)
    what = (
        f"{arguments.layers} layers, {_ROWS} rows of {held} tokens, {len(names) - 1} adapters, {lean.device}"
    )
    for name in ways:
        print(
            f"{what}, {name}: {calls[name]} calls, {calls[name] / _ROWS:.0f} a token, "
            f"{statistics.median(times[name]):.1f} ms"
        )
    for cache in rows:
        caches.release(cache)
    return calls["row by row"] / calls["in slots"]


def _cut(rows: list[DynamicCache], held: int) -> None:
    for cache in rows:
        shorten(cache, held)


if __name__ == "__main__":
    main()
