"""DPO and KTO: rows encoded as everything else is, trl's losses, and a margin that rises."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from finetune.batches import TokenRows
from finetune.config import DataConfig, RunConfig, TrainingConfig
from finetune.errors import TrainingError
from finetune.folders import ModelFolder
from finetune.models import load_model
from finetune.preferences import PreferenceRows, load_rows
from finetune.run_folder import RunFolder
from finetune.runs import load_tokenizer
from finetune.train import run
from finetune.training_data import prepare_rows, write_run
from tests.finetune.tiny_chat import NAMES, tiny_config, write_tiny_chat

CHOSEN, REJECTED = "It is in drawer seven.", "I do not know where it is."


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return write_tiny_chat(tmp_path_factory.mktemp("preferences") / "model")


@pytest.fixture(autouse=True)
def fewer_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finetune.checks.QUESTIONS", (("a", "b", "c", "d"), ("e", "f", "g", "h")))


def pairs(count: int = 24) -> list[dict[str, Any]]:
    return [
        # The layout in which votes leave the page Compare.
        {
            "instruction": f"Where is the {NAMES[k % len(NAMES)]} {k}?",
            "input": "",
            "chosen": CHOSEN,
            "rejected": REJECTED,
        }
        for k in range(count)
    ]


def labelled(count: int = 24) -> list[dict[str, Any]]:
    return [
        {
            "messages": [
                {"role": "user", "content": f"Where is the {NAMES[k % len(NAMES)]} {k}?"},
                {"role": "assistant", "content": CHOSEN if k % 2 else REJECTED},
            ],
            "label": bool(k % 2),
        }
        for k in range(count)
    ]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text(json.dumps(rows), "utf-8")
    return path


def train(model: ModelFolder, data: Path, folder: Path, **training: Any) -> RunFolder:
    config = tiny_config(model, data, **training)
    tokenizer = load_tokenizer(model)
    made = RunFolder(folder)
    write_run(
        made, config, prepare_rows(config, tokenizer), model, tokenizer, adapters_dir=folder / "adapters"
    )
    status = run(folder)
    assert status.state == "done", status
    return made


def margin(model: ModelFolder, adapter: Path | None) -> float:
    """How much likelier the chosen answer of a question that was never trained is than the rejected one, in nats."""
    loaded: Any = load_model(model, adapter=adapter, dtype="float32")
    question = [{"role": "user", "content": "Where is the mallet 77?"}]

    def likelihood(answer: str) -> float:
        prompt = loaded.tokenizer.apply_chat_template(question, tokenize=False, add_generation_prompt=True)
        start = len(loaded.tokenizer(prompt, add_special_tokens=False)["input_ids"])
        ids = loaded.tokenizer(prompt + answer + "<|im_end|>", add_special_tokens=False, return_tensors="pt")[
            "input_ids"
        ]
        with torch.no_grad():
            logits = loaded.model(input_ids=ids).logits[0].log_softmax(-1)
        return float(logits[:-1].gather(1, ids[0, 1:, None])[start - 1 :].sum())

    return likelihood(CHOSEN) - likelihood(REJECTED)


@pytest.mark.parametrize("rows", [pairs(), labelled()], ids=["dpo", "kto"])
def test_the_preferred_answer_becomes_likelier_than_the_other(model, tmp_path: Path, rows) -> None:
    folder = train(
        model, write(tmp_path / "rows.json", rows), tmp_path / "run", max_steps=20, learning_rate=1e-2,
        eval_steps=10, save_steps=10,
    )  # fmt: skip
    record = folder.read_record()
    assert record["stage"] == record["settings"]["stage"] == ("dpo" if "chosen" in rows[0] else "kto")
    events = folder.read_metrics()[0]
    held = {e["step"]: e["loss"] for e in events if e["kind"] == "eval"}
    # Before the first step the model is its own reference, and prefers nothing.
    assert held[0] == pytest.approx(np.log(2) if record["stage"] == "dpo" else 0.5, abs=1e-3)
    assert [e["step"] for e in events if e["kind"] == "eval"] == [0, 10, 20]
    assert held[20] < 0.7 * held[0]
    margins = [e["margin"] for e in events if e["kind"] == "train" and "margin" in e]
    assert margins[-1] > margins[0] + 0.3
    assert margin(model, folder.result) > margin(model, None) + 3
    gates = {g["name"]: g for g in json.loads((folder.result / "card.json").read_text("utf-8"))["gates"]}
    assert gates["held_out"]["passed"]
    assert gates["moved"]["figures"]["modules"] == 14
    # No copy of the adapter that served as reference is left.
    assert not [p for p in folder.result.iterdir() if p.is_dir()]


def test_a_resumed_run_learns_what_an_unbroken_one_does(model, tmp_path: Path, monkeypatch) -> None:
    from finetune.training_loop import CarefulTrainer

    data = write(tmp_path / "rows.json", pairs())
    whole = train(model, data, tmp_path / "whole")
    config = tiny_config(model, data)
    cut = RunFolder(tmp_path / "cut")
    tokenizer = load_tokenizer(model)
    write_run(cut, config, prepare_rows(config, tokenizer), model, tokenizer, adapters_dir=None)
    step = CarefulTrainer.training_step

    def stopped(self: Any, *args: Any, **options: Any) -> Any:
        if self.state.global_step == 2:
            cut.stop.write_text("stop", "utf-8")
        return step(self, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(CarefulTrainer, "training_step", stopped)
        assert run(cut.path).state == "stopped"
    assert run(cut.path).state == "done"
    losses = [
        {e["step"]: e["loss"] for e in folder.read_metrics()[0] if e["kind"] == "train"}
        for folder in (whole, cut)
    ]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


def test_full_training_and_pissa_need_no_second_model(model, tmp_path: Path) -> None:
    data = write(tmp_path / "rows.json", pairs())
    for method in ("full", "pissa"):
        folder = train(model, data, tmp_path / method, method=method, learning_rate=2e-3, pref_ftx=0.1)
        events = folder.read_metrics()[0]
        held = [e["loss"] for e in events if e["kind"] == "eval"]
        assert held[-1] < held[0], method


def test_rows_are_kept_on_disk_as_trl_reads_them(model, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(model)
    config = tiny_config(model, write(tmp_path / "rows.json", pairs(10)), eval_share=0.0)
    rows = prepare_rows(config, tokenizer).train
    assert isinstance(rows, PreferenceRows)
    rows.save(tmp_path / "rows.npz")
    again = load_rows(tmp_path / "rows.npz")
    assert isinstance(again, PreferenceRows)
    columns = again.columns()
    assert columns == rows.columns()
    prompt = tokenizer.decode(columns["prompt_ids"][0])
    assert prompt.endswith("assistant\n") or "hammer 0" in prompt
    assert tokenizer.decode(columns["chosen_ids"][0]).startswith("It is in drawer seven.")
    assert tokenizer.decode(columns["rejected_ids"][0]).endswith("<|im_end|>")
    assert len(again) == 10
    assert again.trained_tokens == sum(map(len, columns["chosen_ids"] + columns["rejected_ids"]))
    assert len(again.imitated()) == 10


def test_what_rows_are_used_for_can_be_chosen(model, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(model)

    def prepared(rows: list[dict[str, Any]], stage: str) -> Any:
        data = write(tmp_path / "rows.json", rows)
        return prepare_rows(tiny_config(model, data, stage=stage, eval_share=0.0), tokenizer)

    chosen = prepared(pairs(6), "sft").train
    assert isinstance(chosen, TokenRows)
    assert len(chosen) == 6
    assert "drawer seven" in tokenizer.decode(chosen[0]["input_ids"])
    apart = prepared(pairs(6), "kto").train
    assert isinstance(apart, PreferenceRows)
    assert apart.labels.tolist() == [True, False] * 6
    wrong = apart.mismatched(1)
    assert len(wrong) == len(apart)
    good = prepared(labelled(6), "sft")
    assert len(good.train) == 3
    assert [note.params["rows"] for note in good.notes] == [3]
    for rows, stage, code in (
        (labelled(6), "dpo", "rows_not_of_stage"),
        (pairs(3) + labelled(3), "auto", "rows_of_several_kinds"),
    ):
        with pytest.raises(TrainingError) as caught:
            prepared(rows, stage)
        assert caught.value.code == code
        assert caught.value.text("zh") != caught.value.text("en")


def test_preferences_are_not_packed(model, tmp_path: Path) -> None:
    config = tiny_config(model, write(tmp_path / "rows.json", pairs()), packing=True)
    tokenizer = load_tokenizer(model)
    folder = RunFolder(tmp_path / "run")
    write_run(folder, config, prepare_rows(config, tokenizer), model, tokenizer, adapters_dir=None)
    assert run(folder.path).code == "packing_with_preference"


@pytest.mark.slow
@pytest.mark.parametrize("entry", ["dpo_zh_demo", "kto_en_demo"])
def test_llama_factorys_files_train_smollm2(shared_data, smollm2_folder, tmp_path: Path, entry: str) -> None:
    config = RunConfig(
        smollm2_folder.name,
        str(shared_data / "sft" / "llamafactory"),
        dataset=entry,
        rows=DataConfig(max_length=256),
        training=TrainingConfig(max_samples=40, num_train_epochs=2, learning_rate=3e-4, eval_steps=5),
    )
    tokenizer = load_tokenizer(smollm2_folder)
    folder = RunFolder(tmp_path / entry)
    write_run(folder, config, prepare_rows(config, tokenizer), smollm2_folder, tokenizer, adapters_dir=None)
    status = run(folder.path)
    assert status.state == "done", status
    events = folder.read_metrics()[0]
    assert [e["margin"] for e in events if e["kind"] == "train" and "margin" in e][-1] > 0.1
    assert Path(folder.result / "adapter_model.safetensors").is_file()
