"""`App.chain`: every arm as a LangChain runnable, with its adapter, its look-up and the room that there is."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableLambda

from assistant.app import App
from assistant.arms import Arm
from assistant.chat_model import EngineChatModel
from assistant.context import FULL, SMALL, ContextProfile
from assistant.engine import Engine
from assistant.errors import AssistantError, EngineError
from assistant.settings import load_settings
from knowledge.documents import Passage, Retrieval
from tests.assistant.steps import Steps
from tests.assistant.tiny_model import build_tiny
from tests.waiting import until

TEXT = "The Heron H2 pump weighs 12.5 kg. It delivers 40 litres per minute. "
QUESTION = "How heavy is the pump?"


class Library(App):
    """An App over one base, whose passages are as long as is wished and whose model is tiny."""

    engine: Engine
    text: str
    profile: ContextProfile
    looked_up: list[dict[str, Any]]

    def base_ids(self, names: Any) -> list[int]:
        return [1]

    def search(self, query: str, **options: Any) -> Retrieval:
        self.looked_up.append(options)
        passage = Passage(1, 1, 1, "manual.pdf", self.text, 0, len(self.text), 0.8)
        return Retrieval(query, (passage,), "gen-1", {})

    def chat_model(self, arm: Arm = Arm(True)) -> EngineChatModel:
        return EngineChatModel(engine=self.engine, adapter=arm.adapter)

    def _profile(self) -> ContextProfile:
        return self.profile

    def _citing_embedder(self, base_ids: Any) -> Any:
        return None


@pytest.fixture
def library(tmp_path: Path, adapter_folders: dict[str, Path]) -> Iterator[Library]:
    engine = Engine(*build_tiny(positions=1024), name="tiny", revision="r1")
    engine.load_adapter("terse", adapter_folders["terse"])
    (tmp_path / "data").mkdir()
    settings = load_settings(data_dir=tmp_path / "data", generation={"max_new_tokens": 24})
    with Library.open(settings) as app:
        app.engine, app.text, app.profile, app.looked_up = engine, TEXT, FULL, []
        yield app
    engine.close()


def threads() -> int:
    """Arms that are answering now."""
    return sum(thread.name.startswith("ask-") for thread in threading.enumerate())


@pytest.mark.parametrize("name", ["base", "rag", "sft:terse", "rag+sft:terse"])
def test_every_arm_is_a_runnable(library: Library, name: str) -> None:
    arm = library.arm(name)
    state = library.chain(name).invoke({"input": QUESTION})
    result = state["result"]
    assert (result.record.arm, result.record.adapter) == (name, arm.adapter)
    assert state["answer"] == result.text
    assert ("12.5 kg" in result.prompt) is arm.retrieval
    assert ("context" in state) is arm.retrieval
    if arm.retrieval:
        assert state["context"][0].metadata["source"] == "manual.pdf"
        assert state["query"] == QUESTION


def test_the_default_is_rag_and_an_arm_searches_in_its_own_way(library: Library) -> None:
    assert library.chain().invoke({"input": QUESTION})["result"].record.arm == "rag"
    library.chain("rag+sft:terse?top_k=3&mode=dense").invoke({"input": QUESTION})
    assert [(told["top_k"], told["mode"]) for told in library.looked_up] == [(None, None), (3, "dense")]


def test_passages_get_all_the_room_that_the_answer_leaves(library: Library) -> None:
    library.text = TEXT * 60
    result = library.chain("rag+sft:terse").invoke({"input": QUESTION})["result"]
    assert result.cut_tokens > 0
    limit = library.engine.context_tokens
    assert 0.75 * limit < result.prompt_tokens <= limit - 24


def test_the_history_is_read_in_any_form(library: Library) -> None:
    forms: list[Any] = [
        [HumanMessage("Which colour?"), AIMessage("Blue it is.")],
        [("user", "Which colour?"), ("ai", "Blue it is.")],
        [{"role": "user", "content": "Which colour?"}, {"role": "assistant", "content": "Blue it is."}],
    ]
    states = [library.chain("base").invoke({"input": QUESTION, "chat_history": form}) for form in forms]
    prompts = {state["result"].prompt for state in states}
    assert len(prompts) == 1
    assert "Blue it is." in prompts.pop()


def test_streaming_says_the_same_and_an_answer_that_may_be_replaced_comes_whole(library: Library) -> None:
    arm = library.chain("base")
    whole = arm.invoke({"input": QUESTION})["answer"]
    pieces = list(arm.stream({"input": QUESTION}))
    assert sum("answer" in piece for piece in pieces) > 1
    assert "".join(piece.get("answer", "") for piece in pieces).strip() == whole

    async def later() -> list[dict[str, Any]]:
        return [piece async for piece in arm.astream({"input": QUESTION})]

    assert [*map(set, asyncio.run(later()))][-1] == {"result"}
    assert asyncio.run(arm.ainvoke({"input": QUESTION}))["answer"] == whole

    library.profile = SMALL
    guarded = [piece["answer"] for piece in library.chain().stream({"input": QUESTION}) if "answer" in piece]
    assert guarded == ["The Heron H2 pump weighs 12.5 kg."]


def test_it_is_a_link_of_other_chains(library: Library) -> None:
    chained = RunnableLambda(lambda text: {"input": text}) | library.chain() | (lambda state: state["answer"])
    assert chained.invoke(QUESTION) == library.chain().invoke({"input": QUESTION})["answer"]


def test_closing_the_stream_ends_the_answer(library: Library) -> None:
    library.settings = load_settings(data_dir=library.settings.data_dir, generation={"max_new_tokens": 900})
    until(lambda: threads() == 0)  # who has just said the last word may not have left yet
    stream = library.chain("base").stream({"input": QUESTION})
    with Steps(library.engine, allowed=20) as steps:
        assert any("answer" in piece for piece in stream)
        assert threads() == 1
        stream.close()  # type: ignore[attr-defined]
        until(lambda: threads() == 0)
        steps.go_on()
        until(lambda: not library.engine.running)
    (ended,) = steps.ended
    assert getattr(ended, "finish_reason", ended) == "cancelled"


def test_what_an_arm_cannot_do_is_raised(library: Library) -> None:
    with pytest.raises(AssistantError, match="no arm"):
        library.chain("tuned")
    with pytest.raises(EngineError, match="missing"):
        library.chain("sft:missing").invoke({"input": QUESTION})
    with pytest.raises(EngineError, match="missing"):
        list(library.chain("rag+sft:missing").stream({"input": QUESTION}))
