"""The engine in LangChain's hands."""

import asyncio
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from assistant.arms import Sampling
from assistant.chat_model import EngineChatModel
from assistant.engine import Engine
from assistant.errors import EngineError

MESSAGES = [SystemMessage("Be brief."), HumanMessage("One?"), AIMessage("Two."), HumanMessage("水泵？")]


@pytest.fixture
def model(tiny_engine: Engine) -> EngineChatModel:
    return EngineChatModel(engine=tiny_engine, sampling=Sampling(max_new_tokens=12), piece_ms=0)


def tokens(message: AIMessage) -> int:
    """How many tokens an answer has."""
    assert message.usage_metadata is not None
    return message.usage_metadata["output_tokens"]


def test_streamed_and_whole_answers_agree(model: EngineChatModel) -> None:
    chunks = list(model.stream(MESSAGES))
    whole = model.invoke(MESSAGES)
    joined = chunks[0]
    for chunk in chunks[1:]:
        joined += chunk
    assert len(chunks) > 5
    assert joined.text == whole.text != ""
    for message in (joined, whole):
        assert isinstance(message, AIMessage | AIMessageChunk)
        assert message.usage_metadata is not None
        assert message.usage_metadata["output_tokens"] == 12
        assert message.response_metadata["finish_reason"] == "length"
        assert message.response_metadata["model_name"] == "tiny"
        assert message.response_metadata["prompt"].endswith("<|user|>\n水泵？<|end|>\n<|assistant|>\n")
        assert len(message.response_metadata["prompt_sha256"]) == 64
        assert message.response_metadata["timings_ms"]["first_token"] > 0
        assert message.usage_metadata["input_tokens"] > 20


def test_sampling_is_bound_or_given_and_misspelt_names_are_told(model: EngineChatModel) -> None:
    text = model.invoke(MESSAGES).text
    assert tokens(model.bind(max_new_tokens=3).invoke(MESSAGES)) == 3
    assert tokens(model.invoke(MESSAGES, max_tokens=4)) == 4
    stop = text[4:6]
    assert model.invoke(MESSAGES, stop=[stop]).text == text[: text.index(stop)]
    assert model.bind(temperature=2.0, seed=1).invoke(MESSAGES).text != text
    with pytest.raises(TypeError, match="temprature"):
        model.invoke(MESSAGES, temprature=1)


def test_adapter_is_the_models_own(model: EngineChatModel, adapter_folders: dict[str, Path]) -> None:
    model.engine.load_adapter("terse", adapter_folders["terse"])
    tuned = EngineChatModel(engine=model.engine, adapter="terse", sampling=model.sampling)
    assert tuned.invoke(MESSAGES).text != model.invoke(MESSAGES).text
    with pytest.raises(EngineError, match="not loaded"):
        EngineChatModel(engine=model.engine, adapter="gone").invoke(MESSAGES)


def test_async_and_chains_come_with_it(model: EngineChatModel) -> None:
    prompt = ChatPromptTemplate.from_messages([("system", "Be brief."), ("human", "{question}")])
    chain = prompt | model | StrOutputParser()
    text = chain.invoke({"question": "Weight?"})

    async def pieces() -> list[str]:
        return [piece async for piece in chain.astream({"question": "Weight?"})]

    assert "".join(asyncio.run(pieces())) == text
    assert chain.batch([{"question": "Weight?"}] * 3) == [text] * 3


def test_leaving_the_stream_frees_the_engine(model: EngineChatModel) -> None:
    stream = model.bind(max_new_tokens=400, temperature=2.0, seed=1).stream(MESSAGES)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert tokens(model.bind(max_new_tokens=2).invoke(MESSAGES)) == 2
    assert model.engine.running == ()


def test_thoughts_are_not_the_answer(model: EngineChatModel) -> None:
    message = model.bind(thinking=True).invoke(MESSAGES)
    assert message.text == ""
    assert message.additional_kwargs["reasoning_content"]


def test_messages_a_local_model_cannot_be_told_are_refused(model: EngineChatModel) -> None:
    with pytest.raises(ValueError, match="tool"):
        model.invoke([ToolMessage("x", tool_call_id="1")])
    assert model.get_num_tokens("水泵") > 0


def test_a_begun_answer_is_gone_on_with(model: EngineChatModel) -> None:
    begun = model.invoke([HumanMessage("One?"), AIMessage("Two and")])
    assert begun.response_metadata["prompt"].endswith("<|assistant|>\nTwo and")


def test_probabilities_come_with_the_tokens(model: EngineChatModel) -> None:
    chunks = list(model.stream(MESSAGES, logprobs=3))
    told = [
        token for chunk in chunks for token in chunk.response_metadata.get("logprobs", {}).get("content", ())
    ]
    last = chunks[-1]
    assert last.usage_metadata is not None
    assert len(told) == last.usage_metadata["output_tokens"]
    text = "".join(chunk.text for chunk in chunks)
    for token in told:
        assert len(token["top_logprobs"]) == 3
        assert token["top_logprobs"][0]["logprob"] == token["logprob"] <= 0  # greedy: the likeliest
        assert token["bytes"] in (None, list(token["token"].encode()))
    whole = [token["token"] for token in told if token["bytes"] is not None]
    assert all(part in text for part in whole)
    assert "logprobs" not in model.invoke(MESSAGES).response_metadata
