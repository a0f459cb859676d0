"""Writing with four bits a weight: nothing lost where weights have no more, and rows that keep to themselves."""

from typing import Any

import pytest
import torch

from assistant.arms import Sampling
from assistant.engine import Engine
from assistant.generation import EngineDone, EngineToken, GenerationRequest
from assistant.lean_model import LeanModel
from assistant.lora_rows import LoraPair
from assistant.packed_linear import apply_and_add, four_bit_linear, is_four_bit
from assistant.prefix_cache import Block, PrefixCache
from tests.assistant.tiny_model import build_tiny

pytestmark = pytest.mark.skipif(
    not torch.backends.cpu.get_cpu_capability().startswith("AVX512"),
    reason="four-bit kernels are quick on AVX-512 only, and used there only",
)


def on_four_bits(weight: torch.Tensor) -> torch.Tensor:
    """Weights as a four-bit file would have them, rounded to bf16 as its import does."""
    groups = weight.float().unflatten(1, (-1, 32))
    low = groups.amin(-1, keepdim=True)
    scale = (groups.amax(-1, keepdim=True) - low) / 15
    return (((groups - low) / scale).round() * scale + low).flatten(1).to(torch.bfloat16)


def four_bit_model() -> tuple[Any, Any]:
    """The tiny model with the decoder's weights on four bits."""
    model, tokenizer = build_tiny(3)
    model = model.to(torch.bfloat16)
    with torch.no_grad():
        for layer in model.model.layers:
            for part in (*layer.self_attn.children(), *layer.mlp.children()):
                if isinstance(part, torch.nn.Linear):
                    part.weight.copy_(on_four_bits(part.weight))
    return model, tokenizer


def test_weights_of_a_four_bit_file_are_told_from_others_and_lose_nothing() -> None:
    torch.manual_seed(0)
    other = torch.randn(48, 96).to(torch.bfloat16)
    weight = on_four_bits(other)
    assert is_four_bit([weight, weight])
    assert not is_four_bit([weight, other])
    assert not is_four_bit([weight[:, :80]])
    x = torch.randn(16, 96).to(torch.bfloat16)
    packed = four_bit_linear([weight[:16], weight[16:]])
    exact = x.float() @ weight.float().T
    lost = (packed(x).float() - exact).norm() / exact.norm()
    by_bf16 = ((x @ weight.T).float() - exact).norm() / exact.norm()
    assert lost < 2.5 * by_bf16
    assert torch.equal(
        apply_and_add(packed, x, exact.to(torch.bfloat16)), packed(x) + exact.to(torch.bfloat16)
    )
    # A row has the same bits alone and among others.
    for rows in (1, 2, 3, 7):
        assert torch.equal(packed(x[:rows]), packed(x)[:rows])


def test_rows_keep_their_bits_whatever_runs_beside_them() -> None:
    model, _ = four_bit_model()
    lean = LeanModel.build(model)
    assert lean is not None
    assert lean.four_bit
    pairs = {
        (0, "q_proj"): LoraPair(torch.randn(4, 64) * 0.1, torch.randn(64, 4) * 0.1),
        (1, "down_proj"): LoraPair(torch.randn(4, 128) * 0.1, torch.randn(64, 4) * 0.1),
    }
    lean.adapters.put("a", pairs)
    adapters = [None, "a", None, "a", None]
    likeliest = [True, True, False, False, True]

    def caches() -> list[Any]:
        made = []
        for row, adapter in enumerate(adapters):
            ids = list(range(5 + row, 20 + 3 * row))
            cache, _ = PrefixCache(model.config, max_bytes=0).start(adapter, ids)
            lean.read([Block(ids, cache, adapter)])
            made.append(cache)
        return made

    with torch.inference_mode():
        together = lean.step([7, 8, 9, 10, 11], caches(), adapters, likeliest=likeliest)
        for row, cache in enumerate(caches()):
            alone = lean.step([7 + row], [cache], [adapters[row]], likeliest=[likeliest[row]])
            assert torch.equal(alone[0], together[row]), row
        # Four bits choose the candidates; the likeliest have exact logits all the same.
        exact = lean.step([7], caches()[:1], [None])[0]
        assert together[0].argmax() == exact.argmax()
        assert together[0].max() == exact.max()


def test_greedy_text_is_that_of_the_same_request_alone_and_other_models_keep_their_precision() -> None:
    model, tokenizer = four_bit_model()
    requests = [
        GenerationRequest(
            str(number),
            tuple(range(10 + number, 40 + 2 * number)),
            sampling=Sampling(max_new_tokens=24, logprobs=2 if number == 3 else None),
        )
        for number in range(6)
    ]

    def texts(engine: Engine, asked: list[GenerationRequest]) -> dict[str, str]:
        said = dict.fromkeys((request.id for request in asked), "")
        for event in engine.stream(asked):
            assert isinstance(event, EngineToken | EngineDone)
            if isinstance(event, EngineToken):
                said[event.request_id] += event.text
        return said

    engine = Engine(model, tokenizer)
    together = texts(engine, requests)
    assert together == {request.id: texts(engine, [request])[request.id] for request in requests}
    engine.close()
    plain, _ = build_tiny(3)
    lean = LeanModel.build(plain.to(torch.bfloat16))
    assert lean is not None
    assert not lean.four_bit
