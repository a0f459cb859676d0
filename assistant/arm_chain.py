"""An arm as a LangChain runnable, for chains of others. What it says is what `assistant.ask` answers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any, cast

from langchain_core.messages import convert_to_messages
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.utils import AddableDict

from assistant.arms import Arm, Event, Failed, Finished, Retrieved, Token, Turn
from assistant.chain import as_turns
from knowledge.retriever import to_document

Ask = Callable[..., Iterator[Event]]


class ArmChain(Runnable[dict[str, Any], dict[str, Any]]):
    """One way to answer: retrieval off or on, an adapter or none.

    Its input is a question as `input`, earlier messages as `chat_history`, and a system message as `instructions`;
    the last two may be left out. Its output has the question and the history again, `answer`, and `result`, the
    `assistant.arms.Answer` with citations, counts and record; where passages were looked up also `query` and
    `context`, LangChain documents.

    Streaming it yields the same in pieces, `answer` as it is written. A refusal in the model's own words is
    streamed so; `result` has ours.

    Args:
        arm: who answers.
        ask: `App.ask` with the knowledge bases that are searched.
        held: the answer may be replaced when it is done, so that it is streamed whole.

    Raises (when called):
        AssistantError, KnowledgeError, FinetuneError: the arm cannot answer.
    """

    def __init__(self, arm: Arm, ask: Ask, *, held: Callable[[], bool]) -> None:
        self.arm = arm
        self.name = arm.name
        self._ask = ask
        self._held = held

    def invoke(
        self, input: dict[str, Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Answer one question."""
        return self._call_with_config(self._answered, input, config, **kwargs)

    def stream(
        self, input: dict[str, Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[dict[str, Any]]:
        """Answer one question piece by piece; closing the iterator ends the answer."""
        yield from self._transform_stream_with_config(iter((input,)), self._streamed, config, **kwargs)

    async def astream(
        self, input: dict[str, Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[dict[str, Any]]:
        """The same without keeping the event loop waiting."""
        pieces = cast("Generator[dict[str, Any], None, None]", self.stream(input, config, **kwargs))
        try:
            while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
                yield piece
        finally:
            await asyncio.to_thread(pieces.close)

    def _answered(self, state: dict[str, Any]) -> dict[str, Any]:
        whole: dict[str, Any] = {}
        for piece in self._pieces(state):
            whole |= piece
        return {**whole, "answer": whole["result"].text}

    def _streamed(self, states: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for state in states:
            yield from self._pieces(state)

    def _pieces(self, state: dict[str, Any]) -> Iterator[AddableDict]:
        history = _history(state)
        instructions = state.get("instructions", "")
        yield AddableDict(state)
        held = self._held()
        for event in self._ask(state["input"], arms=[self.arm], history=history, instructions=instructions):
            match event:
                case Retrieved():
                    found = [to_document(passage) for passage in event.retrieval.passages]
                    yield AddableDict(query=event.query, context=found)
                case Token(thinking=False) if not held:
                    yield AddableDict(answer=event.text)
                case Finished():
                    if held:
                        yield AddableDict(answer=event.answer.text)
                    yield AddableDict(result=event.answer)
                case Failed():
                    raise event.error


def _history(state: dict[str, Any]) -> list[Turn]:
    """Earlier messages, in any of LangChain's forms or ours."""
    told = state.get("chat_history", ())
    return as_turns([m if isinstance(m, Turn) else convert_to_messages([m])[0] for m in told])
