"""Models on their way: a bar with a stop for each, and what came of it."""

from typing import TYPE_CHECKING

import streamlit as st

from ui.components.inert import plain
from ui.frame import explain, framed
from ui.text import say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.downloads import Download

POLL_S = 0.7
STAGES = ("convert", "download", "unpack", "verify")


def fetch(app: "App", name: str) -> None:
    """Begin to fetch a model to this machine."""
    from assistant.models import fetch as bring

    settings = app.settings
    app.downloads.start(name, lambda progress, hangup: bring(name, settings, progress=progress))
    st.rerun()


def downloads(app: "App") -> None:
    """Draw all downloads; while one runs, this part of the page polls them."""
    if any(download.state == "running" for download in app.downloads.all()):
        st.fragment(_polled, run_every=POLL_S)(app)
    else:
        _all(app)


@framed()
def _polled(app: "App") -> None:
    if all(download.state != "running" for download in app.downloads.all()):
        st.rerun()  # the whole page: there is a new model
    _all(app)


def _all(app: "App") -> None:
    for number, download in enumerate(app.downloads.all()):
        with st.container(border=True, key=f"download_{number}"):
            if download.state == "running":
                _running(app, download, number)
            else:
                _ended(app, download, number)


def _running(app: "App", download: "Download", number: int) -> None:
    share = min(1.0, download.done / download.total) if download.total else 0.0
    st.progress(share, text=_told(download))
    if download.stopping:
        st.caption(say("models.stopping"))
    elif st.button(say("app.stop"), icon=":material/stop:", key=f"download_stop_{number}"):
        app.downloads.stop(download)
        st.rerun(scope="fragment")


def _told(download: "Download") -> str:
    stage = download.stage
    if stage in STAGES:
        stage = say(f"models.stage_{stage}")
    name = plain(_title(download), limit=80)
    if not download.total and not download.done:
        return say("models.fetching", name=name, stage=plain(stage, limit=60) or "…")
    if not download.total:
        so_far = f"{download.done / 1e6:.0f}"
        return say("models.fetching_so_far", name=name, stage=plain(stage, limit=60), done=so_far)
    done, total = (f"{size / 1e6:.0f}" for size in (download.done, download.total))
    return say("models.fetching_bytes", name=name, stage=plain(stage, limit=60), done=done, total=total)


def _ended(app: "App", download: "Download", number: int) -> None:
    name = plain(_title(download), limit=80)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        if download.state == "failed" and download.error is not None:
            reason = plain(explain(download.error))
            st.markdown(f":red[:material/error:] {say('models.failed', name=name, reason=reason)}")
        elif download.state == "stopped":
            st.markdown(f":orange[:material/info:] {say('models.stopped', name=name)}")
        else:
            st.markdown(f":green[:material/check_circle:] {say('models.fetched', name=name)}")
        if st.button(
            say("app.dismiss"), type="tertiary", icon=":material/close:", key=f"download_dismiss_{number}"
        ):
            app.downloads.forget(download)
            st.rerun()


def _title(download: "Download") -> str:
    return f"{download.place} / {download.name}" if download.place else download.name
