"""The primary metric by kind of question: answerable, document, language, known to the base, leaked."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from assistant.compare.metric_table import METRICS
from assistant.compare.questions import FEWEST
from assistant.compare.report_text import REPORT_TEXT
from assistant.compare.reporting import few_text
from ui.components.inert import plain
from ui.experiment_parts.arms import arm_short
from ui.experiment_parts.charts import Row, interval_chart
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.compare.records import Experiment

MOST = 24
"""Kinds that are drawn; with very many documents the rest is in the report."""


def show_kinds(app: "App", experiment: "Experiment", results: dict[str, Any]) -> None:
    """Draw the tab."""
    strata = results["strata"]
    if not strata:
        st.caption(say("experiment.kinds_none"))
        return
    st.caption(say("experiment.kinds_about", metric=METRICS[results["primary"]].label(language())))
    order = ("answerable", "known", "leaked", "language", "kind", "document")
    names = sorted(strata, key=lambda name: (order.index(name.partition(":")[0]), -strata[name]["questions"]))
    rows = [
        Row(
            f"{kind_label(name)} ({strata[name]['questions']})",
            entry["mean"],
            entry["interval"]["low"],
            entry["interval"]["high"],
            arm_short(arm),
        )
        for name in names[:MOST]
        for arm, entry in strata[name]["arms"].items()
        if entry["mean"] is not None
    ]
    if rows:
        interval_chart(
            rows,
            key="experiment_kinds",
            axis=say("experiment.points"),
            domain=(0, 100),
            series=[arm_short(arm) for arm in results["arms"]],
        )
    few = [
        f"{kind_label(name)} ({few_text(most, language())})"
        for name in names
        if (most := max(entry["n"] for entry in strata[name]["arms"].values())) < FEWEST
    ]
    if few:
        st.caption(plain(say("experiment.few_scored", names="; ".join(few))))
    if len(names) > MOST:
        st.caption(say("experiment.kinds_more", count=len(names) - MOST))


def kind_label(name: str) -> str:
    """A kind's name for people: "answerable:no" has a text, "document:a.pdf" a text and a name."""
    field, _, value = name.partition(":")
    if value in ("yes", "no"):
        return REPORT_TEXT[f"{field}_{value}"][language()]
    return f"{REPORT_TEXT[field][language()]} {value}"
