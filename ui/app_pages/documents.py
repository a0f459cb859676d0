"""Knowledge bases and the files in them."""

import streamlit as st

from ui.document_parts.adding import adding
from ui.document_parts.bases import NEW, choose_base
from ui.document_parts.files import files
from ui.document_parts.progress import progress
from ui.document_parts.reindexing import reindexing
from ui.document_parts.samples import offer_samples
from ui.document_parts.trying import trying
from ui.frame import framed
from ui.resources import open_app
from ui.text import say

st.set_page_config(layout="wide")
app = open_app()

st.title(say("documents.title"))
base = choose_base(app)
if base is None:
    with st.container(horizontal=True, horizontal_alignment="center"), framed():
        offer_samples(app)
else:
    with framed():
        progress(app, base)
    if st.session_state.pop(NEW, False):
        st.session_state["documents_tabs"] = say("tab.add")
    tabs = st.tabs(
        [say("tab.files"), say("tab.add"), say("tab.try"), say("tab.reindex")],
        key="documents_tabs",
        on_change="rerun",
    )
    for tab, draw in zip(tabs, (files, adding, trying, reindexing), strict=True):
        if tab.open:
            with tab, framed():
                draw(app, base)
