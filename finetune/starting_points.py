"""Three starting points for people who train for the first time: each with settings and questions to ask before
and after. The data is the user's own, or made from what they type in.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from finetune.self_cognition import BEFORE_AFTER

RecipeName = Literal["self_cognition", "voice", "facts", "own"]

TUTORIAL = {"lora_r": 8, "lora_alpha": 32.0, "lora_dropout": 0.1, "learning_rate": 1e-4}
"""What the widespread LoRA tutorials set; four times the rank as alpha makes up for the low rate."""


@dataclass(frozen=True, slots=True)
class StartingPoint:
    """One starting point.

    Args:
        settings: flat, by the names of `RunConfig`, `DataConfig` and `TrainingConfig`; what is left out is chosen by
            `finetune.recommended`.
        questions: to ask base and adapter side by side.
    """

    name: RecipeName
    settings: dict[str, Any] = field(default_factory=dict)
    questions: tuple[str, ...] = ()


STARTING_POINTS: dict[RecipeName, StartingPoint] = {
    "self_cognition": StartingPoint(
        "self_cognition",
        # Eighty short rows: six passes are enough for the name. More of them, larger steps, or no general rows beside
        # cost a small model what it knew.
        {"num_train_epochs": 6.0, "max_length": 512, "learning_rate": 3e-4, "replay": 1.0},
        BEFORE_AFTER,
    ),
    "voice": StartingPoint(
        "voice",
        # Small steps, and a general row for each of one's own: a voice learnt from a few dozen rows alone, or in
        # large steps, costs a small model what it knew, and it says the same word over and over.
        {"num_train_epochs": 6.0, "max_length": 1024, "learning_rate": 2e-4, "replay": 1.0},
        (
            "How was your day?",
            "What should I do when I cannot sleep?",
            "What is the capital of Spain?",
            "今天过得怎么样？",
            "睡不着的时候该怎么办？",
            "一年有几个季节？",
        ),
    ),
    "facts": StartingPoint(
        "facts",
        # Facts want many exposures: the builder gives five to twenty wordings, the epochs do the rest.
        {"num_train_epochs": 5.0, "max_length": 1024, "lora_r": 32},
    ),
    "own": StartingPoint(
        "own", questions=("Who are you?", "What is the capital of Spain?", "你是谁？", "一年有几个季节？")
    ),
}
