"""Linear layers for few rows on the CPU, whose rows do not depend on their neighbours.

oneDNN's prepacked kernels take half the time of `torch.nn.functional.linear` for one to sixteen rows, and give
each row the same bits however many rows are computed with it, from two rows on; a single row may be summed in
another order. MKL's fp32 kernels, which `linear` uses, hold that only for multiples of four rows.
Imported only where an engine runs, because it needs torch.
"""

import os
from collections.abc import Sequence
from typing import Protocol

import torch
from torch.nn import functional

# Packing keeps a second copy of the weights, so it must not take more than this share of the machine's memory.
_PACKED_SHARE = 0.25


class Linear(Protocol):
    """x (T, in) to (T, out)."""

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return the layer's output."""
        ...

    def add_to(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return the layer's output plus y (T, out)."""
        ...


class PackedLinear:
    """One or several linear layers of the same input, as one, in oneDNN's own layout.

    Args:
        weight: (out, in), bf16 or fp32.
        bias: (out,).
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None = None) -> None:
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach().contiguous(), None)
        self._bias = bias
        self._run = torch.ops.mkldnn._linear_pointwise.default
        self._run_and_add = torch.ops.mkldnn._linear_pointwise.binary

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return the layer's output."""
        result: torch.Tensor = self._run(x, self._weight, self._bias, "none", [], "")
        return result

    def add_to(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return the layer's output plus y, added before rounding."""
        result: torch.Tensor = self._run_and_add(x, y, self._weight, self._bias, "add")
        return result


class PlainLinear:
    """The same with `torch.nn.functional.linear` and no copy of the weights.

    Args:
        weights, biases: of the layers that share the input.
    """

    def __init__(self, weights: Sequence[torch.Tensor], biases: Sequence[torch.Tensor | None]) -> None:
        self._parts = list(zip((weight.detach() for weight in weights), biases, strict=True))

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return the layer's output."""
        parts = [functional.linear(x, weight, bias) for weight, bias in self._parts]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)

    def add_to(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return the layer's output plus y."""
        return self(x) + y


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
        # As many rows are computed as makes each of them independent of their number (see the top).
        self.row_step = 4 if device.type == "cpu" and dtype == torch.float32 and not self.packs else 2

    def __call__(
        self, weights: Sequence[torch.Tensor], biases: Sequence[torch.Tensor | None] | None = None
    ) -> Linear:
        """Return one layer for the layers with `weights` (out, in) and `biases` (out,)."""
        given = list(biases) if biases is not None else [None] * len(weights)
        if not self.packs:
            return PlainLinear(weights, given)
        bias = None
        if any(part is not None for part in given):
            parts = [
                weight.new_zeros(weight.shape[0]) if part is None else part.detach()
                for weight, part in zip(weights, given, strict=True)
            ]
            bias = torch.cat(parts)
        return PackedLinear(torch.cat([weight.detach() for weight in weights]), bias)
