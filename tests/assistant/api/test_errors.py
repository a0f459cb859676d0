"""Every refusal has OpenAI's shape, names what is wrong and leaks nothing; the official client understands it."""

import asyncio
import itertools
import json
import logging
from typing import Any

import httpx
import openai
import pytest
from starlette.applications import Starlette

from assistant.api.replies import ErrorReply
from assistant.api.routes import build_routes
from assistant.settings import ServerSettings
from tests.assistant.running import ADAPTER, Served
from tests.assistant.steps import Steps

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "Say hello."}]


def error(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The error of an answer that must have this status and the right shape."""
    assert answer.status_code == status, answer.text
    ErrorReply.model_validate(answer.json())
    found: dict[str, Any] = answer.json()["error"]
    return found


def test_an_unknown_model_is_told_with_those_there_are(served: Served) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        served.client().chat.completions.create(model="gpt-9", messages=HELLO)  # type: ignore[arg-type]
    assert caught.value.code == "model_not_found"
    for name in ("gpt-9", "base", "rag", f"rag+sft:{ADAPTER}@水泵"):
        assert name in str(caught.value)
    for path in ("/v1/completions", "/v1/embeddings"):
        body = {"model": "gpt-9", "prompt": "a", "input": "a"}
        assert error(served.post(path, body), 404)["param"] == "model"
    assert error(httpx.get(f"{served.v1}/models/gpt-9", timeout=60), 404)["code"] == "model_not_found"


@pytest.mark.parametrize(
    "name", ["rag@nowhere", "base@pumps", "sft:", "sft:../../etc", "RAG", "rag@", "rag+sft"]
)
def test_names_that_look_like_ours_are_unknown_too(served: Served, name: str) -> None:
    assert error(served.post(CHAT, {"model": name, "messages": HELLO}), 404)["code"] == "model_not_found"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"text"', b"\xff\xfe", b"null", b"[" * 100_000, b'{"model": "base",}']
)
def test_malformed_json_is_400(served: Served, body: bytes) -> None:
    assert error(served.post(CHAT, body), 400)["code"] == "invalid_json"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"messages": "hello"}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": None}]}, "messages.0.content"),
        ({"messages": [{"role": "system", "content": None}, *HELLO]}, "messages.0.content"),
        ({"messages": [{"role": "wizard", "content": "a"}]}, "messages.0.role"),
        ({"messages": [{"role": "assistant", "content": "a"}]}, "messages"),
        ({"model": 7}, "model"),
        ({"model": None}, "model"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": -1}, "temperature"),
        ({"top_p": 2}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "8"}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"n": 99}, "n"),
        ({"n": True}, "n"),
        ({"seed": 2**64}, "seed"),
        ({"stop": 5}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"logprobs": 3}, "logprobs"),
        ({"response_format": {"type": "json_object"}}, "response_format.type"),
    ],
)
def test_a_wrong_field_is_named(served: Served, change: dict[str, Any], field: str) -> None:
    found = error(served.post(CHAT, {"model": "base", "messages": HELLO} | change), 400)
    assert found["param"].startswith(field)
    assert field.split(".")[0] in found["message"]
    assert "pydantic" not in json.dumps(found)


def test_a_wrong_field_is_named_as_it_stands_in_the_request_and_its_rule_in_chinese(served: Served) -> None:
    part = {"role": "user", "content": [{"type": "text"}]}
    for change, field, rule, rule_zh in (
        ({"temperature": "hot"}, "temperature", "valid number", "应为数字"),
        ({"stop": [5]}, "stop.0", "valid string", "应为文字"),
        ({"messages": [part]}, "messages.0.content.0.text", "required", "不能缺少"),
    ):
        body = {"model": "base", "messages": HELLO} | change
        found = error(served.post(CHAT, body), 400)
        assert found["param"] == field
        assert rule in found["message"]
        told = error(served.post(CHAT, body, headers={"accept-language": "zh"}), 400)["message"]
        assert rule_zh in told
        assert "Input" not in told


def test_a_picture_is_not_fetched(served: Served) -> None:
    picture = {"type": "image_url", "image_url": {"url": f"{served.url}/health"}}
    found = error(
        served.post(CHAT, {"model": "base", "messages": [{"role": "user", "content": [picture]}]}), 400
    )
    assert found["param"].startswith("messages.0.content")


@pytest.mark.parametrize("temperature", [1e-300, 1e-9, 5e-324])
def test_the_coldest_draw_is_the_likeliest(served: Served, temperature: float) -> None:
    body = {"model": "base", "messages": HELLO, "max_tokens": 4}
    cold = served.post(CHAT, body | {"temperature": temperature}).json()
    assert (
        cold["choices"][0]["message"]
        == served.post(CHAT, body | {"temperature": 0}).json()["choices"][0]["message"]
    )


@pytest.mark.parametrize("model", ["base", "rag", f"sft:{ADAPTER}"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_longer_than_the_context_is_400_with_numbers(
    served: Served, model: str, stream: bool
) -> None:
    messages = [{"role": "user", "content": "pump " * 9000}]
    found = error(served.post(CHAT, {"model": model, "messages": messages, "stream": stream}), 400)
    assert found["code"] == "context_length_exceeded"
    assert str(served.app.loaded.engine().context_tokens) in found["message"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("prompt", "code"),
    [("", "prompt_empty"), (["a", ""], "prompt_empty"), ("a " * 9000, "context_length_exceeded")],
)
def test_a_prompt_that_cannot_be_gone_on_is_400_before_a_word_of_it(
    served: Served, prompt: str | list[str], code: str, stream: bool
) -> None:
    body = {"model": "base", "prompt": prompt, "echo": True, "stream": stream, "max_tokens": 1}
    assert error(served.post("/v1/completions", body), 400)["code"] == code


def test_embedding_errors_say_what_fits(served: Served) -> None:
    path, model = "/v1/embeddings", "all-minilm-l6-v2"
    assert "384" in error(served.post(path, {"model": model, "input": "a", "dimensions": 8}), 400)["message"]
    long = error(served.post(path, {"model": model, "input": ["a", "pump " * 600]}), 400)
    assert long["code"] == "context_length_exceeded"
    assert "input.1" in long["message"]
    for wrong in ("", [], [""], [[1, 2, 3]], 5, None, ["a"] * 2049):
        assert error(served.post(path, {"model": model, "input": wrong}), 400)["param"].startswith("input")


def test_an_unknown_knowledge_base_is_told_with_those_there_are(served: Served) -> None:
    found = error(served.post("/v1/retrieval", {"query": "a", "knowledge_bases": ["pumps", "none"]}), 404)
    assert "none" in found["message"]
    assert "pumps, 水泵" in found["message"]


def test_raw_text_is_for_the_arms_that_do_not_search(served: Served) -> None:
    assert error(served.post("/v1/completions", {"model": "rag", "prompt": "a"}), 400)["param"] == "model"


def test_an_enormous_body_is_413_and_the_server_goes_on(served: Served) -> None:
    found = error(served.post(CHAT, b"x" * 9_000_000), 413)
    assert "4194304" in found["message"]

    def endless() -> Any:
        for _ in range(90):
            yield b"x" * 100_000

    answer = httpx.post(served.url + CHAT, content=endless(), timeout=60)
    assert error(answer, 413)["code"] == "request_too_large"
    assert httpx.get(f"{served.url}/health", timeout=60).status_code == 200


def test_unknown_paths_and_methods_are_told(served: Served) -> None:
    for path in ("/v1/files", "/v1", "/", "/foo", "/generateX", "/health/", "/favicon.ico"):
        for method in ("GET", "POST"):
            assert error(httpx.request(method, served.url + path, timeout=60), 404)["code"] == "unknown_url"
    answer = httpx.get(served.url + CHAT, timeout=60)
    assert error(answer, 405)["code"] == "method_not_allowed"
    assert answer.headers["allow"] == "POST"


def test_messages_come_in_the_reader_s_language(served: Served) -> None:
    answer = served.post(CHAT, {"model": "gpt-9", "messages": HELLO}, headers={"accept-language": "zh-CN,zh"})
    assert error(answer, 404)["message"].startswith("没有名为 gpt-9 的模型")


def test_a_full_queue_is_429_with_a_time_and_is_empty_again_later(served: Served) -> None:
    settings = ServerSettings(running=1, waiting=1)
    application = Starlette(routes=build_routes(lambda: served.app, settings))
    body = {"model": "base", "messages": HELLO, "max_tokens": 12}

    async def ask_all(steps: Steps) -> list[httpx.Response]:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", timeout=60) as client:
            asked = [asyncio.create_task(client.post(CHAT, json=body)) for _ in range(5)]
            # Nobody is answered before three were sent away.
            for refused in itertools.islice(asyncio.as_completed(asked), 3):
                assert (await refused).status_code == 429
            steps.go_on()
            first = await asyncio.gather(*asked)
            return [*first, await client.post(CHAT, json=body)]

    with Steps(served.app.loaded.engine()) as steps:
        *answers, later = asyncio.run(ask_all(steps))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429, 429]
    for answer in answers:
        if answer.status_code == 429:
            assert error(answer, 429)["type"] == "rate_limit_error"
            assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert later.status_code == 200


def ask_with(settings: ServerSettings, get_app: Any, path: str, body: dict[str, Any]) -> httpx.Response:
    """One request to routes with these settings."""
    application = Starlette(routes=build_routes(get_app, settings))

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", timeout=60) as client:
            return await client.post(path, json=body)

    return asyncio.run(send())


@pytest.mark.parametrize(
    ("path", "change", "field", "each"),
    [
        (CHAT, {"max_tokens": 10**9}, "max_tokens", 262144),
        (CHAT, {"max_tokens": 8, "max_completion_tokens": 262145}, "max_completion_tokens", 262144),
        (CHAT, {"max_tokens": 32769, "n": 8, "stream": True}, "max_tokens", 32768),
        ("/v1/completions", {"prompt": ["a", "b"], "n": 2, "max_tokens": 65537}, "max_tokens", 65536),
        ("/v1/completions", {"prompt": "a", "max_tokens": 10**9, "stream": True}, "max_tokens", 262144),
        ("/generate", {"prompt": "a", "max_tokens": 10**9}, "max_tokens", 262144),
    ],
)
def test_more_tokens_than_a_request_may_ask_for_are_400_with_the_limit(
    served: Served, path: str, change: dict[str, Any], field: str, each: int
) -> None:
    answer = served.post(path, {"model": "base", "messages": HELLO} | change)
    assert error(answer, 400)["param"] == field
    assert str(each) in error(answer, 400)["message"]


@pytest.mark.parametrize("tokens", [4096, 8192, 16384, 32768])
def test_what_clients_usually_ask_for_ends_at_the_context(served: Served, tokens: int) -> None:
    body = {"model": "base", "messages": HELLO, "max_tokens": tokens, "stop": [" ", "."], "temperature": 0}
    assert served.post(CHAT, body | {"n": 8}).status_code == 200
    assert served.post("/v1/completions", body | {"prompt": "One, two,"}).status_code == 200


def test_a_small_limit_holds_for_requests_that_leave_it_open_too(served: Served) -> None:
    settings = ServerSettings(max_tokens=64)
    body = {"model": "base", "messages": [{"role": "user", "content": "Count from 1 to 99."}], "n": 8}
    told = ask_with(settings, lambda: served.app, CHAT, body).json()
    assert [choice["finish_reason"] for choice in told["choices"]] == ["length"] * 8
    assert told["usage"]["completion_tokens"] == 64
    body = {"model": "base", "prompt": ["1, 2, 3,"] * 8, "n": 8}
    told = ask_with(settings, lambda: served.app, "/v1/completions", body).json()
    assert told["usage"]["completion_tokens"] <= 64
    found = error(ask_with(settings, lambda: served.app, "/v1/completions", body | {"max_tokens": 2}), 400)
    assert found["param"] == "max_tokens"


def test_a_defect_is_500_without_its_details(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Any:
        raise RuntimeError("secret path /home/me")

    body = {"model": "base", "messages": HELLO}
    with caplog.at_level(logging.CRITICAL, logger="assistant.api.door"):
        answer = ask_with(ServerSettings(), broken, CHAT, body)
    assert error(answer, 500)["type"] == "server_error"
    assert "secret" not in answer.text
