"""Train the reader: `python -m finetune.recipes.reader --data FOLDER --out FOLDER`.

The data folder holds what README.md lists. Nothing is fetched. On a CPU of several cores
`torchrun --nproc-per-node 2 -m finetune.recipes.reader …` is faster: one process a core.
"""

import argparse
import hashlib
import json
import math
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune.recipes.reader.rows import (
    Group,
    Paragraph,
    build_groups,
    general_groups,
    read_squad,
    read_tatqa,
    thinned,
)

BASE = "smollm2-135m-instruct"
ROOT = Path(__file__).resolve().parents[3]
HELD_OUT = frozenset({
    "1973_oil_crisis", "French_and_Indian_War", "Huguenot", "Imperialism", "Normans", "Packet_switching",
    "Scottish_Parliament", "Yuan_dynasty",
})  # fmt: skip
"""Articles that no row may come from: `bench/reading.py` asks about them."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of questions: where it lies in the data folder, and how it is read."""

    file: str
    tables: bool = False


SOURCES = (
    Source("squad2/dev-v2.0.json"),
    Source("squad2/train-v2.0.json"),
    Source("squadshifts/new_wiki_v1.0.json"),
    Source("tatqa/tatqa_dataset_dev.json", tables=True),
)


def read_sources(folder: Path) -> tuple[list[Paragraph], dict[str, str]]:
    """Return the paragraphs of all sources, and the SHA-256 of each file.

    Raises:
        FileNotFoundError: one is not there.
    """
    found: list[Paragraph] = []
    digests: dict[str, str] = {}
    for source in SOURCES:
        path = folder / source.file
        digests[source.file] = hashlib.sha256(path.read_bytes()).hexdigest()
        found += read_tatqa(path) if source.tables else read_squad(path, leave_out=HELD_OUT)
    return found, digests


def main() -> None:
    """Read, build, train, check, and write adapter and card."""
    parser = argparse.ArgumentParser(
        prog="python -m finetune.recipes.reader",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with the files of README.md")
    parser.add_argument("--out", type=Path, required=True, help="folder for the adapter and its card")
    parser.add_argument("--go-on-from", type=Path, help="an adapter of this recipe to go on from")
    parser.add_argument("--models", type=Path, default=ROOT / ".cache" / "models")
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--minutes", type=float, default=math.inf, help="end by then")
    parser.add_argument("--paragraphs", type=int, default=1 << 30, help="at most so many, for a trial")
    parser.add_argument(
        "--general", type=float, default=0.05, help="groups of general questions, as a share of the others"
    )
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    try:
        paragraphs, digests = read_sources(arguments.data)
    except FileNotFoundError as err:
        parser.error(f"{err.filename} is not there; README.md of this recipe says where it comes from")
    # Each epoch has its own: another sentence taken out, another name changed, another paragraph beside it.
    rounds = math.ceil(arguments.epochs)
    groups = [
        group
        for number in range(rounds)
        for group in build_groups(thinned(paragraphs, arguments.paragraphs), seed=arguments.seed + number)
    ]
    groups += general_groups(round(arguments.general * len(groups)), seed=arguments.seed)
    make(
        groups,
        out=arguments.out,
        models=arguments.models,
        epochs=arguments.epochs / rounds,
        minutes=arguments.minutes,
        seed=arguments.seed,
        start=arguments.go_on_from,
        data=digests,
    )


def make(
    groups: list[Group],
    *,
    out: Path,
    models: Path,
    epochs: float = 1.0,
    minutes: float = math.inf,
    seed: int = 0,
    start: Path | None = None,
    data: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Train on `groups`; write adapter and card into `out` and return the card.

    Args:
        start: an adapter of this recipe to go on from.
        data: SHA-256 of the files that the groups were made of, for the card.
    """
    import torch

    from finetune.checks import check_finite, check_forgetting, check_moved, general_score, read_tensors
    from finetune.models import load_model, resolve
    from finetune.recipes.reader.training import ALPHA, GROUPS_A_STEP, PEAK_RATE, RANK, train

    # As torchrun says it.
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if world > 1:
        torch.distributed.init_process_group("gloo")
    base = resolve(BASE, models_dir=models)
    loaded = load_model(base)
    before = general_score(loaded.model, loaded.tokenizer) if rank == 0 else 0.0
    began = time.monotonic()
    wrapped = train(
        loaded.model,
        loaded.tokenizer,
        groups,
        out=out,
        epochs=epochs,
        minutes=minutes,
        seed=seed,
        start=start,
        rank=rank,
        world=world,
    )
    spent = time.monotonic() - began
    if world > 1:
        torch.distributed.destroy_process_group()
    if rank:
        return {}
    after = general_score(wrapped, loaded.tokenizer)
    tensors = read_tensors(out)
    gates = [check_finite(tensors), check_moved(tensors), check_forgetting(before, after)]
    asked = [answer for group in groups for _, answer in group.asked]
    card = {
        "base": base.name,
        "base_revision": base.revision,
        "data_sha256": data or {},
        "groups": len(groups),
        "questions": len(asked),
        "refusals": sum(not answer for answer in asked),
        "settings": {
            "rank": RANK, "alpha": ALPHA, "learning_rate": PEAK_RATE, "groups_a_step": GROUPS_A_STEP,
            "epochs": epochs, "seed": seed,
        },
        "minutes": round(spent / 60, 1),
        "machine": platform.machine(),
        "gates": [gate.to_json() for gate in gates],
    }  # fmt: skip
    (out / "card.json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return card


if __name__ == "__main__":
    main()
