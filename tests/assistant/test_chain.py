"""The LCEL chain with any retriever and any chat model."""

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForLLMRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.retrievers import BaseRetriever
from pydantic import Field

from assistant.arms import Turn
from assistant.chain import as_passage, as_turns, build_chain, estimate_tokens
from assistant.context import FULL
from assistant.prompts import refusal
from knowledge.documents import Passage
from knowledge.retriever import to_document


class Shelf(BaseRetriever):
    """Returns its documents for every query and remembers the queries."""

    documents: list[Document]
    queries: list[str] = Field(default_factory=list)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        self.queries.append(query)
        return self.documents


class Script(BaseChatModel):
    """Says its lines, word by word, and remembers what it was told."""

    lines: list[str]
    told: list[list[BaseMessage]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "script"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        line = self.lines[len(self.told)]
        self.told.append(messages)
        for word in line.split(" "):
            yield ChatGenerationChunk(message=AIMessageChunk(content=word + " "))


PUMP = Document("The pump weighs 12 kg. It is blue.", metadata={"source": "a.md", "score": 0.8})
HOSE = Document("The hose is 40 metres long.", metadata={"source": "b.md", "score": 0.3, "chunk_id": 9})
HISTORY = [HumanMessage("How long is the Falcon hose?"), AIMessage("40 metres.")]


def test_query_comes_first_then_passages_then_the_answer_in_pieces() -> None:
    chain = build_chain(Shelf(documents=[PUMP]), Script(lines=["It weighs 12 kg."]))
    pieces = list(chain.stream({"input": "Weight of the pump?", "chat_history": []}))
    assert [next(iter(piece)) for piece in pieces[:4]] == ["input", "query", "context", "shaped"]
    answers = [piece["answer"] for piece in pieces[4:]]
    assert len(answers) >= 4
    assert "".join(answers).strip() == "It weighs 12 kg."


def test_invoke_returns_everything() -> None:
    model = Script(lines=["Blue. "])
    state = build_chain(Shelf(documents=[PUMP, HOSE]), model, profile=FULL).invoke({"input": "Its colour?"})
    assert state["answer"].strip() == "Blue."
    assert state["context"] == [PUMP, HOSE]
    told = model.told[0][-1].text
    assert "weighs 12 kg" in told
    assert "Its colour?" in told


@pytest.mark.parametrize(("question", "language"), [("How heavy is it?", "en"), ("水泵有多重？", "zh")])
def test_nothing_relevant_is_a_refusal_without_the_model(question: str, language: str) -> None:
    model = Script(lines=[])
    chain = build_chain(Shelf(documents=[HOSE]), model, refuse_below=0.5)
    state = chain.invoke({"input": question})
    assert state["answer"] == refusal(language)  # type: ignore[arg-type]
    assert state["context"] == []
    assert model.told == []
    assert build_chain(Shelf(documents=[]), model).invoke({"input": question})["answer"] == state["answer"]


def test_without_retriever_the_frame_is_the_same_less_the_passages() -> None:
    model = Script(lines=["No idea."])
    state = build_chain(None, model).invoke({"input": "How heavy?"})
    assert set(state) == {"input", "answer"}
    assert "passages" not in model.told[0][-1].text


def test_a_follow_up_is_searched_by_rules_by_the_model_or_as_it_is() -> None:
    state = {"input": "And its weight?", "chat_history": HISTORY}
    by_rules = Shelf(documents=[PUMP])
    build_chain(by_rules, Script(lines=["x"]), condense="rules").invoke(state)
    assert by_rules.queries[-1] == "Falcon hose And its weight?"
    by_model = Shelf(documents=[PUMP])
    model = Script(lines=["What does the Falcon hose weigh?", "x"])
    build_chain(by_model, model, condense="model").invoke(state)
    assert by_model.queries[-1] == "What does the Falcon hose weigh?"
    assert "How long is the Falcon hose?" in model.told[0][-1].text
    chatty = Shelf(documents=[PUMP])
    build_chain(chatty, Script(lines=["word " * 200, "x"]), condense="model").invoke(state)
    assert chatty.queries == ["Falcon hose And its weight?"]
    plain = Shelf(documents=[PUMP])
    build_chain(plain, Script(lines=["x"]), condense="off").invoke(state)
    assert plain.queries == ["And its weight?"]
    own = Shelf(documents=[PUMP])
    build_chain(own, Script(lines=["x"]), condense=lambda q, h: f"{len(h)} {q}").invoke(state)
    assert own.queries == ["2 And its weight?"]


def test_earlier_sources_stay_for_a_follow_up_that_leans_on_them() -> None:
    def context(question: str, history: list[BaseMessage]) -> list[Document]:
        model = Script(lines=["x"])
        chain = build_chain(Shelf(documents=[PUMP]), model, refuse_below=0.5)
        state = {"input": question, "chat_history": history, "earlier": [HOSE, HOSE, PUMP]}
        return list(chain.invoke(state)["context"])

    assert context("And its weight?", HISTORY) == [PUMP, HOSE, HOSE]
    assert context("Which company makes the Falcon R9 compressor?", HISTORY) == [PUMP]
    assert context("And its weight?", []) == [PUMP]


def test_passages_and_documents_turn_into_each_other() -> None:
    passage = Passage(1, 2, 3, "a.md", "text", 5, 9, 0.5, heading_path=("A", "B"), page_first=2, dense_rank=1)
    assert as_passage(to_document(passage)) == passage
    foreign = as_passage(Document("words", metadata={"source": "x.md", "page": 3}), 4)
    assert (foreign.source_name, foreign.chunk_id, foreign.score, foreign.end) == ("x.md", -5, 1.0, 5)
    assert as_turns([HumanMessage("q"), AIMessage("a"), Turn("user", "r")]) == [
        Turn("user", "q"),
        Turn("assistant", "a"),
        Turn("user", "r"),
    ]


def test_tokens_are_estimated_where_counting_might_need_the_network() -> None:
    assert estimate_tokens("水泵有多重") == 5
    assert 8 <= estimate_tokens("How heavy is the pump, in kilograms?") <= 12
    long = Document("A sentence of some length stands here. " * 200)
    state = build_chain(Shelf(documents=[long]), Script(lines=["x"]), profile=FULL, budget=100).invoke(
        {"input": "?"}
    )
    assert estimate_tokens(state["shaped"].text) <= 100
    assert state["shaped"].cut_tokens > 0
