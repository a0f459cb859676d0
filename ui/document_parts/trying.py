"""Searching without a model: which passages a question finds, and how each leg ranks them."""

from typing import TYPE_CHECKING, Literal

import streamlit as st

from ui.components.inert import plain
from ui.components.passages import Card, place_of, score_bars, show_cards
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App
    from knowledge.base import BaseInfo

Mode = Literal["hybrid", "dense", "lexical"]
MODES: tuple[Mode, ...] = ("hybrid", "dense", "lexical")


def trying(app: "App", base: "BaseInfo") -> None:
    """Draw the tab."""
    with st.container(horizontal=True, vertical_alignment="top"):
        query = st.text_input(
            say("trying.query"),
            type="search",
            live="400ms",
            placeholder=say("trying.hint"),
            key="trying_query",
            width=360,
        )
        mode = st.segmented_control(
            say("trying.mode"),
            MODES,
            default="hybrid",
            required=True,
            format_func=lambda option: say(f"mode.{option}"),
            key="trying_mode",
        )
        top_k = st.number_input(say("trying.top_k"), 1, 50, 5, key="trying_top_k", width=140)
    if not query.strip():
        st.caption(say("trying.about"))
        return
    found = app.search(
        query.strip(), base_ids=[base.id], top_k=top_k, mode=mode or "hybrid", score_threshold=0.0
    )
    took = sum(found.timings_ms.values())
    st.caption(say("trying.found", count=len(found.passages), ms=f"{took:.0f}"))
    for notice in found.notices:
        st.caption(plain(app.notice_text(notice, language())))
    show_cards(
        [
            Card(
                passage.text,
                title=passage.source_name,
                number=rank,
                facts=(place_of(passage),),
                path=passage.heading_path,
                scores=score_bars(passage),
            )
            for rank, passage in enumerate(found.passages, start=1)
        ],
        key="trying_cards",
    )
