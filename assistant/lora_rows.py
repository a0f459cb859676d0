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

from assistant.packed_linear import Linear, LinearMaker

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
        self.layers = [
            [self._site(number, site, list(adapters.values()), ranks, shapes[number], make) for site in SITES]
            for number in range(len(shapes))
        ]
        # Which adapter a column belongs to, for sites of one, two and three linear layers.
        self.owners = {
            width: torch.cat([torch.full((width * rank,), i) for i, rank in enumerate(ranks)])
            for width in (1, 2, 3)
        }

    @staticmethod
    def _site(
        number: int,
        site: Sequence[str],
        adapters: Sequence[AdapterPairs],
        ranks: Sequence[int],
        shapes: dict[str, tuple[int, int]],
        make: LinearMaker,
    ) -> tuple[Linear, Linear] | None:
        if not any((number, name) in pairs for pairs in adapters for name in site):
            return None
        some = next(pairs[number, name] for pairs in adapters for name in site if (number, name) in pairs)
        columns = len(site) * sum(ranks)
        outs, device, dtype = sum(shapes[name][0] for name in site), some.a.device, make.dtype
        a = torch.zeros(columns, shapes[site[0]][1], device=device, dtype=dtype)  # (R, in)
        b = torch.zeros(outs, columns, device=device, dtype=dtype)  # (out, R)
        column = 0
        for pairs, rank in zip(adapters, ranks, strict=True):
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
        # Bringing them into the kernel's layout would take longer than all else about a swap.
        return make.small(a), make.small(b)


class LoraRows:
    """What the rows of one forward pass add; the rows' adapters are fixed.

    Args:
        stack: holds the adapters of all rows.
        adapters: of each row.
        device: of the rows.
    """

    def __init__(self, stack: _Stack, adapters: Sequence[str | None], device: torch.device) -> None:
        self._layers = stack.layers
        self._foreign: dict[int, torch.Tensor] = {}
        if len(stack.names) > 1 or None in adapters:
            numbers = [stack.names.index(name) if name is not None else -1 for name in adapters]
            rows = torch.tensor(numbers)[:, None]  # (T, 1)
            self._foreign = {width: (owner != rows).to(device) for width, owner in stack.owners.items()}

    def add(self, layer: int, site: int, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return y (T, out) plus what the rows' adapters make of x (T, in)."""
        pair = self._layers[layer][site]
        if pair is None:
            return y
        inner = pair[0](x)  # (T, R)
        if self._foreign:
            inner = inner.masked_fill_(self._foreign[len(SITES[site])], 0)
        return pair[1].add_to(inner, y)


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

    def rows(self, adapters: Sequence[str | None], *, exact: bool = False) -> LoraRows | None:
        """Return what rows of these adapters add; None where none has an adapter.

        Args:
            exact: stack no other adapter with them, for many rows of one.
        """
        wanted = {name for name in adapters if name is not None}
        if not wanted:
            return None
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
        return LoraRows(self._stacks[names], adapters, self._device)
