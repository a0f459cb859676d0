"""What an adapter must pass before it is offered: measured on the model that was trained and on the file it became.

A required gate that fails keeps the adapter in its run's folder, with the reason. The others are told on the card.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from finetune.batches import Collator, TokenRows
from finetune.encoding import IGNORE, Encoder
from finetune.examples import Example, Message, Source
from finetune.general_questions import QUESTIONS
from finetune.messages import Language, render
from finetune.supervised_loss import token_loss

SAMPLE_ANSWERS = 8
LONGEST_ANSWER = 160
ENDING_SHARE = 0.5
FORGETTING_LIMIT = 0.15
"""Part of the general questions that may be lost; one question is 0.03."""
KNOWS_SOMETHING = 0.5
"""Share of the general questions; with three answers each, guessing gives a third of them."""
FEWEST_FOR_LOSS = 4


@dataclass(frozen=True, slots=True)
class Gate:
    """One check.

    Args:
        name: "finite", "moved", "shape", "held_out", "answers_end", "thinking", "forgetting", "merge", "servable".
        passed: None where it does not apply.
        required: whether failing keeps the adapter from being offered.
        code, params: the message that tells why it failed.
        figures: what was measured.
    """

    name: str
    passed: bool | None
    required: bool = True
    code: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)

    def reason(self, language: Language = "en") -> str:
        """Why it failed, or ""."""
        return render(self.code, self.params, language) if self.passed is False and self.code else ""

    def to_json(self) -> dict[str, Any]:
        """Return plain values, the reason in both languages."""
        return {**asdict(self), "reason": {"en": self.reason("en"), "zh": self.reason("zh")}}


def failed(gates: Sequence[Gate]) -> list[Gate]:
    """The gates that keep an adapter from being offered."""
    return [gate for gate in gates if gate.required and gate.passed is False]


def check_finite(tensors: dict[str, Any]) -> Gate:
    """All values are numbers."""
    import torch

    broken = [name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())]
    if not broken:
        return Gate("finite", True, figures={"tensors": len(tensors)})
    params = {"tensors": len(broken), "name": broken[0]}
    return Gate("finite", False, code="gate_not_finite", params=params)


def check_moved(tensors: dict[str, Any]) -> Gate:
    """Every LoRA's B matrix, which begins as zero, is zero no more."""
    matrices = {name: tensor for name, tensor in tensors.items() if "lora_B" in name}
    if not matrices:
        return Gate("moved", None)
    still = [name for name, tensor in matrices.items() if not bool(tensor.any())]
    norm = math.sqrt(sum(float(tensor.double().square().sum()) for tensor in matrices.values()))
    figures = {"modules": len(matrices), "norm": round(norm, 6)}
    if not still:
        return Gate("moved", True, figures=figures)
    params = {"modules": len(still), "all": len(matrices)}
    return Gate("moved", False, code="gate_did_not_move", params=params, figures=figures)


def check_shape(tensors: dict[str, Any], base_shapes: dict[str, tuple[int, ...]]) -> Gate:
    """Every LoRA pair stands at a layer of the base, and its sizes and rank fit.

    Args:
        base_shapes: of the base model's weights by name.
    """
    pairs = 0
    ranks: set[int] = set()
    for name, tensor in tensors.items():
        if ".lora_A." not in name:
            continue
        module = name.partition(".lora_A.")[0].removeprefix("base_model.model.")
        other = tensors.get(name.replace(".lora_A.", ".lora_B."))
        shape = base_shapes.get(f"{module}.weight")
        if shape is None or other is None:
            return Gate("shape", False, code="gate_shape", params={"reason": module})
        if tensor.shape[0] != other.shape[1] or (other.shape[0], tensor.shape[1]) != tuple(shape):
            sizes = f"{module}: {tuple(other.shape)} x {tuple(tensor.shape)}, {tuple(shape)}"
            return Gate("shape", False, code="gate_shape", params={"reason": sizes})
        pairs += 1
        ranks.add(int(tensor.shape[0]))
    return Gate("shape", True if pairs else None, figures={"modules": pairs, "ranks": sorted(ranks)})


