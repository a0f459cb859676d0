"""What can be set about data and training. Sections of settings files live in `assistant.settings`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class DataConfig:
    """How rows become training data.

    Args:
        max_length: tokens; LLaMA-Factory's `cutoff_len`.
        train_on: the last answer, every answer of the assistant, or all tokens.
        thinking: "keep" trains what the data thinks and no empty block, "empty" trains the empty block too,
            "none" leaves thinking out (`finetune.chat_template`).
        overlong: "cut" keeps question and stop token (`finetune.cutting`), "drop" leaves the row out.
        max_dropped_share: 0..1; more rows lost than this stops before any compute.
        near_duplicate_share: 0..1; question and answer at least this much alike are reported.
        test_overlap_share: 0..1; a question at least this much like one of the test set is reported.
        drop_duplicates: leave out rows that are exactly like an earlier one.
        drop_test_overlap: leave out rows whose question is in the test set.
    """

    max_length: int = 2048
    train_on: Literal["last", "assistant", "all"] = "assistant"
    thinking: Literal["keep", "empty", "none"] = "keep"
    overlong: Literal["cut", "drop"] = "cut"
    max_dropped_share: float = 0.1
    near_duplicate_share: float = 0.8
    test_overlap_share: float = 0.8
    drop_duplicates: bool = False
    drop_test_overlap: bool = False


Stage = Literal["auto", "sft", "dpo", "kto"]
Distributed = Literal[
    "none", "ddp", "fsdp2", "deepspeed_zero0", "deepspeed_zero1", "deepspeed_zero2", "deepspeed_zero2_offload",
    "deepspeed_zero3", "deepspeed_zero3_offload",
]  # fmt: skip
Method = Literal["lora", "rslora", "dora", "pissa", "qlora", "ia3", "prompt_tuning", "freeze", "full"]
ADAPTER_METHODS = frozenset({"lora", "rslora", "dora", "pissa", "qlora", "ia3", "prompt_tuning"})
LORA_METHODS = frozenset({"lora", "rslora", "dora", "pissa", "qlora"})


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """How a model is trained; names as in transformers and peft. None is filled in by `finetune.recommended`.

    Args:
        stage: "dpo" learns from chosen and rejected answers, "kto" from answers labelled good or bad, "sft" from
            answers to imitate (the chosen ones and the good ones); "auto" is what the rows hold.
        pref_beta: how much the model may leave its start behind in "dpo" and "kto": less for a higher value.
        pref_loss: of "dpo".
        pref_ftx: weight of imitating the chosen answers besides, in "dpo".
        kto_chosen_weight, kto_rejected_weight: of good and bad rows in "kto"; raise that of the rarer ones.
        method: what is trained. "freeze" trains the last layers, "full" everything; the rest make an adapter.
        lora_r, lora_alpha, lora_dropout: LoRA's rank, scale and dropout, 0..1.
        target_modules: "all-linear", or module names separated by commas.
        num_virtual_tokens: of prompt tuning.
        freeze_trainable_layers: how many of the last layers "freeze" trains.
        max_steps: optimiser steps; stands before `num_train_epochs`.
        per_device_train_batch_size: rows computed at once; halved by itself where memory does not suffice, while
            `gradient_accumulation_steps` grows, so that rows per optimiser step stay the same.
        max_samples: rows taken at random from the dataset.
        replay: general questions of our own to train besides, as a share of the rows, so that the model keeps what it
            knew (`finetune.facts.replay`); of "sft" only.
        warmup_steps: steps, or below 1 their share of all.
        precision: of the computation; adapters are always kept in float32.
        gradient_checkpointing: compute activations twice to keep fewer; None where memory asks for it.
        packing: put several rows into one sequence; they do not see each other.
        group_by_length: rows of like length share a step; less padding.
        eval_share: 0..1 of the rows, or a number of rows from 1 on, held out and never trained.
        eval_steps, save_steps: optimiser steps between two evaluations, two checkpoints.
        early_stopping_patience: evaluations without a better loss before the run ends; 0 never.
        max_memory_gb: what training may take; None is what the device has free.
        report_to: trackers of transformers ("swanlab", "tensorboard", "wandb"), separated by commas.
        distributed: how several processes share the work (`finetune.launching`); "none" is one process.
        num_processes: on all machines together; 0 is one for every GPU, or two on a CPU.
        num_machines, machine_rank: how many machines take part, and which of them this is, from 0; the same run
            folder must be seen by all of them.
        main_process_ip, main_process_port: where the machine of rank 0 is reached by the others.
    """

    stage: Stage = "auto"
    pref_beta: float = 0.1
    pref_loss: Literal["sigmoid", "hinge", "ipo"] = "sigmoid"
    pref_ftx: float = 0.0
    kto_chosen_weight: float = 1.0
    kto_rejected_weight: float = 1.0
    method: Method = "lora"
    lora_r: int | None = None
    lora_alpha: float | None = None
    lora_dropout: float | None = None
    target_modules: str = "all-linear"
    num_virtual_tokens: int = 16
    freeze_trainable_layers: int = 2
    learning_rate: float | None = None
    num_train_epochs: float = 3.0
    max_steps: int = -1
    per_device_train_batch_size: int | None = None
    gradient_accumulation_steps: int | None = None
    max_samples: int | None = None
    replay: float = 0.0
    lr_scheduler_type: str = "cosine"
    warmup_steps: float | None = None
    weight_decay: float = 0.01
    max_grad_norm: float | None = None
    optim: str = "adamw_torch"
    seed: int = 42
    precision: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    gradient_checkpointing: bool | None = None
    packing: bool = False
    group_by_length: bool = True
    neftune_noise_alpha: float | None = None
    eval_share: float = 0.05
    eval_steps: int | None = None
    save_steps: int | None = None
    save_total_limit: int = 2
    logging_steps: int = 1
    early_stopping_patience: int = 0
    max_memory_gb: float | None = None
    report_to: str = "none"
    distributed: Distributed = "none"
    num_processes: int = 0
    num_machines: int = 1
    machine_rank: int = 0
    main_process_ip: str = "127.0.0.1"
    main_process_port: int = 29500

    @property
    def makes_adapter(self) -> bool:
        """Whether the result is an adapter and not a whole model."""
        return self.method in ADAPTER_METHODS


@dataclass(frozen=True, slots=True)
class RunConfig:
    """A training run that can be repeated: which model, which rows, and how.

    Args:
        model: a name that `finetune.models.resolve` knows.
        data: a dataset file or folder, as `finetune.formats.reading.read_dataset` takes it.
        dataset: the entry of its dataset_info.json.
        columns: column names by meaning, where they are not recognised.
        eval_data: rows to evaluate on; by default some are held out of `data`.
        name: of the adapter to be.
        rows: how rows become token ids.
        training: how the model is trained.
    """

    model: str
    data: str
    name: str = ""
    dataset: str | None = None
    columns: dict[str, str] | None = None
    eval_data: str | None = None
    rows: DataConfig = DataConfig()
    training: TrainingConfig = TrainingConfig()
