"""Does it fit: peak memory of training, first worked out, then tried with one step on the longest real rows.

The estimate runs the model on torch's "meta" device, where tensors have shapes and no contents, and adds up what
autograd would keep for the way back. So it holds for any architecture, counts batch, length, rank and logits,
and takes seconds for a model of any size.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finetune.auto_classes import import_auto_classes
from finetune.config import TrainingConfig
from finetune.cpu_steps import LONGEST, quicken
from finetune.errors import InsufficientMemoryError
from finetune.methods import attach
from finetune.supervised_loss import CHUNK

OPTIMISER_BYTES = {"adamw_torch": 8, "adamw_torch_fused": 8, "adamw_8bit": 2, "paged_adamw_8bit": 2, "sgd": 0,
                   "adafactor": 1}  # fmt: skip
SIZES = {"float32": 4, "bfloat16": 2, "float16": 2}
LIBRARIES = {"float32": 36_000_000, "bfloat16": 58_000_000}
"""Bytes that torch's libraries take on a CPU when they first compute: measured with models of almost no size."""
RESERVE = 0.92
"""Part of the free memory that training may plan with; the rest is for what nobody counts."""


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes at the peak of a step, by what they are for.

    Args:
        weights: frozen and trained ones.
        copies: of trained float32 weights in the precision of the computation.
        optimiser: of what is trained.
        gradients: what they take beyond the room that activations leave to them on the way back.
        activations: kept for the way back, without the head.
        logits: of the trained positions, with their gradient and what cross-entropy keeps.
        working: the largest short-lived tensors of the way back, as far as they do not fit where the logits were; on
            a CPU with what the libraries take.
        trainable, total: parameters.
    """

    weights: int
    copies: int
    gradients: int
    optimiser: int
    activations: int
    logits: int
    working: int
    trainable: int
    total: int

    @property
    def peak(self) -> int:
        """All of them together."""
        return (
            self.weights + self.copies + self.gradients + self.optimiser + self.activations + self.logits
            + self.working
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Probe:
    """What one step on the longest rows took.

    Args:
        peak_bytes: the most that was in use, by the model and all.
        seconds: of the micro-batch, tokens without padding.
    """

    peak_bytes: int
    seconds: float
    tokens: int


class MetaModel:
    """A model without numbers, to be asked for many batches.

    Args:
        folder: holds config.json.
        config: filled in.
        compute: "bfloat16", "float32" or "float16": the precision of the computation.
        device: where it will train; a CPU computes in the way of `finetune.cpu_steps`.
    """

    def __init__(self, folder: Path, config: TrainingConfig, *, compute: str, device: str = "cpu") -> None:
        import_auto_classes()
        import torch
        from transformers import AutoConfig, AutoModelForCausalLM

        _register_attention()
        self.compute = compute
        described = AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(
                described,
                dtype=getattr(torch, compute),
                attn_implementation=_ON_CPU if device == "cpu" else _NAME,
            )
            # The singular values that PiSSA starts from need numbers; its shapes are LoRA's.
            plain = replace(config, method="lora") if config.method in ("pissa", "qlora") else config
            self.model = attach(model, plain, base_name="")
        self.on_cpu = device == "cpu"
        if self.on_cpu:
            quicken(self.model)
        self.trainable = sum(p.numel() for p in self.model.parameters() if p.requires_grad)
        self.total = sum(p.numel() for p in self.model.parameters())
        for parameter in self.model.parameters():
            parameter.data = parameter.data.to(getattr(torch, compute))
        text = described.get_text_config()
        self.layers = int(text.num_hidden_layers)
        self.width = int(text.hidden_size)
        self.inner = int(getattr(text, "intermediate_size", None) or 4 * self.width)
        self.vocabulary = int(text.vocab_size)

    def estimate(
        self, config: TrainingConfig, *, batch: int, length: int, supervised: int | None = None
    ) -> MemoryEstimate:
        """Return the peak of a step on `batch` rows of `length` tokens, `supervised` of them trained in all."""
        count = batch * length if supervised is None else min(supervised, batch * length)
        size = SIZES[self.compute]
        kept = self._kept(batch, length)
        short = 2 * batch * length * max(self.inner, self.width) * size
        if config.gradient_checkpointing:
            short += kept // self.layers  # a layer's are there again while its way back is gone
            kept = self.layers * batch * length * self.width * size
        frozen = self.total - self.trainable
        per_weight = 0.55 if config.method == "qlora" else size
        # Of positions computed at once: what log_softmax keeps, its gradient and theirs, in float32. Beyond that all
        # logits and their gradient are there in the precision of the computation.
        logits = min(count, CHUNK) * self.vocabulary * 12
        if count > CHUNK:
            logits += count * self.vocabulary * 2 * size
        # A step is largest where the way back begins, or at its end, where gradients stand in place of activations.
        gradients, begin = 4 * self.trainable, kept + max(logits, short)
        if (config.gradient_accumulation_steps or 1) == 1:
            gradients = max(0, gradients + short - begin)
        libraries = LIBRARIES.get(self.compute, 0) if self.on_cpu else 0
        return MemoryEstimate(
            weights=int(frozen * per_weight) + 4 * self.trainable,
            copies=0 if size == 4 else size * self.trainable,
            gradients=gradients,
            optimiser=OPTIMISER_BYTES.get(config.optim, 8) * self.trainable,
            activations=kept,
            logits=logits,
            working=libraries + max(0, short - logits),
            trainable=self.trainable,
            total=self.total,
        )

    def _kept(self, batch: int, length: int) -> int:
        """Bytes that autograd keeps for one forward pass, without the head."""
        import torch

        known = {p.untyped_storage()._cdata for p in self.model.parameters()}
        held: dict[int, Any] = {}

        def keep(tensor: Any) -> Any:
            if tensor.untyped_storage()._cdata not in known:
                held[tensor.untyped_storage()._cdata] = tensor
            return tensor

        inner = self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model
        head = inner.get_output_embeddings()
        # One position is enough to go through the head; what it costs is worked out apart.
        handle = head.register_forward_pre_hook(lambda module, given: (given[0][:1, :1], *given[1:]))
        ids = torch.zeros((batch, length), dtype=torch.int64, device="meta")
        mask = torch.ones_like(ids)
        try:
            self.model.train()
            with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
                self.model(input_ids=ids, attention_mask=mask, use_cache=False)
        finally:
            handle.remove()
        return sum(tensor.untyped_storage().nbytes() for tensor in held.values())


def free_bytes(device: str) -> int:
    """Return how much memory a program could take now; a container's limit counts."""
    import torch

    if device.startswith("cuda"):
        return int(torch.cuda.mem_get_info(device)[0])
    import psutil

    free = int(psutil.virtual_memory().available)
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
    except (OSError, ValueError):  # no container, or "max"
        return free
    return min(free, limit - used)


