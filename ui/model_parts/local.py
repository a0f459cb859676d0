"""Models of this machine: the catalogue with what is here, and a line to fetch any other."""

import os
from typing import TYPE_CHECKING

import streamlit as st

from ui.components.inert import plain
from ui.frame import framed
from ui.model_parts.downloads import fetch
from ui.model_parts.in_use import USES, choose_after_trying, choose_button
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.models import ModelInfo


def local_models(app: "App") -> None:
    """Draw the tab."""
    rows = [row for row in app.models() if not row.name.startswith("provider:")]
    for row in rows:
        if row.kind == "chat":
            _row(app, row)
    _any_other(app)
    st.subheader(say("models.others"))
    st.caption(say("models.others_hint"))
    for row in rows:
        if row.kind != "chat":
            _row(app, row)


def _row(app: "App", row: "ModelInfo") -> None:
    use = next(use for use in USES if use == row.kind)
    pressed = False
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"model_{row.name}"):
        with st.container(gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"**{plain(row.name)}**", width="content")
                if row.present:
                    st.badge(say("models.here"), icon=":material/hard_drive:", color="gray")
                if row.kind != "chat":
                    st.badge(say(f"models.kind_{row.kind}"), color="blue")
            st.caption(
                " · ".join(
                    part for part in (_size(row), _languages(row), plain(row.note(language()))) if part
                )
            )
        if not row.present:
            if st.button(say("models.get"), icon=":material/download:", key=f"get_{row.name}"):
                fetch(app, row.name)
        else:
            pressed = choose_button(app, use, row.name, key=f"choose_{row.name}")
    if pressed:
        choose_after_trying(app, use, row.name)


def _size(row: "ModelInfo") -> str:
    return f"{row.size_bytes / 1e9:.1f} GB" if row.size_bytes else ""


def _languages(row: "ModelInfo") -> str:
    if not row.languages:  # a model of the user's own, which does not say
        return ""
    return (
        say("models.languages_all")
        if "*" in row.languages
        else say("count.between").join(say(f"models.language_{code}") for code in sorted(row.languages))
    )


def _any_other(app: "App") -> None:
    hub = app.settings.models.hub or os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    with st.form("models_fetch", border=True):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input(
                say("models.fetch_other"), placeholder=say("models.fetch_hint"), key="models_fetch_name"
            )
            wanted = st.form_submit_button(say("models.fetch"), icon=":material/download:")
        st.caption(say("models.fetch_where", hub=plain(hub.removeprefix("https://"))))
    with framed():
        _mirror(app)
    if wanted and name.strip():
        fetch(app, name.strip())


def _mirror(app: "App") -> None:
    """Another address for the hub, where that cannot be reached."""
    with st.expander(say("models.mirror"), icon=":material/dns:"):
        if app.model_choice.is_set("hub"):
            st.caption(say("models.settings_decide", setting="models.hub"))
            return
        with (
            st.form("models_mirror", border=False),
            st.container(horizontal=True, vertical_alignment="bottom"),
        ):
            address = st.text_input(
                say("models.mirror_address"),
                value=app.model_choice.chosen("hub"),
                placeholder="https://hf-mirror.com",
                key="models_mirror_address",
            )
            wanted = st.form_submit_button(say("models.mirror_use"))
        st.caption(say("models.mirror_about"))
        if wanted:
            app.model_choice.use_hub(address)
            st.toast(say("models.mirror_kept"))
            st.rerun()
