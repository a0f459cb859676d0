"""What the benches of the API share: the program over the sample manual, its API on a port, and clients at once."""

import http.client
import json
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from assistant.app import App
from assistant.serving import build_server
from assistant.settings import Settings, load_settings

SAMPLES = Path(__file__).resolve().parent.parent / "samples" / "manual" / "en"
_PATH = "/v1/chat/completions"


@contextmanager
def sample_app(models: Path | None, **settings: Any) -> Iterator[App]:
    """The program over a folder that is thrown away, with the English sample manual indexed.

    Args:
        models: a data folder's models; None takes those of the settings in force.
        settings: further sections of `Settings`.
    """
    models = (models or load_settings().models_dir).resolve()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        (data / "models").symlink_to(models, target_is_directory=True)
        with App.open(Settings(data_dir=data, **settings), purpose="bench") as app:
            for _ in app.index(app.base_or_new("manual").id, app.gather([SAMPLES])[0]):
                pass
            yield app


@contextmanager
def listening(app: App) -> Iterator[int]:
    """The API on a free port; yields the port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(build_server(app), log_level="warning", timeout_keep_alive=600)
        )
        running = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        running.start()
        while not server.started:
            time.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        running.join(20)


def post(connection: http.client.HTTPConnection, body: dict[str, Any]) -> bytes:
    """The answer's body; anything but 200 is an error."""
    connection.request("POST", _PATH, json.dumps(body), {"content-type": "application/json"})
    answer = connection.getresponse()
    data = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {data[:200]!r}")
    return data


def at_once(clients: int, client: Callable[[int], None]) -> float:
    """Run every client in a thread of its own, given its number; return the seconds until all are done."""
    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began
