"""Which transformers models are llama-like, and their parts as `assistant.decoder_layers` wants them.

Imported only where an engine runs, because it needs torch.
"""

from collections.abc import Sequence
from typing import Any

import torch

from assistant.decoder_layers import SITES, DecoderLayers, LayerWeights
from assistant.packed_linear import LinearMaker, four_bit_linear
from assistant.prefix_cache import PrefixCache

_KNOWN = frozenset({"LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"})
_KNOWN_ROPE = frozenset({"default", "linear", "llama3", "yarn"})
_DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def is_llama_like(model: Any) -> bool:
    """Whether `assistant.lean_model` computes all parts of a transformers model."""
    config = model.config
    if type(model).__name__ not in _KNOWN or getattr(model, "hf_quantizer", None) is not None:
        return False
    if not PrefixCache(config, max_bytes=0).plain:
        return False
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type", "default") not in _KNOWN_ROPE or rope.get("partial_rotary_factor", 1) != 1:
        return False
    weights = list(model.parameters())
    linears = [linear_of(layer, name) for layer in model.model.layers for site in SITES for name in site]
    return (
        all(type(part) is torch.nn.Linear for part in [*linears, model.lm_head])
        and len({(weight.dtype, weight.device) for weight in weights}) == 1
        and weights[0].dtype in _DTYPES
        and weights[0].device.type != "meta"
    )


def linear_of(layer: Any, name: str) -> Any:
    """A decoder layer's linear layer."""
    return getattr(layer.mlp if name in (*SITES[2], *SITES[3]) else layer.self_attn, name)


def decoder(model: Any, layers: list[LayerWeights], *, doubled: bool) -> DecoderLayers:
    """The layers of a transformers model, as `layers` holds their weights."""
    first = model.model.layers[0]
    return DecoderLayers(
        layers,
        # The module's own way there costs as much as the function.
        activation=torch.nn.SiLU() if "SiLU" in type(first.mlp.act_fn).__name__ else first.mlp.act_fn,
        heads=model.config.num_attention_heads,
        kv_heads=model.config.num_key_value_heads,
        scale=first.self_attn.scaling,
        eps=model.model.norm.variance_epsilon,
        doubled=doubled,
    )


def layer_weights(layer: Any, make: LinearMaker) -> LayerWeights:
    """A decoder layer of a transformers model, its linear layers made by `make`."""
    qkv, out, gate_up, down = (make.of([linear_of(layer, name) for name in site]) for site in SITES)
    attention = layer.self_attn
    return LayerWeights(
        norm_in=_twice(layer.input_layernorm),
        norm_mlp=_twice(layer.post_attention_layernorm),
        norm_q=_twice(attention.q_norm) if hasattr(attention, "q_norm") else None,
        norm_k=_twice(attention.k_norm) if hasattr(attention, "k_norm") else None,
        qkv=qkv,
        out=out,
        gate_up=gate_up,
        down=down,
    )


def _twice(norm: Any) -> torch.Tensor:
    return torch.cat((norm.weight.detach(), norm.weight.detach()))


def on_four_bits(layer: LayerWeights, weights: Sequence[Sequence[torch.Tensor]]) -> LayerWeights:
    """The layer with the linear layers of its sites made of `weights` anew."""
    qkv, out, gate_up, down = map(four_bit_linear, weights)
    return layer._replace(qkv=qkv, out=out, gate_up=gate_up, down=down)
