"""Linear layers for few rows on the CPU, whose rows do not depend on their neighbours.

oneDNN's prepacked kernels take half the time of `torch.nn.functional.linear` for one to sixteen rows, and give
each row the same bits however many rows are computed with it, from two rows on; a single row may be summed in
another order. MKL's fp32 kernels, which `linear` uses, hold that only for multiples of four rows. Weights of four bits take half
of that time again for one row; docs/engine-speed.md has what else was tried.
Imported only where an engine runs, because it needs torch.
"""

import os
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch.nn import functional

# Packing keeps a second copy of the weights, so it must not take more than this share of the machine's memory.
_PACKED_SHARE = 0.25

# What the four-bit kernel is made for.
_GROUP, _OUT = 32, 16

# In steps; bf16's rounding stays below it, and weights that never had four bits are off by half a step somewhere.
_OFF_GRID = 0.08


class Linear(NamedTuple):
    """One or several linear layers of the same input, as one: x (T, in) to (T, out); for `apply`.

    A plain tuple, because compiled code reads it too (see `assistant.decoder_layers`).
    """

    kernel: str
    """"plain": `torch.nn.functional.linear` for each weight. "packed": oneDNN's. "four_bit": torch's int4 kernel."""
    weights: list[torch.Tensor]
    """(out, in) of each layer, or one of all as the kernel wants it."""
    biases: list[torch.Tensor | None]
    """(out,) of each of the weights."""
    scales: torch.Tensor
    """(in / 32, all out, 2): size and middle of the steps of each group of four-bit weights; else empty."""

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return the layer's output."""
        return apply(self, x)


def apply(layer: Linear, x: torch.Tensor) -> torch.Tensor:
    """Return the layer's output (T, out)."""
    if layer.kernel == "four_bit":
        return torch.ops.aten._weight_int4pack_mm_for_cpu(x, layer.weights[0], 32, layer.scales)
    if layer.kernel == "packed":
        return torch.ops.mkldnn._linear_pointwise(x, layer.weights[0], layer.biases[0], "none", [], "")
    parts: list[torch.Tensor] = []
    for number in range(len(layer.weights)):
        parts.append(functional.linear(x, layer.weights[number], layer.biases[number]))
    return parts[0] if len(parts) == 1 else torch.cat(parts, -1)


