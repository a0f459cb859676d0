"""The one server: the page now, and later whatever else answers on the same port.

Streamlit's own defaults listen everywhere, accept any `Host` and may be framed by any site; here only
loopback listens, only its own names are answered, and the browser is told to load nothing from elsewhere.
Imports nothing of the assistant, so that the port opens at once.
"""

import asyncio
import logging
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.routing import BaseRoute
    from streamlit.starlette import App as StreamlitApp

logger = logging.getLogger(__name__)

SCRIPT = Path(__file__).resolve().parent / "app.py"
CONFIG = SCRIPT.parent / ".streamlit" / "config.toml"

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

HEAD_START_S = 2.0
"""Seconds that the first page has to itself before the models are loaded."""

CONTENT_POLICY = "; ".join(
    [
        "default-src 'self'",
        # Streamlit turns a component's script into a blob and its page has one inline script.
        "script-src 'self' 'unsafe-inline' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "media-src 'self' blob:",
        "connect-src 'self' {websockets}",
        "worker-src 'self' blob:",
        "frame-src 'none'",
        "frame-ancestors 'none'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    ]
)


class LoopbackOnly:
    """Answers only requests addressed to this machine, and locks the browser to this origin.

    A foreign `Host` is how DNS rebinding reaches a loopback port from a web page; such requests get 421.

    Args:
        app: the next ASGI application.
        hosts: names, without port, that may stand in the `Host` header.
    """

    def __init__(
        self, app: Callable[[Scope, Receive, Send], Awaitable[None]], *, hosts: Sequence[str]
    ) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(values) != 1 or _host_name(values[0]) not in self._hosts:
            await _refuse(scope, send)
            return
        headers = _safety_headers(values[0])

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *headers]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _host_name(value: str) -> str:
    """Return a `Host` header's name without its port; brackets of an IPv6 address go too."""
    value = value.strip().lower()
    if value.startswith("["):
        return value[1:].partition("]")[0]
    return value.partition(":")[0]


def _safety_headers(host: str) -> list[tuple[bytes, bytes]]:
    policy = CONTENT_POLICY.format(websockets=f"ws://{host} wss://{host}")
    return [
        (b"content-security-policy", policy.encode("latin-1")),
        (b"x-frame-options", b"DENY"),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    ]


async def _refuse(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    body = b"This server answers only at its own address on this machine.\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 421, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def _open_app(_app: Any) -> AsyncIterator[dict[str, Any]]:
    """Open the assistant beside the server, so that the page is painted before its models are loaded."""
    from ui.resources import close_app, open_app, warm_up

    async def warm() -> None:
        try:
            app = await asyncio.to_thread(open_app)
            # Importing the model libraries takes all of a small machine; a page that is waiting goes first.
            await asyncio.sleep(HEAD_START_S)
            warm_up(app)
        except Exception:  # the page shows the reason when it asks for the app itself
            logger.info("the assistant could not be opened yet", exc_info=True)

    warming = asyncio.create_task(warm())
    try:
        yield {}
    finally:
        warming.cancel()
        await asyncio.gather(warming, return_exceptions=True)
        await asyncio.to_thread(close_app)


def build_app(*, routes: Sequence["BaseRoute"] = (), host: str = "127.0.0.1") -> "StreamlitApp":
    """Build the ASGI application of the page.

    Args:
        routes: more Starlette routes for the same port, such as an API; they are checked before the page's.
        host: the address that will be listened on; its name is accepted in `Host` beside loopback's.
    """
    import streamlit as st
    from starlette.middleware import Middleware

    hosts = ("127.0.0.1", "localhost", "::1", _host_name(host))
    return st.App(
        SCRIPT,
        routes=list(routes),
        middleware=[Middleware(LoopbackOnly, hosts=hosts)],
        lifespan=_open_app,
    )


def server_options(*, host: str = "127.0.0.1", port: int = 8501) -> dict[str, Any]:
    """Return `.streamlit/config.toml` as Streamlit's dotted options, with the address put in."""
    options: dict[str, Any] = {}

    def flatten(prefix: str, table: dict[str, Any]) -> None:
        for key, value in table.items():
            if isinstance(value, dict):
                flatten(f"{prefix}{key}.", value)
            else:
                options[prefix + key] = value

    flatten("", tomllib.loads(CONFIG.read_text(encoding="utf-8")))
    return options | {"server.address": host, "server.port": port}


def serve(host: str = "127.0.0.1", port: int = 8501, *, routes: Sequence["BaseRoute"] = ()) -> None:
    """Serve the page until interrupted.

    Args:
        host: the address to listen on; anything but loopback is the caller's to guard.
        port: the TCP port; when it is taken, Streamlit says so and the process ends.
        routes: as in `build_app`.
    """
    build_app(routes=routes, host=host).run(config=server_options(host=host, port=port))
