"""Which arms are compared, what they are called on the page, and whether their names are hidden."""

from typing import TYPE_CHECKING

import streamlit as st

from assistant.arms import BASE, RAG, Arm
from ui.components.inert import plain
from ui.text import say

if TYPE_CHECKING:
    from assistant.app import App

LEAST, MOST = 2, 4


def arm_label(name: str) -> str:
    """What an arm is called, as plain text; names of adapters are the user's."""
    kind, _, adapter = name.partition(":")
    return say(f"compare.arm_{kind.replace('+', '_')}", adapter=adapter)


def choose_arms(app: "App", *, first: bool) -> tuple[list[str], bool]:
    """Draw the choice.

    Args:
        first: whether nothing has been compared yet; there is room then to say where further arms come from.

    Returns:
        Names of the chosen arms in the order offered, and whether to compare blind.
    """
    adapters = app.adapters()
    trained = [Arm(retrieval, adapter).name for adapter in adapters for retrieval in (False, True)]
    offered = [BASE.name, RAG.name, *trained]
    left, right = st.columns([4, 1], vertical_alignment="center")
    with left:
        picked = st.pills(
            say("compare.arms"),
            offered,
            default=[BASE.name, RAG.name],
            selection_mode="multi",
            format_func=lambda name: plain(arm_label(name), limit=60),
            key="compare_arms",
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
    chosen = [name for name in offered if name in picked]
    if not LEAST <= len(chosen) <= MOST:
        st.caption(f":orange[:material/info:] {say('compare.arms_number')}")
    return chosen, blind
