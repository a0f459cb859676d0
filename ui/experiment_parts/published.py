"""What RAG and SFT added in published experiments, drawn beside what they added here."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from assistant.compare.board import board_effects
from assistant.compare.published import PUBLISHED
from assistant.compare.report_text import REPORT_TEXT
from ui.components.inert import plain
from ui.experiment_parts.charts import Row, interval_chart
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.compare.records import Experiment


def show_published(app: "App", experiment: "Experiment", results: dict[str, Any]) -> None:
    """Draw the tab."""
    shown = language()
    st.caption(REPORT_TEXT["published_hint"][shown])
    own = board_effects(results)
    for name, cell in zip(("rag_alone", "sft_alone", "interaction"), st.columns(3), strict=True):
        with cell:
            st.markdown(f"**{REPORT_TEXT[name][shown]}**")
            rows = [Row(entry.name, entry.contrasts()[name]) for entry in PUBLISHED]
            if name in own:
                interval = own[name]["interval"]
                label = REPORT_TEXT["yours"][shown]
                rows.insert(
                    0,
                    Row(
                        label, own[name]["value"], interval["low"], interval["high"], clear=own[name]["clear"]
                    ),
                )
            interval_chart(
                rows,
                key=f"experiment_published_{name}",
                axis=say("experiment.points"),
                domain=(-60, 60),
                zero=True,
            )
    st.caption(plain("; ".join(sorted({entry.source for entry in PUBLISHED}))))
