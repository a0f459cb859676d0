"""All metrics with their intervals and what is missing of them; answering and refusing; retrieval."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from assistant.compare.cells import cell_of
from assistant.compare.metric_table import METRICS
from assistant.compare.report_text import REPORT_TEXT
from assistant.compare.reporting import clustered_text, few_text, reason_text
from ui.components.inert import plain
from ui.experiment_parts.arms import arm_short
from ui.experiment_parts.charts import Row, interval_chart
from ui.experiment_parts.tables import small_table
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.compare.records import Experiment

COUNTS = ("answerable_answered", "answerable_refused", "unanswerable_answered", "unanswerable_refused")
RATES = ("answer_rate", "over_refusal", "hallucination", "balanced_accuracy")


def show_metrics(app: "App", experiment: "Experiment", results: dict[str, Any]) -> None:
    """Draw the tab."""
    arms = results["arms"]
    names = [results["primary"], *(name for name in METRICS if name != results["primary"])]
    shares = [name for name in names if METRICS[name].unit == "share" and METRICS[name].of == "answer"]
    st.caption(say("experiment.metrics_about", metric=METRICS[results["primary"]].label(language())))
    st.caption(clustered_text(results, language()))
    rows = [
        Row(METRICS[name].label(language()), entry["mean"], *_ends(entry), arm_short(arm))
        for name in shares
        for arm, told in arms.items()
        if (entry := told["metrics"][name])["mean"] is not None
    ]
    if rows:
        interval_chart(
            rows,
            key="experiment_metrics",
            axis=say("experiment.points"),
            domain=(0, 100),
            series=[arm_short(arm) for arm in arms],
        )
    _missing(results)
    st.markdown(f"**{say('experiment.costs')}**")
    _costs(results)
    st.markdown(f"**{REPORT_TEXT['refusals'][language()]}**")
    _refusals(results)
    st.markdown(f"**{REPORT_TEXT['retrieval'][language()]}**")
    _retrieval(results)


def _ends(entry: dict[str, Any]) -> tuple[float, float]:
    return entry["interval"]["low"], entry["interval"]["high"]


def _missing(results: dict[str, Any]) -> None:
    """Scores that are lacking, with the reason and how many; a mean without them would not tell."""
    few = [
        f"{METRICS[name].label(language())}, {arm_short(arm)} ({few_text(entry['n'], language())})"
        for arm, told in results["arms"].items()
        for name, entry in told["metrics"].items()
        if entry["n"] and entry["mean"] is None
    ]
    if few:
        st.caption(plain(say("experiment.few_scored", names="; ".join(few))))
    rows: dict[tuple[str, str], dict[str, int]] = {}
    for arm, told in results["arms"].items():
        for name, entry in told["metrics"].items():
            reasons = dict(entry["unscored"]) | ({"arm_failed": entry["failed"]} if entry["failed"] else {})
            for reason, count in reasons.items():
                rows.setdefault((name, reason), {})[arm] = count
    if not rows:
        return
    with st.expander(say("experiment.missing", count=len(rows)), type="compact"):
        st.dataframe(
            [
                {
                    say("experiment.metric"): METRICS[name].label(language()),
                    say("experiment.missing_why"): reason_text(reason, language()),
                }
                | {arm_short(arm): counts.get(arm, 0) for arm in results["arms"]}
                for (name, reason), counts in rows.items()
            ],
            hide_index=True,
            width="stretch",
            key="experiment_missing",
        )


def _costs(results: dict[str, Any]) -> None:
    shown = []
    for name, metric in METRICS.items():
        entries = {
            arm: told["metrics"].get(name)
            for arm, told in results["arms"].items()
            if (metric.of == "cost" or metric.unit != "share") and metric.of != "retrieval"
        }
        rows = [
            Row(arm_short(arm), entry["mean"], *_ends(entry))
            for arm, entry in entries.items()
            if entry and entry["mean"] is not None
        ]
        if rows:
            shown.append((name, metric, rows))
    for start in range(0, len(shown), 3):
        for cell, (name, metric, rows) in zip(st.columns(3), shown[start : start + 3], strict=False):
            with cell:
                st.caption(metric.label(language()))
                interval_chart(
                    rows, key=f"experiment_cost_{name}", axis=metric.unit, scale=1.0, format_=".2f"
                )
    absent = [
        metric.label(language())
        for name, metric in METRICS.items()
        if metric.of == "cost" and name not in {one for one, _, _ in shown}
    ]
    if absent:
        st.caption(say("experiment.not_measured", names=", ".join(absent)))
    st.caption(say("experiment.costs_about"))


def _refusals(results: dict[str, Any]) -> None:
    rows = []
    for key in (*COUNTS, *RATES):
        row = {" ": REPORT_TEXT[key][language()]}
        for arm, told in results["arms"].items():
            row[arm_short(arm)] = _count_or_rate(told["refusal"], key)
        rows.append(row)
    small_table(rows)


def _count_or_rate(refusal: dict[str, Any], key: str) -> str:
    """A count as it is, a rate in percent with its interval."""
    value, interval = refusal[key], refusal.get(f"{key}_interval")
    if value is None or key in COUNTS:
        return "–" if value is None else str(value)
    ends = f" ({100 * interval['low']:.0f}–{100 * interval['high']:.0f})" if interval else ""
    return f"{100 * value:.0f} %{ends}"


def _retrieval(results: dict[str, Any]) -> None:
    own = results["own_retrieval"]
    shared = any(cell_of(arm).startswith("rag") and arm not in own for arm in results["arms"])
    lists = ({say("experiment.retrieval_shared"): results["retrieval"]} if shared or not own else {}) | {
        arm_short(arm): told for arm, told in own.items()
    }
    rows = [
        Row(METRICS[name].label(language()), entry["mean"], *_ends(entry), label if own else "")
        for name in results["retrieval"]
        for label, told in lists.items()
        if (entry := told[name])["mean"] is not None
    ]
    if rows:
        interval_chart(
            rows,
            key="experiment_retrieval",
            axis=say("experiment.points"),
            domain=(0, 100),
            series=list(lists) if own else (),
        )
        return
    few = max(entry["n"] for entry in results["retrieval"].values())
    if few:
        st.caption(few_text(few, language()))
        return
    reasons = {reason for entry in results["retrieval"].values() for reason in entry["unscored"]}
    st.caption(plain("; ".join(reason_text(reason, language()) for reason in sorted(reasons))) or "–")
