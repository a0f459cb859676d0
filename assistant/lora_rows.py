"""LoRA for rows of different adapters in one forward pass, without a switch.

The adapters of a batch are stacked: all their A below each other, all their B side by side. Every row is
multiplied with all of them, and between the two what belongs to other adapters is set to zero; so a row without
an adapter gets exactly zero added, and every other row exactly its own adapter's part.
Imported only where an engine runs, because it needs torch.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from assistant.decoder_layers import LoraWeights
from assistant.packed_linear import LinearMaker

SITES = (("q_proj", "k_proj", "v_proj"), ("o_proj",), ("gate_proj", "up_proj"), ("down_proj",))
"""Linear layers of a decoder layer that share an input; each group is one site."""

_KEPT_STACKS = 8
_SPARE_ADAPTERS = 3


@dataclass(frozen=True, slots=True)
class LoraPair:
    """One linear layer's update: B A, with the adapter's scale in B.

    Args:
        a: (r, in).
        b: (out, r).
    """

    a: torch.Tensor
    b: torch.Tensor


AdapterPairs = dict[tuple[int, str], LoraPair]
"""An adapter's updates by decoder layer and name of the linear layer."""


class _Stack:
    """Several adapters' updates of a whole model, stacked."""

    def __init__(
        self,
        adapters: dict[str, AdapterPairs],
        shapes: Sequence[dict[str, tuple[int, int]]],
        make: LinearMaker,
    ) -> None:
        self.names = tuple(adapters)
        ranks = [max((pair.a.shape[0] for pair in pairs.values()), default=0) for pairs in adapters.values()]
        self.kernel = ""
        self.a: list[torch.Tensor] = []
        self.b: list[torch.Tensor] = []
        for number, of_layer in enumerate(shapes):
            for site in SITES:
                for made, weight in zip(
                    (self.a, self.b),
                    _stacked(number, site, adapters, ranks, of_layer, make.dtype),
                    strict=True,
                ):
                    # Bringing them into the kernel's layout would take longer than all else about a swap.
                    layer = make.small(weight) if weight.numel() else None
                    self.kernel = layer.kernel if layer else self.kernel
                    made.append(layer.weights[0] if layer else weight)
        # Which adapter a column belongs to, at each site.
        self.owners = [
            torch.cat([torch.full((len(site) * rank,), i) for i, rank in enumerate(ranks)]) for site in SITES
        ]

    def rows(self, adapters: Sequence[str | None], device: torch.device) -> LoraWeights:
        """What rows of these adapters add."""
        foreign: list[torch.Tensor] = []
        if len(self.names) > 1 or None in adapters:
            numbers = [self.names.index(name) if name is not None else -1 for name in adapters]
            rows = torch.tensor(numbers)[:, None]  # (T, 1)
            foreign = [(owner != rows).to(device) for owner in self.owners]
        return LoraWeights(self.kernel, self.a, self.b, foreign)


def _stacked(
    number: int,
    site: Sequence[str],
    adapters: dict[str, AdapterPairs],
    ranks: Sequence[int],
    shapes: dict[str, tuple[int, int]],
    dtype: torch.dtype,
) -> tuple[torch.Tensor, torch.Tensor]:
    """All A (R, in) and all B (out, R) of one site; both without numbers where no adapter changes it."""
    pairs_here = [
        pairs[number, name] for pairs in adapters.values() for name in site if (number, name) in pairs
    ]
    if not pairs_here:
        return torch.empty(0), torch.empty(0)
    columns, outs = len(site) * sum(ranks), sum(shapes[name][0] for name in site)
    device = pairs_here[0].a.device
    a = torch.zeros(columns, shapes[site[0]][1], device=device, dtype=dtype)
    b = torch.zeros(outs, columns, device=device, dtype=dtype)
    column = 0
    for pairs, rank in zip(adapters.values(), ranks, strict=True):
        row = 0
        for name in site:
            pair = pairs.get((number, name))
            out = shapes[name][0]
            if pair is not None:
                r = pair.a.shape[0]
                a[column : column + r] = pair.a
                b[row : row + out, column : column + r] = pair.b
            row += out
            column += rank
    return a, b


class LoraShelf:
    """The plain LoRA adapters of one model and their stacks, made when they are needed.

    Args:
        shapes: per decoder layer, the (out, in) of each linear layer.
    """

    def __init__(
        self, shapes: Sequence[dict[str, tuple[int, int]]], make: LinearMaker, device: torch.device
    ) -> None:
        self._shapes = shapes
        self._make = make
        self._device = device
        self._adapters: dict[str, AdapterPairs] = {}
        self._stacks: OrderedDict[tuple[str, ...], _Stack] = OrderedDict()

    def __contains__(self, name: str) -> bool:
        return name in self._adapters

    def put(self, name: str, pairs: AdapterPairs) -> None:
        """Keep an adapter, replacing one of that name."""
        self.drop(name)
        self._adapters[name] = {
            place: LoraPair(pair.a.to(self._device), pair.b.to(self._device)) for place, pair in pairs.items()
        }

    def drop(self, name: str) -> None:
        """Forget an adapter; unknown names are ignored."""
        self._adapters.pop(name, None)
        for names in [names for names in self._stacks if name in names]:
            del self._stacks[names]

    def rows(self, adapters: Sequence[str | None], *, exact: bool = False) -> LoraWeights:
        """Return what rows of these adapters add.

        Args:
            exact: stack no other adapter with them, for many rows of one.
        """
        wanted = {name for name in adapters if name is not None}
        if not wanted:
            return LoraWeights("", [], [], [])
        names = tuple(sorted(wanted))
        if names not in self._stacks and not exact:
            # Another stack will do while it has little to spare: rows leave one by one, and stacking costs time.
            near = [
                key for key in self._stacks if wanted <= set(key) and len(key) <= len(names) + _SPARE_ADAPTERS
            ]
            names = min(near, key=len, default=names)
        if names not in self._stacks:
            chosen = {name: self._adapters[name] for name in names}
            self._stacks[names] = _Stack(chosen, self._shapes, self._make)
            if len(self._stacks) > _KEPT_STACKS:
                self._stacks.popitem(last=False)
        self._stacks.move_to_end(names)
        return self._stacks[names].rows(adapters, self._device)
