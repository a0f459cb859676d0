"""What to change after a run whose result failed its checks: one step, however many checks failed.

The causes pull in different directions. Forgetting alone calls for general rows; together with a loss that did not
fall, or with answers that do not end, the steps were too large, and fewer of them would not mend that.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from finetune.config import TrainingConfig
from finetune.messages import Language, render

FIRST_REPLAY = 0.5
"""General rows to mix in at first, as a share of the rows."""
LEAST_RATE = 1e-4
"""At which a run that moved nothing is tried again."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do.

    Args:
        code: of the message.
        changes: of settings, by their usual names; the same run with them is the step.
    """

    code: str
    changes: dict[str, Any] = field(default_factory=dict)

    def text(self, language: Language = "en") -> str:
        """Return it as a sentence."""
        return render(self.code, {"changes": " ".join(pairs(self.changes))}, language)


def pairs(changes: dict[str, Any]) -> list[str]:
    """The changes as `tandem train` takes them."""
    return [
        f"{key}={value:g}" if isinstance(value, int | float) else f"{key}={value}"
        for key, value in changes.items()
    ]


def next_step(
    failed: Collection[str], settings: TrainingConfig, held_out: Sequence[tuple[float, float]]
) -> NextStep | None:
    """Choose the step; None where a change of settings cannot help.

    Args:
        failed: names of the gates.
        settings: of the run, filled in.
        held_out: epoch and loss of each evaluation, in order.
    """
    rate = settings.learning_rate or LEAST_RATE
    if "shape" in failed:
        return None
    if "finite" in failed:
        return NextStep("next_lower_rate", {"learning_rate": rate / 4})
    if "moved" in failed:
        return NextStep(
            "next_higher_rate", {"learning_rate": max(4 * (settings.learning_rate or 0.0), LEAST_RATE)}
        )
    if "thinking" in failed:
        return NextStep("next_thinking")
    if {"forgetting", "answers_end"} <= set(failed):
        return NextStep("next_smaller_steps", {"learning_rate": rate / 2, **_longer(settings)})
    if (
        "forgetting" in failed
        and "held_out" not in failed
        and settings.stage == "sft"
        and settings.replay < 1
    ):
        return NextStep("next_replay", {"replay": min(1.0, max(FIRST_REPLAY, 2 * settings.replay))})
    if "held_out" in failed and (best := _best(held_out)) is not None:
        ends = {"max_steps": -1} if settings.max_steps > 0 else {}
        return NextStep("next_fewer_epochs", {**ends, "num_train_epochs": best})
    if {"forgetting", "held_out"} & set(failed):
        return NextStep("next_lower_rate", {"learning_rate": rate / 2})
    if "answers_end" in failed:
        return NextStep("next_longer", _longer(settings))
    return None


def _longer(settings: TrainingConfig) -> dict[str, Any]:
    if settings.max_steps > 0:
        return {"max_steps": 2 * settings.max_steps}
    return {"num_train_epochs": 2 * settings.num_train_epochs}


def _best(held_out: Sequence[tuple[float, float]]) -> float | None:
    """The epoch at which the loss was lowest, where it was lower than before the training and rose again."""
    if len(held_out) < 2:
        return None
    epoch, loss = min(held_out[1:], key=lambda point: point[1])
    last = held_out[-1][0]
    return round(epoch, 2) if loss < held_out[0][1] and 0 < epoch < last else None