def check_held_out(before: float | None, after: float | None, rows: int) -> Gate:
    """The loss on rows that were never trained is lower than the base model's."""
    if before is None or after is None or rows < FEWEST_FOR_LOSS:
        return Gate("held_out", None)
    figures = {"before": round(before, 4), "after": round(after, 4), "rows": rows}
    if after < before:
        return Gate("held_out", True, figures=figures)
    params = {"before": f"{before:.3f}", "after": f"{after:.3f}"}
    return Gate("held_out", False, code="gate_held_out", params=params, figures=figures)


def check_answers_end(ended: int, answers: int) -> Gate:
    """Answers end by the stop token and not by running out of room."""
    if not answers:
        return Gate("answers_end", None)
    figures = {"ended": ended, "answers": answers}
    if ended >= ENDING_SHARE * answers:
        return Gate("answers_end", True, figures=figures)
    params = {"share": round(100 * ended / answers), "answers": answers, "limit": round(100 * ENDING_SHARE)}
    return Gate("answers_end", False, code="gate_answers_end", params=params, figures=figures)


def check_thinking(before: int, after: int, answers: int) -> Gate:
    """A model that thought before it answered still does."""
    if not before:
        return Gate("thinking", None)
    figures = {"before": before, "after": after, "answers": answers}
    if 2 * after >= before:
        return Gate("thinking", True, figures=figures)
    return Gate("thinking", False, code="gate_stopped_thinking", params=figures, figures=figures)


def check_forgetting(before: float, after: float) -> Gate:
    """What the base model knew in general is still there; does not apply to one that only guessed."""
    figures = {"before": round(before, 4), "after": round(after, 4), "questions": len(QUESTIONS)}
    if before < KNOWS_SOMETHING:
        return Gate("forgetting", None, figures=figures)
    if after >= before - FORGETTING_LIMIT:
        return Gate("forgetting", True, figures=figures)
    params = {"before": round(100 * before), "after": round(100 * after), "items": len(QUESTIONS)}
    return Gate("forgetting", False, code="gate_forgets", params=params, figures=figures)


def check_servable(method: str) -> Gate:
    """What was trained can answer here; virtual tokens cannot, because the rows of one batch could not share them."""
    if method == "prompt_tuning":
        return Gate("servable", False, required=False, code="gate_export_only", params={"method": method})
    return Gate("servable", True, required=False)


def general_score(model: Any, tokenizer: Any, *, batch_size: int = 16) -> float:
    """Return the share of `QUESTIONS` whose right answer the question makes likelier than it makes the wrong ones.

    How likely an answer is by itself is taken off, and its stop token left out: otherwise common words win, and
    SmolLM2-135M gets 44 % right instead of 75 %.

    Source: domain conditional PMI, https://arxiv.org/abs/2104.08315
    """
    import torch

    asked = [(question, answer) for question, *answers in QUESTIONS for answer in answers]
    told = [*asked, *(("-", answer) for _, answer in asked)]
    examples = [
        # Short, where many templates would put a long text of their own, which says nothing about the answer.
        Example(
            (Message("system", "-"), Message("user", question), Message("assistant", answer)), Source("-", 1)
        )
        for question, answer in told
    ]
    pieces = [row.pieces[0] for row in Encoder(tokenizer, 512).encode_rows(examples)]
    for piece in pieces:
        for place in piece.stops:
            piece.labels[place] = IGNORE
    rows = TokenRows.of(pieces)
    collate = Collator(pad_id_of(tokenizer))
    sums = torch.zeros(len(rows))
    order = sorted(range(len(rows)), key=lambda k: int(rows.lengths[k]))
    model.eval()
    with torch.no_grad():
        for start in range(0, len(order), batch_size):
            numbers = order[start : start + batch_size]
            batch = {
                key: value.to(model.device) for key, value in collate([rows[k] for k in numbers]).items()
            }
            losses, which, _ = token_loss(model, batch)
            sums[numbers] = -torch.zeros(len(numbers)).index_add_(0, which.cpu(), losses.float().cpu())
    gained = sums[: len(asked)] - sums[len(asked) :]
    return float((gained.view(len(QUESTIONS), 3).argmax(dim=1) == 0).float().mean())


