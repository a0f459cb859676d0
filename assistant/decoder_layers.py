"""All decoder layers of a llama-like model in one call, compiled to a graph that holds no Python lock.

Threads in Python take turns: a token's step is hundreds of small calls, and two threads that each make them get in each
other's way more than they gain. As TorchScript the same lines run side by side, and a little faster. TorchScript is
deprecated, and torch.compile keeps the lock between the calls; where it is gone, the lines run as they stand, on one
thread.
Imported only where an engine runs, because it needs torch.
"""

import logging
import warnings
from typing import Any, NamedTuple

import torch
from torch.nn import functional

from assistant.packed_linear import Linear, apply, apply_and_add

logger = logging.getLogger(__name__)

SITES = (("q_proj", "k_proj", "v_proj"), ("o_proj",), ("gate_proj", "up_proj"), ("down_proj",))
"""Linear layers of a decoder layer that share an input; each group is one site."""


class LayerWeights(NamedTuple):
    """One decoder layer.

    The norms' weights are there twice, one behind the other, for `doubled` norms (see `DecoderLayers`).
    """

    norm_in: torch.Tensor
    norm_mlp: torch.Tensor
    norm_q: torch.Tensor | None
    norm_k: torch.Tensor | None
    qkv: Linear
    out: Linear
    gate_up: Linear
    down: Linear


class LoraWeights(NamedTuple):
    """What the rows of one call add to the linear layers; all lists empty where they add nothing.

    Attributes:
        kernel: of all matrices, as in `Linear`.
        a: (R, in) for each site of each layer, four sites a layer; without numbers where nothing is added.
        b: (out, R) for each.
        foreign: (T, R) bool for each of the four sites, True where a column belongs to another adapter than the row;
            or empty, where all columns belong to all rows.
    """

    kernel: str
    a: list[torch.Tensor]
    b: list[torch.Tensor]
    foreign: list[torch.Tensor]


class InSlots(NamedTuple):
    """Where tokens of several answers stand, whose keys and values share one tensor (see `assistant.slots`).

    There are R answers with T tokens each, N = R T, one answer behind the other.

    Attributes:
        slots: (N,) int64, the slot of each token.
        positions: (N,) int64, its place there.
        rows: (R,) int64, the slot of each answer; None where they are all slots in their order.
        mask: (R, 1, 1 or T heads / kv_heads, L) of the states' dtype, 0 for what a token's queries see of its slot's first L
            places, else minus infinity.
    """

    slots: torch.Tensor
    positions: torch.Tensor
    rows: torch.Tensor | None
    mask: torch.Tensor


