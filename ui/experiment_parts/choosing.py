"""Which experiment is shown: a list of those there are, and the way to a new one."""

from typing import TYPE_CHECKING

import streamlit as st

from ui.components.inert import plain
from ui.frame import framed
from ui.text import say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.compare.records import Experiment

SHOWN = "experiment_shown"
"""In the session: the experiment's number, or 0 for a new one."""


def open_experiment(number: int) -> None:
    """Show an experiment from the next run of the page on; 0 is a new one."""
    st.session_state[SHOWN] = number


def choose_experiment(app: "App") -> int | None:
    """Draw the chooser; None is a new experiment."""
    there = {experiment.id: experiment for experiment in app.experiments.all()}
    if not there:
        st.caption(say("experiment.about"))
        return None
    shown = st.session_state.get(SHOWN)
    if shown is None:
        shown = app.experiments.running() or next(iter(there))
        open_experiment(shown)
    if shown not in there:
        shown = 0
    labels = {0: say("experiment.new")} | {number: _label(one) for number, one in there.items()}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        # The browser keeps a choice by its label, so a chooser whose labels have changed is another one.
        key = f"experiment_choice_{hash(tuple(labels.items()))}_{shown}"
        st.selectbox(
            say("experiment.one"),
            list(labels),
            index=list(labels).index(shown),
            format_func=lambda number: labels[number],
            key=key,
            width=520,
            on_change=lambda: _choose(st.session_state[key], instead_of=shown),
        )
        if shown:
            if st.button(say("experiment.new_short"), icon=":material/add:", key="experiment_new"):
                open_experiment(0)
                st.rerun()
            if st.button(
                say("app.delete"),
                icon=":material/delete:",
                key="experiment_delete_open",
                disabled=app.experiments.running() == shown,
            ):
                _delete(app, there[shown])
    return shown or None


def _choose(number: int, *, instead_of: int) -> None:
    # A click while the page draws brings the last chooser's choice along, as if it were made just now.
    if st.session_state.get(SHOWN) == instead_of:
        open_experiment(number)


def _label(experiment: "Experiment") -> str:
    return say(
        "experiment.label",
        number=experiment.id,
        name=experiment.name,
        questions=len(experiment.questions),
        arms=len(experiment.plan.arms),
    )


def _delete(app: "App", experiment: "Experiment") -> None:
    @st.dialog(say("experiment.delete"))
    @framed()
    def dialog() -> None:
        st.markdown(say("experiment.delete_question", name=plain(experiment.name, limit=80)))
        with st.container(horizontal=True):
            if st.button(
                say("app.delete"), type="primary", icon=":material/delete:", key="experiment_delete_yes"
            ):
                app.experiments.delete(experiment.id)
                st.session_state.pop(SHOWN, None)
                st.rerun()
            if st.button(say("app.cancel"), key="experiment_delete_no"):
                st.rerun()

    dialog()
