"""BERT-shaped embedding models (MiniLM, bge-small, e5-small) without the frameworks around them.

Needs only torch, tokenizers and safetensors, so a query can be embedded about a second after the process
starts, where importing sentence-transformers alone takes several. Computes in bfloat16 where the processor
multiplies it in hardware (about four times as fast as float32 on such a machine; the vectors' cosine to
float32's stays above 0.999). Models of any other shape are left to sentence-transformers.

Source: Devlin et al. 2019, https://arxiv.org/abs/1810.04805; Reimers and Gurevych 2019 for the pooling,
https://arxiv.org/abs/1908.10084
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import torch

Precision = Literal["float32", "bfloat16"]
Progress = Callable[[int, int], None]

BATCH_TOKENS = 8192
"""Tokens, padding included, of one forward pass: larger gains nothing and costs memory."""

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
            name.removeprefix("bert."): tensor.to(device, dtype)
            for name, tensor in stored.items()
            if tensor.is_floating_point()
        }
        self._words = weights["embeddings.word_embeddings.weight"]
        # One table for what is added to every token: its position, and the type of a single sentence.
        self._places = (
            weights["embeddings.position_embeddings.weight"].float()
            + weights["embeddings.token_type_embeddings.weight"][0].float()
        ).to(dtype)
        self._norm = (weights["embeddings.LayerNorm.weight"], weights["embeddings.LayerNorm.bias"])
        self._layers = [_layer(weights, i) for i in range(int(config["num_hidden_layers"]))]

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
            for batch in _batches([len(row) for row in rows]):
                vectors[[first + i for i in batch]] = self._forward([rows[i] for i in batch])
                done += len(batch)
                if progress is not None:
                    progress(done, len(texts))
        return vectors, cut

    def _forward(self, rows: list[list[int]]) -> np.ndarray:
        import torch
        from torch.nn import functional

        with torch.inference_mode():
            lengths = torch.tensor([len(row) for row in rows])
            width = int(lengths.max())
            ids = torch.zeros(len(rows), width, dtype=torch.long)  # (B, T)
            for i, row in enumerate(rows):
                ids[i, : len(row)] = torch.tensor(row)
            real = torch.arange(width) < lengths[:, None]  # (B, T)
            ids, real = ids.to(self.device), real.to(self.device)
            mask = None if bool((lengths == width).all()) else real[:, None, None, :]
            hidden = self._words[ids] + self._places[:width]  # (B, T, D)
            hidden = functional.layer_norm(hidden, (self.dimensions,), *self._norm, self._epsilon)
            for layer in self._layers:
                hidden = self._through(layer, hidden, mask)
            if self._pooling == "cls":
                pooled = hidden[:, 0].float()
            else:
                pooled = (hidden.float() * real[:, :, None]).sum(1) / lengths[:, None].to(self.device)
            return functional.normalize(pooled, dim=1).cpu().numpy()

    def _through(
        self, layer: "dict[str, torch.Tensor]", hidden: "torch.Tensor", mask: "torch.Tensor | None"
    ) -> "torch.Tensor":
        from torch.nn import functional

        batch, width, size = hidden.shape
        mixed = functional.linear(hidden, layer["qkv"], layer["qkv_bias"])  # (B, T, 3D)
        q, k, v = mixed.view(batch, width, 3, self._heads, -1).permute(
            2, 0, 3, 1, 4
        )  # each (B, heads, T, D/heads)
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        seen = functional.linear(
            seen.transpose(1, 2).reshape(batch, width, size), layer["out"], layer["out_bias"]
        )
        hidden = functional.layer_norm(hidden + seen, (size,), layer["n1"], layer["n1_bias"], self._epsilon)
        grown = functional.gelu(functional.linear(hidden, layer["up"], layer["up_bias"]))  # (B, T, 4D)
        grown = functional.linear(grown, layer["down"], layer["down_bias"])
        return functional.layer_norm(hidden + grown, (size,), layer["n2"], layer["n2_bias"], self._epsilon)


def _layer(weights: "dict[str, torch.Tensor]", index: int) -> "dict[str, torch.Tensor]":
    """One layer's tensors under short names; query, key and value joined into one product."""
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
    attention = [f"{prefix}attention.self.{name}" for name in ("query", "key", "value")]
    layer["qkv"] = torch.cat([weights[f"{name}.weight"] for name in attention])
    layer["qkv_bias"] = torch.cat([weights[f"{name}.bias"] for name in attention])
    return layer


def _batches(lengths: list[int]) -> list[list[int]]:
    """Group rows of like length, longest first, each group at most BATCH_TOKENS with its padding."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    groups: list[list[int]] = []
    for i in order:
        if groups and (len(groups[-1]) + 1) * lengths[groups[-1][0]] <= BATCH_TOKENS:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups
