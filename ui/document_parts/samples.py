"""The sample manual, offered where there is nothing to search yet."""

from typing import TYPE_CHECKING

import streamlit as st

from ui.document_parts.bases import CHOICE
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App


def offer_samples(app: "App") -> None:
    """Draw the button; a click begins to index the manual and shows how far it is."""
    from assistant.setup import SAMPLES, start_samples

    if not SAMPLES.is_dir():
        return
    if st.button(
        say("samples.add"), icon=":material/auto_stories:", help=say("samples.about"), key="samples_add"
    ):
        st.session_state[CHOICE] = start_samples(app, language())
        st.switch_page("app_pages/documents.py")
