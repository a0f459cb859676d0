"""The training loop of the reader: LoRA whose forward pass multiplies by the merged weight.

The usual way computes x W and (x A) B apart; on a CPU its many thin products take longer than the thick one they
save. Here W + s B A is formed once per layer and step, forward is one product, and backward gives the gradients of
A and B exactly.
"""

import math
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from finetune.recipes.reader.packing import PackedGroup, Packer, collate
from finetune.recipes.reader.rows import Group

BASE_HUB = "HuggingFaceTB/SmolLM2-135M-Instruct"
RANK, ALPHA = 16, 32
KEPT = 0.875
"""Share of the learnt change that is kept: all of the first pass's failed the forgetting probe. Of its 32 questions the base
model gets 75 % right, the reader of that pass 59 % at 1.0, 63 % at 0.875, 66 % at 0.9 and 0.8. Reading does not suffer:
token F1 of 110 dev questions 71.6 at 1.0, 72.8 at 0.875."""
PEAK_RATE = 7e-4
WARM_UP = 0.05
GROUPS_A_STEP = 4
SAVE_EVERY = 300.0


def with_lora(model: Any) -> Any:
    """Put LoRA on all linear layers, with the merged forward pass."""
    from peft import LoraConfig, get_peft_model
    from peft.tuners.lora import Linear

    config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM")
    wrapped = get_peft_model(model, config)
    for module in wrapped.modules():
        if isinstance(module, Linear):
            module.forward = _merged_forward(module)  # type: ignore[method-assign]
    return wrapped


def _merged_forward(layer: Any) -> Callable[..., Any]:
    import torch

    class Merged(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, weight: Any, a: Any, b: Any, scale: float) -> Any:
            a, b = a.to(weight.dtype), b.to(weight.dtype)
            merged = torch.addmm(weight, b, a, alpha=scale)
            ctx.save_for_backward(x, merged, a, b)
            ctx.scale = scale
            return torch.nn.functional.linear(x, merged)

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            x, merged, a, b = ctx.saved_tensors
            out = grads[0]
            flat_x, flat_out = x.reshape(-1, x.shape[-1]), out.reshape(-1, out.shape[-1])
            grad_a = ctx.scale * ((flat_out @ b).t() @ flat_x)  # (r, in)
            grad_b = ctx.scale * (flat_out.t() @ (flat_x @ a.t()))  # (out, r)
            grad_x = (flat_out @ merged).reshape(x.shape) if ctx.needs_input_grad[0] else None
            return grad_x, None, grad_a.float(), grad_b.float(), None

    def forward(x: Any, *_: Any, **__: Any) -> Any:
        a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
        return Merged.apply(x, layer.base_layer.weight, a, b, layer.scaling["default"])

    return forward


def step_loss(model: Any, batch: dict[str, Any]) -> Any:
    """Return the weighted mean loss of a batch; logits are computed where something is learnt only."""
    import torch

    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    hidden = inner.model(
        input_ids=batch["input_ids"],
        position_ids=batch["position_ids"],
        attention_mask=batch["attention_mask"],
        use_cache=False,
    ).last_hidden_state
    rows, at = torch.nonzero(batch["weight"][:, 1:], as_tuple=True)
    logits = inner.lm_head(hidden[rows, at]).float()
    losses = torch.nn.functional.cross_entropy(logits, batch["input_ids"][rows, at + 1], reduction="none")
    weight = batch["weight"][rows, at + 1]
    return (losses * weight).sum() / weight.sum()


