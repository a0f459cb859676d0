"""A dialog that makes an arm of one's own: another model, adapter, knowledge base or way of searching."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from assistant.arms import Arm, Lookup, Mode
from assistant.errors import TANDEM_ERRORS
from ui.components.inert import plain
from ui.frame import explain, framed
from ui.text import say

if TYPE_CHECKING:
    from assistant.app import App

MODES: tuple[Mode, ...] = ("hybrid", "dense", "lexical")


def compose_arm(app: "App", *, on_done: Callable[[str], None]) -> None:
    """Open the dialog.

    Args:
        on_done: called with the arm's name, before the page is drawn again.
    """

    @st.dialog(say("compare.add"))
    @framed()
    def dialog() -> None:
        st.caption(say("compare.add_about"))
        model = _model(app)
        adapter = _adapter(app, model)
        retrieval = st.toggle(say("compare.add_documents"), True, key="compare_add_documents")
        lookup = _lookup(app) if retrieval else Lookup()
        name = Arm(retrieval, adapter, model, lookup).name
        if st.button(
            say("compare.add_done"), type="primary", key="compare_add_done", on_click=lambda: on_done(name)
        ):
            st.rerun()

    dialog()


def _model(app: "App") -> str | None:
    """Another model than the chosen one, or None."""
    chosen = app.settings.models.chat
    beside = [row.name for row in app.models() if row.kind == "chat" and row.present and row.name != chosen]
    for provider in app.loaded.providers.all():
        try:
            served = app.loaded.providers.models(provider.name)
        except TANDEM_ERRORS as err:
            st.caption(f":orange[:material/info:] {plain(explain(err))}")
            continue
        names = [f"provider:{provider.name}/{model.id}" for model in served if model.kind != "embedding"]
        beside += [name for name in names if name != chosen and name not in beside]
    picked = st.selectbox(
        say("compare.add_model"),
        [chosen, *beside],
        format_func=lambda name: name.removeprefix("provider:"),
        key="compare_add_model",
    )
    if picked == chosen:
        return None
    if not picked.startswith("provider:"):
        st.caption(say("compare.add_model_beside"))
    return str(picked)


def _adapter(app: "App", model: str | None) -> str | None:
    """An adapter of the model, or None; where there are none, nothing is asked."""
    try:
        adapters = app.adapters() if model is None else app.other_models.adapters(model)
    except TANDEM_ERRORS as err:
        st.caption(f":orange[:material/info:] {plain(explain(err))}")
        return None
    if not adapters:
        return None
    picked = st.selectbox(
        say("compare.add_adapter"),
        ["", *adapters],
        format_func=lambda name: name or say("compare.add_adapter_none"),
        # Another model has other adapters: a choice of one must not stay for the next.
        key=f"compare_add_adapter_{model}",
    )
    return picked or None


def _lookup(app: "App") -> Lookup:
    """How passages are found; whatever is left empty is as chosen on the page."""
    bases = st.multiselect(
        say("compare.add_bases"),
        [base.name for base in app.bases() if base.chunks],
        placeholder=say("compare.add_here"),
        key="compare_add_bases",
    )
    left, right = st.columns([1, 2])
    with left:
        passages = st.number_input(
            say("compare.add_passages"),
            1,
            50,
            None,
            placeholder=say("compare.add_here"),
            key="compare_add_passages",
        )
    with right:
        mode: Mode | None = st.segmented_control(
            say("compare.add_mode"),
            MODES,
            format_func=lambda option: say(f"mode.{option}"),
            key="compare_add_mode",
        )
    return Lookup(tuple(bases), passages, mode)
