"""The one server: the page now, and later whatever else answers on the same port.

Streamlit's own defaults listen everywhere, accept any `Host` and may be framed by any site; here only
loopback listens, only its own names are answered, and the browser is told to load nothing from elsewhere.
Imports nothing heavy of the assistant, so that the port opens at once.
"""

import asyncio
import logging
import tomllib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.gate import TokenGate
from assistant.loopback import LoopbackOnly, host_name

if TYPE_CHECKING:
    from starlette.routing import BaseRoute
    from streamlit.starlette import App as StreamlitApp

    from assistant.app import App

logger = logging.getLogger(__name__)

SCRIPT = Path(__file__).resolve().parent / "app.py"
CONFIG = SCRIPT.parent / ".streamlit" / "config.toml"

HEAD_START_S = 2.0
"""Seconds that the first page has to itself before the models are loaded."""


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


MakeRoutes = Callable[[Callable[[], "App"]], Sequence["BaseRoute"]]


def build_app(
    *,
    make_routes: MakeRoutes | None = None,
    host: str = "127.0.0.1",
    token: str | None = None,
    hosts: Sequence[str] = (),
) -> "StreamlitApp":
    """Build the ASGI application of the page.

    Args:
        make_routes: makes more Starlette routes for the same port, such as an API, given the function that
            opens this process's one App; they are checked before the page's.
        host: the address that will be listened on; its name is accepted in `Host` beside loopback's.
        token: what a browser must be given before it sees the page; None asks for nothing.
        hosts: further names that are accepted in `Host`.
    """
    import streamlit as st
    from starlette.middleware import Middleware

    from ui.resources import open_app

    names = ("127.0.0.1", "localhost", "::1", host_name(host), *hosts)
    guards = [Middleware(LoopbackOnly, hosts=names)]
    if token is not None:
        guards.append(Middleware(TokenGate, token=token))
    return st.App(
        SCRIPT,
        routes=list(make_routes(open_app)) if make_routes is not None else [],
        middleware=guards,
        lifespan=_open_app,
    )


def server_options(*, host: str = "127.0.0.1", port: int = 8501, hosts: Sequence[str] = ()) -> dict[str, Any]:
    """Return `.streamlit/config.toml` as Streamlit's dotted options, with address and accepted names put in."""
    options: dict[str, Any] = {}

    def flatten(prefix: str, table: dict[str, Any]) -> None:
        for key, value in table.items():
            if isinstance(value, dict):
                flatten(f"{prefix}{key}.", value)
            else:
                options[prefix + key] = value

    flatten("", tomllib.loads(CONFIG.read_text(encoding="utf-8")))
    names = list(dict.fromkeys([*options["server.allowedHosts"], host_name(host), *hosts]))
    return options | {"server.address": host, "server.port": port, "server.allowedHosts": names}


def serve(
    host: str = "127.0.0.1",
    port: int = 8501,
    *,
    make_routes: MakeRoutes | None = None,
    token: str | None = None,
    hosts: Sequence[str] = (),
) -> None:
    """Serve the page until interrupted.

    Args:
        host: the address to listen on; anything but loopback is the caller's to guard.
        port: the TCP port; when it is taken, Streamlit says so and the process ends.
        make_routes, token, hosts: as in `build_app`.
    """
    app = build_app(make_routes=make_routes, host=host, token=token, hosts=hosts)
    app.run(config=server_options(host=host, port=port, hosts=hosts))
