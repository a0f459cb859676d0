"""Keys and values of prompts that were read lately, so that a shared beginning is not read again.

A prompt is always read in the same blocks, whatever is cached: 32, 32, 64, then 128 tokens each. Only whole
blocks are kept and reused, so an answer is bit for bit the same with and without a hit. Only what lives in slots on a GPU is
read in several blocks at once, to what may be other bits.
Imported only where an engine runs, because it needs torch.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from assistant.slots import Slots

_BLOCKS = (32, 32, 64)
_LAST_BLOCK = 128
_ROOM = 256
_States = list[torch.Tensor]  # per layer (2, 1, heads, T, head_dim)


def block_ends(tokens: int) -> list[int]:
    """Return where the blocks of a prompt of `tokens` tokens end; the last end is `tokens`."""
    ends: list[int] = []
    at = 0
    while at < tokens:
        at += _BLOCKS[len(ends)] if len(ends) < len(_BLOCKS) else _LAST_BLOCK
        ends.append(min(at, tokens))
    return ends


class Block(NamedTuple):
    """A piece of a prompt that is to be read."""

    ids: Sequence[int]
    """Token ids, those behind what the cache holds."""
    cache: DynamicCache
    adapter: str | None
    last: bool = True
    """Whether it ends the prompt: only then logits are wanted."""


class GrowingLayer(DynamicLayer):
    """A layer's keys and values in one buffer with room to spare.

    transformers' own layer copies everything for each new token; here a token costs only itself.

    Args:
        room: tokens to make room for at once; memory is touched only when they come.
    """

    def __init__(self, room: int = 0) -> None:
        super().__init__()
        self._length = 0
        self._room = room
        self._store: torch.Tensor | None = None  # (2, B, heads, room, head_dim)

    def get_seq_length(self) -> int:
        """Return how many tokens are held."""
        return self._length

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append (B, heads, T, head_dim) states; return all of them, without a copy."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start, end = self._length, self._length + key_states.shape[-2]
        store = self._reserve(end, key_states)
        store[0, :, :, start:end] = key_states
        store[1, :, :, start:end] = value_states
        self._length = end
        self.keys, self.values = store.narrow(3, 0, end).unbind(0)
        return self.keys, self.values

    def buffer(self, tokens: int, heads: int, width: int, *, like: torch.Tensor) -> torch.Tensor:
        """Return the buffer (2, 1, heads, room, width), with room for `tokens` more, for who writes there himself.

        Args:
            like: a tensor of its dtype and device.
        """
        store, needed = self._store, self._length + tokens
        if store is None or store.shape[3] < needed:
            store = self._reserve(needed, like.new_empty((1, heads, 0, width)))
        return store

    def settle(self, store: torch.Tensor) -> None:
        """Keep the states of a new layer in `store` (2, 1, heads, room, width) for as long as they fit."""
        self._store = store

    def lives_in(self, store: torch.Tensor) -> bool:
        """Whether `store` still holds the states."""
        return self._store is store

    def lengthen(self, tokens: int) -> None:
        """Count what was written into the buffer."""
        self._length += tokens

    def shorten(self, tokens: int) -> None:
        """Forget all but the first `tokens` tokens, when a step failed half-way."""
        self._length = min(self._length, tokens)

    def fill(self, states: torch.Tensor) -> None:
        """Start with kept states (2, B, heads, T, head_dim)."""
        self.update(states[0], states[1])

    def first(self, tokens: int) -> torch.Tensor:
        """Return a copy of the first tokens' states (2, B, heads, tokens, head_dim)."""
        assert self._store is not None
        return self._store[:, :, :, :tokens].clone()

    def _reserve(self, tokens: int, states: torch.Tensor) -> torch.Tensor:
        """Return a buffer that holds `tokens`, with what is there already."""
        old = self._store
        if old is not None and old.shape[3] >= tokens:
            return old
        room = max(self._room, tokens) if old is None else tokens + max(_ROOM, tokens // 2)
        batch, heads, _, width = states.shape
        new = states.new_empty((2, batch, heads, room, width))
        if old is not None:
            new[:, :, :, : self._length] = old[:, :, :, : self._length]
        self._store = new
        return new


class PrefixCache:
    """The last prompts' keys and values, by adapter and tokens.

    Models whose layers keep a window or a running state cannot be cut back to a prefix; for them nothing is
    kept and every prompt is read in full.

    Args:
        config: the model's config.
        max_bytes: of all kept keys and values; the least recently used go first. 0 turns keeping off.
        dtype: of keys and values, for `token_bytes`.
        slots: where new caches live for as long as there is a free one.
    """

    def __init__(
        self,
        config: Any,
        *,
        max_bytes: int,
        dtype: torch.dtype = torch.float32,
        slots: Slots | None = None,
    ) -> None:
        self._config = config
        self._max_bytes = max_bytes
        self._slots = slots
        self._bytes = 0
        self._kept: OrderedDict[tuple[str | None, tuple[int, ...]], _States] = OrderedDict()
        layers = DynamicCache(config=config).layers
        self._plain = bool(layers) and all(type(layer) is DynamicLayer for layer in layers)
        self._depth = len(layers)

        queries = getattr(config, "num_attention_heads", None) or 1
        heads = getattr(config, "num_key_value_heads", None) or queries
        width = getattr(config, "head_dim", None) or (getattr(config, "hidden_size", 0) // queries)
        self.token_bytes: int = 2 * self._depth * heads * width * dtype.itemsize
        """What one token's keys and values take in all layers; an estimate for layers that are not plain."""

    @property
    def plain(self) -> bool:
        """Whether every layer keeps the keys and values of all tokens, and nothing else."""
        return self._plain

    def start(
        self, adapter: str | None, ids: Sequence[int], *, room: int = _ROOM
    ) -> tuple[DynamicCache, int]:
        """Return a cache for this prompt and how many of its tokens it holds already.

        At least one token is always left to read: its logits are needed.

        Args:
            room: how many tokens prompt and answer will have together; more can be told later.
        """
        cache = DynamicCache(config=self._config)
        if not self._plain:
            return cache, 0
        layers = [GrowingLayer(room) for _ in range(self._depth)]
        cache.layers = list(layers)
        if self._slots is not None:
            self._slots.take(cache, room)
        try:
            return cache, self._filled(adapter, ids, layers)
        except Exception:
            self.release(cache)
            raise

    def release(self, cache: DynamicCache | None) -> None:
        """Give the slot of a cache, if it has one, to whoever comes next. The cache is not used any more."""
        if self._slots is not None and cache is not None:
            self._slots.release(cache)

    def _filled(self, adapter: str | None, ids: Sequence[int], layers: Sequence[GrowingLayer]) -> int:
        """Copy what is kept of a prompt's beginning into new layers; return how many tokens that is."""
        ends = [end for end in block_ends(len(ids)) if end < len(ids)]
        for end in reversed(ends):
            key = (adapter, tuple(ids[:end]))
            states = self._kept.get(key) or self._cut(adapter, key[1])
            if states is not None:
                for layer, kept in zip(layers, states, strict=True):
                    layer.fill(kept)
                return end
        return 0

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
        states = [layer.first(end) for layer in cast(list[GrowingLayer], cache.layers)]
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
                return [kept[:, :, :, : len(ids)] for kept in states]
        return None


def _size(states: _States) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in states)
