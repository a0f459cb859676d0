"""Step 3: start, and watch the run that was started or that is at work."""

from typing import TYPE_CHECKING

import streamlit as st

from ui.components.inert import plain
from ui.text import say
from ui.train_parts.draft import WATCHED, Draft, chosen_dataset, go_to
from ui.train_parts.live import watch_run
from ui.train_parts.settings_step import no_data

if TYPE_CHECKING:
    from assistant.app import App
    from finetune.runs import RunInfo


def run_step(app: "App", draft: Draft) -> None:
    """Draw the tab."""
    run = watched_run(app)
    if run is not None:
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(f"**{plain(run.id, limit=70)}**")
            if not run.status.alive:
                st.button(
                    say("train.another_run"),
                    icon=":material/add:",
                    type="tertiary",
                    key="train_another",
                    on_click=_leave,
                )
        watch_run(app, run)
        return
    kept = chosen_dataset(app, draft)
    if kept is None:
        no_data()
        return
    config = draft.config(kept)
    st.markdown(
        say(
            "train.ready",
            name=plain(config.name or kept.name, limit=60),
            data=plain(kept.name, limit=60),
            model=plain(config.model, limit=60),
        )
    )
    st.caption(say("train.own_process"))
    with st.container(horizontal=True):
        if st.button(say("train.start"), type="primary", icon=":material/play_arrow:", key="train_start"):
            with st.spinner(say("train.starting"), show_time=True):
                started = app.workshop.start(config, notes=draft.notes)
            st.session_state[WATCHED] = started.id
            st.rerun()
        st.button(
            say("train.back_to_settings"),
            icon=":material/arrow_back:",
            key="train_back",
            on_click=go_to,
            args=("settings",),
        )


def watched_run(app: "App") -> "RunInfo | None":
    """The run that this session looks at; in a new session the one at work, so that a reload finds it again."""
    runs = app.workshop.runs()
    asked = st.session_state.get(WATCHED)
    if asked is None:
        found = next((run for run in runs if run.status.alive), None)
        if found is not None:  # it is still looked at when it has ended
            st.session_state[WATCHED] = found.id
        return found
    return next((run for run in runs if run.id == asked), None)


def _leave() -> None:
    st.session_state[WATCHED] = ""
