"""Charts as inline SVG: a dot for the value, a bar for its interval. All text is escaped here."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_ROW = 26
_LABEL = 190
_WIDTH = 760
_VALUES = 200


@dataclass(frozen=True, slots=True)
class Mark:
    """One row: a value with its interval; no interval where only a value is known."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""
    hollow: bool = False


def interval_chart(
    title: str,
    marks: Sequence[Mark],
    *,
    bounds: tuple[float, float],
    zero: bool = False,
    scale: float = 100.0,
) -> str:
    """A forest plot: one row per mark on a shared axis.

    Args:
        bounds: ends of the axis, in the marks' own unit.
        zero: draw a line at 0, for differences.
        scale: what values are multiplied by for their labels; 100 shows points.
    """
    left, right = _LABEL, _WIDTH - _VALUES
    low, high = bounds
    height = _ROW * len(marks) + 40

    def x(value: float) -> float:
        return left + (right - left) * (min(max(value, low), high) - low) / (high - low)

    parts = [
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title, quote=True)}">',
        f"<title>{escape(title)}</title>",
    ]
    for step in range(5):
        value = low + (high - low) * step / 4
        parts.append(
            f'<line class="grid" x1="{x(value):.1f}" x2="{x(value):.1f}" y1="4" y2="{height - 24}"/>'
            f'<text class="tick" x="{x(value):.1f}" y="{height - 8}">{value * scale:.{_digits(bounds, scale)}f}</text>'
        )
    if zero and low < 0 < high:
        parts.append(f'<line class="zero" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="4" y2="{height - 24}"/>')
    for row, mark in enumerate(marks):
        y = _ROW * row + 20
        parts.append(f'<text class="label" x="{left - 10}" y="{y + 4}">{escape(mark.label)}</text>')
        if mark.value is None:
            parts.append(f'<text class="value" x="{right + 10}" y="{y + 4}">–</text>')
            continue
        if mark.low is not None and mark.high is not None:
            parts.append(
                f'<line class="bar" x1="{x(mark.low):.1f}" x2="{x(mark.high):.1f}" y1="{y}" y2="{y}"/>'
            )
        kind = "dot hollow" if mark.hollow else "dot"
        parts.append(f'<circle class="{kind}" cx="{x(mark.value):.1f}" cy="{y}" r="5"/>')
        text = f"{mark.value * scale:.1f}"
        if mark.low is not None and mark.high is not None:
            text += f" ({mark.low * scale:.1f} … {mark.high * scale:.1f})"
        parts.append(f'<text class="value" x="{right + 10}" y="{y + 4}">{escape(text + mark.note)}</text>')
    parts.append("</svg>")
    return "".join(parts)


def _digits(bounds: tuple[float, float], scale: float) -> int:
    return 0 if (bounds[1] - bounds[0]) * scale >= 8 else 1
