"""Which arms are compared, and whether their names are hidden."""

from typing import TYPE_CHECKING

import streamlit as st

from assistant.arms import BASE, RAG, Arm
from ui.compare_parts.composing import compose_arm
from ui.compare_parts.labels import arm_label
from ui.components.inert import plain
from ui.text import say

if TYPE_CHECKING:
    from assistant.app import App

LEAST, MOST = 2, 4
_CHOICE, _OWN = "compare_arms", "compare_own_arms"


def choose_arms(app: "App", *, first: bool) -> tuple[list[str], bool]:
    """Draw the choice.

    Args:
        first: whether nothing has been compared yet; there is room then to say where further arms come from.

    Returns:
        Names of the chosen arms in the order offered, and whether to compare blind.
    """
    adapters = app.adapters()
    trained = [Arm(retrieval, adapter).name for adapter in adapters for retrieval in (False, True)]
    own: list[str] = st.session_state.setdefault(_OWN, [])
    offered = list(dict.fromkeys([BASE.name, RAG.name, *trained, *own]))
    # Set here and not as the default, so that a composed arm can be chosen at once.
    st.session_state.setdefault(_CHOICE, [BASE.name, RAG.name])
    left, right = st.columns([4, 1], vertical_alignment="center")
    with left:
        picked = st.pills(
            say("compare.arms"),
            offered,
            selection_mode="multi",
            wrap=True,
            format_func=lambda name: plain(arm_label(name), limit=80),
            key=_CHOICE,
            persist_state="session",
        )
        if first and not adapters:
            st.caption(say("compare.no_adapter"))
    with right:
        blind = st.toggle(
            say("compare.blind"),
            True,
            help=say("compare.blind_help"),
            key="compare_blind",
            persist_state="session",
        )
        # Beside the arms and not below them: a laptop's height is for the answers.
        if st.button(say("compare.add"), icon=":material/add:", type="tertiary", key="compare_add"):
            compose_arm(app, on_done=_offer)
    chosen = [name for name in offered if name in picked]
    if not LEAST <= len(chosen) <= MOST:
        st.caption(f":orange[:material/info:] {say('compare.arms_number')}")
    return chosen, blind


def _offer(name: str) -> None:
    """Offer a composed arm and choose it; in the place of the last one where there are four already."""
    own, chosen = st.session_state[_OWN], list(st.session_state[_CHOICE])
    st.session_state[_OWN] = [*own, name] if name not in own else own
    if name not in chosen:
        st.session_state[_CHOICE] = [*chosen[: MOST - 1], name]
