"""The finished answers side by side, and the vote on them."""

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from assistant.arms import Answer
from assistant.compare.votes import Ballot, ShownAnswer
from knowledge.documents import Retrieval
from ui.ask_parts.current import open_conversation
from ui.ask_parts.exchange import show_question
from ui.ask_parts.sources import open_source
from ui.ask_parts.why import open_why
from ui.compare_parts.asking import LETTERS, Comparison, grid
from ui.compare_parts.differing import show_differences
from ui.compare_parts.labels import arm_label
from ui.components.answer import show_answer
from ui.components.inert import plain
from ui.frame import framed
from ui.text import language, say

if TYPE_CHECKING:
    from assistant.app import App

TIE, ALL_BAD = "tie", "all_bad"


def show_comparison(app: "App", comparison: Comparison) -> None:
    """Draw question, answers, and the vote or what came of it."""
    show_question(comparison.question)
    cells = grid(len(comparison.shown))
    for letter, column, cell in zip(LETTERS, comparison.shown, cells, strict=False):
        with cell:
            _show_column(app, comparison, letter, column)
    show_differences(comparison)
    if comparison.ballot is not None:
        _show_ballot(comparison, comparison.ballot)
    elif comparison.votable:
        _vote(app, comparison)
    else:
        st.caption(say("compare.not_votable"))


def _show_column(app: "App", comparison: Comparison, letter: str, column: ShownAnswer) -> None:
    named = (
        f"**{letter}** · {plain(arm_label(column.arm), limit=60)}" if comparison.revealed else f"**{letter}**"
    )
    ballot = comparison.ballot
    if ballot is not None and ballot.best == column.arm:
        named += f" :green-badge[:material/check: {say('compare.chosen')}]"
    st.markdown(named)
    if column.answer is None:
        st.error(_why_none(comparison, column), icon=":material/error:")
        return
    key = f"{comparison.key}_{letter}"
    answer = column.answer
    if not app.arm(column.arm).retrieval:
        # It read no passages, so that none supports a sentence says nothing against it.
        answer = replace(answer, sentences=())
    retrieval = comparison.retrievals.get(column.arm)
    st.fragment(framed()(_answer))(app, answer, key, comparison.revealed)
    if not comparison.revealed:
        return
    with st.container(horizontal=True, gap="medium"):
        st.fragment(framed()(_why))(answer, comparison.question, retrieval, key)
        if answer.finish_reason != "cancelled":
            _offer_to_ask(app, comparison, column, key)


def _why(answer: Answer, question: str, retrieval: Retrieval | None, key: str) -> None:
    if st.button(
        say("ask.why"),
        icon=":material/chevron_right:",
        icon_position="right",
        type="tertiary",
        key=f"compared_why_{key}",
    ):
        open_why(answer, question=question, retrieval=retrieval)


def _why_none(comparison: Comparison, column: ShownAnswer) -> str:
    """Why there is no answer; before the vote only that, for a reason may name the adapter or the server."""
    if not comparison.revealed:
        return say("compare.failed_hidden")
    return plain((column.error or {}).get(language(), say("app.defect")))


def _offer_to_ask(app: "App", comparison: Comparison, column: ShownAnswer, key: str) -> None:
    """A button that begins a conversation with this answer."""
    from assistant.compare.hand_over import answer_to_conversation

    if st.button(
        say("compare.to_ask"),
        icon=":material/forum:",
        type="tertiary",
        help=say("compare.to_ask_help"),
        key=f"compared_ask_{key}",
    ):
        number = answer_to_conversation(
            app.conversations,
            comparison.question,
            column,
            retrieval=comparison.retrievals.get(column.arm),
            base_names=comparison.base_names,
        )
        open_conversation(number)


def _answer(app: "App", answer: Answer, key: str, revealed: bool) -> None:
    """Figures and prompt would tell a hidden arm, so they come after the vote."""
    show_answer(
        answer,
        key=f"compared_{key}",
        on_open=lambda number, sentence: open_source(app, answer, number, sentence),
    )
    if answer.cut_tokens:
        # Tokens of a model on a server are counted without its tokenizer.
        cut = say("compare.cut" if _ran_here(answer) else "compare.cut_about", count=answer.cut_tokens)
        st.caption(f":orange[:material/content_cut:] {cut}")
    if not revealed:
        return
    if answer.finish_reason != "cancelled":
        st.caption(figures(answer), help=say("compare.memory_help") if answer.peak_memory_bytes else None)
    check = None if answer.record is None else answer.record.adapter_check
    if check is not None and check.changed == 0:
        st.warning(say("compare.same_as_base"), icon=":material/warning:")


