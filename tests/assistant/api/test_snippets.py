"""The README's blocks, one for each client, run as they stand against a server with one document about a pump."""

import contextlib
import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.assistant.running import Served

SNIPPETS = Path(__file__).parent / "snippets"
PUBLISHED = "http://127.0.0.1:8501"


def run(name: str, served: Served) -> str:
    """What a snippet prints."""
    text = (SNIPPETS / name).read_text(encoding="utf-8")
    assert PUBLISHED in text
    text = text.replace(PUBLISHED, served.url)
    if name.endswith(".sh"):
        if shutil.which("curl") is None:
            pytest.skip("no curl on this machine")
        done = subprocess.run(
            ["bash", "-c", text.replace("curl ", "curl -sS --fail-with-body ", 1)],
            capture_output=True,
            timeout=120,
            check=True,
        )
        return done.stdout.decode()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(text, name, "exec"), {"__name__": "__main__"})
    return printed.getvalue()


@pytest.mark.parametrize(
    "name",
    [
        "openai_chat.py",
        "openai_async.py",
        "langchain_openai.py",
        "langchain_yuan2.py",
        "requests_generate.py",
    ],
)
def test_python_clients_get_the_document_s_answer(name: str, served: Served) -> None:
    # A streamed answer is the model's own; a whole one may be the passage's sentence.
    assert re.search(r"\b12\b", run(name, served))


def test_the_openai_client_sees_the_sources(served: Served) -> None:
    assert "[1] pump.md" in run("openai_chat.py", served)


def test_a_stream_arrives_in_pieces(served: Served) -> None:
    assert run("openai_stream.py", served).startswith("Hello")


def test_vectors_have_the_model_s_width(served: Served) -> None:
    assert run("openai_embeddings.py", served) == "2 vectors of 384\n"


def test_curl_gets_the_document_s_answer(served: Served) -> None:
    reply = json.loads(run("curl.sh", served))
    assert "12 kilograms" in reply["choices"][0]["message"]["content"]
    assert reply["choices"][0]["citations"][0]["passage"]["source_name"] == "pump.md"


def test_curl_streams_events_that_end_with_done(served: Served) -> None:
    events = [line for line in run("curl_stream.sh", served).splitlines() if line]
    assert all(line.startswith("data: ") for line in events)
    assert events[-1] == "data: [DONE]"
    deltas = [json.loads(line[6:])["choices"][0]["delta"] for line in events[:-1]]
    assert "".join(delta.get("content", "") for delta in deltas).startswith("Hello")


def test_curl_gets_passages_and_a_tutorial_s_answer(served: Served) -> None:
    (passage,) = json.loads(run("curl_retrieval.sh", served))["data"]
    assert passage["source_name"] == "pump.md"
    assert passage["knowledge_base"] == "pumps"
    assert "12 kilograms" in json.loads(run("curl_generate.sh", served))["response"]


def test_every_snippet_is_run_here() -> None:
    own = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{path.name}"' in own for path in SNIPPETS.iterdir() if path.is_file())
