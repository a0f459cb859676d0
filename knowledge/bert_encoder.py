"""BERT-shaped embedding models (MiniLM, bge-small, e5-small) without the frameworks around them.

Needs only torch, tokenizers and safetensors, so a query can be embedded about a second after the process
starts, where importing sentence-transformers alone takes several. Computes in bfloat16 where the processor
multiplies it in hardware: on one core of such a machine 54 texts of 1,000 characters a second against 15 in
float32, with vectors whose cosine to float32's stays above 0.9999. Models of any other shape are left to
sentence-transformers.

Source: Devlin et al. 2019, https://arxiv.org/abs/1810.04805; Reimers and Gurevych 2019 for the pooling,
https://arxiv.org/abs/1908.10084
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from knowledge.lanes import Lanes

if TYPE_CHECKING:
    import torch

Precision = Literal["float32", "bfloat16"]
Progress = Callable[[int, int], None]

BATCH_TOKENS = 2048
"""Tokens, padding included, of one forward pass: enough to be efficient, and activations stay in cache."""

WIDTH_STEP = 8
"""Tokens by which batches differ in width."""

ATTENTION_CELLS = 1 << 20
"""Attention scores computed at a time, so that they stay in the processor's cache."""

SLAB_TEXTS = 4096
"""Texts tokenised and sorted at a time, which bounds memory for any number of texts."""


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file, or {} when the file is absent."""
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def module_folders(folder: Path) -> dict[str, Path]:
    """Return the parts of a sentence-transformers model by class name, such as "Pooling"; {} without any."""
    listing = folder / "modules.json"
    if not listing.is_file():
        return {}
    return {
        str(module["type"]).rsplit(".", 1)[-1]: folder / str(module["path"])
        for module in json.loads(listing.read_text("utf-8"))
    }


def pooling_mode(folder: Path) -> str:
    """Return how token vectors become one: "mean", "cls", "lasttoken" or another; "mean" where unsaid."""
    modules = module_folders(folder)
    config = read_json(modules["Pooling"] / "config.json") if "Pooling" in modules else {}
    if isinstance(config.get("pooling_mode"), str):
        return str(config["pooling_mode"])
    chosen = [key for key, on in config.items() if key.startswith("pooling_mode_") and on is True]
    names = [
        key.removeprefix("pooling_mode_").removesuffix("_tokens").removesuffix("_token") for key in chosen
    ]
    return "+".join(names) or "mean"


def is_bert_shaped(folder: Path) -> bool:
    """Whether `BertEncoder` computes exactly what this model's own code would."""
    config = read_json(folder / "config.json")
    return (
        config.get("model_type") == "bert"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and config.get("hidden_act") == "gelu"
        and (folder / "model.safetensors").is_file()
        and (folder / "tokenizer.json").is_file()
        and set(module_folders(folder)) <= {"Transformer", "Pooling", "Normalize"}
        and pooling_mode(folder) in ("mean", "cls")
    )


def best_precision(device: str) -> Precision:
    """Return "bfloat16" where the hardware multiplies it natively, else "float32"."""
    import torch

    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    if device != "cpu":
        return "float32"
    has = torch.cpu.get_capabilities()
    return "bfloat16" if has.get("avx512_bf16") or has.get("amx_bf16") else "float32"


