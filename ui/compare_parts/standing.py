"""The leaderboard over all votes, and the votes as files."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from math import exp
from typing import TYPE_CHECKING, Any, NoReturn

import streamlit as st

from assistant.compare.votes import Ballot
from ui.compare_parts.labels import arm_label
from ui.components.inert import plain
from ui.frame import framed
from ui.text import say

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.compare.hand_over import RowKind
    from assistant.compare.leaderboard import Pair, Standings

BAR_HEIGHT, AXIS_HEIGHT = 44, 64


def show_standings(app: "App") -> None:
    """Draw the leaderboard and the downloads."""
    from assistant.compare.leaderboard import standings

    ballots = app.votes.all()
    if not ballots:
        st.caption(say("board.none"))
        return
    chosen = _of_one_model([ballot for ballot in ballots if ballot.blind])
    told = standings(chosen)
    open_votes = sum(not ballot.blind for ballot in ballots)
    if told is not None:
        st.markdown(say("board.count", votes=told.votes, questions=told.questions))
        st.caption(f"{say('board.about')} {say('board.lines' if told.intervals else 'board.few')}")
        if any(contestant.weights for contestant in told.contestants.values()):
            st.caption(say("board.weights"))
        _chart(told)
        st.markdown(f"**{say('board.matrix')}**")
        _matrix(told)
        st.markdown(f"**{say('board.settled_title')}**")
        names = _names(told)
        undecided = [pair for pair in told.pairs if not pair.settled and pair.more is None]
        for pair in told.pairs:
            if pair not in undecided:
                st.caption(_forecast(pair, names))
        if undecided:  # one line for all: with six arms there are fifteen pairs
            most = max(pair.questions for pair in undecided)
            st.caption(say("board.undecided", count=len(undecided), questions=most))
    if open_votes:
        st.caption(say("board.open_votes", count=open_votes))
    _uses(app, ballots)


def _of_one_model(ballots: Sequence[Ballot]) -> list[Ballot]:
    """The votes on one base model; arms of different models do not share a name's strength."""
    counts = Counter(ballot.model for ballot in ballots)
    if len(counts) <= 1:
        return list(ballots)
    models = [name for name, _ in counts.most_common()]
    model = st.selectbox(
        say("board.model"),
        models,
        format_func=lambda name: name or say("board.models_named"),
        key="board_model",
        width=360,
    )
    return [ballot for ballot in ballots if ballot.model == model]


def _names(told: "Standings") -> dict[str, str]:
    """What each contestant is called on the page, as plain text."""
    return {
        name: arm_label(contestant.arm) + (f" · {contestant.weights}" if contestant.weights else "")
        for name, contestant in told.contestants.items()
    }


def chances(told: "Standings") -> list[dict[str, Any]]:
    """A row per arm: its chance of beating an arm of mean strength, ties aside, with the interval's ends."""
    names = _names(told)
    return [
        {
            "arm": names[rating.arm],
            "chance": _chance(rating.strength),
            "low": _chance(rating.interval.low),
            "high": _chance(rating.interval.high),
        }
        for rating in told.ratings
    ]


def _chance(strength: float) -> float:
    return 1 / (1 + exp(-strength))


def _chart(told: "Standings") -> None:
    import altair

    rows = chances(told)
    data = altair.Data(values=rows)
    scale = altair.Scale(domain=[0, 1])
    arms = altair.Y(
        "arm:N", sort=[row["arm"] for row in rows], title=None, axis=altair.Axis(labelLimit=320, ticks=False)
    )
    across = altair.X(
        "chance:Q", scale=scale, title=say("board.axis"), axis=altair.Axis(format=".0%", tickCount=5)
    )
    bars = (
        altair.Chart(data)
        .mark_bar(opacity=0.4, size=16, cornerRadius=2)
        .encode(
            y=arms,
            x=across,
            tooltip=[
                altair.Tooltip("arm:N", title=say("board.arm")),
                altair.Tooltip("chance:Q", title=say("board.chance"), format=".0%"),
            ],
        )
    )
    even = (
        altair.Chart(altair.Data(values=[{"even": 0.5}]))
        .mark_rule(strokeDash=[4, 4], color="gray")
        .encode(x=altair.X("even:Q", scale=scale))
    )
    layers: list[altair.Chart] = [bars, even]
    if told.intervals:
        span = altair.Chart(data).encode(y=arms, x=altair.X("low:Q", scale=scale), x2="high:Q")
        layers += [
            span.mark_rule(strokeWidth=2, color="gray"),
            altair.Chart(data)
            .mark_tick(color="gray", thickness=2, size=12)
            .encode(y=arms, x=altair.X("low:Q", scale=scale)),
            altair.Chart(data)
            .mark_tick(color="gray", thickness=2, size=12)
            .encode(y=arms, x=altair.X("high:Q", scale=scale)),
        ]
    chart = altair.layer(*layers).properties(height=BAR_HEIGHT * len(rows) + AXIS_HEIGHT)
    st.altair_chart(chart, key="board_chart", alt=say("board.axis"))


