"""A new experiment: which questions, which arms, and what is declared before the first answer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from assistant.arms import BASE, RAG, Arm
from assistant.compare.cells import groups_of
from assistant.compare.metric_table import ANSWER_METRICS, METRICS, default_primary
from assistant.compare.planning import default_contrast
from assistant.compare.power import meter
from assistant.compare.questions import QuestionSet
from assistant.errors import TANDEM_ERRORS
from ui.compare_parts.choosing import arm_label
from ui.components.inert import plain
from ui.experiment_parts.arms import arm_short
from ui.experiment_parts.choosing import open_experiment
from ui.experiment_parts.making import make_questions
from ui.frame import show_error
from ui.text import LANGUAGES, language, say

if TYPE_CHECKING:
    from assistant.app import App

SAMPLE, FILE, DOCUMENTS = "sample", "file", "documents"
FEW = 12
"""Questions with which one may try how an experiment goes; nothing can be concluded from so few."""


def set_up(app: "App") -> None:
    """Draw the choices, and the button that starts it."""
    with st.container(border=True):
        questions, own = _choose_questions(app)
    if questions is None:
        return
    with st.container(border=True):
        bases = _choose_bases(app, own)
        arms = _choose_arms(app)
        pooled = _choose_pooled(app, arms)
    if len(arms) < 2:
        st.caption(f":orange[:material/info:] {say('experiment.arms_number')}")
        return
    with st.container(border=True):
        st.markdown(f"**{say('experiment.declared')}**", help=say("experiment.declared_help"))
        primary = _choose_primary(questions)
        contrast = _choose_contrast(arms, pooled)
        with st.container(horizontal=True):
            margin = st.number_input(
                say("experiment.margin"),
                0.5,
                50.0,
                5.0,
                0.5,
                help=say("experiment.margin_help"),
                key="experiment_margin",
                width=260,
                format="%.1f",
            )
            wanted = st.number_input(
                say("experiment.wanted"),
                1.0,
                100.0,
                10.0,
                1.0,
                help=say("experiment.wanted_help"),
                key="experiment_wanted",
                width=260,
                format="%.1f",
            )
        _power(len(questions.questions), wanted / 100)
    searching = any(app.arm(name).retrieval for name in arms)
    # Questions of the sample and of documents are named for what they are about, a file's for the file.
    name = bases[0] if own and bases else questions.name
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input(
            say("experiment.name"), value=name, max_chars=80, key=f"experiment_name_{hash(name)}", width=420
        )
        busy = app.experiments.running()
        started = st.button(
            say("experiment.start"),
            type="primary",
            icon=":material/science:",
            key="experiment_start",
            disabled=contrast is None or busy is not None or (searching and not bases),
        )
    if busy is not None:
        st.caption(say("experiment.busy", number=busy))
    if started and contrast is not None:
        plan = app.experiments.plan(
            questions,
            arms,
            primary=primary,
            contrast=contrast,
            base_names=tuple(bases),
            margin=margin / 100,
            wanted=wanted / 100,
            pooled=pooled,
        )
        open_experiment(app.experiments.start(name, questions, plan))
        st.rerun()


def _choose_questions(app: "App") -> tuple[QuestionSet | None, list[str]]:
    """The set that will be asked, with what is wrong with it, and the bases it is about where that is known.

    The set is None while there is none.
    """
    languages = app.experiments.sample_languages()
    sources = [SAMPLE, FILE, DOCUMENTS] if languages else [FILE, DOCUMENTS]
    labels = {one: say(f"experiment.source_{one}") for one in sources}
    source = st.segmented_control(
        say("experiment.questions"),
        sources,
        default=sources[0],
        required=True,
        format_func=lambda one: labels[one],
        key=f"experiment_source_{len(sources)}",
    )
    own: list[str] = []
    if source == SAMPLE:
        chosen = st.segmented_control(
            say("experiment.sample_language"),
            languages,
            default=language() if language() in languages else languages[0],
            required=True,
            format_func=lambda code: LANGUAGES[code],
            key="experiment_sample_language",
        )
        own = app.experiments.sample_bases(chosen)
        found = app.experiments.sample_questions(chosen)
    elif source == DOCUMENTS:
        made = make_questions(app)
        if made is None:
            return None, []
        found, own = made
    else:
        upload = st.file_uploader(
            say("experiment.upload"),
            type=["csv", "tsv", "jsonl", "json"],
            help=say("experiment.upload_help"),
            key="experiment_upload",
        )
        if upload is None:
            return None, []
        try:
            found = app.experiments.read_questions(upload.name, upload.getvalue())
        except TANDEM_ERRORS as err:
            show_error(err)
            return None, []
    found = _of_languages(found)
    most = len(found.questions)
    if most > 1 and source != DOCUMENTS:  # of documents, as many as were wanted are made
        count = st.slider(
            say("experiment.count"),
            min(FEW, most - 1),
            most,
            most,
            help=say("experiment.count_help"),
            key=f"experiment_count_{source}_{most}",
            width=520,
        )
        if count < most:
            from assistant.compare.questions import take

            found = take(found, count)
    answerable = sum(question.answerable for question in found.questions)
    st.caption(
        say(
            "experiment.counted",
            questions=len(found.questions),
            answerable=answerable,
            unanswerable=len(found.questions) - answerable,
        )
    )
    for problem in found.problems:
        st.caption(f":orange[:material/warning:] {plain(problem.text(language()))}")
    return found, own


def _of_languages(found: QuestionSet) -> QuestionSet:
    """The questions of the chosen languages, where there are several: documents are often in one."""
    there = sorted({question.language for question in found.questions})
    if len(there) < 2:
        return found
    chosen = st.pills(
        say("experiment.languages"),
        there,
        default=there,
        selection_mode="multi",
        wrap=True,
        format_func=lambda code: LANGUAGES.get(code, code),
        key=f"experiment_languages_{'_'.join(there)}",
    )
    kept = tuple(question for question in found.questions if question.language in (chosen or there))
    return QuestionSet(found.name, kept, found.problems)


def _choose_bases(app: "App", own: Sequence[str]) -> list[str]:
    """The bases that are searched; first proposed are those that the questions are about."""
    bases = [base.name for base in app.bases() if base.chunks]
    return list(
        st.pills(
            say("ask.bases"),
            bases,
            default=[name for name in bases if name in own] or bases,
            selection_mode="multi",
            wrap=True,
            format_func=lambda name: plain(name, limit=60),
            key=f"experiment_bases_{hash((*own, '', *bases))}",
        )
    )


def _choose_arms(app: "App") -> list[str]:
    adapters = app.adapters()
    trained = [Arm(retrieval, adapter).name for adapter in adapters for retrieval in (False, True)]
    offered = [BASE.name, RAG.name, *trained]
    names = {name: plain(arm_label(name), limit=60) for name in offered}
    newest = next((info.name for info, _ in app.workshop.adapters.all() if info.name in adapters), None)
    if newest is None:  # adapters of a server stand in no folder of ours
        newest = adapters[0] if adapters else None
    proposed = [name for name in offered if app.arm(name).adapter in (None, newest)]
    picked = st.pills(
        say("compare.arms"),
        offered,
        default=proposed,
        selection_mode="multi",
        wrap=True,
        format_func=lambda name: names[name],
        key=f"experiment_arms_{hash(tuple(offered))}",
    )
    if not adapters:
        st.caption(say("experiment.no_adapter"))
    return [name for name in offered if name in picked]


def _choose_pooled(app: "App", arms: Sequence[str]) -> bool:
    """Whether several adapters count as one arm; asked where there are several."""
    if not groups_of(arms):
        return False
    return st.checkbox(
        say("experiment.pooled"),
        value=app.experiments.same_recipe(arms),
        help=say("experiment.pooled_help"),
        key=f"experiment_pooled_{hash(tuple(arms))}",
    )


def _choose_primary(questions: QuestionSet) -> str:
    usual = default_primary(questions.questions)
    chinese = any(question.language == "zh" for question in questions.questions)
    names = [
        name
        for name in ANSWER_METRICS
        if METRICS[name].unit == "share"
        and name not in ("ended", "similarity")
        and not (name.startswith("cmrc") and not chinese)
    ]
    labels = {name: METRICS[name].label(language()) for name in names}
    return st.selectbox(
        say("experiment.primary"),
        names,
        index=names.index(usual),
        format_func=lambda name: labels[name],
        key=f"experiment_primary_{usual}",
        width=420,
    )


def _choose_contrast(arms: Sequence[str], pooled: bool) -> tuple[str, str] | None:
    """The pair that decides; None while both are the same."""
    groups = groups_of(arms) if pooled else {}
    inside = {arm: name for name, members in groups.items() for arm in members}
    arms = list(dict.fromkeys(inside.get(arm, arm) for arm in arms))
    if len(arms) < 2:  # nothing but training runs of one arm
        arms = list(inside)
    labels = {name: arm_short(name) if name in groups else arm_label(name) for name in arms}
    usual = default_contrast(arms)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        second = st.selectbox(
            say("experiment.contrast_second"),
            arms,
            index=arms.index(usual[1]),
            format_func=lambda name: labels[name],
            key=f"experiment_second_{hash(tuple(arms))}",
            width=320,
        )
        first = st.selectbox(
            say("experiment.contrast_first"),
            arms,
            index=arms.index(usual[0]),
            format_func=lambda name: labels[name],
            key=f"experiment_first_{hash(tuple(arms))}",
            width=320,
        )
    if first == second:
        st.caption(f":orange[:material/info:] {say('experiment.contrast_same')}")
        return None
    return first, second


def _power(count: int, wanted: float) -> None:
    """What so many questions can show, before any is asked."""
    ahead = meter(count, wanted=wanted)
    if ahead.detectable is None:
        st.caption(say("experiment.power_none", questions=count))
    else:
        st.caption(
            say(
                "experiment.power",
                questions=count,
                points=f"{100 * ahead.detectable:.0f}",
                share=f"{100 * ahead.discordance:.0f}",
            )
        )
    if ahead.needed is not None:
        share = min(1.0, count / ahead.needed)
        st.progress(
            share,
            text=say(
                "experiment.power_needed", points=f"{100 * wanted:.0f}", needed=ahead.needed, have=count
            ),
            width=520,
        )
