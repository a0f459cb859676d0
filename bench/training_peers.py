"""One training by a peer: trl's SFTTrainer, or LLaMA-Factory. Started by training_speed.py, each in its own Python.

Run: PYTHON bench/training_peers.py trl|llamafactory JOB.json

Imports nothing of this project, so that it runs in an environment that has only the peer. Prints one JSON line.
"""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any


def main() -> None:
    """Train as the job says."""
    peer, job = sys.argv[1], json.loads(Path(sys.argv[2]).read_text("utf-8"))
    import torch
    from transformers import TrainerCallback

    torch.set_num_threads(job["threads"])

    class Clock(TrainerCallback):  # type: ignore[misc]
        """Times what lies between the first step and the last."""

        def on_train_begin(self, *given: Any, **more: Any) -> None:
            self.wall, self.cpu = time.perf_counter(), time.process_time()

        def on_train_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            self.seconds = time.perf_counter() - self.wall, time.process_time() - self.cpu
            self.steps = state.global_step

    clock = Clock()
    (_trl if peer == "trl" else _llama_factory)(job, clock)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    told = {"wall_s": clock.seconds[0], "cpu_s": clock.seconds[1], "steps": clock.steps, "peak_bytes": peak}
    print("\n" + json.dumps(told), flush=True)


def _trl(job: dict[str, Any], clock: Any) -> None:
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    tokenizer = AutoTokenizer.from_pretrained(job["model"])
    rows = json.loads(Path(job["tokens"]).read_text("utf-8"))
    args = SFTConfig(
        output_dir=job["out"],
        per_device_train_batch_size=job["batch"],
        num_train_epochs=job["epochs"],
        learning_rate=job["rate"],
        lr_scheduler_type="cosine",
        warmup_steps=job["warmup"],
        bf16=job["bf16"],
        gradient_checkpointing=False,  # its default is on; nobody here computes twice
        max_length=None,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        seed=0,
    )
    dtype = "bfloat16" if job["bf16"] else "float32"
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(job["model"], dtype=dtype),
        args=args,
        train_dataset=Dataset.from_dict({key: [row[key] for row in rows] for key in ("input_ids", "labels")}),
        processing_class=tokenizer,
        peft_config=LoraConfig(
            r=job["rank"],
            lora_alpha=2 * job["rank"],
            lora_dropout=0.0,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
        callbacks=[clock],
    )
    trainer.train()
    trainer.save_model(job["out"])


def _llama_factory(job: dict[str, Any], clock: Any) -> None:
    from llamafactory.train.tuner import run_exp

    run_exp(
        {
            "model_name_or_path": job["model"],
            "stage": "sft",
            "do_train": True,
            "finetuning_type": "lora",
            "lora_rank": job["rank"],
            "lora_alpha": 2 * job["rank"],
            "lora_dropout": 0.0,
            "lora_target": "all",
            "dataset": "bench",
            "dataset_dir": job["dataset_dir"],
            "template": "chatml",
            "cutoff_len": 2048,
            "per_device_train_batch_size": job["batch"],
            "gradient_accumulation_steps": 1,
            "num_train_epochs": job["epochs"],
            "learning_rate": job["rate"],
            "lr_scheduler_type": "cosine",
            "warmup_steps": job["warmup"],
            "bf16": job["bf16"],
            "disable_gradient_checkpointing": True,
            "output_dir": job["out"],
            "logging_steps": 1,
            "save_strategy": "no",
            "report_to": "none",
            "use_cpu": True,
            "disable_tqdm": True,
            "seed": 0,
        },
        callbacks=[clock],
    )


if __name__ == "__main__":
    main()
