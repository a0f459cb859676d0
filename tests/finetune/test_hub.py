"""The hub's own client against a hub on the loopback: what is fetched, what is refused, and how it is said."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from finetune.gguf_import import convert_gguf
from tests.finetune.fake_hub import COMMIT, serve_hub
from tests.finetune.tiny import write_tiny_gguf

# The client reads its environment once, when it is imported: each case needs an interpreter of its own.
ASK = """
import json, sys
from pathlib import Path
from finetune.errors import ModelUnavailableError
from finetune.models import present, resolve
for name, offline, hub in json.loads(sys.argv[2]):
    reports = []
    try:
        model = resolve(name, models_dir=Path(sys.argv[1]), offline=offline, hub=hub,
                        progress=lambda stage, done, total: reports.append([stage, done, total]))
        answer = {"path": str(model.path), "revision": model.revision, "files": sorted(model.files),
                  "kind": model.kind, "present": present(name, models_dir=Path(sys.argv[1]))}
    except ModelUnavailableError as err:
        answer = {"code": err.code, "en": err.text("en"), "zh": err.text("zh")}
    print(json.dumps({**answer, "reports": reports}))
"""


def ask(
    folder: Path, hub: str, *names: str, offline: bool = False, mirror: str | None = None
) -> list[dict[str, Any]]:
    """Resolve names in a fresh interpreter whose hub is `hub` and whose cache lies in `folder`."""
    settings = {"HF_ENDPOINT": hub, "HF_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "0", "no_proxy": "*"}
    settings |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_ETAG_TIMEOUT": "60", "HF_HUB_DISABLE_TELEMETRY": "1"}
    asked = json.dumps([[name, offline, mirror] for name in names])
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(folder / "models"), asked],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def tiny_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("tiny")
    write_tiny_gguf(folder / "tiny.gguf")
    (folder / "out").mkdir()
    convert_gguf(folder / "tiny.gguf", folder / "out")
    return {path.name: path.read_bytes() for path in (folder / "out").iterdir()}


def test_a_model_is_fetched_once_and_then_needs_no_hub(tiny_files: dict[str, bytes], tmp_path: Path) -> None:
    dangerous = {"pytorch_model.bin": b"pickle", "modeling.py": b"import os", "onnx/config.json": b"{}"}
    with serve_hub({"org/tiny": {**tiny_files, **dangerous}}) as (hub, requests):
        (fetched,) = ask(tmp_path, hub, "org/tiny")
        assert fetched["revision"] == COMMIT
        assert fetched["kind"] == "chat"
        assert fetched["present"]
        assert fetched["files"] == sorted(tiny_files)
        assert not any(name in line for line in requests for name in dangerous)
        stages = [report for report in fetched["reports"] if report[0] == "download"]
        assert stages[-1][1] == stages[-1][2] == sum(len(content) for content in tiny_files.values())
        asked_before = len(requests)
        (again,) = ask(tmp_path, hub, "hf:org/tiny")
        assert again["path"] == fetched["path"]
        assert len(requests) == asked_before
    # Without our record, in offline mode, the hub's own cache is enough.
    for record in (tmp_path / "models").glob("*/COMPLETE.json"):
        record.unlink()
    (offline,) = ask(tmp_path, hub, "org/tiny", offline=True)
    assert (offline["path"], offline["revision"]) == (fetched["path"], COMMIT)


def test_a_mirror_that_is_named_is_asked_and_nobody_else(
    tiny_files: dict[str, bytes], tmp_path: Path
) -> None:
    with serve_hub({"org/tiny": tiny_files}) as (mirror, asked), serve_hub({}) as (hub, not_asked):
        (fetched,) = ask(tmp_path, hub, "org/tiny", mirror=mirror)
        assert fetched["revision"] == COMMIT
        assert any("model.safetensors" in line for line in asked)
        assert not_asked == []
        (unknown,) = ask(tmp_path, hub, "org/none", mirror=mirror)
        assert mirror in unknown["en"]


def test_a_cut_off_download_goes_on_where_it_stopped(tiny_files: dict[str, bytes], tmp_path: Path) -> None:
    with serve_hub({"org/tiny": tiny_files}) as (hub, requests):
        ask(tmp_path, hub, "org/tiny")
        (blob,) = [
            path
            for path in (tmp_path / "cache").rglob("blobs/*")
            if path.read_bytes() == tiny_files["model.safetensors"]
        ]
        # What a killed run leaves: a partial file and no link to it, no record.
        partial = blob.with_name(f"{blob.name}.tandem-partial")
        partial.write_bytes(blob.read_bytes()[:1000])
        next((tmp_path / "cache").rglob("snapshots/*/model.safetensors")).unlink()
        blob.unlink()
        next((tmp_path / "models").rglob("COMPLETE.json")).unlink()
        requests.clear()
        (fetched,) = ask(tmp_path, hub, "org/tiny")
        assert "revision" in fetched, fetched
        files = [line for line in requests if line.startswith("GET") and "resolve" in line]
        assert [line.split(" ", 1)[1] for line in files] == [
            f"/org/tiny/resolve/{COMMIT}/model.safetensors bytes=1000-"
        ]
        assert (Path(fetched["path"]) / "model.safetensors").read_bytes() == tiny_files["model.safetensors"]


def test_what_cannot_be_had_is_said_in_one_line(tiny_files: dict[str, bytes], tmp_path: Path) -> None:
    pickle = {"config.json": b"{}", "pytorch_model.bin": b"pickle"}
    repositories = {"org/pickle": pickle, "org/empty": {"README.md": b""}, "org/bad": tiny_files}
    names = {
        "org/pickle": "model_pickle_only",
        "org/empty": "model_hub_without_weights",
        "org/none": "model_unknown_on_hub",
        "org/gated": "model_gated",
        "org/bad": "model_wrong_hash",
    }
    with serve_hub(repositories, gated=frozenset({"org/gated"}), tampered=frozenset({"org/bad"})) as (hub, _):
        answers = ask(tmp_path, hub, *names)
    assert [answer.get("code") for answer in answers] == list(names.values())
    for name, answer in zip(names, answers, strict=True):
        assert name in answer["en"]
        assert name in answer["zh"]
        assert "\n" not in answer["en"] + answer["zh"]
    assert not list((tmp_path / "cache").rglob("model.safetensors"))


def test_no_hub_and_offline_point_to_the_ways_out(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        hub = f"http://127.0.0.1:{unused.getsockname()[1]}"
        (unreachable,) = ask(tmp_path, hub, "org/tiny")
        (offline,) = ask(tmp_path, hub, "org/tiny", offline=True)
    assert unreachable["code"] == "model_hub_unreachable"
    assert "HF_ENDPOINT" in unreachable["zh"]
    assert offline["code"] == "model_offline"
