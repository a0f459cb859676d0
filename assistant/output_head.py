"""From the decoder's last states to logits: the last norm and the language head, in slices of the vocabulary.

The head has as many weights as a fifth of a small model, and every core can read a part of them.
Imported only where an engine runs, because it needs torch.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch.nn import functional

from assistant.packed_linear import Linear, LinearMaker, fits_four_bits, four_bit_linear

# Candidates of each slice whose logits are computed in fp32 when the model is in half precision.
_EXACT = 8

# The same where four bits chose the candidates: their logits are off by 0.35 on average.
_EXACT_OF_FOUR_BITS = 64

# Slices begin at multiples of it; no kernel wants more.
_EDGE = 64

Task = Callable[[], None]


class OutputHead:
    """The last norm and the language head of one model.

    Args:
        head: the model's linear layer from D to V.
        norm: its last norm.
        slices: parts of the vocabulary, computed by themselves.
        four_bit: whether four bits for each weight may choose the likeliest tokens.
    """

    def __init__(
        self,
        head: torch.nn.Linear,
        norm: Any,
        make: LinearMaker,
        *,
        slices: int,
        four_bit: bool,
    ) -> None:
        weight, bias = head.weight.detach(), None if head.bias is None else head.bias.detach()
        self._norm, self._eps = norm.weight.detach(), norm.variance_epsilon
        edges = [len(weight) * number // slices // _EDGE * _EDGE for number in range(slices)]
        self._slices = [
            slice(start, end)
            for start, end in zip(edges, [*edges[1:], len(weight)], strict=True)
            if start < end
        ]
        self._weights = [weight[part] for part in self._slices]
        self._heads = [make([weight[part]], [None if bias is None else bias[part]]) for part in self._slices]
        self._coarse_heads: list[Linear] = []
        if four_bit and bias is None and all(fits_four_bits([part]) for part in self._weights):
            self._coarse_heads = [four_bit_linear([part]) for part in self._weights]
        self._rescores = weight.dtype != torch.float32 and bias is None

    def logits(
        self, x: torch.Tensor, *, likeliest: Sequence[bool] = (), run: Callable[[Sequence[Task]], object]
    ) -> torch.Tensor:
        """Return the fp32 logits (T, V) of the last layer's states (T, D).

        Half precision has steps of an eighth where logits lie, and near ties would go to the lower token id:
        the likeliest tokens are computed again in fp32.

        Args:
            likeliest: the rows for which four bits will do to find out which those are; () is none.
            run: calls the tasks it is given, which may be done side by side, and returns when all are done.
        """
        h = functional.rms_norm(x, x.shape[-1:], self._norm, self._eps)
        logits = x.new_empty((len(x), self._slices[-1].stop), dtype=torch.float32)
        tasks: list[Task] = []
        if self._coarse_heads and any(likeliest) and not all(likeliest):
            coarse = torch.tensor(likeliest, device=x.device)
            for number in range(len(self._slices)):
                for rows, coarsely in ((coarse, True), (~coarse, False)):
                    tasks.append(partial(self._slice, number, h[rows], logits, rows, coarsely))
        else:
            coarsely = bool(self._coarse_heads) and any(likeliest)
            every = slice(None)
            tasks = [
                partial(self._slice, number, h, logits, every, coarsely)
                for number in range(len(self._slices))
            ]
        run(tasks)
        return logits

    def _slice(
        self, number: int, h: torch.Tensor, logits: torch.Tensor, rows: torch.Tensor | slice, coarsely: bool
    ) -> None:
        """Write the logits of one slice for some rows, of normed states h."""
        if coarsely:
            told, exact = self._coarse_heads[number](h).float(), _EXACT_OF_FOUR_BITS
        else:
            # A single row may be summed in another order (see assistant.packed_linear).
            told, exact = self._heads[number](h if len(h) > 1 else h.expand(2, -1))[: len(h)].float(), _EXACT
        if self._rescores:
            top = told.topk(min(exact, told.shape[-1]), sorted=False).indices  # (T, K)
            told.scatter_(-1, top, (self._weights[number][top].float() * h.float()[:, None]).sum(-1))
        logits[rows, self._slices[number]] = told
