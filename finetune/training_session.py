"""What one run holds in memory, and what is done to it: load, choose a batch that fits, train, finish."""

import gc
import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from transformers import EarlyStoppingCallback, TrainingArguments

from finetune.adapters import offer
from finetune.batches import Collator, Packed, StepSampler, TokenRows, pack
from finetune.checks import Gate, failed, general_score, pad_id_of, prompts_of, sample_answers
from finetune.config import RunConfig, TrainingConfig
from finetune.cpu_steps import quicken, slacken
from finetune.finishing import held_out_loss, write_result
from finetune.fitting import choose_batch, turn_on_checkpointing
from finetune.folders import discard
from finetune.messages import Language
from finetune.methods import attach, base_name, cast_inputs, count, keep_start, weights_dtype
from finetune.models import load_model
from finetune.next_step import NextStep, next_step
from finetune.preferences import PreferenceRows
from finetune.processes import everybody, is_first, is_sharded, uses_deepspeed, world
from finetune.recommended import advice, effective_batch, fill_in
from finetune.run_folder import CHECKPOINT_MARKER, RunFolder, write_json
from finetune.training_arguments import arguments
from finetune.training_loop import CarefulTrainer, Progress, Reporter, SupervisedTrainer

GATHERED = "gathered"
"""Folder in which the parts of a model that was spread over processes come together."""
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
            Path(self.record["model"]["path"]),
            # Too large for one GPU, as a rule: it is spread over them from main memory.
            device="cpu" if is_sharded() else self.device,
            dtype=weights_dtype(asked, self.compute),
        )
        self.model, self.tokenizer = loaded.model, loaded.tokenizer
        parameters = count(self.model).total
        self.settings = settings or fill_in(
            asked,
            parameters=parameters,
            rows=len(rows),
            longest=int(rows.lengths.max()) * (1 if stage == "sft" else 2),  # two sequences a row
            device=self.device,
            processes=world(),
        )
        self._measure_before()
        self.model = attach(
            self.model,
            self.settings,
            base_name=base_name(self.record["model"]["name"]),
            uniform=is_sharded(),
        )
        self.model.config.use_cache = False
        if self.device == "cpu" and not is_sharded():
            quicken(self.model)
        if is_first():
            keep_start(self.model, self.settings, self.folder.path)
        trainable = count(self.model)
        # Where no process holds the whole model there is no step that one of them could try alone.
        if settings is None and not is_sharded():
            self.settings = choose_batch(
                self.model,
                rows,
                self.settings,
                model_folder=Path(self.record["model"]["path"]),
                pad_id=pad_id_of(self.tokenizer),
                device=self.device,
                compute=self.compute,
                precision=self._autocast(),
                record=self.record,
            )
        self.record |= {
            "settings": asdict(self.settings),
            "device": self.device,
            "compute": self.compute,
            "parameters": {
                "total": trainable.total,
                "trainable": trainable.trainable,
                "share": trainable.share,
            },
            "advice": [finding.to_json() for finding in advice(self.settings, len(rows), processes=world())],
        }
        self._keep_record()

    def close(self) -> None:
        """Let the model go."""

        self.model = None
        gc.collect()
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()

    def work(self) -> dict[str, Any]:
        """Train, check, offer."""

        progress = Progress(self.reporter, device=self.device)
        trainer = self.trainer(progress)
        if is_first():
            self.folder.forget_after_checkpoint()
            _drop_unfinished(self.folder)
        checkpoint = everybody(self.folder.latest_checkpoint())[0]
        if checkpoint is None and self._by_trainer() and len(self.held):
            self.record["before"]["eval_loss"] = trainer.evaluate()["eval_loss"]
            self._keep_record()
        elif checkpoint is None and len(self.held) and is_first():
            loss = round(self.record["before"]["eval_loss"], 6)
            self.folder.append_metrics({"kind": "eval", "step": 0, "epoch": 0.0, "loss": loss})
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        if progress.stopped == "stop":
            return {"state": "stopped", "eta_s": None}
        early = trainer.state.global_step < trainer.state.max_steps and not progress.stopped
        self.reporter.update(state="checking", eta_s=None)
        return self._finish(trainer, early)

    def _by_trainer(self) -> bool:
        """Whether the held-out loss is the trainer's to measure: its own of preferences, or of a spread model."""
        return isinstance(self.held, PreferenceRows) or is_sharded()

    def _keep_record(self) -> None:
        if is_first():
            write_json(self.folder.record, self.record)

    def _autocast(self) -> str | None:
        """bfloat16 while trained weights are float32; fp16 is left to Trainer, which scales its gradients."""
        return self.compute if self.compute == "bfloat16" else None

    def _measure_before(self) -> None:
        """Measure the base model once; a run that goes on finds it in its record."""

        if "before" in self.record:
            return
        if is_sharded():
            self.record["before"] = {"eval_loss": None, "general": 0.0, "thinking": 0}
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

    def trainer(self, progress: Progress) -> CarefulTrainer:
        """Return the trainer of the run, for the rows and settings of the session."""
        chosen = self.settings
        evaluates = len(self.held) > 0
        if chosen.gradient_checkpointing:
            turn_on_checkpointing(self.model)
        callbacks: list[Any] = [progress]
        if chosen.early_stopping_patience and evaluates:
            callbacks.append(EarlyStoppingCallback(early_stopping_patience=chosen.early_stopping_patience))
        sampler = StepSampler(
            self.rows.lengths,
            step_rows=effective_batch(chosen, processes=world()),
            seed=chosen.seed,
            group=chosen.group_by_length,
        )
        given = arguments(
            chosen,
            self.folder,
            evaluates=evaluates,
            device=self.device,
            compute=self.compute,
            mixed=is_sharded() or uses_deepspeed(),
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
        gathered: Path | None = None
        if self._by_trainer() and len(self.held):
            last = trainer.state.log_history[-2:] if not self.settings.early_stopping_patience else []
            known = [
                e["eval_loss"] for e in last if "eval_loss" in e and e["step"] == trainer.state.global_step
            ]
            after = known[-1] if known else trainer.evaluate()["eval_loss"]
        if is_sharded():
            gathered = self.folder.path / GATHERED
            trainer.save_model(str(gathered))
        if not is_first():
            return {"state": "done"}
        self.model.config.use_cache = True
        slacken(self.model)
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
            gathered=gathered,
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
            evaluated = [e for e in self.folder.read_metrics()[0] if e["kind"] == "eval"]
            step = next_step(
                {gate.name for gate in broken},
                self.settings,
                [(float(e["epoch"] or 0), float(e["loss"])) for e in evaluated],
            )
            told: list[Gate | NextStep] = [*broken, *([step] if step else [])]
            return {
                **closing,
                "code": "adapter_not_offered",
                "params": {
                    "reasons": " ".join(_told(part, "en") for part in told),
                    "reasons_zh": "".join(_told(part, "zh") for part in told),
                    "changes": step.changes if step else {},
                },
            }
        if not self.settings.makes_adapter and not early:
            closing |= {"code": "model_made", "params": {"folder": str(self.folder.result)}}
        if self.settings.makes_adapter and self.record.get("adapters_dir"):
            name = self.record.get("adapter_name") or self.folder.path.name
            name = offer(self.folder.result, Path(self.record["adapters_dir"]), name).name
            closing["adapter"] = name
            if self.settings.method == "prompt_tuning":
                closing |= {"code": "adapter_export_only", "params": {"name": name}}
        return closing


def _told(part: Gate | NextStep, language: Language) -> str:
    return part.reason(language) if isinstance(part, Gate) else part.text(language)


def _drop_unfinished(folder: RunFolder) -> None:
    """Remove checkpoints that a killed process left half written: Trainer would count and keep them."""

    for path in folder.checkpoints.glob("checkpoint-*"):
        if not (path / CHECKPOINT_MARKER).is_file():
            discard(path)
