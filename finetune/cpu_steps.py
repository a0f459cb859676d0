"""Training steps on a CPU with fewer passes over memory: LoRA layers and the attention of short rows.

PEFT goes through the output of a layer four times, once each for the layer, for B, for the scale and for the sum; on
a CPU those passes and their way back cost as much as the products. torch's fused attention is made for long rows:
of rows of a hundred tokens it takes four times as long as the plain products. Both are computed here by functions of
autograd's with the gradients written out. They give the same numbers, to the last bits of the precision.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

LONGEST = 256
"""Tokens of the longest row whose attention is computed here; what is kept for the way back grows with the square."""
_NAME = "tandem_cpu"


def quicken(model: Any) -> None:
    """Let a model that trains on a CPU compute in this module's way, where that changes no result.

    Layers with DoRA, quantised weights or more than one adapter, masks, sliding windows and long rows go the usual
    way. Undone by `slacken`, and for a while by switching the adapter off.
    """
    for layer in _lora_layers(model):
        layer.forward = _forward_of(layer)
    inner = _inner(model)
    if getattr(inner.config, "_attn_implementation", None) == "sdpa":
        _register()
        inner.set_attn_implementation(_NAME)


def slacken(model: Any) -> None:
    """Undo `quicken`."""
    for layer in _lora_layers(model):
        vars(layer).pop("forward", None)
    inner = _inner(model)
    if getattr(inner.config, "_attn_implementation", None) == _NAME:
        inner.set_attn_implementation("sdpa")


@contextmanager
def quickened(model: Any) -> Iterator[None]:
    """`quicken` for the length of a block."""
    quicken(model)
    try:
        yield
    finally:
        slacken(model)


def _inner(model: Any) -> Any:
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _lora_layers(model: Any) -> list[Any]:
    """Plain LoRA over plain linear layers."""
    import torch
    from peft.tuners.lora import Linear

    return [
        module
        for module in model.modules()
        if type(module) is Linear
        and type(module.base_layer) is torch.nn.Linear
        and not module.base_layer.weight.requires_grad
        and not module.fan_in_fan_out
        and not module.lora_variant
        and not any(module.lora_bias.values())
        and list(module.lora_A) == ["default"]
    ]


def _forward_of(layer: Any) -> Any:
    import torch

    usual = type(layer).forward

    def forward(x: Any, *given: Any, **options: Any) -> Any:
        base = layer.base_layer
        plain = x.is_floating_point() and base.weight.is_floating_point()
        alone = layer.active_adapters == ["default"]
        if layer.disable_adapters or layer.merged or given or options or not (plain and alone):
            return usual(layer, x, *given, **options)
        x = x.to(base.weight.dtype)
        a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
        dropout = layer.lora_dropout["default"]
        dropped = dropout(x) if layer.training and getattr(dropout, "p", 0.0) else None
        with torch.autocast("cpu", enabled=False):
            return _functions()[0].apply(x, dropped, base.weight, base.bias, a, b, layer.scaling["default"])

    return forward


@cache
def _functions() -> tuple[Any, Any]:
    """The two functions of autograd; made late because torch takes seconds to import."""
    import torch

    class LoraLinear(torch.autograd.Function):
        """x W' + bias + s (x A') B', with the last sum made inside the product."""

        @staticmethod
        def forward(
            ctx: Any, x: Any, dropped: Any, weight: Any, bias: Any, a: Any, b: Any, scale: float
        ) -> Any:
            flat = x.reshape(-1, x.shape[-1])
            seen = flat if dropped is None else dropped.reshape(flat.shape)
            low, high = a.to(weight.dtype), (b * scale).to(weight.dtype)
            narrow = seen @ low.t()
            out = torch.nn.functional.linear(flat, weight, bias).addmm_(narrow, high.t())
            ctx.save_for_backward(seen, narrow, low, high, weight)
            ctx.scale, ctx.shape, ctx.drops = scale, x.shape, dropped is not None
            return out.view(*x.shape[:-1], -1)

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            seen, narrow, low, high, weight = ctx.saved_tensors
            grad = grads[0].reshape(-1, weight.shape[0])
            back = grad @ high
            grad_low = (back.t() @ seen).float()
            grad_high = (grad.t() @ narrow).float() * ctx.scale
            to_x = to_dropped = None
            if ctx.needs_input_grad[0]:
                to_x = grad @ weight
                if ctx.drops:
                    to_dropped = (back @ low).view(ctx.shape)
                else:
                    to_x.addmm_(back, low)
                to_x = to_x.view(ctx.shape)
            return to_x, to_dropped, None, None, grad_low, grad_high, None

    class CausalAttention(torch.autograd.Function):
        """softmax(s Q K') V of (B x H, T, D) tensors, nobody seeing what comes later."""

        @staticmethod
        def forward(ctx: Any, query: Any, key: Any, value: Any, scale: float) -> Any:
            length = query.shape[1]
            scores = torch.bmm(query * scale, key.transpose(1, 2)).float()
            later = torch.ones(length, length, dtype=torch.bool, device=query.device).triu_(1)
            shares = torch.softmax(scores.masked_fill_(later, float("-inf")), -1).to(query.dtype)
            ctx.save_for_backward(query, key, value, shares)
            ctx.scale = scale
            return torch.bmm(shares, value)

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            query, key, value, shares = ctx.saved_tensors
            grad = grads[0]
            to_value = torch.bmm(shares.transpose(1, 2), grad)
            to_shares = torch.bmm(grad, value.transpose(1, 2))
            pulled = (to_shares * shares).sum(-1, keepdim=True)
            to_scores = to_shares.sub_(pulled).mul_(shares).mul_(ctx.scale)
            return torch.bmm(to_scores, key), torch.bmm(to_scores.transpose(1, 2), query), to_value, None

    return LoraLinear, CausalAttention


def _attention(
    module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **options: Any
) -> tuple[Any, None]:
    """An attention of transformers: ours for short rows that are only causal, torch's for all others.

    Args:
        query: (B, H, T, D); `key` and `value` may have fewer heads.
    """
    import torch
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    rows, heads, length, width = query.shape
    known = {"dropout", "scaling", "is_causal", "position_ids", "use_cache"}
    unusual = any(value not in (None, False) for name, value in options.items() if name not in known)
    causal = options.get("is_causal")
    causal = getattr(module, "is_causal", True) if causal is None else causal
    if (
        attention_mask is not None
        or length > LONGEST
        or key.shape[2] != length
        or value.shape[3] != width
        or options.get("dropout")
        or not causal
        or unusual
    ):
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    scale = options.get("scaling") or width**-0.5
    shared = heads // key.shape[1]
    if shared > 1:
        key, value = (part.repeat_interleave(shared, 1) for part in (key, value))
    flat = [part.to(query.dtype).reshape(rows * heads, length, width) for part in (query, key, value)]
    with torch.autocast("cpu", enabled=False):
        out = _functions()[1].apply(*flat, scale)
    return out.view(rows, heads, length, width).transpose(1, 2).contiguous(), None


def _register() -> None:
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(_NAME, _attention)
    AttentionMaskInterface.register(_NAME, sdpa_mask)
