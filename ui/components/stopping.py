"""A button that ends the answer being written."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import streamlit as st

from ui.text import say

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

_STATE = "answer_ended"
LONGEST_WAIT_S = 5.0
"""Seconds that a new drawing waits for the answer that it interrupted to be put away."""


def stop_place() -> "DeltaGenerator":
    """Keep a place for the button beside the line to ask in; nothing shows there until an answer is written."""
    return st.empty()


@contextmanager
def stoppable(place: "DeltaGenerator") -> Iterator[None]:
    """Offer the button while the block writes an answer; a click ends the block where it next draws.

    Streamlit's own button in `st.chat_input` is not used: it is missing when any other part of the page
    draws at the moment of asking, it ends the script without drawing the page again, and an example that is
    clicked does not have it.
    """
    place.button(say("app.stop"), icon=":material/stop_circle:", key="stop_answer")
    ended = threading.Event()
    st.session_state[_STATE] = ended
    try:
        yield
    finally:
        ended.set()


def wait_for_interrupted() -> None:
    """Let an answer that this drawing interrupted be put away first.

    Streamlit draws anew while the interrupted script still ends, so that what was written by then would be
    missing from the page.
    """
    ended = st.session_state.get(_STATE)
    if isinstance(ended, threading.Event):
        ended.wait(LONGEST_WAIT_S)
