"""Steps that are recorded once: right for every step after, on the CPU call by call and on a GPU as a graph."""

import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from assistant import lean_model
from assistant.arms import AdapterCheck, Sampling
from assistant.engine import Engine, GenerationRequest
from assistant.forwarding import shorten
from assistant.lora_rows import LoraPair
from assistant.prefix_cache import Block, PrefixCache
from tests.assistant.in_slots import ANSWERS, OnCpu, Recording, Rows, alone, texts
from tests.assistant.tiny_model import build_tiny


def test_what_is_recorded_once_is_right_for_every_step_after(monkeypatch: pytest.MonkeyPatch) -> None:
    # As on a GPU.
    monkeypatch.setattr(lean_model, "compiled", lambda layers: None)
    with torch.inference_mode():
        recorder = OnCpu()
        recorded, plain = Rows(recorder=recorder), Rows()
        one, other = ([rows.read(*answer) for answer in ANSWERS[:3]] for rows in (recorded, plain))
        adapters = [adapter for _, adapter in ANSWERS[:3]]
        for number, token in enumerate((7, 9, 11, 13)):
            if number == 2:  # somebody ends, somebody comes
                for rows, caches in ((recorded, one), (plain, other)):
                    rows.caches.release(caches.pop())
                    caches.append(rows.read(*ANSWERS[4]))
                adapters[2] = ANSWERS[4][1]
            told, expected = recorded.step(one, adapters, token), plain.step(other, adapters, token)
            for mine, right in zip(told, expected, strict=True):
                assert torch.equal(mine, right)
        assert len(recorder.made) == 1
        # An adapter of a higher rank needs other buffers: what was recorded is void.
        a, b = torch.randn(40, 64), torch.randn(64, 40)
        for rows in (recorded, plain):
            rows.lean.adapters.put("c", {(1, "o_proj"): LoraPair(a, b)})
        adapters[0] = "c"
        told, expected = recorded.step(one, adapters), plain.step(other, adapters)
        assert all(torch.equal(mine, right) for mine, right in zip(told, expected, strict=True))
        assert (len(recorder.made), recorder.forgot) == (2, 1)


def test_a_step_has_far_fewer_calls_than_rows_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean_model, "compiled", lambda layers: None)
    with torch.inference_mode():
        rows = Rows(count=16)
        ids = [list(range(4, 20 + number)) for number in range(16)]
        adapters: list[str | None] = [(None, "a", "b")[number % 3] for number in range(16)]
        caches = [rows.read(*one) for one in zip(ids, adapters, strict=True)]
        rows.step(caches, adapters)
        with Recording() as in_slots:
            rows.step(caches, adapters)
        with Recording() as without:
            rows.lean.step([7] * 16, caches, adapters, in_one_pass=True)
    assert len(in_slots.launches) < 0.6 * len(without.launches)


@pytest.fixture(scope="module")
def on_gpu() -> Iterator[Engine]:
    """A model of 135 million random weights in bf16 on a GPU, with two adapters and no ends of answers."""
    from transformers import LlamaConfig, LlamaForCausalLM

    if not torch.cuda.is_available():
        pytest.skip("needs CUDA")
    _, tokenizer = build_tiny()
    shape = {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30}
    shape |= {"num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49152}
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**shape, max_position_embeddings=2048)).to("cuda", torch.bfloat16)
    engine = Engine(model.eval(), tokenizer, guessing=False)
    engine._batch._ends = frozenset()
    lean = engine._forwarding._lean
    assert lean is not None
    generator = torch.Generator().manual_seed(5)
    for name, rank in {"a": 8, "b": 24}.items():
        a, b = (torch.randn(*size, generator=generator) * 0.05 for size in ((rank, 576), (576, rank)))
        pairs = {(layer, "q_proj"): LoraPair(a, b) for layer in range(30)}
        engine._on_thread(lambda name=name, pairs=pairs: lean.adapters.put(name, pairs))
        # The engine lets in only what passed its self-test.
        engine._forwarding._checks[name] = AdapterCheck(1.0, True)
    yield engine
    engine.close()


@pytest.mark.gpu
def test_replayed_steps_have_the_logits_of_unrecorded_ones(on_gpu: Engine) -> None:
    static, lean = on_gpu._forwarding._static, on_gpu._forwarding._lean
    assert static is not None, "the log says what failed"
    assert lean is not None
    assert static._recorder is not None
    caches = PrefixCache(on_gpu._config, max_bytes=0, slots=static.slots)
    adapters = [adapter for _, adapter in ANSWERS]

    def stepped(step: Any, token: int, rows: int = 8) -> list[torch.Tensor]:
        told: list[torch.Tensor] = step([token] * rows, began[:rows], adapters[:rows])
        for cache, (ids, _) in zip(began, ANSWERS, strict=True):
            shorten(cache, len(ids))
        return told

    with torch.inference_mode():
        began = [caches.start(adapter, ids, room=200)[0] for ids, adapter in ANSWERS]
        static.read(
            [Block(ids, cache, adapter) for cache, (ids, adapter) in zip(began, ANSWERS, strict=True)]
        )
        for token in (7, 9, 11):
            replayed = stepped(static.step, token)
            assert torch.equal(stepped(static.step, token, rows=1)[0], replayed[0]), (
                "depends on its neighbours"
            )
            recorder, static._recorder = static._recorder, None
            recordings, static._recordings = static._recordings, {}
            unrecorded = stepped(static.step, token)
            static._recorder, static._recordings = recorder, recordings
            for one, other, row in zip(replayed, unrecorded, stepped(lean.step, token), strict=True):
                assert torch.equal(one, other)
                assert float((one - row).norm() / row.norm()) < lean.tolerance
        for cache in began:
            caches.release(cache)


@pytest.mark.gpu
def test_sixteen_requests_together_on_a_gpu(on_gpu: Engine) -> None:
    def requests(mark: str) -> list[GenerationRequest]:
        draw = random.Random(mark)
        return [
            GenerationRequest(
                f"{mark}{number}",
                [draw.randrange(1000, 20000) for _ in range(120)],
                (None, "a", "b")[number % 3],
                Sampling(max_new_tokens=128),
            )
            for number in range(16)
        ]

    texts(on_gpu, requests("warm"))
    began = time.perf_counter()
    texts(on_gpu, requests("t"))
    together = time.perf_counter() - began
    began = time.perf_counter()
    alone(on_gpu, requests("a"))
    after = time.perf_counter() - began
    print(f"together {together:.2f} s, one after the other {after:.2f} s, ratio {after / together:.2f}")
    assert on_gpu._forwarding._static is not None
    assert after / together > 4
