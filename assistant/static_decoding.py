"""One step for all answers with the same shapes each time, which a GPU replays as one graph.

A small model's step is hundreds of kernels that a GPU finishes sooner than Python launches them. Here every answer has
a slot (see `assistant.slots`), every slot takes part in every step, and what changes from step to step is written into
buffers that stay: so the kernels can be recorded once for each length of the slots' part that is looked at. Without a GPU
the same lines run unrecorded, which is how they are tested.
Imported only where an engine runs, because it needs torch.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
from transformers import DynamicCache

from assistant.cuda_recording import CudaRecorder, Recorder, Work
from assistant.decoder_layers import InSlots
from assistant.lora_rows import LoraBank
from assistant.output_head import OutputHead
from assistant.prefix_cache import Block, GrowingLayer
from assistant.slots import Slots, SlotShape

if TYPE_CHECKING:
    from assistant.lean_model import LeanModel

logger = logging.getLogger(__name__)

# Steps look at the first so many places of all slots, or twice, four times ... as many: at most twice what is needed.
_LEAST_PLACES = 256

# Tokens of prompts that one pass reads, and of each: enough to keep a GPU busy, not so many that answers stand still or
# that their mask takes much memory.
_READ_AT_ONCE, _READ_OF_ONE = 2048, 512


class Parts(NamedTuple):
    """What a step is made of: the parts of a `LeanModel`.

    Attributes:
        embed: (V, D).
        rotary: of positions (1, T), see `LeanModel`.
        read_layers, step_layers: `DecoderLayers`, compiled or not.
        group: attention heads that share keys.
    """

    embed: torch.Tensor
    rotary: Callable[[Sequence[int]], tuple[torch.Tensor, torch.Tensor]]
    read_layers: Any
    step_layers: Any
    head: OutputHead
    group: int


class StaticDecoding:
    """Steps and reading for answers that live in slots.

    A row's logits do not depend on what other slots hold: the shapes, and so the kernels, are the same whoever is there,
    and no kernel sums over rows. Looking at more places can choose another kernel, which may round differently.

    Args:
        slots: where the answers live.
        bank: their adapters.
        recorder: records steps; None runs them as they are.
    """

    def __init__(self, parts: Parts, slots: Slots, bank: LoraBank, *, recorder: Recorder | None) -> None:
        self.slots = slots
        self._parts = parts
        self._bank = bank
        self._device = slots.states.device
        self._stores = [list(slots.states.unbind(0))]
        count, tokens = slots.shape.count, slots.shape.tokens
        self._nowhere = tokens  # the place that nobody looks at
        self._places = torch.arange(tokens + 1, device=self._device)
        self._every = torch.arange(count, device=self._device)
        self._cos, self._sin = parts.rotary(range(tokens + 1))  # (tokens + 1, 1, head_dim)
        # Tokens, positions, and numbers of the adapters: (3, slots) int64.
        self._given = torch.zeros(3, count, dtype=torch.long, device=self._device)
        self._lengths = [tokens]
        while self._lengths[0] > _LEAST_PLACES:
            self._lengths.insert(0, 1 << (self._lengths[0] - 1).bit_length() - 1)
        self._recorder = recorder
        self._recordings: dict[int, Work] = {}
        self._version = bank.version

    @classmethod
    def build(cls, lean: "LeanModel", shape: SlotShape | None, *, rows: int) -> "StaticDecoding | None":
        """Return this form of a model that `LeanModel.build` accepted; None, and a line in the log, where it fails.

        Args:
            shape: of the slots; None takes what fits on a CUDA device, and none elsewhere, where own kernels for each
                number of rows are faster.
            rows: answers that are written at once.
        """
        on_gpu = lean.device.type == "cuda"
        if shape is None and not on_gpu:
            return None
        try:
            if shape is None:
                torch.cuda.empty_cache()
                free_bytes, _ = torch.cuda.mem_get_info(lean.device)
                shape = lean.slot_shape(free_bytes, rows)
            if not shape.count:
                return None
            with torch.inference_mode():
                static = lean.in_slots(shape, recorder=CudaRecorder(lean.device) if on_gpu else None)
                error = static._error(lean.probe_ids, lean.probe_logits)
            # Not a number is an error too.
            if not error <= lean.tolerance:
                raise ValueError(f"own logits are off by {error:.3f}")
        except Exception as err:
            logger.warning("answers are not decoded in slots: %s", _line(err))
            return None
        logger.info("answers are decoded in %d slots of %d tokens", shape.count, shape.tokens)
        return static

    def _error(self, ids: list[int], expected: torch.Tensor) -> float:
        """How far the logits (V,) after `ids` are off at worst, in two slots at once where there are two."""
        caches = [DynamicCache() for _ in range(min(2, self.slots.shape.count))]
        try:
            for cache in caches:
                cache.layers = [GrowingLayer() for _ in self._stores[0]]
                self.slots.take(cache, len(ids))
            self.read([Block(ids[:-1], cache, None, last=False) for cache in caches])
            told = self.step(ids[-1:] * len(caches), caches, [None] * len(caches))
        finally:
            for cache in caches:
                self.slots.release(cache)
        assert told is not None
        return max(float((row.float() - expected).norm() / expected.norm()) for row in told)

    @staticmethod
    def read_at_once(prompts: int) -> int:
        """Tokens of each of so many prompts that `read` should be given."""
        return min(_READ_OF_ONE, _READ_AT_ONCE // prompts)

    def step(
        self, tokens: Sequence[int], caches: Sequence[DynamicCache], adapters: Sequence[str | None]
    ) -> list[torch.Tensor] | None:
        """Append one token to each of several answers in slots; return the logits (V,) of each.

        None, and nothing done, where the adapters take too much memory together.
        """
        numbers = self._bank.numbers(adapters)
        if numbers is None:
            return None
        places = [self._place(cache) for cache in caches]
        # Slots without a row compute too: from any token, to where nobody looks.
        count = self.slots.shape.count
        given = [[0] * count, [self._nowhere] * count, [0] * count]
        for token, (slot, held), number in zip(self._known(tokens), places, numbers, strict=True):
            given[0][slot], given[1][slot], given[2][slot] = token, held, number
        self._given.copy_(torch.tensor(given))
        # The next step writes into the same tensor.
        logits = self._recording(1 + max(held for _, held in places))().clone()
        for cache in caches:
            for layer in cache.layers:
                layer.lengthen(1)  # type: ignore[union-attr]
        return [logits[slot] for slot, _ in places]

    def read(self, blocks: Sequence[Block]) -> list[torch.Tensor | None] | None:
        """Append a block to each of several prompts in slots, all in one pass.

        Returns:
            For each the last token's logits (V,), None where the prompt goes on. None for all, and nothing done, where the
            adapters take too much memory together.
        """
        numbers = self._bank.numbers([block.adapter for block in blocks])
        if numbers is None:
            return None
        places = [self._place(block.cache) for block in blocks]
        ends = [held + len(block.ids) for (_, held), block in zip(places, blocks, strict=True)]
        longest = max(len(block.ids) for block in blocks)
        given: list[list[int]] = [[], [], [], []]
        for (slot, held), end, block, number in zip(places, ends, blocks, numbers, strict=True):
            spare = longest - len(block.ids)
            given[0] += [*self._known(block.ids), *[0] * spare]
            given[1] += [*range(held, end), *[self._nowhere] * spare]
            given[2] += [number] * longest
            given[3] += [slot] * longest
        tokens, positions, owners, slots = torch.tensor(given).to(self._device)
        rows, group = len(blocks), self._parts.group
        hidden = self._hidden(positions, self._length(max(ends))).unflatten(0, (rows, 1, -1))
        # Each query of a token that share keys: (R, 1, T group, L).
        mask = hidden.unsqueeze(3).expand(-1, -1, -1, group, -1).flatten(2, 3)
        where = InSlots(slots, positions, slots[::longest], mask)
        x = self._states(self._parts.read_layers, tokens, owners, where).unflatten(0, (rows, -1))
        lasts = [row for row, block in enumerate(blocks) if block.last]
        told: list[torch.Tensor | None] = [None] * rows
        if lasts:
            states = torch.stack([x[row, len(blocks[row].ids) - 1] for row in lasts])
            for row, logits in zip(lasts, self._parts.head.logits(states, run=_in_turn), strict=True):
                told[row] = logits
        for block in blocks:
            for layer in block.cache.layers:
                layer.lengthen(len(block.ids))  # type: ignore[union-attr]
        return told

    def _place(self, cache: DynamicCache) -> tuple[int, int]:
        """A cache's slot and how many tokens it holds."""
        slot = self.slots.slot_of(cache)
        assert slot is not None
        return slot, cast(GrowingLayer, cache.layers[0]).get_seq_length()

    def _known(self, ids: Sequence[int]) -> Sequence[int]:
        """The ids, if the model has them all: a GPU that is asked for another does nothing any more."""
        if not 0 <= min(ids) <= max(ids) < len(self._parts.embed):
            raise IndexError(f"token ids must be in 0 to {len(self._parts.embed) - 1}, got {max(ids)}")
        return ids

    def _length(self, tokens: int) -> int:
        """How many places are looked at where the longest answer has so many tokens."""
        return next(length for length in self._lengths if length >= tokens)

    def _hidden(self, positions: torch.Tensor, length: int) -> torch.Tensor:
        """What tokens at positions (N,) do not see of their slots' first places: a mask (N, length) to add."""
        mask = self._cos.new_zeros(len(positions), length)
        return mask.masked_fill_(self._places[:length] > positions[:, None], -torch.inf)

    def _states(
        self, layers: Any, tokens: torch.Tensor, owners: torch.Tensor, where: InSlots
    ) -> torch.Tensor:
        """The last layer's states (N, D) of tokens (N,) with adapters of these numbers (N,)."""
        x = self._parts.embed[tokens]
        cos, sin = self._cos[where.positions], self._sin[where.positions]
        states: torch.Tensor = layers(
            x, cos, sin, self._stores, [], False, None, self._bank.rows(owners), where
        )
        return states

    def _logits(self, length: int) -> torch.Tensor:
        """The logits (slots, V) of a step that looks at so many places; reads `_given`, and nothing of the host."""
        tokens, positions, owners = self._given.unbind(0)
        mask = self._hidden(positions, length)[:, None, None]
        states = self._states(
            self._parts.step_layers, tokens, owners, InSlots(self._every, positions, None, mask)
        )
        return self._parts.head.logits(states, run=_in_turn)

    def _recording(self, tokens: int) -> Work:
        """What makes the step of `_given` where the longest answer has so many tokens then."""
        length = self._length(tokens)
        if self._version != self._bank.version:
            # What is recorded reads the old buffers.
            self._version = self._bank.version
            if self._recorder is not None and self._recordings:
                self._recorder.forget()
            self._recordings.clear()
        if length not in self._recordings:
            work = partial(self._logits, length)
            self._recordings[length] = work if self._recorder is None else self._recorder(work)
        return self._recordings[length]


def _in_turn(tasks: Sequence[Callable[[], None]]) -> None:
    for task in tasks:
        task()


def _line(err: Exception) -> str:
    return str(err).partition("\n")[0] or type(err).__name__
