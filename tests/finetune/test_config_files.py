"""Settings as YAML: ours come back the same, LLaMA-Factory's are read, and nothing is passed over in silence."""

from dataclasses import replace
from pathlib import Path

import pytest

from finetune.config import DataConfig, RunConfig, TrainingConfig
from finetune.config_files import from_mapping, read_config, to_mapping, write_config
from finetune.errors import TrainingError
from finetune.recommended import advice, effective_batch, fill_in, total_steps

FACTORY = """\
model_name_or_path: HuggingFaceTB/SmolLM2-135M-Instruct
stage: sft
do_train: true
finetuning_type: lora
lora_rank: 8
lora_target: all
use_dora: true
dataset: identity
dataset_dir: data
template: qwen
cutoff_len: 1024
max_samples: 1000
output_dir: saves/x
logging_steps: 10
plot_loss: true
per_device_train_batch_size: 1
gradient_accumulation_steps: 8
learning_rate: 1.0e-4
num_train_epochs: 3.0
lr_scheduler_type: cosine
warmup_ratio: 0.1
bf16: true
val_size: 0.1
mask_history: true
use_badam: true
"""


def test_ours_come_back_the_same(tmp_path: Path) -> None:
    config = RunConfig(
        "smollm2-135m-instruct",
        str(tmp_path),
        name="甄嬛",
        columns={"prompt": "问题"},
        rows=DataConfig(max_length=512, train_on="last"),
        training=TrainingConfig(method="dora", learning_rate=2e-4, lora_r=8, eval_steps=7),
    )
    write_config(config, tmp_path / "run.yaml")
    assert read_config(tmp_path / "run.yaml").config == config
    assert "甄嬛" in (tmp_path / "run.yaml").read_text("utf-8")


def test_llama_factory_is_read_and_what_does_not_apply_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "lf.yaml").write_text(FACTORY, "utf-8")
    read = read_config(tmp_path / "lf.yaml")
    config = read.config
    assert config.model == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert config.data == str(tmp_path / "data")
    assert config.dataset == "identity"
    assert config.rows == DataConfig(max_length=1024, train_on="last")
    assert config.training == TrainingConfig(
        method="dora", lora_r=8, max_samples=1000, logging_steps=10, per_device_train_batch_size=1,
        gradient_accumulation_steps=8, learning_rate=1e-4, num_train_epochs=3.0, warmup_steps=0.1,
        precision="bf16", eval_share=0.1, lr_scheduler_type="cosine",
    )  # fmt: skip
    named = {(note.code, note.params["key"]) for note in read.notes}
    assert named == {
        ("config_key_ours", "do_train"),
        ("config_key_ours", "template"),
        ("config_key_ours", "output_dir"),
        ("config_key_ours", "plot_loss"),
        ("config_key_not_applied", "use_badam"),
    }


PREFERENCES = """\
model_name_or_path: a/b
stage: dpo
finetuning_type: lora
dataset: dpo_zh_demo
pref_beta: 0.2
pref_loss: ipo
pref_ftx: 0.5
report_to: none
use_swanlab: true
deepspeed: examples/deepspeed/ds_z3_offload_config.json
ref_model: a/c
"""


def test_llama_factorys_preferences_trackers_and_deepspeed_are_taken_over(tmp_path: Path) -> None:
    (tmp_path / "dpo.yaml").write_text(PREFERENCES, "utf-8")
    read = read_config(tmp_path / "dpo.yaml")
    assert read.config.training == TrainingConfig(
        stage="dpo", pref_beta=0.2, pref_loss="ipo", pref_ftx=0.5, report_to="none,swanlab",
        distributed="deepspeed_zero3_offload",
    )  # fmt: skip
    named = {(note.code, note.params["key"]) for note in read.notes}
    assert named == {("config_key_not_applied", "ref_model"), ("config_key_translated", "deepspeed")}
    write_config(read.config, tmp_path / "ours.yaml")
    assert read_config(tmp_path / "ours.yaml").config == read.config


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"learning_rat": 1}, "config_key_unknown"),
        ({"lora_r": "many"}, "config_value_wrong"),
        ({"lora_r": 2.5}, "config_value_wrong"),
        ({"method": "magic"}, "config_value_wrong"),
        ({"packing": 1}, "config_value_wrong"),
        ({"model": ""}, "config_key_missing"),
    ],
)
def test_mistakes_are_told(change: dict[str, object], code: str) -> None:
    with pytest.raises(TrainingError) as caught:
        from_mapping({"model": "m", "data": "d", **change})
    assert caught.value.code == code


def test_numbers_that_yaml_takes_for_text_are_numbers() -> None:
    # YAML 1.1 wants 2.0e-4; people write 2e-4.
    assert from_mapping({"model": "m", "data": "d", "learning_rate": "2e-4"}).training.learning_rate == 2e-4


def test_broken_yaml_and_other_stages_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    for text, code in (("a: [", "config_unreadable"), ("- 1", "config_unreadable"),
                       ("stage: ppo\nmodel_name_or_path: a/b", "stage_not_offered")):  # fmt: skip
        path.write_text(text, "utf-8")
        with pytest.raises(TrainingError) as caught:
            read_config(path)
        assert caught.value.code == code


def test_open_settings_follow_model_rows_and_method() -> None:
    small = fill_in(TrainingConfig(), parameters=135_000_000, rows=300, longest=200, device="cpu")
    assert (small.lora_r, small.lora_alpha, small.lora_dropout, small.learning_rate) == (16, 32, 0.05, 5e-4)
    few = fill_in(TrainingConfig(), parameters=135_000_000, rows=40, longest=200, device="cpu")
    assert few.learning_rate == 3e-4
    assert effective_batch(small) == 8
    assert small.per_device_train_batch_size == 8
    large = fill_in(TrainingConfig(), parameters=7_000_000_000, rows=6000, longest=2048, device="cuda")
    assert (large.lora_r, large.lora_dropout, large.learning_rate) == (32, 0.0, 2e-4)
    assert effective_batch(large) == 16
    long = fill_in(TrainingConfig(), parameters=1, rows=6000, longest=2000, device="cpu")
    assert (long.per_device_train_batch_size, long.gradient_accumulation_steps) == (1, 16)
    assert (
        fill_in(TrainingConfig(method="full"), parameters=1, rows=90, longest=9, device="cpu").learning_rate
        == 5e-5
    )
    kept = replace(TrainingConfig(), learning_rate=1e-5, lora_r=4, warmup_steps=0.0)
    filled = fill_in(kept, parameters=1, rows=9, longest=9, device="cpu")
    assert (filled.learning_rate, filled.lora_r, filled.lora_alpha, filled.warmup_steps) == (1e-5, 4, 8, 0.0)


def test_steps_are_counted_and_odd_numbers_of_them_remarked() -> None:
    config = fill_in(TrainingConfig(num_train_epochs=3), parameters=1, rows=100, longest=9, device="cpu")
    assert total_steps(config, 100) == 39
    assert [f.code for f in advice(config, 100)] == ["few_steps"]
    assert advice(config, 300) == []
    assert [f.code for f in advice(config, 9000)] == ["many_steps"]
    virtual = replace(config, method="prompt_tuning")
    assert [f.code for f in advice(virtual, 300)] == ["method_export_only"]


def test_a_flat_mapping_holds_every_field() -> None:
    config = RunConfig("m", "d")
    assert from_mapping(to_mapping(config)) == config
