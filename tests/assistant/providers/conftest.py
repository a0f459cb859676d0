"""A second Tandem that asks the first one's server, and small real servers that speak badly, or like Ollama."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.assistant.running import PUMPS, Served

if TYPE_CHECKING:
    from assistant.app import App
    from finetune.folders import ModelFolder

Handle = Callable[["Exchange"], None]


class Exchange(BaseHTTPRequestHandler):
    """One request and its answer, over a real connection."""

    protocol_version = "HTTP/1.1"
    handle_exchange: Handle
    body: Any

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.body = json.loads(raw) if raw else None
        try:
            type(self).handle_exchange(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def reply(self, body: Any, *, status: int = 200, kind: str = "application/json", **headers: str) -> None:
        """Answer at once; anything but bytes goes out as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.begin(kind, status=status, **{"content-length": str(len(data)), **headers})
        self.wfile.write(data)

    def begin(self, kind: str, *, status: int = 200, **headers: str) -> None:
        """Send the head; without a length the connection's end ends the answer."""
        self.send_response(status)
        self.send_header("content-type", kind)
        for name, value in headers.items():
            self.send_header(name, value)
        if "content-length" not in headers:
            self.send_header("connection", "close")
            self.close_connection = True
        self.end_headers()

    def say(self, text: str) -> None:
        """Send a piece now."""
        self.wfile.write(text.encode())
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Stay quiet."""


@contextmanager
def speaking(handle: Handle) -> Iterator[str]:
    """Serve `handle` from threads; yields the address."""
    handler = type("Handler", (Exchange,), {"handle_exchange": staticmethod(handle)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    running = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    running.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        running.join(5)


@pytest.fixture(scope="session")
def near(
    tmp_path_factory: pytest.TempPathFactory, minilm_folder: "ModelFolder", served: Served
) -> Iterator["App"]:
    """A second instance with the pump's page, which knows the first one's server as `far` and as `yuan`."""
    from assistant.app import App
    from assistant.settings import load_settings

    folder = tmp_path_factory.mktemp("near")
    data = folder / "data"
    data.mkdir()
    (data / "models").symlink_to(minilm_folder.path.parent, target_is_directory=True)
    (folder / "pump.md").write_text(PUMPS, encoding="utf-8")
    # The far model is small, which nobody can see from here.
    with App.open(load_settings(data_dir=data, models={"reader_profile": "small"}), purpose="tests") as app:
        # Going back to its own model would load that in the background, for nobody here.
        app.warm_up = lambda: None  # type: ignore[method-assign]
        inputs, _ = app.gather([folder / "pump.md"])
        assert list(app.index(app.create_base("pumps").id, inputs))
        app.providers.add("far", served.url)
        app.providers.add("yuan", served.url, kind="yuan2")
        yield app


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """An empty data folder."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder
