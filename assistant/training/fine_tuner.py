"""Fine-tuning in a few lines of Python: `FineTuner` trains, what it returns evaluates, saves, and answers."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.models import fetch
from assistant.settings import Settings, load_settings
from assistant.training.installation import datasets_dir, runs_dir
from finetune.config import DataConfig, RunConfig, TrainingConfig

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from finetune.folders import ModelFolder
    from finetune.run_folder import Status

Rows = Sequence[Mapping[str, Any]]
"""Rows of a dataset in memory, such as `[{"instruction": "Hi", "output": "Hello."}]`."""


def as_file(dataset: "str | Path | Rows", settings: Settings) -> Path:
    """Return the file of a dataset; rows are written to one, named by what they hold."""
    if isinstance(dataset, str | Path):
        return Path(dataset)
    text = json.dumps([dict(row) for row in dataset], ensure_ascii=False, indent=1)
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    path = datasets_dir(settings) / f"rows-{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


@dataclass(frozen=True, slots=True)
class TunedModel:
    """What a run of `FineTuner` made.

    Args:
        tuner: that trained it.
        run: its id.
        status: how it ended.
    """

    tuner: "FineTuner"
    run: str
    status: "Status"

    @property
    def folder(self) -> Path:
        """The PEFT adapter, with its card."""
        return runs_dir(self.tuner.settings) / self.run / "result"

    def card(self) -> dict[str, Any]:
        """What its checks measured."""
        from finetune.run_folder import read_json

        return read_json(self.folder / "card.json")

    @property
    def is_adapter(self) -> bool:
        """Whether it is an adapter, and not a whole model ("freeze", "full")."""
        return (self.folder / "adapter_config.json").is_file()

    def evaluate(self, dataset: "str | Path | Rows") -> dict[str, float]:
        """Return the loss per trained token of `dataset`: "loss", and the base model's as "base_loss".

        Raises:
            FinetuneError: the run made nothing, or the rows cannot be used.
        """
        from finetune.adapters import read_adapter
        from finetune.batches import TokenRows
        from finetune.checks import pad_id_of
        from finetune.finishing import held_out_loss
        from finetune.models import load_model
        from finetune.training_data import prepare_rows

        read_adapter(self.folder)
        device = self.tuner.settings.models.device
        loaded: Any = load_model(
            self.tuner.base() if self.is_adapter else self.folder,
            adapter=self.folder if self.is_adapter else None,
            device=device,
        )
        training = TrainingConfig(eval_share=0.0, stage="sft")  # of preferences, the good answers count
        file = as_file(dataset, self.tuner.settings)
        config = RunConfig(self.tuner.model, str(file), rows=self.tuner.rows, training=training)
        rows = prepare_rows(config, loaded.tokenizer).train
        assert isinstance(rows, TokenRows)
        pad = pad_id_of(loaded.tokenizer)
        tuned = held_out_loss(loaded.model, rows, pad)
        if not self.is_adapter:
            base: Any = load_model(self.tuner.base(), device=device)
            return {"loss": tuned, "base_loss": held_out_loss(base.model, rows, pad)}
        with loaded.model.disable_adapter():
            return {"loss": tuned, "base_loss": held_out_loss(loaded.model, rows, pad)}

    def save(self, name: str) -> Path:
        """Offer the adapter under `name`.

        Raises:
            AdapterError: it did not pass its checks, or the name is unusable.
        """
        from finetune.adapters import offer
        from finetune.errors import AdapterError

        if self.folder.is_dir() and not self.is_adapter:
            raise AdapterError("model_not_adapter", folder=str(self.folder))
        if not self.card().get("passed"):
            raise AdapterError("adapter_not_offered_yet", run=self.run)
        return offer(self.folder, self.tuner.settings.adapters_dir, name)

    def chat_model(self) -> "BaseChatModel":
        """The tuned model as a LangChain chat model, with an engine of its own."""
        from assistant.chat_model import EngineChatModel
        from assistant.engine import Engine
        from finetune.models import load_model

        base = self.tuner.base()
        loaded = load_model(
            base if self.is_adapter else self.folder, device=self.tuner.settings.models.device
        )
        engine = Engine(loaded.model, loaded.tokenizer, name=base.name, revision=base.revision)
        if not self.is_adapter:
            return EngineChatModel(engine=engine)
        engine.load_adapter(self.run, self.folder)
        return EngineChatModel(engine=engine, adapter=self.run)


class FineTuner:
    """Fine-tuning in a few lines, for notebooks and scripts:

        from assistant import FineTuner

        tuned = FineTuner(model="smollm2-135m-instruct").train("rows.json", epochs=5)
        print(tuned.evaluate("held_out.json"))  # {"loss": 1.9, "base_loss": 3.2}
        tuned.save("my-style")  # now an arm of the assistant: sft:my-style
        print(tuned.chat_model().invoke("Where is the drill?").content)  # a LangChain chat model

    Args:
        model: a name that `tandem models` knows.
        settings: by default those of the installation.
        rows: how rows become token ids.
        training: any field of `TrainingConfig`.
    """

    def __init__(
        self,
        *,
        model: str | None = None,
        settings: Settings | None = None,
        rows: DataConfig | None = None,
        **training: Any,
    ) -> None:
        self.settings = settings or load_settings()
        self.model = model or self.settings.models.chat
        self.rows = rows or DataConfig()
        self.training = TrainingConfig(**training)

    def base(self) -> "ModelFolder":
        """The base model's folder."""
        return fetch(self.model, self.settings)

    def train(
        self, dataset: "str | Path | Rows", *, epochs: float | None = None, **training: Any
    ) -> TunedModel:
        """Train on a dataset, wait for the end, and return what came of it.

        Args:
            dataset: a file or folder, or rows, in any layout that `tandem data check` reads.
            epochs: passes over the rows; the same as `num_train_epochs`.
            training: fields of `TrainingConfig`, before those given to the tuner.

        Raises:
            FinetuneError: model or data cannot be used, or the run failed.
        """
        for _ in (steps := self.steps(dataset, epochs=epochs, **training)):
            pass
        return steps.result

    def steps(
        self, dataset: "str | Path | Rows", *, epochs: float | None = None, **training: Any
    ) -> "TrainingSteps":
        """As `train`, yielding metrics on the way."""
        chosen = replace(self.training, **training)
        if epochs is not None:
            chosen = replace(chosen, num_train_epochs=epochs)
        file = as_file(dataset, self.settings)
        return TrainingSteps(self, RunConfig(self.model, str(file), rows=self.rows, training=chosen))


class TrainingSteps:
    """The metrics of a run as they come; afterwards `result` holds what came of it."""

    def __init__(self, tuner: FineTuner, config: RunConfig) -> None:
        self._tuner = tuner
        self._config = config
        self._result: TunedModel | None = None

    @property
    def result(self) -> TunedModel:
        """What came of the run; only after the last step."""
        if self._result is None:
            raise ValueError("the run has not ended; go through all its steps first")
        return self._result

    def __iter__(self) -> Iterator[dict[str, Any]]:
        from finetune.errors import TrainingError
        from finetune.runs import start, status_of, watch

        tuner = self._tuner
        # No adapters_dir: nothing is offered before `save`.
        run = start(self._config, runs_dir=runs_dir(tuner.settings), model=tuner.base())
        for event in watch(run.folder):
            if isinstance(event, dict):
                yield event
        status = status_of(run.folder)
        if status.state in ("failed", "interrupted"):
            raise TrainingError(status.code, **status.params)
        self._result = TunedModel(tuner, run.id, status)
