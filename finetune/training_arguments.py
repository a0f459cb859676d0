"""A run's settings as transformers' Trainer takes them."""

from typing import Any

from finetune.config import TrainingConfig
from finetune.run_folder import RunFolder
from finetune.trackers import names


def arguments(
    settings: TrainingConfig,
    folder: RunFolder,
    *,
    evaluates: bool,
    device: str,
    compute: str,
    mixed: bool = False,
) -> dict[str, Any]:
    """Return the arguments of `TrainingArguments` and of what inherits from it.

    Args:
        settings: filled in.
        evaluates: whether rows are held out.
        compute: precision of the computation, "bfloat16", "float32" or "float16".
        mixed: leave bfloat16 to FSDP or DeepSpeed, which keep weights in float32 beside it.
    """
    patience = settings.early_stopping_patience if evaluates else 0
    return {
        "output_dir": str(folder.checkpoints),
        "per_device_train_batch_size": settings.per_device_train_batch_size or 1,
        "per_device_eval_batch_size": settings.per_device_train_batch_size or 1,
        "gradient_accumulation_steps": settings.gradient_accumulation_steps or 1,
        "num_train_epochs": settings.num_train_epochs,
        "max_steps": settings.max_steps,
        "learning_rate": settings.learning_rate or 0.0,
        "lr_scheduler_type": settings.lr_scheduler_type,
        "warmup_steps": settings.warmup_steps or 0,
        "weight_decay": settings.weight_decay,
        "max_grad_norm": settings.max_grad_norm or 0.0,
        "optim": settings.optim,
        "seed": settings.seed,
        "fp16": compute == "float16",
        "bf16": mixed and compute == "bfloat16",
        "neftune_noise_alpha": settings.neftune_noise_alpha,
        "logging_steps": settings.logging_steps,
        "logging_nan_inf_filter": False,
        "eval_strategy": "steps" if evaluates else "no",
        "eval_steps": settings.eval_steps,
        "save_strategy": "steps",
        # The best of several evaluations can only be taken back where each has its checkpoint.
        "save_steps": (settings.eval_steps if patience else settings.save_steps) or 1,
        "save_total_limit": max(2, settings.save_total_limit),
        "load_best_model_at_end": patience > 0,
        "metric_for_best_model": "eval_loss" if patience else None,
        "greater_is_better": False if patience else None,
        "report_to": names(settings.report_to) or "none",
        "run_name": folder.path.name,
        "remove_unused_columns": False,
        "disable_tqdm": True,
        "use_cpu": device == "cpu",
        "dataloader_pin_memory": device.startswith("cuda"),
    }
