"""Train: data, settings, run; the runs and adapters there are; the same questions before and after."""

import streamlit as st

from ui.frame import framed
from ui.resources import open_app
from ui.text import say
from ui.train_parts.adapter_cards import adapter_cards
from ui.train_parts.before_after import before_after
from ui.train_parts.data_step import data_step
from ui.train_parts.draft import TAB_STATE, TABS, current_draft, tab_label
from ui.train_parts.run_step import run_step
from ui.train_parts.runs_list import runs_list
from ui.train_parts.settings_step import settings_step

st.set_page_config(layout="wide")
app = open_app()

st.title(say("train.title"))
draft = current_draft(app)
labels = [tab_label(tab) for tab in TABS]
if st.session_state.get(TAB_STATE) not in labels:  # a new session, or the language was switched
    # Whoever comes back while a run is at work wants to see it, and still when it has ended.
    at_work = any(run.status.alive for run in app.workshop.runs())
    st.session_state[TAB_STATE] = tab_label("run" if at_work else "data")
tabs = st.tabs(labels, key=TAB_STATE, on_change="rerun")
steps = (data_step, settings_step, run_step, runs_list, adapter_cards, before_after)
for tab, draw in zip(tabs, steps, strict=True):
    if tab.open:
        with tab, framed():
            draw(app, draft)
