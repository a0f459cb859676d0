"""What the model is doing while it is not ready yet, and what to expect of it."""

from typing import TYPE_CHECKING

import streamlit as st

from ui.components.inert import plain
from ui.frame import explain, framed
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App

POLL_S = 1.0


def model_line(app: "App") -> None:
    """One quiet line: which model answers and what to expect, or how far it is."""
    if app.ready().stage == "ready":
        st.caption(plain(app.model_note(language())), text_alignment="center")
    else:
        st.fragment(_waiting, run_every=POLL_S)(app)


@framed()
def _waiting(app: "App") -> None:
    readiness = app.ready()
    if readiness.stage == "ready":
        st.caption(plain(app.model_note(language())), text_alignment="center")
        return
    if readiness.stage == "failed":
        reason = plain(explain(readiness.error)) if readiness.error else ""
        st.caption(f":red[:material/error:] {reason}", text_alignment="center")
        return
    text = say(f"ready.{readiness.stage}", model=plain(readiness.model))
    if readiness.stage == "fetching" and readiness.total:
        text += f" {readiness.done / readiness.total:.0%}"
    st.caption(f":shimmer[{text}]", text_alignment="center")
