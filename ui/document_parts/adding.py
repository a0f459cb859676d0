"""Bringing files in: upload or a folder on the server, a look at the chunks, then the job."""

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.typing import UploadedFile

from ui.components.inert import plain
from ui.components.passages import chunk_cards, show_cards
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App
    from knowledge.base import BaseInfo

PREVIEW_CHUNKS = 30


def adding(app: "App", base: "BaseInfo") -> None:
    """Draw the tab."""
    # A new key empties the uploader, which has no other way to be cleared.
    round_ = st.session_state.setdefault("adding_round", 0)
    uploads = st.file_uploader(
        say("adding.upload"),
        accept_multiple_files=True,
        key=f"uploads_{round_}",
        help=say("adding.formats"),
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        folder = st.text_input(
            say("adding.folder"),
            live=True,
            placeholder=say("adding.folder_hint"),
            key=f"folder_{round_}",
            width=520,
        )
        password = st.text_input(
            say("adding.password"),
            type="password",
            key=f"password_{round_}",
            help=say("adding.password_help"),
            width=240,
            autocomplete="off",
        )
    chosen = bool(uploads) or bool(folder.strip())
    with st.container(horizontal=True, vertical_alignment="center"):
        start = st.button(
            say("adding.start"),
            type="primary",
            icon=":material/playlist_add:",
            disabled=not chosen,
            key="adding_start",
        )
        look = st.toggle(say("adding.preview"), disabled=not chosen, key=f"adding_preview_{round_}")
    if chosen and folder.strip() and not Path(folder.strip()).expanduser().exists():
        st.warning(say("adding.folder_missing", folder=plain(folder.strip(), limit=120)))
        return
    if start:
        if _start(app, base, uploads, folder.strip(), password):
            st.session_state["adding_round"] = round_ + 1
            st.rerun()
        st.warning(say("adding.nothing"))
    if look and chosen:
        _preview(app, base, uploads, folder.strip(), password)


def _start(app: "App", base: "BaseInfo", uploads: list[UploadedFile], folder: str, password: str) -> bool:
    """Start the job; False when there is nothing to read."""
    from knowledge.indexing import SourceInput

    secret = password or None
    inputs: list[SourceInput] = []
    if folder:
        found, skipped = app.gather([Path(folder).expanduser()], password=secret)
        inputs += found
        for notice in skipped[:5]:
            st.toast(plain(app.notice_text(notice, language())), icon=":material/info:")
    for upload in uploads:
        inputs.append(SourceInput(app.save_upload(upload.name, upload.getvalue()), upload.name, secret))
    if inputs:
        app.start_indexing(base.id, inputs)
    return bool(inputs)


def _preview(app: "App", base: "BaseInfo", uploads: list[UploadedFile], folder: str, password: str) -> None:
    """Show how one of the chosen files would be cut, with sizes that can be tried out."""
    files: dict[str, UploadedFile | Path] = {upload.name: upload for upload in uploads}
    if folder:
        inputs, _ = app.gather([Path(folder).expanduser()])
        files |= {found.name: found.path for found in inputs[:200]}
    if not files:
        st.caption(say("adding.nothing"))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(say("adding.preview_file"), list(files), key="preview_file", width=360)
        size = st.number_input(
            say("splitter.size"), 32, 8192, base.splitter.chunk_size, 16, key="preview_size", width=180
        )
        overlap = st.number_input(
            say("splitter.overlap"), 0, 1024, base.splitter.chunk_overlap, 8, key="preview_overlap", width=180
        )
    chosen = files[name]
    with st.spinner(say("adding.preview_working")):
        path = chosen if isinstance(chosen, Path) else app.save_upload(chosen.name, chosen.getvalue())
        try:
            preview = app.preview(
                path, name, base_id=base.id, chunk_size=size, chunk_overlap=overlap, password=password or None
            )
        finally:
            if not isinstance(chosen, Path):
                path.unlink(missing_ok=True)
    chunks = preview.chunks
    tokens = sum(chunk.token_count for chunk in chunks)
    st.caption(
        say("adding.preview_count", chunks=len(chunks), tokens=tokens, pages=len(preview.document.pages))
    )
    for notice in preview.document.notices:
        st.caption(plain(app.notice_text(notice, language())))
    show_cards(chunk_cards(chunks[:PREVIEW_CHUNKS]), key="preview_cards")
    if len(chunks) > PREVIEW_CHUNKS:
        st.caption(say("adding.preview_more", count=len(chunks) - PREVIEW_CHUNKS))
