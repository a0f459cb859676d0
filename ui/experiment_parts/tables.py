"""Small tables that show all their columns: cells wrap instead of ending at the edge."""

from collections.abc import Mapping, Sequence

import streamlit as st

from ui.components.inert import plain


def small_table(rows: Sequence[Mapping[str, object]]) -> None:
    """Draw rows of words and numbers; heads and cells are shown as they are, never as markup."""
    told = [{plain(head) or " ": _cell(str(cell)) for head, cell in row.items()} for row in rows]
    st.table(told, border="horizontal", hide_index=True)


def _cell(text: str) -> str:
    """Figures stay on one line, words may wrap."""
    shown = plain(text)
    return shown if any(map(str.isalpha, text)) else shown.replace(" ", "\u00a0")
