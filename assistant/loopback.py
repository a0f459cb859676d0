"""The guard of every server of ours: only this machine's own names are answered, and the browser is told to stay.

Light on purpose, so that the port opens at once.
"""

import os
import socket
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from starlette.datastructures import Headers

from assistant.api.errors import ApiError
from assistant.api.sending import language_of, send_error

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "::1")

_API_PATHS = frozenset({"/generate", "/health", "/openapi.json"})
_API_FOLDER = "/v1/"

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

    A foreign `Host` is how DNS rebinding reaches a loopback port from a web page; such requests get 421. A page
    of another site may not open a websocket here, ask the API, or send what could change something, all of which
    browsers allow it to try: 403. Programs send no `Origin`, and our own page its own. On the API's paths such
    refusals have OpenAI's shape.

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
        if len(values) != 1 or host_name(values[0]) not in self._hosts:
            await _refuse(scope, send, ApiError("api_host_foreign", status=421, name="foreign_host"))
            return
        if not same_origin(Headers(scope=scope)) and not _only_looks(scope):
            await _refuse(scope, send, ApiError("api_origin_foreign", status=403, name="foreign_origin"))
            return
        headers = _safety_headers(values[0])

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *headers]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def host_name(value: str) -> str:
    """Return a `Host` header's name without its port; brackets of an IPv6 address go too."""
    value = value.strip().lower()
    if value.startswith("["):
        return value[1:].partition("]")[0]
    return value.partition(":")[0]


def same_origin(headers: Headers) -> bool:
    """Whether a request comes from a page of this server, or from no page; a proxy may have put https before it."""
    own = headers.get("host", "").lower()
    origins = headers.getlist("origin")
    return all(origin.lower().partition("://")[2] == own for origin in origins)


def of_api(path: str) -> bool:
    """Whether the API answers at this path, and no page."""
    return path in _API_PATHS or path.startswith(_API_FOLDER)


def _only_looks(scope: Scope) -> bool:
    """Whether a request can only be for a part of the page, such as a picture; what it gets, other sites cannot read."""
    return scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and not of_api(scope["path"])


def _safety_headers(host: str) -> list[tuple[bytes, bytes]]:
    policy = CONTENT_POLICY.format(websockets=f"ws://{host} wss://{host}")
    return [
        (b"content-security-policy", policy.encode("latin-1")),
        (b"x-frame-options", b"DENY"),
        (b"x-content-type-options", b"nosniff"),
        # Not no-referrer: with that, browsers hide our own page's origin from us when it sends a form.
        (b"referrer-policy", b"same-origin"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    ]


async def _refuse(scope: Scope, send: Send, error: ApiError) -> None:
    headers = Headers(scope=scope)
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    elif of_api(scope.get("path", "")):
        await send_error(send, error, headers)
    else:
        body = f"{error.text(language_of(headers))}\n".encode()
        pairs = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": error.status, "headers": pairs})
        await send({"type": "http.response.body", "body": body})


def port_free(host: str, port: int) -> bool:
    """Whether a server may listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
