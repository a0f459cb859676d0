"""trl's trainers for DPO and KTO, given rows that we have encoded, in our order, with our checks around every step.

What the model would have said before the training is measured once, on the model as it stands then: no second model
and no second adapter stay in memory, and every epoch saves a forward pass. The reference of a LoRA, of PiSSA and of
full training are all right that way.

Sources: https://arxiv.org/abs/2305.18290 (DPO), https://arxiv.org/abs/2402.01306 (KTO).
"""

from typing import Any

import numpy as np
import torch
from datasets import Dataset
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer

from finetune.batches import Collator, TokenRows
from finetune.config import TrainingConfig
from finetune.preferences import PreferenceRows
from finetune.supervised_loss import token_loss
from finetune.training_loop import CarefulTrainer, autocast

SCORED_TOKENS = 8192
"""Tokens of one forward pass when likelihoods are measured."""


class _Preferences(CarefulTrainer):
    """What DPO and KTO have in common here."""

    def _prepare_dataset(self, dataset: Any, *more: Any) -> Any:
        return dataset  # our own encoding is final

    def _precompute_ref_logps(self, dataset: Any, *more: Any) -> Any:
        return dataset  # its columns hold them

    def create_model_card(self, *more: Any, **options: Any) -> None:
        """Write none: card.json says what there is to say."""

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return trl's loss, in the precision of the run."""
        with autocast(self.device, self.autocast):
            loss = super().compute_loss(model, inputs, return_outputs)
        if model.training:
            self.tokens_seen += int(inputs["attention_mask"].sum())
        return loss


class _DPO(_Preferences, DPOTrainer):
    pass


class _KTO(_Preferences, KTOTrainer):
    pass


def preference_trainer(
    settings: TrainingConfig,
    arguments: dict[str, Any],
    *,
    model: Any,
    tokenizer: Any,
    train: PreferenceRows,
    held: PreferenceRows | None,
    **options: Any,
) -> CarefulTrainer:
    """Return a trainer for `train.kind`.

    Args:
        settings: filled in.
        arguments: of transformers' TrainingArguments.
        options: of `CarefulTrainer`.
    """
    device, precision = options["device"], options["autocast"]
    # A model without an adapter would be loaded a second time, were its reference not said to be there already.
    common = {
        **arguments,
        "beta": settings.pref_beta,
        "max_length": None,
        "gradient_checkpointing": False,
        "precompute_ref_log_probs": not settings.makes_adapter,
    }
    datasets = [
        Dataset.from_dict({
            **rows.columns(),
            **_references(rows, model, tokenizer, device=device, precision=precision, seed=settings.seed),
        })
        for rows in (train, held)
        if rows is not None
    ]  # fmt: skip
    args: Any
    kind: type[CarefulTrainer]
    if train.kind == "dpo":
        losses: list[str] = [settings.pref_loss]
        weights = [1.0]
        if settings.pref_ftx > 0:
            losses.append("sft")
            weights.append(settings.pref_ftx)
        args, kind = DPOConfig(**common, loss_type=losses, loss_weights=weights), _DPO
    else:
        args = KTOConfig(
            **common,
            desirable_weight=settings.kto_chosen_weight,
            undesirable_weight=settings.kto_rejected_weight,
            train_sampling_strategy="sequential",  # what it insists on; the order is the sampler's
        )
        kind = _KTO
    had = set(getattr(model, "peft_config", ()))
    trainer = kind(
        model=model,
        args=args,
        processing_class=tokenizer,
        train_dataset=datasets[0],
        eval_dataset=datasets[1] if held is not None else None,
        **options,
    )
    for name in set(getattr(model, "peft_config", ())) - had:
        model.delete_adapter(name)  # a copy of the adapter as reference, which the columns make superfluous
    trainer.precompute_ref_logps = True
    return trainer


def answer_likelihoods(
    model: Any, rows: TokenRows, *, pad_id: int, device: str, precision: str | None
) -> np.ndarray:
    """Return (rows,) the log-likelihood of each row's trained tokens, nats, float32."""
    collate = Collator(pad_id)
    sums = np.zeros(len(rows), np.float32)
    order = sorted(range(len(rows)), key=lambda k: int(rows.lengths[k]))
    was_training = model.training
    model.eval()
    with torch.no_grad(), autocast(device, precision):
        while order:
            count = max(1, min(len(order), SCORED_TOKENS // max(1, int(rows.lengths[order[-1]]))))
            numbers, order = order[-count:], order[:-count]
            batch = {key: value.to(device) for key, value in collate([rows[k] for k in numbers]).items()}
            losses, which, _ = token_loss(model, batch)
            sums[numbers] = torch.zeros(count).index_add_(0, which.cpu(), -losses.float().cpu()).numpy()
    model.train(was_training)
    return sums


def _references(
    rows: PreferenceRows, model: Any, tokenizer: Any, *, device: str, precision: str | None, seed: int
) -> dict[str, Any]:
    """What the model says of the answers before it has learnt anything, as trl's columns."""
    where: dict[str, Any] = {"pad_id": int(tokenizer.pad_token_id), "device": device, "precision": precision}
    answers = answer_likelihoods(model, rows.answers, **where)
    if rows.kind == "dpo":
        return {
            "ref_chosen_logps": answers,
            "ref_rejected_logps": answer_likelihoods(model, rows.rejected, **where),
        }
    pairs = rows.mismatched(seed)
    wrong = [pairs[k] for k in range(len(pairs))]
    return {
        "ref_logps": answers,
        "ref_KL_logps": answer_likelihoods(model, pairs, **where),
        "KL_completion_ids": [row["labels"][row["labels"] >= 0].tolist() for row in wrong],
    }
