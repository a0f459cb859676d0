"""The two ways through one model: lean and batched where its kind is known, else transformers, row by row.

Owns model and adapters. Only the engine's thread may touch it, because PEFT's active adapter is one setting
for the whole model.
Imported only where an engine runs, because it needs torch.
"""

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import DynamicCache

from assistant.adapter_switch import AdapterSwitch
from assistant.errors import EngineError
from assistant.lean_model import LeanModel
from assistant.prefix_cache import GrowingLayer


class Forwarding:
    """A model that reads prompts and appends tokens for requests that name their adapters.

    Adapters that are more than LoRA on the linear layers, such as DoRA, take the way through transformers;
    an adapter always takes the same way.

    Args:
        model: a transformers causal model in evaluation mode, on its device.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._lean = LeanModel.build(model)
        self._switch = AdapterSwitch(model)
        self._only_last_logits = "logits_to_keep" in inspect.signature(model.forward).parameters

    @property
    def adapters(self) -> tuple[str, ...]:
        """Names of the loaded adapters, in the order of loading."""
        return self._switch.names

    def batches(self, adapter: str | None) -> bool:
        """Whether rows of this adapter share a pass with others."""
        return self._lean is not None and (adapter is None or adapter in self._lean.adapters)

    def load(self, name: str, folder: Path) -> None:
        """Read the PEFT adapter in `folder`; one of the same name is replaced.

        Raises:
            EngineError: the folder holds no adapter that fits this model.
        """
        if self._lean is not None:
            self._lean.adapters.drop(name)
        self._switch.load(name, folder)
        if self._lean is None:
            return
        try:
            pairs = self._lean.pairs_of(*self._switch.loaded(name))
        except ValueError as err:
            self._switch.unload(name)
            raise EngineError("adapter_unreadable", name=name, reason=str(err)) from err
        if pairs is not None:
            self._lean.adapters.put(name, pairs)

    def unload(self, name: str) -> None:
        """Forget an adapter; unknown names are ignored."""
        if self._lean is not None:
            self._lean.adapters.drop(name)
        self._switch.unload(name)

    def read(self, ids: Sequence[int], cache: DynamicCache, adapter: str | None) -> torch.Tensor:
        """Append a block of one prompt to `cache`; return its last token's logits (V,).

        Raises:
            EngineError: no adapter of this name is loaded.
        """
        if self._lean is not None and self.batches(adapter):
            return self._lean.read(ids, cache, adapter)
        self._switch.activate(adapter)
        options = {"logits_to_keep": 1} if self._only_last_logits else {}
        batch = torch.tensor([list(ids)], device=self._model.device)  # (1, T)
        told = self._model(input_ids=batch, past_key_values=cache, use_cache=True, **options)
        logits: torch.Tensor = told.logits[0, -1]
        return logits

    def step(
        self, tokens: Sequence[int], caches: Sequence[DynamicCache], adapters: Sequence[str | None]
    ) -> list[torch.Tensor]:
        """Append one token to each of several answers; return the logits (V,) of each."""
        logits: dict[int, torch.Tensor] = {}
        together = [row for row, adapter in enumerate(adapters) if self.batches(adapter)]
        if self._lean is not None and together:
            told = self._lean.step(
                [tokens[row] for row in together],
                [caches[row] for row in together],
                [adapters[row] for row in together],
            )
            logits.update(zip(together, told.unbind(0), strict=True))
        # Neighbours with one adapter share a switch.
        others = sorted(set(range(len(tokens))) - set(together), key=lambda row: adapters[row] or "")
        for row in others:
            logits[row] = self.read([tokens[row]], caches[row], adapters[row])
        return [logits[row] for row in range(len(tokens))]


def shorten(cache: DynamicCache, tokens: int) -> bool:
    """Cut a cache back to its first tokens after a failed step; False where its kind cannot be cut."""
    layers = cache.layers
    for layer in layers:
        if isinstance(layer, GrowingLayer):
            layer.shorten(tokens)
    return all(isinstance(layer, GrowingLayer) for layer in layers)
