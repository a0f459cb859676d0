"""The page behind a token, over a real port: Streamlit's own app, its websocket too."""

import asyncio
import base64
import os
import socket
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from assistant.gate import COOKIE, TokenGate
from assistant.loopback import LoopbackOnly
from tests.assistant.running import listening

TOKEN = "口令 & secret"


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close()


async def _page(_: object) -> PlainTextResponse:
    return PlainTextResponse("the page")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    guards = [Middleware(LoopbackOnly, hosts=("127.0.0.1",)), Middleware(TokenGate, token=TOKEN)]
    routes = [Route("/", _page), Route("/v1/models", _page), WebSocketRoute("/_stcore/stream", _socket)]
    with listening(Starlette(routes=routes, middleware=guards)) as address:
        yield address


def upgrade(url: str, **headers: str) -> int:
    """The status that a websocket's first request gets."""
    host = url.removeprefix("http://")
    key = base64.b64encode(os.urandom(16)).decode()
    lines = ["GET /_stcore/stream HTTP/1.1", f"Host: {host}", "Connection: Upgrade", "Upgrade: websocket"]
    lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with socket.create_connection((host.partition(":")[0], int(host.partition(":")[2])), timeout=60) as sent:
        sent.sendall("\r\n".join([*lines, "", ""]).encode())
        return int(sent.recv(4096).split()[1])


def test_nothing_is_shown_without_the_token(url: str) -> None:
    answer = httpx.get(url, timeout=60)
    assert answer.status_code == 401
    assert 'name="token"' in answer.text
    assert "the page" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"
    assert upgrade(url) == 403


def test_the_token_opens_page_and_websocket(url: str) -> None:
    with httpx.Client(base_url=url, timeout=60) as browser:
        answer = browser.post("/login", data={"token": TOKEN})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        flags = answer.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=Strict"} <= set(flags.split("; "))
        assert "secret" not in flags
        assert browser.get("/").text == "the page"
        shown = browser.cookies[COOKIE]
    assert upgrade(url, Cookie=f"{COOKIE}={shown}") == 101
    assert upgrade(url, Cookie=f"{COOKIE}={shown}", Origin=url) == 101
    assert upgrade(url, Cookie=f"{COOKIE}={shown}", Origin="http://evil.example") == 403


@pytest.mark.parametrize("given", ["", "secret", TOKEN + "x", "x" * 10_000])
def test_a_wrong_token_is_told_and_slow(url: str, given: str) -> None:
    answer = httpx.post(f"{url}/login", data={"token": given}, timeout=60)
    assert answer.status_code == 401
    assert "server.token" in answer.text
    assert "set-cookie" not in answer.headers
    assert answer.elapsed.total_seconds() > 0.9


@pytest.mark.parametrize("cookie", ["tandem=x", "tandem=", ";;;=", "tandem=é", f"tandem={'a' * 64}"])
def test_a_made_up_cookie_opens_nothing(url: str, cookie: str) -> None:
    assert httpx.get(url, headers={"cookie": cookie.encode()}, timeout=60).status_code == 401


def test_another_site_cannot_log_in(url: str) -> None:
    answer = httpx.post(
        f"{url}/login", data={"token": TOKEN}, headers={"origin": "http://evil.example"}, timeout=60
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_the_api_asks_for_itself(url: str) -> None:
    assert httpx.get(f"{url}/v1/models", timeout=60).text == "the page"


def test_streamlit_s_own_app_is_behind_it() -> None:
    from ui.server import build_app

    app = build_app(host="192.0.2.7", token=TOKEN, hosts=("tandem.example",))
    for host, status in (("192.0.2.7:8501", 401), ("tandem.example", 401), ("evil.example", 421)):
        transport = httpx.ASGITransport(app=app)

        async def get(host: str = host, transport: httpx.ASGITransport = transport) -> int:
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
                return (await client.get("/")).status_code

        assert asyncio.run(get()) == status
