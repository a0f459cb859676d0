"""Pictures of data, memory and runs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from ui.text import say

if TYPE_CHECKING:
    from finetune.memory import MemoryEstimate
    from finetune.preflight import Lengths

POINTS = 400
"""Points drawn of one curve; more cannot be told apart and cost the browser."""
COMPARED_POINTS = 100
"""Of a curve beside others: single steps differ so much that one curve would hide the other."""
FEW_POINTS = 60
"""Up to so many points of a curve are marked, and not only joined."""
SMALL = ("learning_rate", "grad_norm", "tokens_per_s", "memory")
FORMATS = {"learning_rate": ".0e", "memory": ".2~f", "grad_norm": ".2~f"}
PARTS = ("weights", "copies", "gradients", "optimiser", "activations", "logits", "working")


def length_chart(lengths: "Lengths") -> None:
    """Rows by token length, with the limit as a line."""
    import altair

    bins = [
        {"start": start, "end": end, "rows": count, "over": start > lengths.limit}
        for start, end, count in zip(lengths.edges, lengths.edges[1:], lengths.counts, strict=False)
        if count
    ]
    # Without rows over the limit the axis ends a little after the longest row, not at a limit far away.
    near = lengths.over_limit > 0 or lengths.longest > 0.6 * lengths.limit
    end = max(lengths.longest, lengths.limit) if near else lengths.longest
    scale = altair.Scale(domain=[0, max(1, end) * 1.05], nice=False)
    bars = (
        altair.Chart(altair.Data(values=bins))
        .mark_bar()
        .encode(
            x=altair.X("start:Q", scale=scale, title=say("train.tokens_of_row")),
            x2="end:Q",
            y=altair.Y("rows:Q", title=say("train.count_rows"), axis=altair.Axis(tickMinStep=1)),
            y2=altair.datum(0),
            color=altair.condition("datum.over", altair.value("#d9a514"), altair.value("#2f5aa8")),
            tooltip=[altair.Tooltip("rows:Q", title=say("train.count_rows"))],
        )
    )
    layers: list[Any] = [bars]
    if near:
        limit = altair.Chart(altair.Data(values=[{"limit": lengths.limit}]))
        layers.append(
            limit.mark_rule(strokeDash=[4, 4], color="#c0392b").encode(x=altair.X("limit:Q", scale=scale))
        )
    st.altair_chart(
        altair.layer(*layers).properties(height=200), key="train_lengths", alt=say("train.lengths")
    )


def memory_chart(memory: "MemoryEstimate", free: int) -> None:
    """What a step takes, part by part, against what there is."""
    import altair

    order = {part: say(f"train.memory_{part}") for part in PARTS}
    values = [
        {"part": order[part], "at": number, "gb": getattr(memory, part) / 1e9}
        for number, part in enumerate(PARTS)
        if getattr(memory, part)
    ]
    most = max(memory.peak, min(free, 2 * memory.peak)) / 1e9
    across = altair.X(
        "gb:Q", title="GB", scale=altair.Scale(domain=[0, most * 1.05], nice=False), stack="zero"
    )
    bar = (
        altair.Chart(altair.Data(values=values))
        .mark_bar(size=22)
        .encode(
            x=across,
            color=altair.Color(
                "part:N",
                sort=[order[part] for part in PARTS],
                scale=altair.Scale(scheme="tableau10"),
                legend=altair.Legend(title=None, orient="bottom", columns=3, labelLimit=180),
            ),
            order=altair.Order("at:Q"),
            tooltip=[
                altair.Tooltip("part:N", title=say("train.memory_part")),
                altair.Tooltip("gb:Q", title="GB", format=".2f"),
            ],
        )
    )
    layers: list[Any] = [bar]
    if free <= 2 * memory.peak:
        limit = altair.Chart(altair.Data(values=[{"gb": free / 1e9}]))
        layers.append(limit.mark_rule(strokeDash=[4, 4], color="#c0392b", strokeWidth=2).encode(x="gb:Q"))
    st.altair_chart(altair.layer(*layers).properties(height=160), key="train_memory", alt=say("train.memory"))


def loss_points(
    records: Iterable[dict[str, Any]], *, run: str = "", points: int = POINTS
) -> list[dict[str, Any]]:
    """Loss of training and evaluation by step; of more than `points` steps, the mean of so many in a row."""
    found: dict[str, list[dict[str, Any]]] = {"train": [], "eval": []}
    for record in records:
        if record.get("kind") in found and record.get("loss") is not None:
            kind = record["kind"]
            found[kind].append(
                {
                    "step": record["step"],
                    "loss": record["loss"],
                    "kind": say(f"train.curve_{kind}"),
                    "run": run,
                }
            )
    return [point for curve in found.values() for point in averaged(curve, points)]


def loss_chart(records: Sequence[dict[str, Any]], *, total: int, key: str, height: int = 260) -> None:
    """Loss of training and evaluation over the steps of one run."""
    import altair

    points = loss_points(records)
    kinds = [say("train.curve_train"), say("train.curve_eval")]
    colour = altair.Color(
        "kind:N",
        scale=altair.Scale(domain=kinds, range=["#2f5aa8", "#d9a514"]),
        legend=altair.Legend(title=None, orient="top"),
    )
    base = altair.Chart(altair.Data(values=points)).encode(
        x=altair.X("step:Q", title=say("train.step"), scale=_steps(total), axis=altair.Axis(tickMinStep=1)),
        y=altair.Y("loss:Q", title=say("train.loss"), scale=altair.Scale(zero=False)),
        color=colour,
        tooltip=[
            altair.Tooltip("step:Q", title=say("train.step")),
            altair.Tooltip("kind:N", title=say("train.curve")),
            altair.Tooltip("loss:Q", title=say("train.loss"), format=".4f"),
        ],
    )
    chart = (base.mark_line() + base.mark_point(filled=True, size=28)).properties(height=height)
    st.altair_chart(chart, key=key, alt=say("train.loss"))


def compare_chart(runs: Sequence[tuple[str, Sequence[dict[str, Any]]]], *, key: str) -> None:
    """Losses of several runs in one chart; held-out loss is dashed."""
    import altair

    points = [
        point for name, records in runs for point in loss_points(records, run=name, points=COMPARED_POINTS)
    ]
    curves = Counter((point["run"], point["kind"]) for point in points)
    marks = altair.OverlayMarkDef(size=18, filled=True) if max(curves.values()) <= FEW_POINTS else False
    chart = (
        altair.Chart(altair.Data(values=points))
        .mark_line(point=marks)
        .encode(
            x=altair.X("step:Q", title=say("train.step"), axis=altair.Axis(tickMinStep=1)),
            y=altair.Y("loss:Q", title=say("train.loss"), scale=altair.Scale(zero=False)),
            color=altair.Color("run:N", legend=altair.Legend(title=None, orient="top", labelLimit=320)),
            strokeDash=altair.StrokeDash(
                "kind:N",
                scale=altair.Scale(
                    domain=[say("train.curve_train"), say("train.curve_eval")], range=[[1, 0], [6, 4]]
                ),
                legend=altair.Legend(
                    title=None, orient="bottom", symbolSize=400
                ),  # beside the other: cut off
            ),
            tooltip=[
                altair.Tooltip("run:N", title=say("train.run")),
                altair.Tooltip("kind:N", title=say("train.curve")),
                altair.Tooltip("step:Q", title=say("train.step")),
                altair.Tooltip("loss:Q", title=say("train.loss"), format=".4f"),
            ],
        )
        .properties(height=320)
    )
    st.altair_chart(chart, key=key, alt=say("train.compare_runs"))


def small_charts(records: Sequence[dict[str, Any]], *, total: int, key: str) -> None:
    """Learning rate, gradient norm, tokens per second and memory, each in a small chart."""
    import altair

    steps = [record for record in records if record.get("kind") == "train"]
    for name, cell in zip(SMALL, st.columns(len(SMALL)), strict=True):
        points = thinned([{"step": r["step"], "value": _value(r, name)} for r in steps])
        chart = (
            altair.Chart(altair.Data(values=points))
            .mark_line(color="#2f5aa8", point=altair.OverlayMarkDef(size=10, color="#2f5aa8"))
            .encode(
                x=altair.X(
                    "step:Q", title=None, scale=_steps(total), axis=altair.Axis(tickCount=3, tickMinStep=1)
                ),
                y=altair.Y(
                    "value:Q",
                    title=None,
                    scale=altair.Scale(zero=name != "memory"),
                    axis=altair.Axis(tickCount=3, format=FORMATS.get(name, "~s")),
                ),
                tooltip=[altair.Tooltip("step:Q", title=say("train.step")), "value:Q"],
            )
            .properties(height=110)
        )
        with cell:
            st.caption(say(f"train.curve_{name}"))
            st.altair_chart(chart, key=f"{key}_{name}", alt=say(f"train.curve_{name}"))


def averaged(curve: list[dict[str, Any]], points: int) -> list[dict[str, Any]]:
    """At most `points` + 1 points: the mean loss of every so many, at the last of their steps."""
    width = -(-len(curve) // points) if curve else 1
    groups = [curve[start : start + width] for start in range(0, len(curve), width)]
    return [{**group[-1], "loss": sum(point["loss"] for point in group) / len(group)} for group in groups]


def thinned(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every so many points, the last always among them."""
    step = -(-len(points) // POINTS) if points else 1
    return points[::step] + (points[-1:] if len(points) % step != 1 and step > 1 else [])


def _value(record: dict[str, Any], name: str) -> float | None:
    value = record.get("memory_bytes" if name == "memory" else name)
    return None if value is None else value / 1e9 if name == "memory" else value


def _steps(total: int) -> Any:
    import altair

    return altair.Scale(domain=[0, total], nice=False) if total > 0 else altair.Undefined
