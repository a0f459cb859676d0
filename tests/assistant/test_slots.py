"""Slots: what fits, who is in them, and what is left when they are closed."""

import pytest
import torch

from assistant.prefix_cache import PrefixCache
from assistant.slots import Slots, SlotShape
from tests.assistant.tiny_model import build_tiny


@pytest.mark.parametrize(
    ("free_gb", "token_kb", "context", "expected"),
    [
        (60, 128, 8192, (16, 8192)),  # 8 billion parameters, the slots may take 24 GB
        (7, 128, 131072, (11, 2048)),
        (8.5, 28, 32768, (16, 7936)),
        (20, 45, 512, (16, 512)),
        (0.1, 128, 8192, (0, 2048)),
    ],
)
def test_slots_take_what_fits(free_gb: float, token_kb: int, context: int, expected: tuple[int, int]) -> None:
    shape = SlotShape.fitting(
        int(free_gb * 2**30), token_bytes=token_kb * 1024, context_tokens=context, rows=16
    )
    assert (shape.count, shape.tokens) == expected
    assert shape.count * (shape.tokens + 1) * token_kb * 1024 <= 0.4 * free_gb * 2**30


def test_a_closed_pool_gives_no_slots_and_leaves_those_in_use() -> None:
    config = build_tiny()[0].config
    slots = Slots(
        SlotShape(2, 64), layers=2, heads=2, width=16, dtype=torch.float32, device=torch.device("cpu")
    )
    caches = PrefixCache(config, max_bytes=0, slots=slots)
    cache, _ = caches.start(None, [4, 5], room=64)
    assert (slots.slot_of(cache), slots.free) == (0, 1)
    states = torch.ones(1, 2, 3, 16)
    cache.layers[0].update(states, states)
    assert torch.equal(slots.states[0, 0, :1, :, :3], states)
    slots.close()
    assert torch.equal(cache.layers[0].update(states, states)[0][:, :, :3], states)
    caches.release(cache)
    assert slots.slot_of(caches.start(None, [4, 5])[0]) is None
