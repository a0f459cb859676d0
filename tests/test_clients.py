"""Every block of docs/clients.md and of the READMEs that addresses the server runs, and prints what it says.

One real server on the embedded model with the sample manual indexed; clients as they are published.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.assistant.running import listening, write_adapter
from tests.assistant.tiny_model import build_reranker

ROOT = Path(__file__).resolve().parent.parent
PUBLISHED = "http://127.0.0.1:8501"
PAGES = ("README.md", "README.zh-CN.md", "docs/clients.md")


def blocks() -> Iterator[tuple[str, str, str]]:
    """(where, language, code) of the blocks that ask a server."""
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        found = re.findall(r"^```(python|sh)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        asking = [(language, code) for language, code in found if PUBLISHED in code]
        for number, (language, code) in enumerate(asking, start=1):
            yield f"{page} {number}", language, code


BLOCKS = list(blocks())


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, sample_data_dir: Path) -> Iterator[str]:
    from assistant.app import App
    from assistant.serving import build_server
    from assistant.settings import load_settings

    data = shutil.copytree(sample_data_dir, tmp_path_factory.mktemp("clients") / "data", symlinks=True)
    with App.open(load_settings(data_dir=data), purpose="tests") as app:
        app.loaded.engine()
        with listening(build_server(app)) as address:
            yield address


@pytest.mark.parametrize(("where", "language", "code"), BLOCKS, ids=[block[0] for block in BLOCKS])
def test_a_client_s_block_prints_what_it_says(where: str, language: str, code: str, url: str) -> None:
    if language == "sh" and shutil.which("curl") is None:
        pytest.skip("no curl on this machine")
    command = ["bash", "-ec"] if language == "sh" else [sys.executable, "-W", "ignore", "-c"]
    done = subprocess.run(
        [*command, code.replace(PUBLISHED, url)],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "utf-8", "no_proxy": "127.0.0.1"},
    )
    assert done.returncode == 0, done.stderr.decode()
    printed = done.stdout.decode()
    expected = re.findall(r"^# prints: (.*)$", code, re.MULTILINE)
    assert expected or not where.startswith("docs")
    assert printed.strip()
    for text in expected:
        assert text in printed


def test_there_is_a_block_for_every_client() -> None:
    code = "".join(block[2] for block in BLOCKS if block[0].startswith("docs"))
    for name in (
        "OpenAI(",
        "AsyncOpenAI(",
        "stream=True",
        "curl -s",
        "ChatOpenAI(",
        "ChatYuan2(",
        "/generate",
    ):
        assert name in code


PIECES = [
    block
    for block in re.findall(
        r"^```python\n(.*?)^```",
        (ROOT / "docs/clients.md").read_text(encoding="utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    if "App.open" in block
]


@pytest.fixture(scope="module")
def own_data(tmp_path_factory: pytest.TempPathFactory, sample_data_dir: Path) -> Path:
    """The sample manual, an adapter `mine` of the model that answers, and a reranker of random weights."""
    from finetune.adapters import seal
    from finetune.models import resolve

    data = shutil.copytree(sample_data_dir, tmp_path_factory.mktemp("pieces") / "data", symlinks=True)
    base = resolve("smollm2-135m-reader", models_dir=data / "models", offline=True)
    folder = write_adapter(data / "adapters" / "mine")
    seal(folder, {"base_model": base.name, "base_revision": base.revision, "method": "lora"})
    build_reranker(data.parent / "tiny-reranker", tokenizer_of=data / "models" / "all-minilm-l6-v2")
    return data


@pytest.mark.parametrize("code", PIECES)
def test_the_pieces_work_in_a_process_of_one_s_own(tmp_path: Path, own_data: Path, code: str) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-c"),
            code.replace("bge-reranker-v2-m3", str(own_data.parent / "tiny-reranker")),
        ],
        cwd=tmp_path,
        capture_output=True,
        env=os.environ
        | {"TANDEM_DATA_DIR": str(own_data), "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == 0, done.stderr.decode()
    printed = done.stdout.decode()
    for expected in re.findall(r"^# prints: (.*)$", code, re.MULTILINE):
        assert expected in printed


def test_there_is_an_example_of_every_piece() -> None:
    code = "".join(PIECES)
    for piece in (
        "app.chain(",
        "sft:mine",
        "rag+sft:mine",
        "app.retriever(",
        "app.chat_model(",
        "as_langchain(",
    ):
        assert piece in code
    assert "reranker" in code
