"""Starts the page: finds a free way to say where it is, and opens a browser where there is one."""

import importlib
import os
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Callable
from typing import TYPE_CHECKING

from assistant.errors import AssistantError, DataFolderError
from assistant.locking import lock_owner
from assistant.loopback import LOOPBACK, port_free
from assistant.messages import Language
from assistant.settings import Settings

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from assistant.app import App


def serve(
    settings: Settings,
    *,
    port: int | None,
    open_browser: bool,
    say: Callable[[str], None],
    language: Language,
) -> None:
    """Serve the page until interrupted.

    Args:
        port: in place of the settings' port.
        open_browser: open one when the page answers and this is a desktop session.

    Raises:
        DataFolderError: another process holds the data folder.
        AssistantError: the address is not loopback and no token is set, or the port is taken.
    """
    host, port = settings.server.host, port or settings.server.port
    if host not in LOOPBACK and settings.server.token is None:
        raise AssistantError("serve_needs_token", host=host)
    owner = lock_owner(settings.data_dir)
    if owner is not None:
        raise DataFolderError(
            "data_folder_locked",
            folder=settings.data_dir,
            pid=owner.get("pid", "?"),
            purpose=owner.get("purpose", "?"),
        )
    if not port_free(host, port):
        raise AssistantError("port_taken", port=port)
    url = f"http://{host}:{port}"
    threading.Thread(
        target=_announce, args=(host, port, url, open_browser, say, language), daemon=True
    ).start()
    # By name: this package knows that a page exists, not what is on it. The page knows of no API either, it is
    # handed one.
    importlib.import_module("ui.server").serve(
        host=host,
        port=port,
        make_routes=_api(settings),
        token=None if settings.server.token is None else settings.server.token.get_secret_value(),
        hosts=settings.server.hosts,
    )


def _api(settings: Settings) -> "Callable[[Callable[[], App]], list[BaseRoute]]":
    def make(get_app: "Callable[[], App]") -> "list[BaseRoute]":
        from assistant.api.routes import build_routes

        return build_routes(get_app, settings.server)

    return make


def _announce(
    host: str, port: int, url: str, open_browser: bool, say: Callable[[str], None], language: Language
) -> None:
    """Say where the page is, once it answers."""
    for _ in range(600):
        try:
            socket.create_connection((host, port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    say(
        f"Tandem 已就绪：{url}（按 Ctrl-C 结束）"
        if language == "zh"
        else f"Tandem is at {url} (Ctrl-C ends it)"
    )
    if open_browser and _desktop():
        webbrowser.open(url)


def _desktop() -> bool:
    if os.environ.get("CI"):
        return False
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
