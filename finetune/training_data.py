"""From a dataset to a run's folder: read, examined, split, encoded, and written with everything that identifies it."""

import dataclasses
import hashlib
import platform
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from finetune.batches import TokenRows
from finetune.config import DataConfig, RunConfig, Stage
from finetune.config_files import write_config
from finetune.encoding import Encoder
from finetune.examples import Example, Finding, Message, Source
from finetune.facts.replay import replay_rows, replayed
from finetune.folders import ModelFolder
from finetune.preferences import PreferenceRows, as_stage, stage_of
from finetune.preflight import PreflightReport, check_data
from finetune.run_folder import RunFolder, write_json

FEWEST_EVAL, MOST_EVAL = 8, 256
"""Rows held out at least, where there are five times as many, and at most: evaluating must not outweigh training."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run will train on.

    Args:
        train, evaluation: encoded rows; evaluation may be empty.
        report: of the preflight.
        notes: what the way of training leaves out.
    """

    train: TokenRows | PreferenceRows
    evaluation: TokenRows | PreferenceRows
    report: PreflightReport
    notes: tuple[Finding, ...] = ()

    @property
    def data_hash(self) -> str:
        """SHA-256 over what is trained: the ids and which of them carry loss."""
        digest = hashlib.sha256()
        for array in self.train.digest_parts():
            digest.update(array.tobytes())
        return digest.hexdigest()


def prepare_rows(
    config: RunConfig, tokenizer: Any, *, progress: Callable[[int, int], None] | None = None
) -> Prepared:
    """Read, examine, split and encode what `config` names.

    Raises:
        DatasetError: the data cannot be read, or too much of it would be lost.
        TrainingError: the rows are of a kind that this training does not use.
    """
    rows = config.rows
    read, report = check_data(
        Path(config.data).expanduser(),
        tokenizer,
        dataset=config.dataset,
        columns=config.columns,
        config=rows,
        progress=progress,
    )
    examples = [read.examples[i] for i in report.keep]
    stage = stage_of(examples, config.training.stage)
    bad = sum(example.kind == "kto" and not example.label for example in examples) if stage == "sft" else 0
    notes: tuple[Finding, ...] = (
        (Finding("bad_answers_left_out", Source("-", 0), params={"rows": bad}),) if bad else ()
    )
    examples = as_stage(examples, stage)
    dice = random.Random(config.training.seed)
    if config.training.max_samples is not None and config.training.max_samples < len(examples):
        chosen = dice.sample(range(len(examples)), config.training.max_samples)
        examples = [examples[i] for i in sorted(chosen)]
    if config.eval_data:
        held, kept = as_stage(_read_evaluation(config, tokenizer, stage), stage), examples
    else:
        held, kept = _split(examples, config.training.eval_share, dice)
    if stage == "sft" and (count := replayed(len(kept), config.training.replay)):
        general = replay_rows(count, dice, asked={example.prompt for example in examples})
        kept = [*kept, *general]
        notes = (*notes, Finding("general_rows_mixed_in", Source("-", 0), params={"rows": len(general)}))
    train, evaluation = (_encode(some, tokenizer, rows, stage) for some in (kept, held))
    return Prepared(train, evaluation, report, notes)


