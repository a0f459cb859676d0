"""The server answers this machine only, and tells the browser to stay here."""

import asyncio
import subprocess
import sys
from collections.abc import MutableMapping
from typing import Any

import pytest

from assistant.loopback import LoopbackOnly
from ui.server import server_options

HOSTS = ("127.0.0.1", "localhost", "::1")


def ask(host: str | None, *, kind: str = "http", times: int = 1) -> list[MutableMapping[str, Any]]:
    """Send one request through the guard; what it answers."""
    sent: list[MutableMapping[str, Any]] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"page"})

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    headers = [] if host is None else [(b"host", host.encode())] * times
    asyncio.run(LoopbackOnly(app, hosts=HOSTS)({"type": kind, "headers": headers}, receive, send))
    return sent


@pytest.mark.parametrize("host", ["127.0.0.1:8501", "localhost", "LOCALHOST:9", "[::1]:8501"])
def test_our_own_names_are_answered(host: str) -> None:
    assert ask(host)[0]["status"] == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example:8501",
        "localhost.",
        "",
        "127.1",
        "0.0.0.0",
        "[::1",
        "x@localhost",
    ],
)
def test_foreign_names_are_refused(host: str) -> None:
    answer = ask(host)
    if host == "[::1":  # a bracket without its partner still names ::1
        assert answer[0]["status"] == 200
    else:
        assert answer[0]["status"] == 421


def test_no_name_and_two_names_are_refused() -> None:
    assert ask(None)[0]["status"] == 421
    assert ask("localhost", times=2)[0]["status"] == 421


def test_a_foreign_websocket_is_closed_before_it_opens() -> None:
    assert ask("evil.example", kind="websocket") == [{"type": "websocket.close", "code": 1008}]


def test_answers_forbid_framing_and_anything_from_elsewhere() -> None:
    headers = {name.decode(): value.decode() for name, value in ask("127.0.0.1:8501")[0]["headers"]}
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    policy = {part.split()[0]: part.split()[1:] for part in headers["content-security-policy"].split("; ")}
    assert policy["default-src"] == ["'self'"]
    assert policy["img-src"] == ["'self'", "data:", "blob:"]
    assert policy["connect-src"] == ["'self'", "ws://127.0.0.1:8501", "wss://127.0.0.1:8501"]
    assert policy["frame-ancestors"] == policy["object-src"] == policy["frame-src"] == ["'none'"]
    assert not any("http" in source or source == "*" for sources in policy.values() for source in sources)


def test_streamlits_open_defaults_are_closed() -> None:
    options = server_options(port=9000)
    assert options["server.address"] == "127.0.0.1"
    assert options["server.port"] == 9000
    assert options["server.enableCORS"] is True
    assert options["server.enableXsrfProtection"] is True
    assert options["browser.gatherUsageStats"] is False
    assert options["client.allowedOrigins"] == []
    assert options["runner.postScriptGC"] is False  # stops every thread, the generating one too
    from streamlit import config

    assert set(options) <= set(config._config_options_template)


def test_the_server_starts_without_the_heavy_libraries() -> None:
    code = (
        "import sys, ui.server, ui.resources, ui.frame, ui.ask_parts.exchange, ui.document_parts.files\n"
        "heavy = {'torch', 'transformers', 'chromadb', 'sentence_transformers', 'langchain', 'jieba'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr
