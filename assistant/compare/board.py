"""The 2 x 2 of retrieval and fine-tuning as one picture: four cells, what each step adds, how they meet.

Inline SVG with its colours in it, so that a page and a report show the same; all text is escaped here.
"""

from collections.abc import Mapping
from html import escape
from statistics import fmean
from typing import Any

from assistant.compare.cells import CELLS, arms_of_cell, cell_of
from assistant.compare.report_text import REPORT_TEXT
from assistant.compare.reporting import few_text
from assistant.compare.verdict import NO_RESULT
from assistant.messages import Language

_WIDTH, _HEIGHT = 760, 372
_CELL = (196, 96)
_LEFT, _RIGHT = 104, 544
_TOP, _BOTTOM = 44, 258
_GAIN, _LOSS, _OPEN, _FRAME = "#0f8a7e", "#c9493d", "#7d8794", "#9aa5b1"
_PLACES = {
    "base": (_LEFT, _TOP),
    "rag": (_RIGHT, _TOP),
    "sft": (_LEFT, _BOTTOM),
    "rag+sft": (_RIGHT, _BOTTOM),
}
_EDGES = {
    "rag_alone": ("base", "rag"),
    "rag_on_sft": ("sft", "rag+sft"),
    "sft_alone": ("base", "sft"),
    "sft_on_rag": ("rag", "rag+sft"),
}


def board_cells(results: Mapping[str, Any]) -> dict[str, dict[str, Any] | None]:
    """The cells' means by the primary metric, with interval and single adapters; None where not asked.

    `mean` is None where too few questions were scored, `n` of them.
    """
    return {cell: _told(cell, results) for cell in _PLACES}


