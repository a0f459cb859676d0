"""Training steps on a CPU: the same numbers as PEFT's layers and torch's attention, only sooner."""

from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from finetune.config import TrainingConfig
from finetune.cpu_steps import LONGEST, quicken, quickened, slacken
from finetune.methods import attach


def tuned(**settings: Any) -> Any:
    """A small model with grouped key heads and a LoRA that is not zero."""
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        vocab_size=64, max_position_embeddings=1024, attention_bias=True,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    values = {"lora_r": 4, "lora_alpha": 8.0, "lora_dropout": 0.0, **settings}
    wrapped = attach(model, TrainingConfig(**values), base_name="")
    for name, parameter in wrapped.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return wrapped.train()


def step(model: Any, *, length: int = 9, mask: Any = None) -> tuple[Any, dict[str, Any]]:
    """Logits of two rows, and what the adapter's weights are pulled by."""
    torch.manual_seed(1)
    ids = torch.randint(0, 64, (2, length))
    model.zero_grad()
    logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
    logits.square().mean().backward()
    pulls = {n: p.grad.clone() for n, p in model.named_parameters() if p.requires_grad}
    return logits.detach(), pulls


@pytest.mark.parametrize("length", [9, LONGEST + 3])
def test_the_same_numbers_both_ways(length: int) -> None:
    model = tuned()
    usual, expected = step(model, length=length)
    with quickened(model):
        found, pulls = step(model, length=length)
    torch.testing.assert_close(found, usual, atol=1e-5, rtol=1e-4)
    assert len(pulls) == 2 * 7 * 2
    for name, pull in pulls.items():
        torch.testing.assert_close(pull, expected[name], atol=1e-6, rtol=1e-3)


def test_dropout_and_half_precision_give_the_same_numbers_too() -> None:
    model = tuned(lora_dropout=0.5)
    torch.manual_seed(3)
    usual, expected = step(model)
    with quickened(model):
        found, pulls = step(model)  # the same random numbers in the same order
    torch.testing.assert_close(found, usual, atol=1e-5, rtol=1e-4)
    name = next(iter(expected))
    torch.testing.assert_close(pulls[name], expected[name], atol=1e-6, rtol=1e-3)

    half = tuned()
    half.get_base_model().to(torch.bfloat16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        usual, expected = step(half)
        with quickened(half):
            found, pulls = step(half)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, usual, atol=0.03, rtol=0.1)
    torch.testing.assert_close(pulls[name], expected[name], atol=0.01, rtol=0.1)


def test_what_it_cannot_compute_goes_the_usual_way() -> None:
    model = tuned()
    mask = torch.ones(2, 9, dtype=torch.long)
    mask[0, 6:] = 0
    usual, _ = step(model, mask=mask)
    with quickened(model):
        masked, _ = step(model, mask=mask)
        with model.disable_adapter():
            off, _ = step_without_gradients(model)
    torch.testing.assert_close(masked[:, :6], usual[:, :6], atol=1e-5, rtol=1e-4)
    with model.disable_adapter():
        plain, _ = step_without_gradients(model)
    torch.testing.assert_close(off, plain, atol=1e-5, rtol=1e-4)
    # DoRA scales by the size of the merged weight, which is nothing that can be left out.
    dora = tuned(method="dora")
    usual, _ = step(dora)
    with quickened(dora):
        found, _ = step(dora)
    torch.testing.assert_close(found, usual, atol=1e-5, rtol=1e-4)


def step_without_gradients(model: Any) -> tuple[Any, None]:
    """Logits only."""
    torch.manual_seed(1)
    ids = torch.randint(0, 64, (2, 9))
    with torch.no_grad():
        return model(input_ids=ids, use_cache=False).logits, None


def test_nothing_of_it_is_left_behind() -> None:
    model = tuned()
    before = {name: vars(module).get("forward") for name, module in model.named_modules()}
    quicken(model)
    inner = model.get_base_model()
    assert inner.config._attn_implementation == "tandem_cpu"
    assert any("forward" in vars(module) for module in model.modules())
    slacken(model)
    assert inner.config._attn_implementation == "sdpa"
    assert {name: vars(module).get("forward") for name, module in model.named_modules()} == before
    ids = torch.arange(5).unsqueeze(0)
    quicken(model)
    longer = model.generate(input_ids=ids, max_new_tokens=3, do_sample=False, pad_token_id=0)
    slacken(model)
    usual = model.generate(input_ids=ids, max_new_tokens=3, do_sample=False, pad_token_id=0)
    assert longer.tolist() == usual.tolist()
