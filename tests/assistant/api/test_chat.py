"""What /v1 answers: arms by name, sampling, streams, usage, records; seen through OpenAI's own client."""

import base64
import hashlib
import math
import threading
from typing import Any

import httpx
import numpy as np
import pytest

from assistant.arms import BASE, Finished, Sampling, Token
from tests.assistant.running import ADAPTER, Served
from tests.assistant.steps import Steps

HELLO = [{"role": "user", "content": "Say hello."}]
WEIGHT = [{"role": "user", "content": "How much does the pump weigh?"}]


def chat(served: Served, model: str, messages: list[Any], **options: Any) -> Any:
    """One answer."""
    options = {"max_tokens": 8, "temperature": 0} | options
    return served.client().chat.completions.create(model=model, messages=messages, **options)


def text_of(reply: Any) -> str:
    """The first choice's text."""
    return str(reply.choices[0].message.content)


def test_models_are_the_arms_and_the_knowledge_bases(served: Served) -> None:
    listed = {model.id: model for model in served.client().models.list()}
    arms = ["base", "rag", f"sft:{ADAPTER}", f"rag+sft:{ADAPTER}"]
    searching = [arm for arm in arms if arm.startswith("rag")]
    expected = arms + [f"{arm}@{base}" for base in ("pumps", "水泵") for arm in searching]
    assert set(listed) == {*expected, "all-minilm-l6-v2"}
    for name in (f"sft:{ADAPTER}", "rag@水泵"):
        assert served.client().models.retrieve(name).id == name


def test_each_arm_answers_for_itself(served: Served) -> None:
    replies = {
        arm: chat(served, arm, WEIGHT, max_tokens=12)
        for arm in ("base", "rag", f"sft:{ADAPTER}", f"rag+sft:{ADAPTER}")
    }
    for arm, reply in replies.items():
        assert reply.model == arm
        assert reply.choices[0].record["arm"] == arm
    assert "12 kilograms" in text_of(replies["rag"])
    assert replies["rag"].choices[0].citations[0]["passage"]["source_name"] == "pump.md"
    assert replies["base"].choices[0].citations == []
    assert text_of(replies["base"]) != text_of(replies[f"sft:{ADAPTER}"])


def test_a_knowledge_base_behind_the_name_is_the_only_one_searched(served: Served) -> None:
    assert "12 kilograms" in text_of(chat(served, "rag@pumps", WEIGHT))
    other = chat(served, "rag@水泵", WEIGHT).choices[0]
    assert all(citation["passage"]["source_name"] == "泵.md" for citation in other.citations)


def test_base_reads_the_client_s_own_messages_and_nothing_else(served: Served) -> None:
    messages = [
        {"role": "system", "content": "You are a parrot."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hi yourself"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "Again, "}, {"type": "text", "text": "please"}],
        },
    ]
    sent = [*messages[:3], {"role": "user", "content": "Again, please"}]
    prompt = served.app.loaded.engine().render(sent).text
    record = chat(served, "base", messages).choices[0].record
    assert record["prompt_sha256"] == hashlib.sha256(prompt.encode()).hexdigest()


CALL = {"id": "call_1", "type": "function", "function": {"name": "weigh", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "weigh", "parameters": {"type": "object", "properties": {}}}}


