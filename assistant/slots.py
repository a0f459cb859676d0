"""Slots: memory for the keys and values of a fixed number of answers, as one tensor.

An answer whose states lie at a known place can be decoded by steps that are recorded once and replayed (see
`assistant.static_decoding`). Knows no model and no requests.
Imported only where an engine runs, because it needs torch.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from transformers import DynamicCache

if TYPE_CHECKING:
    from assistant.prefix_cache import GrowingLayer

# Of a GPU's free memory once the model is there. Prompts that are read, kept prefixes and other programs need the rest.
_SHARE = 0.4

# A slot's length is a multiple of it.
_STEP = 256

# Fewer slots rather than shorter ones: a question with its passages and an answer fit into it.
_FEWEST_TOKENS = 2048

# A longer context is rarely used, and each slot would keep memory for it.
_MOST_TOKENS = 8192


@dataclass(frozen=True, slots=True)
class SlotShape:
    """How many slots there are and how many tokens each holds; 0 slots are none at all."""

    count: int
    tokens: int

    @classmethod
    def fitting(cls, free_bytes: int, *, token_bytes: int, context_tokens: int, rows: int) -> "SlotShape":
        """Return slots that take at most two fifths of the free memory.

        One for each row, as long as the context but for contexts above 8192 tokens; where that is too much, shorter
        ones, down to 2048 tokens; where that is too much, fewer.

        Args:
            free_bytes: of the device.
            token_bytes: what one token's keys and values take in all layers.
            context_tokens: of prompt and answer at most.
            rows: answers that are written at once.
        """
        fit = int(_SHARE * free_bytes) // token_bytes
        longest = min(context_tokens, _MOST_TOKENS)
        # One place of each slot is nobody's (see `Slots`).
        tokens = min(longest, (fit // max(1, rows) - 1) // _STEP * _STEP)
        tokens = max(tokens, min(longest, _FEWEST_TOKENS))
        return cls(min(rows, fit // (tokens + 1)), tokens)


class Slots:
    """The slots of one model and who is in them.

    Args:
        heads: of keys and values.
        width: of a head.

    Attributes:
        states: (layers, 2, slots, heads, tokens + 1, width), keys and values. What nobody wrote is zero: states that are
            masked out are still multiplied by zero, and must be numbers. The last place of each slot takes what rows
            write that have nothing to keep.
    """

    def __init__(
        self,
        shape: SlotShape,
        *,
        layers: int,
        heads: int,
        width: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.shape = shape
        self.states = torch.zeros(
            (layers, 2, shape.count, heads, shape.tokens + 1, width), dtype=dtype, device=device
        )
        self._stores: list[list[torch.Tensor]] = [[] for _ in range(shape.count)]
        self._free = list(range(shape.count))
        self._taken: dict[int, tuple[int, DynamicCache]] = {}  # by the cache's id

    @property
    def free(self) -> int:
        """How many slots can be taken."""
        return len(self._free)

    def fits(self, room: int) -> bool:
        """Whether there is a free slot for so many tokens."""
        return bool(self._free) and room <= self.shape.tokens

    def take(self, cache: DynamicCache, room: int) -> bool:
        """Let the layers of an empty cache keep their states in a slot; False where none fits.

        Args:
            room: tokens that the cache will hold at most.
        """
        if not self.fits(room):
            return False
        slot = self._free.pop(0)
        # Nothing is left of the text before, nor of what may have been no number.
        self.states[:, :, slot].zero_()
        stores = self.states[:, :, slot : slot + 1, :, : self.shape.tokens].unbind(0)
        self._stores[slot] = list(stores)
        for layer, store in zip(cast("list[GrowingLayer]", cache.layers), stores, strict=True):
            layer.settle(store)
        self._taken[id(cache)] = slot, cache
        return True

    def slot_of(self, cache: DynamicCache) -> int | None:
        """The slot that holds a cache's states; None where they live elsewhere."""
        slot, _ = self._taken.get(id(cache), (None, None))
        if slot is None:
            return None
        first = cast("GrowingLayer", cache.layers[0])
        return slot if first.lives_in(self._stores[slot][0]) else None

    def release(self, cache: DynamicCache) -> None:
        """Free a cache's slot; caches without one are ignored."""
        slot, _ = self._taken.pop(id(cache), (None, None))
        if slot is not None and not self.closed:
            self._stores[slot] = []
            self._free.append(slot)

    @property
    def closed(self) -> bool:
        """Whether slots are given no more."""
        return not self.states.numel()

    def close(self) -> None:
        """Give no more slots. Caches keep theirs; the memory is free when the last of them is gone."""
        self._free.clear()
        self._taken.clear()
        self._stores.clear()
        self.states = self.states.new_empty(0)
