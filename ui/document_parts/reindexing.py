"""Cutting or embedding a base anew, with a way back."""

from typing import TYPE_CHECKING

import streamlit as st

from ui.components.inert import plain
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App
    from knowledge.base import BaseInfo


def reindexing(app: "App", base: "BaseInfo") -> None:
    """Draw the tab."""
    st.caption(say("reindex.about"))
    models = [model for model in app.models() if model.kind == "embedding"]
    names = [model.name for model in models]
    if base.embedder not in names:
        names.insert(0, base.embedder)
    absent = {model.name for model in models if not model.present}

    with st.form("reindex", border=False):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            size = st.number_input(say("splitter.size"), 32, 8192, base.splitter.chunk_size, 16, width=200)
            overlap = st.number_input(
                say("splitter.overlap"), 0, 1024, base.splitter.chunk_overlap, 8, width=200
            )
            embedder = st.selectbox(
                say("reindex.embedder"),
                names,
                index=names.index(base.embedder),
                format_func=lambda name: f"{name} ({say('reindex.absent')})" if name in absent else name,
                width=320,
            )
        for model in models:
            if model.name == base.embedder:
                st.caption(plain(model.note(language())))
        if st.form_submit_button(say("reindex.start"), icon=":material/autorenew:", type="primary"):
            if overlap >= size:
                st.warning(say("splitter.overlap_too_large"))
            else:
                app.start_reindex(
                    base.id,
                    embedder=embedder if embedder != base.embedder else None,
                    chunk_size=size,
                    chunk_overlap=overlap,
                )
                st.rerun()
    if base.previous:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.caption(say("reindex.previous"))
            if st.button(say("reindex.back"), icon=":material/undo:", key="reindex_back"):
                app.roll_back(base.id)
                st.rerun()
