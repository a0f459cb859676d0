"""The flip browser: questions that one arm gained or lost against another, with both answers."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from ui.experiment_parts.arms import arm_short
from ui.experiment_parts.question import choose_question, show_question_answers
from ui.text import say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.compare.records import Experiment

GAINED, LOST, SAME = "gained", "lost", "same"


def show_flips(app: "App", experiment: "Experiment", results: dict[str, Any]) -> None:
    """Draw the tab."""
    pairs = {(pair["first"], pair["second"]): pair for pair in results["pairs"]}
    declared = experiment.plan.contrast
    pairs |= {(b, a): _turned(pair) for (a, b), pair in list(pairs.items()) if (b, a) == declared}
    # Labels are made before: Streamlit asks for them again where no language is known.
    names = {(first, second): f"{arm_short(first)} → {arm_short(second)}" for first, second in pairs}
    chosen = st.selectbox(
        say("experiment.flip_pair"),
        list(pairs),
        index=list(pairs).index(declared) if declared in pairs else 0,
        format_func=lambda pair: names[pair],
        key="experiment_flip_pair",
        width=620,
    )
    pair = pairs[chosen]
    moved = {*pair["gained"], *pair["lost"]}
    ids = {
        GAINED: list(pair["gained"]),
        LOST: list(pair["lost"]),
        SAME: [question.id for question in experiment.questions if question.id not in moved],
    }
    labels = {one: say(f"experiment.flip_{one}", count=len(ids[one])) for one in ids}
    kind = st.segmented_control(
        say("experiment.flip_kind"),
        list(ids),
        default=GAINED if ids[GAINED] else LOST if ids[LOST] else SAME,
        required=True,
        format_func=lambda one: labels[one],
        key=f"experiment_flip_kind_{hash(chosen)}",
        label_visibility="collapsed",
    )
    question = choose_question(experiment, ids[kind], key=f"experiment_flip_{hash(chosen)}_{kind}")
    if question is None:
        st.caption(say("experiment.flip_none"))
        return
    show_question_answers(app, experiment, question, chosen, key="flip")


def _turned(pair: dict[str, Any]) -> dict[str, Any]:
    return pair | {"gained": pair["lost"], "lost": pair["gained"]}
