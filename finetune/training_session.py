"""What one run holds in memory, and what is done to it: load, choose a batch that fits, train, finish."""

import gc
import logging
import os
from dataclasses import asdict, replace
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
from finetune.preferences import PreferenceRows
from finetune.recommended import advice, effective_batch, fill_in
from finetune.run_folder import CHECKPOINT_MARKER, RunFolder, write_json
from finetune.supervised_loss import token_loss
from finetune.training_arguments import arguments
from finetune.training_loop import CarefulTrainer, Progress, Reporter, SupervisedTrainer, autocast

logger = logging.getLogger(__name__)


class Session:
    """A model in memory and all that is done to it; made anew when memory ran out."""

    def __init__(
        self,
        folder: RunFolder,
        reporter: Reporter,
        config: RunConfig,
        record: dict[str, Any],
        train: TokenRows | PreferenceRows,
        held: TokenRows | PreferenceRows,
        device: str,
        compute: str,
    ) -> None:
        self.folder, self.reporter, self.config, self.record = folder, reporter, config, record
        self.train, self.held, self.device, self.compute = train, held, device, compute
        # What the checks ask about: of preferences, the good answers.
        self.asked, self.asked_held = (
            rows.imitated() if isinstance(rows, PreferenceRows) else rows for rows in (train, held)
        )
        self.settings: TrainingConfig = config.training
        self.model: Any = None
        self.tokenizer: Any = None

    def open(self, settings: TrainingConfig | None) -> None:
        """Load the model and make it trainable; choose a batch that fits unless `settings` are given."""

        stage = self.train.kind if isinstance(self.train, PreferenceRows) else "sft"
        asked = replace(self.config.training, stage=stage)
        rows: Any = self.train
        if isinstance(self.train, TokenRows) and asked.packing:
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
            longest=int(rows.lengths.max()) * (1 if stage == "sft" else 2),  # two sequences a row
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
        if checkpoint is None and isinstance(self.held, PreferenceRows) and len(self.held):
            self.record["before"]["eval_loss"] = trainer.evaluate()["eval_loss"]
            write_json(self.folder.record, self.record)
        elif checkpoint is None and len(self.held):
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
            sequences = self._sequences(numbers)
            trained = sum(int((_labels(sequence) != IGNORE).sum()) for sequence in sequences)
            found = meta.estimate(
                config, batch=len(sequences), length=int(self.rows.lengths[numbers[0]]), supervised=trained
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
                key: value.to(self.device) for key, value in collate(self._sequences(longest(config))).items()
            }
            found = probe(self.model, batch, loss, device=self.device)
            self.record["probe"] = asdict(found)
            # The optimiser's state is not there yet, and what the probe found cannot be told from what was before.
            return max(0, found.peak_bytes - here) + int(self.record["memory"]["optimiser"])

        self.settings, _ = back_off(self.settings, tried, limit=room)
        if self.settings != asked:
            note_batch(self.settings, self.record)

    def _sequences(self, numbers: list[int]) -> list[Any]:
        """What is computed at once for these rows, as rows or packed groups of them."""
        if isinstance(self.rows, PreferenceRows):
            sides = (
                (self.rows.answers, self.rows.rejected) if self.rows.kind == "dpo" else (self.rows.answers,)
            )
            return [side[k] for side in sides for k in numbers]
        return [self.rows[k] for k in numbers]

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
            rows = self.asked_held if len(self.asked_held) else self.asked
            _, thought = sample_answers(self.model, self.tokenizer, prompts_of(rows))
        held: float | None = None  # of preferences, the trainer measures it before its first step
        if isinstance(self.held, TokenRows) and len(self.held):
            held = held_out_loss(self.model, self.held, pad_id_of(self.tokenizer))
        self.record["before"] = {
            "eval_loss": held,
            "general": general_score(self.model, self.tokenizer),
            "thinking": thought,
        }

    def _trainer(self, progress: Progress) -> CarefulTrainer:
        chosen = self.settings
        evaluates = len(self.held) > 0
        if chosen.gradient_checkpointing:
            self._checkpointing()
        callbacks: list[Any] = [progress]
        if chosen.early_stopping_patience and evaluates:
            callbacks.append(EarlyStoppingCallback(early_stopping_patience=chosen.early_stopping_patience))
        sampler = StepSampler(
            self.rows.lengths,
            step_rows=effective_batch(chosen, processes=_processes()),
            seed=chosen.seed,
            group=chosen.group_by_length,
        )
        given = arguments(
            chosen,
            self.folder,
            evaluates=evaluates,
            device=self.device,
            compute=self.compute,
        )
        options: dict[str, Any] = {
            "callbacks": callbacks,
            "sampler": sampler,
            "autocast": self._autocast(),
            "device": self.device,
        }
        trainer: CarefulTrainer
        if isinstance(self.train, PreferenceRows):
            from finetune.preference_trainers import preference_trainer

            held = self.held if isinstance(self.held, PreferenceRows) and evaluates else None
            trainer = preference_trainer(
                chosen,
                given,
                model=self.model,
                tokenizer=self.tokenizer,
                train=self.train,
                held=held,
                **options,
            )
        else:
            trainer = SupervisedTrainer(
                model=self.model,
                args=TrainingArguments(**given),
                train_dataset=self.rows,
                eval_dataset=self.held if evaluates else None,
                data_collator=Collator(pad_id_of(self.tokenizer), multiple=8 if self.device != "cpu" else 1),
                **options,
            )
        progress.trainer = trainer
        return trainer

    def _finish(self, trainer: CarefulTrainer, early: bool) -> dict[str, Any]:
        """Check what was trained, write it, and offer it."""

        after: float | None = None
        if isinstance(self.held, PreferenceRows) and len(self.held):
            last = trainer.state.log_history[-2:] if not self.settings.early_stopping_patience else []
            known = [
                e["eval_loss"] for e in last if "eval_loss" in e and e["step"] == trainer.state.global_step
            ]
            after = known[-1] if known else trainer.evaluate()["eval_loss"]
        self.model.config.use_cache = True
        cast_inputs(self.model, True)
        gates = write_result(
            self.folder,
            self.config,
            self.settings,
            self.record,
            self.model,
            self.tokenizer,
            self.asked_held,
            self.asked,
            after=after,
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
