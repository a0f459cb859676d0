"""Indexing under way: a bar, the file at hand, a stop button, and what came of it."""

from typing import TYPE_CHECKING

import streamlit as st

from ui.components.inert import plain
from ui.frame import explain, framed
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.jobs import Job
    from knowledge.base import BaseInfo

POLL_S = 0.7


def progress(app: "App", base: "BaseInfo") -> None:
    """Draw the latest job of `base`; while it runs, this part of the page polls it."""
    job = next((job for job in app.jobs() if job.base_id == base.id), None)
    if job is None or (job.state == "done" and job.done and not job.results):
        return  # done in an earlier process, which kept no word of single files: the table tells of them
    if job.state == "running":
        st.fragment(_running, run_every=POLL_S)(app, job.id)
    else:
        _ended(app, job)


@framed()
def _running(app: "App", job_id: int) -> None:
    job = app.job(job_id)
    if job.state != "running":
        st.rerun()  # the whole page: the table of files has changed
    with st.container(border=True, key="job_running"):
        total = max(job.total, 1)
        share = min(1.0, (job.done + (job.file_done / job.file_total if job.file_total else 0)) / total)
        stage = say(f"stage.{job.stage}") if job.stage in STAGES else ""
        counted = say("progress.files", done=job.done, total=job.total)
        st.progress(share, text=counted if job.total else say("progress.starting"))  # not yet counted
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.text(f"{job.current}  {stage}".strip() or " ")
            if job.stopping:
                st.caption(say("progress.stopping"))
            elif st.button(say("app.stop"), icon=":material/stop:", key=f"job_stop_{job.id}"):
                app.stop_job(job.id)
                st.rerun(scope="fragment")
        _failures(app, job)


COUNTED = ("added", "changed", "renamed", "unchanged", "removed", "failed")
STAGES = ("parse", "split", "embed", "write")


def _ended(app: "App", job: "Job") -> None:
    with st.container(border=True, key="job_ended"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            if job.state == "failed" and job.error is not None:
                st.markdown(f":red[:material/error:] {plain(explain(job.error))}")
            else:
                clean = job.state == "done" and not any(result.state == "failed" for result in job.results)
                icon = ":green[:material/check_circle:]" if clean else ":orange[:material/info:]"
                seconds = f"{job.seconds:.1f}"
                told = say(f"progress.{job.state}", counts=_counts(job), seconds=seconds)
                st.markdown(f"{icon} {told}")
            with st.container(horizontal=True, width="content"):
                if job.state in ("interrupted", "stopped") and st.button(
                    say("progress.continue"), icon=":material/play_arrow:", key=f"job_continue_{job.id}"
                ):
                    app.continue_job(job.id)
                    st.rerun()
                if st.button(
                    say("app.dismiss"), type="tertiary", icon=":material/close:", key=f"job_dismiss_{job.id}"
                ):
                    _dismiss(app, job)
                    st.rerun()
        for notice in job.notices:
            st.caption(plain(app.notice_text(notice, language())))
        _failures(app, job)


def _dismiss(app: "App", job: "Job") -> None:
    """Forget `job`, and with it older ones of its base, unless they can be continued."""
    for other in app.jobs():
        over = other.state in ("done", "failed") and other.base_id == job.base_id
        if over or other.id == job.id:
            app.forget_job(other.id)


def _counts(job: "Job") -> str:
    """What became of the files, such as "3 added, 1 failed"."""
    states = [result.state for result in job.results]
    told = [say(f"count.{state}", count=states.count(state)) for state in COUNTED if state in states]
    if job.done and not told:  # as above
        return say("progress.files", done=job.done, total=job.total)
    return say("count.between").join(told) or say("count.nothing")


def _failures(app: "App", job: "Job") -> None:
    failed = [result.error for result in job.results if result.state == "failed" and result.error is not None]
    if not failed:
        return
    with st.expander(say("progress.failures", count=len(failed)), expanded=len(failed) <= 3):
        for error in failed[:50]:
            st.markdown(plain(app.notice_text(error, language())))
        if len(failed) > 50:
            st.caption(say("progress.more", count=len(failed) - 50))
