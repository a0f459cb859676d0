"""Ways to write a token sooner on the CPU, tried on one model: the table of docs/engine-speed.md.

Run: python bench/engine_tries.py --model FOLDER --text FILE [--compile] [--rounds 6]

FOLDER holds a model from a four-bit file (smollm2-135m-instruct), FILE any text of some hundred words. Processor
milliseconds on one thread, the least of the rounds, which take turns. The last line is `ratio X.XX`, a step with bf16
weights over one with four bits.
"""

import argparse
import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from engine_setup import load_line
from torch.nn import functional
from transformers import DynamicCache

from assistant.arms import Sampling
from assistant.decoder_layers import DecoderLayers
from assistant.engine import Engine
from assistant.forwarding import shorten
from assistant.generation import EngineDone, EngineToken, GenerationRequest
from assistant.lean_model import LeanModel
from assistant.packed_linear import Linear, four_bit_linear, packed_linear
from assistant.prefix_cache import Block, PrefixCache
from finetune.models import load_model

_ROWS = (1, 4, 16)
_CONTEXT = 150


def main() -> None:
    """Print one line per way."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--compile", action="store_true", help="try torch.compile too; needs a C++ compiler")
    parser.add_argument("--rounds", type=int, default=6)
    arguments = parser.parse_args()
    cores = torch.get_num_threads()
    torch.set_num_threads(1)
    loaded = load_model(arguments.model, device="cpu", dtype="bfloat16")
    model = loaded.model
    ids = loaded.tokenizer(arguments.text.read_text("utf-8"))["input_ids"][:400]
    print(f"processor milliseconds, one thread; {load_line()}")
    with torch.inference_mode():
        _kernels(model, arguments.rounds)
        by_bf16, by_four = LeanModel(model, four_bit=False), LeanModel(model, four_bit=True)
        _quality(by_bf16, by_four, ids)
        ratio = _steps(by_bf16, by_four, ids, arguments.rounds)
        _as_python(by_four, ids, arguments.rounds)
        torch.set_num_threads(max(2, cores))
        _on_several_cores(model, ids, arguments.rounds)
        torch.set_num_threads(1)
        if arguments.compile:
            _compiled(by_four, arguments.rounds)
    _guessing(loaded, ids)
    print(load_line())
    print(f"ratio {ratio:.2f}")


def _least(ways: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """The least milliseconds of each way; they take turns."""
    least: dict[str, float] = {}
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.process_time()
            way()
            spent = 1000 * (time.process_time() - began)
            least[name] = min(least.get(name, spent), spent)
    return least


def _kernels(model: Any, rounds: int) -> None:
    """All linear layers of the decoder once, by each kernel."""
    weights = [
        part.weight.detach() for part in model.model.layers.modules() if isinstance(part, torch.nn.Linear)
    ]
    scales = [weight.float().abs().amax(1) / 127 for weight in weights]
    eight = [
        ((weight.float() / scale[:, None]).round().to(torch.int8), scale.to(torch.bfloat16))
        for weight, scale in zip(weights, scales, strict=True)
    ]
    kernels: dict[str, list[Callable[[torch.Tensor], torch.Tensor]]] = {
        "bf16": [packed_linear(weight) for weight in weights],
        "int8": [partial(_by_int8, pair) for pair in eight],
        "four bits": [four_bit_linear([weight]) for weight in weights],
    }
    for rows in _ROWS:
        # bf16's kernel wants two rows at least, to sum them all in one order.
        least = {"bf16": 2}
        told = _least(
            {
                name: _layers_of(layers, weights, max(rows, least.get(name, 1)))
                for name, layers in kernels.items()
            },
            rounds,
        )
        print(f"linear layers, {rows:2} rows:", ", ".join(f"{name} {ms:.1f}" for name, ms in told.items()))


def _by_int8(pair: tuple[torch.Tensor, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    return torch._weight_int8pack_mm(x, *pair)


def _layers_of(
    layers: list[Callable[[torch.Tensor], torch.Tensor]], weights: list[torch.Tensor], rows: int
) -> Callable[[], Any]:
    """Runs each layer once on an input of `rows` rows."""
    inputs = {w.shape[1]: torch.randn(rows, w.shape[1]).to(torch.bfloat16) for w in weights}
    pairs = [(layer, inputs[weight.shape[1]]) for layer, weight in zip(layers, weights, strict=True)]
    return lambda: [layer(x) for layer, x in pairs]


def _started(lean: LeanModel, ids: list[int], room: int) -> DynamicCache:
    cache, _ = PrefixCache(lean._config, max_bytes=0).start(None, ids, room=room)
    lean.read([Block(ids, cache, None)])
    return cache


def _cut(caches: list[DynamicCache]) -> None:
    for cache in caches:
        shorten(cache, _CONTEXT)


def _quality(by_bf16: LeanModel, by_four: LeanModel, ids: list[int]) -> None:
    """How likely the text is by either, and how often both would say the same next."""
    losses, said = [], []
    for lean in (by_bf16, by_four):
        cache = _started(lean, ids[:32], len(ids) + 1)
        logits = torch.stack([lean.step([token], [cache], [None])[0] for token in ids[32:-1]])
        losses.append(float(functional.cross_entropy(logits, torch.tensor(ids[33:]))))
        said.append(logits.argmax(-1))
    same = float((said[0] == said[1]).float().mean())
    print(
        f"nats a token: bf16 {losses[0]:.4f}, four bits {losses[1]:.4f}; same next token {100 * same:.1f} %"
    )


def _steps(by_bf16: LeanModel, by_four: LeanModel, ids: list[int], rounds: int) -> float:
    """Whole steps of several rows; returns bf16 over four bits for one row."""
    caches = [_started(by_bf16, ids[row : row + _CONTEXT], 400) for row in range(max(_ROWS))]
    ratios = []
    for rows in _ROWS:

        def run(lean: LeanModel, rows: int = rows) -> None:
            for _ in range(4):
                lean.step([ids[0]] * rows, caches[:rows], [None] * rows, likeliest=[True] * rows)
            _cut(caches)

        told = _least({"bf16": lambda: run(by_bf16), "four bits": lambda: run(by_four)}, rounds)
        ratios.append(told["bf16"] / told["four bits"])
        print(f"a step, {rows:2} rows:", ", ".join(f"{name} {ms / 4:.1f}" for name, ms in told.items()))
    return ratios[0]


def _as_python(lean: LeanModel, ids: list[int], rounds: int) -> None:
    """The decoder's layers for one row: as TorchScript, as Python, and as Python with torch's own RMS norm."""
    scripted = lean._step_layers
    cache = _started(lean, ids[:_CONTEXT], 400)
    x, cos, sin = lean._begin(ids[:1], [_CONTEXT])
    given = ([lean._buffers(cache.layers, 1)], [_CONTEXT], False, None, lean.adapters.rows([None]))  # type: ignore[arg-type]

    def layers(doubled: bool) -> DecoderLayers:
        return DecoderLayers(
            scripted.layers,
            activation=torch.nn.SiLU(),
            heads=scripted.heads,
            kv_heads=scripted.kv_heads,
            scale=scripted.scale,
            eps=scripted.eps,
            doubled=doubled,
        )

    forms = {"TorchScript": scripted, "Python": layers(True), "Python, torch's norm": layers(False)}
    told = _least(
        {name: partial(_several, partial(form, x, cos, sin, *given)) for name, form in forms.items()}, rounds
    )
    print("layers, one row:", ", ".join(f"{name} {ms / 10:.1f}" for name, ms in told.items()))


def _several(work: Callable[[], Any]) -> None:
    for _ in range(10):
        work()


def _on_several_cores(model: Any, ids: list[int], rounds: int) -> None:
    """Whole steps by the clock: all rows on one core, and shared out."""
    lean = LeanModel(model, four_bit=True)
    caches = [_started(lean, ids[row : row + _CONTEXT], 400) for row in range(max(_ROWS))]
    for rows in (1, 2, *_ROWS[1:]):

        def run(lanes: int, rows: int = rows) -> float:
            lean.lanes = lanes
            began = time.perf_counter()
            for _ in range(4):
                lean.step([ids[0]] * rows, caches[:rows], [None] * rows, likeliest=[True] * rows)
            spent = time.perf_counter() - began
            _cut(caches)
            return 250 * spent

        cores, least = lean.lanes, {1: math.inf}
        for _ in range(rounds):
            for lanes in (1, cores):
                least[lanes] = min(least.get(lanes, math.inf), run(lanes))
        lean.lanes = cores
        told = ", ".join(f"{lanes} {ms:.1f}" for lanes, ms in least.items())
        print(f"a step by the clock, {rows:2} rows, on cores: {told}")


def _compiled(lean: LeanModel, rounds: int) -> None:
    """What stands between two attentions, as it is and through torch.compile."""
    layers = lean._step_layers.layers

    def between(
        x: torch.Tensor,
        norm: torch.Tensor,
        out: torch.Tensor,
        out_scales: torch.Tensor,
        wide: torch.Tensor,
        wide_scales: torch.Tensor,
        down: torch.Tensor,
        down_scales: torch.Tensor,
    ) -> torch.Tensor:
        product = torch.ops.aten._weight_int4pack_mm_for_cpu
        x = product(x, out, 32, out_scales) + x
        gate, up = product(functional.rms_norm(x, x.shape[-1:], norm, 1e-5), wide, 32, wide_scales).chunk(
            2, -1
        )
        return product(functional.silu(gate) * up, down, 32, down_scales) + x

    def through(form: Callable[..., torch.Tensor]) -> None:
        x = torch.ones(1, layers[0].down.scales.shape[1], dtype=torch.bfloat16)
        for layer in layers:
            parts: list[Linear] = [layer.out, layer.gate_up, layer.down]
            norm = layer.norm_mlp[: x.shape[1]]
            x = form(x, norm, *(t for part in parts for t in (part.weights[0], part.scales)))

    compiled = torch.compile(between, dynamic=False)
    began = time.process_time()
    through(compiled)
    print(f"torch.compile: {time.process_time() - began:.0f} s to compile")
    told = _least({"as it is": lambda: through(between), "compiled": lambda: through(compiled)}, 2 * rounds)
    print("between attentions:", ", ".join(f"{name} {ms:.1f}" for name, ms in told.items()))


def _guessing(loaded: Any, ids: list[int]) -> None:
    """An answer that repeats the prompt, with next tokens guessed from it and without."""
    text = loaded.tokenizer.decode(ids[:200])
    prompt = [{"role": "user", "content": f"Repeat this text word for word:\n\n{text}"}]
    for guessing in (False, True):
        engine = Engine(loaded.model, loaded.tokenizer, guessing=guessing)
        request = GenerationRequest("r", prompt, sampling=Sampling(max_new_tokens=96))
        for _ in range(2):  # the first reads the prompt, the second finds it read
            began = None
            for event in engine.stream([request]):
                if isinstance(event, EngineToken):
                    began = began or time.process_time()
                elif isinstance(event, EngineDone):
                    spent = time.process_time() - (began or 0.0)
                    rate = (event.completion_tokens - 1) / spent
        engine.close()
        print(f"a prompt repeated, guessing {'on' if guessing else 'off'}: {rate:.0f} tokens/s")


if __name__ == "__main__":
    main()
