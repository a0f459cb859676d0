"""One thing to do after failed checks, whichever they are, and never two that pull apart."""

import itertools

import pytest

from finetune.config import TrainingConfig
from finetune.next_step import NextStep, next_step, pairs

GATES = ("finite", "moved", "held_out", "answers_end", "thinking", "forgetting")
SETTINGS = TrainingConfig(stage="sft", learning_rate=4e-4, num_train_epochs=5.0)


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_every_set_of_failures_has_one_step(count: int) -> None:
    for failed in itertools.combinations(GATES, count):
        step = next_step(failed, SETTINGS, [])
        assert step is not None, failed
        for language in ("en", "zh"):
            assert all(pair in step.text(language) for pair in pairs(step.changes))  # type: ignore[arg-type]
            assert "{" not in step.text(language)  # type: ignore[arg-type]
        more = step.changes.get("num_train_epochs", 5.0) > 5.0
        larger = step.changes.get("learning_rate", 4e-4) > 4e-4
        assert not (("forgetting" in failed) and larger and "moved" not in failed)
        assert not (more and "forgetting" in failed and "learning_rate" not in step.changes)


def test_forgetting_asks_for_general_rows_first_and_for_smaller_steps_when_there_are_enough() -> None:
    assert next_step(["forgetting"], SETTINGS, []) == NextStep("next_replay", {"replay": 0.5})
    some = TrainingConfig(stage="sft", learning_rate=4e-4, replay=0.4)
    assert next_step(["forgetting"], some, []) == NextStep("next_replay", {"replay": 0.8})
    full = TrainingConfig(stage="sft", learning_rate=4e-4, replay=1.0)
    assert next_step(["forgetting"], full, []) == NextStep("next_lower_rate", {"learning_rate": 2e-4})
    pairs_of_answers = TrainingConfig(stage="dpo", learning_rate=4e-4)
    assert next_step(["forgetting"], pairs_of_answers, []).code == "next_lower_rate"  # type: ignore[union-attr]


def test_answers_that_do_not_end_and_forgetting_are_one_illness() -> None:
    step = next_step(["answers_end", "forgetting", "held_out"], SETTINGS, [(0, 3.0), (5, 3.5)])
    assert step == NextStep("next_smaller_steps", {"learning_rate": 2e-4, "num_train_epochs": 10.0})
    assert step.text() == (
        "What to do: train again with smaller steps and more of them: learning_rate=0.0002 num_train_epochs=10"
    )
    counted = TrainingConfig(stage="sft", learning_rate=4e-4, max_steps=30)
    assert next_step(["answers_end"], counted, []) == NextStep("next_longer", {"max_steps": 60})


def test_a_loss_that_rose_again_ends_the_training_at_its_lowest() -> None:
    curve = [(0.0, 3.0), (1.0, 2.8), (2.0, 2.7), (3.0, 3.2)]
    assert next_step(["held_out"], SETTINGS, curve) == NextStep(
        "next_fewer_epochs", {"num_train_epochs": 2.0}
    )
    counted = TrainingConfig(stage="sft", learning_rate=4e-4, max_steps=30)
    assert next_step(["held_out"], counted, curve).changes == {"max_steps": -1, "num_train_epochs": 2.0}  # type: ignore[union-attr]
    risen = [(0.0, 3.0), (1.0, 3.1), (2.0, 3.4)]
    assert next_step(["held_out"], SETTINGS, risen) == NextStep("next_lower_rate", {"learning_rate": 2e-4})


def test_no_setting_mends_the_wrong_base() -> None:
    assert next_step(["shape", "forgetting"], SETTINGS, []) is None
