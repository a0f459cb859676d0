"""Intervals as charts: a dot for the value, a line for its interval."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import streamlit as st

from ui.experiment_parts.arms import COLORS

ROW, AXIS = 34, 56
GAIN, LOSS, OPEN, MARK = "#0f8a7e", "#c9493d", "#7d8794", "#0f8a7e"


@dataclass(frozen=True, slots=True)
class Row:
    """A value with its interval.

    Args:
        label: the row's name.
        low, high: None where only the value is known.
        series: what it belongs to, where several stand in one row.
        clear: whether a difference may be called one, where that takes more than its interval.
    """

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    series: str = ""
    clear: bool = True


def interval_chart(
    rows: Sequence[Row],
    *,
    key: str,
    axis: str,
    scale: float = 100.0,
    domain: tuple[float, float] | None = None,
    zero: bool = False,
    series: Sequence[str] = (),
    format_: str = ".1f",
) -> None:
    """Draw rows one below the other.

    Args:
        axis: the axis' title.
        scale: what values are multiplied by; 100 shows points.
        domain: ends of the axis, scaled; None fits the values.
        zero: rows are differences: draw a line at 0, and colour what lies clear of it, unless told that it is not.
        series: in this order, beside each other within a row and told apart by colour.
    """
    import altair

    def color(row: Row) -> str:
        if not zero or row.low is None or row.high is None or not row.clear:
            return OPEN if zero else MARK
        return GAIN if row.low > 0 else LOSS if row.high < 0 else OPEN

    table = [
        asdict(row)
        | {
            name: None if (end := getattr(row, name)) is None else scale * end
            for name in ("value", "low", "high")
        }
        | {"color": color(row)}
        for row in rows
    ]
    labels = list(dict.fromkeys(row.label for row in rows))
    data = altair.Data(values=table)
    span = altair.Scale(domain=list(domain)) if domain else altair.Scale(zero=zero, nice=True)
    y = altair.Y(
        "label:N",
        sort=labels,
        title=None,
        axis=altair.Axis(labelLimit=340, ticks=False, domain=False, grid=bool(series)),
    )
    ticks = altair.Axis(tickCount=5, labelOverlap=True)
    x = altair.X("value:Q", scale=span, title=axis, axis=ticks)
    tooltip = [
        altair.Tooltip(f"{name}:{kind}", title=title, format=fmt)
        for name, kind, title, fmt in (
            ("label", "N", " ", ""),
            *((("series", "N", "·", ""),) if series else ()),
            ("value", "Q", "=", format_),
            ("low", "Q", "≥", format_),
            ("high", "Q", "≤", format_),
        )
    ]
    encoding: dict[str, object] = {"y": y}
    if series:
        encoding["yOffset"] = altair.YOffset("series:N", sort=list(series))
        encoding["color"] = altair.Color(
            "series:N",
            sort=list(series),
            title=None,
            scale=altair.Scale(
                domain=list(series), range=[COLORS[i % len(COLORS)] for i in range(len(series))]
            ),
            legend=altair.Legend(orient="top", labelLimit=320, columns=4),
        )
    else:
        encoding["color"] = altair.Color("color:N", scale=None)
    base = altair.Chart(data)
    layers = [
        base.mark_rule(strokeWidth=2.5, opacity=0.6).encode(
            x=altair.X("low:Q", scale=span, title=axis, axis=ticks), x2="high:Q", **encoding
        ),
        base.mark_circle(size=80, opacity=1).encode(x=x, tooltip=tooltip, **encoding),
    ]
    if zero:
        line = altair.Chart(altair.Data(values=[{"at": 0}])).mark_rule(strokeDash=[4, 4], color=OPEN)
        layers.insert(0, line.encode(x=altair.X("at:Q", scale=span)))
    each = max(ROW, 15 * max(1, len(series)) + 12)
    height = each * len(labels) + AXIS + (24 * ((len(series) + 3) // 4) if series else 0)
    st.altair_chart(altair.layer(*layers).properties(height=height), key=key, alt=axis)
