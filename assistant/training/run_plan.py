"""What a run would be, told before it starts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from finetune.config import TrainingConfig

if TYPE_CHECKING:
    from finetune.examples import Finding
    from finetune.memory import MemoryEstimate


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would be, told before it starts.

    Args:
        settings: with every open one chosen, and a batch that fits.
        asked: the same before the batch was made smaller; equal where it fits at once.
        rows, eval_rows: sequences trained on and held out of the same rows, about; None where a file of its own
            is measured on.
        steps: optimiser steps.
        memory: at the peak of a step of the longest rows.
        free: bytes that training may plan with.
        advice: what to think about first.
    """

    settings: TrainingConfig
    asked: TrainingConfig
    rows: int
    eval_rows: int | None
    steps: int
    longest: int
    memory: "MemoryEstimate"
    free: int
    device: str
    compute: str
    advice: "tuple[Finding, ...]"

    @property
    def fits(self) -> bool:
        """Whether there is memory for it, with the batch made smaller where needed."""
        return self.memory.peak <= self.free

    @property
    def share(self) -> float:
        """Part of the parameters that is trained, 0..1."""
        return self.memory.trainable / self.memory.total if self.memory.total else 0.0
