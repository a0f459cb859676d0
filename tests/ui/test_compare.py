"""The page Compare without a browser: real App and real store, the arms' words written here."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import assistant.ask
from assistant.app import App
from assistant.arms import (
    AdapterCheck,
    Answer,
    Arm,
    ArmRecord,
    Event,
    Failed,
    Finished,
    Lookup,
    Retrieved,
    Token,
)
from assistant.compare.votes import Ballot, ShownAnswer
from assistant.errors import AssistantError, EngineError
from knowledge.documents import Passage, Retrieval, SearchOptions
from ui.compare_parts.asking import _Column, _follow, _Screen
from ui.resources import close_app, open_app
from ui.text import say

SCRIPT = Path(__file__).resolve().parents[2] / "ui" / "app.py"
FOUND = Retrieval(
    "How long?",
    (Passage(1, 1, 1, "a.md", "Six months.", 0, 11, 0.7),),
    asked=SearchOptions((1,), 5, "hybrid", 0.0, "tiny-reranker", 40),
)
HOSTILE = "![x](https://evil.example/a.png)"


def scripted(question: str, *, arms: Sequence[Arm], **_: Any) -> Iterator[Event]:
    """Arms in turn, as the engine interleaves them; the adapter `broken` fails."""
    for arm in arms:
        if arm.retrieval:
            yield Retrieved(arm, question, FOUND)
        if arm.adapter != "broken":
            yield Token(arm, f"{arm.name} begins")
    for arm in arms:
        if arm.adapter == "broken":
            yield Failed(arm, EngineError("answer_failed", arm=arm.name, reason="it is broken"))
            continue
        yield Finished(
            arm,
            Answer(
                f"{arm.name} says so.",
                completion_tokens=7,
                timings_ms={"first_token": 500.0, "total": 1500.0},
                peak_memory_bytes=3 << 29,
                own_memory_bytes=5 << 19,
                record=ArmRecord(
                    arm.name, "tiny", adapter_check=AdapterCheck(0.0, True) if arm.adapter == "idle" else None
                ),
            ),
        )


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """The App that the page opens, with arms that need no model."""
    monkeypatch.setenv("TANDEM_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("TANDEM_CONFIG", raising=False)
    monkeypatch.setattr(App, "warm_up", lambda self: None)
    monkeypatch.setattr(App, "adapters", lambda self: ["mine", "broken", "idle"])
    monkeypatch.setattr(App, "_citing_embedder", lambda self, base_ids: None)
    monkeypatch.setattr(assistant.ask, "ask", scripted)
    monkeypatch.chdir(tmp_path)
    st.cache_resource.clear()
    yield open_app()
    close_app()


def compare(arms: Sequence[str], *, lang: str = "en", blind: bool = True) -> AppTest:
    at = AppTest.from_file(str(SCRIPT), default_timeout=120)
    at.query_params["lang"] = lang
    at.run()
    at.switch_page("app_pages/compare.py").run()
    at.get_by_key("compare_arms").set_value(list(arms)).run()
    if not blind:
        at.toggle(key="compare_blind").set_value(False).run()
    assert not at.exception, at.exception
    return at


def ask(at: AppTest, question: str = "How long?") -> None:
    at.chat_input[0].set_value(question).run()
    assert not at.exception, at.exception


def words(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.text, at.error, at.success)
    return "\n".join(item.value for kind in kinds for item in kind)


def open_board(at: AppTest, label: str) -> None:
    at.session_state["compare_tabs"] = label
    at.run()


def vote(at: AppTest, choice: str | None) -> None:
    form = at.session_state["comparison"].key
    if choice is not None:
        at.get_by_key(f"vote_best_{form}").set_value(choice)
    next(button for button in at.button if button.label == "Vote").click().run()
    assert not at.exception, at.exception


def test_names_are_hidden_until_the_vote_and_the_vote_is_kept(app: App) -> None:
    at = compare(["base", "sft:mine"])
    ask(at, f"How long? {HOSTILE}")
    before = words(at)
    assert "**A**" in before
    assert "**B**" in before
    assert "SFT" not in before
    assert "in all" not in before

    vote(at, None)
    assert "Choose an answer" in words(at)
    assert app.votes.count() == 0

    form = at.session_state["comparison"].key
    at.get_by_key(f"vote_usable_B_{form}").set_value("no")
    at.text_area(key=f"vote_corrected_{form}").set_value("Six months.")
    vote(at, "A")
    (kept,) = app.votes.all()
    assert kept.question == f"How long? {HOSTILE}"
    assert (kept.verdict, kept.blind, kept.corrected) == ("best", True, "Six months.")
    assert kept.best == kept.shown[0].arm
    assert [column.usable for column in kept.shown] == [None, False]
    after = words(at)
    assert "mine \\(SFT\\)" in after
    assert "first word 0.5 s · 1.5 s in all · 7 tokens · peak memory 1.5 GB (2.5 MB its own)" in after
    assert "evil" not in "".join(item.value for item in at.markdown)


def test_a_vote_keeps_what_was_found_and_how_it_was_searched_for(app: App) -> None:
    own = Arm(True, lookup=Lookup(("manual",))).name
    at = AppTest.from_file(str(SCRIPT), default_timeout=120)
    at.session_state["compare_own_arms"] = [own]
    at.session_state["compare_arms"] = ["base", own]
    at.query_params["lang"] = "en"
    at.run()
    at.switch_page("app_pages/compare.py").run()
    ask(at)
    vote(at, "tie")
    (kept,) = app.votes.all()
    assert {column.arm: column.retrieval for column in kept.shown} == {"base": None, own: FOUND}


def test_blind_columns_are_shuffled(app: App) -> None:
    at = compare(["base", "sft:mine"])
    orders = set()
    for number in range(40):
        ask(at, f"Question {number}?")
        orders.add(tuple(column.arm for column in at.session_state["comparison"].shown))
        if len(orders) == 2:
            break
    assert orders == {("base", "sft:mine"), ("sft:mine", "base")}


def test_an_arm_that_fails_says_so_and_the_others_are_judged(app: App) -> None:
    at = compare(["base", "sft:mine", "sft:broken"], lang="en")
    ask(at)
    assert [error.value for error in at.error] == [say("compare.failed_hidden")]
    assert "broken" not in words(at)
    failed = next(
        letter
        for letter, column in zip("ABC", at.session_state["comparison"].shown, strict=True)
        if column.answer is None
    )
    form = at.session_state["comparison"].key
    assert failed not in at.get_by_key(f"vote_best_{form}").options
    vote(at, "all_bad")
    (kept,) = app.votes.all()
    assert len(kept.shown) == 3
    assert len(kept.judged) == 2
    assert "it is broken" in at.error[0].value


@pytest.mark.parametrize(("blind", "told"), [(True, "compare.failed_hidden"), (False, "it is broken")])
def test_while_arms_answer_a_failure_tells_its_reason_only_where_names_are_shown(
    app: App, monkeypatch: pytest.MonkeyPatch, blind: bool, told: str
) -> None:
    painted: list[str] = []

    class Place:
        def error(self, text: str, **_: Any) -> None:
            painted.append(text)

    place: Any = Place()
    arm = Arm(False, "broken")
    column = _Column(arm.name, blind, status=place, words=place)
    error = EngineError("answer_failed", arm=arm.name, reason="it is broken")
    _follow(iter([Failed(arm, error)]), {arm.name: column}, _Screen([column]), {})
    assert told in painted[0] or painted == [say(told)]
    assert column.error is not None
    assert "it is broken" in column.error["zh"]


def test_one_answer_alone_is_not_voted_on_and_tells_its_name(app: App) -> None:
    at = compare(["base", "sft:broken"])
    ask(at)
    assert "so there is no vote" in words(at)
    assert "Base model" in words(at)


def test_arms_are_two_to_four_and_one_of_them_must_have_what_it_needs(app: App) -> None:
    at = compare(["base"])
    assert "Choose two to four arms." in words(at)
    assert at.chat_input[0].disabled
    at.get_by_key("compare_arms").set_value(["rag", "rag+sft:mine"]).run()
    assert at.chat_input[0].disabled
    at.get_by_key("compare_arms").set_value(["base", "rag"]).run()
    assert not at.chat_input[0].disabled


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_without_documents_the_arms_that_search_say_so_and_the_others_answer(
    app: App, monkeypatch: pytest.MonkeyPatch, lang: str
) -> None:
    def searching(question: str, *, arms: Sequence[Arm], **options: Any) -> Iterator[Event]:
        for arm in arms:
            try:
                if arm.retrieval:
                    options["retrieve"](question)
            except AssistantError as err:
                yield Failed(arm, err)
            else:
                yield from scripted(question, arms=[arm])

    monkeypatch.setattr(assistant.ask, "ask", searching)
    at = compare(["base", "rag"], lang=lang)
    ask(at)
    assert "base says so." in str(at.session_state["comparison"].shown)
    assert {"en": "no knowledge base to look", "zh": "没有可供检索的知识库"}[lang] in at.error[0].value


def test_without_adapters_base_and_rag_are_offered(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(App, "adapters", lambda self: [])
    at = compare(["base", "rag"], lang="zh")
    assert at.get_by_key("compare_arms").options == ["基础模型", "基础模型 \\+ 文档（RAG）"]
    assert "训练好的适配器会作为更多方式出现在这里。" in words(at)


def test_with_names_shown_the_vote_stays_off_the_leaderboard(app: App) -> None:
    at = compare(["base", "sft:mine"], blind=False)
    ask(at)
    assert "in all" in words(at)
    vote(at, "tie")
    assert "not counted" in words(at)
    open_board(at, "Leaderboard")
    assert "because the names were shown: 1 vote." in words(at)
    assert not at.dataframe


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_leaderboard_tells_what_the_votes_say(app: App, lang: str) -> None:
    shown = tuple(
        ShownAnswer(name, Answer(f"{name} says", record=ArmRecord(name, "tiny")), usable=True)
        for name in ("base", "rag")
    )
    for number in range(8):
        app.votes.add(Ballot(f"question {number}", shown, "best", "rag" if number < 6 else "base"))
    at = compare(["base", "sft:mine"], lang=lang)
    open_board(at, {"en": "Leaderboard", "zh": "排行榜"}[lang])
    assert not at.exception, at.exception
    told = words(at)
    if lang == "en":
        assert "**8 votes**, cast blind, on 8 questions" in told
        assert "Not enough votes yet" in told
        assert "Corrected answers (0)" in [button.label for button in at.get("download_button")]
    else:
        assert "对 8 个问题的 **8 次盲投**" in told
        assert "投票还不够" in told
    table = at.dataframe[0].value
    assert list(table.iloc[0])[1:3] == ["–", "6 : 2"]
    assert list(table.iloc[1])[1:3] == ["2 : 6", "–"]
    assert list(table.iloc[0])[3] == "8 / 8"


def test_what_differs_is_told_without_telling_whose_it_is(app: App) -> None:
    at = compare(["base", "sft:mine"])
    ask(at, "How long?")
    form = at.session_state["comparison"].key
    at.session_state[f"compare_diff_{form}"] = True
    at.run()
    assert not at.exception, at.exception
    (told,) = (item.body for item in at.get("html") if "tandem-diff" in item.body)
    assert "<del>" in told
    assert "<ins>" in told
    assert " says so." in told


def test_tokens_of_a_server_are_told_only_where_it_counts_them() -> None:
    from ui.compare_parts.judging import figures

    timed = {"first_token": 500.0, "total": 1500.0}
    assert "tokens" not in figures(Answer("Yes.", timings_ms=timed))
    assert "7 tokens" in figures(Answer("Yes.", completion_tokens=7, timings_ms=timed))
    assert "0 tokens" in figures(Answer("", own_memory_bytes=1, timings_ms=timed))


@pytest.mark.parametrize(("own", "told"), [(None, "About 40 tokens"), (1, "40 tokens")])
def test_tokens_left_out_are_told_as_they_were_counted(
    app: App, monkeypatch: pytest.MonkeyPatch, own: int | None, told: str
) -> None:
    def answering(question: str, *, arms: Sequence[Arm], **_: Any) -> Iterator[Event]:
        for arm in arms:
            yield Finished(arm, Answer("Yes.", cut_tokens=40, own_memory_bytes=own))

    monkeypatch.setattr(assistant.ask, "ask", answering)
    at = compare(["base", "sft:mine"])
    ask(at)
    lines = [caption.value for caption in at.caption if "did not fit" in caption.value]
    assert [line.partition("] ")[2].startswith(told) for line in lines] == [True, True]


def test_an_adapter_that_does_nothing_is_told(app: App) -> None:
    at = compare(["base", "sft:idle"], blind=False)
    ask(at)
    (warned,) = at.warning
    assert "changes nothing" in warned.value


def test_an_arm_of_ones_own_is_labelled_and_asked(app: App) -> None:
    own = Arm(False, "mine", model="provider:lm/qwen3:4b").name
    at = AppTest.from_file(str(SCRIPT), default_timeout=120)
    at.query_params["lang"] = "en"
    at.session_state["compare_own_arms"] = [own]
    at.session_state["compare_arms"] = ["base", own]
    at.run()
    at.switch_page("app_pages/compare.py").run()
    ask(at)
    vote(at, "A")
    assert "mine \\(SFT\\) · lm\\/qwen3\\:4b" in words(at)
    (kept,) = app.votes.all()
    assert {column.arm for column in kept.shown} == {"base", own}
    assert kept.model == "tiny"


def test_an_answer_goes_on_in_ask_with_its_arm(app: App) -> None:
    at = compare(["base", "sft:mine"], blind=False)
    ask(at, "How long?")
    form = at.session_state["comparison"].key
    letter = "AB"[[column.arm for column in at.session_state["comparison"].shown].index("sft:mine")]
    at.button(key=f"compared_ask_{form}_{letter}").click().run()
    assert not at.exception, at.exception
    (summary,) = app.conversation_list()
    assert summary.title == "How long?"
    assert list(app.conversation(summary.id).turns[0].answers) == ["sft:mine"]
    assert "Answers come from: mine \\(SFT\\)" in words(at)


def test_the_board_tells_old_weights_from_new_ones_of_the_same_name(app: App) -> None:
    for sha, best in (("a" * 64, "base"), ("b" * 64, "sft:mine")):
        shown = tuple(
            ShownAnswer(
                name, Answer("x", record=ArmRecord(name, "tiny", adapter_sha256=sha if ":" in name else None))
            )
            for name in ("base", "sft:mine")
        )
        app.votes.add(Ballot("q", shown, "best", best))
    at = compare(["base", "sft:mine"])
    open_board(at, "Leaderboard")
    rows = at.dataframe[0].value.iloc[:, 0].tolist()
    assert rows == ["mine (SFT) · bbbbbbbb", "Base model", "mine (SFT) · aaaaaaaa"]
    told = words(at)
    assert "trained anew under its old name" in told
    # Pairs of which nothing can be said are told in one line.
    assert "Still open: 2 pairs, each with votes on 1 question at most." in told


@pytest.mark.parametrize(("kind", "rows"), [("corrected", 1), ("preferences", 3), ("likes", 2)])
def test_votes_become_a_dataset_on_the_page_train(app: App, kind: str, rows: int) -> None:
    shown = tuple(
        ShownAnswer(name, Answer(f"{name} says", record=ArmRecord(name, "tiny"))) for name in ("base", "rag")
    )
    app.votes.add(Ballot("How long?", shown, "best", "rag", corrected="Six months."))
    at = compare(["base", "sft:mine"])
    open_board(at, "Leaderboard")
    at.button(key=f"board_train_{kind}").click().run(timeout=120)
    assert not at.exception, at.exception
    (kept,) = app.workshop.datasets.all()
    assert kept.name.startswith("Votes: ")
    assert at.session_state["train_draft"].dataset == kept.id
    assert len(json.loads(kept.path.read_text("utf-8"))) == rows
    assert (app.workshop.datasets.folder / kept.id / "provenance.json").is_file()
