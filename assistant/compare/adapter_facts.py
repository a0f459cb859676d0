"""What an experiment tells about an adapter it asks: what its training cost, what it forgot, what it had seen.

Read once, when the experiment begins, so that a report stays true after the adapter is gone.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assistant.compare.questions import Question
from finetune.adapters import list_adapters
from finetune.config import DataConfig
from finetune.errors import FinetuneError
from finetune.facts.build import ABOUT
from finetune.near_duplicates import find_overlap, normalise
from finetune.run_folder import RunFolder

_QUESTION = re.compile(r"Question: |问题：")
"""What stands before the question in `assistant.prompts`, on its last line."""
_NOT_RECIPE = frozenset(
    "seed name data eval_data eval_steps save_steps save_total_limit logging_steps report_to num_machines"
    " machine_rank main_process_ip main_process_port".split()
)
"""Settings that two runs of one recipe may differ in; the data are compared by their hash."""


def adapter_facts(
    name: str, questions: Sequence[Question], *, adapters_dir: Path, runs_dir: Path
) -> dict[str, Any]:
    """What is known of an adapter, as plain JSON; empty where it is not on disk.

    Returns:
        `seconds` and `memory_bytes` of its training and `rows` it saw, None where its run is gone;
        `data_seconds` that building its data took, None where that was not built here; `seed`, `method`; `gates`,
        the checks of its card, among them what it still knows in general; `leaks`, the ids of the questions that
        stand in its training data, None where the data is gone.
    """
    info = next((one for one in list_adapters(adapters_dir) if one.name == name), None)
    if info is None:
        return {}
    run = RunFolder(runs_dir / str(info.record.get("run") or "-"))
    status = run.read_status()
    return {
        "method": info.method,
        "seed": info.record.get("seed"),
        "seconds": status.seconds or None,
        "memory_bytes": status.memory_bytes or None,
        "data_seconds": data_seconds(info.record.get("config", {})),
        "rows": info.card.get("rows"),
        "gates": info.card.get("gates", []),
        "leaks": leaked(info.record.get("config", {}), questions),
    }


def same_recipe(names: Sequence[str], adapters_dir: Path) -> bool:
    """Whether several adapters are training runs of one recipe: the same model, data and settings, other seeds.

    Adapters that were imported do not tell how they were made, so that they are none.
    """
    records = {info.name: info.record for info in list_adapters(adapters_dir)}
    recipes = [_recipe(records.get(name, {})) for name in dict.fromkeys(names)]
    return len(recipes) > 1 and recipes[0] is not None and all(one == recipes[0] for one in recipes)


def _recipe(record: dict[str, Any]) -> dict[str, Any] | None:
    """What makes an adapter but for chance; None where it is not known."""
    config = record.get("config")
    if not config or not record.get("data_hash"):
        return None
    made = {key: record.get(key) for key in ("base_model", "base_revision", "data_hash", "template_hash")}
    return made | {key: value for key, value in config.items() if key not in _NOT_RECIPE}


def data_seconds(config: dict[str, Any]) -> float | None:
    """How long the build of the training data took; None where the data is gone, or of another origin.

    Args:
        config: of the training run.
    """
    data = str(config.get("data") or "")
    path = Path(data).expanduser()
    if not data or not path.exists():
        return None
    # What is trained stands in the build's folder, or in a folder of its layout below.
    folders = [path if path.is_dir() else path.parent, path.parent, path.parent.parent]
    about = next((folder / ABOUT for folder in folders if (folder / ABOUT).is_file()), None)
    try:
        told = None if about is None else json.loads(about.read_text(encoding="utf-8"))["report"]["seconds"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return told or None


def leaked(config: dict[str, Any], questions: Sequence[Question]) -> list[str] | None:
    """Ids of the questions that stand in the training data word for word or nearly so.

    Args:
        config: of the training run.
    """
    trained = trained_questions(config)
    if trained is None:
        return None
    asked = [normalise(question) for question in trained]
    wanted = [normalise(question.text) for question in questions]
    found = {
        overlap.other for overlap in find_overlap(asked, wanted, threshold=DataConfig().test_overlap_share)
    }
    return [question.id for place, question in enumerate(questions) if place in found]


def trained_questions(config: dict[str, Any]) -> list[str] | None:
    """Every question of the training data, without the frame in which the app asks it; None where it is gone.

    Args:
        config: of the training run.
    """
    from finetune.formats.reading import read_dataset

    path = Path(str(config.get("data") or "")).expanduser()
    if not str(config.get("data") or "") or not path.exists():
        return None
    try:
        examples = read_dataset(path, dataset=config.get("dataset") or None).examples
    except (FinetuneError, ValueError):
        return None
    said = (message.content for example in examples for message in example.messages if message.role == "user")
    return list(dict.fromkeys(_unframed(text) for text in said))


def _unframed(text: str) -> str:
    """The question behind passages and rules, where a row was made in the app's own prompt."""
    last = text.rstrip().rpartition("\n")[2]
    match = _QUESTION.match(last)
    return last[match.end() :] if match else text
