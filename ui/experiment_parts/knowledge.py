"""Where right answers came from, by asking again without passages, with foreign and with altered ones."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from assistant.compare.counterfactual import LIMIT, SOURCES
from assistant.compare.report_text import REPORT_TEXT
from ui.components.inert import plain
from ui.experiment_parts.arms import arm_short
from ui.experiment_parts.question import choose_question
from ui.experiment_parts.tables import small_table
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.compare.records import Experiment

ALTERED = ("follows", "keeps", "other")
SWAPPED = ("refused", "right", "other")


def show_knowledge(app: "App", experiment: "Experiment", results: dict[str, Any]) -> None:
    """Draw the tab."""
    st.caption(say("experiment.knowledge_about"))
    told = app.experiments.sources(experiment.id)
    if not any(arm.startswith("rag") for arm in experiment.plan.arms):
        st.caption(say("experiment.knowledge_no_rag"))
        return
    if not experiment.manifest.get("erased"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            limit = st.number_input(
                say("experiment.knowledge_limit"), 1, 200, LIMIT, key="experiment_probe_limit", width=260
            )
            if st.button(
                say("experiment.knowledge_again" if told else "experiment.knowledge_start"),
                icon=":material/quiz:",
                key="experiment_probe",
                disabled=app.experiments.running() is not None,
            ):
                app.experiments.probe(experiment.id, limit=limit)
                st.rerun()
    if not told:
        return
    shown = language()
    small_table(
        [
            {say("board.arm"): arm_short(arm), say("experiment.knowledge_n"): entry["n"]}
            | {REPORT_TEXT[f"source_{name}"][shown]: _of(entry[name], entry["n"]) for name in SOURCES}
            for arm, entry in told.items()
        ]
    )
    left, right = st.columns(2, gap="medium")
    for cell, change, names in ((left, "altered", ALTERED), (right, "swapped", SWAPPED)):
        with cell:
            st.markdown(f"**{REPORT_TEXT[change][shown]}**")
            small_table(
                [
                    {say("board.arm"): arm_short(arm)}
                    | {
                        REPORT_TEXT[f"{change}_{name}"][shown]: _of(
                            entry[change].get(name, 0), sum(entry[change].values())
                        )
                        for name in names
                    }
                    for arm, entry in told.items()
                ]
            )
    _one_question(app, experiment, told)


def _of(count: int, whole: int) -> str:
    return f"{count} ({100 * count / whole:.0f} %)" if whole else "–"


def _one_question(app: "App", experiment: "Experiment", told: dict[str, dict[str, Any]]) -> None:
    """All answers to one question under the changes, to be read."""
    names = {one: arm_short(one) for one in told}
    arm = st.selectbox(
        say("board.arm"),
        list(told),
        format_func=lambda one: names[one],
        key="experiment_source_arm",
        width=320,
    )
    question = choose_question(
        experiment, list(told[arm]["questions"]), key=f"experiment_source_question_{arm}"
    )
    if question is None:
        return
    shown = language()
    st.caption(say("experiment.reference", text=plain(" | ".join(question.references))))
    given = app.experiments.answers(experiment.id).get((question.id, arm))
    rows = [(say("experiment.as_asked"), given.answer.text if given and given.answer else "–", "")]
    for probe in app.experiments.probes(experiment.id):
        if (probe.arm, probe.question_id) == (arm, question.id):
            facts = probe.facts
            note = f"{facts['wanted']} → {facts['instead']}" if "instead" in facts else ""
            rows.append((REPORT_TEXT[f"change_{probe.change}"][shown], probe.answer.text, note))
    for label, text, note in rows:
        with st.container(border=True):
            st.caption(plain(f"{label} ({note})" if note else label))
            st.text(text or "–")
