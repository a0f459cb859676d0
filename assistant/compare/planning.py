"""What an experiment declares before it asks anything: arms, the metric that decides, the contrast."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from assistant.compare.metric_table import ANSWER_METRICS, METRICS, default_primary
from assistant.compare.questions import QuestionSet
from assistant.compare.records import Plan
from assistant.errors import ExperimentError


def make_plan(
    questions: QuestionSet,
    arms: Sequence[str],
    *,
    primary: str | None = None,
    contrast: tuple[str, str] | None = None,
    **declared: Any,
) -> Plan:
    """Declare a run: what is not chosen becomes the default.

    The primary metric is F1 by the rules that fit the questions' language; the primary contrast is what an
    adapter adds to retrieval where both were asked, else what the last arm adds to the one before it.

    Args:
        declared: further fields of `Plan`.

    Raises:
        ExperimentError: there is no metric or arm of this name, or fewer than two arms.
    """
    primary = primary or default_primary(questions.questions)
    decisive = [name for name in ANSWER_METRICS if METRICS[name].unit == "share"]
    if primary not in decisive:
        known = ", ".join(decisive)
        raise ExperimentError("experiment_metric_unknown", name=primary, known=known)
    names = tuple(dict.fromkeys(arms))
    if len(names) < 2:
        raise ExperimentError("experiment_one_arm", arms=", ".join(names) or "-")
    plan = Plan(arms=names, primary=primary, contrast=(names[0], names[1]), **declared)
    contrast = contrast or default_contrast(plan.units if len(plan.units) > 1 else names)
    offered = tuple(dict.fromkeys((*plan.units, *names)))
    members = [set(plan.groups.get(name, (name,))) for name in contrast]
    if not set(contrast) <= set(offered) or members[0] & members[1]:
        raise ExperimentError(
            "experiment_contrast_wrong", contrast=" ".join(contrast), arms=", ".join(offered)
        )
    return replace(plan, contrast=contrast)


def default_arms(adapters: Sequence[str]) -> list[str]:
    """The 2 x 2 of the first adapter; without one, its half."""
    trained = [f"sft:{adapters[0]}", f"rag+sft:{adapters[0]}"] if adapters else []
    return ["base", "rag", *trained]


def default_contrast(arms: Sequence[str]) -> tuple[str, str]:
    """The pair to declare when none is chosen."""
    both = next((arm for arm in arms if arm.startswith("rag+sft")), None)
    return ("rag", both) if both is not None and "rag" in arms else (arms[-2], arms[-1])
