"""The rows of a build: looked at with their source, edited, left out; the ledger of facts; the leak report; export."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from ui.components.inert import plain
from ui.components.passages import Card, show_cards
from ui.frame import framed
from ui.text import language, say
from ui.train_parts.draft import Draft

if TYPE_CHECKING:
    from assistant.app import App
    from finetune.facts.build import Build
    from finetune.facts.rows import BuiltRow
    from finetune.formats.writing import Formatting

SHOWN = 300
SPLITS = ("train", "held_wording", "held_document")
LAYOUTS: "tuple[Formatting, ...]" = ("sharegpt", "alpaca", "openai")
SIGNS = {"likely": "🟢", "uncertain": "🟡", "unlikely": "🔴", "not_trained": "⚪"}


def build_view(app: "App", draft: Draft, name: str) -> None:
    """Draw the build called `name`."""
    build = _loaded(app, name)
    for line in build.report.summary(language()):
        st.caption(plain(line))
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(say("train.use_rows"), type="primary", icon=":material/check:", key="train_use_rows"):
            draft.take(app.workshop.datasets.add_build(build))
            st.rerun()
        with st.popover(say("train.export"), icon=":material/upload:"):
            _export(build)
    rows, ledger, lost = st.tabs(
        [say("train.rows_tab"), say("train.ledger_tab"), say("train.lost_tab")],
        key="train_build_tabs",
        on_change="rerun",
    )
    if rows.open:
        with rows:
            st.fragment(framed()(_rows))(app, build)
    if ledger.open:
        with ledger:
            _ledger(build)
    if lost.open:
        with lost:
            _lost(build)


def _loaded(app: "App", name: str) -> "Build":
    """The build, kept for the session: reading some thousand rows on every click takes too long."""
    kept = st.session_state.get("train_build_loaded")
    if kept is None or kept.folder.name != name or not kept.folder.is_dir():
        kept = st.session_state["train_build_loaded"] = app.data_builds.load(name)
    return kept


def _rows(app: "App", build: "Build") -> None:
    kinds = [
        kind for kind in ("closed", "open_hit", "open_miss", "unknown", "replay") if kind in build.report.rows
    ]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input(say("train.rows_search"), key="train_rows_search", width=240)
        kind = st.selectbox(
            say("train.row_kind"),
            kinds,
            index=None,
            placeholder=say("train.all_rows"),
            format_func=lambda value: say(f"train.kind_{value}"),
            key="train_row_kind",
            width=220,
        )
        split = st.selectbox(
            say("train.row_split"),
            SPLITS,
            index=None,
            placeholder=say("train.all_rows"),
            format_func=lambda value: say(f"train.split_{value}"),
            key="train_row_split",
            width=220,
        )
    found = [
        row
        for row in build.rows
        if (kind is None or row.kind == kind)
        and (split is None or row.split == split)
        and (not search or search.casefold() in f"{row.question} {row.answer}".casefold())
    ]
    shown = found[:SHOWN]
    edited = st.data_editor(
        [_cells(row) for row in shown],
        hide_index=True,
        key=f"train_rows_{build.folder.name}_{hash((search, kind, split))}",
        height=min(38 + 35 * max(1, len(shown)), 420),
        disabled=("id", "kind", "file"),
        column_config={
            "take": st.column_config.CheckboxColumn(say("train.row_take"), width=60),
            "id": st.column_config.TextColumn("#", width=60),
            "question": st.column_config.TextColumn(say("train.row_question"), width="large"),
            "answer": st.column_config.TextColumn(say("train.row_answer"), width="medium"),
            "kind": st.column_config.TextColumn(say("train.row_kind"), width="small"),
            "file": st.column_config.TextColumn(say("train.row_file"), width="small"),
        },
    )
    _keep_changes(build, shown, edited)
    st.caption(say("train.rows_told", shown=len(shown), found=len(found), all=len(build.rows)))
    _provenance(app, build, shown)


def _cells(row: "BuiltRow") -> dict[str, Any]:
    return {
        "take": row.selected,
        "id": row.id,
        "question": row.question,
        "answer": row.answer,
        "kind": say(f"train.kind_{row.kind}"),
        "file": ", ".join(row.files),
    }


def _keep_changes(build: "Build", shown: "Sequence[BuiltRow]", edited: Sequence[dict[str, Any]]) -> None:
    """Take over what was typed or ticked; the table is drawn from what is kept."""
    for row, cells in zip(shown, edited, strict=False):
        now = build.row(row.id)
        if bool(cells["take"]) != now.selected:
            build.select_row(row.id, bool(cells["take"]))
        question, answer = str(cells["question"] or "").strip(), str(cells["answer"] or "").strip()
        if question and answer and (question, answer) != (now.question.strip(), now.answer.strip()):
            build.edit_row(row.id, question=question, answer=answer)


def _provenance(app: "App", build: "Build", shown: "Sequence[BuiltRow]") -> None:
    """Where a row comes from: the passage with the words lit that hold the answer."""
    if not shown:
        return
    row_id = st.selectbox(
        say("train.row_source"),
        [row.id for row in shown],
        format_func=lambda value: f"{value}  {build.row(value).question}"[:90],
        key=f"train_row_source_{build.folder.name}",
    )
    row = build.row(row_id)
    if not row.fact_ids:
        st.caption(say("train.no_source"))
        return
    cards = []
    for fact in (build.facts_by_id[fact_id] for fact_id in row.fact_ids if fact_id in build.facts_by_id):
        try:
            text = app.chunk(fact.chunk_id).chunk.text
        except Exception:  # indexed anew since: the chunk has another number
            text = fact.span
        at = text.find(fact.span)
        cards.append(
            Card(
                text=text,
                title=fact.file,
                facts=(say("passage.page", page=fact.page) if fact.page else "",),
                path=fact.headings,
                spans=((at, at + len(fact.span)),) if at >= 0 else (),
            )
        )
    show_cards(cards, key="train_row_cards", reveal=True)


def _ledger(build: "Build") -> None:
    epochs = st.slider(
        say("train.field_num_train_epochs"),
        1,
        20,
        round(float(build.options.get("epochs", 5))),
        help=say("train.ledger_help"),
        key="train_ledger_epochs",
        width=320,
    )
    entries = build.ledger_for(epochs)
    counts = {verdict: sum(entry.verdict == verdict for entry in entries) for verdict in SIGNS}
    st.markdown(
        "  ·  ".join(
            f"{sign} {say(f'train.verdict_{verdict}')} {counts[verdict]}" for verdict, sign in SIGNS.items()
        )
    )
    st.dataframe(
        [
            {
                "verdict": f"{SIGNS[entry.verdict]} {say(f'train.verdict_{entry.verdict}')}",
                "fact": entry.statement,
                "wordings": entry.wordings,
                "exposures": entry.exposures,
                "held": entry.held_out,
                "file": entry.file,
            }
            for entry in entries
        ],
        hide_index=True,
        height=420,
        key="train_ledger",
        column_config={
            "verdict": st.column_config.TextColumn(say("train.ledger_verdict"), width=130),
            "fact": st.column_config.TextColumn(say("train.ledger_fact"), width="large"),
            "wordings": st.column_config.NumberColumn(say("train.ledger_wordings"), width=90),
            "exposures": st.column_config.NumberColumn(say("train.ledger_exposures"), width=90),
            "held": st.column_config.NumberColumn(say("train.ledger_held"), width=90),
            "file": st.column_config.TextColumn(say("train.row_file"), width="small"),
        },
    )


def _lost(build: "Build") -> None:
    from finetune.messages import render

    for leak in build.report.leaks:
        near = "–" if leak.nearest is None else f"{leak.nearest:.2f}"
        st.caption(
            say(
                "train.leaks",
                split=say(f"train.split_{leak.split}"),
                test=plain(leak.test),
                rows=leak.rows,
                questions=leak.questions,
                left_out=leak.exact + leak.like + leak.meaning,
                nearest=near,
            )
        )
    if not build.report.leaks:
        st.caption(say("train.leaks_none"))
    losses = build.report.losses
    if not losses:
        return
    st.dataframe(
        [{"reason": render(loss.code, loss.params, language()), "text": loss.text} for loss in losses[:1000]],
        hide_index=True,
        height=320,
        key="train_lost",
        column_config={
            "reason": st.column_config.TextColumn(say("train.reason"), width="large"),
            "text": st.column_config.TextColumn(say("train.lost_text"), width="large"),
        },
    )


def _export(build: "Build") -> None:
    layout = st.segmented_control(
        say("train.export_form"),
        LAYOUTS,
        default="sharegpt",
        required=True,
        format_func=lambda value: say(f"train.layout_{value}"),
        key="train_export_layout",
    )
    st.download_button(
        say("train.export_zip"),
        lambda: zipped(build.export(layout or "sharegpt").files.values()),
        f"{build.folder.name}-{layout}.zip",
        "application/zip",
        icon=":material/download:",
        on_click="ignore",
        key="train_export_zip",
    )
    st.caption(say("train.export_zip_about"))


def zipped(files: "Any") -> bytes:
    """The files, with the dataset_info.json beside them, as one archive."""
    paths = [Path(file) for file in files]
    registry = paths[0].parent / "dataset_info.json"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (*paths, registry):
            archive.write(path, path.name)
    return packed.getvalue()
