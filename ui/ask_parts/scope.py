"""Which knowledge bases a question is looked up in."""

from typing import TYPE_CHECKING

import streamlit as st

from ui.components.inert import plain
from ui.text import say

if TYPE_CHECKING:
    from assistant.app import App
    from knowledge.base import BaseInfo

LEFT_OUT = "ask_bases_left_out"


def choose_bases(app: "App") -> list[int]:
    """Draw the chooser; all bases that hold something are chosen at first.

    Returns:
        Numbers of the chosen bases; empty when none holds anything or none is chosen.
    """
    bases = {base.id: base for base in app.bases() if base.chunks}
    if not bases:
        st.caption(say("ask.bases_empty"))
        return []
    # A base that is new here is searched without being asked for; what was taken out stays out.
    left_out = {base_id for base_id in st.session_state.get(LEFT_OUT, ()) if base_id in bases}
    chosen = [base_id for base_id in bases if base_id not in left_out]
    names = {base_id: plain(base.name, limit=60) for base_id, base in bases.items()}
    key = f"ask_bases_{hash(tuple(names.items()))}"
    with st.popover(
        plain(_summary(bases, chosen), limit=40),
        icon=":material/library_books:",
        type="tertiary",
        key="ask_bases_popover",
    ):
        # The browser keeps a choice by its label, so a chooser whose labels have changed is another one.
        picked = st.pills(
            say("ask.bases"),
            list(bases),
            default=chosen,
            selection_mode="multi",
            wrap=True,
            format_func=lambda base_id: names[base_id],
            key=key,
            on_change=lambda: _leave_out(list(bases), st.session_state[key]),
        )
    _leave_out(list(bases), picked)
    return list(picked)


def _leave_out(all_ids: list[int], picked: list[int]) -> None:
    st.session_state[LEFT_OUT] = [base_id for base_id in all_ids if base_id not in picked]


def _summary(bases: "dict[int, BaseInfo]", chosen: list[int]) -> str:
    if len(chosen) == 1 and chosen[0] in bases:
        return bases[chosen[0]].name
    if len(chosen) == len(bases):
        return say("ask.bases_all")
    return say("ask.bases_count", count=len(chosen)) if chosen else say("ask.bases_none")
