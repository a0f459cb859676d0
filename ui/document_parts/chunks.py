"""A file opened: its chunks, to read, edit, and take out of use."""

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from ui.components.inert import plain
from ui.components.passages import Card, chunk_facts, show_cards
from ui.frame import framed
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App
    from knowledge.base import SourceInfo, StoredChunk

PAGE_CHUNKS = 15
_EDITED = "chunk_in_edit"


def open_file(app: "App", source: "SourceInfo") -> None:
    """Open the drawer with the chunks of `source`."""
    st.session_state.pop(_EDITED, None)

    @st.dialog(plain(source.name, limit=80), width=760, position="right", on_dismiss="rerun")
    @framed()
    def drawer() -> None:
        if source.error is not None:
            st.warning(plain(app.notice_text(source.error, language())))
        st.caption(
            say(
                "chunks.count" if source.pages else "chunks.count_no_pages",
                chunks=source.chunks,
                pages=source.pages,
            )
        )
        if not source.chunks:
            return
        pages = -(-source.chunks // PAGE_CHUNKS)
        page = st.pagination(pages, key=f"chunks_page_{source.id}") if pages > 1 else 1
        for stored in app.chunks(source.id, offset=(page - 1) * PAGE_CHUNKS, limit=PAGE_CHUNKS):
            _chunk(app, stored)

    drawer()


def _chunk(app: "App", stored: "StoredChunk") -> None:
    with st.container(key=f"chunk_{stored.id}", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            enabled = st.toggle(
                say("chunks.enabled", number=stored.chunk.ordinal + 1),
                value=stored.enabled,
                key=f"chunk_enabled_{stored.id}",
            )
            edit = st.button(
                say("chunks.edit"), icon=":material/edit:", type="tertiary", key=f"chunk_edit_{stored.id}"
            )
        if enabled != stored.enabled:
            app.enable_chunk(stored.id, enabled)
            stored = replace(stored, enabled=enabled)
        if edit:
            st.session_state[_EDITED] = stored.id
        if st.session_state.get(_EDITED) == stored.id:
            _editor(app, stored)
            return
        facts = chunk_facts(stored.chunk)
        if stored.edited:
            facts = (*facts, say("chunks.edited"))
        card = Card(stored.chunk.text, facts=facts, path=stored.chunk.heading_path, muted=not stored.enabled)
        show_cards([card], key=f"chunk_card_{stored.id}")


def _editor(app: "App", stored: "StoredChunk") -> None:
    with st.form(f"chunk_form_{stored.id}"):
        text = st.text_area(say("chunks.text"), stored.chunk.text, height=220, label_visibility="collapsed")
        st.caption(say("chunks.edit_hint"))
        with st.container(horizontal=True):
            save = st.form_submit_button(say("app.save"), type="primary")
            reset = stored.edited and st.form_submit_button(say("chunks.reset"), icon=":material/undo:")
            cancel = st.form_submit_button(say("app.cancel"))
    if reset:
        app.reset_chunk(stored.id)
        st.session_state.pop(_EDITED, None)
        st.rerun(scope="fragment")
    if save and not text.strip():
        st.warning(say("chunks.empty"))
    elif save or cancel:
        if save and text != stored.chunk.text:
            app.edit_chunk(stored.id, text)
        st.session_state.pop(_EDITED, None)
        st.rerun(scope="fragment")
