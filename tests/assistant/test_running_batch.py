"""One batch of many: every row's text is what it is alone, whatever adapters and requests run beside it."""

import random
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from assistant.arms import Sampling
from assistant.engine import Engine, EngineDone, EngineFailed, EngineToken, GenerationRequest
from tests.assistant.steps import Steps, arriving_together
from tests.assistant.test_engine import PROMPTS, ask, collect
from tests.assistant.tiny_model import build_tiny, save_adapter

GREEDY = Sampling(max_new_tokens=12)


@pytest.fixture(params=[torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def engine(request: pytest.FixtureRequest, adapter_folders: dict[str, Path]) -> Any:
    """The tiny model in either precision with two adapters."""
    model, tokenizer = build_tiny()
    engine = Engine(model.to(request.param), tokenizer, prefix_bytes=1 << 22)
    for name, folder in adapter_folders.items():
        engine.load_adapter(name, folder)
    yield engine
    engine.close()


def test_hundreds_of_requests_each_get_the_text_they_get_alone(
    engine: Engine, adapter_folders: dict[str, Path]
) -> None:
    draw = random.Random(5)
    arms = (None, *adapter_folders)
    requests = []
    for number in range(240):
        nonce = "".join(draw.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=draw.randrange(4, 60)))
        prompt = [{"role": "user", "content": f"{nonce} {PROMPTS[number % 4][:60]}"}]
        sampling = GREEDY if number % 4 else Sampling(max_new_tokens=12, temperature=1.0, seed=number)
        requests.append(GenerationRequest(f"n{number}", prompt, arms[number % 3], sampling))
    alone = {
        request.id: collect(engine.stream([request]))[request.id][0] for request in draw.sample(requests, 60)
    }
    told: dict[str, tuple[str, Any]] = {}
    lock = threading.Lock()

    def caller(share: list[GenerationRequest]) -> None:
        texts = collect(engine.stream(share))
        with lock:
            told.update(texts)

    shares = [requests[start::12] for start in range(12)]
    threads = [threading.Thread(target=caller, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told.keys() == {request.id for request in requests}
    assert all(isinstance(end, EngineDone) for _, end in told.values())
    assert {key: told[key][0] for key in alone} == alone
    assert len(set(alone.values())) > 50
    assert engine.running == ()


def test_logits_of_a_row_do_not_depend_on_its_neighbours(adapter_folders: dict[str, Path]) -> None:
    from assistant.forwarding import Forwarding
    from assistant.prefix_cache import Block, PrefixCache

    def read(ids: list[int], adapter: str | None) -> Any:
        cache, _ = caches.start(adapter, ids)
        forwarding.read([Block(ids, cache, adapter)])
        return cache

    for dtype in (torch.float32, torch.bfloat16):
        model = build_tiny()[0].to(dtype)
        forwarding = Forwarding(model)
        caches = PrefixCache(model.config, max_bytes=0)
        rows = [
            (list(range(4, 14 + 9 * i)), adapter) for i, adapter in enumerate((None, "a", "b", "a", None))
        ]

        with torch.inference_mode():
            base = forwarding.step([7], [read(rows[0][0], None)], [None])[0]
            for name, folder in zip("ab", adapter_folders.values(), strict=True):
                forwarding.load(name, folder)
                assert forwarding.batches(name)
            alone = [forwarding.step([7], [read(*row)], [row[1]])[0] for row in rows]
            together = forwarding.step([7] * 5, [read(*row) for row in rows], [row[1] for row in rows])
        assert torch.equal(alone[0], base)
        for one, other in zip(alone, together, strict=True):
            assert torch.equal(one, other)
        assert not torch.equal(alone[1], forwarding.step([7], [read(rows[1][0], "b")], ["b"])[0])


def test_decoding_is_one_pass_for_all_adapters(
    engine: Engine, adapter_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str | None]] = []
    step = engine._forwarding.step

    def spy(tokens: Any, caches: Any, adapters: Any, **options: Any) -> Any:
        seen.append(list(adapters))
        return step(tokens, caches, adapters, **options)

    monkeypatch.setattr(engine._forwarding, "step", spy)
    requests = [
        GenerationRequest(f"{adapter}{i}", [5 + i, 6], adapter, Sampling(max_new_tokens=20, stop=("∅",)))
        for adapter in (None, *adapter_folders)
        for i in range(2)
    ]
    arriving_together(engine, len(requests))
    collect(engine.stream(requests))
    assert max(len(rows) for rows in seen) == 6
    assert max(len(set(rows)) for rows in seen) == 3
    assert len(seen) < 40


def test_rows_and_memory_are_bounded_and_the_rest_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = build_tiny()
    token_bytes = 2 * 2 * 2 * 16 * 4  # keys and values, layers, heads, width, bytes
    for engine, most in (
        (Engine(model, tokenizer, max_rows=3), 3),
        (Engine(model, tokenizer, kv_bytes=2 * 22 * token_bytes), 2),
        (Engine(model, tokenizer, kv_bytes=1), 1),
    ):
        running: list[int] = []
        step = engine._forwarding.step

        def spy(tokens: Any, *rest: Any, step: Any = step, running: Any = running, **options: Any) -> Any:
            running.append(len(tokens))
            return step(tokens, *rest, **options)

        monkeypatch.setattr(engine._forwarding, "step", spy)
        requests = [
            GenerationRequest(str(i), [4 + i, 5], None, Sampling(max_new_tokens=20)) for i in range(7)
        ]
        arriving_together(engine, len(requests))
        ends = collect(engine.stream(requests))
        assert all(isinstance(end, EngineDone) for _, end in ends.values())
        assert max(running) == most
        engine.close()


def test_who_waits_can_be_cancelled_and_a_slot_is_free_at_once() -> None:
    model, tokenizer = build_tiny()
    engine = Engine(model, tokenizer, max_rows=1)
    draws = Sampling(max_new_tokens=400, temperature=2.0, seed=1)
    first = engine.stream([GenerationRequest("runs", [4, 5], None, draws)])
    second = engine.stream([GenerationRequest("waits", [4, 5], None, draws)])
    third = engine.stream([GenerationRequest("next", [6, 7], None, GREEDY)])
    with Steps(engine, allowed=5) as steps:

        def cancel_who_waits() -> None:
            steps.until_arrived(1)
            engine.cancel("waits")
            steps.allow(5)

        next(first)
        steps.until_held()
        cancelling = threading.Thread(target=cancel_who_waits)
        cancelling.start()
        (event,) = second
        cancelling.join()
        assert isinstance(event, EngineDone)
        assert (event.finish_reason, event.completion_tokens) == ("cancelled", 0)
        assert engine.running == ("runs",)
        engine.cancel("runs")
        steps.allow(5)
        assert isinstance(next(third), EngineToken)
        steps.go_on()
        assert collect(first)["runs"][1].finish_reason == "cancelled"
        assert isinstance(collect(third)["next"][1], EngineDone)
    engine.close()


def test_one_row_that_breaks_leaves_the_others_their_text(
    tiny_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [GenerationRequest(str(i), [4 + i, 5], None, GREEDY) for i in range(3)]
    alone = {request.id: collect(tiny_engine.stream([request]))[request.id][0] for request in requests}
    lean = tiny_engine._forwarding._lean
    assert lean is not None
    layers = lean._step_layers
    begin = lean._begin
    culprit = len(tiny_engine._tokenizer) + 100

    def with_culprit(ids: Any, positions: Any) -> Any:
        x, cos, sin = begin([token % culprit for token in ids], positions)
        x[[token == culprit for token in ids]] = torch.nan
        return x, cos, sin

    def broken(x: torch.Tensor, *others: Any) -> torch.Tensor:
        if x.isnan().any():
            # Half-way: the layers' buffers hold the token already.
            layers(x.nan_to_num(), *others)
            raise RuntimeError("no such token")
        return layers(x, *others)

    monkeypatch.setattr(lean, "_begin", with_culprit)
    monkeypatch.setattr(lean, "_step_layers", broken)
    take = tiny_engine._batch._take

    def poison(entry: Any, *logits: Any) -> None:
        take(entry, *logits)
        if entry.request.id == "1" and entry.progress.completion_tokens == 4:
            entry.token = culprit

    monkeypatch.setattr(tiny_engine._batch, "_take", poison)
    ends = collect(tiny_engine.stream(requests))
    assert isinstance(ends["1"][1], EngineFailed)
    assert {key: ends[key][0] for key in "02"} == {key: alone[key] for key in "02"}


def test_a_newcomer_is_read_while_others_write(tiny_engine: Engine) -> None:
    draws = Sampling(max_new_tokens=400, temperature=2.0, seed=1)
    others = tiny_engine.stream([GenerationRequest(f"o{i}", [4 + i], None, draws) for i in range(8)])
    with Steps(tiny_engine, allowed=20) as steps:

        def hand_out() -> None:
            steps.until_arrived(1)
            steps.allow(8)

        for _ in range(20):
            next(others)
        steps.until_held()
        newcomer = threading.Thread(target=hand_out)
        newcomer.start()
        # Two blocks to read and a token to append: it does not wait for the hundreds of steps of the others.
        _, done = ask(tiny_engine, PROMPTS[2], Sampling(max_new_tokens=2))
        newcomer.join()
        assert done.completion_tokens == 2
        assert len(tiny_engine.running) > 4
        others.close()  # type: ignore[attr-defined]


def test_an_adapter_with_numbers_that_are_not_finite_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    from assistant.errors import EngineError

    folder = save_adapter(tmp_path / "nan", 3)
    weights = load_file(folder / "adapter_model.safetensors")
    next(iter(weights.values()))[0, 0] = torch.nan
    save_file(weights, folder / "adapter_model.safetensors")
    model, tokenizer = build_tiny()
    engine = Engine(model, tokenizer)
    with pytest.raises(EngineError, match="not finite"):
        engine.load_adapter("nan", folder)
    assert engine.adapters == ()
    engine.close()


def build_other(kind: str) -> Any:
    """A random model that the lean path does not know, with the tiny model's tokenizer."""
    from transformers import AutoModelForCausalLM, GPT2Config, MistralConfig

    _, tokenizer = build_tiny()
    shape: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": None,
    }
    wide: dict[str, Any] = {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }
    config: Any
    if kind == "sliding window":
        config = MistralConfig(
            **shape, **wide, num_key_value_heads=2, sliding_window=16, max_position_embeddings=512
        )
    elif kind == "linear attention":
        from transformers import Qwen3NextConfig

        config = Qwen3NextConfig(
            **shape,
            **wide,
            num_key_value_heads=2,
            head_dim=16,
            linear_num_key_heads=2,
            linear_num_value_heads=2,
            linear_key_head_dim=16,
            linear_value_head_dim=16,
            layer_types=["linear_attention", "full_attention"],
            num_experts=2,
            num_experts_per_tok=1,
            moe_intermediate_size=32,
            shared_expert_intermediate_size=32,
        )
    else:
        config = GPT2Config(**shape, n_embd=64, n_layer=2, n_head=4, n_positions=512)
    config.initializer_range = 0.2
    torch.manual_seed(1)
    return AutoModelForCausalLM.from_config(config).eval(), tokenizer


@pytest.mark.parametrize("kind", ["sliding window", "linear attention", "another architecture"])
def test_models_of_other_kinds_are_served_by_transformers(kind: str) -> None:
    from tests.assistant.test_engine import by_transformers

    model, tokenizer = build_other(kind)
    expected = {str(i): by_transformers(model, tokenizer, prompt, 10) for i, prompt in enumerate(PROMPTS)}
    engine = Engine(model, tokenizer)
    assert not engine._forwarding.batches(None)
    sampling = Sampling(max_new_tokens=10)
    requests = [
        GenerationRequest(str(i), [{"role": "user", "content": prompt}], None, sampling)
        for i, prompt in enumerate(PROMPTS)
    ]
    assert {key: text for key, (text, _) in collect(engine.stream(requests)).items()} == expected
    engine.close()


@pytest.mark.parametrize("kind", ["qwen2", "qwen3", "yarn"])
def test_models_like_llama_take_the_lean_way_and_say_what_transformers_says(kind: str) -> None:
    from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config, Qwen3Config

    from tests.assistant.test_engine import by_transformers

    _, tokenizer = build_tiny()
    options: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "initializer_range": 0.3,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
    }
    config: Any
    if kind == "yarn":
        rope = {
            "rope_type": "yarn",
            "rope_theta": 10000.0,
            "factor": 4.0,
            "original_max_position_embeddings": 128,
        }
        config = LlamaConfig(**options, rope_parameters=rope, max_position_embeddings=512)
    else:
        config = {"qwen2": Qwen2Config, "qwen3": Qwen3Config}[kind](**options, max_position_embeddings=512)
    torch.manual_seed(2)
    model = AutoModelForCausalLM.from_config(config).eval()
    for name, weight in model.named_parameters():
        if "norm" in name or "bias" in name:
            torch.nn.init.normal_(weight, mean=0.0 if "bias" in name else 1.0, std=0.2)
    expected = [by_transformers(model, tokenizer, prompt, 20) for prompt in PROMPTS]
    engine = Engine(model, tokenizer)
    assert engine._forwarding.batches(None)
    assert [ask(engine, prompt, Sampling(max_new_tokens=20))[0] for prompt in PROMPTS] == expected
    engine.close()


def test_an_adapter_that_is_more_than_lora_is_served_beside_the_others(
    tiny_engine: Engine, adapter_folders: dict[str, Path], tmp_path: Path
) -> None:
    from peft import LoraConfig, get_peft_model

    model, _ = build_tiny()
    torch.manual_seed(4)
    config = LoraConfig(r=4, target_modules=["q_proj", "down_proj"], use_dora=True, task_type="CAUSAL_LM")
    wrapped = get_peft_model(model, config)
    for name, weight in wrapped.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.5)
    wrapped.save_pretrained(str(tmp_path / "dora"))
    tiny_engine.load_adapter("dora", tmp_path / "dora")
    tiny_engine.load_adapter("terse", adapter_folders["terse"])
    assert [tiny_engine._forwarding.batches(name) for name in ("dora", "terse")] == [False, True]
    requests = [
        GenerationRequest(str(name), [{"role": "user", "content": PROMPTS[0]}], name, GREEDY)
        for name in (None, "dora", "terse")
    ]
    alone = {request.id: collect(tiny_engine.stream([request]))[request.id][0] for request in requests}
    assert {key: text for key, (text, _) in collect(tiny_engine.stream(requests)).items()} == alone
    assert len(set(alone.values())) == 3


def test_ranks_scales_and_layers_of_an_adapter_are_those_that_peft_reads(
    tiny_engine: Engine, tmp_path: Path
) -> None:
    from peft import LoraConfig, get_peft_model

    from tests.assistant.test_adapters_served import merged_text

    model, _ = build_tiny()
    torch.manual_seed(6)
    config = LoraConfig(
        r=4,
        lora_alpha=6,
        use_rslora=True,
        rank_pattern={"k_proj": 2, "layers.1.mlp.up_proj": 7},
        alpha_pattern={"o_proj": 20},
        target_modules=["k_proj", "v_proj", "o_proj", "up_proj", "down_proj"],
        task_type="CAUSAL_LM",
    )
    wrapped = get_peft_model(model, config)
    for name, weight in wrapped.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.3)
    wrapped.save_pretrained(str(tmp_path / "odd"))
    tiny_engine.load_adapter("odd", tmp_path / "odd")
    assert tiny_engine._forwarding.batches("odd")
    assert ask(tiny_engine, PROMPTS[0], Sampling(max_new_tokens=24), "odd")[0] == merged_text(
        tmp_path / "odd"
    )
