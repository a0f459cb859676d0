"""One path of the API: lets a request in or not, reads its body, runs its handler, tells errors.

Everything that decides whether a request may enter is here, so that no route can forget it.
"""

import asyncio
import hmac
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers, QueryParams

from assistant.api.errors import ApiError, translate
from assistant.api.sending import as_json, language_of, send_error, send_json
from assistant.errors import ProviderError
from assistant.loopback import Receive, Scope, Send
from assistant.messages import Language
from assistant.misuse import rule_zh

logger = logging.getLogger(__name__)

M = TypeVar("M", bound=BaseModel)

_BODY_S = 30.0
_DRAIN_TIMES = 8
"""A body that is too long is read to its end up to this many times the limit, so that its sender, still
sending, hears the answer; what is read is not kept."""


class Call:
    """A request that was let in.

    Args:
        path: the route's path parameters.
        body: the raw body, within the limit.
        language: of messages, by the request's Accept-Language.
    """

    def __init__(self, scope: Scope, body: bytes) -> None:
        self.path: Mapping[str, str] = scope.get("path_params", {})
        self.query = QueryParams(scope.get("query_string", b""))
        self.body = body
        self.language = language_of(Headers(scope=scope))

    def read(self, model: type[M]) -> M:
        """Return the JSON body as `model`.

        Raises:
            ApiError: it is not JSON, not an object, or a field is missing or wrong.
        """
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError) as err:
            raise ApiError("api_json_malformed", name="invalid_json", reason=_short(err)) from err
        if not isinstance(value, dict):
            raise ApiError("api_json_malformed", name="invalid_json", reason="an object was expected")
        return validate(model, value)

    def read_query(self, model: type[M]) -> M:
        """Return the address's parameters as `model`; numbers are read from text, what is there twice is a list."""
        given = {name: self.query.getlist(name) for name in self.query}
        values = {name: texts if len(texts) > 1 else texts[0] for name, texts in given.items()}
        return validate(model, values, strict=False)


def validate(model: type[M], value: dict[str, Any], *, strict: bool | None = None) -> M:
    """Return `value` as `model`, or raise the `ApiError` that names the first wrong field and its rule."""
    try:
        return model.model_validate(value, strict=strict)
    except ValidationError as err:
        wrong = [(_place(one, value), one) for one in err.errors(include_url=False, include_input=False)]
        # A union tells what is wrong with each of its branches; the one that fits farthest was meant.
        meant = [(place, one) for place, one in wrong if place.startswith(wrong[0][0])]
        field, first = max(meant, key=lambda found: found[0].count("."))
        raise ApiError(
            "api_field_wrong",
            field=field,
            name="invalid_value",
            rule=first["msg"],
            rule_zh=rule_zh(first["type"], first.get("ctx") or {}),
            place=field,
        ) from err


def _place(error: Mapping[str, Any], value: Any) -> str:
    """Where in the request a field is; what pydantic adds to name the branch of a union is left out."""
    found: list[str] = []
    for part in error["loc"]:
        named = isinstance(value, dict) and part in value
        counted = isinstance(value, list) and isinstance(part, int) and part < len(value)
        if named or counted:
            value = value[part]
        elif error["type"] != "missing" or not isinstance(value, dict) or part != error["loc"][-1]:
            continue
        found.append(str(part))
    return ".".join(found) or "body"


class Events:
    """A response of server-sent events, each a JSON object; `[DONE]` ends it."""

    def __init__(self, items: AsyncGenerator[dict[str, Any], None]) -> None:
        self.items = items


Reply = Events | dict[str, Any]
Handler = Callable[[Call], Awaitable[Reply]]