@pytest.mark.parametrize(
    "between",
    [
        [{"role": "assistant", "content": None, "tool_calls": [CALL]}],
        [{"role": "assistant", "tool_calls": [CALL]}],
        [{"role": "assistant", "content": ""}],
        [{"role": "assistant", "content": [], "function_call": {"name": "weigh", "arguments": "{}"}}],
        [
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "12 kg"},
        ],
        [{"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "12 kg"}]}],
        [{"role": "function", "name": "weigh", "content": "12 kg"}],
        [{"role": "function", "name": "weigh", "content": None}],
    ],
)
def test_turns_of_tools_and_turns_without_text_are_no_part_of_the_history(
    served: Served, between: list[Any]
) -> None:
    expected = chat(served, "base", WEIGHT, max_tokens=1).choices[0].record["prompt_sha256"]
    asked = chat(served, "base", [*WEIGHT, *between], max_tokens=1)
    assert asked.choices[0].record["prompt_sha256"] == expected
    said = [{"role": "assistant", "content": "12 kilograms."}, {"role": "user", "content": "Is it heavy?"}]
    expected = chat(served, "base", [*WEIGHT, *said], max_tokens=1).choices[0].record["prompt_sha256"]
    asked = chat(served, "base", [*WEIGHT, *between, *said], max_tokens=1)
    assert asked.choices[0].record["prompt_sha256"] == expected


def test_another_model_s_refusal_is_what_it_said(served: Served) -> None:
    spoken, refused = (
        chat(served, "base", [*WEIGHT, {"role": "assistant", "content": content}, *HELLO], max_tokens=1)
        for content in ("I cannot.", [{"type": "refusal", "refusal": "I cannot."}])
    )
    assert spoken.choices[0].record["prompt_sha256"] == refused.choices[0].record["prompt_sha256"]


@pytest.mark.parametrize(
    "choice", ["none", "auto", "required", {"type": "function", "function": {"name": "weigh"}}]
)
def test_tools_are_read_past(served: Served, choice: Any) -> None:
    asked = chat(served, "base", HELLO, tools=[TOOL], tool_choice=choice, parallel_tool_calls=False)
    assert text_of(asked) == text_of(chat(served, "base", HELLO))
    assert asked.choices[0].message.tool_calls is None


def test_stream_and_whole_answer_say_the_same(served: Served) -> None:
    for model in ("base", "rag"):
        whole = chat(served, model, WEIGHT, max_tokens=12)
        chunks = list(
            chat(served, model, WEIGHT, max_tokens=12, stream=True, stream_options={"include_usage": True})
        )
        said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert said.strip() == text_of(whole)
        last = [c for c in chunks if c.choices][-1].choices[0]
        assert last.finish_reason == whole.choices[0].finish_reason
        assert [c["number"] for c in last.citations] == [c["number"] for c in whole.choices[0].citations]
        assert chunks[-1].choices == []
        assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
        assert all(chunk.usage is None for chunk in chunks[:-1])


def test_a_stream_begins_before_it_ends(served: Served) -> None:
    engine = served.app.loaded.engine()
    count = [{"role": "user", "content": "Count from 1 to 99."}]
    with Steps(engine, allowed=5):
        stream = chat(served, "base", count, max_tokens=60, stream=True)
        assert any(chunk.choices[0].delta.content for chunk in stream)
        assert engine.running
        stream.close()


def test_limits_and_stop_strings_end_an_answer(served: Served) -> None:
    cut = chat(served, "base", HELLO, max_tokens=3)
    assert (cut.choices[0].finish_reason, cut.usage.completion_tokens) == ("length", 3)
    assert chat(served, "base", HELLO, max_tokens=None, max_completion_tokens=2).usage.completion_tokens == 2
    text = text_of(chat(served, "base", HELLO))
    stopped = chat(served, "base", HELLO, stop=text[4])
    assert text_of(stopped) == text[: text.index(text[4])].rstrip()
    assert stopped.choices[0].finish_reason == "stop"


def test_a_seed_repeats_and_its_absence_does_not(served: Served) -> None:
    drawn = [text_of(chat(served, "base", HELLO, temperature=2, seed=seed)) for seed in (7, 7, 8)]
    assert drawn[0] == drawn[1] != drawn[2]
    loose = {text_of(chat(served, "base", HELLO, temperature=2)) for _ in range(3)}
    assert len(loose) > 1


def test_n_choices_differ_and_are_counted(served: Served) -> None:
    reply = chat(served, "base", HELLO, n=3, temperature=2, seed=3, max_tokens=6)
    assert [choice.index for choice in reply.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in reply.choices}) > 1
    assert reply.usage.completion_tokens <= 18
    streamed = chat(served, "base", HELLO, n=3, temperature=2, seed=3, max_tokens=6, stream=True)
    said = ["", "", ""]
    for chunk in streamed:
        said[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert [text.strip() for text in said] == [choice.message.content for choice in reply.choices]


def test_a_follow_up_is_searched_with_its_history(served: Served) -> None:
    history = [
        *WEIGHT,
        {"role": "assistant", "content": "The pump weighs 12 kilograms."},
        {"role": "user", "content": "And how often is its seal replaced?"},
    ]
    assert "900 hours" in text_of(chat(served, "rag", history, max_tokens=24))


def test_what_the_documents_do_not_say_is_refused(served: Served) -> None:
    messages = [{"role": "user", "content": "Who won the chess world championship in 1985?"}]
    choice = chat(served, "rag@pumps", messages, max_tokens=24).choices[0]
    assert choice.refused
    assert choice.finish_reason == "stop"


def test_unknown_fields_are_ignored(served: Served) -> None:
    extra = {"user": "me", "frequency_penalty": 0.5, "tools": [], "no_such_field": {"a": 1}}
    assert text_of(chat(served, "base", HELLO, extra_body=extra)) == text_of(chat(served, "base", HELLO))


def test_requests_at_once_get_their_own_answers(served: Served) -> None:
    prompts = [f"Repeat the word {word}." for word in ("red", "green", "blue")]
    jobs = [(arm, prompt) for prompt in prompts for arm in ("base", f"sft:{ADAPTER}")]
    alone = [text_of(chat(served, arm, [{"role": "user", "content": p}], max_tokens=5)) for arm, p in jobs]
    together = [""] * len(jobs)

    def ask(at: int) -> None:
        arm, prompt = jobs[at]
        together[at] = text_of(chat(served, arm, [{"role": "user", "content": prompt}], max_tokens=5))

    threads = [threading.Thread(target=ask, args=(at,)) for at in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_completions_go_on_with_the_text_itself(served: Served) -> None:
    complete = served.client().completions.create
    reply = complete(model="base", prompt="The capital of France is", max_tokens=3, temperature=0)
    assert "Paris" in reply.choices[0].text
    both = complete(model="base", prompt=["One, two,", "Red, green,"], max_tokens=2, temperature=0, echo=True)
    assert [choice.text[:4] for choice in both.choices] == ["One,", "Red,"]
    pieces = complete(
        model="base", prompt="The capital of France is", max_tokens=3, temperature=0, stream=True
    )
    assert "".join(piece.choices[0].text for piece in pieces) == reply.choices[0].text


@pytest.mark.parametrize("kind", ["document", "query"])
def test_embeddings_are_the_embedder_s(served: Served, kind: str) -> None:
    embedder = served.app.knowledge.embedder("all-minilm-l6-v2")
    expected = embedder.embed_documents(["a pump", "水泵"])
    asked = {"model": "all-minilm-l6-v2", "input": ["a pump", "水泵"], "input_type": kind}
    floats = served.post("/v1/embeddings", asked).json()
    assert np.allclose([row["embedding"] for row in floats["data"]], expected, atol=1e-6)
    coded = served.post("/v1/embeddings", asked | {"encoding_format": "base64"}).json()
    rows = [np.frombuffer(base64.b64decode(row["embedding"]), "<f4") for row in coded["data"]]
    assert np.allclose(rows, expected, atol=1e-6)
    assert floats["usage"]["prompt_tokens"] == sum(embedder.count_tokens(["a pump", "水泵"]))


def test_retrieval_is_the_app_s_search(served: Served) -> None:
    body = {"query": "weight of the pump", "knowledge_bases": ["pumps"], "top_k": 2}
    found = served.post("/v1/retrieval", body).json()
    own = served.app.search("weight of the pump", base_ids=served.app.base_ids(["pumps"]), top_k=2)
    assert [row["chunk_id"] for row in found["data"]] == [passage.chunk_id for passage in own.passages]
    assert 0 < found["data"][0]["score"] <= 1


def test_chinese_is_written_as_chinese(served: Served) -> None:
    answer = served.post("/generate", {"prompt": "水泵每分钟输送多少升水？", "model": "rag@水泵"})
    assert "四十升水" in answer.text
    assert answer.json()["citations"][0]["passage"]["source_name"] == "泵.md"


def test_probabilities_are_told_of_every_token(served: Served) -> None:
    asked = {"model": "base", "messages": HELLO, "max_tokens": 6, "temperature": 0}
    client = served.client()
    reply = client.chat.completions.create(**asked, logprobs=True, top_logprobs=3)
    choice = reply.choices[0]
    assert choice.logprobs is not None
    tokens = choice.logprobs.content or []
    assert reply.usage is not None
    assert len(tokens) == reply.usage.completion_tokens
    assert "".join(token.token for token in tokens).strip() == choice.message.content
    for token in tokens:
        assert [top.token for top in token.top_logprobs].count(token.token) == 1  # greedy: the likeliest
        assert token.top_logprobs[0].logprob == token.logprob <= 0
        assert token.bytes == list(token.token.encode())
        assert sum(math.exp(top.logprob) for top in token.top_logprobs) <= 1.0001
    plain = client.chat.completions.create(**asked)
    assert plain.choices[0].logprobs is None
    streamed = client.chat.completions.create(**asked, logprobs=True, stream=True)
    pieces = [chunk.choices[0].logprobs for chunk in streamed if chunk.choices]
    told = [token.token for piece in pieces if piece is not None for token in piece.content or ()]
    assert told == [token.token for token in tokens]


def test_who_shows_nothing_before_the_end_is_woken_twice(served: Served) -> None:
    sampling = Sampling(max_new_tokens=40, stop=())
    told = {}
    for piece_ms in (0.0, math.inf):
        asked = served.app.ask(
            "Write a long story about a river.",
            arms=[BASE],
            base_ids=(),
            plain=True,
            sampling=sampling,
            piece_ms=piece_ms,
        )
        events = list(asked)
        tokens = [event for event in events if isinstance(event, Token)]
        assert isinstance(events[-1], Finished)
        assert "".join(token.text for token in tokens).strip() == events[-1].answer.text
        told[piece_ms] = len(tokens), events[-1].answer.text
    assert told[math.inf][1] == told[0.0][1]
    assert told[math.inf][0] <= 3 < 8 < told[0.0][0]


def test_probabilities_of_the_older_interface(served: Served) -> None:
    reply = served.client().completions.create(
        model="base", prompt="One, two,", max_tokens=4, temperature=0, logprobs=2
    )
    told = reply.choices[0].logprobs
    assert told is not None
    assert "".join(told.tokens or ()) == reply.choices[0].text
    assert told.text_offset == [
        sum(map(len, (told.tokens or [])[:at])) for at in range(len(told.tokens or ()))
    ]
    assert all(len(top) == 2 for top in told.top_logprobs or ())


def test_an_arm_that_searches_tells_probabilities_of_its_own_words_only(served: Served) -> None:
    client = served.client()
    told = []
    for text in (
        "How much does the pump weigh?",
        "What does the pump deliver?",
        "Who painted the Mona Lisa?",
    ):
        asked: Any = {"model": "rag", "messages": [{"role": "user", "content": text}], "logprobs": True}
        (choice,) = client.chat.completions.create(**asked).choices
        content = choice.logprobs.content if choice.logprobs is not None else None
        assert content is None or "".join(t.token for t in content).strip() == choice.message.content
        streamed = client.chat.completions.create(**asked, stream=True)
        pieces = [piece.choices[0].logprobs for piece in streamed if piece.choices]
        parts = [t.token for piece in pieces if piece is not None for t in piece.content or ()]
        assert parts == [t.token for t in content or ()]
        told.append(content is not None)
    assert any(told[:2])
    assert not told[2]  # refused: nobody drew that


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_generate_draws_as_it_is_told(served: Served, method: str) -> None:
    def said(**options: Any) -> str:
        asked = {"model": "base", "prompt": "Say hello.", "max_tokens": 8, "temperature": 0, **options}
        if method == "POST":
            answer = served.post("/generate", asked)
        else:
            answer = httpx.get(f"{served.url}/generate", params=asked, timeout=120)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["response"])

    greedy = said()
    hot = {"temperature": 2, "seed": 5}
    assert said(**hot) != greedy
    assert said(**hot, top_k=1) == greedy
    assert said(**hot, top_p=1e-9) == greedy
    stops = [greedy[4], greedy[2]]
    assert said(stop=stops[0]) == greedy[: greedy.index(stops[0])].rstrip()
    assert said(stop=stops) == greedy[: min(map(greedy.index, stops))].rstrip()
