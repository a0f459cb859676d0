"""A dataset from a file, several files, or a folder on this computer."""

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from ui.text import language, say
from ui.train_parts.draft import Draft

if TYPE_CHECKING:
    from assistant.app import App
    from finetune.starting_points import RecipeName


def own_file(app: "App", draft: Draft, *, recipe: "RecipeName") -> None:
    """Draw the uploader and the folder's line."""
    uploads = st.file_uploader(
        say("train.upload"), accept_multiple_files=True, key=f"train_upload_{recipe}_{draft.round}"
    )
    st.caption(say("train.upload_formats"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        folder = st.text_input(
            say("train.folder"),
            placeholder=say("train.folder_hint"),
            key=f"train_folder_{recipe}_{draft.round}",
            width=520,
        )
        if st.button(say("train.take"), type="primary", icon=":material/check:", key=f"train_take_{recipe}"):
            datasets = app.workshop.datasets
            if folder.strip():
                kept = datasets.add_folder(Path(folder.strip()), recipe=recipe)
            else:
                kept = datasets.add_files([(u.name, u.getvalue()) for u in uploads], recipe=recipe)
            draft.take(kept)
            st.rerun()


def sample_voice(app: "App", draft: Draft) -> None:
    """Offer the rows that come with Tandem, for a first try without a file of one's own."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(say("train.sample_voice"), icon=":material/sailing:", key="train_sample_voice"):
            draft.take(app.workshop.datasets.sample_voice(language()))
            st.rerun()
        st.caption(say("train.sample_voice_about"))
