"""The 2 x 2, the main effects beside it, all pairs, and how many questions are still needed."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from assistant.compare.board import board_svg
from assistant.compare.cells import CELLS, cell_of
from assistant.compare.metric_table import METRICS
from assistant.compare.report_text import REPORT_TEXT
from assistant.compare.reporting import clustered_text, no_board_text, word_text
from assistant.compare.verdict import NO_RESULT
from ui.experiment_parts.arms import arm_short
from ui.experiment_parts.charts import Row, interval_chart
from ui.experiment_parts.tables import small_table
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.compare.records import Experiment

BOARD_WIDTH = 760
LIGHT_INK, DARK_INK = "#1d2530", "#e6eaee"
EFFECTS = ("rag", "sft", "interaction", "rag_alone", "rag_on_sft", "sft_alone", "sft_on_rag")


def show_board(app: "App", experiment: "Experiment", results: dict[str, Any]) -> None:
    """Draw the tab."""
    shown = language()
    metric = METRICS[results["primary"]].label(shown)
    board = results["factorial"]
    st.caption(say("experiment.board_about", metric=metric))
    if absent := no_board_text(results, shown):
        st.caption(absent)
    else:
        dark = st.context.theme.type == "dark"
        picture = board_svg(results, shown, ink=DARK_INK if dark else LIGHT_INK)
        st.image(picture, width=BOARD_WIDTH, alt=REPORT_TEXT["board"][shown])
        if board is None and {cell_of(arm) for arm in results["arms"]} == set(CELLS):
            st.caption(REPORT_TEXT["board_uneven"][shown])
    if board is not None:
        st.caption(say("experiment.effects_about", questions=board["n"]))
        rows = [
            Row(
                REPORT_TEXT[name][shown],
                board[name]["value"],
                board[name]["interval"]["low"],
                board[name]["interval"]["high"],
                clear=board[name]["clear"],
            )
            for name in EFFECTS
        ]
        interval_chart(rows, key="experiment_effects", axis=say("experiment.points"), zero=True)
        st.caption(say("experiment.interaction_about"))
    st.markdown(f"**{REPORT_TEXT['pairs'][shown]}**")
    _gate(results)
    st.caption(REPORT_TEXT["holm_hint"][shown])
    small_table([_pair_row(pair, results) for pair in results["pairs"]])
    st.caption(clustered_text(results, shown))
    _meter(results)


def _gate(results: dict[str, Any]) -> None:
    gate = results["gate"]
    if gate:
        test = {"cochran": "Cochran Q", "friedman": "Friedman"}[gate["test"]]
        text = REPORT_TEXT["gate"][language()]
        st.caption(text.format(test=test, p=format(gate["p"], ".3g"), n=gate["n"]))


def _pair_row(pair: dict[str, Any], results: dict[str, Any]) -> dict[str, Any]:
    words = {
        key: REPORT_TEXT[key][language()] for key in ("says", "difference", "interval", "flips", "p_holm")
    }
    head = {REPORT_TEXT["pair"][language()]: f"{arm_short(pair['first'])} → {arm_short(pair['second'])}"}
    word = word_text(pair["word"], language())
    if pair["word"] in NO_RESULT:
        counts = f"{pair['n']} / {results['questions']}"
        return head | dict.fromkeys(words.values(), "–") | {words["flips"]: counts, words["says"]: word}
    interval = pair["interval"]
    return head | {
        words["says"]: word,
        words["difference"]: f"{100 * pair['difference']:+.1f}",
        words["interval"]: f"{100 * interval['low']:+.1f} … {100 * interval['high']:+.1f}",
        words["flips"]: f"+{pair['gains']} −{pair['losses']} / {pair['n']}",
        words["p_holm"]: f"{pair['p_holm']:.3g}",
    }


def _meter(results: dict[str, Any]) -> None:
    meter = results["meter"]
    points = f"{100 * meter['wanted']:.0f}"
    if meter["needed"] is None:
        st.caption(say("experiment.meter_never", points=points))
        return
    st.progress(
        min(1.0, meter["n"] / meter["needed"]),
        text=say("experiment.meter", have=meter["n"], needed=meter["needed"], points=points),
        width=620,
    )
