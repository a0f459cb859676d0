"""What the model is doing while it is not ready yet, and what to expect of it."""

from typing import TYPE_CHECKING, Literal

import streamlit as st

from ui.components.inert import plain
from ui.frame import explain, framed
from ui.text import language, say

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from assistant.app import App
    from assistant.app.readiness import Readiness

POLL_S = 1.0
TextAlignment = Literal["left", "center"]


def model_line(app: "App", *, alignment: TextAlignment = "center") -> None:
    """One quiet line: which model answers and what to expect, or how far it is."""
    if app.ready().stage == "ready":
        _show(app, alignment)
    else:
        st.fragment(framed()(_show), run_every=POLL_S)(app, alignment)


class ModelLine:
    """The same line while an answer is written, when no part of the page can draw itself again.

    Args:
        place: where it stands.
    """

    def __init__(self, app: "App", place: "DeltaGenerator") -> None:
        self._app = app
        self._place = place
        self._shown: Readiness | None = None

    def refresh(self) -> None:
        """Draw the line if there is something else to say."""
        readiness = self._app.ready()
        if readiness != self._shown:
            self._shown = readiness
            with self._place:
                _show(self._app)


def _show(app: "App", alignment: TextAlignment = "center") -> None:
    readiness = app.ready()
    if readiness.stage == "ready":
        text = plain(app.model_note(language()))
    elif readiness.stage == "failed":
        reason = plain(explain(readiness.error)) if readiness.error else ""
        text = f":red[:material/error:] {reason}"
    else:
        text = say(f"ready.{readiness.stage}", model=plain(readiness.model))
        if readiness.stage == "fetching" and readiness.total:
            text += f" {readiness.done / readiness.total:.0%}"
        text = f":shimmer[{text}]"
    st.caption(text, text_alignment=alignment)
