"""transformers' Trainer, told to do what this project promises: loss only where something is trained, the same rows
in the same order however the batch is cut, checkpoints that are whole or do not count, and no step on a loss that
is not a number.
"""

import contextlib
import math
import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers import Trainer, TrainerCallback

from finetune.errors import TrainingError
from finetune.memory import count_tokens, peak_bytes
from finetune.processes import everybody, is_first
from finetune.run_folder import CHECKPOINT_MARKER, RunFolder, Status
from finetune.supervised_loss import token_loss

HEARTBEAT_S = 2.0


class Reporter:
    """Keeps status.json true while a run is at work, from a thread of its own between the steps.

    Args:
        folder: of the run.
        status: to begin with.
    """

    def __init__(self, folder: RunFolder, status: Status) -> None:
        self.folder = folder
        self.status = status
        self.writes = is_first()
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._terminated = threading.Event()
        self._began = time.time()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> "Reporter":
        self.update()
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._end.set()
        self._thread.join()

    def update(self, **changes: Any) -> None:
        """Change the status and write it."""
        with self._lock:
            seconds = round(time.time() - self._began, 1)
            self.status = replace(self.status, heartbeat=time.time(), seconds=seconds, **changes)
            if not self.writes:
                return
            # A full disk must not end a run that could still be saved once there is room.
            with contextlib.suppress(OSError):
                self.folder.write_status(self.status)

    def terminate(self) -> None:
        """Ask the run to stop, as the system does with SIGTERM."""
        self._terminated.set()

    @property
    def stop_asked(self) -> str:
        """ "" while nobody asked; "stop", or "finish" when the result so far is wanted."""
        if self._terminated.is_set():
            return "stop"
        try:
            return self.folder.stop.read_text("utf-8").strip() or "stop"
        except OSError:
            return ""

    def _beat(self) -> None:
        while not self._end.wait(HEARTBEAT_S):
            self.update()


def autocast(device: str, dtype: str | None) -> contextlib.AbstractContextManager[Any]:
    """Return the precision of the computation as a context; None leaves it to the weights."""
    import torch

    if dtype is None:
        return contextlib.nullcontext()
    return torch.autocast(device.partition(":")[0], dtype=getattr(torch, dtype))


class CarefulTrainer(Trainer):
    """Trainer that takes rows in a given order, refuses a loss that is no number, and marks whole checkpoints.

    Args:
        sampler: gives the order of the rows.
        autocast: "bfloat16" to compute in that while weights stay in float32; None for as they are.
        device: where.
        More: as for `Trainer`.
    """

    def __init__(self, *, sampler: Any, autocast: str | None, device: str, **options: Any) -> None:
        super().__init__(**options)
        self.sampler = sampler
        self.autocast = autocast
        self.device = device
        self.tokens_seen = 0

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return self.sampler

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Any:
        """Go forward and back; refuse a loss that would poison the weights."""
        loss = super().training_step(model, inputs, num_items_in_batch)
        # All must stop together: one that waits for another's gradients waits for ever.
        value = sum(everybody(float(loss)))
        if not math.isfinite(value):
            raise TrainingError(
                "training_loss_not_finite",
                value=str(value),
                step=self.state.global_step + 1,
                rate=f"{self.args.learning_rate:g}",
            )
        return loss

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Save, flush, and only then mark the checkpoint as whole."""
        import torch

        for name, parameter in model.named_parameters():
            if parameter.requires_grad and not bool(torch.isfinite(parameter).all()):
                raise TrainingError(
                    "training_loss_not_finite",
                    value=name,
                    step=self.state.global_step,
                    rate=self.args.learning_rate,
                )
        super()._save_checkpoint(model, trial)
        if self.args.should_save:
            mark_whole(Path(str(self.args.output_dir)) / f"checkpoint-{self.state.global_step}")


class SupervisedTrainer(CarefulTrainer):
    """Trainer for rows of token ids and labels."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Trainer then counts trained tokens over all micro-batches of a step and hands us the number.
        self.model_accepts_loss_kwargs = True
        self._loss_shifts_labels = True  # and leaves out a row's first token, which nothing predicts

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the sum of the losses of trained tokens, divided by how many the whole step has."""
        with autocast(self.device, self.autocast):
            losses, _, _ = token_loss(model, inputs)
        total = losses.sum() / (len(losses) if num_items_in_batch is None else num_items_in_batch)
        if num_items_in_batch is not None and self.args.average_tokens_across_devices:
            total = total * self.accelerator.num_processes  # gradients will be averaged over processes
        if model.training:
            self.tokens_seen += count_tokens(inputs)
        return (total, {}) if return_outputs else total

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Return the loss per trained token of the held-out rows, every token counting the same."""
        import torch

        loader = self.get_eval_dataloader(eval_dataset)
        assert self.model is not None
        self.model.eval()
        sums = torch.zeros(2, dtype=torch.float64, device=self.args.device)
        with torch.no_grad():
            for batch in loader:
                inputs = self._prepare_inputs(batch)
                with autocast(self.device, self.autocast):
                    losses, rows, _ = token_loss(self.model_wrapped, inputs)
                by_row = torch.zeros(len(inputs["labels"]), 2, dtype=torch.float64, device=sums.device)
                by_row.index_add_(0, rows, torch.stack([losses, torch.ones_like(losses)], 1).double())
                # Leaves out the rows that only fill up the last batches of several processes.
                sums += self.accelerator.gather_for_metrics(by_row).sum(0)
        total, count = sums.tolist()
        metrics = {f"{metric_key_prefix}_loss": total / max(1.0, count)}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


