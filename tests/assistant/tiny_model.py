"""A causal model of two layers with random weights and a tokenizer of its own: real code paths, no download."""

from pathlib import Path
from typing import Any

_TEXTS = [
    "The pump weighs 12 kilograms and delivers forty litres per minute.",
    "A question is answered from the passages, briefly and precisely.",
    "水泵重十二公斤，每分钟输送四十升水。请根据文档回答问题。",
    "Thinking costs tokens; answers cost more. 0123456789 abcdefghijklmnopqrstuvwxyz",
] * 4
CHAT_TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% if enable_thinking is defined and enable_thinking %}"
    "<think>\n{% endif %}{% endif %}"
)


def build_tiny(seed: int = 0, *, positions: int = 512) -> tuple[Any, Any]:
    """Return (model, tokenizer): a Llama of width 64 in fp32, byte-level BPE with a chat template."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    special = ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(_TEXTS, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|end|>", pad_token="<|end|>")
    tokenizer.chat_template = CHAT_TEMPLATE
    torch.manual_seed(seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=positions,
            initializer_range=0.4,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.eos_token_id,
        )
    ).eval()
    return model, tokenizer


def save_adapter(folder: Path, seed: int, *, scale: float = 0.5, **config: Any) -> Path:
    """Write a LoRA adapter for the tiny model whose weights are random and not zero; return its folder."""
    import torch
    from peft import LoraConfig, get_peft_model

    model, _ = build_tiny()
    torch.manual_seed(seed)
    options: dict[str, Any] = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"], **config}
    wrapped = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **options))
    for name, weight in wrapped.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=scale)
    wrapped.save_pretrained(str(folder))
    return folder


def build_reranker(folder: Path, *, tokenizer_of: Path) -> None:
    """Write a cross-encoder of random weights."""
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    tokenizer = AutoTokenizer.from_pretrained(tokenizer_of)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, num_labels=1,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
