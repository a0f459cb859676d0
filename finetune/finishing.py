"""The end of a run: what was learnt is written, checked, and sealed with its card."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from finetune.adapters import CARD, make_card, seal
from finetune.batches import Collator, TokenRows
from finetune.checks import (
    Gate,
    base_shapes,
    check_answers_end,
    check_finite,
    check_forgetting,
    check_held_out,
    check_moved,
    check_servable,
    check_shape,
    check_thinking,
    general_score,
    pad_id_of,
    prompts_of,
    read_tensors,
    sample_answers,
)
from finetune.config import LORA_METHODS, RunConfig, TrainingConfig
from finetune.config_files import to_mapping
from finetune.folders import publish
from finetune.methods import PISSA_START, save
from finetune.parity import check_merge, parities
from finetune.run_folder import RunFolder, write_json
from finetune.supervised_loss import token_loss
from finetune.training_data import config_hash

EVAL_BATCH = 8
PARITY_PROMPTS = 4


def write_result(
    folder: RunFolder,
    config: RunConfig,
    settings: TrainingConfig,
    record: dict[str, Any],
    model: Any,
    tokenizer: Any,
    held: TokenRows,
    train: TokenRows,
    *,
    after: float | None = None,
    gathered: Path | None = None,
) -> list[Gate]:
    """Write the adapter or model into the run's `result` folder, with its card; return the gates.

    Every figure is measured on the weights as they were written. The model is merged on the way and of no use
    afterwards.

    Args:
        held, train: rows that the checks ask about.
        after: the held-out loss, where it is not the loss of imitating `held`.
        gathered: what was trained as a folder, where `model` is spread over processes: then only the written
            weights and the held-out loss are checked.

    Raises:
        ModelUnavailableError: the disk is full.
    """
    with publish(folder.result) as temporary:
        if gathered is None:
            save(model, tokenizer, settings, temporary, start=folder.path)
        else:
            _take_over(gathered, temporary, adapter=settings.makes_adapter)
        if settings.method == "pissa":
            # What was written adds to the weights of the base, which PiSSA changed in memory.
            model = _reload(record, temporary, model)
        gates = (
            _gates(settings, record, model, tokenizer, held, train, temporary, after)
            if gathered is None
            else _gates_of_file(settings, record, model, temporary, after)
        )
        write_json(temporary / CARD, make_card(gates, settings=asdict(settings), **_facts(record)))
        shutil.copy2(folder.config, temporary / "training.yaml")
        seal(
            temporary,
            {
                "name": config.name,
                "base_model": record["model"]["name"],
                "base_revision": record["model"]["revision"],
                "method": settings.method,
                "data_hash": record["data_hash"],
                "template_hash": record["template_hash"],
                "config_hash": config_hash(config),
                "config": to_mapping(config),
                "seed": settings.seed,
                "run": folder.path.name,
                "versions": record["versions"],
            },
        )
    shutil.rmtree(folder.path / PISSA_START, ignore_errors=True)
    return gates


def _gates(
    settings: TrainingConfig,
    record: dict[str, Any],
    model: Any,
    tokenizer: Any,
    held: TokenRows,
    train: TokenRows,
    written: Any,
    after: float | None,
) -> list[Gate]:
    before = record["before"]
    if settings.makes_adapter:
        tensors = read_tensors(written)
        gates = [check_finite(tensors), check_moved(tensors), check_shape(tensors, base_shapes(model))]
    else:
        gates = [check_finite(dict(model.named_parameters()))]
    if gates[0].passed is False:
        return gates  # nothing that follows would say anything
    if settings.stage == "sft" and len(held):
        after = held_out_loss(model, held, pad_id_of(tokenizer))
    gates.append(check_held_out(before.get("eval_loss"), after, record["eval_rows"]))
    prompts = prompts_of(held if len(held) else train)
    ended, thought = sample_answers(model, tokenizer, prompts)
    gates.append(check_answers_end(ended, len(prompts)))
    gates.append(check_thinking(before["thinking"], thought, len(prompts)))
    gates.append(check_forgetting(before["general"], general_score(model, tokenizer)))
    if settings.method in LORA_METHODS and settings.method != "qlora":
        asked = [prompt for prompt, _ in prompts[:PARITY_PROMPTS]]
        gates.append(check_merge(parities(model, tokenizer, asked, model.merge_and_unload)))
    return [*gates, check_servable(settings.method)]


def _gates_of_file(
    settings: TrainingConfig, record: dict[str, Any], model: Any, written: Path, after: float | None
) -> list[Gate]:
    """What can be checked without a model that answers."""
    held_out = check_held_out(record["before"].get("eval_loss"), after, record["eval_rows"])
    if not settings.makes_adapter:
        return [held_out]
    tensors = read_tensors(written)
    return [check_finite(tensors), check_moved(tensors), check_shape(tensors, base_shapes(model)), held_out]


def _take_over(gathered: Path, target: Path, *, adapter: bool) -> None:
    """Move what makes up the adapter, or the model, out of what the trainer wrote."""
    wanted = ("adapter_config.json", "adapter_model.safetensors") if adapter else ("*",)
    for pattern in wanted:
        for path in sorted(gathered.glob(pattern)):
            if path.name != "training_args.bin":
                shutil.move(path, target / path.name)
    shutil.rmtree(gathered, ignore_errors=True)


def held_out_loss(model: Any, rows: TokenRows, pad_id: int) -> float:
    """Return the loss per trained token of `rows`, every token counting the same."""
    import torch

    collate = Collator(pad_id)
    total = count = 0.0
    order = sorted(range(len(rows)), key=lambda k: int(rows.lengths[k]))
    model.eval()
    with torch.no_grad():
        for start in range(0, len(order), EVAL_BATCH):
            batch = collate([rows[k] for k in order[start : start + EVAL_BATCH]])
            losses, _, _ = token_loss(model, {key: value.to(model.device) for key, value in batch.items()})
            total += float(losses.double().sum())
            count += len(losses)
    return total / max(1.0, count)


def _reload(record: dict[str, Any], written: Any, model: Any) -> Any:
    from finetune.models import load_model

    device, dtype = str(model.device), str(next(model.parameters()).dtype).removeprefix("torch.")
    return load_model(Path(record["model"]["path"]), adapter=written, device=device, dtype=dtype).model


def _facts(record: dict[str, Any]) -> dict[str, Any]:
    keys = (
        "model",
        "stage",
        "rows",
        "eval_rows",
        "trained_tokens",
        "parameters",
        "device",
        "compute",
        "memory",
        "probe",
        "before",
    )
    return {key: record[key] for key in keys if key in record}