def train(
    model: Any,
    tokenizer: Any,
    groups: Sequence[Group],
    *,
    out: Path,
    epochs: float = 1.0,
    minutes: float = math.inf,
    seed: int = 0,
    start: Path | None = None,
    rank: int = 0,
    world: int = 1,
    say: Callable[[str], None] = print,
) -> Any:
    """Train and save the adapter into `out`; returns the model.

    Args:
        minutes: ends earlier than `epochs` where they would take longer; the learning rate falls to zero by then.
        start: an adapter that `save` wrote, to go on from, at half the learning rate.
        rank, world: this process and how many there are, each with a part of every step's groups. Their process group
            is initialised by the caller. On a shared machine two processes of one thread beat one of two threads,
            which wait for each other at every product.
        say: takes a line of progress.
    """
    import torch
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    torch.manual_seed(seed)  # so that all processes begin with the same adapter
    wrapped = with_lora(model).train()
    packer = Packer(tokenizer)
    sequences = [packer.pack(group) for group in groups]
    if start is not None:
        set_peft_model_state_dict(wrapped, load_file(start / "adapter_model.safetensors"))
    peak = PEAK_RATE if start is None else PEAK_RATE / 2
    weights = [p for p in wrapped.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=peak, betas=(0.9, 0.98), weight_decay=0.0)
    steps = max(1, round(epochs * len(sequences) / GROUPS_A_STEP))
    order = _order(sequences, steps, seed)
    began = saved = time.monotonic()
    recent: list[float] = []
    tokens = 0
    for step, numbers in enumerate(order):
        done = _same_everywhere(max(step / steps, (time.monotonic() - began) / (60 * minutes)), world)
        if done >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = peak * min(1.0, (done + 0.002) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * done))
        numbers = numbers[rank::world] or numbers[:1]
        batch = collate([sequences[k] for k in numbers], tokenizer.pad_token_id)
        loss = step_loss(wrapped, batch)
        loss.backward()
        _average_gradients(weights, world)
        norm = float(torch.nn.utils.clip_grad_norm_(weights, 1.0))
        if not math.isfinite(norm):
            raise FloatingPointError(f"the gradient is no number at step {step}")
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        recent = [*recent[-49:], float(loss)]
        tokens += sum(len(sequences[k].ids) for k in numbers)
        now = time.monotonic()
        if step % 10 == 0:
            rate = tokens / (now - began)
            mean = sum(recent) / len(recent)
            say(
                f"step {step} of {steps}, {done:.1%}: loss {mean:.4f}, gradient {norm:.2f}, {rate:.0f} tokens/s"
            )
        if rank == 0 and now - saved > SAVE_EVERY:
            save(wrapped, out)
            saved = now
    _weaken(wrapped)
    if rank == 0:
        save(wrapped, out)
    return wrapped


def _weaken(wrapped: Any) -> None:
    from peft.tuners.lora import Linear

    for module in wrapped.modules():
        if isinstance(module, Linear):
            module.scaling["default"] *= KEPT
    wrapped.peft_config["default"].lora_alpha = round(ALPHA * KEPT)


def _same_everywhere(value: float, world: int) -> float:
    """The first process's value: clocks differ, and all must end at the same step."""
    if world == 1:
        return value
    import torch

    told = torch.tensor([value], dtype=torch.float64)
    torch.distributed.broadcast(told, src=0)
    return float(told)


def _average_gradients(weights: Sequence[Any], world: int) -> None:
    if world == 1:
        return
    import torch

    flat = torch.cat([weight.grad.reshape(-1) for weight in weights])
    torch.distributed.all_reduce(flat)
    at = 0
    for weight in weights:
        size = weight.numel()
        weight.grad.copy_(flat[at : at + size].view_as(weight) / world)
        at += size


def save(wrapped: Any, out: Path) -> None:
    """Write the adapter in bfloat16."""
    import torch
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    out.mkdir(parents=True, exist_ok=True)
    tensors = {
        key: value.to(torch.bfloat16).contiguous()
        for key, value in get_peft_model_state_dict(wrapped).items()
    }
    beside = out / "adapter_model.safetensors.part"
    save_file(tensors, beside, metadata={"format": "pt"})
    beside.replace(out / "adapter_model.safetensors")
    config = wrapped.peft_config["default"]
    config.base_model_name_or_path = BASE_HUB  # and no path of this machine
    config.save_pretrained(str(out))


def _order(sequences: Sequence[PackedGroup], steps: int, seed: int) -> list[list[int]]:
    """Which sequences share a step: random, but alike in length."""
    dice = random.Random(seed)
    found: list[list[int]] = []
    while len(found) < steps:
        numbers = list(range(len(sequences)))
        dice.shuffle(numbers)
        width = 8 * GROUPS_A_STEP
        epoch = []
        for start in range(0, len(numbers), width):
            window = sorted(numbers[start : start + width], key=lambda k: len(sequences[k].ids))
            epoch += [window[i : i + GROUPS_A_STEP] for i in range(0, len(window), GROUPS_A_STEP)]
        dice.shuffle(epoch)
        found += epoch
    return found[:steps]
