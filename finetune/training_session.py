"""What one run holds in memory, and what is done to it: load, choose a batch that fits, train, finish."""

import gc
import logging
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import EarlyStoppingCallback, TrainingArguments

from finetune.adapters import offer
from finetune.batches import Collator, Packed, StepSampler, TokenRows, pack
from finetune.checks import failed, general_score, pad_id_of, prompts_of, sample_answers
from finetune.config import RunConfig, TrainingConfig
from finetune.encoding import IGNORE
from finetune.examples import Finding, Source
from finetune.finishing import held_out_loss, write_result
from finetune.folders import discard
from finetune.memory import RESERVE, MetaModel, back_off, free_bytes, longest_rows, peak_bytes, probe
from finetune.methods import attach, base_name, cast_inputs, count, keep_start, weights_dtype
from finetune.models import load_model
from finetune.recommended import advice, effective_batch, fill_in
from finetune.run_folder import CHECKPOINT_MARKER, RunFolder, write_json
from finetune.supervised_loss import token_loss
from finetune.training_loop import Progress, Reporter, SupervisedTrainer, autocast

logger = logging.getLogger(__name__)


class Session:
    """A model in memory and all that is done to it; made anew when memory ran out."""

    def __init__(
        self,
        folder: RunFolder,
        reporter: Reporter,
        config: RunConfig,
        record: dict[str, Any],
        train: TokenRows,
        held: TokenRows,
        device: str,
        compute: str,
    ) -> None:
        self.folder, self.reporter, self.config, self.record = folder, reporter, config, record
        self.train, self.held, self.device, self.compute = train, held, device, compute
        self.settings: TrainingConfig = config.training
        self.model: Any = None
        self.tokenizer: Any = None

    def open(self, settings: TrainingConfig | None) -> None:
        """Load the model and make it trainable; choose a batch that fits unless `settings` are given."""

        asked = self.config.training
        rows: Any = self.train
        if asked.packing:
            rows = Packed(self.train, pack(self.train, self.config.rows.max_length))
        self.rows = rows
        loaded = load_model(
            Path(self.record["model"]["path"]), device=self.device, dtype=weights_dtype(asked, self.compute)
        )
        self.model, self.tokenizer = loaded.model, loaded.tokenizer
        parameters = count(self.model).total
        self.settings = settings or fill_in(
            asked,
            parameters=parameters,
            rows=len(rows),
            longest=int(rows.lengths.max()),
            device=self.device,
            processes=_processes(),
        )
        self._measure_before()
        self.model = attach(self.model, self.settings, base_name=base_name(self.record["model"]["name"]))
        self.model.config.use_cache = False
        keep_start(self.model, self.settings, self.folder.path)
        trainable = count(self.model)
        if settings is None:
            self._fit()
        self.record |= {
            "settings": asdict(self.settings),
            "device": self.device,
            "compute": self.compute,
            "parameters": {
                "total": trainable.total,
                "trainable": trainable.trainable,
                "share": trainable.share,
            },
            "advice": [
                finding.to_json() for finding in advice(self.settings, len(rows), processes=_processes())
            ],
        }
        write_json(self.folder.record, self.record)

    def close(self) -> None:
        """Let the model go."""

        self.model = None
        gc.collect()
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()

    def work(self) -> dict[str, Any]:
        """Train, check, offer."""

        progress = Progress(self.reporter, device=self.device)
        trainer = self._trainer(progress)
        checkpoint = self.folder.latest_checkpoint()
        self.folder.forget_after_checkpoint()
        _drop_unfinished(self.folder)
        if checkpoint is None and len(self.held):
            loss = round(self.record["before"]["eval_loss"], 6)
            self.folder.append_metrics({"kind": "eval", "step": 0, "epoch": 0.0, "loss": loss})
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        if progress.stopped == "stop":
            return {"state": "stopped", "eta_s": None}
        early = trainer.state.global_step < trainer.state.max_steps and not progress.stopped
        self.reporter.update(state="checking", eta_s=None)
        return self._finish(trainer, early)

    def _fit(self) -> None:
        """Work out what memory a step needs, try it, and make the batch smaller until it fits."""

        here = peak_bytes(self.device)
        free = int(free_bytes(self.device) * RESERVE)
        limit = self.settings.max_memory_gb
        # What is loaded already counts against a limit of the user's, and is gone from what is free.
        room = free if limit is None else min(free, int(limit * 1e9) - here)
        meta = MetaModel(Path(self.record["model"]["path"]), self.settings, compute=self.compute)
        order = longest_rows(self.rows.lengths, len(self.rows))

        def longest(config: TrainingConfig) -> list[int]:
            return order[: config.per_device_train_batch_size]

        def predicted(config: TrainingConfig) -> int:
            numbers = longest(config)
            trained = sum(int((_labels(self.rows[k]) != IGNORE).sum()) for k in numbers)
            found = meta.estimate(
                config, batch=len(numbers), length=int(self.rows.lengths[numbers[0]]), supervised=trained
            )
            self.record["memory"] = {**asdict(found), "peak": found.peak}
            return found.peak - found.weights

        asked = self.settings
        self.settings, _ = back_off(asked, predicted, limit=room)
        collate = Collator(pad_id_of(self.tokenizer))

        def loss(model: Any, batch: dict[str, Any]) -> Any:
            with autocast(self.device, self._autocast()):
                return token_loss(model, batch)[0].mean()

        def tried(config: TrainingConfig) -> int:
            if config.gradient_checkpointing:
                self._checkpointing()
            batch = {
                key: value.to(self.device)
                for key, value in collate([self.rows[k] for k in longest(config)]).items()
            }
            found = probe(self.model, batch, loss, device=self.device)
            self.record["probe"] = asdict(found)
            # The optimiser's state is not there yet, and what the probe found cannot be told from what was before.
            return max(0, found.peak_bytes - here) + int(self.record["memory"]["optimiser"])

        self.settings, _ = back_off(self.settings, tried, limit=room)
        if self.settings != asked:
            note_batch(self.settings, self.record)

    def _checkpointing(self) -> None:
        self.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        if hasattr(self.model, "enable_input_require_grads"):
            self.model.enable_input_require_grads()

    def _autocast(self) -> str | None:
        """bfloat16 while trained weights are float32; fp16 is left to Trainer, which scales its gradients."""
        return self.compute if self.compute == "bfloat16" else None

    def _measure_before(self) -> None:
        """Measure the base model once; a run that goes on finds it in its record."""

        if "before" in self.record:
            return
        template = str(self.tokenizer.chat_template)
        thought = 0
        if "think>" in template:
            rows = self.held if len(self.held) else self.train
            _, thought = sample_answers(self.model, self.tokenizer, prompts_of(rows))
        held = held_out_loss(self.model, self.held, pad_id_of(self.tokenizer)) if len(self.held) else None
        self.record["before"] = {
            "eval_loss": held,
            "general": general_score(self.model, self.tokenizer),
            "thinking": thought,
        }

    def _trainer(self, progress: Progress) -> SupervisedTrainer:

        chosen = self.settings
        evaluates = len(self.held) > 0
        patience = chosen.early_stopping_patience if evaluates else 0
        if chosen.gradient_checkpointing:
            self._checkpointing()
        trackers = [t.strip() for t in chosen.report_to.split(",") if t.strip() and t.strip() != "none"]
        args = TrainingArguments(
            output_dir=str(self.folder.checkpoints),
            per_device_train_batch_size=chosen.per_device_train_batch_size or 1,
            per_device_eval_batch_size=chosen.per_device_train_batch_size or 1,
            gradient_accumulation_steps=chosen.gradient_accumulation_steps or 1,
            num_train_epochs=chosen.num_train_epochs,
            max_steps=chosen.max_steps,
            learning_rate=chosen.learning_rate or 0.0,
            lr_scheduler_type=chosen.lr_scheduler_type,
            warmup_steps=chosen.warmup_steps or 0,
            weight_decay=chosen.weight_decay,
            max_grad_norm=chosen.max_grad_norm or 0.0,
            optim=chosen.optim,
            seed=chosen.seed,
            fp16=self.compute == "float16",
            neftune_noise_alpha=chosen.neftune_noise_alpha,
            logging_steps=chosen.logging_steps,
            logging_nan_inf_filter=False,
            eval_strategy="steps" if evaluates else "no",
            eval_steps=chosen.eval_steps,
            save_strategy="steps",
            # The best of several evaluations can only be taken back where each has its checkpoint.
            save_steps=(chosen.eval_steps if patience else chosen.save_steps) or 1,
            save_total_limit=max(2, chosen.save_total_limit),
            load_best_model_at_end=patience > 0,
            metric_for_best_model="eval_loss" if patience else None,
            greater_is_better=False if patience else None,
            report_to=trackers or "none",
            run_name=self.folder.path.name,
            remove_unused_columns=False,
            disable_tqdm=True,
            use_cpu=self.device == "cpu",
            dataloader_pin_memory=self.device.startswith("cuda"),
        )
        callbacks: list[Any] = [progress]
        if patience:
            callbacks.append(EarlyStoppingCallback(early_stopping_patience=patience))
        sampler = StepSampler(
            self.rows.lengths,
            step_rows=effective_batch(chosen, processes=_processes()),
            seed=chosen.seed,
            group=chosen.group_by_length,
        )
        trainer = SupervisedTrainer(
            model=self.model,
            args=args,
            train_dataset=self.rows,
            eval_dataset=self.held if evaluates else None,
            data_collator=Collator(pad_id_of(self.tokenizer), multiple=8 if self.device != "cpu" else 1),
            callbacks=callbacks,
            sampler=sampler,
            autocast=self._autocast(),
            device=self.device,
        )
        progress.trainer = trainer
        return trainer

    def _finish(self, trainer: SupervisedTrainer, early: bool) -> dict[str, Any]:
        """Check what was trained, write it, and offer it."""

        self.model.config.use_cache = True
        cast_inputs(self.model, True)
        gates = write_result(
            self.folder,
            self.config,
            self.settings,
            self.record,
            self.model,
            self.tokenizer,
            self.held,
            self.train,
        )
        closing: dict[str, Any] = {"state": "done"}
        if early:
            patience = self.settings.early_stopping_patience
            closing |= {
                "code": "stopped_early",
                "params": {"step": trainer.state.global_step, "patience": patience},
            }
        broken = failed(gates)
        if broken:
            reasons = {
                language: " ".join(gate.reason(language) for gate in broken) for language in ("en", "zh")
            }
            return {
                **closing,
                "code": "adapter_not_offered",
                "params": {"reasons": reasons["en"], **_zh(reasons)},
            }
        if self.settings.makes_adapter and self.record.get("adapters_dir"):
            name = self.record.get("adapter_name") or self.folder.path.name
            closing["adapter"] = offer(self.folder.result, Path(self.record["adapters_dir"]), name).name
        return closing


def _zh(reasons: dict[str, str]) -> dict[str, str]:
    return {"reasons_zh": reasons["zh"]}


def _labels(row: Any) -> Any:
    """Labels of a row, or of a group of rows packed together."""
    return np.concatenate([part["labels"] for part in row]) if isinstance(row, list) else row["labels"]


def _processes() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def _drop_unfinished(folder: RunFolder) -> None:
    """Remove checkpoints that a killed process left half written: Trainer would count and keep them."""

    for path in folder.checkpoints.glob("checkpoint-*"):
        if not (path / CHECKPOINT_MARKER).is_file():
            discard(path)


def note_batch(settings: TrainingConfig, record: dict[str, Any]) -> None:
    """Remember in the run's record that the batch was made smaller, for whoever looks at it."""
    params = {
        "micro": settings.per_device_train_batch_size,
        "times": settings.gradient_accumulation_steps,
        "checkpointing": settings.gradient_checkpointing,
        "rows": effective_batch(settings, processes=_processes()),
    }
    finding = Finding("batch_made_smaller", Source("-", 0), params=params)
    logger.warning("%s", finding.text())
    record["notes"] = [*record.get("notes", []), finding.to_json()]
