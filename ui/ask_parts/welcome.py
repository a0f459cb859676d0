"""The first sight of the page: what it does, and three questions to try."""

from typing import TYPE_CHECKING

import streamlit as st

from ui.components.inert import plain
from ui.document_parts.samples import offer_samples
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App


def welcome(app: "App", *, anything: bool) -> str | None:
    """Draw it.

    Args:
        anything: whether there is anything to search.

    Returns:
        The example that was clicked.
    """
    st.space("large")
    st.title(say("welcome.title"), text_alignment="center", anchor=False)
    st.caption(say("welcome.hint"), text_alignment="center")
    if not anything:
        with st.container(horizontal_alignment="center"):
            st.caption(say("ask.base_empty"), text_alignment="center")
            with st.container(horizontal=True, horizontal_alignment="center"):
                if st.button(say("ask.go_documents"), type="primary", icon=":material/folder_open:"):
                    st.switch_page("app_pages/documents.py")
                offer_samples(app)
        return None
    chosen = None
    with st.container(horizontal_alignment="center", gap="small"):
        examples = app.example_questions(language())
        if examples:
            st.caption(say("welcome.examples"), text_alignment="center")
        for number, example in enumerate(examples):
            if st.button(
                plain(example), key=f"example_{number}", width="stretch", icon=":material/north_east:"
            ):
                chosen = example
    return chosen