def mark_whole(checkpoint: Path) -> None:
    """Flush every file of a checkpoint to the disk, then say that it is whole."""
    for path in checkpoint.rglob("*"):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
    (checkpoint / CHECKPOINT_MARKER).write_text("", "utf-8")


class Progress(TrainerCallback):
    """Tells the reporter what happens and the Trainer when to stop.

    Args:
        reporter: of the run.
        device: whose memory is watched.
    """

    def __init__(self, reporter: Reporter, *, device: str) -> None:
        self.reporter = reporter
        self.device = device
        self.trainer: CarefulTrainer | None = None
        self.stopped = ""
        self._started = self._since = 0.0
        self._first = self._tokens = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Begin to measure, from wherever a checkpoint left off."""
        self._started = self._since = time.perf_counter()
        self._first = state.global_step
        self.reporter.update(state="running", step=state.global_step, total_steps=state.max_steps)

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Count, estimate the time that is left, and stop where that is asked for."""
        done = state.global_step - self._first
        left = (time.perf_counter() - self._started) / done * (state.max_steps - state.global_step)
        self.reporter.update(
            step=state.global_step,
            total_steps=state.max_steps,
            epoch=round(state.epoch or 0.0, 4),
            eta_s=round(left, 1),
        )
        asked = everybody(self.reporter.stop_asked)[0]
        if asked and state.global_step < state.max_steps:
            self.stopped = asked
            control.should_save = True
            control.should_training_stop = True

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **more: Any) -> None:
        """Append what was logged to the metrics."""
        logs = logs or {}
        if "eval_loss" in logs:
            value = round(float(logs["eval_loss"]), 6)
            record = {"kind": "eval", "step": state.global_step, "epoch": state.epoch, "loss": value}
            self._append(record | _preference_figures(logs, "eval_"))
            self.reporter.update(eval_loss=value)
            return
        if "loss" not in logs:
            return
        now, seen = time.perf_counter(), sum(everybody(self.trainer.tokens_seen if self.trainer else 0))
        speed = round((seen - self._tokens) / max(1e-9, now - self._since), 1)
        self._since, self._tokens = now, seen
        memory = peak_bytes(self.device)
        gradient = float(logs.get("grad_norm") or 0.0)
        record = {
            "kind": "train",
            "step": state.global_step,
            "epoch": round(state.epoch or 0.0, 4),
            "loss": round(float(logs["loss"]), 6),
            "learning_rate": logs.get("learning_rate"),
            "grad_norm": gradient if math.isfinite(gradient) else None,
            "tokens_per_s": speed,
            "memory_bytes": memory,
            **_preference_figures(logs),
        }
        self._append(record)
        self.reporter.update(loss=record["loss"], tokens_per_s=speed, memory_bytes=memory)
        if not math.isfinite(gradient):
            raise TrainingError(
                "training_loss_not_finite",
                value=str(gradient),
                step=state.global_step,
                rate=f"{args.learning_rate:g}",
            )

    def _append(self, record: dict[str, Any]) -> None:
        if self.reporter.writes:
            self.reporter.folder.append_metrics(record)


def _preference_figures(logs: dict[str, Any], prefix: str = "") -> dict[str, float]:
    """How much further the chosen answers are ahead than before the training, in nats, and in what share of pairs."""
    names = {"margin": "rewards/margins", "accuracy": "rewards/accuracies"}
    return {name: round(float(logs[prefix + key]), 6) for name, key in names.items() if prefix + key in logs}