def write_run(
    folder: RunFolder,
    config: RunConfig,
    prepared: Prepared,
    model: ModelFolder,
    tokenizer: Any,
    *,
    adapters_dir: Path | None,
    notes: Sequence[Finding] = (),
) -> None:
    """Fill a new run's folder; config.yaml, which makes it count as a run, comes last.

    Args:
        adapters_dir: where an adapter that passes its checks is offered; None keeps it in the run's folder.
        notes: what was remarked on the way, kept in run.json.
    """
    folder.data.mkdir(parents=True, exist_ok=True)
    prepared.train.save(folder.data / "train.npz")
    prepared.evaluation.save(folder.data / "eval.npz")
    write_json(folder.data / "preflight.json", prepared.report.to_json())
    write_json(
        folder.record,
        {
            "model": {"name": model.name, "path": str(model.path), "revision": model.revision},
            "adapter_name": config.name,
            "adapters_dir": None if adapters_dir is None else str(adapters_dir),
            "data_hash": prepared.data_hash,
            "template_hash": template_hash(tokenizer),
            "stage": getattr(prepared.train, "kind", "sft"),
            "rows": len(prepared.train),
            "eval_rows": len(prepared.evaluation),
            "tokens": prepared.train.tokens,
            "trained_tokens": prepared.train.trained_tokens,
            "longest": prepared.train.longest,
            "versions": versions(),
            "notes": [note.to_json() for note in (*notes, *prepared.notes)],
        },
    )
    write_config(replace(config, data=str(Path(config.data).expanduser().resolve())), folder.config)


def template_hash(tokenizer: Any) -> str:
    """SHA-256 of the chat template."""
    return hashlib.sha256(str(tokenizer.chat_template).encode()).hexdigest()


def versions() -> dict[str, str]:
    """What the figures of a run depend on."""
    found = {name: version(name) for name in ("torch", "transformers", "peft", "accelerate")}
    return {"python": platform.python_version(), **found}


def _read_evaluation(config: RunConfig, tokenizer: Any, stage: Stage) -> list[Example]:
    assert config.eval_data is not None
    path = Path(config.eval_data).expanduser()
    name: str | None = None
    if not path.exists() and Path(config.data).expanduser().is_dir():
        # LLaMA-Factory names the evaluation set by its entry in the same folder.
        path, name = Path(config.data).expanduser(), config.eval_data
    read, report = check_data(
        path, tokenizer, dataset=name, columns=config.columns if name is None else None, config=config.rows
    )
    examples = [read.examples[i] for i in report.keep][:MOST_EVAL]
    stage_of(examples, stage)
    return examples


def held_out_rows(rows: int, share: float) -> int:
    """How many of `rows` are held out where `share` (0..1, or a number of rows) is asked for."""
    if share <= 0:
        return 0
    count = round(share if share >= 1 else share * rows)
    return min(max(count, FEWEST_EVAL), MOST_EVAL, rows // 5)


def _split(examples: list[Example], share: float, dice: random.Random) -> tuple[list[Example], list[Example]]:
    """Hold out some rows by chance; the same rows asked twice stay on one side."""
    count = held_out_rows(len(examples), share)
    if not count:
        return [], examples
    order = list(range(len(examples)))
    dice.shuffle(order)
    held: list[int] = []
    asked: set[tuple[Any, ...]] = set()
    for index in order:
        if len(held) < count:
            held.append(index)
            asked.add(_asked(examples[index]))
    taken = set(held)
    twins = {
        i for i in order if i not in taken and _asked(examples[i]) in asked and examples[i].kind != "text"
    }
    out = taken | twins
    return [examples[i] for i in sorted(out)], [examples[i] for i in range(len(examples)) if i not in out]


def _asked(example: Example) -> tuple[Message, ...]:
    """The conversation up to the answer."""
    return example.messages if example.kind == "dpo" else example.messages[:-1]


def _encode(
    examples: Sequence[Example], tokenizer: Any, rows: DataConfig, stage: Literal["sft", "dpo", "kto"]
) -> TokenRows | PreferenceRows:
    encoder = Encoder(tokenizer, rows.max_length, rows.train_on, rows.thinking, rows.overlong)
    encoded = [(row, example) for row, example in zip(encoder.encode_rows(examples), examples, strict=True)]
    if stage != "sft":
        return PreferenceRows.of(stage, [(row, example) for row, example in encoded if not row.refused])
    return TokenRows.of([piece for row, _ in encoded for piece in row.pieces])


def config_hash(config: RunConfig) -> str:
    """SHA-256 of the settings, whatever order they were written in."""
    return hashlib.sha256(repr(sorted(dataclasses.asdict(config).items())).encode()).hexdigest()
