"""Asking a server over HTTP, and telling in one clear error what may be wrong with it.

Knows nothing of models: JSON goes out, JSON or lines come back. No redirect is followed, so that a key stays
with the server that it is for, and no proxy is used for this machine's own addresses.
"""

import json
import math
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx

from assistant.errors import ProviderError
from assistant.providers.config import ProviderSettings

_CONNECT_S = 5.0
_PATIENCE_S = 0.1
_REPLY_BYTES = 256 << 20
_LINE_BYTES = 4 << 20
_REASON = 200


class Hangup:
    """Ends a request from another thread, also while its server is silent; once rung, it stays so."""

    def __init__(self) -> None:
        self._rung = threading.Event()
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []

    @property
    def rung(self) -> bool:
        """Whether the request is to end."""
        return self._rung.is_set()

    def ring(self) -> None:
        """End the request."""
        with self._lock:
            self._rung.set()
            for connection in self._sockets:
                self._cut(connection)

    def watch(self, event: str, info: dict[str, Any]) -> None:
        """Follow a connection as it is made; a `trace` extension of httpx."""
        if event != "connection.connect_tcp.complete":
            return
        connection = info["return_value"].get_extra_info("socket")
        if connection is None:
            return
        with self._lock:
            self._sockets.append(connection)
            if self._rung.is_set():
                self._cut(connection)

    def _cut(self, connection: socket.socket) -> None:
        with suppress(OSError):  # it may be over already
            connection.shutdown(socket.SHUT_RDWR)


