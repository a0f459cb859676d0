"""The loss of a language model, computed only where something is trained.

Most tokens of a row are prompt and padding. The last layer turns each position into one number per word of the
vocabulary, often the largest tensor of all; leaving out the positions whose result nobody looks at changes no
number that is used. Works with every model whose output head takes hidden states position by position.
"""

from typing import Any

from finetune.encoding import IGNORE

CHUNK = 1024
"""Positions whose probabilities are held in float32 at a time."""


def token_loss(model: Any, inputs: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Return the loss of every trained token, float32 (N,), with which row (N,) and at which position it stands.

    Args:
        model: a causal model of transformers, or one wrapped by peft, torch or accelerate.
        inputs: what a collator made, with `labels` (B, T); shorter rows padded on the right.
    """
    import torch

    labels = inputs["labels"]
    # Padding stands on the right, where no earlier position looks and nothing is trained. Without a mask attention
    # takes its fast path, and no layer keeps a mask of T x T numbers for every row.
    rest = {key: value for key, value in inputs.items() if key not in ("labels", "attention_mask")}
    # The output at a position is judged by the token after it.
    rows, positions = torch.nonzero(labels[:, 1:] != IGNORE, as_tuple=True)
    targets = labels[rows, positions + 1]
    prompt = _prompt_length(model)

    def select(module: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
        hidden = given[0]  # (B, T, D), T longer by the virtual tokens of prompt tuning
        return (hidden[rows, positions + prompt].unsqueeze(0), *given[1:])  # (1, N, D)

    head = _output_head(model)
    handle = head.register_forward_pre_hook(select)
    try:
        logits = model(**rest, use_cache=False).logits[0]  # (N, V)
    finally:
        handle.remove()
    return _cross_entropy(logits, targets), rows, positions


def _cross_entropy(logits: Any, targets: Any) -> Any:
    """Like `F.cross_entropy` without reduction, with only some of the logits in float32 at once."""
    import torch
    import torch.nn.functional as functional
    from torch.utils.checkpoint import checkpoint

    def part(piece: Any, wanted: Any) -> Any:
        return functional.cross_entropy(piece.float(), wanted, reduction="none")

    if len(targets) <= CHUNK:
        return part(logits, targets)
    return torch.cat([
        checkpoint(part, piece, wanted, use_reentrant=False)
        for piece, wanted in zip(logits.split(CHUNK), targets.split(CHUNK), strict=True)
    ])  # fmt: skip


def _bare(model: Any) -> Any:
    """The model without the wrappers of torch and accelerate."""
    while hasattr(model, "module"):
        model = model.module
    return model


def _output_head(model: Any) -> Any:
    bare = _bare(model)
    inner = bare.get_base_model() if hasattr(bare, "get_base_model") else bare
    return inner.get_output_embeddings()


def _prompt_length(model: Any) -> int:
    """Virtual tokens that peft puts before every row."""
    config = getattr(_bare(model), "active_peft_config", None)
    return int(config.num_virtual_tokens) if config is not None and config.is_prompt_learning else 0
