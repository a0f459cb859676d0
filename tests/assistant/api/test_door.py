"""Who may come in: token, Host and Origin on every route; and that a hang-up ends the work behind it."""

import asyncio
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.middleware import Middleware

from assistant.api.openapi import description
from assistant.api.replies import ErrorReply
from assistant.api.routes import build_routes
from assistant.engine import EngineDone
from assistant.loopback import LOOPBACK, LoopbackOnly
from assistant.settings import ServerSettings
from tests.assistant.running import Served
from tests.assistant.steps import Steps
from tests.waiting import until

TOKEN = "Tandem-token-0123456789"
ROUTES = [
    (method.upper(), path.replace("{model}", "base"))
    for path, methods in description()["paths"].items()
    for method in methods
]


def never() -> Any:
    """An App that nobody may reach who has not come in."""
    raise AssertionError("the request came in")


def ask(
    method: str, path: str, headers: list[tuple[bytes, bytes]], *, token: str | None = TOKEN
) -> httpx.Response:
    """One request to routes that no App stands behind."""
    settings = ServerSettings(token=None if token is None else SecretStr(token))
    application = Starlette(
        routes=build_routes(never, settings), middleware=[Middleware(LoopbackOnly, hosts=LOOPBACK)]
    )

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8501") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(send())


ATTEMPTS = [
    [],
    [(b"authorization", b"")],
    [(b"authorization", b"Bearer")],
    [(b"authorization", b"Bearer ")],
    [(b"authorization", b"Bearer EMPTY")],
    [(b"authorization", b"Bearer none")],
    [(b"authorization", b"bearer " + TOKEN.encode())],
    [(b"authorization", b"BEARER " + TOKEN.encode())],
    [(b"authorization", b"Basic " + TOKEN.encode())],
    [(b"authorization", TOKEN.encode())],
    [(b"authorization", b"Bearer  " + TOKEN.encode())],
    [(b"authorization", b"Bearer " + TOKEN.encode() + b" ")],
    [(b"authorization", b"Bearer " + TOKEN.encode() + b"\x00")],
    [(b"authorization", b"Bearer " + TOKEN.encode() + b"x")],
    [(b"authorization", b"Bearer " + TOKEN.encode()[:-1])],
    [(b"authorization", b"Bearer " + TOKEN.lower().encode())],
    [(b"authorization", b"Bearer \xff\xfe")],
    [(b"authorization", b"Bearer " + TOKEN.encode())] * 2,
    [(b"authorization", b"Bearer x"), (b"authorization", b"Bearer " + TOKEN.encode())],
    [(b"x-api-key", TOKEN.encode())],
    [(b"api-key", TOKEN.encode())],
    [(b"cookie", b"token=" + TOKEN.encode())],
    [(b"proxy-authorization", b"Bearer " + TOKEN.encode())],
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_route_opens_without_the_token(method: str, path: str) -> None:
    for headers in ATTEMPTS:
        answer = ask(method, path, headers)
        assert answer.status_code == 401, headers
        assert answer.json()["error"]["code"] == "invalid_api_key"
        assert TOKEN not in answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/v1/models?api_key={TOKEN}"),
        ("GET", "/v1/models/"),
        ("GET", "/v1//models"),
        ("GET", "/v1/%2e%2e/v1/models"),
        ("HEAD", "/v1/models"),
        ("OPTIONS", "/v1/chat/completions"),
        ("PUT", "/v1/chat/completions"),
        ("GET", "/v1/no/such"),
    ],
)
def test_no_detour_opens_either(method: str, path: str) -> None:
    assert ask(method, path, []).status_code == 401


def test_the_token_opens() -> None:
    answer = ask("GET", "/openapi.json", [(b"authorization", b"Bearer " + TOKEN.encode())])
    assert answer.status_code == 200


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "headers",
    [
        [(b"origin", b"http://evil.example")],
        [(b"origin", b"null")],
        [(b"origin", b"")],
        [(b"origin", b"http://127.0.0.1")],
        [(b"origin", b"http://127.0.0.1:8502")],
        [(b"origin", b"https://127.0.0.1:8501")],
        [(b"origin", b"http://127.0.0.1:8501.evil.example")],
        [(b"origin", b"http://127.0.0.1:8501"), (b"origin", b"http://evil.example")],
        [(b"sec-fetch-site", b"cross-site")],
        [(b"sec-fetch-site", b"same-site")],
    ],
)
def test_another_site_s_page_may_not_ask(method: str, path: str, headers: list[tuple[bytes, bytes]]) -> None:
    answer = ask(method, path, headers, token=None)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_our_own_page_and_programs_may_ask() -> None:
    for headers in (
        [],
        [(b"origin", b"http://127.0.0.1:8501"), (b"sec-fetch-site", b"same-origin")],
        [(b"sec-fetch-site", b"none")],
    ):
        assert ask("GET", "/openapi.json", headers, token=None).status_code == 200


@pytest.mark.parametrize("host", [b"evil.example", b"127.0.0.1.evil.example:8501", b"0.0.0.0:8501", b""])
def test_a_foreign_host_is_refused_before_anything_else(host: bytes) -> None:
    for path in ("/openapi.json", "/v1/models", "/v1/no/such"):
        answer = ask("GET", path, [(b"host", host), (b"accept-language", b"zh")], token=None)
        assert answer.status_code == 421
        error = ErrorReply.model_validate(answer.json()).error
        assert (error.type, error.code) == ("invalid_request_error", "foreign_host")
        assert "server.hosts" in error.message
        assert error.message.startswith("此服务")


def send_raw(served: Served, body: dict[str, Any]) -> socket.socket:
    """A connection on which a chat request was sent and nothing read."""
    address = urlsplit(served.url)
    data = json.dumps(body).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    connection = socket.create_connection((address.hostname or "", address.port or 0), timeout=60)
    connection.sendall(head.encode() + data)
    return connection


def check_freed(served: Served, steps: Steps) -> list[int]:
    """Who ran is told to end while the engine waits, and does; returns how many tokens each had written."""
    steps.until_cancelled()
    steps.go_on()
    until(lambda: not served.app.loaded.engine().running)
    ended = [end for end in steps.ended if isinstance(end, EngineDone)]
    assert {end.finish_reason for end in ended} == {"cancelled"}
    return [end.completion_tokens for end in ended]


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_hangs_up_while_reading_frees_its_slot(served: Served, stream: bool) -> None:
    engine = served.app.loaded.engine()
    messages = [{"role": "user", "content": "Count from 1 to 999."}]
    body = {"model": "base", "messages": messages, "max_tokens": 1500, "stream": stream}
    with Steps(engine, allowed=5) as steps:
        connection = send_raw(served, body)
        if stream:
            assert b"200 OK" in connection.recv(64)
        until(lambda: engine.running)
        connection.close()
        assert check_freed(served, steps)


def test_a_client_that_hangs_up_before_the_first_token_frees_its_slot(served: Served) -> None:
    engine = served.app.loaded.engine()
    messages = [{"role": "user", "content": "one two three " * 400}]
    with Steps(engine, allowed=1) as steps:  # which reads a part
        connection = send_raw(served, {"model": "base", "messages": messages, "stream": True})
        until(lambda: engine.running)
        connection.close()
        assert check_freed(served, steps) == [0]


def test_a_raw_completion_ends_with_its_client_too(served: Served) -> None:
    engine = served.app.loaded.engine()
    with Steps(engine, allowed=20) as steps:
        with served.client().completions.create(
            model="base", prompt="1, 2, 3,", max_tokens=1500, stream=True
        ) as stream:
            next(iter(stream))
            assert engine.running
        assert check_freed(served, steps)
