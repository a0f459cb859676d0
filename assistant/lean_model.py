"""Llama-like models with few steps per token and rows of many requests in one pass.

Uses a transformers model's own weights: linear layers that share an input are computed as one, and what an
answer of one token per step does not need is left out. Models of other kinds are refused, and so is one whose
logits differ from transformers' own when it is built.
Imported only where an engine runs, because it needs torch.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import wait
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import torch
from threadpoolctl import ThreadpoolController
from transformers import DynamicCache

from assistant.cuda_recording import Recorder
from assistant.decoder_layers import SITES, LoraWeights, compiled
from assistant.llama_like import decoder, is_llama_like, layer_weights, linear_of, on_four_bits
from assistant.lora_files import read_plain_lora
from assistant.lora_rows import AdapterPairs, LoraBank, LoraShelf
from assistant.output_head import OutputHead
from assistant.packed_linear import LinearMaker, is_four_bit
from assistant.prefix_cache import Block, GrowingLayer, PrefixCache
from assistant.slots import Slots, SlotShape
from assistant.static_decoding import Parts, StaticDecoding
from knowledge.lanes import one_core_threads

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

# Kernels round differently; a forgotten part of an architecture is off by far more.
_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.05, torch.float16: 0.05}

# Threads that share a product wait for each other behind it, hundreds of times a step. For layers of up to so many
# bytes one thread alone is faster: by a third and more at 7 MiB, a little at 24, slower from 50 on (two cores, 1 to
# 16 rows).
_ONE_THREAD_LAYER = 32 * 2**20

# Side by side on cores of their own, rows of a step read all weights once for each core: more cores than this wait for
# the memory, and a single row to a core is little work for that.
_MOST_LANES = 4

# Of the decoder's weights, or so many bytes: memory for adapters' fixed places (see `LoraBank`).
_BANK_SHARE, _BANK_BYTES = 0.25, 64 * 2**20


class LeanModel:
    """The forward pass of a model that `build` accepted.

    On the CPU in bf16 and fp32 a row's logits have the same bits whatever rows are computed with it. On other
    devices the kernels promise no such thing.

    Args:
        four_bit: whether `step` reads the decoder's weights with four bits each, where processor and precision allow;
            None does so where they are no more than that anyway. `read` never does.

    Attributes:
        probe_ids, probe_logits: a prompt, and transformers' own last logits (V,) for it, in fp32.
        tolerance: of the relative error of logits.
    """

    probe_ids: list[int]
    probe_logits: torch.Tensor

    def __init__(self, model: Any, *, four_bit: bool | None = None) -> None:
        config, body = model.config, model.model
        self._config = config
        self._embed = body.embed_tokens.weight.detach()
        self._rotary = body.rotary_emb
        self._kv_heads = config.num_key_value_heads
        self._width = body.layers[0].self_attn.head_dim
        self.device = self._embed.device
        self.dtype = self._embed.dtype
        sites = [[[linear_of(layer, n).weight for n in site] for site in SITES] for layer in body.layers]
        size_bytes = self._embed.nbytes + sum(w.nbytes for layer in sites for site in layer for w in site)
        make = LinearMaker(self.device, self.dtype, size_bytes)
        self._size_bytes = size_bytes
        self.tolerance = _TOLERANCE[self.dtype]
        self._row_step = make.row_step
        self.four_bit = make.may_take_four_bits and four_bit is not False
        if self.four_bit:
            # Weights from a four-bit file lose nothing; others are rounded only where that is asked for.
            self.four_bit = four_bit is True or all(is_four_bit(site) for layer in sites for site in layer)
        layers = [layer_weights(layer, make) for layer in body.layers]
        four = [on_four_bits(*both) for both in zip(layers, sites, strict=True)] if self.four_bit else layers
        on_cpu = self.device.type == "cpu"
        read, step = decoder(model, layers, doubled=False), decoder(model, four, doubled=on_cpu)
        self._read_layers: Any = (on_cpu and compiled(read)) or read
        self._step_layers: Any = (on_cpu and compiled(step)) or step
        self._shapes = [
            {name: tuple(linear_of(layer, name).weight.shape) for site in SITES for name in site}
            for layer in body.layers
        ]
        self.adapters = LoraShelf(self._shapes, make, self.device)
        layer_bytes = sum(weight.nbytes for weight in body.layers[0].parameters())
        small = on_cpu and layer_bytes <= _ONE_THREAD_LAYER
        self._step_threads = _one_thread() if small else nullcontext
        self.lanes = 1
        """Prompts that `read` reads side by side, and cores that `step` shares its rows out to."""
        if small and self._step_layers is not step and self._read_layers is not read:
            self.lanes = min(_MOST_LANES, torch.get_num_threads())
        if self.lanes > 1:
            self._pool = one_core_threads(self.lanes)
        self._head = OutputHead(model.lm_head, body.norm, make, slices=self.lanes, four_bit=self.four_bit)

    @classmethod
    def build(cls, model: Any, *, four_bit: bool | None = None) -> "LeanModel | None":
        """Return the lean form of a transformers model; None where its kind is not known or it would differ."""
        if not is_llama_like(model):
            return None
        with torch.inference_mode():
            lean = cls(model, four_bit=four_bit)
            ids = torch.linspace(0, len(lean._embed) - 1, 9).long().tolist()
            told = model(input_ids=torch.tensor([ids], device=lean.device)).logits[0, -1].float()
            lean.probe_ids, lean.probe_logits = ids, told
            cache, _ = PrefixCache(model.config, max_bytes=0).start(None, ids)
            lean.read([Block(ids[:-1], cache, None, last=False)])
            ours = lean.step(ids[-1:], [cache], [None])[0].float()
        error = float((ours - told).norm() / told.norm())
        # Not a number is an error too.
        if not error <= lean.tolerance:
            logger.warning(
                "%s is served by transformers: own logits are off by %.3f", type(model).__name__, error
            )
            return None
        return lean

    def slot_shape(self, free_bytes: int, rows: int) -> SlotShape:
        """Return the slots for `rows` answers that fit into a device's free memory."""
        token_bytes = PrefixCache(self._config, max_bytes=0, dtype=self.dtype).token_bytes
        context = int(getattr(self._config, "max_position_embeddings", None) or 2048)
        return SlotShape.fitting(free_bytes, token_bytes=token_bytes, context_tokens=context, rows=rows)

    def in_slots(self, shape: SlotShape, *, recorder: Recorder | None = None) -> StaticDecoding:
        """Return the form of the model that decodes answers in slots, with the same weights and adapters.

        Args:
            recorder: as of `StaticDecoding`.
        """
        like = {"dtype": self.dtype, "device": self.device}
        layers = self._config.num_hidden_layers
        slots = Slots(shape, layers=layers, heads=self._kv_heads, width=self._width, **like)
        most_bytes = max(_BANK_BYTES, int(_BANK_SHARE * self._size_bytes))
        bank = LoraBank(self.adapters, self._shapes, most_bytes=most_bytes, **like)
        group = self._config.num_attention_heads // self._kv_heads
        parts = Parts(self._embed, self._turns, self._read_layers, self._step_layers, self._head, group)
        return StaticDecoding(parts, slots, bank, recorder=recorder)

    def read_adapter(self, folder: Path) -> AdapterPairs | None:
        """Read the PEFT adapter in `folder`; None where it is more than plain LoRA.

        Raises:
            OSError, ValueError: see `assistant.lora_files.read_plain_lora`.
        """
        return read_plain_lora(folder, self._shapes)

    def read(self, blocks: Sequence[Block]) -> list[torch.Tensor | None]:
        """Append blocks of different prompts, side by side.

        Returns:
            For each the last token's logits (V,), None where the prompt goes on.

        Raises:
            Exception: what the first failing block raised, when all are done; the others are appended.
        """
        # Adapters are stacked by this thread: the shelf is its own.
        work = [partial(self._read, block, self._lora_of(block)) for block in blocks]
        # A prompt alone is read by all cores together.
        states = self._side_by_side(work) if len(work) > 1 else [work[0]()]
        return [
            self._head.logits(state, run=self._in_turn)[0] if block.last else None
            for block, state in zip(blocks, states, strict=True)
        ]

    def _lora_of(self, block: Block) -> LoraWeights:
        return self.adapters.rows([block.adapter] * len(block.ids), exact=True)

    def _read(self, block: Block, lora: LoraWeights) -> torch.Tensor:
        """Append a block; return its last token's state (1, D)."""
        layers: list[GrowingLayer] = block.cache.layers  # type: ignore[assignment]
        before, tokens = layers[0].get_seq_length(), len(block.ids)
        mask = None
        if before:
            mask = torch.ones(tokens, before + tokens, dtype=torch.bool, device=self.device).tril(before)
        x, cos, sin = self._begin(block.ids, range(before, before + tokens))
        x = self._read_layers(x, cos, sin, [self._buffers(layers, tokens)], [before], True, mask, lora)
        for layer in layers:
            layer.lengthen(tokens)
        return x[-1:]

    def step(
        self,
        tokens: Sequence[int],
        caches: Sequence[DynamicCache],
        adapters: Sequence[str | None],
        *,
        likeliest: Sequence[bool] = (),
        in_one_pass: bool = False,
    ) -> list[torch.Tensor]:
        """Append one token to each of several answers; return the logits (V,) of each.

        A cache that is given several times takes its tokens one behind the other, to the same bits as in steps of
        their own.

        Args:
            likeliest: the rows of which only the likeliest tokens matter, whose logits are exact; those of all others
                may be off by some tenths. () is none.
            in_one_pass: compute all rows together, on one core or by one product on all.
        """
        lanes = [list(range(len(tokens)))] if in_one_pass else self._shared_out(caches, adapters)
        work = []
        for rows in lanes:
            # The last row is computed again where a kernel wants more rows (see assistant.packed_linear).
            lone = self.four_bit and all(adapters[row] is None for row in rows)
            filled = rows + rows[-1:] * (0 if lone else -len(rows) % self._row_step)
            lora = self.adapters.rows([adapters[row] for row in filled])
            work.append(
                partial(self._step, [tokens[row] for row in filled], [caches[row] for row in rows], lora)
            )
        x = torch.cat(self._side_by_side(work))
        order = list(chain(*lanes))
        coarse = [likeliest[row] for row in order] if likeliest else ()
        # A slice of one row takes hardly longer than to wake a thread for it: one is woken less.
        run = self._side_by_side if len(x) > 1 else partial(self._side_by_side, first_here=True)
        logits = self._head.logits(x, likeliest=coarse, run=run).unbind(0)
        by_row = dict(zip(order, logits, strict=True))
        return [by_row[row] for row in range(len(tokens))]

    def _side_by_side(
        self, work: Sequence[Callable[[], Result]], *, first_here: bool = False
    ) -> list[Result]:
        """Do each piece on a core of its own; return what they return.

        Args:
            first_here: the first on this thread; for short pieces only, because a thread that this one wakes may be
                put on its core, to wait there until it is done.

        Raises:
            Exception: what the first failing piece raised, when all are done.
        """
        if len(work) == 1 or self.lanes == 1:
            return self._in_turn(work)
        here = int(first_here)
        others = [self._pool.submit(_inferring, piece) for piece in work[here:]]
        try:
            return self._in_turn(work[:here]) + [future.result() for future in others]
        finally:
            wait(others)

    def _in_turn(self, work: Sequence[Callable[[], Result]]) -> list[Result]:
        """Do one piece after the other on this thread's core."""
        if not work:
            return []
        with self._step_threads():
            return [piece() for piece in work]

    def _shared_out(self, caches: Sequence[DynamicCache], adapters: Sequence[str | None]) -> list[list[int]]:
        """The rows that each core computes: about as many each, rows of a cache on one core and in their order."""
        rows = len(caches)
        lanes = min(self.lanes, max(2, rows // 2), rows)
        # Fewer adapters on a core make narrower stacks.
        order = sorted(range(rows), key=lambda row: (adapters[row] or "", id(caches[row])))
        parts: list[list[int]] = [[] for _ in range(lanes)]
        at = 0
        for place, row in enumerate(order):
            new = place == 0 or caches[row] is not caches[order[place - 1]]
            if new and place * lanes >= (at + 1) * rows:
                at += 1
            parts[at].append(row)
        return [part for part in parts if part]

    def _step(self, tokens: list[int], caches: list[DynamicCache], lora: LoraWeights) -> torch.Tensor:
        """One core's part of a step; more tokens than caches are spare ones. Returns the answers' states (B, D)."""
        rows = len(caches)
        stores, held = [], []
        times = Counter[int](map(id, caches))
        before = Counter[int]()
        for cache in caches:
            layers: list[GrowingLayer] = cache.layers  # type: ignore[assignment]
            stores.append(self._buffers(layers, times[id(cache)]))
            held.append(layers[0].get_seq_length() + before[id(cache)])
            before[id(cache)] += 1
        x, cos, sin = self._begin(tokens, held + held[-1:] * (len(tokens) - rows))
        x = self._step_layers(x, cos, sin, stores, held, False, None, lora)[:rows]
        for cache in caches:
            for layer in cache.layers:
                layer.lengthen(1)  # type: ignore[union-attr]
        return x

    def _buffers(self, layers: Sequence[GrowingLayer], tokens: int) -> list[torch.Tensor]:
        """The layers' keys and values, with room for more tokens."""
        return [layer.buffer(tokens, self._kv_heads, self._width, like=self._embed) for layer in layers]

    def _begin(
        self, ids: Sequence[int], positions: Iterable[int]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What `DecoderLayers` gets for tokens at their positions: embeddings, and the rotary cos and sin."""
        # A GPU that is asked for a token that it does not have does nothing any more.
        if max(ids) >= len(self._embed):
            raise IndexError(f"token ids must be below {len(self._embed)}, got {max(ids)}")
        return self._embed[torch.tensor(ids, device=self.device)], *self._turns(positions)

    def _turns(self, positions: Iterable[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """The rotary cos and sin (T, 1, head_dim) of positions, sin's first half negated."""
        cos, sin = self._rotary(self._embed, torch.tensor([list(positions)], device=self.device))
        half = cos.shape[-1] // 2
        return cos[0, :, None], torch.cat((-sin[0, :, None, :half], sin[0, :, None, half:]), -1)


def _one_thread() -> Callable[[], AbstractContextManager[Any]]:
    """Makes a block in which this thread computes alone; others, and what it does elsewhere, are left as they are.

    `torch.set_num_threads` would also tell every thread that starts in the meantime.
    """
    pools = ThreadpoolController().select(user_api="openmp")
    return lambda: pools.limit(limits=1)


def _inferring(work: Callable[[], Result]) -> Result:
    """What `work` returns, for a thread that does not know yet that nothing is trained here."""
    with torch.inference_mode():
        return work()
