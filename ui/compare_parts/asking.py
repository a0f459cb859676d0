"""One question put to several arms: their answers while they are written, side by side."""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import streamlit as st

from assistant.arms import Answer, Event, Failed, Finished, Retrieved, Sampling, Token
from assistant.compare.votes import Ballot, ShownAnswer
from assistant.errors import TANDEM_ERRORS
from knowledge.documents import Retrieval
from ui.compare_parts.labels import arm_label
from ui.components.inert import plain
from ui.frame import explain
from ui.text import say

if TYPE_CHECKING:
    from collections.abc import Generator

    from streamlit.delta_generator import DeltaGenerator

    from assistant.app import App

LETTERS = "ABCD"
FRAME_S = 0.1
"""Seconds between two paintings of one growing answer; four of them grow at once."""
WAIT_S = 0.3
"""Seconds between two paintings while nothing comes."""
_STATE = "comparison"


@dataclass
class Comparison:
    """A question that was put to several arms, and the vote on their answers.

    Args:
        shown: the columns, from left to right, lettered in this order.
        asked_at: seconds since 1970; also tells comparisons of a session apart.
        retrievals: by the arm's name, what was found for it.
    """

    question: str
    shown: tuple[ShownAnswer, ...]
    base_ids: tuple[int, ...]
    base_names: tuple[str, ...]
    sampling: Sampling | None
    top_k: int
    blind: bool
    asked_at: float
    ballot: Ballot | None = None
    retrievals: dict[str, Retrieval] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Ends the keys of this comparison's parts of the page."""
        return str(round(self.asked_at * 1000))

    @property
    def votable(self) -> bool:
        """Whether there are two answers to choose from."""
        return sum(column.judged for column in self.shown) >= 2

    @property
    def revealed(self) -> bool:
        """Whether the arms' names stand over their answers."""
        return not self.blind or self.ballot is not None or not self.votable


def current_comparison() -> Comparison | None:
    """The last question of this session."""
    kept = st.session_state.get(_STATE)
    return kept if isinstance(kept, Comparison) else None


def grid(count: int) -> "list[DeltaGenerator]":
    """Bordered columns, two to a row: four beside each other are too narrow to read on a laptop."""
    cells: list[DeltaGenerator] = []
    while len(cells) < count:
        cells += st.columns(2, border=True)
    return cells[:count]


def write_answers(
    app: "App",
    question: str,
    *,
    arms: Sequence[str],
    base_ids: Sequence[int],
    sampling: Sampling | None,
    top_k: int,
    blind: bool,
) -> None:
    """Ask all arms, show their answers while they are written, and keep them for the session.

    Ending the script raises at the next painting. Closing the iterator then cancels all arms, and what was
    written by then is kept as it stands.
    """
    order = list(arms)
    if blind:
        random.SystemRandom().shuffle(order)
    columns = {}
    for letter, name, cell in zip(LETTERS, order, grid(len(order)), strict=False):
        with cell:
            st.markdown(f"**{letter}**" if blind else f"**{letter}** · {plain(arm_label(name))}")
            columns[name] = _Column(name, blind=blind, status=st.empty(), words=st.empty())
    names = {base.id: base.name for base in app.bases()}
    comparison = Comparison(
        question=question,
        shown=_outcomes(columns),
        base_ids=tuple(base_ids),
        base_names=tuple(names[base_id] for base_id in base_ids if base_id in names),
        sampling=sampling,
        top_k=top_k,
        blind=blind,
        asked_at=time.time(),
    )
    # Kept before it is filled: a run that was stopped can no longer write to the session.
    st.session_state[_STATE] = comparison
    screen = _Screen(list(columns.values()))
    screen.repaint()
    events = app.ask(
        question,
        arms=[app.arm(name) for name in order],
        base_ids=base_ids,
        sampling=sampling,
        top_k=top_k,
        should_stop=screen.waiting,
    )
    try:
        _follow(events, columns, screen, comparison.retrievals)
    finally:
        cast("Generator[Event, None, None]", events).close()
        comparison.shown = _outcomes(columns)


def _outcomes(columns: "dict[str, _Column]") -> tuple[ShownAnswer, ...]:
    return tuple(column.outcome() for column in columns.values())


@dataclass
class _Column:
    """What of one arm is on the page so far."""

    arm: str
    blind: bool
    status: "DeltaGenerator"
    words: "DeltaGenerator"
    label: str = field(default_factory=lambda: say("compare.waiting"))
    text: str = ""
    answer: Answer | None = None
    error: dict[str, str] | None = None
    painted: float = 0.0

    @property
    def ended(self) -> bool:
        return self.answer is not None or self.error is not None

    def repaint(self) -> None:
        self.painted = time.monotonic()
        if self.text:
            self.status.empty()
            self.words.text(self.text)
        elif not self.ended:
            self.status.caption(f":shimmer[{self.label}]")

    def outcome(self) -> ShownAnswer:
        """What is kept of it; without an end it was stopped."""
        answer = self.answer
        if not self.ended:
            answer = Answer(self.text.strip(), finish_reason="cancelled")
        return ShownAnswer(self.arm, answer, self.error)


@dataclass
class _Screen:
    """All columns; Streamlit ends a run that was stopped only where something is drawn."""

    columns: list[_Column]
    painted: float = 0.0

    def repaint(self) -> None:
        self.painted = time.monotonic()
        for column in self.columns:
            if not column.ended:
                column.repaint()

    def waiting(self) -> bool:
        """Asked while nothing happens; draws, so that a stop is noticed then too."""
        if time.monotonic() - self.painted >= WAIT_S:
            self.repaint()
        return False


def _follow(
    events: Iterator[Event],
    columns: dict[str, _Column],
    screen: _Screen,
    retrievals: dict[str, Retrieval],
) -> None:
    for event in events:
        column = columns[event.arm.name]
        match event:
            case Retrieved():
                retrievals[event.arm.name] = event.retrieval
                # How many passages are read would tell a hidden arm.
                column.label = say("compare.writing")
            case Token(thinking=True):
                column.label = say("answer.thinking")
            case Token():
                column.text += event.text
                if time.monotonic() - column.painted >= FRAME_S:
                    screen.painted = time.monotonic()
                    column.repaint()
            case Finished():
                column.answer = event.answer
                column.text = event.answer.text
                column.repaint()
            case Failed():
                column.error = in_both_languages(event.error)
                # A reason may name the adapter or the server, and so the hidden arm.
                told = say("compare.failed_hidden") if column.blind else plain(explain(event.error))
                column.status.error(told, icon=":material/error:")


def in_both_languages(error: Exception) -> dict[str, str]:
    """An error as it is kept; a defect's own words are for the log only."""
    if isinstance(error, TANDEM_ERRORS):
        return {"en": error.text("en"), "zh": error.text("zh")}
    text = explain(error)
    return {"en": text, "zh": text}