class DecoderLayers(torch.nn.Module):
    """The layers between embedding and last norm.

    Args:
        layers: of the model, in order.
        activation: of the MLP's gate.
        heads, kv_heads: of attention.
        scale: of the attention's products.
        eps: of all norms.
        doubled: norms are computed as a layer norm of (x, -x), whose mean is zero: one kernel instead of five, twice as
            fast for a few rows. To other bits, as far off the exact value.
    """

    layers: list[LayerWeights]

    def __init__(
        self,
        layers: list[LayerWeights],
        *,
        activation: torch.nn.Module,
        heads: int,
        kv_heads: int,
        scale: float,
        eps: float,
        doubled: bool,
    ) -> None:
        super().__init__()
        self.layers = layers
        self.activation = activation
        self.heads = heads
        self.kv_heads = kv_heads
        self.scale = scale
        self.eps = eps
        self.doubled = doubled

    def forward(
        self,
        x: torch.Tensor,
        cos: torch.Tensor,
        sin: torch.Tensor,
        stores: list[list[torch.Tensor]],
        held: list[int],
        one_prompt: bool,
        mask: torch.Tensor | None,
        lora: LoraWeights,
        in_slots: InSlots | None = None,
    ) -> torch.Tensor:
        """Append the keys and values of tokens to `stores`; return the tokens' hidden states (T, D).

        Args:
            x: (T, D), the tokens' embeddings.
            cos, sin: (T, 1, head_dim), of their positions, sin's first half negated.
            stores: buffers (2, 1, kv_heads, room, head_dim) of keys and values for each answer and layer, with room
                for what comes.
            held: how many tokens each answer's buffers hold. One token of x belongs to each answer; what x has more
                goes the last one's way and is not kept.
            one_prompt: all tokens are of the only answer there is, one behind the other.
            mask: (T, held + T), what each token of a prompt sees; None where it sees those before it in x.
            in_slots: where the tokens stand that are not told by `held`, `one_prompt` and `mask`: `stores` has one entry then,
                each layer's keys and values (2, slots, kv_heads, places, head_dim).
        """
        rows = x.shape[0]
        half = cos.shape[-1] // 2
        turned = self.heads + self.kv_heads
        group = self.heads // self.kv_heads
        for number, layer in enumerate(self.layers):
            h = self._norm(x, layer.norm_in)
            qkv = apply(layer.qkv, h)
            qkv = _add_lora(lora, 4 * number, 0, h, qkv)
            states = qkv.view(rows, turned + self.kv_heads, -1)
            qk = states[:, :turned]
            norm_q, norm_k = layer.norm_q, layer.norm_k
            if norm_q is not None and norm_k is not None:
                q = self._norm(qk[:, : self.heads], norm_q)
                qk = torch.cat((q, self._norm(qk[:, self.heads :], norm_k)), 1)
            # rotate_half(q) * sin is q's halves changed over times sin with its first half negated.
            qk = (qk * cos).addcmul_(qk.roll(half, -1), sin)
            q, k, v = qk[:, : self.heads], qk[:, self.heads :], states[:, turned:]
            if in_slots is not None:
                store = stores[0][number]
                new = torch.stack((k, v), 1)  # (N, 2, kv_heads, head_dim)
                store.permute(1, 3, 0, 2, 4).index_put_([in_slots.slots, in_slots.positions], new)
                both = store.narrow(3, 0, in_slots.mask.shape[-1])
                chosen = in_slots.rows
                if chosen is not None:
                    both = both.index_select(1, chosen)
                # As below: heads that share keys stand together as if they were tokens.
                queries = q.reshape(both.shape[1], -1, self.kv_heads, group, q.shape[-1]).transpose(1, 2)
                mixed = functional.scaled_dot_product_attention(
                    queries.flatten(2, 3), both[0], both[1], attn_mask=in_slots.mask, scale=self.scale
                )  # (R, kv_heads, T group, head_dim)
                h = mixed.unflatten(2, [-1, group]).transpose(1, 2).reshape(rows, -1)
            elif one_prompt:
                store, at = stores[0][number], held[0]
                store[0, 0, :, at : at + rows].copy_(k.transpose(0, 1))
                store[1, 0, :, at : at + rows].copy_(v.transpose(0, 1))
                keys, values = store.narrow(3, 0, at + rows).unbind(0)
                mixed = functional.scaled_dot_product_attention(
                    q.transpose(0, 1)[None],
                    keys,
                    values,
                    attn_mask=mask,
                    is_causal=mask is None,
                    scale=self.scale,
                    enable_gqa=True,
                )  # (1, heads, T, head_dim)
                h = mixed[0].transpose(0, 1).reshape(rows, -1)
            else:
                new = torch.stack((k, v), 1).unsqueeze(2)  # (T, 2, 1, kv_heads, head_dim)
                # Heads that share keys stand together as if they were tokens: no key is copied.
                queries = q.reshape(rows, 1, self.kv_heads, group, -1)
                answers: list[torch.Tensor] = []
                for row in range(len(held)):
                    store, at = stores[row][number], held[row]
                    store.select(3, at).copy_(new[row])
                    both = store.narrow(3, 0, at + 1)
                    answers.append(
                        functional.scaled_dot_product_attention(
                            queries[row], both[0], both[1], scale=self.scale
                        )
                    )
                for _ in range(rows - len(held)):
                    answers.append(answers[-1])
                h = torch.cat(answers).view(rows, -1)
            x = apply_and_add(layer.out, h, x)
            x = _add_lora(lora, 4 * number, 1, h, x)
            h = self._norm(x, layer.norm_mlp)
            gate_up = apply(layer.gate_up, h)
            gate_up = _add_lora(lora, 4 * number, 2, h, gate_up)
            gate, up = gate_up.chunk(2, -1)
            h = self.activation(gate) * up
            x = apply_and_add(layer.down, h, x)
            x = _add_lora(lora, 4 * number, 3, h, x)
        return x

    def _norm(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        width = x.shape[-1]
        if self.doubled:
            both = torch.layer_norm(torch.cat((x, -x), -1), [2 * width], weight, None, self.eps)
            return both[..., :width].contiguous()
        return torch.rms_norm(x, [width], weight[:width], self.eps)


def _add_lora(lora: LoraWeights, first: int, site: int, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return y (T, out) plus what the rows' adapters make of x (T, in) at one site of the layer that begins at `first`."""
    if len(lora.a) == 0:
        return y
    a, b = lora.a[first + site], lora.b[first + site]
    if a.numel() == 0:
        return y
    if lora.kernel == "packed":
        inner = torch.ops.mkldnn._linear_pointwise(x, a, None, "none", [], "")
    else:
        inner = functional.linear(x, a)
    if len(lora.foreign) > 0:
        inner = inner.masked_fill_(lora.foreign[site], 0)
    if lora.kernel == "packed":
        return torch.ops.mkldnn._linear_pointwise(inner, y, b, None, "add")
    return functional.linear(inner, b).add_(y)


def compiled(layers: DecoderLayers) -> Any | None:
    """Return the layers as TorchScript, called the same way; None where this torch or this model does not allow it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.jit.script(layers)
    except Exception as err:
        # The compiler raises errors of many kinds: for kernels that this build lacks, for activations it cannot read.
        logger.info("the decoder runs as Python: %s", str(err).partition("\n")[0])
        return None
