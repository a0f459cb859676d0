"""Rows and prompts on several cores: the same bits as on one, compiled or not."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from assistant import lean_model
from assistant.arms import Sampling
from assistant.decoder_layers import DecoderLayers
from assistant.engine import Engine, EngineFailed, GenerationRequest
from assistant.lean_model import LeanModel
from assistant.lora_rows import LoraPair
from assistant.prefix_cache import Block, PrefixCache
from tests.assistant.steps import arriving_together
from tests.assistant.test_engine import collect
from tests.assistant.tiny_model import build_tiny
from tests.torch_threads import torch_threads

PROMPTS = [list(range(4 + i, 20 + 7 * i)) for i in range(6)]
ADAPTERS = [None, "a", None, "b", "a", None]


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    with torch_threads(3):
        yield


def build(dtype: torch.dtype) -> tuple[LeanModel, Any]:
    model = build_tiny()[0].to(dtype)
    lean = LeanModel.build(model)
    assert lean is not None
    generator = torch.Generator().manual_seed(5)
    for name, place, outs in (("a", (0, "q_proj"), 64), ("b", (1, "o_proj"), 64)):
        a, b = (torch.randn(*shape, generator=generator) * 0.3 for shape in ((4, 64), (outs, 4)))
        lean.adapters.put(name, {place: LoraPair(a, b)})
    return lean, model.config


def blocks(config: Any) -> list[Block]:
    blank = PrefixCache(config, max_bytes=0)
    return [
        Block(ids, blank.start(adapter, ids)[0], adapter)
        for ids, adapter in zip(PROMPTS, ADAPTERS, strict=True)
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rows_and_prompts_on_three_cores_have_the_bits_of_one(dtype: torch.dtype) -> None:
    lean, config = build(dtype)
    assert lean.lanes == 3
    with torch.inference_mode():
        alone, together = blocks(config), blocks(config)
        expected = [lean.read([block])[0] for block in alone]
        told = lean.read(together)
        assert all(torch.equal(one, other) for one, other in zip(expected, told, strict=True))  # type: ignore[arg-type]
        for token in (7, 9):
            caches = [block.cache for block in together]
            rows = lean.step([token] * 6, caches, ADAPTERS)
            for number, block in enumerate(alone):
                (logits,) = lean.step([token], [block.cache], [block.adapter])
                assert torch.equal(logits, rows[number]), number


def test_tokens_of_one_answer_stay_on_one_core_and_in_their_order() -> None:
    lean, config = build(torch.float32)
    with torch.inference_mode():
        first, second = blocks(config)[:2]
        other_first, other_second = blocks(config)[:2]
        for block in (first, second, other_first, other_second):
            lean.read([block])
        caches = [first.cache] * 4 + [second.cache] * 3
        told = lean.step([5, 6, 7, 8, 5, 6, 7], caches, [None] * 4 + ["a"] * 3)
        singly = [lean.step([token], [other_first.cache], [None])[0] for token in (5, 6, 7, 8)]
        singly += [lean.step([token], [other_second.cache], ["a"])[0] for token in (5, 6, 7)]
    assert all(torch.equal(one, other) for one, other in zip(told, singly, strict=True))


def test_a_prompt_that_cannot_be_read_leaves_the_others_their_text() -> None:
    model, tokenizer = build_tiny()
    engine = Engine(model, tokenizer)
    try:
        requests = [
            GenerationRequest(str(number), ids, sampling=Sampling(max_new_tokens=8))
            for number, ids in enumerate([*PROMPTS[:2], [4, 10**6, 5], PROMPTS[2]])
        ]
        alone = {r.id: collect(engine.stream([r]))[r.id][0] for r in requests if r.id != "2"}
        arriving_together(engine, len(requests))
        ends = collect(engine.stream(requests))
        assert isinstance(ends["2"][1], EngineFailed)
        assert {key: ends[key][0] for key in alone} == alone
    finally:
        engine.close()


def test_without_the_compiler_the_same_lines_run_on_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, config = build(torch.bfloat16)
    with monkeypatch.context() as patch:
        patch.setattr(lean_model, "compiled", lambda layers: None)
        plain, _ = build(torch.bfloat16)
    assert isinstance(plain._step_layers, DecoderLayers)
    assert plain.lanes == 1
    with torch.inference_mode():
        for one, other in zip(blocks(config), blocks(config), strict=True):
            pairs = [(compiled.read([one])[0], plain.read([other])[0])]
            pairs += zip(
                compiled.step([7], [one.cache], [one.adapter]),
                plain.step([7], [other.cache], [other.adapter]),
                strict=True,
            )
            for told, expected in pairs:
                assert isinstance(told, torch.Tensor)
                assert isinstance(expected, torch.Tensor)
                # On several cores more of the likeliest tokens are computed exactly.
                assert told.argmax() == expected.argmax()
                assert told.max() == expected.max()
                assert torch.allclose(told, expected, atol=0.05)
