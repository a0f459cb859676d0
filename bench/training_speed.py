"""LoRA training against trl's SFTTrainer and LLaMA-Factory: same rows, model, rank, batch, epochs and precision.

Run: python bench/training_speed.py --model FOLDER [--llamafactory PYTHON] [--rows 96] [--rounds 2]

Rows are questions about SQuAD passages, each with its passage, answers alone trained: few of the tokens carry loss. With
`--alpaca FILE` they are that file's, of which long answers make most of the tokens. The trainings alternate, each in
a process of its own; times are those between the first step and the last, by the clock and by the processor, of
which the second says more on a machine that others use. The loss on rows that nobody trained, measured by one
function for all, shows that they learnt the same. PYTHON is the interpreter of an environment with LLaMA-Factory,
which wants other versions of transformers than this project.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

SYSTEM = "Answer from the passage in a few words."
PEERS = Path(__file__).with_name("training_peers.py")


def main() -> None:
    """Print a line per system and the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/qa/squad2"))
    parser.add_argument("--alpaca", type=Path, help="rows of an alpaca file instead")
    parser.add_argument("--llamafactory", type=Path, help="python of an environment that has it")
    parser.add_argument("--rows", type=int, default=96)
    parser.add_argument("--held", type=int, default=32)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--fp32", action="store_true")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        _ours(json.loads(given.worker.read_text("utf-8")))
        return
    with tempfile.TemporaryDirectory() as place:
        _compare(given, Path(place))


def _compare(given: argparse.Namespace, place: Path) -> None:
    from finetune.config import DataConfig, RunConfig, TrainingConfig
    from finetune.folders import describe
    from finetune.runs import load_tokenizer
    from finetune.training_data import prepare_rows

    model = describe(given.model.resolve(), name="model", source="folder")
    tokenizer = load_tokenizer(model)
    train, held = _write_rows(given, place)

    def encoded(path: Path) -> Any:
        config = RunConfig(model.name, str(path), rows=DataConfig(), training=TrainingConfig(eval_share=0.0))
        return prepare_rows(config, tokenizer).train

    rows, held_rows = encoded(train), encoded(held)
    tokens = [{key: value.tolist() for key, value in rows[k].items()} for k in range(len(rows))]
    (place / "tokens.json").write_text(json.dumps(tokens), "utf-8")
    rows.save(place / "train.npz")
    info = {
        "bench": {
            "file_name": train.name,
            "columns": {"prompt": "instruction", "response": "output", "system": "system"},
        }
    }
    (place / "dataset_info.json").write_text(json.dumps(info), "utf-8")
    job = {
        "model": str(given.model.resolve()), "tokens": str(place / "tokens.json"), "rows": str(place / "train.npz"),
        "dataset_dir": str(place), "batch": given.batch, "rank": given.rank, "epochs": given.epochs, "rate": 5e-4,
        "warmup": 2, "threads": given.threads, "bf16": not given.fp32,
    }  # fmt: skip
    systems = {"Tandem": [sys.executable, str(Path(__file__).resolve()), "--model", str(given.model), "--worker"],
               "trl SFTTrainer": [sys.executable, str(PEERS), "trl"]}  # fmt: skip
    if given.llamafactory:
        systems["LLaMA-Factory"] = [str(given.llamafactory), str(PEERS), "llamafactory"]
    found: dict[str, list[dict[str, float]]] = {name: [] for name in systems}
    for turn in range(given.rounds):
        for name, command in systems.items():
            out = place / f"{name.split()[0]}-{turn}"
            (place / "job.json").write_text(json.dumps({**job, "out": str(out)}), "utf-8")
            told = _run([*command, str(place / "job.json")])
            told["loss"] = _held_loss(model, out, held_rows, job["bf16"])
            found[name].append(told)
            print(f"  round {turn + 1}, {name}: {told}", flush=True)
    total = rows.tokens * given.epochs
    print(
        f"{len(rows)} rows, {rows.tokens} tokens, {rows.trained_tokens} of them trained, batches of {given.batch}, "
        f"rank {given.rank}, {'float32' if given.fp32 else 'bfloat16'}, {given.threads} threads; "
        f"held-out loss before: {_held_loss(model, None, held_rows, job['bf16']):.3f}"
    )
    print(f"{'':16} {'tokens/s':>9} {'per CPU s':>10} {'peak GB':>8} {'steps':>6} {'held-out loss':>14}")
    for name, results in found.items():
        wall, cpu = (median(total / r[key] for r in results) for key in ("wall_s", "cpu_s"))
        print(
            f"{name:16} {wall:9.0f} {cpu:10.0f} {max(r['peak_bytes'] for r in results) / 1e9:8.2f} "
            f"{results[0]['steps']:6.0f} {median(r['loss'] for r in results):14.3f}"
        )
    ours = median(r["cpu_s"] for r in found["Tandem"])
    ratios = {n: median(r["cpu_s"] for r in rs) / ours for n, rs in found.items() if n != "Tandem"}
    for name, ratio in ratios.items():
        clock = median(r["wall_s"] for r in found[name]) / median(r["wall_s"] for r in found["Tandem"])
        print(f"against {name}: {ratio:.2f} times by processor time, {clock:.2f} by the clock")
    print(f"ratio {min(ratios.values()):.2f}")


