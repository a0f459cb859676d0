"""Before and after: the same questions to the base model and to an adapter, side by side while they are written."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import streamlit as st

from assistant.arms import BASE, Arm, Event, Failed, Finished, Sampling, Token
from ui.components.inert import plain
from ui.frame import explain
from ui.text import say
from ui.train_parts.draft import Draft
from ui.train_parts.using import ASKED_ADAPTER

if TYPE_CHECKING:
    from collections.abc import Generator

    from streamlit.delta_generator import DeltaGenerator

    from assistant.app import App

MOST_QUESTIONS = 12
MAX_TOKENS = 96
FRAME_S = 0.1
_ANSWERS = "train_answers"


def before_after(app: "App", draft: Draft) -> None:
    """Draw the tab."""
    # Those of another program's server have no data here to take questions from.
    here = {info.name for info, reason in app.workshop.adapters.all() if reason is None}
    names = [name for name in app.adapters() if name in here]
    if not names:
        st.caption(say("train.nothing_to_ask"))
        return
    asked = st.session_state.get(ASKED_ADAPTER)
    name = st.selectbox(
        say("train.adapter"),
        names,
        index=names.index(asked) if asked in names else 0,
        key=f"train_before_after_{asked}",
        width=320,
    )
    st.session_state[ASKED_ADAPTER] = name
    written = st.text_area(
        say("train.questions"),
        "\n".join(questions_for(app, name)),
        help=say("train.questions_help"),
        height=170,
        max_chars=6000,
        key=f"train_questions_{name}",
    )
    questions = [line.strip() for line in written.splitlines() if line.strip()][:MOST_QUESTIONS]
    if st.button(
        say("train.ask_both"),
        type="primary",
        icon=":material/compare:",
        disabled=not questions,
        key="train_ask_both",
    ):
        _ask(app, name, questions)
        return
    for question, answers in st.session_state.get(_ANSWERS, {}).get(name, []):
        for cell, text in zip(_row(question), answers, strict=True):
            cell.text(text)


def questions_for(app: "App", adapter: str) -> Sequence[str]:
    """The questions that came with the data of an adapter; general ones where it was made elsewhere."""
    from finetune.adapters import find
    from finetune.starting_points import STARTING_POINTS

    data = str(find(app.settings.adapters_dir, adapter).record.get("config", {}).get("data", ""))
    for kept in app.workshop.datasets.all():
        if data and str(kept.path.resolve()) == data:
            return kept.questions
    return STARTING_POINTS["own"].questions


def _row(question: str) -> "tuple[DeltaGenerator, DeltaGenerator]":
    st.markdown(f"**{plain(question)}**")
    left, right = st.columns(2, border=True)
    left.caption(say("train.before"))
    right.caption(say("train.after"))
    return left.empty(), right.empty()


def _ask(app: "App", name: str, questions: Sequence[str]) -> None:
    """Put each question to both; they share a batch, so that the second costs little."""
    kept = st.session_state.setdefault(_ANSWERS, {})[name] = []
    for question in questions:
        texts = ["", ""]
        answers = (question, texts)
        kept.append(answers)
        cells = _row(question)
        _follow(app, name, question, cells, texts)


def _follow(
    app: "App",
    name: str,
    question: str,
    cells: "tuple[DeltaGenerator, DeltaGenerator]",
    texts: list[str],
) -> None:
    place = {BASE.name: 0, Arm(False, name).name: 1}
    painted = [0.0, 0.0]
    for cell in cells:
        cell.caption(f":shimmer[{say('compare.waiting')}]")
    events = app.ask(
        question,
        arms=[BASE, Arm(False, name)],
        base_ids=[],
        sampling=Sampling(max_new_tokens=MAX_TOKENS, temperature=0.0),
        # Neither instructions nor anything else stands before the question: so were the rows trained.
        plain=True,
    )
    try:
        for event in events:
            at = place[event.arm.name]
            match event:
                case Token(thinking=False):
                    texts[at] += event.text
                    if time.monotonic() - painted[at] >= FRAME_S:
                        painted[at] = time.monotonic()
                        cells[at].text(texts[at])
                case Finished():
                    texts[at] = event.answer.text
                    cells[at].text(texts[at])
                case Failed():
                    texts[at] = explain(event.error)
                    cells[at].error(plain(texts[at]), icon=":material/error:")
    finally:
        cast("Generator[Event, None, None]", events).close()
