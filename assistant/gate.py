"""The page's door where a token is set: one form that asks for it, then a cookie. The API asks for itself.

Who may ask at all, by Host and Origin, is `assistant.loopback`'s, which stands before it.

The cookie is made from the token and says nothing of it, is kept from scripts and other sites, and ends when the
token changes.
"""

import asyncio
import hashlib
import hmac
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import Headers

from assistant.loopback import Receive, Scope, Send, of_api

LOGIN = "/login"
COOKIE = "tandem"
_WRONG_S = 1.0
_FORM_BYTES = 4096

_FORM = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Tandem</title><style>body{{font:16px system-ui,sans-serif;display:grid;place-items:center;min-height:80vh}}
form{{display:grid;gap:.8rem;width:20rem}}input,button{{font:inherit;padding:.5rem}}</style>
<form method="post" action="/login"><label for="token">Token · 口令</label>
<input id="token" name="token" type="password" autocomplete="current-password" autofocus required>
<button>Open · 打开</button>{told}</form></html>"""
_WRONG = '<p role="alert">That is not the token. It is the setting server.token. 口令不对，它是设置 server.token 的值。</p>'


class TokenGate:
    """Lets in whoever has shown the token; the API's paths are left to the API.

    Args:
        app: the next ASGI application.
        token: what the form must be given.
    """

    def __init__(self, app: Any, *, token: str) -> None:
        self._app = app
        self._token = token.encode()
        self._pass = hmac.new(self._token, b"tandem page", hashlib.sha256).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path = scope["path"]
        if scope["type"] == "http" and of_api(path):
            await self._app(scope, receive, send)
        elif scope["type"] == "http" and path == LOGIN and scope["method"] == "POST":
            await self._log_in(scope, receive, send)
        elif self._has_pass(headers):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _answer(send, 401, _FORM.format(told=""))

    def _has_pass(self, headers: Headers) -> bool:
        try:
            shown = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return shown is not None and hmac.compare_digest(shown.value.encode(), self._pass.encode())

    async def _log_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        more = True
        while more and len(body) <= _FORM_BYTES:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        given = parse_qs(body.decode("utf-8", errors="replace")).get("token", [""])[0]
        if not hmac.compare_digest(given.encode(), self._token):
            await asyncio.sleep(_WRONG_S)  # guessing is slow
            await _answer(send, 401, _FORM.format(told=_WRONG))
            return
        secure = "; Secure" if scope.get("scheme") == "https" else ""
        cookie = f"{COOKIE}={self._pass}; Path=/; HttpOnly; SameSite=Strict{secure}"
        await _answer(send, 303, "", (b"location", b"/"), (b"set-cookie", cookie.encode()))


async def _answer(send: Send, status: int, text: str, *more: tuple[bytes, bytes]) -> None:
    body = text.encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
