"""Which model answers now, how far it is, and the way back to the default."""

from typing import TYPE_CHECKING

import streamlit as st

from ui.ask_parts.readiness import model_line
from ui.components.inert import plain
from ui.frame import framed
from ui.text import say

if TYPE_CHECKING:
    from assistant.app import App


def answering_now(app: "App") -> None:
    """Draw the box."""
    with st.container(border=True, key="models_answering"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(say("models.answering", name=plain(app.settings.models.chat, limit=80)))
            if app.chat_is_set:
                st.caption(say("models.settings_decide"))
            elif app.providers.chosen:
                st.button(
                    say("models.default"),
                    type="tertiary",
                    icon=":material/undo:",
                    key="models_default",
                    on_click=choose,
                    args=(app, ""),
                )
        model_line(app)


@framed()
def choose(app: "App", name: str) -> None:
    """Let a model answer; a callback, so that the page is drawn once, with the new choice."""
    app.answer_with(name)


def choose_button(app: "App", name: str, *, key: str) -> None:
    """Draw the button that lets a model answer, or the word that it does."""
    if name == app.settings.models.chat:
        st.badge(say("models.chosen"), icon=":material/check:", color="green")
        return
    st.button(
        say("models.choose"),
        icon=":material/forum:",
        key=key,
        on_click=choose,
        args=(app, name),
        disabled=app.chat_is_set,
        help=say("models.settings_decide") if app.chat_is_set else None,
    )
