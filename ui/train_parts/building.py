"""Documents to training rows: choose a knowledge base, build, and look at what came of it."""

from typing import TYPE_CHECKING, Literal

import streamlit as st

from ui.components.inert import plain
from ui.frame import framed, show_error
from ui.text import say
from ui.train_parts.build_view import build_view
from ui.train_parts.draft import Draft
from ui.train_parts.live import duration

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.training.build_job import BuildJob
    from assistant.training.data_building import BuildOptions

POLL_S = 0.7
_OPENED = "train_build"
WRITERS: tuple[Literal["auto", "rules", "model"], ...] = ("auto", "rules", "model")


def build_from_documents(app: "App", draft: Draft) -> None:
    """Draw the choice of a base, the build under way, or the rows of one that is done."""
    job = app.workshop.build_job
    if job is not None:
        if not job.ended:
            st.fragment(framed()(_progress), run_every=POLL_S)(app, job)
            return
        app.workshop.build_job = None
        if job.error is not None:
            show_error(job.error)
        else:
            st.session_state[_OPENED] = job.name
    opened = st.session_state.get(_OPENED)
    if opened and opened in app.data_builds.names():
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(f"##### {plain(opened, limit=60)}")
            st.button(
                say("train.build_another"),
                icon=":material/undo:",
                type="tertiary",
                key="train_build_another",
                on_click=st.session_state.pop,
                args=(_OPENED, None),
            )
        build_view(app, draft, opened)
        return
    _choose(app)
    _made(app)


def _choose(app: "App") -> None:
    bases = {base.id: base for base in app.bases() if base.chunks}
    if not bases:
        st.caption(say("train.build_no_base"))
        if st.button(say("ask.go_documents"), icon=":material/folder_open:", key="train_go_documents"):
            st.switch_page("app_pages/documents.py")
        return
    with st.container(border=True):
        left, right = st.columns([3, 2])
        with left:
            chosen = st.multiselect(
                say("train.build_bases"),
                list(bases),
                default=list(bases)[:1],
                format_func=lambda number: bases[number].name,
                key="train_build_bases",
            )
        with right:
            name = st.text_input(
                say("train.build_name"),
                bases[chosen[0]].name if chosen else "",
                max_chars=80,
                key=f"train_build_name_{chosen}",
            )
        options = _options()
        if st.button(
            say("train.build"),
            type="primary",
            icon=":material/construction:",
            disabled=not chosen or not name.strip(),
            key="train_build_start",
        ):
            app.workshop.start_build(app.data_builds, _free_name(app, name.strip()), chosen, options)
            st.rerun()
        st.caption(say("train.build_about"))


def _options() -> "BuildOptions":
    from finetune.facts.options import FEWEST, MOST, BuildOptions

    default = BuildOptions()
    left, right = st.columns(2)
    with left:
        wordings = st.slider(
            say("train.wordings"),
            FEWEST,
            MOST,
            default.wordings,
            help=say("train.wordings_help"),
            key="train_wordings",
        )
    with right:
        most = st.number_input(
            say("train.max_facts"),
            0,
            None,
            default.max_facts,
            help=say("train.max_facts_help"),
            key="train_max_facts",
        )
    with st.expander(say("train.build_more"), key="train_build_more"):
        shares = {}
        for (share, value), cell in zip(
            (("open_book", default.open_book), ("unknown", default.unknown), ("replay", default.replay)),
            st.columns(3),
            strict=True,
        ):
            with cell:
                shares[share] = st.slider(
                    say(f"train.share_{share}"),
                    0,
                    100,
                    round(100 * value),
                    format="%d %%",
                    help=say(f"train.share_{share}_help"),
                    key=f"train_share_{share}",
                )
        writer = st.segmented_control(
            say("train.writer"),
            WRITERS,
            default=default.writer,
            required=True,
            format_func=lambda value: say(f"train.writer_{value}"),
            help=say("train.writer_help"),
            key="train_writer",
        )
    return BuildOptions(
        wordings=wordings,
        max_facts=int(most),
        writer=writer or default.writer,
        open_book=shares["open_book"] / 100,
        unknown=shares["unknown"] / 100,
        replay=shares["replay"] / 100,
    )


def _free_name(app: "App", name: str) -> str:
    """`name`, numbered where a build has it already."""
    taken, number, free = set(app.data_builds.names()), 2, name
    # A knowledge base may be called anything, a build is a folder.
    name = free = "".join(c if c.isalnum() or c in " .-_" else "-" for c in name).strip(" .-") or "rows"
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    return free


def _progress(app: "App", job: "BuildJob") -> None:
    if job.ended:
        st.rerun()
    with st.container(border=True, key="train_building"):
        share = min(1.0, job.done / job.total) if job.total else 0.0
        st.progress(share, text=f"{say(f'train.stage_{job.stage}')}  ·  {duration(job.seconds)}")
        if job.stopping:
            st.caption(say("progress.stopping"))
        elif st.button(say("app.stop"), icon=":material/stop:", key="train_build_stop"):
            job.stop()
            st.rerun(scope="fragment")


def _made(app: "App") -> None:
    names = app.data_builds.names()
    if not names:
        return
    st.markdown(f"##### {say('train.builds')}")
    for name in names[:20]:
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(plain(name, limit=60))
            with st.container(horizontal=True, width="content"):
                st.button(
                    say("train.open"),
                    key=f"train_build_open_{name}",
                    type="tertiary",
                    on_click=st.session_state.__setitem__,
                    args=(_OPENED, name),
                )
                if st.button(
                    say("app.delete"),
                    key=f"train_build_drop_{name}",
                    type="tertiary",
                    icon=":material/delete:",
                ):
                    _delete(app, name)


def _delete(app: "App", name: str) -> None:
    @st.dialog(say("train.delete_dataset"))
    @framed()
    def dialog() -> None:
        st.markdown(say("train.delete_dataset_question", name=plain(name, limit=60)))
        with st.container(horizontal=True):
            if st.button(
                say("app.delete"), type="primary", icon=":material/delete:", key="train_build_drop_yes"
            ):
                app.data_builds.delete(name)
                st.rerun()
            if st.button(say("app.cancel"), key="train_build_drop_no"):
                st.rerun()

    dialog()
