"""What a conversation keeps of a question that the App is asked: whole answers, those cut off, nothing of a failure."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import assistant.ask
from assistant.app import App
from assistant.arms import RAG, Answer, Event, Failed, Finished, Retrieved, Token
from assistant.errors import EngineError
from assistant.settings import load_settings
from knowledge.documents import Retrieval
from tests.knowledge.hashing_embedder import HashingEmbedder

QUESTION = "How heavy is the pump?"


@pytest.fixture
def app(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    monkeypatch.setattr(App, "_citing_embedder", lambda self, base_ids: HashingEmbedder())
    with App.open(load_settings(), purpose="tests") as opened:
        yield opened


def scripted(monkeypatch: pytest.MonkeyPatch, *events: Event | Exception) -> None:
    """Let the arms say this and nothing else."""

    def ask(question: str, **_: Any) -> Iterator[Event]:
        for event in events:
            if isinstance(event, Exception):
                raise event
            yield event

    monkeypatch.setattr(assistant.ask, "ask", ask)


WRITTEN = (
    Retrieved(RAG, QUESTION, Retrieval(QUESTION, ())),
    Token(RAG, "a thought", thinking=True),
    Token(RAG, " It weighs"),
    Token(RAG, " 12 kg. "),
)


def test_a_finished_answer_is_kept_with_what_was_found(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, *WRITTEN, Finished(RAG, Answer("It weighs 12 kg.")))
    number = app.create_conversation()
    assert len(list(app.ask(QUESTION, base_ids=(), conversation_id=number))) == 5
    (turn,) = app.conversation(number).turns
    assert (turn.question, turn.answers["rag"].text) == (QUESTION, "It weighs 12 kg.")
    assert turn.retrievals["rag"].query == QUESTION
    assert turn.settings["model"] == app.settings.models.chat


def test_what_was_written_when_the_reader_left_is_kept(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, *WRITTEN, Finished(RAG, Answer("It weighs 12 kg.")))
    number = app.create_conversation()
    events = app.ask(QUESTION, base_ids=(), conversation_id=number)
    for _ in range(4):
        next(events)
    events.close()  # type: ignore[attr-defined]
    (turn,) = app.conversation(number).turns
    assert (turn.answers["rag"].text, turn.answers["rag"].finish_reason) == ("It weighs 12 kg.", "cancelled")


@pytest.mark.parametrize("end", [Failed(RAG, EngineError("engine_closed")), RuntimeError("a defect")])
def test_a_failure_keeps_nothing(app: App, monkeypatch: pytest.MonkeyPatch, end: Any) -> None:
    scripted(monkeypatch, *WRITTEN, end)
    number = app.create_conversation()
    events = app.ask(QUESTION, base_ids=(), conversation_id=number)
    if isinstance(end, RuntimeError):
        with pytest.raises(RuntimeError):
            list(events)
    else:
        list(events)
    assert app.conversation(number).turns == ()


def test_a_question_is_answered_again_in_its_own_place(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    number = app.create_conversation()
    old = app.conversations.add_turn(number, QUESTION, {"rag": Answer("No idea.")})
    heard: dict[str, Any] = {}

    def ask(question: str, *, history: Any, **_: Any) -> Iterator[Event]:
        heard["history"] = list(history)
        yield from events

    monkeypatch.setattr(assistant.ask, "ask", ask)
    # Stopped before the first word, it leaves what was there.
    events = WRITTEN
    asked = app.ask(QUESTION, base_ids=(), conversation_id=number, instead_of=old.id)
    next(asked)
    asked.close()  # type: ignore[attr-defined]
    assert [turn.id for turn in app.conversation(number).turns] == [old.id]

    events = (*WRITTEN, Finished(RAG, Answer("It weighs 12 kg.")))
    list(app.ask(QUESTION, base_ids=(), conversation_id=number, instead_of=old.id))
    assert heard["history"] == []
    (turn,) = app.conversation(number).turns
    assert (turn.id != old.id, turn.answers["rag"].text) == (True, "It weighs 12 kg.")
