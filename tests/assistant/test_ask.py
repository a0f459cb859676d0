"""Arms answer together, share one retrieval, fail alone, refuse plainly, and can be cancelled."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk

from assistant.arms import BASE, RAG, Arm, Event, Failed, Finished, Retrieved, Sampling, Token, Turn
from assistant.ask import ask
from assistant.chat_model import EngineChatModel
from assistant.context import FULL, SMALL
from assistant.engine import Engine
from assistant.errors import AssistantError
from assistant.prompts import refusal
from knowledge.documents import Passage, Retrieval
from knowledge.errors import StoreError
from tests.assistant.steps import Steps
from tests.assistant.test_chain import Script
from tests.waiting import until

TEXT = "The Heron H2 pump weighs 12.5 kg. It is painted blue and delivers 40 litres per minute."
PUMP = Passage(1, 1, 1, "manual.pdf", TEXT, 0, len(TEXT), 0.8, page_first=3)
SAMPLING = Sampling(max_new_tokens=12)
TERSE = Arm(retrieval=False, adapter="terse")
RAG_TERSE = Arm(retrieval=True, adapter="terse")


class Library:
    """A retrieve function that counts its calls."""

    def __init__(self, *passages: Passage) -> None:
        self.queries: list[str] = []
        self._passages = passages

    def __call__(self, query: str) -> Retrieval:
        self.queries.append(query)
        time.sleep(0.01)
        return Retrieval(query, self._passages, "gen-1", {"dense": 1.0})


def on(engine: Engine) -> Callable[[Arm], BaseChatModel]:
    return lambda arm: EngineChatModel(engine=engine, adapter=arm.adapter)


def saying(*lines: str) -> Callable[[Arm], BaseChatModel]:
    return lambda arm: Script(lines=list(lines))


def finished(events: Iterator[Event]) -> dict[str, Finished]:
    return {event.arm.name: event for event in events if isinstance(event, Finished)}


def test_four_arms_share_one_retrieval(tiny_engine: Engine, adapter_folders: dict[str, Path]) -> None:
    tiny_engine.load_adapter("terse", adapter_folders["terse"])
    library = Library(PUMP)
    arms = [BASE, RAG, TERSE, RAG_TERSE]
    events = list(
        ask(
            "How heavy is the pump?",
            arms=arms,
            retrieve=library,
            chat_model_for=on(tiny_engine),
            sampling=Sampling(max_new_tokens=80),
            profile=FULL,
            adapter_sha256=lambda name: f"sha of {name}",
        )
    )
    assert len(library.queries) == 1
    assert {e.arm for e in events if isinstance(e, Retrieved)} == {RAG, RAG_TERSE}
    for arm in arms:
        own = [event for event in events if event.arm == arm]
        assert isinstance(own[-1], Finished)
        assert isinstance(own[0], Retrieved if arm.retrieval else Token)
        answer = own[-1].answer
        assert "".join(e.text for e in own if isinstance(e, Token)).strip() == answer.text
        assert ("12.5 kg" in answer.prompt) is arm.retrieval
        assert answer.completion_tokens == 80
        assert answer.finish_reason == "length"
        assert {"first_token", "prefill", "generate", "cite", "total"} <= set(answer.timings_ms)
        record = answer.record
        assert record is not None
        assert (record.arm, record.model, record.model_revision) == (arm.name, "tiny", "r1")
        assert record.adapter_sha256 == ("sha of terse" if arm.adapter else None)
        assert record.index_generation == ("gen-1" if arm.retrieval else "")
        assert record.refuse_below == (0.0 if arm.retrieval else None)
        assert bool(record.reader_profile) is arm.retrieval
        assert record.sampling.max_new_tokens == 80
        assert len(record.prompt_sha256) == 64
    texts = {name: event.answer.text for name, event in finished(iter(events)).items()}
    assert len(set(texts.values())) == 4


class Meeting(Script):
    """A script whose every answer goes on only when all of its kind have begun."""

    all_have_begun: threading.Barrier

    def _stream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        chunks = super()._stream(messages, *args, **kwargs)
        yield next(chunks)
        self.all_have_begun.wait(timeout=30)
        yield from chunks


def test_no_arm_waits_for_another_to_end() -> None:
    all_have_begun = threading.Barrier(4)
    arms = [BASE, RAG, TERSE, RAG_TERSE]
    events = list(
        ask(
            "How heavy is the pump?",
            arms=arms,
            retrieve=Library(PUMP),
            chat_model_for=lambda arm: Meeting(lines=["It weighs 12.5 kg."], all_have_begun=all_have_begun),
        )
    )
    ends = [event for event in events if isinstance(event, Finished)]
    assert {event.arm for event in ends} == set(arms)
    assert all(event.answer.text == "It weighs 12.5 kg." for event in ends)


def test_a_record_names_no_adapter_of_ours_for_an_answer_of_another_s() -> None:
    answer = finished(
        ask(
            "How heavy is the Heron?",
            arms=[TERSE],
            retrieve=Library(PUMP),
            chat_model_for=saying("12.5 kg."),
            adapter_sha256=lambda name: f"sha of {name}",
        )
    )[TERSE.name].answer
    assert answer.record is not None
    assert (answer.record.adapter, answer.record.adapter_sha256) == ("terse", None)


def test_an_answer_is_cited(tiny_engine: Engine) -> None:
    answer = finished(
        ask(
            "How heavy is the Heron?",
            arms=[RAG],
            retrieve=Library(PUMP),
            chat_model_for=saying("The pump weighs 12.5 kg. It was made in Porto."),
            profile=FULL,
        )
    )["rag"].answer
    assert [sentence.citations for sentence in answer.sentences] == [(1,), ()]
    (citation,) = answer.citations
    assert citation.passage == PUMP
    assert not answer.refused


@pytest.mark.parametrize(("question", "language"), [("How heavy is it?", "en"), ("水泵有多重？", "zh")])
def test_nothing_relevant_is_refused_without_the_model(question: str, language: str) -> None:
    events = list(
        ask(
            question,
            arms=[RAG],
            retrieve=Library(PUMP),
            chat_model_for=saying(),
            refuse_below=0.9,
            profile=FULL,
        )
    )
    answer = events[-1].answer  # type: ignore[union-attr]
    assert answer.refused
    assert answer.text == refusal(language)  # type: ignore[arg-type]
    assert answer.finish_reason == "refused"
    assert answer.citations == ()
    assert isinstance(events[0], Retrieved)
    assert events[0].retrieval.passages == (PUMP,)


def test_a_model_that_says_it_cannot_is_taken_at_its_word() -> None:
    line = "I'm sorry, but the passages do not mention the price of the pump."
    answer = finished(
        ask(
            "What does it cost?",
            arms=[RAG],
            retrieve=Library(PUMP),
            chat_model_for=saying(line),
            profile=FULL,
        )
    )["rag"].answer
    assert answer.refused
    assert answer.text == refusal("en")
    assert answer.sentences[0].supported


def test_a_refusal_that_is_not_trusted_gives_way_to_the_passage() -> None:
    wary = replace(SMALL, trusts_refusal=False, least_fit=0.0, least_overlap=0.0)
    events = ask(
        "How heavy is the pump?",
        arms=[RAG],
        retrieve=Library(PUMP),
        chat_model_for=saying(refusal("en")),
        profile=wary,
    )
    answer = finished(events)["rag"].answer
    assert not answer.refused
    assert answer.text == "The Heron H2 pump weighs 12.5 kg."


def test_an_unsupported_answer_of_a_small_model_gives_way_to_the_passage() -> None:
    answer = finished(
        ask(
            "How heavy is the Heron H2 pump?",
            arms=[RAG],
            retrieve=Library(PUMP),
            chat_model_for=saying("Ninety tons."),
            profile=SMALL,
        )
    )["rag"].answer
    assert answer.text == "The Heron H2 pump weighs 12.5 kg."
    assert answer.sentences[0].citations == (1,)


def test_a_model_that_reads_is_leant_towards_refusing_where_it_has_passages(tiny_engine: Engine) -> None:
    leaning = replace(SMALL, refusal_bias=1.5, least_fit=0.0, least_overlap=0.0)
    told = finished(
        ask(
            "How heavy is the pump?",
            arms=[BASE, RAG],
            retrieve=Library(PUMP),
            chat_model_for=on(tiny_engine),
            profile=leaning,
        )
    )
    records = {name: event.answer.record for name, event in told.items()}
    drawn = {name: record.sampling for name, record in records.items() if record is not None}
    assert (drawn["rag"].opening, drawn["rag"].opening_bias) == (f" {refusal('en')}", 1.5)
    assert (drawn["base"].opening, drawn["base"].opening_bias) == ("", 0.0)


def test_one_arms_failure_leaves_the_others_alone(tiny_engine: Engine) -> None:
    events = list(
        ask(
            "How heavy?",
            arms=[RAG, Arm(retrieval=False, adapter="gone"), BASE],
            retrieve=Library(PUMP),
            chat_model_for=on(tiny_engine),
            sampling=SAMPLING,
        )
    )
    (failed,) = [event for event in events if isinstance(event, Failed)]
    assert failed.arm.adapter == "gone"
    assert failed.error.code == "adapter_not_loaded"  # type: ignore[attr-defined]
    assert set(finished(iter(events))) == {"rag", "base"}


def test_a_failing_retrieval_is_told_by_the_arms_that_need_it(tiny_engine: Engine) -> None:
    def broken(query: str) -> Retrieval:
        raise StoreError("store_damaged", file="x", reason="y")

    def defect(query: str) -> Retrieval:
        raise RuntimeError("boom")

    for retrieve, kind in ((broken, StoreError), (defect, AssistantError)):
        events = list(
            ask(
                "How?", arms=[RAG, BASE], retrieve=retrieve, chat_model_for=on(tiny_engine), sampling=SAMPLING
            )
        )
        (failed,) = [event for event in events if isinstance(event, Failed)]
        assert failed.arm == RAG
        assert isinstance(failed.error, kind)
        assert set(finished(iter(events))) == {"base"}


def test_closing_cancels_every_arm(tiny_engine: Engine) -> None:
    events = ask(
        "How heavy?",
        arms=[BASE, RAG],
        retrieve=Library(PUMP),
        chat_model_for=on(tiny_engine),
        sampling=Sampling(max_new_tokens=400, temperature=2.0, seed=1),
        profile=FULL,
    )
    with Steps(tiny_engine) as steps:
        assert isinstance(next(events), Retrieved)
        until(lambda: len(tiny_engine.running) == 2)
        steps.allow(20)
        writing: set[Arm] = set()
        while writing < {BASE, RAG}:
            event = next(events)
            assert isinstance(event, Token)
            writing.add(event.arm)
        events.close()  # type: ignore[attr-defined]
        steps.until_cancelled()
        steps.go_on()
        until(lambda: not tiny_engine.running)
    assert [getattr(end, "finish_reason", end) for end in steps.ended] == ["cancelled"] * 2


def test_thinking_is_shown_apart(tiny_engine: Engine) -> None:
    events = list(
        ask(
            "How?",
            arms=[BASE],
            retrieve=Library(),
            chat_model_for=on(tiny_engine),
            sampling=Sampling(max_new_tokens=8, thinking=True),
            profile=FULL,
        )
    )
    assert all(event.thinking for event in events if isinstance(event, Token))
    answer = finished(iter(events))["base"].answer
    assert answer.thinking
    assert answer.text == ""


def test_a_follow_up_keeps_its_subject_and_its_sources() -> None:
    other = Passage(2, 1, 1, "manual.pdf", "The hose is 40 metres long.", 0, 27, 0.8)
    library = Library(other)
    answer = finished(
        ask(
            "And how heavy is it?",
            arms=[RAG],
            history=[Turn("user", "What colour is the Heron H2?"), Turn("assistant", "Blue.")],
            earlier=[PUMP],
            retrieve=library,
            chat_model_for=saying("It weighs 12.5 kg."),
            profile=FULL,
            condense="rules",
        )
    )["rag"].answer
    assert library.queries == ["colour Heron H2 And how heavy is it?"]
    assert [citation.passage for citation in answer.citations] == [PUMP]


def test_arms_with_different_weights_search_for_the_same() -> None:
    library = Library(PUMP)
    rewriters: list[Arm] = []

    def model_for(arm: Arm) -> BaseChatModel:
        rewriters.append(arm)
        if arm.adapter is None:
            return Script(lines=["What does the Heron H2 weigh?", "x"])
        return Script(lines=["It weighs 12.5 kg."])

    events = list(
        ask(
            "And its weight?",
            arms=[RAG_TERSE, Arm(True, "other")],
            history=[Turn("user", "What colour is the Heron H2?"), Turn("assistant", "Blue.")],
            retrieve=library,
            chat_model_for=model_for,
            profile=FULL,
        )
    )
    assert library.queries == ["What does the Heron H2 weigh?"]
    assert rewriters.count(RAG) == 1
    assert len(finished(iter(events))) == 2


class English:
    """An embedder that knows English only, and counts how often it is asked."""

    languages = frozenset({"en"})

    def __init__(self) -> None:
        self.asked = 0

    def embed_documents(self, texts: list[str]) -> np.ndarray:
        self.asked += 1
        return np.ones((len(texts), 1), dtype=np.float32)

    def embed_query(self, text: str) -> np.ndarray:
        return np.ones(1, dtype=np.float32)


@pytest.mark.parametrize(("question", "used"), [("How heavy is the pump?", True), ("水泵有多重？", False)])
def test_an_embedder_is_asked_only_in_its_language(question: str, used: bool) -> None:
    embedder = English()
    list(
        ask(
            question,
            arms=[RAG],
            retrieve=Library(PUMP),
            chat_model_for=saying("12.5 kg"),
            profile=SMALL,
            embedder=embedder,  # type: ignore[arg-type]
        )
    )
    assert bool(embedder.asked) is used


def test_mistakes_are_told_before_anything_runs() -> None:
    with pytest.raises(AssistantError) as caught:
        ask("  ", arms=[BASE], retrieve=Library(), chat_model_for=saying())
    assert caught.value.code == "question_empty"
    with pytest.raises(ValueError, match="all different"):
        ask("How?", arms=[BASE, BASE], retrieve=Library(), chat_model_for=saying())
    with pytest.raises(ValueError, match="all different"):
        ask("How?", arms=[], retrieve=Library(), chat_model_for=saying())
