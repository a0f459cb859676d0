"""The conversations in the sidebar: new, search, open, rename, export, delete."""

import re
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

import streamlit as st

from ui.ask_parts.current import current_id, leave_conversation, open_conversation
from ui.components.inert import plain
from ui.frame import framed
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.conversations import ConversationSummary

SHOWN = 40
TITLE_WIDTH = 28
ACTIONS = ("rename", "export", "delete")


def conversation_list(app: "App") -> None:
    """Draw the list, newest first."""
    if st.button(
        say("conversations.new"), icon=":material/edit_square:", width="stretch", key="conversation_new"
    ):
        leave_conversation()
    search = st.text_input(
        say("conversations.search"),
        placeholder=say("conversations.search"),
        label_visibility="collapsed",
        icon=":material/search:",
        type="search",
        live=True,
        key="conversation_search",
        persist_state="session",
    )
    # Nothing is kept of a conversation whose first answer was stopped at once; the next question fills it.
    found = [info for info in app.conversation_list(search.strip()) if info.turns]
    if not found:
        st.caption(say("conversations.not_found" if search.strip() else "conversations.none"))
    chosen = current_id()
    with st.container(key="conversation_list", gap=None):
        for info in found[:SHOWN]:
            _row(app, info, chosen=info.id == chosen)


def _row(app: "App", info: "ConversationSummary", *, chosen: bool) -> None:
    with st.container(
        horizontal=True,
        wrap=False,
        gap="xsmall",
        vertical_alignment="center",
        horizontal_alignment="distribute",
    ):
        title = plain(_short(info.title or say("conversations.new")))
        if st.button(
            f"**{title}**" if chosen else title,
            key=f"conversation_{info.id}",
            type="tertiary",
            wrap=False,
        ):
            open_conversation(info.id)
        action = st.menu_button(
            "",
            ACTIONS,
            type="tertiary",
            help=say("conversations.menu"),
            format_func=lambda option: _ACTION_LABELS[option](),
            key=f"conversation_menu_{info.id}",
        )
    if action == "rename":
        _rename(app, info)
    elif action == "export":
        _export(app, info)
    elif action == "delete":
        _delete(app, info)


def _short(title: str) -> str:
    """Cut `title` to one line of the sidebar; a Chinese character takes the room of two letters."""
    room = TITLE_WIDTH
    for index, char in enumerate(title):
        room -= 2 if east_asian_width(char) in "WF" else 1
        if room < 0:
            return title[:index].rstrip() + "…"
    return title


_ACTION_LABELS = {
    "rename": lambda: f":material/edit: {say('conversations.rename')}",
    "export": lambda: f":material/download: {say('conversations.export')}",
    "delete": lambda: f":material/delete: {say('app.delete')}",
}


def _rename(app: "App", info: "ConversationSummary") -> None:
    @st.dialog(say("conversations.rename"))
    @framed()
    def dialog() -> None:
        with st.form("conversation_rename", border=False):
            title = st.text_input(say("conversations.title"), value=info.title, max_chars=200)
            if st.form_submit_button(say("app.save"), type="primary"):
                if title.strip():
                    app.rename_conversation(info.id, title.strip())
                st.rerun()

    dialog()


def _export(app: "App", info: "ConversationSummary") -> None:
    @st.dialog(say("conversations.export"))
    @framed()
    def dialog() -> None:
        st.text(info.title)
        name = re.sub(r"[^\w\-]+", "-", info.title).strip("-")[:60] or "conversation"
        with st.container(horizontal=True):
            st.download_button(
                say("conversations.export_markdown"),
                app.export_conversation(info.id, "markdown", language()),
                f"{name}.md",
                "text/markdown",
                icon=":material/download:",
                on_click="ignore",
            )
            st.download_button(
                say("conversations.export_json"),
                app.export_conversation(info.id, "json", language()),
                f"{name}.json",
                "application/json",
                icon=":material/download:",
                on_click="ignore",
            )

    dialog()


def _delete(app: "App", info: "ConversationSummary") -> None:
    @st.dialog(say("app.delete"))
    @framed()
    def dialog() -> None:
        st.markdown(say("conversations.delete_question", title=plain(info.title, limit=80)))
        st.caption(say("conversations.delete_hint"))
        with st.container(horizontal=True):
            if st.button(
                say("app.delete"), type="primary", icon=":material/delete:", key="conversation_delete_yes"
            ):
                app.delete_conversation(info.id)
                if current_id() == info.id:
                    leave_conversation()
                st.rerun()
            if st.button(say("app.cancel"), key="conversation_delete_no"):
                st.rerun()

    dialog()
