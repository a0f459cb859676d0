"""Experiment: a set of questions to all arms, and what can be said about them with how much certainty."""

import streamlit as st

from ui.ask_parts.readiness import model_line
from ui.experiment_parts.choosing import choose_experiment
from ui.experiment_parts.results import show_results
from ui.experiment_parts.setting_up import set_up
from ui.experiment_parts.watching import show_progress
from ui.frame import framed
from ui.resources import open_app
from ui.text import say

st.set_page_config(layout="wide")
app = open_app()

st.title(say("experiment.title"))
with framed():
    number = choose_experiment(app)
    if number is None:
        set_up(app)
        model_line(app)
    elif show_progress(app, number):
        show_results(app, number)
