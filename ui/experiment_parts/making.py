"""Questions made from documents: of which, how many, and what an adapter had seen of them."""

from typing import TYPE_CHECKING

import streamlit as st

from assistant.compare.questions import QuestionSet, questions_jsonl
from assistant.errors import TANDEM_ERRORS
from ui.components.inert import plain
from ui.frame import show_error
from ui.text import say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.compare.document_questions import DocumentQuestions

COUNT, FEWEST, MOST = 120, 10, 1000


def make_questions(app: "App") -> tuple[QuestionSet, list[str]] | None:
    """Draw the choices and, once it is made, what was left out; return the set and the bases it is of."""
    bases = [base.name for base in app.bases() if base.chunks]
    if not bases:
        st.caption(f":orange[:material/info:] {say('experiment.make_no_base')}")
        return None
    chosen = st.pills(
        say("experiment.make_bases"),
        bases,
        default=bases[:1],
        selection_mode="multi",
        wrap=True,
        format_func=lambda name: plain(name, limit=60),
        key=f"experiment_make_bases_{hash(tuple(bases))}",
    )
    adapters = ["", *app.adapters()]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        count = st.number_input(
            say("experiment.make_count"), FEWEST, MOST, COUNT, key="experiment_make_count", width=180
        )
        adapter = st.selectbox(
            say("experiment.make_adapter"),
            adapters,
            index=min(1, len(adapters) - 1),
            format_func=lambda name: name or say("experiment.make_no_adapter"),
            help=say("experiment.make_adapter_help"),
            key=f"experiment_make_adapter_{hash(tuple(adapters))}",
            width=320,
        )
        seed = st.number_input(
            say("experiment.make_seed"),
            0,
            9999,
            0,
            help=say("experiment.make_seed_help"),
            key="experiment_make_seed",
            width=140,
        )
        start = st.button(
            say("experiment.make"), icon=":material/edit_note:", key="experiment_make", disabled=not chosen
        )
    wanted = (tuple(chosen), count, adapter, seed)
    if start:
        try:
            with st.spinner(say("experiment.making")):
                made = app.experiments.document_questions(chosen, count=count, adapter=adapter, seed=seed)
        except TANDEM_ERRORS as err:
            show_error(err)
            return None
        st.session_state["experiment_made"] = (wanted, made)
    of, made = st.session_state.get("experiment_made", (None, None))
    if made is None or of != wanted:
        return None
    _show(made)
    return made.questions, list(chosen)


def _show(made: "DocumentQuestions") -> None:
    if made.leaked:
        with st.expander(say("experiment.make_leaked", count=len(made.leaked))):
            st.dataframe(
                [
                    {
                        say("experiment.question"): leaked.question,
                        say("experiment.make_why"): say(f"experiment.leak_{leaked.why}"),
                    }
                    for leaked in made.leaked
                ],
                hide_index=True,
                width="stretch",
                key="experiment_make_leaked",
            )
    st.download_button(
        say("experiment.make_download"),
        questions_jsonl(made.questions.questions),
        file_name="questions.jsonl",
        mime="application/jsonl",
        icon=":material/download:",
        key="experiment_make_download",
    )