def apply_and_add(layer: Linear, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the layer's output plus y (T, out); packed layers add before they round."""
    if layer.kernel == "packed":
        return torch.ops.mkldnn._linear_pointwise(x, y, layer.weights[0], layer.biases[0], "add")
    return apply(layer, x).add_(y)


def plain_linear(weights: Sequence[torch.Tensor], biases: Sequence[torch.Tensor | None]) -> Linear:
    """Linear layers that share their input, with no copy of the weights.

    Args:
        weights: (out, in) of each.
        biases: (out,) of each.
    """
    return Linear("plain", [weight.detach() for weight in weights], list(biases), weights[0].new_empty(0))


def packed_linear(weight: torch.Tensor, bias: torch.Tensor | None = None, *, reorder: bool = True) -> Linear:
    """A linear layer in oneDNN's own layout.

    Args:
        weight: (out, in), bf16 or fp32.
        bias: (out,).
        reorder: whether the weights are brought into that layout beforehand. Each call does it otherwise: to the same
            bits, and for little where the weights are small.
    """
    weight = weight.detach().contiguous()
    if reorder:
        weight = torch.ops.mkldnn._reorder_linear_weight(weight, None)
    return Linear("packed", [weight], [bias], torch.empty(0))


def four_bit_linear(weights: Sequence[torch.Tensor]) -> Linear:
    """Linear layers that share their input, with four bits for each weight.

    Every 32 weights of a row share a scale and a middle in bf16. A quarter of bf16's bytes are read, which is what a
    single row waits for; rows have the same bits however many are computed. Slower than packed layers from about
    twelve rows on.

    Args:
        weights: (out, in), bf16; in is a multiple of 32, all out together one of 16.
    """
    steps, scale, low = _on_grid(torch.cat([weight.detach() for weight in weights]))
    # The kernel's own layout, and its own zero: in the middle of the sixteen steps.
    packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(steps.flatten(1), 2)
    told = torch.cat((scale, low + 8 * scale), -1).transpose(0, 1)  # (in / 32, out, 2)
    return Linear("four_bit", [packed], [None], told.to(torch.bfloat16).contiguous())


def fits_four_bits(weights: Sequence[torch.Tensor]) -> bool:
    """Whether layers that share an input have a shape for `four_bit_linear`."""
    return weights[0].shape[1] % _GROUP == 0 and sum(len(weight) for weight in weights) % _OUT == 0


def is_four_bit(weights: Sequence[torch.Tensor]) -> bool:
    """Whether weights (out, in) were read from a four-bit file: in sixteen even steps but for bf16's rounding."""
    if not fits_four_bits(weights):
        return False
    for weight in weights:
        steps, scale, low = _on_grid(weight)
        if float(((_grouped(weight) - low) / scale - steps).abs().max()) > _OFF_GRID:
            return False
    return True


def _grouped(weight: torch.Tensor) -> torch.Tensor:
    return weight.detach().float().unflatten(1, (-1, _GROUP))  # (out, in / 32, 32)


def _on_grid(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Weights as steps 0 to 15 (out, in / 32, 32) int32, with the step's size and the lowest weight of each group."""
    groups = _grouped(weight)
    low = groups.amin(-1, keepdim=True)
    scale = ((groups.amax(-1, keepdim=True) - low) / 15).clamp_(min=1e-12)
    return ((groups - low) / scale).round_().clamp_(0, 15).to(torch.int32), scale, low


def join(linears: Sequence[torch.nn.Linear]) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Move the weights of linear layers into one tensor, of which each keeps its part, so that nothing is there twice.

    Args:
        linears: of the same input, all with a bias or none.

    Returns:
        All weights (all out, in) and biases (all out,).
    """
    outs = [linear.out_features for linear in linears]
    # Parameters cannot hold tensors that are made for inference only.
    with torch.inference_mode(False), torch.no_grad():
        weight = torch.cat([linear.weight for linear in linears])
        bias = None if linears[0].bias is None else torch.cat([linear.bias for linear in linears])
        for linear, part in zip(linears, weight.split(outs), strict=True):
            linear.weight.data = part
        if bias is not None:
            for linear, part in zip(linears, bias.split(outs), strict=True):
                linear.bias.data = part
    return weight, bias


class LinearMaker:
    """Makes the linear layers of one model in the form that suits its device and size.

    Args:
        device, dtype: of the weights.
        size_bytes: of all weights that will be made into layers.
    """

    def __init__(self, device: torch.device, dtype: torch.dtype, size_bytes: int) -> None:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
        known = dtype == torch.float32 or (
            dtype == torch.bfloat16 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
        )
        self.dtype = dtype
        self.packs = (
            device.type == "cpu"
            and torch.backends.mkldnn.is_available()
            and known
            and size_bytes <= _PACKED_SHARE * memory
        )
        # Elsewhere torch computes four-bit weights one by one, forty times as slowly.
        self.may_take_four_bits = (
            self.packs
            and dtype == torch.bfloat16
            and torch.backends.cpu.get_cpu_capability().startswith("AVX512")
        )
        # Elsewhere than on the CPU the time goes into starting kernels: one product for several layers saves some.
        self.joins = device.type != "cpu"
        # As many rows are computed as makes each of them independent of their number (see the top).
        self.row_step = 4 if device.type == "cpu" and dtype == torch.float32 and not self.packs else 2

    def __call__(
        self, weights: Sequence[torch.Tensor], biases: Sequence[torch.Tensor | None] | None = None
    ) -> Linear:
        """Return one layer for the layers with `weights` (out, in) and `biases` (out,)."""
        given = list(biases) if biases is not None else [None] * len(weights)
        if not self.packs:
            return plain_linear(weights, given)
        bias = None
        if any(part is not None for part in given):
            parts = [
                weight.new_zeros(weight.shape[0]) if part is None else part.detach()
                for weight, part in zip(weights, given, strict=True)
            ]
            bias = torch.cat(parts)
        return packed_linear(torch.cat([weight.detach() for weight in weights]), bias)

    def of(self, linears: Sequence[torch.nn.Linear]) -> Linear:
        """Return one layer for linear layers that share their input; their weights may be moved."""
        if self.joins and len(linears) > 1 and len({linear.bias is None for linear in linears}) == 1:
            weight, bias = join(linears)
            return plain_linear([weight], [bias])
        return self([linear.weight for linear in linears], [linear.bias for linear in linears])

    def small(self, weight: torch.Tensor) -> Linear:
        """Return one layer that is made quickly, for a weight (out, in) of a few rows or columns."""
        if self.packs and self.dtype == torch.bfloat16:
            return packed_linear(weight, reorder=False)
        return self([weight])
