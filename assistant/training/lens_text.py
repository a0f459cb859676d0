"""A row under the loss-mask lens as text: coloured on a terminal, with marks anywhere else."""

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from assistant.messages import Language
from assistant.training.lens import joined
from finetune.messages import render

if TYPE_CHECKING:
    from assistant.training.lens import Lens

SHADES = (22, 28)
"""Greens of the 256 colours, in turn, so that neighbouring tokens can be told apart."""
OPEN, CLOSE, STOP = "⟦", "⟧", "■"
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def wants_colour(stream: Any) -> bool:
    """Whether what is written to `stream` is seen on a terminal that shows colours.

    Source: https://no-color.org
    """
    return bool(stream.isatty()) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def lens_text(shown: "Lens", language: Language, *, colour: bool) -> str:
    """Return the legend, and each sequence of the row with what is said about it."""
    if shown.row.refused is not None:
        code, params = shown.row.refused
        return render(code, params, language)
    draw = _coloured if colour else _marked
    parts = [_legend(language, colour=colour)]
    for name, views, piece in zip(_names(shown, language), shown.tokens, shown.row.pieces, strict=True):
        counts = {
            "en": f"{piece.trained_tokens} of {len(views)} tokens are trained",
            "zh": f"{len(views)} 个 token 中训练 {piece.trained_tokens} 个",
        }
        parts.append(f"{name}{counts[language]}\n{draw(joined(views)).rstrip(chr(10))}")
        parts += [f"  {render(code, params, language)}" for code, params in piece.notes]
    return "\n\n".join(parts)


def _legend(language: Language, *, colour: bool) -> str:
    named = {
        "en": ("trained", "trained stop token", "chat template", "read, not trained"),
        "zh": ("参与训练", "训练的停止符", "对话模板", "只读，不训练"),
    }[language]
    if colour:
        kinds = ("trained", "stop", "template", "user")
        return "  ".join(_coloured([(f" {name} ", kind)]) for name, kind in zip(named, kinds, strict=True))
    return f"{OPEN}{named[0]}{CLOSE}  {STOP} {named[1]}"


def _names(shown: "Lens", language: Language) -> list[str]:
    """What the sequences of a row are called; one needs no name."""
    count = len(shown.tokens)
    if shown.example.kind == "dpo" and count == 2:
        return ["chosen: ", "rejected: "] if language == "en" else ["较好的回答：", "较差的回答："]
    numbered = "Part {}: " if language == "en" else "第 {} 段："
    return [""] if count == 1 else [numbered.format(number) for number in range(1, count + 1)]


def _marked(tokens: Sequence[tuple[str, str]]) -> str:
    """Trained stretches between brackets, a square behind each stop token."""
    text, within = "", False
    for piece, kind in tokens:
        trained = kind in ("trained", "stop")
        if trained != within:
            text += OPEN if trained else CLOSE
            within = trained
        text += _harmless(piece) + (STOP if kind == "stop" else "")
    return text + (CLOSE if within else "")


def _coloured(tokens: Sequence[tuple[str, str]]) -> str:
    import click

    text, shade = "", 0
    for piece, kind in tokens:
        style: dict[str, Any] = {}
        if kind == "trained":
            style = {"fg": 231, "bg": SHADES[shade]}
            shade = 1 - shade
        elif kind == "stop":
            style = {"fg": 231, "bg": 130, "bold": True}
        elif kind == "template":
            style = {"dim": True}
        # A colour that runs over the end of a line fills the rest of it on some terminals.
        lines = _harmless(piece).replace("\n", "↵\n" if kind in ("trained", "stop") else "\n").split("\n")
        text += "\n".join(click.style(line, **style) if line and style else line for line in lines)
    return text


def _harmless(text: str) -> str:
    """Text whose control characters, which a terminal would obey, stand as pictures; line ends and tabs stay."""
    return _CONTROLS.sub(
        lambda found: chr(0x2400 + ord(found[0])) if ord(found[0]) < 0x20 else "\u2421", text
    )
