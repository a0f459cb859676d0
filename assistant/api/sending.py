"""Sends JSON, and errors in OpenAI's shape, for whatever answers on the API's paths. Light: the port's guard needs it."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Send

from assistant.api.errors import ApiError
from assistant.messages import Language


async def send_error(send: Send, error: ApiError, headers: Headers) -> None:
    """Send a refusal, in the language that the request's headers ask for."""
    await send_json(send, error.status, error.body(language_of(headers)), error.headers)


async def send_json(send: Send, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
    """Send a whole answer; `headers` come on top of its own."""
    body = as_json(value)
    sent = {"content-type": "application/json", "content-length": str(len(body)), "cache-control": "no-store"}
    pairs = [(name.encode(), text.encode("latin-1")) for name, text in (sent | dict(headers or {})).items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


def as_json(value: Any) -> bytes:
    """A value as JSON in UTF-8, written as it reads where that is possible."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # a lone surrogate, which JSON can smuggle in, has no UTF-8; its escape has
        return json.dumps(value, separators=(",", ":")).encode()


def language_of(headers: Headers) -> Language:
    """The language of messages, by Accept-Language."""
    return "zh" if headers.get("accept-language", "").lower().startswith("zh") else "en"
