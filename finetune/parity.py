"""Does a merged model hold what its adapter learnt?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from finetune.checks import Gate, greedy

PARITY_TOKENS = 24
MERGE_KEEPS = 0.9
"""Part of the learnt change that must outlive the rounding of a merge."""


def answer_shares(model: Any, prompt: Sequence[int], answer: Sequence[int]) -> Any:
    """Return how likely each token was at each place of an answer: log probabilities (T, V), float32 on the CPU."""
    import torch

    ids = torch.tensor([[*prompt, *answer]], device=model.device)
    model.eval()
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0]
    # The output at a position is about the token after it; virtual tokens would stand before all of them.
    return logits[-len(answer) - 1 : -1].float().log_softmax(-1).cpu()


@dataclass(frozen=True, slots=True)
class Parity:
    """What an adapter answers to a prompt, and what its base and the merged model make of that.

    Args:
        answer, merged_answer: greedy token ids.
        adapter, base, merged: log probabilities (T, V) at each place of `answer`.
    """

    answer: list[int]
    merged_answer: list[int]
    adapter: Any
    base: Any
    merged: Any


def parities(
    model: Any, tokenizer: Any, prompts: Sequence[Sequence[int]], merge: Callable[[], Any]
) -> list[Parity]:
    """Ask a PEFT model, its base, and what `merge` makes of it. `model` may be of no use afterwards."""
    answers = [greedy(model, tokenizer, prompt, PARITY_TOKENS) for prompt in prompts]
    asked = list(zip(prompts, answers, strict=True))
    apart = [answer_shares(model, *pair) for pair in asked]
    with model.disable_adapter():
        base = [answer_shares(model, *pair) for pair in asked]
    merged = merge()
    return [
        Parity(
            answer,
            greedy(merged, tokenizer, prompt, PARITY_TOKENS),
            apart[k],
            base[k],
            answer_shares(merged, prompt, answer),
        )
        for k, (prompt, answer) in enumerate(asked)
    ]


def check_merge(found: Sequence[Parity]) -> Gate:
    """The merged model holds what the adapter learnt.

    Merging rounds to the precision of the weights, which in bfloat16 turns an answer at every near tie, so that the
    same words cannot be asked for. What is asked for is that little of the learnt change is lost: the divergence
    (Kullback and Leibler's) of the merged model from the adapter, as a part of the base model's.
    """
    found = [parity for parity in found if parity.answer]
    if not found:
        return Gate("merge", None, required=False)
    same = sum(parity.answer == parity.merged_answer for parity in found)
    difference = max(float((parity.adapter - parity.merged).abs().max()) for parity in found)
    lost, learnt = (
        sum(float((p.adapter.exp() * (p.adapter - other(p))).sum()) for p in found)
        for other in (lambda p: p.merged, lambda p: p.base)
    )
    kept = 1.0 if lost <= 0 else max(0.0, 1 - lost / learnt) if learnt > 0 else 0.0
    figures = {
        "same": same, "answers": len(found), "difference": round(difference, 4), "kept": round(100 * kept, 1)
    }  # fmt: skip
    passed = same == len(found) or kept >= MERGE_KEEPS
    params = {**figures, "limit": round(100 * MERGE_KEEPS)}
    return Gate("merge", passed, False, "" if passed else "gate_merge_differs", params, figures)
