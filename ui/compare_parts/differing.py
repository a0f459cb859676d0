"""What one column says that another does not."""

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from ui.compare_parts.asking import LETTERS, Comparison
from ui.frame import framed
from ui.text import say

if TYPE_CHECKING:
    from assistant.compare.answer_diff import Stretch

_STYLE = (
    "<style>.tandem-diff{white-space:pre-wrap;line-height:1.7;overflow-wrap:anywhere}"
    ".tandem-diff del{background:rgba(214,64,69,.16);text-decoration-thickness:1px}"
    ".tandem-diff ins{background:rgba(46,140,87,.18);text-underline-offset:3px}</style>"
)
_TAGS = {"same": ("", ""), "out": ("<del>", "</del>"), "in": ("<ins>", "</ins>")}


def show_differences(comparison: Comparison) -> None:
    """Draw, folded, two answers as one text with what goes out and what comes in."""
    texts = {
        letter: column.answer.text
        for letter, column in zip(LETTERS, comparison.shown, strict=False)
        if column.answer is not None and column.answer.text
    }
    if len(texts) < 2:
        return
    folded = st.expander(
        say("compare.diff"),
        icon=":material/difference:",
        type="compact",
        key=f"compare_diff_{comparison.key}",
        on_change="rerun",
    )
    if folded.open:
        with folded:
            st.fragment(framed()(_differences))(texts, comparison.key)


def _differences(texts: dict[str, str], key: str) -> None:
    from assistant.compare.answer_diff import alike, differences

    letters = list(texts)
    first, second = letters[0], letters[1]
    if len(letters) > 2:
        with st.container(horizontal=True):
            first = _letter(say("compare.diff_first"), letters, letters[0], f"compare_diff_first_{key}")
            second = _letter(say("compare.diff_second"), letters, letters[1], f"compare_diff_second_{key}")
    told = differences(texts[first], texts[second])
    if all(stretch.change == "same" for stretch in told):
        st.caption(say("compare.diff_none"))
        return
    st.html(f'{_STYLE}<div class="tandem-diff">{"".join(map(_as_html, told))}</div>')
    st.caption(say("compare.diff_legend", first=first, second=second, percent=round(100 * alike(told))))


def _letter(label: str, letters: list[str], default: str, key: str) -> str:
    return st.segmented_control(label, letters, default=default, required=True, key=key) or default


def _as_html(stretch: "Stretch") -> str:
    opened, closed = _TAGS[stretch.change]
    return f"{opened}{escape(stretch.text)}{closed}"
