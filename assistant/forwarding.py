"""The ways through one model: lean and batched where its kind is known, else transformers, row by row.

On a GPU, what has a slot takes the lean way in steps that are recorded and replayed (see `assistant.static_decoding`).

Owns model and adapters. Only the engine's thread may touch it, because PEFT's active adapter is one setting
for the whole model.
Imported only where an engine runs, because it needs torch.
"""

import inspect
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from transformers import DynamicCache

from assistant.adapter_switch import AdapterSwitch
from assistant.arms import AdapterCheck
from assistant.errors import EngineError
from assistant.lean_model import LeanModel
from assistant.prefix_cache import Block, GrowingLayer, PrefixCache
from assistant.slots import Slots, SlotShape
from assistant.static_decoding import StaticDecoding

logger = logging.getLogger(__name__)

Told = TypeVar("Told")

_PROBE = 5
"""Tokens of the self-test's prompt: enough for attention to have something to weigh."""


class Forwarding:
    """A model that reads prompts and appends tokens for requests that name their adapters.

    Adapters that are more than LoRA on the linear layers, such as DoRA, take the way through transformers;
    an adapter always takes the same way.

    Args:
        model: a transformers causal model in evaluation mode, on its device.
        four_bit: as of `LeanModel`.
        slots, rows: as of `StaticDecoding.build`.

    Attributes:
        slots: where new caches may live; None where there are none.
    """

    def __init__(
        self, model: Any, *, four_bit: bool | None = None, slots: SlotShape | None = None, rows: int = 1
    ) -> None:
        self._model = model
        self._lean = LeanModel.build(model, four_bit=four_bit)
        self._static: StaticDecoding | None = None
        if self._lean is not None:
            self._static = StaticDecoding.build(self._lean, slots, rows=rows)
        self.slots: Slots | None = None if self._static is None else self._static.slots
        self._switch = AdapterSwitch(model)
        self._checks: dict[str, AdapterCheck] = {}
        self._only_last_logits = "logits_to_keep" in inspect.signature(model.forward).parameters
        self._blank = PrefixCache(model.config, max_bytes=0)
        self._probe = (
            torch.linspace(0, model.get_input_embeddings().num_embeddings - 1, _PROBE).long().tolist()
        )
        self._probe_caches: list[DynamicCache] = []
        # What the base says while nothing has been done to it, for either way through the model.
        self._lean_base = self._by_lean(None)[1] if self._lean is not None else None
        self._base: torch.Tensor | None = None

    @property
    def adapters(self) -> tuple[str, ...]:
        """Names of the loaded adapters, in the order of loading."""
        return tuple(self._checks)

    def check_of(self, name: str) -> AdapterCheck | None:
        """What the self-test of a loaded adapter found."""
        return self._checks.get(name)

    def batches(self, adapter: str | None) -> bool:
        """Whether rows of this adapter share a pass with others."""
        return self._lean is not None and (adapter is None or adapter in self._lean.adapters)

    def load(self, name: str, folder: Path) -> None:
        """Read the PEFT adapter in `folder` and test it; one of the same name is replaced.

        Raises:
            EngineError: the folder holds no adapter that fits this model, or the base's own logits are no longer
                what they were; the adapter is not kept then.
        """
        self.unload(name)
        pairs = None
        if self._lean is not None:
            try:
                pairs = self._lean.read_adapter(folder)
            except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError, SafetensorError) as err:
                reason = str(err).partition("\n")[0] or type(err).__name__
                raise EngineError("adapter_unreadable", name=name, reason=reason) from err
        if self._lean is not None and pairs is not None:
            self._lean.adapters.put(name, pairs)
        else:
            if self._base is None:
                self._base = self._by_transformers_alone(None)
            self._switch.load(name, folder)
        try:
            check = self._checked(name)
            if not check.restored:
                raise EngineError("adapter_changes_base", name=name)
        except Exception:
            self.unload(name)
            raise
        self._checks[name] = check

    def unload(self, name: str) -> None:
        """Forget an adapter; unknown names are ignored."""
        self._checks.pop(name, None)
        if self._lean is not None:
            self._lean.adapters.drop(name)
        self._switch.unload(name)

    def _checked(self, name: str) -> AdapterCheck:
        """Compare the adapter, and the base beside and after it, with the untouched base."""
        restored = True
        if self._lean_base is not None:
            told, base = self._by_lean(name if self.batches(name) else None)
            before, restored = self._lean_base, torch.equal(base, self._lean_base)
        if not self.batches(name):
            assert self._base is not None
            told, before = self._by_transformers_alone(name), self._base
            restored = restored and torch.equal(self._by_transformers_alone(None), before)
        return AdapterCheck(float((told.float() - before.float()).abs().max()), restored)

    def _by_lean(self, name: str | None) -> tuple[torch.Tensor, torch.Tensor]:
        """The probe's last logits (V,) of an adapter's row and of the base's row in the same pass."""
        assert self._lean is not None
        with torch.inference_mode():
            while len(self._probe_caches) < 2:
                cache, _ = self._blank.start(None, self._probe)
                self._lean.read([Block(self._probe[:-1], cache, None, last=False)])
                self._probe_caches.append(cache)
            try:
                told = self._lean.step(
                    self._probe[-1:] * 2, self._probe_caches, [name, None], in_one_pass=True
                )
            finally:
                for cache in self._probe_caches:
                    shorten(cache, len(self._probe) - 1)
        return told[0], told[1]

    def _by_transformers_alone(self, name: str | None) -> torch.Tensor:
        """The probe's last logits (V,) on the way through transformers."""
        with torch.inference_mode():
            return self._by_transformers(self._probe, self._blank.start(None, self._probe)[0], name).clone()

    @property
    def lanes(self) -> int:
        """How many prompts are read side by side."""
        if self._static is not None:
            return self._static.slots.shape.count
        return self._lean.lanes if self._lean is not None else 1

    def read_at_once(self, prompts: int) -> int:
        """Tokens that one pass reads of each of so many prompts; 0 where each block has a pass of its own."""
        return 0 if self._static is None else self._static.read_at_once(prompts)

    @property
    def picks_together(self) -> bool:
        """Whether the likeliest tokens of all rows are found at once, because to wait for each takes longer."""
        return self._static is not None

    def has_slot(self, cache: DynamicCache) -> bool:
        """Whether a request's cache lives in a slot."""
        return self._static is not None and self._static.slots.slot_of(cache) is not None

    def read(self, blocks: Sequence[Block]) -> list[torch.Tensor | None]:
        """Append a block to each of several prompts' caches.

        Returns:
            For each the last token's logits (V,), None where the prompt goes on.

        Raises:
            Exception: what the first failing block raised; the others may be appended or not.
        """
        apart = [self.has_slot(block.cache) and self.batches(block.adapter) for block in blocks]
        if not any(apart):
            return self._read_without_slots(blocks)
        there = [block for block, is_apart in zip(blocks, apart, strict=True) if is_apart]
        others = [block for block, is_apart in zip(blocks, apart, strict=True) if not is_apart]
        static = self._static
        assert static is not None
        told = iter(self._either(lambda: static.read(there), lambda: self._read_without_slots(there)))
        rest = iter(self._read_without_slots(others))
        return [next(told if is_apart else rest) for is_apart in apart]

    def _either(self, in_slots: Callable[[], Told | None], otherwise: Callable[[], Told]) -> Told:
        """What the one returns, or else the other; slots that fail where nothing else does are given up."""
        try:
            told = in_slots()
        except Exception as err:
            # What fails here too is the requests' own fault.
            result = otherwise()
            logger.warning(
                "answers are decoded in slots no more: %s", str(err).partition("\n")[0] or type(err).__name__
            )
            self._give_up_slots()
            return result
        return otherwise() if told is None else told

    def _give_up_slots(self) -> None:
        """Go on without slots; caches that live there stay where they are."""
        if self._static is not None:
            self._static.slots.close()
            self._static = None

    def _read_without_slots(self, blocks: Sequence[Block]) -> list[torch.Tensor | None]:
        if self._lean is not None and blocks and all(self.batches(block.adapter) for block in blocks):
            return self._lean.read(blocks)
        return [self._read_alone(block) for block in blocks]

    def _read_alone(self, block: Block) -> torch.Tensor | None:
        if self._lean is not None and self.batches(block.adapter):
            return self._lean.read([block])[0]
        logits = self._by_transformers(block.ids, block.cache, block.adapter)
        return logits if block.last else None

    def _by_transformers(self, ids: Sequence[int], cache: DynamicCache, adapter: str | None) -> torch.Tensor:
        self._switch.activate(adapter)
        options = {"logits_to_keep": 1} if self._only_last_logits else {}
        batch = torch.tensor([list(ids)], device=self._model.device)  # (1, T)
        told = self._model(input_ids=batch, past_key_values=cache, use_cache=True, **options)
        logits: torch.Tensor = told.logits[0, -1]
        return logits

    def step(
        self,
        tokens: Sequence[int],
        caches: Sequence[DynamicCache],
        adapters: Sequence[str | None],
        *,
        likeliest: Sequence[bool] = (),
    ) -> list[torch.Tensor]:
        """Append one token to each of several answers; return the logits (V,) of each.

        Args:
            likeliest: as of `LeanModel.step`.
        """
        logits: dict[int, torch.Tensor] = {}
        together = [row for row, adapter in enumerate(adapters) if self.batches(adapter)]
        apart = [row for row in together if self.has_slot(caches[row])]
        # A cache that is given several times takes its tokens one behind the other, a slot one in a step.
        if len({id(caches[row]) for row in apart}) < len(apart):
            apart = []
        static, lean = self._static, self._lean

        def given(rows: Sequence[int]) -> tuple[list[int], list[DynamicCache], list[str | None]]:
            return (
                [tokens[row] for row in rows],
                [caches[row] for row in rows],
                [adapters[row] for row in rows],
            )

        def by_lean(rows: Sequence[int]) -> list[torch.Tensor]:
            assert lean is not None
            return lean.step(*given(rows), likeliest=[likeliest[row] for row in rows] if likeliest else ())

        if static is not None and apart:
            told = self._either(lambda: static.step(*given(apart)), lambda: by_lean(apart))
            logits.update(zip(apart, told, strict=True))
        rest = [row for row in together if row not in logits]
        if rest:
            logits.update(zip(rest, by_lean(rest), strict=True))
        # Neighbours with one adapter share a switch.
        others = sorted(set(range(len(tokens))) - set(together), key=lambda row: adapters[row] or "")
        for row in others:
            logits[row] = self._by_transformers([tokens[row]], caches[row], adapters[row])
        return [logits[row] for row in range(len(tokens))]


def shorten(cache: DynamicCache, tokens: int) -> bool:
    """Cut a cache back to its first tokens after a failed step; False where its kind cannot be cut."""
    layers = cache.layers
    for layer in layers:
        if isinstance(layer, GrowingLayer):
            layer.shorten(tokens)
    return all(isinstance(layer, GrowingLayer) for layer in layers)