def figures(answer: Answer) -> str:
    """Time to the first word, time in all, tokens written, memory."""
    first, total = (answer.timings_ms.get(stage) for stage in ("first_token", "total"))
    parts = []
    if first is not None:
        parts.append(say("compare.first_token", seconds=f"{first / 1000:.1f}"))
    if total is not None:
        parts.append(say("compare.total", seconds=f"{total / 1000:.1f}"))
    if answer.completion_tokens or _ran_here(answer):  # some servers do not count
        parts.append(say("passage.tokens", count=answer.completion_tokens))
    if answer.peak_memory_bytes is not None and answer.own_memory_bytes is not None:
        peak, own = (_size(count) for count in (answer.peak_memory_bytes, answer.own_memory_bytes))
        parts.append(say("compare.memory", peak=peak, own=own))
    return " · ".join(parts)


def _ran_here(answer: Answer) -> bool:
    """Whether an engine of ours answered, which alone tells its memory."""
    return answer.own_memory_bytes is not None


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GB" if count >= 2**30 else f"{count / 2**20:.1f} MB"


def _vote(app: "App", comparison: Comparison) -> None:
    letters = {column.arm: letter for letter, column in zip(LETTERS, comparison.shown, strict=False)}
    judged = [column.arm for column in comparison.shown if column.judged]
    two = len(judged) == 2
    labels = {arm: say("compare.better" if two else "compare.best", letter=letters[arm]) for arm in judged}
    labels[TIE] = say("compare.tie")
    labels[ALL_BAD] = say("compare.both_bad" if two else "compare.all_bad")
    key = comparison.key
    with st.form(f"vote_{key}"):
        # The options are letters: names of arms would stand in the page's source.
        options = [letters.get(option, option) for option in labels]
        written = dict(zip(options, labels.values(), strict=True))
        choice = st.segmented_control(
            say("compare.which" if two else "compare.which_best"),
            options,
            format_func=lambda option: written[option],
            key=f"vote_best_{key}",
        )
        usable: dict[str, bool | None] = {}
        for arm, cell in zip(judged, st.columns(len(judged)), strict=True):
            with cell:
                word = st.segmented_control(
                    say("compare.usable", letter=letters[arm]),
                    ["yes", "no"],
                    format_func=lambda option: say(f"compare.usable_{option}"),
                    key=f"vote_usable_{letters[arm]}_{key}",
                )
                usable[arm] = None if word is None else word == "yes"
        with st.expander(say("compare.more_to_say")):
            reason = st.text_input(say("compare.reason"), max_chars=2000, key=f"vote_reason_{key}")
            corrected = st.text_area(
                say("compare.corrected"),
                help=say("compare.corrected_help"),
                max_chars=8000,
                key=f"vote_corrected_{key}",
            )
        sent = st.form_submit_button(say("compare.vote"), type="primary", icon=":material/how_to_vote:")
        if sent and choice is None:
            st.caption(f":orange[:material/info:] {say('compare.which_missing')}")
    if not sent or choice is None:
        return
    best = next((arm for arm in judged if letters[arm] == choice), None)
    comparison.ballot = app.votes.add(
        Ballot(
            question=comparison.question,
            shown=tuple(
                replace(
                    column,
                    usable=usable.get(column.arm),
                    retrieval=comparison.retrievals.get(column.arm),
                )
                for column in comparison.shown
            ),
            verdict="best" if best is not None else "tie" if choice == TIE else "all_bad",
            best=best,
            base_ids=comparison.base_ids,
            base_names=comparison.base_names,
            sampling=comparison.sampling,
            top_k=comparison.top_k,
            blind=comparison.blind,
            asked_at=comparison.asked_at,
            reason=reason,
            corrected=corrected,
        )
    )
    st.rerun()


def _show_ballot(comparison: Comparison, ballot: Ballot) -> None:
    names = ", ".join(
        f"{letter} = {plain(arm_label(column.arm), limit=60)}"
        for letter, column in zip(LETTERS, comparison.shown, strict=False)
    )
    counted = say("compare.voted" if ballot.blind else "compare.voted_open")
    st.success(f"{counted} {names}" if ballot.blind else counted, icon=":material/how_to_vote:")
