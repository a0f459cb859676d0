"""An arm that was shown no documents does not speak of documents."""

import pytest

from assistant.arms import BASE, RAG, Finished, Retrieved, Token
from assistant.ask import ask
from assistant.messages import Language
from assistant.prompts import looks_like_refusal, may_become_refusal, refusal, without_documents
from knowledge.documents import Passage, Retrieval
from tests.assistant.test_chain import Script

PUMP = Passage(1, 1, 1, "pump.md", "The Heron H2 pump weighs 12.5 kg.", 0, 33, 0.9)


@pytest.mark.parametrize(
    ("question", "language", "said"),
    [
        ("How heavy is it?", "en", "I do not know the answer to this."),
        ("它有多重？", "zh", "我不知道这个问题的答案。"),
    ],
)
@pytest.mark.parametrize("spoken", ["en", "zh"])
def test_a_trained_refusal_is_said_in_other_words(
    question: str, language: Language, said: str, spoken: Language
) -> None:
    events = list(
        ask(
            question,
            arms=[BASE, RAG],
            retrieve=lambda query: Retrieval(query, (PUMP,), "v1"),
            chat_model_for=lambda arm: Script(lines=[refusal(spoken)]),
        )
    )
    answers = {event.arm: event.answer for event in events if isinstance(event, Finished)}
    assert answers[BASE].text == said
    assert answers[BASE].refused
    assert all(sentence.supported for sentence in answers[BASE].sentences)
    assert "".join(e.text for e in events if isinstance(e, Token) and e.arm == BASE).strip() == said
    assert answers[RAG].text == refusal(language)
    assert any(isinstance(event, Retrieved) for event in events)


@pytest.mark.parametrize("line", ["I could not agree more: 12.5 kg.", "I could not", "12.5 kg"])
def test_what_only_begins_like_it_is_left_and_shown(line: str) -> None:
    events = list(
        ask(
            "How heavy is it?",
            arms=[BASE],
            retrieve=lambda query: Retrieval(query, (), "v1"),
            chat_model_for=lambda arm: Script(lines=[line]),
        )
    )
    assert isinstance(events[-1], Finished)
    assert events[-1].answer.text == line
    assert not events[-1].answer.refused
    assert "".join(event.text for event in events if isinstance(event, Token)).strip() == line


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_other_words_are_known_as_a_refusal(language: Language) -> None:
    said = without_documents(refusal("en"), language)
    assert said != refusal(language)
    assert looks_like_refusal(said)
    assert not may_become_refusal(said)
    assert without_documents(f"{refusal('en')} Ask.", language) == f"{said} Ask."