def _write_rows(given: argparse.Namespace, place: Path) -> tuple[Path, Path]:
    """Write alpaca rows to train, and as many of other passages to evaluate."""
    if given.alpaca:
        found = [
            {"system": SYSTEM, "instruction": f"{row['instruction']}\n{row.get('input', '')}".strip(),
             "input": "", "output": row["output"]}
            for row in json.loads(given.alpaca.read_text("utf-8"))
        ]  # fmt: skip
    else:
        found = _squad_rows(given.data)
    step = max(1, len(found) // (given.rows + given.held))
    chosen = found[::step][: given.rows + given.held]
    paths = place / "train.json", place / "held.json"
    for path, part in zip(paths, (chosen[: given.rows], chosen[given.rows :]), strict=True):
        path.write_text(json.dumps(part), "utf-8")
    return paths


def _squad_rows(folder: Path) -> list[dict[str, str]]:
    files = sorted(path for path in folder.glob("*.json"))
    found: list[dict[str, str]] = []
    for article in json.loads(files[0].read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for qa in paragraph["qas"][:4]:
                answer = qa["answers"][0]["text"] if qa["answers"] else "The passage does not say."
                asked = f"{paragraph['context']}\n\n{qa['question']}"
                found.append({"system": SYSTEM, "instruction": asked, "input": "", "output": answer})
    return found


def _run(command: list[str]) -> dict[str, float]:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "HF_HUB_OFFLINE": "1"}
    )
    if done.returncode:
        raise SystemExit(f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    told: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


def _held_loss(model: Any, adapter: Path | None, rows: Any, bf16: bool) -> float:
    from finetune.checks import pad_id_of
    from finetune.finishing import held_out_loss
    from finetune.models import load_model

    loaded = load_model(model.path, adapter=adapter, device="cpu", dtype="bfloat16" if bf16 else "float32")
    return held_out_loss(loaded.model, rows, pad_id_of(loaded.tokenizer))


def _ours(job: dict[str, Any]) -> None:
    """Train as a run does, without what comes before and after the steps."""
    import torch
    from transformers import set_seed

    from finetune.batches import TokenRows
    from finetune.config import RunConfig, TrainingConfig
    from finetune.methods import save
    from finetune.recommended import fill_in
    from finetune.run_folder import RunFolder, Status
    from finetune.training_loop import Progress, Reporter
    from finetune.training_session import Session

    torch.set_num_threads(job["threads"])
    set_seed(0)
    rows = TokenRows.load(Path(job["rows"]))
    settings = TrainingConfig(
        lora_r=job["rank"], lora_dropout=0.0, learning_rate=job["rate"], num_train_epochs=job["epochs"],
        per_device_train_batch_size=job["batch"], gradient_accumulation_steps=1, warmup_steps=job["warmup"],
        weight_decay=0.0, save_steps=10**6, seed=0, precision="bf16" if job["bf16"] else "fp32", stage="sft",
    )  # fmt: skip
    place = Path(job["out"])
    place.mkdir()
    folder = RunFolder(place / "run")
    folder.path.mkdir()
    record: dict[str, Any] = {
        "model": {"name": "model", "path": job["model"]}, "before": {"eval_loss": None, "general": 0, "thinking": 0},
    }  # fmt: skip
    config = RunConfig("model", "-", training=settings)
    compute = "bfloat16" if job["bf16"] else "float32"
    with Reporter(folder, Status()) as reporter:
        session = Session(folder, reporter, config, record, rows, rows.take([]), "cpu", compute)
        parameters = 135_000_000
        session.open(
            fill_in(settings, parameters=parameters, rows=len(rows), longest=rows.longest, device="cpu")
        )
        trainer = session.trainer(Progress(reporter, device="cpu"))
        wall, cpu = time.perf_counter(), time.process_time()
        trainer.train()
        seconds = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    save(session.model, session.tokenizer, session.settings, place, start=folder.path)
    told = {"wall_s": seconds[0], "cpu_s": seconds[1], "steps": trainer.state.global_step, "peak_bytes": peak}
    print("\n" + json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
