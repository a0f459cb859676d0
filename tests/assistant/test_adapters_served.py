"""Each request is answered with the weights it names, side by side, and the base stays what it was."""

from pathlib import Path

import pytest
import torch

from assistant.arms import Sampling
from assistant.engine import Engine, EngineFailed, GenerationRequest
from assistant.errors import EngineError
from tests.assistant.test_engine import PROMPTS, ask, by_transformers, collect
from tests.assistant.tiny_model import build_tiny

SAMPLING = Sampling(max_new_tokens=24)


def merged_text(folder: Path) -> str:
    """What transformers says with the adapter merged into the weights."""
    from peft import PeftModel

    model, tokenizer = build_tiny()
    merged = PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
    return by_transformers(merged, tokenizer, PROMPTS[0], 24)


def test_every_request_gets_its_own_weights(tiny_engine: Engine, adapter_folders: dict[str, Path]) -> None:
    base, _ = ask(tiny_engine, PROMPTS[0], SAMPLING)
    for name, folder in adapter_folders.items():
        tiny_engine.load_adapter(name, folder)
    assert tiny_engine.adapters == tuple(adapter_folders)
    requests = [
        GenerationRequest(str(adapter), [{"role": "user", "content": PROMPTS[0]}], adapter, SAMPLING)
        for adapter in (None, *adapter_folders)
    ]
    together = {key: text for key, (text, _) in collect(tiny_engine.stream(requests)).items()}
    assert together == {"None": base} | {name: merged_text(f) for name, f in adapter_folders.items()}
    assert len(set(together.values())) == 3
    for name in (*adapter_folders, *reversed(adapter_folders)):
        assert ask(tiny_engine, PROMPTS[0], SAMPLING, name)[0] == together[name]
        assert ask(tiny_engine, PROMPTS[0], SAMPLING)[0] == base


def test_weights_that_are_no_lora_are_served_too(
    tiny_engine: Engine, adapter_folders: dict[str, Path], tmp_path: Path
) -> None:
    from peft import IA3Config, get_peft_model

    model, tokenizer = build_tiny()
    wrapped = get_peft_model(
        model,
        IA3Config(
            task_type="CAUSAL_LM",
            target_modules=["k_proj", "v_proj", "down_proj"],
            feedforward_modules=["down_proj"],
        ),
    )
    torch.manual_seed(0)
    for name, weight in wrapped.named_parameters():
        if "ia3_" in name:
            torch.nn.init.uniform_(weight, 0.2, 3.0)
    wrapped.save_pretrained(str(tmp_path / "ia3"))
    expected = by_transformers(wrapped, tokenizer, PROMPTS[0], 24)
    base, _ = ask(tiny_engine, PROMPTS[0], SAMPLING)
    lora, folder = next(iter(adapter_folders.items()))
    tiny_engine.load_adapter(lora, folder)
    tiny_engine.load_adapter("ia3", tmp_path / "ia3")
    for adapter, text in (("ia3", expected), (None, base), (lora, merged_text(folder)), ("ia3", expected)):
        assert ask(tiny_engine, PROMPTS[0], SAMPLING, adapter)[0] == text
    assert expected != base


def test_the_base_is_bit_for_bit_the_same_after_adapters(adapter_folders: dict[str, Path]) -> None:
    from assistant.adapter_switch import AdapterSwitch

    model, _ = build_tiny()
    ids = torch.arange(4, 60)[None]
    with torch.inference_mode():
        before = model(ids).logits
        switch = AdapterSwitch(model)
        for name, folder in adapter_folders.items():
            switch.load(name, folder)
            switch.activate(name)
            assert not torch.equal(model(ids).logits, before)
        switch.activate(None)
        assert torch.equal(model(ids).logits, before)
        for name in adapter_folders:
            switch.unload(name)
        assert torch.equal(model(ids).logits, before)
        assert not any("lora" in name for name, _ in model.named_parameters())


def test_an_adapter_can_be_replaced_and_taken_away(
    tiny_engine: Engine, adapter_folders: dict[str, Path]
) -> None:
    first, second = adapter_folders.values()
    tiny_engine.load_adapter("mine", first)
    long = PROMPTS[2]
    old, _ = ask(tiny_engine, long, SAMPLING, "mine")
    tiny_engine.load_adapter("mine", second)
    new, done = ask(tiny_engine, long, SAMPLING, "mine")
    assert new != old
    assert done.cached_tokens == 0
    tiny_engine.unload_adapter("mine")
    tiny_engine.unload_adapter("mine")
    assert tiny_engine.adapters == ()
    (event,) = tiny_engine.stream([GenerationRequest("x", [4, 5], "mine")])
    assert event.error.code == "adapter_not_loaded"  # type: ignore[union-attr]


def test_no_answer_is_made_by_two_sets_of_weights(
    tiny_engine: Engine, adapter_folders: dict[str, Path]
) -> None:
    first, second = adapter_folders.values()
    tiny_engine.load_adapter("mine", first)
    long = Sampling(max_new_tokens=400, temperature=2.0, seed=1)
    events = tiny_engine.stream([GenerationRequest("x", [4, 5], "mine", long)])
    next(events)
    tiny_engine.load_adapter("mine", second)
    *_, last = events
    assert isinstance(last, EngineFailed)
    assert last.error.code == "adapter_not_loaded"
    assert ask(tiny_engine, PROMPTS[0], SAMPLING, "mine")[0] == merged_text(second)


def test_a_folder_that_is_no_adapter_is_refused_and_nothing_changes(
    tiny_engine: Engine, adapter_folders: dict[str, Path], tmp_path: Path
) -> None:
    base, _ = ask(tiny_engine, PROMPTS[0], SAMPLING)
    with pytest.raises(EngineError, match="cannot be used"):
        tiny_engine.load_adapter("empty", tmp_path)
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    config = (adapter_folders["terse"] / "adapter_config.json").read_text("utf-8")
    (wrong / "adapter_config.json").write_text(config.replace('"r": 4', '"r": 5'), "utf-8")
    weights = adapter_folders["terse"] / "adapter_model.safetensors"
    (wrong / "adapter_model.safetensors").write_bytes(weights.read_bytes())
    for _ in range(2):
        with pytest.raises(EngineError):
            tiny_engine.load_adapter("wrong", wrong)
    assert tiny_engine.adapters == ()
    assert not any("lora" in name for name, _ in tiny_engine._model.named_parameters())
    tiny_engine.load_adapter("terse", adapter_folders["terse"])
    with pytest.raises(EngineError):
        tiny_engine.load_adapter("wrong", wrong)
    assert tiny_engine.adapters == ("terse",)
    assert ask(tiny_engine, PROMPTS[0], SAMPLING)[0] == base
    assert ask(tiny_engine, PROMPTS[0], SAMPLING, "terse")[0] == merged_text(adapter_folders["terse"])
