"""A GGUF file turned, once, into the safetensors folder that everything else loads.

Dequantises with the `gguf` package and writes weights, config, tokenizer and chat template directly: about
ten times faster than loading through transformers, which parses the vocabulary and rebuilds the tokenizer in
Python. Knows the Llama layout with a byte-level BPE tokenizer (SmolLM2 and its kin); any other GGUF takes the
way through transformers.

Sources: the format, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md; the order of rotary weights,
llama.cpp `convert_hf_to_gguf.py`, undone here.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from finetune.errors import ModelUnavailableError
from finetune.folders import Progress

if TYPE_CHECKING:
    pass

_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_TOP = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}

# What each pre-tokenizer that llama.cpp names does before byte-level splitting.
_DIGITS_APART = {"smollm", "starcoder", "refact", "command-r"}

_CONTROL_TOKEN, _USER_TOKEN = 3, 4


def convert_gguf(source: Path, target: Path, *, progress: Progress | None = None) -> None:
    """Write a Hugging Face model folder with the weights of a GGUF file.

    Args:
        source: the GGUF file.
        target: an existing, empty folder.
        progress: called with ("convert", bytes done, bytes).

    Raises:
        ModelUnavailableError: the file is damaged or of an architecture that nothing here can read.
    """
    import gguf

    try:
        reader = gguf.GGUFReader(source)
        if (
            _value(reader, "general.architecture") == "llama"
            and _value(reader, "tokenizer.ggml.model") == "gpt2"
        ):
            _convert_llama(reader, target, progress)
        else:
            _convert_with_transformers(source, target)
    except (OSError, ValueError, KeyError, IndexError, NotImplementedError, RuntimeError) as err:
        raise ModelUnavailableError(
            "model_gguf_unreadable", file=source.name, reason=_first_line(err)
        ) from err


def _convert_llama(reader: Any, target: Path, progress: Progress | None) -> None:
    import torch
    from gguf.quants import dequantize
    from safetensors.torch import save_file

    config = _llama_config(reader)
    weights: dict[str, torch.Tensor] = {}
    total = sum(int(tensor.n_bytes) for tensor in reader.tensors)
    done = 0
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type)
        name, _, kind = tensor.name.rpartition(".")
        if name == "rope_freqs":
            continue
        head, _, part = name.partition(".")
        layer, _, part = part.partition(".")
        if head == "blk":
            new = f"model.layers.{layer}.{_LAYER[part]}.{kind}"
            if part in ("attn_q", "attn_k"):
                heads = config["num_attention_heads" if part == "attn_q" else "num_key_value_heads"]
                values = _undo_rotary_order(values, int(heads))
        else:
            new = f"{_TOP[head]}.{kind}"
        # Half the disk, and nothing lost that a 4-bit file still had: SmolLM2's mean loss on English prose is
        # 3.4071 from float32, 3.4069 from bfloat16.
        weights[new] = torch.from_numpy(np.array(values)).to(torch.bfloat16)
        done += int(tensor.n_bytes)
        if progress is not None:
            progress("convert", done, total)
    config["tie_word_embeddings"] = "lm_head.weight" not in weights
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
    _write_json(target / "config.json", config)
    _write_tokenizer(reader, target, limit=config["max_position_embeddings"])
    stop = {"eos_token_id": config["eos_token_id"], "bos_token_id": config["bos_token_id"]}
    _write_json(target / "generation_config.json", {**stop, "pad_token_id": config["pad_token_id"]})


def _undo_rotary_order(values: np.ndarray, heads: int) -> np.ndarray:
    """Put each head's rows back from interleaved pairs to two halves, the order that transformers rotates."""
    half = values.shape[0] // heads // 2
    return values.reshape(heads, half, 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def _llama_config(reader: Any) -> dict[str, Any]:
    heads = int(_value(reader, "llama.attention.head_count"))
    width = int(_value(reader, "llama.embedding_length"))
    eos = int(_value(reader, "tokenizer.ggml.eos_token_id"))
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "dtype": "bfloat16",
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "hidden_size": width,
        "head_dim": int(_value(reader, "llama.rope.dimension_count", width // heads)),
        "intermediate_size": int(_value(reader, "llama.feed_forward_length")),
        "num_hidden_layers": int(_value(reader, "llama.block_count")),
        "num_attention_heads": heads,
        "num_key_value_heads": int(_value(reader, "llama.attention.head_count_kv", heads)),
        "max_position_embeddings": int(_value(reader, "llama.context_length")),
        "rms_norm_eps": float(_value(reader, "llama.attention.layer_norm_rms_epsilon")),
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": float(_value(reader, "llama.rope.freq_base", 10000.0)),
        },
        "vocab_size": len(_value(reader, "tokenizer.ggml.tokens")),
        "bos_token_id": int(_value(reader, "tokenizer.ggml.bos_token_id", eos)),
        "eos_token_id": eos,
        "pad_token_id": int(_value(reader, "tokenizer.ggml.padding_token_id", eos)),
    }


def _write_tokenizer(reader: Any, target: Path, *, limit: int) -> None:
    tokens: list[str] = _value(reader, "tokenizer.ggml.tokens")
    kinds: list[int] = _value(reader, "tokenizer.ggml.token_type")
    merges: list[str] = _value(reader, "tokenizer.ggml.merges")
    spaced = bool(_value(reader, "tokenizer.ggml.add_space_prefix", False))
    byte_level = {"type": "ByteLevel", "add_prefix_space": spaced, "trim_offsets": True, "use_regex": True}
    splitter: dict[str, Any] = byte_level
    if _value(reader, "tokenizer.ggml.pre", "") in _DIGITS_APART:
        digits = {"type": "Digits", "individual_digits": True}
        splitter = {"type": "Sequence", "pretokenizers": [digits, byte_level]}
    added = [
        {
            "id": number,
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": kind == _CONTROL_TOKEN,
        }
        for number, (token, kind) in enumerate(zip(tokens, kinds, strict=True))
        if kind in (_CONTROL_TOKEN, _USER_TOKEN)
    ]
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": "",
        "end_of_word_suffix": "",
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": {token: number for number, token in enumerate(tokens)},
        "merges": [merge.split(" ", 1) for merge in merges],
    }
    _write_json(
        target / "tokenizer.json",
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": added,
            "normalizer": None,
            "pre_tokenizer": splitter,
            "post_processor": None,
            "decoder": {**byte_level, "add_prefix_space": True},
            "model": model,
        },
    )
    names = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding"}
    numbers = {key: _value(reader, f"tokenizer.ggml.{name}_token_id", None) for key, name in names.items()}
    special = {key: tokens[int(number)] for key, number in numbers.items() if number is not None}
    _write_json(
        target / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "clean_up_tokenization_spaces": False,
            "model_max_length": limit,
            **special,
        },
    )
    template = _value(reader, "tokenizer.chat_template", "")
    if template:
        (target / "chat_template.jinja").write_text(template, "utf-8")


def _convert_with_transformers(source: Path, target: Path) -> None:
    """Let transformers read the file. Slow, and the marks of quantisation have to be taken off by hand."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = str(source.parent)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, gguf_file=source.name, dtype=torch.bfloat16)
    # The weights are plain by now; as long as the model calls itself quantised, it can be neither saved nor trained.
    model.hf_quantizer.remove_quantization_config(model)
    model.save_pretrained(target)
    AutoTokenizer.from_pretrained(folder, gguf_file=source.name).save_pretrained(target)


_MISSING = object()


def _value(reader: Any, key: str, default: Any = _MISSING) -> Any:
    field = reader.get_field(key)
    if field is None:
        if default is _MISSING:
            raise KeyError(f"no {key} in the file's metadata")
        return default
    return field.contents()


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", "utf-8")


def _first_line(err: BaseException) -> str:
    return (str(err).strip().splitlines() or [type(err).__name__])[0][:200]