def smaller(config: TrainingConfig) -> TrainingConfig | None:
    """Return settings that need less memory for the same rows per optimiser step, or None if there are none."""
    micro, times = config.per_device_train_batch_size or 1, config.gradient_accumulation_steps or 1
    least = 2 if config.stage == "kto" else 1  # KTO compares a row with others of its batch
    rows = micro * times
    less = next((n for n in range(micro // 2, least - 1, -1) if rows % n == 0), None)
    if less is not None:
        return replace(config, per_device_train_batch_size=less, gradient_accumulation_steps=rows // less)
    if not config.gradient_checkpointing:
        return replace(config, gradient_checkpointing=True)
    return None


def back_off(
    config: TrainingConfig, needed: Callable[[TrainingConfig], int], *, limit: int
) -> tuple[TrainingConfig, int]:
    """Make the batch smaller until it fits.

    Args:
        needed: bytes for given settings; may raise what `is_out_of_memory` knows.
        limit: bytes there are.

    Returns:
        The settings that fit and what they need.

    Raises:
        InsufficientMemoryError: not even one row with checkpointing fits.
    """
    current: TrainingConfig | None = config
    last = 0
    while current is not None:
        try:
            last = needed(current)
            if last <= limit:
                return current, last
        except (RuntimeError, MemoryError) as err:
            if not is_out_of_memory(err):
                raise
        current = smaller(current)
    raise InsufficientMemoryError(
        "training_no_memory", needed=f"{max(last, limit) / 1e9:.1f} GB", free=f"{limit / 1e9:.1f} GB"
    )


def is_out_of_memory(err: BaseException) -> bool:
    """Whether an error says that memory did not suffice, on a GPU or off it."""
    import torch

    if isinstance(err, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(err, RuntimeError) and "can't allocate memory" in str(err)


def probe(
    model: Any, batch: dict[str, Any], loss: Callable[[Any, dict[str, Any]], Any], *, device: str
) -> Probe:
    """Go forward and back once, and leave no trace: gradients and random numbers are as before.

    Args:
        batch: tensors on the device.
        loss: called with model and batch, returns the scalar to go back from.
    """
    import torch

    cuda = device.startswith("cuda")
    cpu_state = torch.get_rng_state()
    cuda_state = torch.cuda.get_rng_state(device) if cuda else cpu_state
    if cuda:
        torch.cuda.reset_peak_memory_stats(device)
    started = time.perf_counter()
    model.train()
    try:
        loss(model, batch).backward()
        if cuda:
            torch.cuda.synchronize(device)
        seconds = time.perf_counter() - started
        return Probe(peak_bytes(device), seconds, count_tokens(batch))
    finally:
        model.zero_grad(set_to_none=True)
        torch.set_rng_state(cpu_state)
        if cuda:
            torch.cuda.set_rng_state(cuda_state, device)
            torch.cuda.empty_cache()


def count_tokens(batch: dict[str, Any]) -> int:
    """Tokens of a batch that are no padding."""
    if "attention_mask" in batch:
        return int(batch["attention_mask"].sum())
    return int(batch["input_ids"].numel())


def peak_bytes(device: str) -> int:
    """Return the most memory this process has had in use."""
    import torch

    if device.startswith("cuda"):
        return int(torch.cuda.max_memory_allocated(device))
    try:
        import resource
        import sys
    except ImportError:  # Windows
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024


def longest_rows(lengths: Sequence[int], count: int) -> list[int]:
    """Return the numbers of the longest rows."""
    return sorted(range(len(lengths)), key=lambda k: -int(lengths[k]))[:count]


_NAME = "tandem_counted"
_ON_CPU = "tandem_counted_on_cpu"


def _register_attention() -> None:
    """Teach transformers attentions that keep what a fused kernel, or `finetune.cpu_steps`, keeps, and compute nothing."""
    import torch
    from transformers import AttentionInterface, AttentionMaskInterface

    class Counted(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, query: Any, key: Any, value: Any, shares: bool) -> Any:
            out = torch.empty_like(query)
            kept: tuple[Any, ...]
            if shares:
                shape = (*query.shape[:-1], key.shape[-2])
                kept = (torch.empty(shape, dtype=query.dtype, device=query.device),)
            else:
                kept = (out, torch.empty(query.shape[:-1], dtype=torch.float32, device=query.device))
            ctx.save_for_backward(query, key, value, *kept)
            return out

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad, None, None, None

    def attention(
        module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **options: Any
    ) -> tuple[Any, None]:
        return Counted.apply(query, key, value, False).transpose(1, 2).contiguous(), None

    def on_cpu(
        module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **options: Any
    ) -> tuple[Any, None]:
        short = query.shape[2] <= LONGEST
        if short:
            key, value = (part.repeat_interleave(query.shape[1] // part.shape[1], 1) for part in (key, value))
        return Counted.apply(query, key, value, short).transpose(1, 2).contiguous(), None

    for name, function in ((_NAME, attention), (_ON_CPU, on_cpu)):
        AttentionInterface.register(name, function)
        AttentionMaskInterface.register(name, lambda *args, **options: None)