class BertEncoder:
    """Texts to unit vectors. Safe to call from several threads: nothing changes after construction.

    Args:
        folder: holds config.json, tokenizer.json, model.safetensors and, usually, modules.json.
        device: a torch device.
        precision: of weights and activations; pooling and the result are float32 either way.
    """

    def __init__(self, folder: Path, *, device: str, precision: Precision) -> None:
        import torch
        from safetensors.torch import load_file
        from tokenizers import Tokenizer

        config = read_json(folder / "config.json")
        self.device = device
        self._lanes = Lanes() if device == "cpu" else None
        self.dimensions = int(config["hidden_size"])
        self._heads = int(config["num_attention_heads"])
        self._epsilon = float(config["layer_norm_eps"])
        self._pooling = pooling_mode(folder)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        marked = self._tokenizer.encode("a").ids
        plain = self._tokenizer.encode("a", add_special_tokens=False).ids
        at = next(i for i in range(len(marked)) if marked[i : i + len(plain)] == plain)
        self._before, self._after = marked[:at], marked[at + len(plain) :]
        limit = read_json(folder / "sentence_bert_config.json").get("max_seq_length")
        self.max_tokens = min(int(limit or 1 << 30), int(config["max_position_embeddings"]))
        self.max_tokens -= len(self._before) + len(self._after)

        dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        stored = load_file(folder / "model.safetensors")
        weights = {
            name.removeprefix("bert."): tensor.float()
            for name, tensor in stored.items()
            if tensor.is_floating_point()
        }
        self._words = weights["embeddings.word_embeddings.weight"].to(device, dtype)
        # One table for what is added to every token: its position, and the type of a single sentence.
        places = (
            weights["embeddings.position_embeddings.weight"]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        self._places = places.to(device, dtype)
        norm = (weights["embeddings.LayerNorm.weight"], weights["embeddings.LayerNorm.bias"])
        self._norm_weight, self._norm_bias = (tensor.to(device, dtype) for tensor in norm)
        scale = (self.dimensions // self._heads) ** -0.5
        layers = range(int(config["num_hidden_layers"]))
        self._layers = [
            {short: tensor.to(device, dtype) for short, tensor in _layer(weights, i, scale).items()}
            for i in layers
        ]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return each text's length in tokens, special tokens not counted."""
        return [len(e.ids) for e in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def embed(
        self, texts: Sequence[str], *, progress: Progress | None = None
    ) -> tuple[np.ndarray, list[int]]:
        """Return unit vectors, (N, D) float32, and the indices of texts that were cut to `max_tokens`."""
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        cut: list[int] = []
        done = 0
        for first in range(0, len(texts), SLAB_TEXTS):
            slab = list(texts[first : first + SLAB_TEXTS])
            rows = [e.ids for e in self._tokenizer.encode_batch_fast(slab, add_special_tokens=False)]
            cut += [first + i for i, row in enumerate(rows) if len(row) > self.max_tokens]
            rows = [self._before + row[: self.max_tokens] + self._after for row in rows]
            batches = _batches([len(row) for row in rows])
            for batch, found in self._run(batches, rows):
                vectors[[first + i for i in batch]] = found
                done += len(batch)
                if progress is not None:
                    progress(done, len(texts))
        return vectors, cut

    def _run(self, batches: list[list[int]], rows: list[list[int]]) -> Iterator[tuple[list[int], np.ndarray]]:
        """Yield each batch with its vectors, in any order."""

        def forward(batch: list[int]) -> np.ndarray:
            return self._forward([rows[i] for i in batch])

        if self._lanes is None:
            return ((batch, forward(batch)) for batch in batches)
        if len(batches) == 1:
            return iter([(batches[0], self._lanes.one(forward, batches[0]))])
        return self._lanes.each(forward, batches)

    def _forward(self, rows: list[list[int]]) -> np.ndarray:
        import torch
        from torch.nn import functional

        with torch.inference_mode():
            count, width = _shape(len(rows), max(map(len, rows)), most=len(self._places))
            lengths = torch.ones(count)  # rows that only fill the shape: one token, looked at by nobody
            lengths[: len(rows)] = torch.tensor([len(row) for row in rows])
            ids = torch.zeros(count, width, dtype=torch.long)  # (B, T)
            for i, row in enumerate(rows):
                ids[i, : len(row)] = torch.tensor(row)
            real = torch.arange(width) < lengths[:, None]  # (B, T)
            ids, real = ids.to(self.device), real.to(self.device)
            hidden = self._words[ids] + self._places[:width]  # (B, T, D)
            hidden = functional.layer_norm(
                hidden, (self.dimensions,), self._norm_weight, self._norm_bias, self._epsilon
            )
            for layer in self._layers:
                hidden = self._through(layer, hidden, real)
            if self._pooling == "cls":
                pooled = hidden[:, 0].float()
            else:
                pooled = (hidden.float() * real[:, :, None]).sum(1) / lengths[:, None].to(self.device)
            return functional.normalize(pooled[: len(rows)], dim=1).cpu().numpy()

    def _through(
        self, layer: "dict[str, torch.Tensor]", hidden: "torch.Tensor", real: "torch.Tensor"
    ) -> "torch.Tensor":
        import torch
        from torch.nn import functional

        size = hidden.shape[-1]
        mixed = functional.linear(hidden, layer["qkv"], layer["qkv_bias"])  # (B, T, 3D)
        mixed = mixed.unflatten(-1, (3, self._heads, -1))  # (B, T, 3, heads, D/heads)
        if self.device == "cpu" and hidden.dtype == torch.bfloat16:
            seen = _attend(mixed, real)
        else:
            q, k, v = mixed.permute(2, 0, 3, 1, 4)  # each (B, heads, T, D/heads)
            mask = None if bool(real.all()) else real[:, None, None, :]
            seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=1.0).transpose(1, 2)
        seen = functional.linear(seen.flatten(2), layer["out"], layer["out_bias"])
        hidden = functional.layer_norm(hidden + seen, (size,), layer["n1"], layer["n1_bias"], self._epsilon)
        grown = functional.gelu(functional.linear(hidden, layer["up"], layer["up_bias"]))  # (B, T, 4D)
        grown = functional.linear(grown, layer["down"], layer["down_bias"])
        return functional.layer_norm(hidden + grown, (size,), layer["n2"], layer["n2_bias"], self._epsilon)


def _attend(mixed: "torch.Tensor", real: "torch.Tensor") -> "torch.Tensor":
    """Attention in half the time of torch's own, whose bfloat16 kernel on CPUs computes in float32 inside.

    The softmax's denominator is one more column of the second product, and a padded token is a row of zeros
    in it, so neither a mask nor a sum over the scores is needed.

    Args:
        mixed: (B, T, 3, heads, D/heads) bfloat16: queries (already scaled), keys, values.
        real: (B, T), False on padding.

    Returns:
        (B, T, heads, D/heads).
    """
    import torch

    batch, width, _, heads, size = mixed.shape
    q, k, v = mixed.permute(2, 0, 3, 1, 4)  # each (B, heads, T, D/heads)
    values = torch.cat([v, torch.ones_like(v[..., :1])], dim=-1) * real[:, None, :, None]
    seen = torch.empty(batch, width, heads, size, dtype=mixed.dtype)
    step = max(
        1, ATTENTION_CELLS // (heads * width * width)
    )  # as many texts as their scores fit into the cache
    for i in range(0, batch, step):
        some = slice(i, i + step)
        scores = torch.bmm(
            q[some].flatten(0, 1), k[some].flatten(0, 1).transpose(1, 2)
        )  # (some * heads, T, T)
        # No maximum is taken off before the exponential: trained BERTs stay below 40, and e^80 * 512 is finite.
        weighed = torch.bmm(scores.clamp_(max=80).exp_(), values[some].flatten(0, 1))
        weighed = weighed.unflatten(0, (-1, heads))  # (some, heads, T, D/heads + 1)
        seen[some] = (weighed[..., :size] / weighed[..., size:]).transpose(1, 2)
    return seen


def _layer(weights: "dict[str, torch.Tensor]", index: int, scale: float) -> "dict[str, torch.Tensor]":
    """One layer's tensors under short names; query, key and value joined, the query scaled for attention."""
    import torch

    prefix = f"encoder.layer.{index}."
    parts = {
        "out": "attention.output.dense",
        "n1": "attention.output.LayerNorm",
        "up": "intermediate.dense",
        "down": "output.dense",
        "n2": "output.LayerNorm",
    }
    layer = {}
    for short, name in parts.items():
        layer[short] = weights[f"{prefix}{name}.weight"]
        layer[f"{short}_bias"] = weights[f"{prefix}{name}.bias"]
    for short, part in (("qkv", "weight"), ("qkv_bias", "bias")):
        query, key, value = (
            weights[f"{prefix}attention.self.{name}.{part}"] for name in ("query", "key", "value")
        )
        layer[short] = torch.cat([query * scale, key, value])
    return layer


def _round_up(width: int) -> int:
    return -(-width // WIDTH_STEP) * WIDTH_STEP


def _shape(rows: int, width: int, *, most: int) -> tuple[int, int]:
    """The shape, one of few, that a batch is filled up to, at most `most` tokens wide.

    torch keeps code and memory for every shape that it ever met: with batches as they came, the process grew by
    half a gigabyte between the first 1,000 and the first 8,000 of many small files.
    """
    width = min(_round_up(width), most)
    return min(1 << (rows - 1).bit_length(), max(BATCH_TOKENS // width, rows)), width


def _batches(lengths: list[int]) -> list[list[int]]:
    """Group rows of like length, longest first, each group at most BATCH_TOKENS with its padding."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    groups: list[list[int]] = []
    for i in order:
        if groups and (len(groups[-1]) + 1) * _round_up(lengths[groups[-1][0]]) <= BATCH_TOKENS:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups
