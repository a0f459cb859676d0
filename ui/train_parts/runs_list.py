"""All runs: what became of each, and the curves of several in one chart."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import streamlit as st

from ui.components.inert import plain
from ui.frame import framed
from ui.text import language, say
from ui.train_parts.charts import compare_chart
from ui.train_parts.draft import WATCHED, Draft, go_to
from ui.train_parts.live import duration, shown_state

if TYPE_CHECKING:
    from assistant.app import App
    from finetune.runs import RunInfo

POLL_S = 3.0


def runs_list(app: "App", draft: Draft) -> None:
    """Draw the tab; while a run is at work, it is drawn again every few seconds."""
    alive = any(run.status.alive for run in app.workshop.runs())
    st.fragment(framed()(_list), run_every=POLL_S if alive else None)(app)


def _list(app: "App") -> None:
    runs = app.workshop.runs()
    if not runs:
        st.caption(say("train.no_runs"))
        return
    actions = st.container(horizontal=True, vertical_alignment="center")
    chosen = st.dataframe(
        [_row(run) for run in runs],
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key=f"train_runs_{hash(tuple(run.id for run in runs))}",
        height=min(38 + 35 * len(runs), 320),
        column_config={
            "name": st.column_config.TextColumn(say("train.run"), width="medium"),
            "state": st.column_config.TextColumn(say("train.state"), width="small"),
            "steps": st.column_config.TextColumn(say("train.steps"), width="small"),
            "loss": st.column_config.NumberColumn(say("train.loss"), format="%.4f", width="small"),
            "eval": st.column_config.NumberColumn(say("train.curve_eval"), format="%.4f", width="small"),
            "time": st.column_config.TextColumn(say("train.time"), width="small"),
            "begun": st.column_config.TextColumn(say("train.begun"), width="small"),
            "remark": st.column_config.TextColumn(say("train.remark"), width="large"),
        },
    )
    picked = [runs[row] for row in chosen.selection.rows if row < len(runs)]
    one = picked[0] if len(picked) == 1 else None
    with actions:
        opened = st.button(
            say("train.open"),
            icon=":material/open_in_new:",
            disabled=one is None,
            key="train_run_open",
            on_click=_open,
            args=(one.id if one else "",),
        )
        if opened:
            st.rerun()  # the whole page: this part alone would stay on its tab
        if st.button(
            say("app.delete"),
            icon=":material/delete:",
            disabled=not picked or any(run.status.alive for run in picked),
            key="train_run_delete",
        ):
            _delete(app, picked)
        st.caption(say("train.pick_runs"))
    drawn = [(run.id, run.folder.read_metrics()[0]) for run in picked]
    if any(records for _, records in drawn):
        compare_chart(drawn, key="train_compare_chart")
    if len(picked) > 1:
        _differences(picked)


def _row(run: "RunInfo") -> dict[str, Any]:
    status = run.status
    begun = datetime.fromtimestamp(status.started or run.folder.path.stat().st_mtime)
    return {
        "name": run.id,
        "state": say(f"train.state_{shown_state(status)}"),
        "steps": f"{status.step} / {status.total_steps}" if status.total_steps else "",
        "loss": status.loss,
        "eval": status.eval_loss,
        "time": duration(status.seconds),
        "begun": begun.strftime("%m-%d %H:%M"),
        "remark": status.reason(language()),
    }


def _differences(runs: "list[RunInfo]") -> None:
    """The settings in which the chosen runs differ."""
    settings = [
        run.record.get("settings", {}) | {"data": run.config.data, "model": run.config.model} for run in runs
    ]
    names = sorted(set().union(*settings))
    rows = []
    for name in names:
        values = [str(each.get(name, "")) for each in settings]
        if len(set(values)) > 1:
            rows.append(
                {say("train.setting"): name} | dict(zip((run.id for run in runs), values, strict=True))
            )
    if rows:
        st.markdown(f"**{say('train.differences')}**")
        st.dataframe(rows, hide_index=True, key="train_differences")


def _open(run_id: str) -> None:
    st.session_state[WATCHED] = run_id
    go_to("run")


def _delete(app: "App", runs: "list[RunInfo]") -> None:
    @st.dialog(say("train.delete_runs"))
    @framed()
    def dialog() -> None:
        st.markdown(say("train.delete_runs_question", count=len(runs)))
        for run in runs[:10]:
            st.text(run.id)
        with st.container(horizontal=True):
            if st.button(
                say("app.delete"), type="primary", icon=":material/delete:", key="train_run_delete_yes"
            ):
                for run in runs:
                    app.workshop.delete_run(run.id)
                st.toast(plain(say("train.deleted", count=len(runs))))
                st.rerun()
            if st.button(say("app.cancel"), key="train_run_delete_no"):
                st.rerun()

    dialog()
