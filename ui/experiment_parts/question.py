"""One question of an experiment: what was wanted, what the arms said and on what grounds, what was found."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from assistant.arms import Answer
from assistant.compare.cells import cell_of, looks_up_itself
from assistant.compare.metric_table import METRICS
from assistant.compare.questions import Evidence, Question
from assistant.compare.report_text import REPORT_TEXT
from assistant.compare.scoring import holds
from ui.ask_parts.sources import open_source
from ui.components.answer import show_answer
from ui.components.inert import plain
from ui.components.passages import Card, place_of, score_bars, show_cards
from ui.experiment_parts.arms import arm_short
from ui.frame import framed
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.compare.records import Experiment, StoredAnswer


LONGEST_ID = 12
"""Characters of a question's name that are shown; longer ones are digests."""


def choose_question(experiment: "Experiment", ids: Sequence[str], *, key: str) -> Question | None:
    """Draw a chooser over some of the questions; None where there are none."""
    questions = {question.id: question for question in experiment.questions if question.id in set(ids)}
    if not questions:
        return None
    labels = {name: _label(question) for name, question in questions.items()}
    chosen = st.selectbox(
        say("experiment.question"),
        list(questions),
        format_func=lambda name: labels[name],
        key=f"{key}_{hash(tuple(questions))}",
    )
    return questions[chosen]


def _label(question: Question) -> str:
    """A question with its name, unless that is one that only machines read."""
    return f"{question.id} · {question.text}" if len(question.id) <= LONGEST_ID else question.text


def show_question_answers(
    app: "App", experiment: "Experiment", question: Question, arms: Sequence[str], *, key: str
) -> None:
    """Draw question, reference and the answers of some arms side by side, with the passages below."""
    with st.container(border=True):
        st.text(question.text)
        wanted = (
            " | ".join(question.references)
            if question.answerable
            else REPORT_TEXT["unanswerable"][language()]
        )
        st.caption(say("experiment.reference", text=plain(wanted) or "–"))
        for evidence in question.evidence[:3]:
            if evidence.quote or evidence.source:
                st.caption(_evidence(evidence))
    arms = list(dict.fromkeys(one for arm in arms for one in experiment.plan.groups.get(arm, (arm,))))
    answers = app.experiments.answers(experiment.id)
    for arm, cell in zip(arms, st.columns(len(arms), border=True), strict=True):
        with cell:
            st.markdown(f"**{plain(arm_short(arm), limit=60)}**")
            stored = answers.get((question.id, arm))
            if stored is None:
                st.caption(say("experiment.not_asked"))
                continue
            st.fragment(framed()(_answer))(app, stored, f"{key}_{question.id}_{arm}")
            st.caption(_scores(stored, experiment.plan.primary))
    if any(cell_of(arm).startswith("rag") and not looks_up_itself(arm) for arm in arms):
        _passages(app, experiment, question, "", key)
    for arm in arms:
        if looks_up_itself(arm):
            _passages(app, experiment, question, arm, key)


def _evidence(evidence: Evidence) -> str:
    """Where the answer stands: file, words, or both, as far as the question names them."""
    source, quote = plain(evidence.source, limit=80), plain(evidence.quote, limit=300)
    known = "evidence" if source and quote else "evidence_quote" if quote else "evidence_source"
    return say(f"experiment.{known}", source=source, quote=quote)


def _answer(app: "App", stored: "StoredAnswer", key: str) -> None:
    if stored.answer is None:
        error = stored.error or {}
        st.error(plain(error.get(language(), say("app.defect"))), icon=":material/error:")
        return
    answer: Answer = stored.answer
    if not stored.arm.startswith("rag"):
        # It read no passages, so that none supports a sentence says nothing against it.
        answer = replace(answer, sentences=())
    if not answer.text:
        st.caption(say("experiment.no_text"))
        return
    show_answer(
        answer,
        key=f"experiment_answer_{key}",
        on_open=lambda number, sentence: open_source(app, answer, number, sentence),
    )


def _scores(stored: "StoredAnswer", primary: str) -> str:
    """The scores that tell most, in one line."""
    names = dict.fromkeys((primary, "contains_reference", "citation_precision", "supported"))
    parts = [
        f"{METRICS[name].label(language())} {100 * score.value:.0f}"
        for name in names
        if (score := stored.scores.get(name)) is not None and score.value is not None
    ]
    return plain(" · ".join(parts))


def _passages(app: "App", experiment: "Experiment", question: Question, arm: str, key: str) -> None:
    """What the arms that share a look-up read, or, with `arm`, one with a look-up of its own."""
    found = app.experiments.retrieval(experiment.id, question.id, arm)
    if found is None or not found.retrieval.passages:
        return
    key = f"{key}_{hash(arm)}" if arm else key
    label = say("experiment.found", count=len(found.retrieval.passages))
    panel = st.expander(
        f"{plain(arm_short(arm), limit=60)}: {label}" if arm else label,
        type="compact",
        key=f"experiment_found_{key}_{question.id}",
        on_change="rerun",
    )
    if not panel.open:
        return
    with panel:
        show_cards(
            [
                Card(
                    passage.text,
                    title=passage.source_name,
                    number=rank,
                    facts=(
                        place_of(passage),
                        say("experiment.holds_evidence")
                        if any(holds(passage, evidence) for evidence in question.evidence)
                        else "",
                    ),
                    path=passage.heading_path,
                    scores=score_bars(passage),
                )
                for rank, passage in enumerate(found.retrieval.passages, 1)
            ],
            key=f"experiment_passages_{key}_{question.id}",
        )
