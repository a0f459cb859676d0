"""What one answer says that another does not: words in and words out; Chinese character by character."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Change = Literal["same", "out", "in"]

_LONGEST = 4000
# A Han character or kana by itself; a word or number with what joins it; a run of spaces; any other sign.
_PIECE = re.compile(
    r"[\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]"
    r"|\d+(?:[.,]\d+)*|[^\W\d_\u3040-\u30ff\u3400-\u9fff]+(?:['’-][^\W\d_]+)*|\s+|."
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Text that both answers have, only the first ("out"), or only the second ("in")."""

    change: Change
    text: str


def differences(first: str, second: str) -> list[Stretch]:
    """Return both answers as one text, in order; what goes out stands before what comes in.

    The texts of all stretches but the "in" ones make `first`, of all but the "out" ones `second`. Comparing takes
    time that grows with the square of the length, so of texts beyond 4,000 pieces the rest is told as changed.
    """
    one, other = _PIECE.findall(first), _PIECE.findall(second)
    told: list[Stretch] = []
    matcher = SequenceMatcher(None, one[:_LONGEST], other[:_LONGEST], autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            _add(told, "same", one[a:b])
        else:
            _add(told, "out", one[a:b])
            _add(told, "in", other[c:d])
    _add(told, "out", one[_LONGEST:])
    _add(told, "in", other[_LONGEST:])
    return _without_lone_spaces(told)


def alike(stretches: list[Stretch]) -> float:
    """Share of the characters of both answers that they have in common, 0..1; 1 for two empty ones."""
    same = 2 * sum(len(stretch.text) for stretch in stretches if stretch.change == "same")
    changed = sum(len(stretch.text) for stretch in stretches if stretch.change != "same")
    return same / (same + changed) if same + changed else 1.0


def _add(told: list[Stretch], change: Change, pieces: list[str]) -> None:
    if pieces:
        told.append(Stretch(change, "".join(pieces)))


def _without_lone_spaces(told: list[Stretch]) -> list[Stretch]:
    """A space alone between two changes is drawn into both: single words in a row read better as one change."""
    joined: list[Stretch] = []
    out = into = ""

    def flush() -> None:
        nonlocal out, into
        if out:
            joined.append(Stretch("out", out))
        if into:
            joined.append(Stretch("in", into))
        out = into = ""

    for number, stretch in enumerate(told):
        if stretch.change == "out":
            out += stretch.text
        elif stretch.change == "in":
            into += stretch.text
        elif stretch.text.isspace() and (out or into) and number + 1 < len(told):
            out += stretch.text
            into += stretch.text
        else:
            flush()
            joined.append(stretch)
    flush()
    return joined