class Server:
    """One provider's server.

    Args:
        name: what the user calls it; stands in every message.
        protocol: what it is expected to speak, for messages.
    """

    def __init__(self, name: str, settings: ProviderSettings, *, protocol: str) -> None:
        self.name = name
        self.url = settings.base_url
        self.settings = settings
        self._protocol = protocol
        self._key = settings.api_key.get_secret_value() if settings.api_key is not None else ""
        headers = {"authorization": f"Bearer {self._key}"} if self._key else {}
        timeout = httpx.Timeout(settings.timeout_s, connect=min(_CONNECT_S, settings.timeout_s))
        if not self._key.isascii():
            raise ProviderError("provider_wrong", name=name, reason="its key has characters that no key has")
        self._turns = threading.Semaphore(settings.parallel)
        self._client = httpx.Client(
            headers=headers,
            timeout=timeout,
            trust_env=not settings.is_here,
            # Every request has its own connection, which `Hangup` can then end alone.
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=0),
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, *, root: bool = False) -> Any:
        """Return the JSON that is at `path`.

        Args:
            root: the path begins at the server's root, not behind the address's `/v1`.

        Raises:
            ProviderError: for whatever reason there is none.
        """
        return self._ask("GET", path, None, root=root)

    def post(self, path: str, body: dict[str, Any], *, root: bool = False) -> Any:
        """Return the JSON answer to `body`.

        Args:
            root: as of `get`.

        Raises:
            ProviderError: for whatever reason there is none.
        """
        return self._ask("POST", path, body, root=root)

    def lines(self, path: str, body: dict[str, Any], *, hangup: Hangup) -> Iterator[str]:
        """Yield the lines of the answer to `body` as they come, empty ones left out; none after a hang-up.

        An answer that is one JSON document is yielded whole, as one line.

        Raises:
            ProviderError: there is no such answer, or it breaks off.
        """
        try:
            with self._turn(hangup), self._told(), self._sent("POST", path, body, hangup) as response:
                if response.headers.get("content-type", "").partition(";")[0].strip() == "application/json":
                    yield self._whole(response).decode("utf-8", errors="replace")
                    return
                self._expect(response, ("text/event-stream", "application/x-ndjson", "text/plain", ""))
                yield from self._split(response)
        except ProviderError:
            if not hangup.rung:
                raise

    def otherwise(self, reason: str) -> ProviderError:
        """The error for an answer that is not what the protocol says."""
        return ProviderError(
            "provider_speaks_otherwise",
            provider=self.name,
            url=self.url,
            kind=self._protocol,
            reason=self._clean(reason),
        )

    def broken(self, reason: str) -> ProviderError:
        """The error for an answer that begins well and ends badly."""
        return ProviderError("provider_answer_broken", provider=self.name, reason=self._clean(reason))

    def refused(
        self, status: int, reason: str, *, path: str, model: str | None, again: str = ""
    ) -> ProviderError:
        """The error for a status other than 200.

        Args:
            reason: what the answer says about it; "" where it says nothing.
            model: which one was asked for.
            again: its header Retry-After.
        """
        if status in (401, 403):
            return ProviderError("provider_key_wrong", provider=self.name, status=status)
        if status in (429, 503):
            wait_s = int(again) if again.isascii() and again.isdigit() else None  # a date is not read
            return ProviderError("provider_busy", provider=self.name, status=status, wait_s=wait_s)
        told = reason.lower()
        names_it = model is not None and "model" in told
        if names_it and (status == 404 or (status == 400 and ("not found" in told or "not exist" in told))):
            return ProviderError("provider_model_missing", provider=self.name, model=model)
        if 300 <= status < 400 or (status in (404, 405) and not reason):
            return self.otherwise(f"{path} answered HTTP {status}")
        shown = self._clean(reason or "-")
        return ProviderError("provider_failed", provider=self.name, status=status, reason=shown)

    def slow(self, *, connecting: bool = False) -> ProviderError:
        """The error for a server that says nothing for too long."""
        seconds = min(_CONNECT_S, self.settings.timeout_s) if connecting else self.settings.timeout_s
        return ProviderError("provider_slow", provider=self.name, url=self.url, seconds=f"{seconds:g}")

    def down(self, reason: str) -> ProviderError:
        """The error for a server that cannot be reached."""
        # What the system says begins with its number, which tells people nothing.
        told = self._clean(re.sub(r"^\[Errno -?\d+\] ", "", reason))
        return ProviderError("provider_down", provider=self.name, url=self.url, reason=told)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None, *, root: bool) -> Any:
        hangup = Hangup()
        # A list of models waits its turn too: llama-cpp-python drops an answer for that as well.
        with (
            self._turn(hangup, longest_s=self.settings.timeout_s),
            self._told(),
            self._sent(method, path, body, hangup, root=root) as response,
        ):
            text = self._whole(response)
            kind = response.headers.get("content-type", "no type")
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as err:
            raise self.otherwise(f"{path} answered {kind} instead of JSON") from err

    @contextmanager
    def _turn(self, hangup: Hangup, *, longest_s: float = math.inf) -> Iterator[None]:
        """Wait until fewer than `parallel` requests run; whoever hangs up waits no longer."""
        until = time.monotonic() + longest_s
        while not self._turns.acquire(timeout=_PATIENCE_S):
            if hangup.rung:
                raise self.broken("it was hung up")
            if time.monotonic() > until:
                raise ProviderError("provider_busy", provider=self.name, status=429, wait_s=None)
        try:
            yield
        finally:
            self._turns.release()

    @contextmanager
    def _sent(
        self, method: str, path: str, body: dict[str, Any] | None, hangup: Hangup, *, root: bool = False
    ) -> Iterator[httpx.Response]:
        extensions = {"trace": hangup.watch}
        content = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"content-type": "application/json"}
        address = (self.url.removesuffix("/v1") if root else self.url) + path
        with self._client.stream(
            method, address, content=content, headers=headers, extensions=extensions
        ) as response:
            if response.status_code != 200:
                reason = reason_in(self._whole(response))
                again = response.headers.get("retry-after", "")
                raise self.refused(
                    response.status_code, reason, path=path, model=(body or {}).get("model"), again=again
                )
            yield response

    def _whole(self, response: httpx.Response) -> bytes:
        """The body, within bounds of size and, however it drips, of time."""
        until = time.monotonic() + self.settings.timeout_s
        parts = []
        size = 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > _REPLY_BYTES:
                raise self.otherwise("the answer has no end")
            if time.monotonic() > until:
                raise self.slow()
        return b"".join(parts)

    def _split(self, response: httpx.Response) -> Iterator[str]:
        rest = b""
        for part in response.iter_bytes():
            *whole, rest = (rest + part).split(b"\n")
            if len(rest) > _LINE_BYTES:
                raise self.otherwise("a line of the answer has no end")
            for line in whole:
                if text := line.decode("utf-8", errors="replace").strip():
                    yield text
        if text := rest.decode("utf-8", errors="replace").strip():
            yield text

    def _expect(self, response: httpx.Response, kinds: tuple[str, ...]) -> None:
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in kinds:
            raise self.otherwise(f"it answered {kind}")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn the HTTP library's errors into ours."""
        try:
            yield
        except httpx.TimeoutException as err:
            raise self.slow(connecting=isinstance(err, httpx.ConnectTimeout)) from err
        except httpx.RemoteProtocolError as err:
            reason = str(err)
            if "incomplete" in reason or "without sending complete" in reason:
                raise self.broken(reason) from err
            raise self.otherwise(reason) from err
        except (httpx.ReadError, httpx.WriteError) as err:
            raise self.broken(str(err) or "the connection was closed") from err
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as err:
            raise self.down(str(err) or repr(err)) from err

    def _clean(self, reason: str) -> str:
        """One short line without the key."""
        line = " ".join(reason.split())
        if self._key:
            line = line.replace(self._key, "…")
        return line[:_REASON].rstrip(".") or "-"


def reason_in(body: bytes) -> str:
    """What an error's body says, in whichever of the usual shapes; "" where it says nothing that can be shown."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    for _ in range(3):
        if isinstance(value, str):
            return value
        if isinstance(value, list) and value:
            value = value[0]
        elif isinstance(value, dict):
            value = next(
                (value[key] for key in ("error", "message", "detail", "msg") if value.get(key)), None
            )
    return value if isinstance(value, str) else ""
