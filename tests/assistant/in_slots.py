"""Answers in slots for tests: engines and models that have some, and a recorder that needs no GPU."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import DynamicCache

from assistant.arms import Sampling
from assistant.engine import Engine, GenerationRequest
from assistant.lean_model import LeanModel
from assistant.lora_rows import LoraPair
from assistant.prefix_cache import Block, PrefixCache
from assistant.slots import SlotShape
from tests.assistant.test_engine import PROMPTS, collect
from tests.assistant.tiny_model import build_tiny

GREEDY = Sampling(max_new_tokens=16)


Texts = dict[str, str]


def built(shape: SlotShape | None, folders: dict[str, Path], **options: Any) -> Engine:
    model, tokenizer = build_tiny()
    engine = Engine(model, tokenizer, slots=shape, **options)
    for name, folder in folders.items():
        engine.load_adapter(name, folder)
    return engine


def mixed(count: int, *, tokens: int = 16) -> list[GenerationRequest]:
    arms = (None, "a", "b")
    return [
        GenerationRequest(
            f"n{number}",
            [{"role": "user", "content": f"{number} {PROMPTS[number % 4]}"}],
            arms[number % 3],
            Sampling(max_new_tokens=tokens + number),
        )
        for number in range(count)
    ]


def alone(engine: Engine, requests: list[GenerationRequest]) -> Texts:
    return {request.id: collect(engine.stream([request]))[request.id][0] for request in requests}


def texts(engine: Engine, requests: list[GenerationRequest]) -> Texts:
    return {key: text for key, (text, _) in collect(engine.stream(requests)).items()}


class Rows:
    """A model's slots, and answers in them, without an engine."""

    def __init__(
        self, dtype: torch.dtype = torch.float32, *, count: int = 8, recorder: Any = None, loaded: bool = True
    ) -> None:
        model, _ = build_tiny()
        lean = LeanModel.build(model.to(dtype), four_bit=False)
        assert lean is not None
        self.lean, self.config = lean, model.config
        generator = torch.Generator().manual_seed(3)
        for name, rank in {"a": 4, "b": 24}.items() if loaded else ():
            a, b = torch.randn(rank, 64, generator=generator), torch.randn(128, rank, generator=generator)
            lean.adapters.put(name, {(0, "up_proj"): LoraPair(a, b), (1, "gate_proj"): LoraPair(a, b)})
        with torch.inference_mode():
            self.static = lean.in_slots(SlotShape(count, 100), recorder=recorder)
        self.caches = PrefixCache(model.config, max_bytes=0, slots=self.static.slots)

    def read(self, ids: list[int], adapter: str | None) -> DynamicCache:
        cache, _ = self.caches.start(adapter, ids, room=len(ids) + 20)
        self.static.read([Block(ids, cache, adapter, last=False)])
        return cache

    def step(
        self, caches: list[DynamicCache], adapters: list[str | None], token: int = 7
    ) -> list[torch.Tensor]:
        told = self.static.step([token] * len(caches), caches, adapters)
        assert told is not None
        return told


ANSWERS: list[tuple[list[int], str | None]] = [
    (list(range(4 + i, 14 + 9 * i)), adapter)
    for i, adapter in enumerate((None, "a", "b", "a", None, "b", None, "a"))
]


class Recording(TorchDispatchMode):
    """Records calls of torch as a CUDA graph does: the kernels and where they read and write, nothing of Python."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, ...]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(func)
        assert "_local_scalar_dense" not in name, "a look from the host"
        assert "nonzero" not in name, "a shape that depends on contents"
        out = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, out))
        return out

    @property
    def launches(self) -> list[str]:
        """Names of the calls that compute or copy something."""
        views = ("view", "slice", "select.int", "permute", "transpose", "expand", "squeeze", "split", "alias")
        views += (
            "unbind",
            "detach",
            "narrow",
            "as_strided",
            "empty",
            "aten.t.",
            "reshape",
            "flatten",
            "chunk",
        )
        return [str(call[0]) for call in self.calls if not any(word in str(call[0]) for word in views)]

    def replay(self) -> None:
        for func, args, kwargs, out in self.calls:
            again = func(*args, **kwargs)
            for old, new in zip(_tensors(out), _tensors(again), strict=True):
                if old.data_ptr() != new.data_ptr():
                    old.copy_(new)


def _tensors(value: Any) -> list[torch.Tensor]:
    found = value if isinstance(value, list | tuple) else [value]
    return [one for one in found if isinstance(one, torch.Tensor) and one.numel()]


class OnCpu:
    """A recorder whose recordings are replayed call by call."""

    def __init__(self) -> None:
        self.made: list[Recording] = []
        self.forgot = 0

    def forget(self) -> None:
        self.forgot += 1

    def __call__(self, work: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
        with Recording() as recording:
            told = work()
        self.made.append(recording)

        def replayed() -> torch.Tensor:
            recording.replay()
            return told

        return replayed
