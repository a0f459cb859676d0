"""Choosing, making, renaming and deleting knowledge bases."""

from typing import TYPE_CHECKING

import streamlit as st

from ui.components.inert import plain
from ui.frame import framed
from ui.text import say

if TYPE_CHECKING:
    from assistant.app import App
    from knowledge.base import BaseInfo

CHOICE = "documents_base"
NEW = "documents_base_new"
"""In the session: a base was just made, and its first files are to be added."""


def choose_base(app: "App") -> "BaseInfo | None":
    """Draw the chooser with its buttons; None when there is no knowledge base yet."""
    bases = {base.id: base for base in app.bases()}
    if not bases:
        with st.container(border=True, horizontal_alignment="center"):
            st.markdown(f"**{say('bases.none')}**", text_alignment="center")
            st.caption(say("bases.none_hint"), text_alignment="center")
            if st.button(say("bases.new"), icon=":material/add:", type="primary"):
                _create(app)
        return None
    labels = {base_id: _label(base) for base_id, base in bases.items()}
    known = st.session_state.get(CHOICE)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        # The browser keeps a choice by its label, so a chooser whose labels have changed is another one.
        chosen = st.selectbox(
            say("bases.one"),
            list(bases),
            index=list(bases).index(known) if known in bases else 0,
            format_func=lambda base_id: labels[base_id],
            key=f"{CHOICE}_{hash(tuple(labels.items()))}",
            width=420,
        )
        st.session_state[CHOICE] = chosen
        base = bases[chosen]
        if st.button(say("bases.new_short"), icon=":material/add:", help=say("bases.new"), key="base_new"):
            _create(app)
        if st.button(say("bases.rename"), icon=":material/edit:", key="base_rename_open"):
            _rename(app, base)
        if st.button(
            say("app.delete"), icon=":material/delete:", help=say("bases.delete"), key="base_delete_open"
        ):
            _delete(app, base)
    return base


def _label(base: "BaseInfo") -> str:
    return say("bases.label", name=base.name, files=base.files, chunks=base.chunks)


def _create(app: "App") -> None:
    @st.dialog(say("bases.new"))
    @framed()
    def dialog() -> None:
        with st.form("base_create", border=False, enter_to_submit=True):
            name = st.text_input(say("bases.name"), placeholder=say("bases.name_hint"), max_chars=80)
            if st.form_submit_button(say("app.create"), type="primary"):
                if not name.strip():
                    st.warning(say("bases.name_missing"))
                    return
                base = app.create_base(name.strip())
                st.session_state[CHOICE] = base.id
                st.session_state[NEW] = True
                st.rerun()

    dialog()


def _rename(app: "App", base: "BaseInfo") -> None:
    @st.dialog(say("bases.rename"))
    @framed()
    def dialog() -> None:
        with st.form("base_rename", border=False):
            name = st.text_input(say("bases.name"), value=base.name, max_chars=80)
            if st.form_submit_button(say("app.save"), type="primary"):
                if not name.strip():
                    st.warning(say("bases.name_missing"))
                    return
                app.rename_base(base.id, name.strip())
                st.rerun()

    dialog()


def _delete(app: "App", base: "BaseInfo") -> None:
    @st.dialog(say("bases.delete"))
    @framed()
    def dialog() -> None:
        st.markdown(say("bases.delete_question", name=plain(base.name), files=base.files))
        st.caption(say("bases.delete_hint"))
        with st.container(horizontal=True):
            if st.button(say("app.delete"), type="primary", icon=":material/delete:", key="base_delete_yes"):
                app.delete_base(base.id)
                st.rerun()
            if st.button(say("app.cancel"), key="base_delete_no"):
                st.rerun()

    dialog()