class Door:
    """An ASGI application for one path.

    Args:
        handlers: by method.
        token: what `Authorization: Bearer` must say; None asks for nothing.
        body_bytes: the longest body.
    """

    def __init__(self, handlers: Mapping[str, Handler], *, token: str | None, body_bytes: int) -> None:
        self._handlers = dict(handlers)
        self._token = None if token is None else token.encode()
        self._body_bytes = body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = Headers(scope=scope)
        try:
            self._admit(scope, headers)
            handler = self._handler(scope["method"])
            body = await self._body(headers, receive)
        except ApiError as err:
            await send_error(send, err, headers)
            return
        except _HungUpError:
            return
        answering = asyncio.create_task(_answer(handler, Call(scope, body), headers, send))
        watching = asyncio.create_task(_hang_up(receive))
        try:
            await asyncio.wait({answering, watching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Whoever hung up is not answered: cancelling ends the work in its thread too.
            watching.cancel()
            answering.cancel()
            await asyncio.gather(answering, watching, return_exceptions=True)

    def _admit(self, scope: Scope, headers: Headers) -> None:
        """Refuse what comes from another site's page, and what lacks the token."""
        origins = headers.getlist("origin")
        own = f"{scope.get('scheme', 'http')}://{headers.get('host', '')}"
        foreign = any(origin.lower() != own.lower() for origin in origins)
        # A page elsewhere can make a browser ask without Origin, by a link or a picture; this header tells.
        if foreign or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise ApiError("api_origin_foreign", status=403, name="foreign_origin")
        if self._token is None:
            return
        given = headers.getlist("authorization")
        sent = given[0].encode("latin-1") if len(given) == 1 else b""
        if not hmac.compare_digest(sent, b"Bearer " + self._token):
            raise ApiError(
                "api_token_wrong",
                status=401,
                name="invalid_api_key",
                headers={"www-authenticate": "Bearer"},
            )

    def _handler(self, method: str) -> Handler:
        handler = self._handlers.get("GET" if method == "HEAD" else method)
        if handler is None:
            if not self._handlers:
                raise ApiError("api_path_unknown", status=404, name="unknown_url")
            allowed = ", ".join(self._handlers)
            raise ApiError(
                "api_method_wrong",
                status=405,
                name="method_not_allowed",
                headers={"allow": allowed},
                method=method,
                allowed=allowed,
            )
        return handler

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        try:
            async with asyncio.timeout(_BODY_S):
                return await self._read(headers, receive)
        except TimeoutError:
            raise ApiError("api_body_slow", status=408, name="timeout", seconds=round(_BODY_S)) from None

    async def _read(self, headers: Headers, receive: Receive) -> bytes:
        told = headers.get("content-length", "0")
        too_long = not told.isdigit() or int(told) > self._body_bytes
        parts: list[bytes] = []
        size = 0
        while size <= _DRAIN_TIMES * self._body_bytes:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _HungUpError
            size += len(message.get("body", b""))
            too_long = too_long or size > self._body_bytes
            if too_long:
                parts.clear()
            else:
                parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                break
        if too_long:
            raise ApiError("api_body_too_large", status=413, name="request_too_large", limit=self._body_bytes)
        return b"".join(parts)


class _HungUpError(Exception):
    """The client is gone; nobody is left to be told."""


async def _hang_up(receive: Receive) -> None:
    """Return when the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _answer(handler: Handler, call: Call, headers: Headers, send: Send) -> None:
    try:
        reply = await handler(call)
        if isinstance(reply, Events):
            await _send_events(send, reply, call.language)
        else:
            await send_json(send, 200, reply)
    except Exception as err:
        await send_error(send, _logged(err), headers)


def _logged(error: Exception) -> ApiError:
    """What the client is told; what it is not told is in the log."""
    told = translate(error)
    if told.status >= 500 or isinstance(error, ProviderError):
        logger.error("%s", told, exc_info=error)
    return told


async def _send_events(send: Send, events: Events, language: Language) -> None:
    """Send events as they come; an error before the first one is raised, a later one is an event itself."""
    # Closed at once when the client hangs up, not when the interpreter happens to collect it.
    async with aclosing(events.items) as items:
        first = await anext(items, None)
        kind = (b"content-type", b"text/event-stream; charset=utf-8")
        pairs = [kind, (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": pairs})
        try:
            if first is not None:
                await _send_event(send, as_json(first))
            async for item in items:
                await _send_event(send, as_json(item))
        except Exception as err:
            await _send_event(send, as_json(_logged(err).body(language)))
    await _send_event(send, b"[DONE]")
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_event(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": b"data: " + data + b"\n\n", "more_body": True})


def _short(err: Exception) -> str:
    return str(err)[:200]
