"""A run as it goes: state, curves, log, and the buttons that stop it and go on with it."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from finetune.config import RunConfig
from finetune.next_step import pairs
from ui.components.inert import plain
from ui.frame import framed
from ui.text import language, say
from ui.train_parts.charts import loss_chart, small_charts
from ui.train_parts.draft import WATCHED, current_draft, go_to
from ui.train_parts.using import use_adapter

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.training.datasets import KeptDataset
    from finetune.run_folder import Status
    from finetune.runs import RunInfo

POLL_S = 1.0
LOG_BYTES = 20_000
ICONS = {
    "preparing": ":blue[:material/hourglass_top:]",
    "running": ":blue[:material/directions_run:]",
    "checking": ":blue[:material/fact_check:]",
    "done": ":green[:material/check_circle:]",
    "refused": ":orange[:material/block:]",
    "stopped": ":orange[:material/pause_circle:]",
    "failed": ":red[:material/error:]",
    "interrupted": ":orange[:material/power_off:]",
}


def watch_run(app: "App", run: "RunInfo") -> None:
    """Draw a run; while it is at work, this part of the page polls its folder."""
    if run.status.alive:
        st.fragment(framed()(_live), run_every=POLL_S)(app, run.id)
    else:
        _ended(app, run)


def state_line(status: "Status") -> str:
    """The state in words, with its sign."""
    state = shown_state(status)
    return f"{ICONS[state]} {say(f'train.state_{state}')}"


def shown_state(status: "Status") -> str:
    """The state as people see it: what was trained to the end and failed a check is not just done."""
    return "refused" if status.code == "adapter_not_offered" else status.state


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 90:
        return say("train.seconds", count=round(seconds))
    if seconds < 5400:
        return say("train.minutes", count=round(seconds / 60))
    return say("train.hours", count=f"{seconds / 3600:.1f}")


def _live(app: "App", run_id: str) -> None:
    run = app.workshop.run(run_id)
    if not run.status.alive:
        st.rerun()  # the whole page: buttons and lists change with it
    asked = run.folder.stop.exists()
    _progress(run.status)
    with st.container(horizontal=True, vertical_alignment="center"):
        if asked:
            st.caption(f":shimmer[{say('train.stopping')}]")
        else:
            if st.button(
                say("train.stop"), icon=":material/pause:", key="train_stop", help=say("train.stop_help")
            ):
                app.workshop.stop(run_id)
                st.rerun(scope="fragment")
            if st.button(
                say("train.finish"), icon=":material/flag:", key="train_finish", help=say("train.finish_help")
            ):
                app.workshop.stop(run_id, finish=True)
                st.rerun(scope="fragment")
    _pictures(run)


def _progress(status: "Status") -> None:
    share = min(1.0, status.step / status.total_steps) if status.total_steps else 0.0
    told = [say("train.step_of", step=status.step, total=status.total_steps)] if status.total_steps else []
    if status.loss is not None:
        told.append(say("train.loss_now", loss=f"{status.loss:.3f}"))
    if status.eval_loss is not None:
        told.append(say("train.eval_loss_now", loss=f"{status.eval_loss:.3f}"))
    if status.eta_s is not None and status.alive:
        told.append(say("train.left", time=duration(status.eta_s)))
    st.markdown(state_line(status))
    if status.state in ("preparing", "checking"):
        st.caption(say(f"train.about_{status.state}"))
    st.progress(share, text="  ·  ".join(told) or say("train.running_for", time=duration(status.seconds)))


def _pictures(run: "RunInfo") -> None:
    records, _ = run.folder.read_metrics()
    if records:
        total = run.status.total_steps
        loss_chart(records, total=total, key="train_loss")
        small_charts(records, total=total, key="train_small")
    facts(run)
    _log(run)


def facts(run: "RunInfo") -> None:
    """What is known about a run beside its curves, and what was remarked on the way."""
    record = run.record
    if parameters := record.get("parameters"):
        st.caption(
            say(
                "train.trainable",
                trainable=f"{parameters['trainable']:,}",
                total=f"{parameters['total']:,}",
                percent=f"{100 * parameters['share']:.2f}",
            )
        )
    if record.get("rows"):
        st.caption(
            say(
                "train.run_rows",
                rows=record["rows"],
                held=record.get("eval_rows", 0),
                tokens=f"{record.get('trained_tokens', 0):,}",
            )
        )
    # What was advised before the start says nothing once the checks have spoken.
    advice = record.get("advice", []) if run.status.alive else []
    for finding in (*record.get("notes", []), *advice):
        st.caption(f":orange[:material/lightbulb:] {plain(finding['text'][language()])}")


def _log(run: "RunInfo") -> None:
    log = st.expander(f":material/terminal: {say('train.log')}", key="train_log", on_change="rerun")
    if log.open:
        with log:
            try:
                with run.folder.log.open("rb") as file:
                    file.seek(max(0, run.folder.log.stat().st_size - LOG_BYTES))
                    text = file.read().decode("utf-8", "replace")
            except OSError:
                text = ""
            st.code(text or say("train.log_empty"), language=None, height=260)
            st.caption(plain(str(run.folder.path)))


def _ended(app: "App", run: "RunInfo") -> None:
    status = run.status
    with st.container(border=True, key="train_ended"):
        st.markdown(f"{state_line(status)}  ·  {duration(status.seconds)}")
        if status.code:
            st.markdown(plain(status.reason(language())))
        if status.code == "adapter_not_offered":
            _again(app, run)
        if status.state == "done" and status.adapter:
            st.markdown(say("train.offered", name=plain(status.adapter, limit=60)))
            use_adapter(app, status.adapter, key="ended")
        if status.state in ("stopped", "interrupted", "failed"):
            checkpoint = run.folder.latest_checkpoint()
            step = 0 if checkpoint is None else int(checkpoint.name.rpartition("-")[2])
            st.caption(say("train.resume_from", step=step) if step else say("train.resume_anew"))
            if st.button(
                say("train.resume"), icon=":material/play_arrow:", type="primary", key="train_resume"
            ):
                app.workshop.resume(run.id)
                st.rerun()
    if status.state == "stopped":
        _progress(status)
    _pictures(run)


def _again(app: "App", run: "RunInfo") -> None:
    """Offer the settings again with the change that the failed checks call for."""
    changes = run.status.params.get("changes")
    kept = next(
        (kept for kept in app.workshop.datasets.all() if str(kept.path.resolve()) == run.config.data), None
    )
    if not changes or kept is None:
        return
    told = "  ".join(f"`{pair}`" for pair in pairs(changes))
    st.button(
        say("train.try_change"),
        icon=":material/tune:",
        type="primary",
        key="train_try_change",
        help=told,
        on_click=_take_change,
        args=(app, run.config, kept, changes),
    )


def _take_change(app: "App", config: RunConfig, kept: "KeptDataset", changes: dict[str, Any]) -> None:
    current_draft(app).repeat(kept, config, changes)
    st.session_state[WATCHED] = ""
    go_to("settings")
