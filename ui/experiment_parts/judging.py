"""An optional judge: who it is, what it showed in its exam, and its scores where they may count."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from assistant.compare.report_text import REPORT_TEXT
from assistant.compare.reporting import votes_text
from ui.components.inert import plain
from ui.experiment_parts.arms import arm_short
from ui.experiment_parts.tables import small_table
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.compare.records import Experiment

LOCAL, SERVER = "local", "server"
PARTS = ("repeat", "swap", "planted")


def show_judging(app: "App", experiment: "Experiment", results: dict[str, Any]) -> None:
    """Draw the tab."""
    st.caption(say("experiment.judge_about"))
    if not experiment.manifest.get("erased"):
        _choose(app, experiment)
    for name, card in app.experiments.judges(experiment.id).items():
        with st.container(border=True):
            _card(name, card)
            if card["passed"]:
                _scores(experiment, card["scores"])


def _choose(app: "App", experiment: "Experiment") -> None:
    labels = {one: say(f"experiment.judge_{one}") for one in (LOCAL, SERVER)}
    where = st.segmented_control(
        say("experiment.judge_where"),
        [LOCAL, SERVER],
        default=LOCAL,
        required=True,
        format_func=lambda one: labels[one],
        key="experiment_judge_where",
    )
    url = key = ""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if where == LOCAL:
            names = [row.name for row in app.models() if row.kind == "chat" and row.present]
            model = st.selectbox(
                say("experiment.judge_model"), names, key="experiment_judge_model", width=320
            )
        else:
            url = st.text_input(
                say("experiment.judge_url"),
                placeholder="http://127.0.0.1:8000/v1",
                key="experiment_judge_url",
                width=320,
            ).strip()
            model = st.text_input(
                say("experiment.judge_model"), key="experiment_judge_named", width=220
            ).strip()
            key = st.text_input(
                say("experiment.judge_key"),
                type="password",
                key="experiment_judge_key",
                autocomplete="off",
                width=220,
            )
        ready = bool(model) and (where == LOCAL or url.startswith(("http://", "https://")))
        if st.button(
            say("experiment.judge_start"),
            icon=":material/gavel:",
            key="experiment_judge",
            disabled=not ready or app.experiments.running() is not None,
        ):
            app.experiments.judge(experiment.id, model=model or "", url=url, key=key)
            st.rerun()
    if where == SERVER:
        st.caption(f":orange[:material/warning:] {say('experiment.judge_server_note')}")


def _card(name: str, card: dict[str, Any]) -> None:
    passed = card["passed"]
    icon = ":green[:material/verified:]" if passed else ":orange[:material/block:]"
    st.markdown(f"{icon} **{plain(name, limit=100)}**")
    st.markdown(say("experiment.judge_passed" if passed else "experiment.judge_failed"))
    pairs = card["pairs"]
    small_table(
        [
            {
                say("experiment.judge_part"): say(f"experiment.judge_part_{part}"),
                say("experiment.judge_right"): f"{card[part]} / {pairs}",
            }
            for part in PARTS
        ]
    )
    if card["read"] < card["asked"]:
        unread = REPORT_TEXT["judge_unread"][language()]
        st.caption(unread.format(count=card["asked"] - card["read"], asked=card["asked"]))
    if card["same_model"]:
        st.caption(f":orange[:material/warning:] {REPORT_TEXT['judge_same_model'][language()]}")
    st.caption(votes_text(card, language()))


def _scores(experiment: "Experiment", told: dict[str, Any]) -> None:
    if not told["n"]:
        return
    first, second = (plain(arm_short(arm), limit=60) for arm in experiment.plan.contrast)
    counts = {"wins": told["wins"], "losses": told["losses"], "ties": told["ties"], "count": told["n"]}
    if "interval" not in told:
        st.markdown(say("experiment.judge_few", first=first, second=second, **counts))
    else:
        points = {
            "points": told["difference"],
            "low": told["interval"]["low"],
            "high": told["interval"]["high"],
        }
        shown = {name: f"{100 * value:+.0f}" for name, value in points.items()}
        st.markdown(say("experiment.judge_scores", first=first, second=second, **counts, **shown))
    st.caption(say("experiment.judge_counts", inconsistent=told["inconsistent"], unread=told["unreadable"]))
