"""A Llama of a few thousand weights with a byte-level tokenizer, written as a GGUF file as llama.cpp does."""

from pathlib import Path

import gguf
import numpy as np

TEMPLATE = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"

LAYERS, WIDTH, HEADS, KV_HEADS, INNER = 2, 64, 4, 2, 96


def byte_alphabet() -> list[str]:
    """GPT-2's 256 stand-ins for bytes, in the order of the bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in plain else next(others)) for byte in range(256)]


def write_tiny_gguf(path: Path, *, template: str | None = TEMPLATE, layers: int = LAYERS) -> None:
    """Write the model; the same weights every time."""
    alphabet = byte_alphabet()
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("i", "n"), ("Ġ", "a")]
    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *alphabet, *("".join(pair) for pair in merges)]
    kinds = [3, 3, 3] + [1] * (len(tokens) - 3)
    random = np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(layers)
    writer.add_context_length(256)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    if template is not None:
        writer.add_chat_template(template)

    def add(
        name: str, *shape: int, kind: gguf.GGMLQuantizationType | None = gguf.GGMLQuantizationType.Q8_0
    ) -> None:
        values = random.normal(scale=0.2, size=shape).astype(np.float32)
        if kind is None:
            writer.add_tensor(name, values + 1)
        else:
            writer.add_tensor(name, gguf.quantize(values, kind), raw_dtype=kind)

    add("token_embd.weight", len(tokens), WIDTH)
    add("output_norm.weight", WIDTH, kind=None)
    side = WIDTH // HEADS * KV_HEADS
    for i in range(layers):
        add(f"blk.{i}.attn_norm.weight", WIDTH, kind=None)
        add(f"blk.{i}.attn_q.weight", WIDTH, WIDTH, kind=gguf.GGMLQuantizationType.Q4_1)
        add(f"blk.{i}.attn_k.weight", side, WIDTH, kind=gguf.GGMLQuantizationType.Q4_1)
        add(f"blk.{i}.attn_v.weight", side, WIDTH)
        add(f"blk.{i}.attn_output.weight", WIDTH, WIDTH)
        add(f"blk.{i}.ffn_norm.weight", WIDTH, kind=None)
        add(f"blk.{i}.ffn_gate.weight", INNER, WIDTH)
        add(f"blk.{i}.ffn_up.weight", INNER, WIDTH)
        add(f"blk.{i}.ffn_down.weight", WIDTH, INNER)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
