"""A real Chromium on a real server: both are started here, and both are watched."""

import itertools
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from assistant.app import App
from assistant.settings import load_settings

if TYPE_CHECKING:
    from finetune.folders import ModelFolder

ROOT = Path(__file__).resolve().parents[2]
LAPTOP = {"width": 1366, "height": 768}
DESKTOP = {"width": 1920, "height": 1080}
_PATIENCE_MS = 60_000


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """An installed Chromium; without one these tests are skipped."""
    named = os.environ.get("TANDEM_CHROMIUM")
    found = named or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if found is None:
        pytest.skip("no Chromium on this machine: install it or name one in TANDEM_CHROMIUM")
    pytest.importorskip("playwright", reason="playwright is not installed")
    return found


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures of the page go: TANDEM_SCREENSHOTS, else a temporary folder."""
    named = os.environ.get("TANDEM_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Watch:
    """What a page asked for and complained about."""

    def __init__(self, page: Any, origin: str) -> None:
        self.abroad: list[str] = []
        self.errors: list[str] = []
        host = urlsplit(origin).netloc
        page.on("request", lambda request: self._request(request.url, host))
        page.on("websocket", lambda socket: self._request(socket.url, host))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._console)

    def _request(self, url: str, host: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob", "about"} and parts.netloc != host:
            self.abroad.append(url)

    def _console(self, message: Any) -> None:
        # Streamlit probes for its address below a page's path first, which is a 404 by design.
        if message.type == "error" and "404" not in message.text:
            self.errors.append(message.text)


OpenPage = Callable[..., tuple[Any, Watch]]


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Any]:
    """One Chromium per module: its event loop must not outlive the module's tests."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[OpenPage]:
    """Open an address in a fresh browser profile and watch it; its last sight is kept for a failed test."""
    contexts = []

    def open_(
        url: str, *, locale: str = "en-US", size: dict[str, int] = LAPTOP, scheme: str = "light"
    ) -> tuple[Any, Watch]:
        context = browser.new_context(locale=locale, viewport=size, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        watch = Watch(page, url)
        page.goto(url)
        return page, watch

    yield open_
    for number, context in enumerate(contexts):
        for page in context.pages:
            page.screenshot(path=tmp_path / f"last-{number}.png")
        context.close()


# Each worker has its own: two must not find the same port free. They lie below those that systems give to
# connections and to whoever asks for any port, one of which could be taken before the server listens.
_PORTS = itertools.count(
    20_000 + 1_000 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) + os.getpid() % 500
)


def free_port() -> int:
    """A TCP port that nothing listens on now, each time another."""
    for port in _PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("there is always another number")


@contextmanager
def running_server(command: list[str], port: int, log: Path, env: dict[str, str]) -> Iterator[str]:
    """Run `python command…` until the block ends; yields its address once it answers."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | env,
            cwd=ROOT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 180
        while not _healthy(url):
            assert process.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < end, f"the server did not answer: {log.read_text(errors='replace')}"
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=30) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture
def slow_site(tmp_path: Path, minilm_folder: "ModelFolder", chromium_path: str) -> Iterator[str]:
    """The real page over one indexed note, with answers that take a minute."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "models").symlink_to(minilm_folder.path.parent, target_is_directory=True)
    note = tmp_path / "note.md"
    note.write_text("The zindel valve opens at 31 bar.", encoding="utf-8")
    app = App.open(load_settings(data_dir=data))
    inputs, _ = app.gather([note])
    list(app.index(app.create_base("notes").id, inputs))
    app.close()
    port = free_port()
    script = str(Path(__file__).with_name("slow_page.py"))
    with running_server(
        [script, str(port)], port, data / "server.log", {"TANDEM_DATA_DIR": str(data)}
    ) as url:
        yield url
