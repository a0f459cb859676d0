"""Which knowledge bases a question is looked up in."""

from typing import TYPE_CHECKING

import streamlit as st

from ui.components.inert import plain
from ui.text import say

if TYPE_CHECKING:
    from assistant.app import App

KEY = "ask_bases"


def choose_bases(app: "App") -> list[int]:
    """Draw the chooser; all bases that hold something are chosen at first.

    Returns:
        Numbers of the chosen bases; empty when none holds anything or none is chosen.
    """
    bases = {base.id: base for base in app.bases() if base.chunks}
    if not bases:
        st.caption(say("ask.bases_none"))
        return []
    known = st.session_state.get("ask_bases_known")
    if known != list(bases):
        # A base that is new here is searched without being asked for; what was taken out stays out.
        kept = st.session_state.get(KEY, list(bases)) if known else list(bases)
        fresh = [base_id for base_id in bases if base_id not in (known or [])]
        st.session_state[KEY] = [base_id for base_id in bases if base_id in kept or base_id in fresh]
        st.session_state["ask_bases_known"] = list(bases)
    chosen = list(st.session_state.get(KEY, list(bases)))
    with st.popover(
        plain(_summary(bases, chosen), limit=40), icon=":material/library_books:", type="tertiary"
    ):
        picked = st.pills(
            say("ask.bases"),
            list(bases),
            selection_mode="multi",
            format_func=lambda base_id: plain(bases[base_id].name, limit=60),
            key=KEY,
            persist_state="session",
        )
    return [base_id for base_id in picked if base_id in bases]


def _summary(bases: dict, chosen: list[int]) -> str:
    if len(chosen) == 1 and chosen[0] in bases:
        return bases[chosen[0]].name
    if len(chosen) == len(bases):
        return say("ask.bases_all")
    return say("ask.bases_count", count=len(chosen)) if chosen else say("ask.bases_none")
