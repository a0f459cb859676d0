"""With which arm the page Ask answers: the documents' own, or one with an adapter."""

from typing import TYPE_CHECKING

import streamlit as st

from assistant.arms import RAG, Arm
from ui.compare_parts.labels import arm_label
from ui.text import say

if TYPE_CHECKING:
    from assistant.app import App

CHOSEN_ARM = "ask_arm"
"""Name of the arm that new conversations begin with; set by the page Train."""


def first_arm(app: "App") -> Arm:
    """The arm of a new conversation; the documents' own where the adapter chosen before is gone."""
    name = st.session_state.get(CHOSEN_ARM, RAG.name)
    return app.arm(name) if app.arm(name).adapter in (None, *app.adapters()) else RAG


def choose_arm(app: "App", now: Arm, *, key: str) -> Arm:
    """Draw the choice where there is one.

    Args:
        now: answers unless another is chosen.
        key: of the conversation; each keeps its own choice.
    """
    adapters = app.adapters()
    if not adapters:
        return now
    offered = [RAG.name, *(Arm(lookup, name).name for name in adapters for lookup in (True, False))]
    if now.name not in offered:
        offered.append(now.name)
    labels = {name: arm_label(name) for name in offered}
    chosen = st.selectbox(
        say("train.answers_with"),
        offered,
        offered.index(now.name),
        format_func=labels.__getitem__,
        key=f"ask_arm_{key}",
    )
    st.session_state[CHOSEN_ARM] = chosen
    return app.arm(chosen)
