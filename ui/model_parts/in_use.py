"""Which models are in use, with the way back to the default, and the knowledge bases that lag behind a new embedder."""

from typing import TYPE_CHECKING

import streamlit as st

from ui.ask_parts.readiness import model_line
from ui.components.inert import plain
from ui.frame import framed, show_error
from ui.text import say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.providers.stored import Choice

_ERROR = "models_choice_error"
USES: "tuple[Choice, ...]" = ("chat", "embedding", "reranker")
_ICONS = {
    "chat": ":material/forum:",
    "embedding": ":material/scatter_plot:",
    "reranker": ":material/swap_vert:",
}
_NAMED = 4


def in_use(app: "App") -> None:
    """Draw the box."""
    chosen = app.settings.models
    with st.container(border=True, key="models_answering", gap="small"):
        _line(app, "chat", say("models.answering", name=plain(chosen.chat, limit=80)))
        model_line(app, alignment="left")
        _line(app, "embedding", say("models.embedding", name=plain(chosen.embedding, limit=80)))
        with framed():
            _behind(app)
        name = plain(chosen.reranker, limit=80) if chosen.reranker else say("models.reranker_none")
        _line(app, "reranker", say("models.reranking", name=name))
        error = st.session_state.pop(_ERROR, None)
        if error is not None:
            show_error(error)


def _line(app: "App", use: "Choice", text: str) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"{_ICONS[use]} {text}")
        if app.model_choice.is_set(use):
            st.caption(say("models.settings_decide", setting=f"models.{use}"))
        elif app.model_choice.chosen(use):
            st.button(
                say(f"models.default_{use}"),
                type="tertiary",
                icon=":material/undo:",
                key="models_default" if use == "chat" else f"models_default_{use}",
                on_click=choose,
                args=(app, use, ""),
            )


def _behind(app: "App") -> None:
    """What a change of embedder leaves to do."""
    behind = app.model_choice.behind()
    if not behind:
        return
    busy = {job.base_id for job in app.jobs() if job.state == "running"}
    waiting = [base for base in behind if base.id not in busy]
    names = ", ".join(
        f"{plain(base.name, limit=40)} ({plain(base.embedder, limit=60)})" for base in behind[:_NAMED]
    )
    if len(behind) > _NAMED:
        names += " …"
    with st.container(border=True, key="models_behind"):
        st.markdown(f":orange[:material/info:] {say('models.behind', names=names)}")
        with st.container(horizontal=True, vertical_alignment="center"):
            if waiting and st.button(
                say("models.reindex"), icon=":material/autorenew:", key="models_reindex_behind"
            ):
                app.model_choice.reindex_behind()
                st.rerun()
            if len(waiting) < len(behind):
                st.caption(say("models.reindexing", count=len(behind) - len(waiting)))


def choose(app: "App", use: "Choice", name: str) -> None:
    """Use a model from now on; a callback, so that the page is drawn once, with the new choice."""
    try:
        if use == "chat":
            app.answer_with(name)
        elif use != "hub":
            app.model_choice.choose(use, name)
    except Exception as error:  # told where the choice is shown: a callback draws above the page
        st.session_state[_ERROR] = error


def choose_button(app: "App", use: "Choice", name: str, *, key: str) -> bool:
    """Draw the button that lets a model do something, or the word that it does.

    Returns:
        Whether it was pressed for a model that has to show first that it can, by `choose_after_trying`.
    """
    if name == getattr(app.settings.models, use):
        st.badge(say(f"models.chosen_{use}"), icon=":material/check:", color="green")
        return False
    decided = app.model_choice.is_set(use)
    at_once = use == "chat"
    pressed = st.button(
        say(f"models.choose_{use}"),
        icon=_ICONS[use],
        key=key,
        on_click=choose if at_once else None,
        args=(app, use, name) if at_once else None,
        disabled=decided,
        help=say("models.settings_decide", setting=f"models.{use}") if decided else None,
    )
    return pressed and not at_once


def choose_after_trying(app: "App", use: "Choice", name: str) -> None:
    """Use an embedder or a reranker once it has done its work on a sentence."""
    with st.spinner(say("models.testing", name=plain(name, limit=60)), show_time=True):
        choose(app, use, name)
    st.rerun()
