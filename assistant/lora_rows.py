"""LoRA for rows of different adapters in one forward pass, without a switch.

The adapters of a batch are stacked: all their A below each other, all their B side by side. Every row is
multiplied with all of them, and between the two what belongs to other adapters is set to zero; so a row without
an adapter gets exactly zero added, and every other row exactly its own adapter's part.
Imported only where an engine runs, because it needs torch.
"""

from collections import OrderedDict
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import partial

import torch

from assistant.decoder_layers import SITES, LoraWeights
from assistant.packed_linear import LinearMaker

_KEPT_STACKS = 8
_SPARE_ADAPTERS = 3

# What a bank has room for at least.
_FEWEST_HELD, _LEAST_RANK = 4, 16


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
        ranks = [_rank(pairs) for pairs in adapters.values()]
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

    def __getitem__(self, name: str) -> AdapterPairs:
        return self._adapters[name]

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


class LoraBank:
    """Adapters of a shelf in buffers whose shapes and places stay, for steps that are recorded once.

    As in a stack, every row is multiplied with all adapters that are there, and what belongs to others is set to zero
    between A and B: reading some more columns takes less memory traffic, and fewer calls, than gathering an A and a B
    for each row.

    Args:
        shapes: as of `LoraShelf`.
        most_bytes: of all buffers.

    Attributes:
        version: grows when buffers were replaced: what was recorded before is void.
        a, b: as of `LoraWeights`, without numbers where no adapter changes a site; all empty before the first.
        owners: (R,) int64 for each of the four sites, the number of the adapter that a column belongs to.
    """

    def __init__(
        self,
        shelf: LoraShelf,
        shapes: Sequence[dict[str, tuple[int, int]]],
        *,
        dtype: torch.dtype,
        device: torch.device,
        most_bytes: int,
    ) -> None:
        self._shelf = shelf
        self._shapes = shapes
        self._dtype = dtype
        self._device = device
        self._most_bytes = most_bytes
        self._held: OrderedDict[str, tuple[int, AdapterPairs]] = OrderedDict()  # the latest used last
        self._capacity = self._rank = 0
        self._sites: set[int] = set()
        self.version = 0
        self.a: list[torch.Tensor] = []
        self.b: list[torch.Tensor] = []
        self.owners: list[torch.Tensor] = []

    def numbers(self, adapters: Sequence[str | None]) -> list[int] | None:
        """Return the number of each row's adapter, 0 for none, and see that the buffers hold them all.

        None where they would take too much memory together.
        """
        wanted = {name: self._shelf[name] for name in adapters if name is not None}
        # One of the same name may have been loaded since.
        missing = [name for name in wanted if self._held.get(name, (0, None))[1] is not wanted[name]]
        for name in missing:
            self._held.pop(name, None)
        if missing and not self._fit(wanted):
            return None
        for name in wanted:
            if name not in self._held:
                self._held[name] = self._free_number(wanted), wanted[name]
                self._write(*self._held[name])
            self._held.move_to_end(name)
        return [self._held[name][0] if name is not None else 0 for name in adapters]

    def rows(self, numbers: torch.Tensor) -> LoraWeights:
        """What tokens add, by the number of their adapter (N,); callable while steps are recorded."""
        foreign = [owner != numbers[:, None] for owner in self.owners]
        return LoraWeights("plain", self.a, self.b, foreign)

    def _fit(self, wanted: dict[str, AdapterPairs]) -> bool:
        """Make the buffers large enough for these adapters together."""
        rank = max((_rank(pairs) for pairs in wanted.values()), default=0)
        sites = {4 * layer + _site_of(name) for pairs in wanted.values() for layer, name in pairs}
        if len(wanted) <= self._capacity and rank <= self._rank and sites <= self._sites:
            return True
        # In powers of two, so that this happens seldom.
        capacity = max(self._capacity, _FEWEST_HELD, 1 << (len(wanted) - 1).bit_length())
        rank = max(self._rank, _LEAST_RANK, 1 << (rank - 1).bit_length())
        sites |= self._sites
        columns = [capacity * rank * len(site) for site in SITES]
        sizes = [
            (sum(shapes[name][0] for name in site), shapes[site[0]][1])
            for shapes in self._shapes
            for site in SITES
        ]
        needed = sum(columns[place % 4] * sum(sizes[place]) for place in sites) * self._dtype.itemsize
        if needed > self._most_bytes:
            return False
        self._capacity, self._rank, self._sites = capacity, rank, sites
        self._held.clear()
        self.version += 1
        new = partial(torch.zeros, dtype=self._dtype, device=self._device)
        nothing = new(0)
        self.a, self.b = [], []
        for place, (outs, ins) in enumerate(sizes):
            there = place in sites
            self.a.append(new(columns[place % 4], ins) if there else nothing)
            self.b.append(new(outs, columns[place % 4]) if there else nothing)
        self.owners = [
            torch.arange(1, capacity + 1, device=self._device).repeat_interleave(rank * len(site))
            for site in SITES
        ]
        return True

    def _free_number(self, wanted: Container[str]) -> int:
        """A number that nobody has; who was not used for longest loses his where all have theirs."""
        taken = {number for number, _ in self._held.values()}
        if len(taken) < self._capacity:
            return min(set(range(1, self._capacity + 1)) - taken)
        oldest = next(name for name in self._held if name not in wanted)
        return self._held.pop(oldest)[0]

    def _write(self, number: int, pairs: AdapterPairs) -> None:
        """Write an adapter into its columns."""
        for place in self._sites:
            layer, site = place // 4, SITES[place % 4]
            a, b = _stacked(layer, site, {"": pairs}, [self._rank], self._shapes[layer], self._dtype)
            width = len(site) * self._rank
            rows = self.a[place].narrow(0, (number - 1) * width, width)
            columns = self.b[place].narrow(1, (number - 1) * width, width)
            if a.numel():
                rows.copy_(a)
                columns.copy_(b)
            else:
                rows.zero_()
                columns.zero_()


def _rank(pairs: AdapterPairs) -> int:
    return max((pair.a.shape[0] for pair in pairs.values()), default=0)


def _site_of(name: str) -> int:
    return next(number for number, site in enumerate(SITES) if name in site)
