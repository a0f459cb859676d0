"""A chat model of two layers with random weights, as a folder on disk, and rows that it can learn in a few steps."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from finetune.config import DataConfig, RunConfig, TrainingConfig
from finetune.folders import ModelFolder, describe
from tests.finetune.templates import DEFAULT_SYSTEM, tiny_tokenizer

NAMES = "hammer saw nail file drill plane chisel level clamp ruler pliers wrench".split()


def write_tiny_chat(folder: Path, *, seed: int = 0, layers: int = 2) -> ModelFolder:
    """Write the model; the same weights for the same seed."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = tiny_tokenizer(DEFAULT_SYSTEM)
    tokenizer.pad_token = "<|end|>"
    torch.manual_seed(seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=512,
            initializer_range=0.1,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return describe(folder, name=f"folder:{folder}", source="folder")


def write_rows(path: Path, count: int = 24) -> Path:
    """Write alpaca rows of uneven length."""
    rows = [
        {
            "instruction": f"Where is the {NAMES[k % len(NAMES)]} number {k}?" + " Please." * (k % 5),
            "output": "It is in drawer seven." + " Look there." * (k % 3),
        }
        for k in range(count)
    ]
    path.write_text(json.dumps(rows), "utf-8")
    return path


def tiny_config(model: ModelFolder, data: Path, **training: Any) -> RunConfig:
    """Settings for a run of a second or two."""
    chosen = {
        "learning_rate": 5e-3,
        "max_steps": 6,
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 1,
        "lora_r": 4,
        "lora_dropout": 0.0,
        "precision": "fp32",
        "eval_steps": 3,
        "save_steps": 2,
        "eval_share": 4,
    }
    return RunConfig(
        model=model.name,
        data=str(data),
        name="tiny",
        rows=DataConfig(max_length=256),
        training=replace(TrainingConfig(), **{**chosen, **training}),
    )
