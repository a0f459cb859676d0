"""The ways from an adapter to the pages that answer with it."""

from typing import TYPE_CHECKING

import streamlit as st

from assistant.arms import Arm
from ui.ask_parts.answering import CHOSEN_ARM
from ui.ask_parts.current import leave_conversation
from ui.text import say
from ui.train_parts.draft import go_to

if TYPE_CHECKING:
    from assistant.app import App

ASKED_ADAPTER = "train_asked_adapter"
COMPARED_ARMS = "compare_arms"


def use_adapter(app: "App", name: str, *, key: str) -> None:
    """Draw the buttons, where the adapter can answer here."""
    if name not in app.adapters():
        return
    with st.container(horizontal=True):
        st.button(
            say("train.ask_now"),
            icon=":material/compare:",
            type="primary",
            key=f"train_use_ask_{key}",
            on_click=_before_after,
            args=(name,),
        )
        if st.button(say("train.use_in_ask"), icon=":material/forum:", key=f"train_use_page_{key}"):
            st.session_state[CHOSEN_ARM] = Arm(True, name).name
            leave_conversation()
        if st.button(
            say("train.use_in_compare"), icon=":material/compare_arrows:", key=f"train_use_compare_{key}"
        ):
            arms = ["base", "rag", Arm(False, name).name, Arm(True, name).name]
            st.session_state[COMPARED_ARMS] = arms
            st.switch_page("app_pages/compare.py")


def _before_after(name: str) -> None:
    st.session_state[ASKED_ADAPTER] = name
    go_to("ask")