def _told(cell: str, results: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is told of one cell."""
    primary, board = results["primary"], results["factorial"]
    entries = {
        arm: entry
        for arm in arms_of_cell(cell, list(results["arms"]))
        if (entry := results["arms"][arm]["metrics"][primary])["n"]
    }
    shown = {arm: entry for arm, entry in entries.items() if entry["mean"] is not None}
    if not shown:
        return {"mean": None, "n": max(entry["n"] for entry in entries.values())} if entries else None
    means = {arm: entry["mean"] for arm, entry in shown.items()}
    only = next(iter(shown.values())) if len(shown) == 1 else None
    return {
        "mean": board["cells"][cell] if board else fmean(means.values()),
        "n": board["n"] if board else min(entry["n"] for entry in shown.values()),
        "interval": only["interval"] if only else None,
        "arms": means,
    }


def board_effects(results: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What each step adds, with its interval: of the 2 x 2 where it is whole, else of the pairs asked.

    `clear` tells whether it may be called a gain or a loss. Pairs whose difference is no result are left out.
    """
    board = results["factorial"]
    if board is not None:
        names = (*_EDGES, "rag", "sft", "interaction")
        return {name: {key: board[name][key] for key in ("value", "interval", "clear")} for name in names}
    told: dict[str, dict[str, Any]] = {}
    shown = {arm for cell in CELLS for arm in arms_of_cell(cell, list(results["arms"]))} | {
        *results["groups"]
    }
    for name, (first, second) in _EDGES.items():
        for pair in results["pairs"]:
            if (cell_of(pair["first"]), cell_of(pair["second"])) != (first, second):
                continue
            if not {pair["first"], pair["second"]} <= shown:
                continue
            if pair["word"] not in NO_RESULT:
                clear = pair["word"].startswith(("better", "worse"))
                entry = {"value": pair["difference"], "interval": pair["interval"], "clear": clear}
                told.setdefault(name, entry)
    return told


def board_svg(results: Mapping[str, Any], language: Language, *, ink: str = "currentColor") -> str:
    """Draw the board; cells that were not asked are dashed.

    Args:
        ink: colour of the words, for where the picture cannot take it from its surroundings.
    """

    def say(key: str, **params: Any) -> str:
        return escape(REPORT_TEXT[key][language].format(**params))

    effects = board_effects(results)
    # A picture of its own must name its language; within a page that would only be an address.
    space = "" if ink == "currentColor" else ' xmlns="http://www.w3.org/2000/svg"'
    parts = [
        f'<svg{space} viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{say("board")}" width="100%" '
        f'style="max-width:{_WIDTH}px;font:13px system-ui,\'Noto Sans CJK SC\',sans-serif" fill="{ink}">'
        f"<title>{say('board')}</title>",
        _text(_LEFT + _CELL[0] / 2, 24, say("without_rag"), weight=600),
        _text(_RIGHT + _CELL[0] / 2, 24, say("with_rag"), weight=600),
        *_row_name(_TOP, say("without_sft")),
        *_row_name(_BOTTOM, say("with_sft")),
    ]
    for cell, told in board_cells(results).items():
        parts += _cell(cell, told, say("not_asked"), say, lambda n: escape(few_text(n, language)))
    across = _LEFT + _CELL[0] + 8, _RIGHT - 8
    down = _TOP + _CELL[1] + 8, _BOTTOM - 8
    for name, effect in effects.items():
        if name in ("rag_alone", "rag_on_sft"):
            y = (_TOP if name == "rag_alone" else _BOTTOM) + _CELL[1] / 2
            parts += _arrow(across[0], y, across[1], y, effect)
            parts += _effect(sum(across) / 2, y - 24, effect)
        elif name in ("sft_alone", "sft_on_rag"):
            x = (_LEFT if name == "sft_alone" else _RIGHT) + _CELL[0] / 2
            parts += _arrow(x, down[0], x, down[1], effect)
            parts += _effect(x + 66, sum(down) / 2 - 6, effect)
    if "interaction" in effects:
        x, y = sum(across) / 2, (_TOP + _BOTTOM + _CELL[1]) / 2
        parts += [
            _text(x, y - 20, say("interaction"), weight=600),
            *_effect(x, y + 2, effects["interaction"]),
        ]
    return "".join(parts) + "</svg>"


def _cell(cell: str, told: Mapping[str, Any] | None, absent: str, say: Any, few: Any) -> list[str]:
    x, y = _PLACES[cell]
    dash = "" if told else ' stroke-dasharray="5 5"'
    parts = [
        f'<rect x="{x}" y="{y}" width="{_CELL[0]}" height="{_CELL[1]}" rx="10" fill="none" '
        f'stroke="{_FRAME}" stroke-width="1.5"{dash}/>'
    ]
    middle = x + _CELL[0] / 2
    if told is None:
        return [*parts, _text(middle, y + _CELL[1] / 2 + 5, absent, color=_OPEN)]
    if told["mean"] is None:
        return [*parts, _text(middle, y + _CELL[1] / 2 + 5, few(told["n"]), color=_OPEN)]
    parts.append(
        f'<rect x="{x + 1}" y="{y + _CELL[1] - 7}" width="{max(0.0, told["mean"]) * (_CELL[0] - 2):.1f}" '
        f'height="6" rx="3" fill="{_GAIN}"/>'
    )
    parts.append(_text(middle, y + 46, f"{100 * told['mean']:.1f}", size=30, weight=600))
    interval, arms = told["interval"], told["arms"]
    if interval is not None:
        note = f"{100 * interval['low']:.0f} – {100 * interval['high']:.0f}"
    else:
        lowest, highest = min(arms.values()), max(arms.values())
        note = say("adapters", count=len(arms), low=f"{100 * lowest:.1f}", high=f"{100 * highest:.1f}")
    return [*parts, _text(middle, y + 72, note, color=_OPEN, size=12)]


def _row_name(y: float, text: str) -> list[str]:
    """A row's name, turned to stand beside its cells."""
    x, middle = _LEFT - 22, y + _CELL[1] / 2
    return [
        f'<text x="{x}" y="{middle}" text-anchor="middle" font-weight="600" '
        f'transform="rotate(-90 {x} {middle})">{text}</text>'
    ]


def _arrow(x1: float, y1: float, x2: float, y2: float, effect: Mapping[str, Any]) -> list[str]:
    color = _color(effect)
    along_x = y1 == y2
    tip = (
        f"{x2},{y2} {x2 - 9},{y2 - 5} {x2 - 9},{y2 + 5}"
        if along_x
        else f"{x2},{y2} {x2 - 5},{y2 - 9} {x2 + 5},{y2 - 9}"
    )
    end_x, end_y = (x2 - 9, y2) if along_x else (x2, y2 - 9)
    return [
        f'<line x1="{x1}" y1="{y1}" x2="{end_x}" y2="{end_y}" stroke="{color}" stroke-width="2.5"/>',
        f'<polygon points="{tip}" fill="{color}"/>',
    ]


def _effect(x: float, y: float, effect: Mapping[str, Any]) -> list[str]:
    """A difference in points, and its interval under it."""
    interval, color = effect["interval"], _color(effect)
    range_ = f"{100 * interval['low']:+.1f} … {100 * interval['high']:+.1f}"
    return [
        _text(x, y, f"{100 * effect['value']:+.1f}", color=color, size=16, weight=600),
        _text(x, y + 17, range_, color=color, size=12),
    ]


def _color(effect: Mapping[str, Any]) -> str:
    """Of a gain or a loss that is shown; grey where neither is."""
    if not effect["clear"]:
        return _OPEN
    return _GAIN if effect["value"] > 0 else _LOSS


def _text(x: float, y: float, text: str, *, color: str = "", size: int = 13, weight: int = 400) -> str:
    fill = f' fill="{color}"' if color else ""
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="middle" font-size="{size}" font-weight="{weight}"{fill}>'
        f"{text}</text>"
    )
