"""The preflight: what of the rows would be trained, and what happened to the others, before any compute."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from finetune.config import RunConfig
from finetune.errors import DatasetError
from finetune.examples import OUTCOMES, Finding
from ui.components.inert import plain
from ui.frame import show_error
from ui.text import language, say
from ui.train_parts.charts import length_chart
from ui.train_parts.draft import Draft

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.training.datasets import KeptDataset
    from assistant.training.workshop import Examined
    from finetune.preflight import PreflightReport

SHOWN = 500
COUNTED = ("rows", "kept", "repaired", "cut", "dropped")


def preflight(app: "App", draft: Draft, kept: "KeptDataset", config: RunConfig) -> "Examined | None":
    """Draw the report; None where the data cannot be used as it is."""
    examined = examine(app, draft, config)
    if examined is None:
        return None
    report = examined.report
    _counts(report)
    _placeholders(app, draft, kept, examined)
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.markdown(f"**{say('train.findings')}**")
        _findings(report.findings)
    with right:
        if report.lengths is not None:
            st.markdown(f"**{say('train.lengths')}**")
            length_chart(report.lengths)
            lengths = report.lengths
            st.caption(
                say(
                    "train.lengths_told",
                    median=lengths.median,
                    longest=lengths.longest,
                    limit=lengths.limit,
                    over=lengths.over_limit,
                )
            )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            say("train.report_download"),
            json.dumps(report.to_json(), ensure_ascii=False, indent=1, default=str),
            f"{kept.id}-preflight.json",
            "application/json",
            icon=":material/download:",
            type="tertiary",
            on_click="ignore",
            key="train_report_download",
        )
        with st.popover(say("train.test_set"), icon=":material/rule:", type="tertiary"):
            _test_set(app, draft)
    return examined


def examine(app: "App", draft: Draft, config: RunConfig) -> "Examined | None":
    """Look at the rows; where too many would be lost, say which, and let the user raise the limit."""
    # A file that was cleared away by the system's housekeeping is no longer compared with.
    test = Path(draft.test) if draft.test and Path(draft.test).is_file() else None
    try:
        with st.spinner(say("train.examining"), show_time=True):
            return app.workshop.examine(config, test=test)
    except DatasetError as error:
        show_error(error)
        if error.findings:
            _raise_limit(draft, config)
            _findings(error.findings)
        return None


def _raise_limit(draft: Draft, config: RunConfig) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        share = st.slider(
            say("train.max_dropped"),
            0,
            100,
            round(100 * config.rows.max_dropped_share),
            format="%d %%",
            help=say("train.max_dropped_help"),
            key=draft.key("max_dropped"),
            width=420,
        )
        if st.button(say("train.check_again"), key="train_check_again", icon=":material/refresh:"):
            draft.values["max_dropped_share"] = share / 100
            st.rerun()


def _counts(report: "PreflightReport") -> None:
    share = round(100 * report.trained_tokens / report.tokens) if report.tokens else 0
    for name, cell in zip(COUNTED, st.columns(len(COUNTED), border=True), strict=True):
        with cell:
            label, told = say(f"train.count_{name}"), say(f"train.count_{name}_help")
            st.metric(label, f"{getattr(report, name):,}", help=told)
    st.caption(
        say(
            "train.tokens_told",
            trained=f"{report.trained_tokens:,}",
            percent=share,
            tokens=f"{report.tokens:,}",
        )
    )


def _findings(findings: Sequence[Finding]) -> None:
    if not findings:
        st.success(say("train.no_findings"), icon=":material/check_circle:")
        return
    counts = {name: sum(f.outcome == name for f in findings) for name in reversed(OUTCOMES)}
    present = [name for name, count in counts.items() if count]
    picked = st.pills(
        say("train.outcome"),
        present,
        selection_mode="multi",
        wrap=True,
        default=present,
        format_func=lambda name: f"{say(f'train.outcome_{name}')} {counts[name]}",
        key=f"train_outcomes_{hash(tuple(counts.items()))}",
        label_visibility="collapsed",
    )
    shown = [finding for finding in findings if finding.outcome in picked]
    shown.sort(key=lambda finding: -OUTCOMES.index(finding.outcome))
    st.dataframe(
        [_row(finding) for finding in shown[:SHOWN]],
        hide_index=True,
        height=min(38 + 35 * max(1, len(shown)), 260),
        key=f"train_findings_{len(findings)}",
        column_config={
            "outcome": st.column_config.TextColumn(say("train.outcome"), width=90),
            "place": st.column_config.TextColumn(say("train.place"), width=130),
            "reason": st.column_config.TextColumn(say("train.reason"), width="large"),
        },
    )
    if len(shown) > SHOWN:
        st.caption(say("train.findings_more", count=len(shown) - SHOWN))


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "outcome": say(f"train.outcome_{finding.outcome}"),
        "place": str(finding.source) if finding.source.row else finding.source.file,
        "reason": finding.text(language()),
    }


def _placeholders(app: "App", draft: Draft, kept: "KeptDataset", examined: "Examined") -> None:
    """Rows that say {{name}} would teach the model to say so."""
    names = examined.report.placeholders
    if not names:
        return
    with st.form("train_placeholders"):
        told = ", ".join(f"{name} ({count})" for name, count in names.most_common())
        st.markdown(f":orange[:material/warning:] {say('train.placeholders', names=plain(told))}")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            values = {
                name: st.text_input(plain(name, limit=40), key=f"train_fill_{kept.id}_{name}", width=220)
                for name in list(names)[:8]
            }
            filled = st.form_submit_button(say("train.fill"), icon=":material/edit:", type="primary")
    given = {name: value.strip() for name, value in values.items() if value.strip()}
    if filled and given:
        draft_name, questions = draft.name, kept.questions
        new = app.workshop.datasets.filled(replace(kept, questions=questions), examined.data.examples, given)
        draft.take(new)
        draft.name = draft_name
        st.rerun()


def _test_set(app: "App", draft: Draft) -> None:
    st.caption(say("train.test_set_about"))
    upload = st.file_uploader(say("train.test_file"), key=draft.key("test"))
    if upload is not None and draft.test is None:
        draft.test = str(app.workshop.datasets.keep_test(upload.name, upload.getvalue()))
        st.rerun()
    if draft.test and st.button(say("train.test_forget"), key="train_test_forget"):
        draft.test = None
        draft.round += 1
        st.rerun()
