"""What an experiment says: the sentence on top, then the board, charts, single questions and their reasons."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from assistant.compare.exports import is_current
from assistant.compare.report_text import REPORT_TEXT
from assistant.compare.verdict import verdict
from ui.components.inert import plain
from ui.experiment_parts.adapters import show_adapters
from ui.experiment_parts.board import show_board
from ui.experiment_parts.flips import show_flips
from ui.experiment_parts.judging import show_judging
from ui.experiment_parts.kinds import show_kinds
from ui.experiment_parts.knowledge import show_knowledge
from ui.experiment_parts.losses import show_losses
from ui.experiment_parts.metrics import show_metrics
from ui.experiment_parts.published import show_published
from ui.frame import framed
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.compare.records import Experiment
    from assistant.compare.verdict import Verdict

_COLORS = {"better": "green", "worse": "red", "equivalent": "blue"}


def show_results(app: "App", number: int) -> None:
    """Draw everything that is known of an experiment."""
    experiment = app.experiments.get(number)
    results = _results(app, experiment)
    _show_verdict(verdict(results))
    _downloads(app, experiment)
    parts = {
        "board": show_board,
        "metrics": show_metrics,
        "flips": show_flips,
        "losses": show_losses,
        "knowledge": show_knowledge,
        "kinds": show_kinds,
        "judge": show_judging,
        "adapters": show_adapters,
        "published": show_published,
    }
    if not experiment.manifest.get("adapters"):
        del parts["adapters"]
    tabs = st.tabs(
        [say(f"experiment.tab_{name}") for name in parts], key=f"experiment_tabs_{number}", on_change="rerun"
    )
    for tab, draw in zip(tabs, parts.values(), strict=True):
        if tab.open:
            with tab, framed():
                draw(app, experiment, results)


def _results(app: "App", experiment: "Experiment") -> dict[str, Any]:
    """The results; those of a run that was cut off are worked out once for the session."""
    if is_current(experiment.results):
        return dict(experiment.results or {})
    key = f"experiment_results_{experiment.id}_{app.experiments.answered(experiment.id)}"
    if key not in st.session_state:
        with st.spinner(say("experiment.analysing")):
            st.session_state[key] = app.experiments.results(experiment.id)
    kept: dict[str, Any] = st.session_state[key]
    return kept


def _show_verdict(said: "Verdict") -> None:
    shown = language()
    with st.container(border=True, key="experiment_verdict"):
        color = next((color for word, color in _COLORS.items() if said.word.startswith(word)), "orange")
        headline = plain(said.headline.text(shown))
        st.markdown(f"### :{color}[:material/gavel:] {headline}", help=say("experiment.verdict_help"))
        first, more = said.ordered()
        for place, sentence in enumerate(first):
            text = plain(sentence.text(shown))
            st.markdown(text if place else f"**{text}**")
        if more:
            with st.expander(REPORT_TEXT["verdict_more"][shown], type="compact"):
                for sentence in more:
                    st.markdown(plain(sentence.text(shown)))


def _downloads(app: "App", experiment: "Experiment") -> None:
    """Buttons whose files are made when they are pressed."""
    number, shown = experiment.id, language()
    with st.container(horizontal=True):
        for form, mime, make in (
            ("html", "text/html", lambda: app.experiments.html(number, shown)),
            ("csv", "text/csv", lambda: app.experiments.csv(number, shown)),
            ("json", "application/json", lambda: app.experiments.json_text(number)),
        ):
            st.download_button(
                say(f"experiment.download_{form}"),
                make,
                f"tandem-experiment-{number}.{form}",
                mime,
                icon=":material/download:",
                on_click="ignore",
                key=f"experiment_download_{form}_{number}",
            )
