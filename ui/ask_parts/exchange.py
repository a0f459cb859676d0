"""One question and its answer: as it is written, and as it stands afterwards."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import streamlit as st

from assistant.arms import Answer, Arm, Event, Failed, Finished, Retrieved, Sampling, Token
from knowledge.documents import Retrieval
from ui.ask_parts.sources import open_source
from ui.ask_parts.why import open_why
from ui.components.answer import show_answer
from ui.components.inert import plain
from ui.frame import explain, framed
from ui.text import say

if TYPE_CHECKING:
    from collections.abc import Generator

    from streamlit.delta_generator import DeltaGenerator

    from assistant.app import App

FRAME_S = 0.05
"""Seconds between two paintings of the growing answer; more often only costs the browser."""
WAIT_S = 0.3
"""Seconds between two paintings while nothing comes."""


def show_question(question: str) -> None:
    """Draw what the user asked, as plain text."""
    with st.chat_message("user", avatar=":material/person:"):
        st.text(question)


def show_exchange(
    app: "App",
    answer: Answer,
    *,
    question: str,
    retrieval: Retrieval | None,
    key: str,
    on_again: Callable[[], None] | None = None,
) -> None:
    """Draw a finished answer with its sources and the reasons behind it.

    A fragment, so that opening a source neither repaints the page nor interrupts an answer being written.

    Args:
        on_again: called before the page is drawn anew when the question is to be answered once more; None does not
            offer it.
    """
    with st.chat_message("assistant", avatar=":material/subject:"):
        st.fragment(framed()(_finished))(app, answer, question, retrieval, key, on_again)


def _finished(
    app: "App",
    answer: Answer,
    question: str,
    retrieval: Retrieval | None,
    key: str,
    on_again: Callable[[], None] | None,
) -> None:
    show_answer(
        answer,
        key=f"answer_{key}",
        on_open=lambda number, sentence: open_source(app, answer, number, sentence),
    )
    with st.container(horizontal=True, gap="medium"):
        why = st.button(
            say("ask.why"),
            icon=":material/chevron_right:",
            icon_position="right",
            type="tertiary",
            key=f"why_open_{key}",
        )
        again = on_again is not None and st.button(
            say("ask.again"),
            icon=":material/refresh:",
            type="tertiary",
            help=say("ask.again_help"),
            key=f"again_{key}",
            on_click=on_again,
        )
    if why:
        open_why(answer, question=question, retrieval=retrieval)
    if again:
        st.rerun()  # the whole page, which asks


def write_answer(
    app: "App",
    question: str,
    *,
    arm: Arm,
    base_ids: Sequence[int],
    conversation_id: int,
    instead_of: int | None,
    sampling: Sampling | None,
    top_k: int,
    meanwhile: Callable[[], None],
) -> bool:
    """Ask, and show the answer while it is written.

    Ending the script, by the stop button or by leaving, raises at the next painting; closing the
    iterator then cancels the generation.

    Args:
        instead_of: the turn whose place this answer takes, if it takes one's.
        meanwhile: called with every painting, for what else on the page moves on.

    Returns:
        Whether an answer came; if not, the reason stands on the page.
    """
    with st.chat_message("assistant", avatar=":material/subject:"):
        screen = _Screen(status=st.empty(), thoughts=st.empty(), words=st.empty(), meanwhile=meanwhile)
        screen.repaint()
        events = app.ask(
            question,
            arms=(arm,),
            base_ids=base_ids,
            conversation_id=conversation_id,
            instead_of=instead_of,
            sampling=sampling,
            top_k=top_k,
            should_stop=screen.waiting,
        )
        try:
            return _follow(events, screen)
        finally:
            cast("Generator[Event, None, None]", events).close()


@dataclass
class _Screen:
    """What of the answer is on the page so far."""

    status: "DeltaGenerator"
    thoughts: "DeltaGenerator"
    words: "DeltaGenerator"
    meanwhile: Callable[[], None]
    label: str = field(default_factory=lambda: say("ask.searching"))
    text: str = ""
    painted: float = 0.0

    def repaint(self) -> None:
        """Show the state; Streamlit ends a run that was stopped only where something is drawn."""
        self.painted = time.monotonic()
        self.meanwhile()
        if self.text:
            self.status.empty()
            self.words.text(self.text)
        else:
            self.status.caption(f":shimmer[{self.label}]")

    def waiting(self) -> bool:
        """Asked while nothing happens; draws, so that a stop is noticed then too."""
        if time.monotonic() - self.painted >= WAIT_S:
            self.repaint()
        return False


def _follow(events: Iterator[Event], screen: _Screen) -> bool:
    thinking = ""
    answered = False
    for event in events:
        match event:
            case Retrieved():
                screen.label = say("ask.reading", count=len(event.retrieval.passages))
                screen.repaint()
            case Token(thinking=True):
                thinking += event.text
                screen.thoughts.caption(plain(thinking[-300:]))
            case Token():
                screen.text += event.text
                if time.monotonic() - screen.painted >= FRAME_S:
                    screen.repaint()
            case Finished():
                screen.text = event.answer.text
                screen.repaint()
                answered = True
            case Failed():
                screen.status.error(plain(explain(event.error)), icon=":material/error:")
    return answered
