"""Parts of a transformers model."""

from typing import Any

import pytest
import torch

from assistant.lean_model import LeanModel
from assistant.packed_linear import LinearMaker


def test_joined_layers_are_kept_once_and_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(1)
    shape = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
    model = Qwen2ForCausalLM(Qwen2Config(vocab_size=300, num_key_value_heads=2, **shape)).eval()
    for name, weight in model.named_parameters():
        if "bias" in name:
            torch.nn.init.normal_(weight)
    ids = torch.arange(4, 40)[None]
    with torch.inference_mode():
        expected = model(input_ids=ids).logits
    begin = LinearMaker.__init__

    def as_on_a_gpu(self: LinearMaker, *given: Any) -> None:
        begin(self, *given)
        self.joins, self.packs = True, False

    monkeypatch.setattr(LinearMaker, "__init__", as_on_a_gpu)
    lean = LeanModel.build(model)
    assert lean is not None
    attention, layer = model.model.layers[0].self_attn, lean._step_layers.layers[0]
    assert attention.q_proj.weight.data_ptr() == layer.qkv.weights[0].data_ptr()
    assert [len(part.weights) for part in (layer.qkv, layer.out, layer.gate_up, layer.down)] == [1] * 4
    with torch.inference_mode():
        assert torch.allclose(model(input_ids=ids).logits, expected, atol=1e-5)
    assert all(weight.requires_grad for weight in model.parameters())
