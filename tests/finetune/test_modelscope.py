"""Models from ModelScope: progress and a stop while its client blocks. The client is a stand-in that copies slowly."""

import os
import sys
from pathlib import Path

import psutil
import pytest

from assistant.downloads import Downloads
from finetune.errors import ModelUnavailableError
from finetune.models import present, resolve
from finetune.sources.modelscope import fetch_from_modelscope
from tests.finetune.tiny_chat import write_tiny_chat
from tests.waiting import until

CLIENT = """
import os, pathlib, time

def snapshot_download(model_id, revision=None, local_files_only=False, allow_patterns=None):
    source = pathlib.Path(os.environ["STAND_IN_SOURCE"])
    cache = pathlib.Path(os.environ["MODELSCOPE_CACHE"], "models", model_id)
    if model_id == "org/missing":
        raise ValueError("there is no org/missing\\nand more")
    if model_id == "org/crash":
        os._exit(7)
    if local_files_only:
        return str(cache)
    cache.mkdir(parents=True, exist_ok=True)
    print("Downloading Model")
    told, written, pieces = pathlib.Path(os.environ["STAND_IN_TOLD"]), 0, 0
    for path in sorted(source.iterdir()):
        if not any(path.match(pattern) for pattern in allow_patterns):
            continue
        data = path.read_bytes()
        step = max(1, len(data) // 8)
        with open(cache / (path.name + ".incomplete"), "wb") as file:
            for at in range(0, len(data), step):
                file.write(data[at:at + step])
                file.flush()
                written += len(data[at:at + step])
                pieces += 1
                time.sleep(float(os.environ["STAND_IN_PAUSE"]))
                while pieces <= int(os.environ["STAND_IN_WAITS"]) and int(told.read_text()) < written:
                    time.sleep(0.01)
        os.replace(cache / (path.name + ".incomplete"), cache / path.name)
    return str(cache)
"""
API = """
import os, pathlib

class HubApi:
    def get_model_files(self, model_id, revision="master", recursive=False):
        source = pathlib.Path(os.environ["STAND_IN_SOURCE"])
        return [{"Path": path.name, "Size": path.stat().st_size} for path in source.iterdir()]
"""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model that the stand-in has; its package is found here and in child processes."""
    package = tmp_path / "path" / "modelscope"
    (package / "hub").mkdir(parents=True)
    (package / "__init__.py").write_text(CLIENT, encoding="utf-8")
    (package / "hub" / "__init__.py").touch()
    (package / "hub" / "api.py").write_text(API, encoding="utf-8")
    source = tmp_path / "source"
    write_tiny_chat(source)
    (source / "pytorch_model.bin").write_bytes(b"never asked for")
    monkeypatch.syspath_prepend(str(tmp_path / "path"))
    monkeypatch.delitem(sys.modules, "modelscope", raising=False)
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(tmp_path / "path"), os.environ.get("PYTHONPATH", "")])
    )
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("STAND_IN_SOURCE", str(source))
    monkeypatch.setenv("STAND_IN_PAUSE", "0")
    monkeypatch.setenv("STAND_IN_WAITS", "0")
    monkeypatch.setenv("STAND_IN_TOLD", str(tmp_path / "told"))
    return source


def test_the_bytes_that_arrive_are_the_progress(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, int, int | None]] = []

    def progress(stage: str, done: int, total: int | None) -> None:
        told.append((stage, done, total))
        (tmp_path / "telling").write_text(str(done))
        (tmp_path / "telling").replace(tmp_path / "told")

    progress("begun", 0, None)
    # After each of the first pieces the stand-in waits until that piece was told.
    monkeypatch.setenv("STAND_IN_WAITS", "4")
    model = resolve("modelscope:org/tiny", models_dir=tmp_path / "models", progress=progress)
    assert model.path == tmp_path / "cache" / "models" / "org" / "tiny"
    assert not (model.path / "pytorch_model.bin").exists()
    assert (model.path / "config.json").read_bytes() == (source / "config.json").read_bytes()
    counted = [done for stage, done, total in told if stage == "download" and total]
    assert len(set(counted)) >= 4
    assert counted == sorted(counted)
    wanted = sum(path.stat().st_size for path in source.iterdir() if path.suffix != ".bin")
    assert {total for stage, _, total in told if stage == "download" and total} == {wanted}
    assert present("modelscope:org/tiny", models_dir=tmp_path / "models")


def test_a_stop_ends_the_client_and_no_half_model_is_offered(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_PAUSE", "600")
    models_dir = tmp_path / "models"
    downloads = Downloads()
    download = downloads.start(
        "tiny",
        lambda progress, hangup: resolve("modelscope:org/tiny", models_dir=models_dir, progress=progress),
    )
    until(lambda: download.done and download.total)
    alive = [c for c in psutil.Process().children() if c.status() != psutil.STATUS_ZOMBIE]
    (client,) = [child for child in alive if "finetune.sources.modelscope_child" in child.cmdline()]
    downloads.stop(download)
    until(lambda: download.state == "stopped", seconds=30)  # by itself it would end in hours
    assert not present("modelscope:org/tiny", models_dir=models_dir)
    client.wait(timeout=30)  # what has ended fetches no more
    assert not client.is_running()
    with pytest.raises(ModelUnavailableError):  # what lies half in the client's cache is no model
        resolve("modelscope:org/tiny", models_dir=models_dir, offline=True)
    monkeypatch.setenv("STAND_IN_PAUSE", "0")
    assert resolve("modelscope:org/tiny", models_dir=models_dir).path.is_dir()


@pytest.mark.parametrize(("name", "reason"), [("org/missing", "there is no org/missing"), ("org/crash", "7")])
def test_what_the_client_says_or_its_end_is_the_reason(source: Path, name: str, reason: str) -> None:
    with pytest.raises(ModelUnavailableError) as caught:
        fetch_from_modelscope(name)
    assert caught.value.code == "model_modelscope_failed"
    assert caught.value.params["reason"].endswith(reason)


def test_without_the_client_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelUnavailableError, match="pip install"):
        fetch_from_modelscope("org/tiny")
