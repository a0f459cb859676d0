"""Why arms that look things up were wrong, question by question."""

from collections import Counter
from typing import TYPE_CHECKING, Any

import streamlit as st

from assistant.compare.report_text import REPORT_TEXT
from ui.experiment_parts.arms import arm_short
from ui.experiment_parts.question import choose_question, show_question_answers
from ui.experiment_parts.tables import small_table
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.compare.records import Experiment

CAUSES = ("irrelevant", "not_used", "refused", "conflicting", "misread", "not_indexed", "not_in_documents")


def show_losses(app: "App", experiment: "Experiment", results: dict[str, Any]) -> None:
    """Draw the tab."""
    losses = {arm: causes for arm, causes in results["losses"].items() if causes}
    if not losses:
        st.caption(say("experiment.losses_none"))
        return
    st.caption(say("experiment.losses_about"))
    counts = {arm: Counter(causes.values()) for arm, causes in losses.items()}
    told = [cause for cause in CAUSES if any(count[cause] for count in counts.values())]
    small_table(
        [
            {say("experiment.cause"): REPORT_TEXT[f"loss_{cause}"][language()]}
            | {arm_short(arm): count[cause] for arm, count in counts.items()}
            for cause in told
        ]
    )
    names = {arm: arm_short(arm) for arm in losses}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        arm = st.selectbox(
            say("board.arm"),
            list(losses),
            format_func=lambda one: names[one],
            key="experiment_loss_arm",
            width=320,
        )
        causes = [cause for cause in told if counts[arm][cause]]
        labels = {one: f"{REPORT_TEXT[f'loss_{one}'][language()]} ({counts[arm][one]})" for one in causes}
        cause = st.selectbox(
            say("experiment.cause"),
            causes,
            format_func=lambda one: labels[one],
            key=f"experiment_loss_cause_{hash(tuple(causes))}",
            width=420,
        )
    ids = [name for name, why in losses[arm].items() if why == cause]
    question = choose_question(experiment, ids, key=f"experiment_loss_{arm}_{cause}")
    if question is not None:
        show_question_answers(app, experiment, question, [arm], key=f"loss_{cause}")
