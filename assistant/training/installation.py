"""Training with this installation's models, folders and settings: `finetune` joined with where things lie.

Needs no open data folder: a training run never touches the knowledge base, so it may go on beside the page.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.models import fetch
from assistant.settings import Settings
from finetune.config import DataConfig, RunConfig

if TYPE_CHECKING:
    from assistant.training.lens import Lens
    from finetune.adapters import AdapterInfo
    from finetune.checks import Gate
    from finetune.examples import Finding
    from finetune.export import Merged
    from finetune.folders import ModelFolder
    from finetune.formats.writing import Export
    from finetune.preflight import PreflightReport
    from finetune.runs import RunInfo


def runs_dir(settings: Settings) -> Path:
    """Where runs are kept."""
    return settings.data_dir / "runs"


def datasets_dir(settings: Settings) -> Path:
    """Where datasets that Tandem made are kept."""
    return settings.data_dir / "datasets"


def check_dataset(
    path: Path,
    settings: Settings,
    *,
    model: str | None = None,
    dataset: str | None = None,
    columns: dict[str, str] | None = None,
    rows: DataConfig | None = None,
    test: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> "PreflightReport":
    """Say what of a dataset would be trained, by the tokenizer and template of a model.

    Args:
        model: by default the chat model of the settings.
        test: a dataset whose questions must not be trained.

    Raises:
        DatasetError: it cannot be read, or too many rows would be lost.
    """
    from finetune.formats.reading import read_dataset
    from finetune.preflight import check_data
    from finetune.runs import load_tokenizer

    tokenizer = load_tokenizer(fetch(model or settings.models.chat, settings))
    questions = [] if test is None else [e.prompt for e in read_dataset(test).examples]
    return check_data(
        path, tokenizer, dataset=dataset, columns=columns, config=rows, test=questions, progress=progress
    )[1]


def look_at_row(
    path: Path,
    number: int,
    settings: Settings,
    *,
    model: str | None = None,
    dataset: str | None = None,
    columns: dict[str, str] | None = None,
    rows: DataConfig | None = None,
) -> "Lens":
    """Put one row of a dataset under the loss-mask lens.

    Args:
        number: of the row, from 1, among those that can be read.
        model: by default the chat model of the settings.

    Raises:
        DatasetError: it cannot be read, or has no such row.
    """
    from assistant.training.lens import look_at
    from finetune.errors import DatasetError
    from finetune.formats.reading import read_dataset
    from finetune.runs import load_tokenizer

    # A file that cannot be trained as it is may be looked at all the same.
    examples = read_dataset(path, dataset=dataset, columns=columns, max_dropped_share=1.0).examples
    if not 1 <= number <= len(examples):
        raise DatasetError("row_missing", number=number, rows=len(examples), file=path.name)
    tokenizer = load_tokenizer(fetch(model or settings.models.chat, settings))
    return look_at(examples[number - 1], tokenizer, rows or DataConfig())


def start_run(
    config: RunConfig,
    settings: Settings,
    *,
    notes: "Sequence[Finding]" = (),
    progress: Callable[[int, int], None] | None = None,
) -> "RunInfo":
    """Examine the data and set a run going; it goes on when this process ends.

    Raises:
        FinetuneError: model, data or settings cannot be used.
    """
    from finetune.runs import start

    return start(
        config,
        runs_dir=runs_dir(settings),
        model=fetch(config.model, settings),
        adapters_dir=settings.adapters_dir,
        notes=notes,
        progress=progress,
    )


def base_of(adapter: "AdapterInfo", settings: Settings) -> "ModelFolder":
    """The folder of the model that an adapter belongs to."""
    return fetch(adapter.base_model, settings)


def import_adapter(
    folder: Path, name: str, settings: Settings, *, model: str | None = None
) -> "tuple[AdapterInfo | None, list[Gate]]":
    """Take in an adapter folder from elsewhere, after the same checks as our own.

    Args:
        model: what it belongs to, where the folder does not say or says a place that is not here.

    Raises:
        FinetuneError: it is no adapter, does not fit, or the name is taken.
    """
    from finetune.adapters import import_adapter as take_in

    base = fetch(model or base_named_by(folder), settings)
    return take_in(folder, settings.adapters_dir, name=name, base=base, device=settings.models.device)


def base_named_by(folder: Path) -> str:
    """The model that a PEFT folder says it belongs to; what it calls by a hub id as our catalogue calls it.

    So the embedded model is found under its hub id too, without the hub.
    """
    from finetune.adapters import named_base
    from finetune.catalogue import entry_for

    named = named_base(folder)
    entry = entry_for(named)
    return named if entry is None else entry.name


def export_merged(name: str, target: Path, settings: Settings) -> "Merged":
    """Merge an adapter into its base and write a model folder.

    Raises:
        FinetuneError: as `finetune.export.export_merged`.
    """
    from finetune.adapters import find
    from finetune.export import export_merged as merge

    base = base_of(find(settings.adapters_dir, name), settings)
    return merge(settings.adapters_dir, name, target, base=base, device=settings.models.device)


def write_self_cognition(name: str, maker: str, target: Path, *, languages: str = "both") -> tuple[Path, int]:
    """Write the rows of the self-cognition recipe as an alpaca file; return it and how many rows there are.

    Raises:
        ValueError: name or maker is empty, or the language unknown.
    """
    from finetune.formats.writing import write_dataset
    from finetune.self_cognition import self_cognition

    rows = self_cognition(name, maker, languages=languages)  # type: ignore[arg-type]
    export = write_dataset(rows, target.parent, name=target.stem, formatting="alpaca")
    return export.files[target.stem], export.rows


def write_sample_voice(target: Path, *, language: str) -> tuple[Path, int]:
    """Write the voice that comes with Tandem, in "en" or "zh", as an alpaca file; return it and how many rows there are."""
    from finetune.formats.writing import write_dataset
    from finetune.sample_voice import sample_voice

    export = write_dataset(sample_voice(language), target.parent, name=target.stem, formatting="alpaca")
    return export.files[target.stem], export.rows


def write_filled(
    path: Path, values: Mapping[str, str], target: Path, *, dataset: str | None = None
) -> "tuple[Export, list[str]]":
    """Write a copy of a dataset with placeholders filled; return what was written and the names that are left.

    Args:
        values: text by placeholder name.

    Raises:
        DatasetError: it cannot be read.
    """
    from finetune.formats.reading import read_dataset
    from finetune.formats.writing import write_dataset
    from finetune.placeholders import count_placeholders, fill_placeholders

    rows = list(fill_placeholders(read_dataset(path, dataset=dataset).examples, values))
    export = write_dataset(rows, target.parent, name=target.stem, formatting="openai")
    return export, sorted(count_placeholders(rows))


def check_served(name: str, settings: Settings, *, max_new_tokens: int = 24) -> "Gate":
    """Compare what the engine answers with an adapter with what PEFT and transformers answer.

    In float32: in bfloat16 two likely tokens are often equal to the last bit, and either is right.

    Raises:
        FinetuneError: the adapter is unknown, damaged, or of another base.
    """
    from assistant.arms import Sampling
    from assistant.engine import Engine
    from assistant.generation import EngineFailed, EngineToken, GenerationRequest
    from finetune.adapters import find, verified
    from finetune.checks import Gate, greedy
    from finetune.export import ASK
    from finetune.models import load_model

    base = base_of(find(settings.adapters_dir, name), settings)
    folder = verified(settings.adapters_dir, name, base=base)
    loaded: Any = load_model(base, adapter=folder, device=settings.models.device, dtype="float32")
    plain = load_model(base, device=settings.models.device, dtype="float32")
    engine = Engine(plain.model, plain.tokenizer, name=base.name, revision=base.revision)
    same = 0
    try:
        engine.load_adapter(name, folder)
        sampling = Sampling(max_new_tokens=max_new_tokens, temperature=0.0)
        for number, question in enumerate(ASK):
            prompt = engine.render([{"role": "user", "content": question}]).token_ids
            served = ""
            for event in engine.stream([GenerationRequest(str(number), prompt, name, sampling)]):
                if isinstance(event, EngineFailed):
                    raise event.error
                if isinstance(event, EngineToken):
                    served += event.text
            expected = greedy(loaded.model, loaded.tokenizer, prompt, max_new_tokens)
            text = loaded.tokenizer.decode(expected, skip_special_tokens=True)
            # A character whose last bytes were not reached shows as a mark, or not at all.
            same += served.strip(" \ufffd\n") == text.strip(" \ufffd\n")
    finally:
        engine.close()
    figures = {"same": same, "answers": len(ASK), "difference": 0.0}
    passed = same == len(ASK)
    return Gate("served", passed, False, "" if passed else "gate_served_differs", figures, figures)
