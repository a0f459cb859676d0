"""What the page Train does: datasets looked at, settings weighed, runs and adapters kept. One per open data folder.

Joins `finetune` with this installation's models and folders, as `assistant.training.installation` does, and remembers what is
slow to find out: tokenizers, reports, the sizes of models.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from assistant.errors import AssistantError
from assistant.models import fetch
from assistant.settings import Settings
from assistant.training.adapter_shelf import AdapterShelf
from assistant.training.build_job import BuildJob
from assistant.training.datasets import Datasets
from assistant.training.installation import datasets_dir, runs_dir, start_run
from assistant.training.lens import Lens, look_at
from assistant.training.run_plan import Plan
from finetune.config import RunConfig, TrainingConfig

if TYPE_CHECKING:
    from assistant.training.data_building import BuildOptions, DataBuilds
    from finetune.examples import Example, Finding
    from finetune.formats.reading import Dataset
    from finetune.memory import MemoryEstimate, MetaModel
    from finetune.preflight import PreflightReport
    from finetune.run_folder import Status
    from finetune.runs import RunInfo

Progress = Callable[[int, int], None]
Kept = TypeVar("Kept")
KEPT_REPORTS = 3


@dataclass(frozen=True, slots=True)
class Examined:
    """A dataset as read, and what of it would be trained."""

    data: "Dataset"
    report: "PreflightReport"


class Workshop:
    """Datasets, runs and adapters of one installation.

    Args:
        forget_adapter: called with the name of an adapter that is renamed or deleted, so that nothing answers
            with it any more.
    """

    def __init__(
        self, settings: Settings, *, forget_adapter: Callable[[str], None] = lambda name: None
    ) -> None:
        self.settings = settings
        self.datasets = Datasets(datasets_dir(settings))
        self.adapters = AdapterShelf(settings, forget=forget_adapter)
        self.build_job: BuildJob | None = None
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()

    # ---- data ----

    def examine(
        self, config: RunConfig, *, test: Path | None = None, progress: Progress | None = None
    ) -> Examined:
        """Read a dataset and say what of it would be trained; the last few reports are remembered.

        Args:
            test: a dataset whose questions must not be trained.

        Raises:
            DatasetError: it cannot be read, or too many rows would be lost.
            ModelUnavailableError: the model's tokenizer cannot be had.
        """
        columns = tuple(sorted((config.columns or {}).items()))
        places = (Path(config.data), test)
        key = ("examined", config.model, config.dataset, columns, config.rows, *map(_signature, places))

        def find() -> Examined:
            from finetune.formats.reading import read_dataset
            from finetune.preflight import check_data

            questions = [] if test is None else [e.prompt for e in read_dataset(test).examples]
            return Examined(
                *check_data(
                    Path(config.data).expanduser(),
                    self.tokenizer(config.model),
                    dataset=config.dataset,
                    columns=config.columns,
                    config=config.rows,
                    test=questions,
                    progress=progress,
                )
            )

        return self._remember(key, find)

    def lens(self, config: RunConfig, example: "Example") -> Lens:
        """Encode one row exactly as the trainer will.

        Raises:
            DatasetError: the chat template cannot be used.
        """
        return look_at(example, self.tokenizer(config.model), config.rows)

    def tokenizer(self, model: str) -> Any:
        """A model's tokenizer alone.

        Raises:
            ModelUnavailableError: it cannot be found or fetched.
        """
        from finetune.runs import load_tokenizer

        return self._remember(("tokenizer", model), lambda: load_tokenizer(fetch(model, self.settings)))

    # ---- rows from documents ----

    def start_build(
        self, builds: "DataBuilds", name: str, base_ids: Sequence[int], options: "BuildOptions"
    ) -> BuildJob:
        """Set a build going in the background; there is one at a time, kept in `build_job`.

        Raises:
            AssistantError: one is under way.
        """
        if self.build_job is not None and not self.build_job.ended:
            raise AssistantError("build_running", name=self.build_job.name)
        self.build_job = BuildJob(builds, name, base_ids, options)
        return self.build_job

    # ---- settings ----

    def plan(self, config: RunConfig, report: "PreflightReport") -> Plan:
        """Fill in what was left open, and say how large the run would be and whether it fits.

        Args:
            report: of the data.

        Raises:
            ModelUnavailableError: the model cannot be found or fetched.
            TrainingError: the settings cannot be used.
        """
        from finetune.errors import InsufficientMemoryError
        from finetune.facts.replay import replayed
        from finetune.memory import RESERVE, back_off, free_bytes
        from finetune.methods import check_available
        from finetune.models import device_and_dtype
        from finetune.recommended import advice, fill_in, total_steps
        from finetune.training_data import held_out_rows

        asked = config.training
        precisions = {"auto": None, "bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
        device, dtype = device_and_dtype(self.settings.models.device, precisions[asked.precision])
        check_available(asked, device=device)
        compute = str(dtype).removeprefix("torch.")
        rows = min(report.sequences, asked.max_samples or report.sequences)
        held = 0 if config.eval_data else held_out_rows(rows, asked.eval_share)
        general = replayed(max(1, rows - held), asked.replay) if asked.stage in ("auto", "sft") else 0
        lengths = report.lengths
        longest = min(lengths.longest, config.rows.max_length) if lengths else config.rows.max_length
        filled = fill_in(
            asked,
            parameters=self._parameters(config.model, compute, device),
            rows=max(1, rows - held) + general,
            longest=longest,
            device=device,
        )
        meta = self._meta(config.model, filled, compute, device)
        supervised = report.trained_tokens / report.tokens if report.tokens else 1.0

        def estimate(settings: TrainingConfig) -> "MemoryEstimate":
            batch = settings.per_device_train_batch_size or 1
            with self._lock:  # hooks on one model
                return meta.estimate(
                    settings, batch=batch, length=longest, supervised=round(supervised * batch * longest)
                )

        free = int(free_bytes(device) * RESERVE)
        if asked.max_memory_gb is not None:
            free = min(free, int(asked.max_memory_gb * 1e9))
        chosen, found = filled, estimate(filled)
        if found.peak > free:
            try:
                chosen, _ = back_off(filled, lambda settings: estimate(settings).peak, limit=free)
            except InsufficientMemoryError:
                chosen = replace(filled, per_device_train_batch_size=1, gradient_checkpointing=True)
            found = estimate(chosen)
        train = max(1, rows - held) + general
        told = (*advice(chosen, train), *_language_advice(config.model, report))
        steps = total_steps(chosen, train)
        return Plan(
            chosen,
            filled,
            train,
            None if config.eval_data else held,
            steps,
            longest,
            found,
            free,
            device,
            compute,
            told,
        )

    def _parameters(self, model: str, compute: str, device: str) -> int:
        """Of the base model, adapter left out."""
        meta = self._meta(model, TrainingConfig(lora_r=1, lora_alpha=1.0), compute, device)
        return meta.total - meta.trainable

    def _meta(self, model: str, config: TrainingConfig, compute: str, device: str) -> "MetaModel":
        from finetune.memory import MetaModel

        key = ("meta", model, compute, device, config.method, config.lora_r, config.target_modules,
               config.num_virtual_tokens, config.freeze_trainable_layers)  # fmt: skip
        return self._remember(
            key,
            lambda: MetaModel(fetch(model, self.settings).path, config, compute=compute, device=device),
        )

    # ---- runs ----

    def start(
        self, config: RunConfig, *, notes: "Sequence[Finding]" = (), progress: Progress | None = None
    ) -> "RunInfo":
        """Set a run going in a process of its own.

        Raises:
            FinetuneError: model, data or settings cannot be used.
        """
        return start_run(config, self.settings, notes=notes, progress=progress)

    def runs(self) -> "list[RunInfo]":
        """All runs, newest first."""
        from finetune.runs import list_runs

        return list_runs(runs_dir(self.settings))

    def run(self, id: str) -> "RunInfo":
        """One run.

        Raises:
            TrainingError: there is none.
        """
        from finetune.runs import find

        return find(runs_dir(self.settings), id)

    def status(self, id: str) -> "Status":
        """Where a run stands."""
        from finetune.runs import status_of

        return status_of(self.run(id).folder)

    def stop(self, id: str, *, finish: bool = False) -> None:
        """Ask a run to stop after its step; `finish` checks and offers what was learnt so far."""
        from finetune.runs import stop

        stop(self.run(id).folder, finish=finish)

    def resume(self, id: str) -> None:
        """Go on with a run from its last checkpoint.

        Raises:
            TrainingError: it is at work, or complete.
        """
        from finetune.runs import resume

        resume(self.run(id).folder)

    def delete_run(self, id: str) -> None:
        """Remove a run; its adapter stays.

        Raises:
            TrainingError: it is at work.
        """
        from finetune.runs import delete

        delete(self.run(id).folder)

    def close(self) -> None:
        """Stop what is under way in this process; runs go on, each in its own."""
        if self.build_job is not None:
            self.build_job.stop(wait_s=10)

    def _remember(self, key: Hashable, find: Callable[[], Kept]) -> Kept:
        """What `find` returns, the first time; of reports only the latest are kept, they hold whole datasets."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                kept: Kept = self._kept[key]
                return kept
        found = find()
        with self._lock:
            self._kept[key] = found
            reports = [other for other in self._kept if isinstance(other, tuple) and other[0] == "examined"]
            for other in reports[:-KEPT_REPORTS]:
                del self._kept[other]
        return found


def _language_advice(model: str, report: "PreflightReport") -> "list[Finding]":
    """What to know where the rows are in Chinese and the base model is not."""
    from finetune.catalogue import MANY, entry_for
    from finetune.examples import Finding, Source

    entry, rows = entry_for(model), sum(report.languages.values())
    share = report.languages["zh"] / rows if rows else 0.0
    if entry is None or share < 0.5 or entry.languages & (MANY | {"zh"}):
        return []
    params = {"model": model, "share": round(100 * share)}
    return [Finding("model_other_language", Source("-", 0), params=params)]


def _signature(path: Path | None) -> Hashable:
    """Changes when the files at `path` do."""
    if path is None:
        return None
    place = path.expanduser()
    files = sorted(place.iterdir()) if place.is_dir() else [place]
    return tuple(
        (str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files if file.is_file()
    )