def _matrix(told: "Standings") -> None:
    """Wins of the row's arm over the column's, and the share of usable answers."""
    arms = [rating.arm for rating in told.ratings]
    labels = _names(told)
    cells = {(row, column): "–" for row in arms for column in arms}
    for pair in told.pairs:
        cells[pair.first, pair.second] = _score(pair.wins, pair.losses, pair.ties)
        cells[pair.second, pair.first] = _score(pair.losses, pair.wins, pair.ties)
    rows = []
    for arm in arms:
        yes, said = told.usable.get(arm, (0, 0))
        rows.append(
            {say("board.arm"): labels[arm]}
            | {labels[other]: cells[arm, other] for other in arms}
            | {say("board.usable"): f"{yes} / {said}" if said else "–"}
        )
    st.dataframe(rows, hide_index=True, width="stretch", key="board_matrix")
    st.caption(say("board.matrix_note"))


def _score(wins: int, losses: int, ties: int) -> str:
    return f"{wins} : {losses} ({ties})" if ties else f"{wins} : {losses}"


def _forecast(pair: "Pair", names: dict[str, str]) -> str:
    """What can be said of a pair, and no more."""
    first, second = (plain(names[name], limit=60) for name in (pair.first, pair.second))
    if pair.settled:
        # The stronger by all votes need not be the one that won most of their own questions.
        better, other = (first, second) if pair.wins > pair.losses else (second, first)
        return say("board.settled", first=better, second=other, questions=pair.questions)
    return say("board.more", first=first, second=second, count=pair.more)


def _uses(app: "App", ballots: Sequence[Ballot]) -> None:
    """What the votes are good for: rows to train on here, and files."""
    from assistant.compare.hand_over import ROWS
    from assistant.compare.vote_exports import rows_json, votes_json

    made: dict[RowKind, list[dict[str, Any]]] = {kind: rows(ballots) for kind, rows in ROWS.items()}
    st.markdown(f"**{say('board.train')}**")
    st.caption(say("board.train_about"))
    with st.container(horizontal=True):
        for kind, rows in made.items():
            if st.button(
                say(f"board.train_{kind}", count=len(rows)),
                icon=":material/model_training:",
                disabled=not rows,
                key=f"board_train_{kind}",
            ):
                _train_on(app, ballots, kind)
    st.markdown(f"**{say('board.files')}**")
    with st.container(horizontal=True):
        _download("votes", say("board.export_votes"), lambda: votes_json(ballots))
        for kind, rows in made.items():
            label = say(f"board.export_{kind}", count=len(rows))
            _download(kind, label, partial(rows_json, rows), empty=not rows)
        if st.button(say("board.delete"), icon=":material/delete:", type="tertiary", key="board_delete_open"):
            _delete(app, len(ballots))
    st.caption(say("board.export_note"))


def _download(name: str, label: str, data: Callable[[], str], *, empty: bool = False) -> None:
    st.download_button(
        label,
        data,
        f"tandem-{name}.json",
        "application/json",
        icon=":material/download:",
        on_click="ignore",
        disabled=empty,
        key=f"board_export_{name}",
    )


def _train_on(app: "App", ballots: Sequence[Ballot], kind: "RowKind") -> NoReturn:
    """Make a dataset of the votes and open it on the page Train."""
    from assistant.compare.hand_over import votes_to_dataset
    from ui.train_parts.draft import current_draft, go_to

    kept = votes_to_dataset(app.workshop.datasets, ballots, kind, name=say(f"board.train_{kind}_name"))
    current_draft(app).take(kept)
    go_to("data")
    st.switch_page("app_pages/train.py")


def _delete(app: "App", count: int) -> None:
    @st.dialog(say("board.delete"))
    @framed()
    def dialog() -> None:
        st.markdown(say("board.delete_question", count=count))
        with st.container(horizontal=True):
            if st.button(say("app.delete"), type="primary", icon=":material/delete:", key="board_delete_yes"):
                app.votes.delete_all()
                st.rerun()
            if st.button(say("app.cancel"), key="board_delete_no"):
                st.rerun()

    dialog()
