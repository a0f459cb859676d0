"""The table of files, and what can be done with the chosen ones."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import streamlit as st

from ui.components.inert import plain
from ui.document_parts.chunks import open_file
from ui.frame import framed
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App
    from knowledge.base import BaseInfo, SourceInfo


COLUMNS = ("name", "state", "remark", "pages", "chunks", "size", "indexed")


def files(app: "App", base: "BaseInfo") -> None:
    """Draw the tab."""
    sources = app.sources(base.id)
    if not sources:
        if not any(job.base_id == base.id and job.state == "running" for job in app.jobs()):
            st.caption(say("files.none"))
        return
    states = {
        state: sum(source.state == state for source in sources) for state in ("ready", "pending", "failed")
    }
    wanted = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
    with wanted:
        search = st.text_input(
            say("files.search"),
            placeholder=say("files.search"),
            label_visibility="collapsed",
            key="files_search",
            type="search",
            live=True,
            width=320,
        )
        told = [say(f"files.{state}", count=count) for state, count in states.items() if count]
        st.caption(say("count.between").join(told))
    shown = [source for source in sources if search.casefold() in source.name.casefold()]
    actions = st.container(horizontal=True, vertical_alignment="center", key="file_actions")
    # The selection is by row number, so a table of other rows is another table.
    key = f"files_table_{base.id}_{hash(tuple(source.id for source in shown))}"
    rows = [_row(app, source) for source in shown]
    remarks = any(row["remark"] for row in rows)
    chosen = st.dataframe(
        rows,
        column_order=[column for column in COLUMNS if column != "remark" or remarks],
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key=key,
        placeholder="",
        height=min(38 + 35 * max(1, len(shown)), 420),
        column_config={
            "name": st.column_config.TextColumn(say("files.name"), width=230 if remarks else 320),
            "state": st.column_config.TextColumn(say("files.state"), width=80),
            "pages": st.column_config.NumberColumn(say("files.pages"), width=60),
            "chunks": st.column_config.NumberColumn(say("files.chunks"), width=65),
            "size": st.column_config.TextColumn(say("files.size"), width=75),
            "indexed": st.column_config.TextColumn(say("files.indexed"), width=130),
            "remark": st.column_config.TextColumn(say("files.remark"), width=300),
        },
    )
    picked = [shown[row] for row in chosen.selection.rows if row < len(shown)]
    with actions:
        if st.button(
            say("files.open"), icon=":material/article:", disabled=len(picked) != 1, key="file_open"
        ):
            open_file(app, picked[0])
        if st.button(say("app.delete"), icon=":material/delete:", disabled=not picked, key="file_delete"):
            _delete(app, picked)
        if not picked:
            st.caption(say("files.pick"))
        elif len(picked) == 1:  # a long remark is cut in the table
            st.caption(plain(_remark(app, picked[0])))


def _remark(app: "App", source: "SourceInfo") -> str:
    """Why a file failed, or what is worth telling of it; without its name, which stands beside."""
    notices = [source.error] if source.error else list(source.notices)
    told = [app.notice_text(notice, language()) for notice in notices]
    named = (f"{source.name}: ", f"{source.name}：")
    return "  ".join(text.removeprefix(named[0]).removeprefix(named[1]) for text in told)


def _row(app: "App", source: "SourceInfo") -> dict[str, Any]:
    when = datetime.fromtimestamp(source.indexed_at) if source.indexed_at else None
    return {
        "name": source.name,
        "state": ("⚠ " if source.state == "failed" else "") + say(f"state.{source.state}"),
        "pages": source.pages or None,
        "chunks": source.chunks,
        "size": _size(source.size_bytes),
        "indexed": when.strftime("%Y-%m-%d %H:%M") if when else "",
        "remark": _remark(app, source),
    }


def _size(size_bytes: int) -> str:
    size = float(size_bytes)
    for unit in ("B", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _delete(app: "App", sources: "list[SourceInfo]") -> None:
    @st.dialog(say("files.delete"))
    @framed()
    def dialog() -> None:
        st.markdown(say("files.delete_question", count=len(sources)))
        for source in sources[:10]:
            st.text(source.name)
        if len(sources) > 10:
            st.caption(say("progress.more", count=len(sources) - 10))
        st.caption(say("files.delete_hint"))
        with st.container(horizontal=True):
            if st.button(say("app.delete"), type="primary", icon=":material/delete:", key="file_delete_yes"):
                for source in sources:
                    app.delete_source(source.id)
                st.toast(say("files.deleted", name=plain(sources[0].name, limit=40), count=len(sources)))
                st.rerun()
            if st.button(say("app.cancel"), key="file_delete_no"):
                st.rerun()

    dialog()
