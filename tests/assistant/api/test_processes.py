"""`tandem serve`, and page and API as one process on one port, as users start them."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from finetune.folders import ModelFolder
from tests.browser.conftest import free_port, running_server

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def own_data(tmp_path: Path, smollm2_folder: ModelFolder) -> Path:
    """A data folder of its own, with the embedded models."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "models").symlink_to(smollm2_folder.path.parent, target_is_directory=True)
    return folder


def models(url: str) -> list[str]:
    """What /v1/models lists."""
    with urllib.request.urlopen(f"{url}/v1/models", timeout=120) as answer:
        return [row["id"] for row in json.load(answer)["data"]]


@contextmanager
def serving(data: Path, *, env: dict[str, str] | None = None) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run `tandem serve` until the block ends."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "assistant", "serve", "--port", str(port)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"TANDEM_DATA_DIR": str(data), "TANDEM_LANGUAGE": "en"} | (env or {}),
    )
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def test_tandem_serve_says_where_it_is_and_ends_cleanly(own_data: Path) -> None:
    with serving(own_data) as (url, process):
        assert process.stderr is not None
        assert f"{url}/v1" in process.stderr.readline()
        assert models(url)[:2] == ["base", "rag"]
        again = subprocess.run(
            [sys.executable, "-m", "assistant", "bases"],
            env=os.environ | {"TANDEM_DATA_DIR": str(own_data), "TANDEM_LANGUAGE": "en"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert again.returncode == 1
        assert f"tandem serve, {url}" in again.stderr  # one process owns the data folder, and is named
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in (0, -signal.SIGTERM)


def test_another_address_needs_a_token(own_data: Path) -> None:
    with serving(own_data, env={"TANDEM_SERVER__HOST": "0.0.0.0"}) as (_, process):
        assert process.stderr is not None
        assert process.wait(60) == 1
        assert "TANDEM_SERVER__TOKEN" in process.stderr.read()


def test_page_and_api_are_one_process_on_one_port(own_data: Path, tmp_path: Path) -> None:
    port = free_port()
    command = ["-m", "assistant", "ui", "--no-browser", "--port", str(port)]
    env = {"TANDEM_DATA_DIR": str(own_data)}
    with running_server(command, port, tmp_path / "log", env) as url:
        with urllib.request.urlopen(url, timeout=120) as page:
            assert b"<html" in page.read()
            assert page.headers["x-frame-options"] == "DENY"
        assert models(url)[:2] == ["base", "rag"]
        body = {"model": "base", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3}
        request = urllib.request.Request(
            f"{url}/v1/chat/completions", json.dumps(body | {"stream": True}).encode()
        )
        began = time.monotonic()
        with urllib.request.urlopen(request, timeout=120) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            assert stream.readline().startswith(b"data: {")
            rest = stream.read()
        assert rest.endswith(b"data: [DONE]\n\n")
        assert time.monotonic() - began < 120
