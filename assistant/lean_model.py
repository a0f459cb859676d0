"""Llama-like models with few steps per token and rows of many requests in one pass.

Uses a transformers model's own weights: linear layers that share an input are computed as one, and what an
answer of one token per step does not need is left out. Models of other kinds are refused, and so is one whose
logits differ from transformers' own when it is built.
Imported only where an engine runs, because it needs torch.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import ThreadpoolController
from torch.nn import functional
from transformers import DynamicCache

from assistant.lora_files import read_plain_lora
from assistant.lora_rows import SITES, AdapterPairs, LoraRows, LoraShelf
from assistant.packed_linear import FourBitLinear, Linear, LinearMaker, fits_four_bits, is_four_bit
from assistant.prefix_cache import GrowingLayer, PrefixCache

logger = logging.getLogger(__name__)

_KNOWN = frozenset({"LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"})
_KNOWN_ROPE = frozenset({"default", "linear", "llama3", "yarn"})
# Kernels round differently; a forgotten part of an architecture is off by far more.
_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.05, torch.float16: 0.05}

# Candidates whose logits are computed in fp32 when the model is in half precision.
_EXACT = 8

# The same where four bits chose the candidates: their logits are off by 0.35 on average.
_EXACT_OF_FOUR_BITS = 64

# Threads that share a product wait for each other behind it, hundreds of times a step. For layers of up to so many
# bytes one thread alone is faster: by a third and more at 7 MiB, a little at 24, slower from 50 on (two cores, 1 to
# 16 rows).
_ONE_THREAD_LAYER = 32 * 2**20

Attend = Callable[[int, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True, slots=True)
class _Layer:
    """One decoder layer's weights; the norms as (weight, eps)."""

    norm_in: tuple[torch.Tensor, float]
    qkv: Linear
    norm_q: tuple[torch.Tensor, float] | None
    norm_k: tuple[torch.Tensor, float] | None
    out: Linear
    norm_mlp: tuple[torch.Tensor, float]
    gate_up: Linear
    activation: Callable[[torch.Tensor], torch.Tensor]
    down: Linear


