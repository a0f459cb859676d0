"""Keys and values of prompts that were read lately, so that a shared beginning is not read again.

A prompt is always read in the same blocks, whatever is cached: 32, 32, 64, then 128 tokens each. Only whole
blocks are kept and reused, so an answer is bit for bit the same with and without a hit.
Imported only where an engine runs, because it needs torch.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, cast

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

_BLOCKS = (32, 32, 64)
_LAST_BLOCK = 128
_ROOM = 256
_States = list[tuple[torch.Tensor, torch.Tensor]]


def block_ends(tokens: int) -> list[int]:
    """Return where the blocks of a prompt of `tokens` tokens end; the last end is `tokens`."""
    ends: list[int] = []
    at = 0
    while at < tokens:
        at += _BLOCKS[len(ends)] if len(ends) < len(_BLOCKS) else _LAST_BLOCK
        ends.append(min(at, tokens))
    return ends


class GrowingLayer(DynamicLayer):
    """A layer's keys and values in a buffer with room to spare.

    transformers' own layer copies everything for each new token; here a token costs only itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self._length = 0
        self._store: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append (B, heads, T, head_dim) states; return all of them, without a copy."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        end = self._length + key_states.shape[-2]
        keys, values = self._reserve(end, key_states, value_states)
        keys[:, :, self._length : end] = key_states
        values[:, :, self._length : end] = value_states
        self._length = end
        self.keys, self.values = keys[:, :, :end], values[:, :, :end]
        return self.keys, self.values

    def _reserve(
        self, tokens: int, key_states: torch.Tensor, value_states: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return buffers that hold `tokens`, with what is there already."""
        if self._store is not None and self._store[0].shape[-2] >= tokens:
            return self._store
        room = max(_ROOM, tokens + tokens // 2)
        grown = []
        for old, states in zip(self._store or (None, None), (key_states, value_states), strict=True):
            new = states.new_empty((*states.shape[:-2], room, states.shape[-1]))
            if old is not None:
                new[:, :, : self._length] = old[:, :, : self._length]
            grown.append(new)
        self._store = (grown[0], grown[1])
        return self._store


class PrefixCache:
    """The last prompts' keys and values, by adapter and tokens.

    Models whose layers keep a window or a running state cannot be cut back to a prefix; for them nothing is
    kept and every prompt is read in full.

    Args:
        config: the model's config.
        max_bytes: of all kept keys and values; the least recently used go first. 0 turns keeping off.
    """

    def __init__(self, config: Any, *, max_bytes: int) -> None:
        self._config = config
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[tuple[str | None, tuple[int, ...]], _States] = OrderedDict()
        layers = DynamicCache(config=config).layers
        self._plain = bool(layers) and all(type(layer) is DynamicLayer for layer in layers)
        self._depth = len(layers)

    def start(self, adapter: str | None, ids: Sequence[int]) -> tuple[DynamicCache, int]:
        """Return a cache for this prompt and how many of its tokens it holds already.

        At least one token is always left to read: its logits are needed.
        """
        cache = DynamicCache(config=self._config)
        if not self._plain:
            return cache, 0
        layers = [GrowingLayer() for _ in range(self._depth)]
        cache.layers = list(layers)
        ends = [end for end in block_ends(len(ids)) if end < len(ids)]
        for end in reversed(ends):
            key = (adapter, tuple(ids[:end]))
            states = self._kept.get(key) or self._cut(adapter, key[1])
            if states is not None:
                for layer, (keys, values) in zip(layers, states, strict=True):
                    layer.update(keys, values)
                return cache, end
        return cache, 0

    def keep(self, adapter: str | None, ids: Sequence[int], cache: DynamicCache) -> None:
        """Remember the whole blocks of a prompt that `cache` holds."""
        ends = block_ends(len(ids))
        full = [end for end in ends if end in block_ends(end + 1)]
        if not self._plain or not full:
            return
        end = full[-1]
        key = (adapter, tuple(ids[:end]))
        if key in self._kept:
            self._kept.move_to_end(key)
            return
        states: _States = []
        for layer in cast(list[GrowingLayer], cache.layers):
            assert layer.keys is not None
            assert layer.values is not None
            states.append((layer.keys[:, :, :end].clone(), layer.values[:, :, :end].clone()))
        self._kept[key] = states
        self._bytes += _size(states)
        while self._bytes > self._max_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= _size(dropped)

    def forget(self, adapter: str | None) -> None:
        """Drop what belongs to an adapter: its weights are gone or replaced."""
        for key in [key for key in self._kept if key[0] == adapter]:
            self._bytes -= _size(self._kept.pop(key))

    def _cut(self, adapter: str | None, ids: tuple[int, ...]) -> _States | None:
        """The first tokens of a longer prompt that begins with `ids`."""
        for key, states in reversed(self._kept.items()):
            if key[0] == adapter and key[1][: len(ids)] == ids:
                self._kept.move_to_end(key)
                return [(keys[:, :, : len(ids)], values[:, :, : len(ids)]) for keys, values in states]
        return None


def _size(states: _States) -> int:
    return sum(tensor.numel() * tensor.element_size() for layer in states for tensor in layer)
