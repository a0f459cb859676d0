"""`tandem serve`: the API without the page, on a server of its own."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware

from assistant.api.routes import build_routes
from assistant.app import App
from assistant.errors import AssistantError
from assistant.loopback import LOOPBACK, LoopbackOnly, host_name, port_free
from assistant.settings import Settings

_GOODBYE_S = 3
_KEEP_ALIVE_S = 75


def build_server(app: App) -> Starlette:
    """Return the ASGI application over an open App; its models are loaded when it starts."""

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        app.warm_up()
        yield

    server = app.settings.server
    hosts = (*LOOPBACK, host_name(server.host), *server.hosts)
    return Starlette(
        routes=build_routes(lambda: app, server, alone=True),
        middleware=[Middleware(LoopbackOnly, hosts=hosts)],
        lifespan=lifespan,
    )


def serve(settings: Settings, *, port: int | None, say: Callable[[str], None]) -> None:
    """Serve the API until interrupted.

    Args:
        port: in place of the settings' port.
        say: told the address once it answers.

    Raises:
        DataFolderError: another process holds the data folder.
        AssistantError: the address is not loopback and no token is set, or the port is taken.
    """
    host, port = settings.server.host, port or settings.server.port
    if host not in LOOPBACK and settings.server.token is None:
        raise AssistantError("serve_needs_token", host=host)
    if not port_free(host, port):
        raise AssistantError("port_taken", port=port)
    url = f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"
    with App.open(settings, purpose=f"tandem serve, {url}") as app:
        config = uvicorn.Config(
            build_server(app),
            host=host,
            port=port,
            log_level="warning",
            timeout_graceful_shutdown=_GOODBYE_S,
            timeout_keep_alive=_KEEP_ALIVE_S,
            server_header=False,
        )
        _Announcing(config, lambda: say(url)).run()


class _Announcing(uvicorn.Server):
    """A server that tells when it listens."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then tell."""
        await super().startup(sockets)
        self._announce()