class LeanModel:
    """The forward pass of a model that `build` accepted.

    On the CPU in bf16 and fp32 a row's logits have the same bits whatever rows are computed with it. On other
    devices the kernels promise no such thing.

    Args:
        four_bit: whether `step` reads the decoder's weights with four bits each, where processor and precision allow;
            None does so where they are no more than that anyway. `read` never does.
    """

    def __init__(self, model: Any, *, four_bit: bool | None = None) -> None:
        config, body = model.config, model.model
        self._config = config
        self._embed = body.embed_tokens.weight.detach()
        self._rotary = body.rotary_emb
        self._depth = len(body.layers)
        self._kv_heads = config.num_key_value_heads
        self._heads = config.num_attention_heads
        self._scale = body.layers[0].self_attn.scaling
        self.device = self._embed.device
        self.dtype = self._embed.dtype
        linears = [[_named(layer, name) for site in SITES for name in site] for layer in body.layers]
        numbers = self._embed.numel() + sum(part.weight.numel() for parts in linears for part in parts)
        make = LinearMaker(self.device, self.dtype, numbers * self._embed.element_size())
        self._row_step = make.row_step
        self._layers = [_layer(layer, make) for layer in body.layers]
        self._step_layers = self._layers
        self.four_bit = make.may_take_four_bits and four_bit is not False
        if self.four_bit:
            sites = [[[_named(layer, n).weight for n in site] for site in SITES] for layer in body.layers]
            # Weights from a four-bit file lose nothing; others are rounded only where that is asked for.
            self.four_bit = four_bit is True or all(is_four_bit(site) for layer in sites for site in layer)
        if self.four_bit:
            self._step_layers = [
                _on_four_bits(layer, weights) for layer, weights in zip(self._layers, sites, strict=True)
            ]
        self._norm = _norm(body.norm)
        self._head_weight, self._head_bias = model.lm_head.weight.detach(), model.lm_head.bias
        self._head = make([model.lm_head.weight], [model.lm_head.bias])
        self._coarse_head = (
            FourBitLinear([self._head_weight])
            if self.four_bit and self._head_bias is None and fits_four_bits([self._head_weight])
            else None
        )
        self._shapes = [
            {name: tuple(_named(layer, name).weight.shape) for site in SITES for name in site}
            for layer in body.layers
        ]
        self.adapters = LoraShelf(self._shapes, make, self.device)
        layer_bytes = sum(weight.nbytes for weight in body.layers[0].parameters())
        self._step_threads = (
            _one_thread() if self.device.type == "cpu" and layer_bytes <= _ONE_THREAD_LAYER else nullcontext
        )

    @classmethod
    def build(cls, model: Any, *, four_bit: bool | None = None) -> "LeanModel | None":
        """Return the lean form of a transformers model; None where its kind is not known or it would differ."""
        if not _is_known(model):
            return None
        with torch.inference_mode():
            lean = cls(model, four_bit=four_bit)
            ids = torch.linspace(0, len(lean._embed) - 1, 9).long().tolist()
            told = model(input_ids=torch.tensor([ids], device=lean.device)).logits[0, -1].float()
            cache, _ = PrefixCache(model.config, max_bytes=0).start(None, ids)
            lean.read(ids[:-1], cache, None)
            ours = lean.step(ids[-1:], [cache], [None])[0].float()
        error = float((ours - told).norm() / told.norm())
        # Not a number is an error too.
        if not error <= _TOLERANCE[lean.dtype]:
            logger.warning(
                "%s is served by transformers: own logits are off by %.3f", type(model).__name__, error
            )
            return None
        return lean

    def read_adapter(self, folder: Path) -> AdapterPairs | None:
        """Read the PEFT adapter in `folder`; None where it is more than plain LoRA.

        Raises:
            OSError, ValueError: see `assistant.lora_files.read_plain_lora`.
        """
        return read_plain_lora(folder, self._shapes)

    def read(self, ids: Sequence[int], cache: DynamicCache, adapter: str | None) -> torch.Tensor:
        """Append a block of one prompt to `cache`; return its last token's logits (V,)."""
        layers: list[GrowingLayer] = cache.layers  # type: ignore[assignment]
        before, tokens = layers[0].get_seq_length(), len(ids)
        mask = None
        if before:
            mask = torch.ones(tokens, before + tokens, dtype=torch.bool, device=self.device).tril(before)

        def attend(layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            keys, values = layers[layer].update(k.transpose(0, 1)[None], v.transpose(0, 1)[None])
            mixed = functional.scaled_dot_product_attention(
                q.transpose(0, 1)[None],
                keys,
                values,
                attn_mask=mask,
                is_causal=mask is None,
                scale=self._scale,
                enable_gqa=True,
            )  # (1, heads, T, head_dim)
            return mixed[0].transpose(0, 1).reshape(tokens, -1)

        lora = self.adapters.rows([adapter] * tokens, exact=True)
        positions = torch.arange(before, before + tokens, device=self.device)
        x = self._forward(self._layers, torch.tensor(ids, device=self.device), positions, attend, lora)
        return self._logits(x[-1:])[0]

    def step(
        self,
        tokens: Sequence[int],
        caches: Sequence[DynamicCache],
        adapters: Sequence[str | None],
        *,
        likeliest: Sequence[bool] = (),
    ) -> torch.Tensor:
        """Append one token to each of several answers; return their logits (B, V).

        A cache that is given several times takes its tokens one behind the other, to the same bits as in steps of
        their own.

        Args:
            likeliest: the rows of which only the likeliest tokens matter, whose logits are exact; those of all others
                may be off by some tenths. () is none.
        """
        with self._step_threads():
            return self._step(tokens, caches, adapters, likeliest)

    def _step(
        self,
        tokens: Sequence[int],
        caches: Sequence[DynamicCache],
        adapters: Sequence[str | None],
        likeliest: Sequence[bool],
    ) -> torch.Tensor:
        rows = len(tokens)
        lora_rows = any(adapter is not None for adapter in adapters)
        # The last row is computed again where a kernel wants more rows (see assistant.packed_linear).
        spare = 0 if self.four_bit and not lora_rows else -rows % self._row_step
        layers: list[list[GrowingLayer]] = [cache.layers for cache in caches]  # type: ignore[misc]
        group = self._heads // self._kv_heads

        def attend(layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            states = torch.stack((k, v), 1).unsqueeze(2).unbind(0)  # T of (2, 1, kv_heads, head_dim)
            # Heads that share keys stand together as if they were tokens: no key is copied.
            queries = q.reshape(len(q), 1, self._kv_heads, group, -1).unbind(0)
            mixed = []
            for row in range(rows):
                keys, values = layers[row][layer].append(states[row])
                mixed.append(
                    functional.scaled_dot_product_attention(queries[row], keys, values, scale=self._scale)
                )
            mixed.extend(mixed[-1:] * spare)
            return torch.cat(mixed).view(rows + spare, -1)

        def fill(values: list[Any]) -> list[Any]:
            return values + values[-1:] * spare

        lora = self.adapters.rows(fill(list(adapters)))
        before = Counter[int]()
        positions = []
        for held in layers:
            positions.append(held[0].get_seq_length() + before[id(held)])
            before[id(held)] += 1
        x = self._forward(
            self._step_layers,
            torch.tensor(fill(list(tokens)), device=self.device),
            torch.tensor(fill(positions), device=self.device),
            attend,
            lora,
        )
        if self._coarse_head is None or not any(likeliest):
            return self._logits(x)[:rows]
        if all(likeliest):
            return self._logits(x[:rows], coarsely=True)
        coarse = torch.tensor(likeliest, device=self.device)
        logits = x.new_empty((rows, len(self._head_weight)), dtype=torch.float32)
        logits[coarse] = self._logits(x[:rows][coarse], coarsely=True)
        logits[~coarse] = self._logits(x[:rows][~coarse])
        return logits

    def _logits(self, x: torch.Tensor, *, coarsely: bool = False) -> torch.Tensor:
        """Return the fp32 logits (T, V) of the last layer's states (T, D).

        Half precision has steps of an eighth where logits lie, and near ties would go to the lower token id:
        the likeliest tokens are computed again in fp32.

        Args:
            coarsely: whether four bits will do to find out which those are.
        """
        h = functional.rms_norm(x, x.shape[-1:], *self._norm)
        if coarsely and self._coarse_head is not None:
            logits, exact = self._coarse_head(h).float(), _EXACT_OF_FOUR_BITS
        else:
            logits, exact = self._head(h if len(h) > 1 else h.expand(2, -1))[: len(h)].float(), _EXACT
        if self.dtype != torch.float32 and self._head_bias is None:
            top = logits.topk(min(exact, logits.shape[-1]), sorted=False).indices  # (T, K)
            told = (self._head_weight[top].float() * h.float()[:, None]).sum(-1)
            logits.scatter_(-1, top, told)
        return logits

    def _forward(
        self,
        layers: "list[_Layer]",
        ids: torch.Tensor,
        positions: torch.Tensor,
        attend: Attend,
        lora: LoraRows | None,
    ) -> torch.Tensor:
        """Return the hidden states (T, D) of tokens (T,) at positions (T,), before the last norm.

        `attend` gets a layer's number and q (T, heads, head_dim), k and v (T, kv_heads, head_dim).
        """
        x = self._embed[ids]
        cos, sin = self._rotary(x, positions[None])
        half = cos.shape[-1] // 2
        cos = cos[0, :, None]  # (T, 1, head_dim)
        # rotate_half(q) * sin is q's halves changed over times sin with its first half negated.
        sin = torch.cat((-sin[0, :, None, :half], sin[0, :, None, half:]), -1)
        turned = self._heads + self._kv_heads
        for number, layer in enumerate(layers):
            h = functional.rms_norm(x, x.shape[-1:], *layer.norm_in)
            qkv = layer.qkv(h)
            if lora is not None:
                qkv = lora.add(number, 0, h, qkv)
            heads = qkv.view(len(x), turned + self._kv_heads, -1)
            qk = heads[:, :turned]
            if layer.norm_q is not None and layer.norm_k is not None:
                width = qk.shape[-1:]
                q, k = qk[:, : self._heads], qk[:, self._heads :]
                qk = torch.cat(
                    (
                        functional.rms_norm(q, width, *layer.norm_q),
                        functional.rms_norm(k, width, *layer.norm_k),
                    ),
                    1,
                )
            qk = (qk * cos).addcmul_(qk.roll(half, -1), sin)
            h = attend(number, qk[:, : self._heads], qk[:, self._heads :], heads[:, turned:])
            x = layer.out.add_to(h, x)
            if lora is not None:
                x = lora.add(number, 1, h, x)
            h = functional.rms_norm(x, x.shape[-1:], *layer.norm_mlp)
            gate_up = layer.gate_up(h)
            if lora is not None:
                gate_up = lora.add(number, 2, h, gate_up)
            gate, up = gate_up.chunk(2, -1)
            h = layer.activation(gate) * up
            x = layer.down.add_to(h, x)
            if lora is not None:
                x = lora.add(number, 3, h, x)
        return x


def _is_known(model: Any) -> bool:
    """Whether the parts of the model are those that `LeanModel` computes."""
    config = model.config
    if type(model).__name__ not in _KNOWN or getattr(model, "hf_quantizer", None) is not None:
        return False
    if not PrefixCache(config, max_bytes=0).plain:
        return False
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type", "default") not in _KNOWN_ROPE or rope.get("partial_rotary_factor", 1) != 1:
        return False
    weights = list(model.parameters())
    linears = [_named(layer, name) for layer in model.model.layers for site in SITES for name in site]
    return (
        all(type(part) is torch.nn.Linear for part in [*linears, model.lm_head])
        and len({(weight.dtype, weight.device) for weight in weights}) == 1
        and weights[0].dtype in _TOLERANCE
        and weights[0].device.type != "meta"
    )


def _named(layer: Any, name: str) -> Any:
    """A decoder layer's linear layer."""
    return getattr(layer.mlp if name in (*SITES[2], *SITES[3]) else layer.self_attn, name)


def _norm(module: Any) -> tuple[torch.Tensor, float]:
    return module.weight.detach(), module.variance_epsilon


def _one_thread() -> Callable[[], AbstractContextManager[Any]]:
    """Makes a block in which this thread computes alone; others, and what it does elsewhere, are left as they are.

    `torch.set_num_threads` would also tell every thread that starts in the meantime.
    """
    pools = ThreadpoolController().select(user_api="openmp")
    return lambda: pools.limit(limits=1)


def _layer(layer: Any, make: LinearMaker) -> _Layer:
    qkv, out, gate_up, down = (
        make([_named(layer, n).weight for n in site], [_named(layer, n).bias for n in site]) for site in SITES
    )
    attention = layer.self_attn
    return _Layer(
        norm_in=_norm(layer.input_layernorm),
        qkv=qkv,
        norm_q=_norm(attention.q_norm) if hasattr(attention, "q_norm") else None,
        norm_k=_norm(attention.k_norm) if hasattr(attention, "k_norm") else None,
        out=out,
        norm_mlp=_norm(layer.post_attention_layernorm),
        gate_up=gate_up,
        # The module's own way there costs as much as the function.
        activation=functional.silu if "SiLU" in type(layer.mlp.act_fn).__name__ else layer.mlp.act_fn,
        down=down,
    )


def _on_four_bits(layer: _Layer, weights: Sequence[Sequence[torch.Tensor]]) -> _Layer:
    """The layer with the linear layers of its sites made of `weights` anew."""
    qkv, out, gate_up, down = map(FourBitLinear, weights)
    return replace(layer, qkv=qkv, out=out, gate_up=gate_up, down=down)