def prompts_of(rows: TokenRows, count: int = SAMPLE_ANSWERS) -> list[tuple[list[int], int]]:
    """Return (prompt ids, tokens of the trained answer) of rows spread over the set."""
    step = max(1, len(rows) // count)
    found: list[tuple[list[int], int]] = []
    for index in range(0, len(rows), step):
        row = rows[index]
        trained = [k for k, label in enumerate(row["labels"]) if label != IGNORE]
        # The last answer: from the last gap in what is trained.
        start = max(k for k in trained if k == trained[0] or k - 1 not in set(trained))
        if start > 0:
            found.append(([int(i) for i in row["input_ids"][:start]], trained[-1] + 1 - start))
    return found[:count]


def sample_answers(model: Any, tokenizer: Any, prompts: Sequence[tuple[list[int], int]]) -> tuple[int, int]:
    """Answer greedily and return how many answers ended by themselves, and how many began with thinking."""
    ended = thought = 0
    for prompt, expected in prompts:
        limit = min(LONGEST_ANSWER, 2 * expected + 32)
        answer = greedy(model, tokenizer, prompt, limit)
        ended += answer[-1:] != [] and answer[-1] in stop_tokens(model, tokenizer)
        thought += thinks(tokenizer.decode(prompt[-8:]), tokenizer.decode(answer))
    return ended, thought


def thinks(prompt_end: str, answer: str) -> bool:
    """Whether an answer begins with thinking that is not empty."""
    text = prompt_end[prompt_end.rfind("<think>") :] + answer if "<think>" in prompt_end else answer
    _, opened, rest = text.partition("<think>")
    return bool(opened) and bool(rest.partition("</think>")[0].strip())


def greedy(model: Any, tokenizer: Any, prompt: Sequence[int], limit: int) -> list[int]:
    """Return the likeliest continuation, with the stop token where one came."""
    import torch

    ids = torch.tensor([list(prompt)], device=model.device)
    model.eval()
    with torch.no_grad():
        out = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=limit,
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
            repetition_penalty=1.0,
            eos_token_id=sorted(stop_tokens(model, tokenizer)),
            pad_token_id=pad_id_of(tokenizer),
        )
    # With virtual tokens some versions return the new tokens only.
    new = out[0, ids.shape[1] :] if out.shape[1] > ids.shape[1] else out[0]
    return [int(token) for token in new]


def stop_tokens(model: Any, tokenizer: Any) -> set[int]:
    """Tokens that end an answer: those of the generation config and the tokenizer's own."""
    named = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    ends = set(named if isinstance(named, list) else [] if named is None else [named])
    return ends | ({tokenizer.eos_token_id} if tokenizer.eos_token_id is not None else set())


def pad_id_of(tokenizer: Any) -> int:
    """What pads; masked everywhere, so that any token will do."""
    return int(tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id or 0)


def last_logits(model: Any, prompt: Sequence[int]) -> Any:
    """Return the logits (V,) after a prompt, float32 on the CPU."""
    import torch

    ids = torch.tensor([list(prompt)], device=model.device)
    model.eval()
    with torch.no_grad():
        return model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, -1].float().cpu()


def read_tensors(folder: Path) -> dict[str, Any]:
    """Return the tensors of an adapter's file."""
    from safetensors.torch import load_file

    return load_file(folder / "adapter_model.safetensors")


def base_shapes(model: Any) -> dict[str, tuple[int, ...]]:
    """Return (out, in) of every linear layer of a base model, by the name its weight has without an adapter."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, module in model.named_modules():
        layer = getattr(module, "base_layer", module)
        plain = name.removeprefix("base_model.model.")
        if hasattr(layer, "in_features") and ".lora_" not in plain and not plain.endswith(".base_layer"):
            shapes[f"{plain}.weight"] = (int(layer.out_features), int(layer.in_features))
        elif type(layer).__name__ == "Conv1D":  # GPT-2's linear layers keep their weights the other way round
            shapes[f"{plain}.weight"] = (int(layer.nf), int(layer.weight.shape[0]))
    return shapes
