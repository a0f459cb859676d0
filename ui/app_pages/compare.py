"""Compare: one question to several arms, a blind vote, and the leaderboard over all votes."""

import streamlit as st

from ui.ask_parts.exchange import show_question
from ui.ask_parts.readiness import model_line
from ui.ask_parts.sampling import sampling_settings
from ui.ask_parts.scope import choose_bases
from ui.compare_parts.asking import current_comparison, write_answers
from ui.compare_parts.choosing import LEAST, MOST, choose_arms
from ui.compare_parts.judging import show_comparison
from ui.compare_parts.standing import show_standings
from ui.components.stopping import stop_place, stoppable
from ui.frame import framed
from ui.resources import open_app
from ui.text import say

st.set_page_config(layout="wide")
app = open_app()

asking, board = st.tabs(
    [say("compare.tab_ask"), say("compare.tab_board")], key="compare_tabs", on_change="rerun"
)

if asking.open:
    with asking:
        arms, blind = choose_arms(app, first=current_comparison() is None)
    with st.bottom:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            base_ids = choose_bases(app)
            with st.popover(say("ask.settings"), icon=":material/tune:", type="tertiary"):
                chosen_sampling, top_k = sampling_settings(app)
            stop = stop_place()
        chosen = [app.arm(name) for name in arms]
        # An arm that has nothing to search says so in its column; the others answer.
        able = any(base_ids or arm.lookup.bases or not arm.retrieval for arm in chosen)
        typed = st.chat_input(
            say("compare.placeholder"),
            key="compare_question",
            submit_mode="disable",
            max_chars=4000,
            disabled=not LEAST <= len(arms) <= MOST or not able,
        )
        model_line(app)
    with asking, framed():
        question = (typed or "").strip()
        comparison = current_comparison()
        if question:
            show_question(question)
            with stoppable(stop):
                write_answers(
                    app,
                    question,
                    arms=arms,
                    base_ids=base_ids,
                    sampling=chosen_sampling(),
                    top_k=top_k,
                    blind=blind,
                )
            st.rerun()
        elif comparison is not None:
            show_comparison(app, comparison)
        else:
            st.caption(say("compare.hint"))

if board.open:
    with board, framed():
        show_standings(app)
