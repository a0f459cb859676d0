"""A run under way: how far it is, how long it will take, how many questions are still needed, and a stop button."""

from typing import TYPE_CHECKING

import streamlit as st

from ui.components.inert import plain
from ui.experiment_parts.arms import arm_short
from ui.experiment_parts.choosing import open_experiment
from ui.experiment_parts.question import LONGEST_ID
from ui.frame import explain, framed
from ui.text import say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.compare.background import Progress

POLL_S = 0.8


def show_progress(app: "App", number: int) -> bool:
    """Draw where the run stands; whether there is something to say about its arms."""
    told = app.experiments.progress(number)
    if told is not None and told.state in ("running", "stopping"):
        st.fragment(_running, run_every=POLL_S)(app, number)
        return False
    experiment = app.experiments.get(number)
    total = len(experiment.questions) * len(experiment.plan.arms)
    done = app.experiments.answered(number)
    if told is not None and told.state == "failed" and told.error is not None:
        st.error(plain(explain(told.error)), icon=":material/error:")
    if experiment.manifest.get("erased"):
        st.info(say("experiment.erased"), icon=":material/ink_eraser:")
    elif done < total:
        with st.container(border=True, horizontal=True, vertical_alignment="center", key="experiment_open"):
            st.markdown(f":orange[:material/info:] {say('experiment.unfinished', done=done, total=total)}")
            if st.button(
                say("experiment.resume"),
                icon=":material/play_arrow:",
                key="experiment_resume",
                disabled=app.experiments.running() is not None,
            ):
                app.experiments.resume(number)
                st.rerun()
            if st.button(
                say("experiment.again"),
                icon=":material/restart_alt:",
                help=say("experiment.again_help"),
                key="experiment_again",
                disabled=app.experiments.running() is not None,
            ):
                open_experiment(app.experiments.again(number))
                st.rerun()
    return done > 0


@framed()
def _running(app: "App", number: int) -> None:
    told = app.experiments.progress(number)
    if told is None or told.state not in ("running", "stopping"):
        st.rerun()  # the whole page: there are results now
    with st.container(border=True, key="experiment_running"):
        share = told.done / told.total if told.total else 0.0
        st.progress(share, text=_how_far(told))
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.text(_at(told))
            if told.state == "stopping":
                st.caption(say("experiment.stopping"))
            elif st.button(say("app.stop"), icon=":material/stop:", key=f"experiment_stop_{number}"):
                app.experiments.stop(number)
                st.rerun(scope="fragment")
        if told.failed:
            st.caption(f":orange[:material/warning:] {say('experiment.failed', count=told.failed)}")
        _meter(app, number, told)
    st.caption(say("experiment.leave"))


def _how_far(told: "Progress") -> str:
    text = say("experiment.progress", done=told.done, total=told.total)
    if told.seconds_left is None:
        return text
    minutes, seconds = divmod(round(told.seconds_left), 60)
    return f"{text} · {say('experiment.left', minutes=minutes, seconds=f'{seconds:02}')}"


def _at(told: "Progress") -> str:
    if not told.arm:
        return say("experiment.starting")
    arm = arm_short(told.arm)
    return f"{told.question_id} · {arm}" if len(told.question_id) <= LONGEST_ID else arm


def _meter(app: "App", number: int, told: "Progress") -> None:
    """How many questions are needed by what was seen so far; counted anew after every tenth answer."""
    key = f"experiment_meter_{number}"
    at = told.done // 10
    kept = st.session_state.get(key)
    if kept is None or kept[0] != at:
        kept = (at, app.experiments.meter(number))
        st.session_state[key] = kept
    seen = kept[1]
    if not seen["seen"]:
        return
    if seen["needed"] is None:
        st.caption(say("experiment.meter_never", points=f"{100 * seen['wanted']:.0f}"))
        return
    st.progress(
        min(1.0, seen["n"] / seen["needed"]),
        text=say(
            "experiment.meter",
            have=seen["n"],
            needed=seen["needed"],
            points=f"{100 * seen['wanted']:.0f}",
        ),
    )
