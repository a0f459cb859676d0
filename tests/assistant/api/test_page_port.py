"""The port that page and API share, as `tandem ui` starts it with a token: whom it lets in where, and how it refuses."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from assistant.api.replies import ErrorReply
from tests.browser.conftest import free_port

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "Tandem-token-0123456789"
BEARER = {"authorization": f"Bearer {TOKEN}"}
EVIL = "http://evil.example"

Ask = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address; it has no models, which nobody here asks."""
    folder = tmp_path_factory.mktemp("page")
    port = free_port()
    env = {"TANDEM_DATA_DIR": str(folder), "TANDEM_SERVER__TOKEN": TOKEN, "TANDEM_MODELS__OFFLINE": "true"}
    process = subprocess.Popen(
        [sys.executable, "-m", "assistant", "ui", "--no-browser", "--port", str(port)],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        cwd=ROOT,
        env=os.environ | env,
    )
    try:
        until = time.monotonic() + 180
        while not _answers(port):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/").status_code == 401
    except httpx.TransportError:
        return False


@pytest.fixture
def ask(url: str) -> Iterator[Ask]:
    """Sends one request to the server."""
    with httpx.Client(base_url=url, timeout=120) as client:
        yield lambda method, path, **headers: client.request(method, path, headers=headers)


@pytest.fixture
def ask_inside(url: str) -> Iterator[Ask]:
    """Sends one request as a browser does that has shown the token."""
    with httpx.Client(base_url=url, timeout=120) as client:
        assert client.post("/login", data={"token": TOKEN}).status_code == 303
        yield lambda method, path, **headers: client.request(method, path, headers=headers)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/generateX",
        "/generate/",
        "/generate/x",
        "/healthz",
        "/healthX",
        "/health/",
        "/openapi.jsonx",
        "/v1",
        "/v1x/models",
        "//v1/models",
        "/V1/models",
        "/login/v1/",
    ],
)
def test_only_the_api_s_own_paths_are_left_to_the_api(ask: Ask, path: str) -> None:
    answer = ask("GET", path)
    assert answer.status_code == 401
    assert 'name="token"' in answer.text


@pytest.mark.parametrize(
    "path", ["/generate", "/health", "/openapi.json", "/v1/", "/v1/models", "/v1/no/such"]
)
def test_the_api_s_own_paths_ask_as_the_api_does(ask: Ask, path: str) -> None:
    answer = ask("GET", path)
    assert answer.status_code == 401
    assert ErrorReply.model_validate(answer.json()).error.code == "invalid_api_key"


ORIGINS = [EVIL, "null", "http://127.0.0.1:9", "{url}.evil.example"]


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models"),
        ("GET", "/generate?prompt=a"),
        ("POST", "/v1/chat/completions"),
        ("OPTIONS", "/v1/chat/completions"),
        ("GET", "/openapi.json"),
    ],
)
def test_another_site_s_page_may_not_ask_the_api(
    ask: Ask, url: str, method: str, path: str, origin: str
) -> None:
    answer = ask(method, path, origin=origin.format(url=url), **BEARER)
    assert answer.status_code == 403
    assert ErrorReply.model_validate(answer.json()).error.code == "foreign_origin"
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/login", "/_stcore/upload_file/a/b"])
def test_another_site_s_page_may_not_change_what_the_page_has(
    ask_inside: Ask, url: str, path: str, method: str, origin: str
) -> None:
    answer = ask_inside(method, path, origin=origin.format(url=url))
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/plain")
    assert "another site" in answer.text


def test_our_own_page_and_programs_may(ask: Ask, ask_inside: Ask, url: str) -> None:
    for headers in ({}, {"origin": url}):
        assert ask("GET", "/openapi.json", **headers, **BEARER).status_code == 200
        upload = ask_inside("DELETE", "/_stcore/upload_file/a/b", **headers)
        assert "another site" not in upload.text
        assert ask_inside("GET", "/", **headers).status_code == 200


def test_a_foreign_host_is_told_in_the_shape_of_what_was_asked(ask: Ask) -> None:
    answer = ask("GET", "/v1/models", host="evil.example", **BEARER)
    assert answer.status_code == 421
    assert ErrorReply.model_validate(answer.json()).error.code == "foreign_host"
    page = ask("GET", "/", host="evil.example")
    assert page.status_code == 421
    assert page.headers["content-type"].startswith("text/plain")


@pytest.mark.browser
def test_the_login_form_works_in_a_browser(url: str) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = os.environ.get("TANDEM_CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium on this machine: install it or name one in TANDEM_CHROMIUM")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium)
        page = browser.new_page()
        page.goto(url)
        page.fill("#token", TOKEN)
        page.click("button")
        page.locator("[data-testid=stApp]").wait_for(timeout=60_000)
        assert page.locator("#token").count() == 0
        browser.close()
