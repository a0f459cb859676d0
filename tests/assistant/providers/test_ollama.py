"""Ollama's API, spoken by a small real server as https://github.com/ollama/ollama/blob/main/docs/api.md describes it.

Ollama itself is a program that a test cannot install; what is held here is our side of its protocol.
"""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.app import App
from assistant.arms import BASE, Answer, Failed, Finished, Sampling, Token
from assistant.errors import ProviderError
from assistant.providers.asking import Hangup
from assistant.providers.registry import Providers
from assistant.settings import load_settings
from tests.assistant.providers.conftest import Exchange, speaking

HAS = "qwen3:0.6b"
LAYER = 1_000_000


class Ollama:
    """What the server has and was asked."""

    def __init__(self) -> None:
        self.models = {HAS: 522_653_767}
        self.asked: list[tuple[str, Any]] = []
        self.left = threading.Event()
        self.halts = False  # a pull stands still at a tenth

    def serve(self, exchange: Exchange) -> None:
        self.asked.append((exchange.path, exchange.body))
        answer = {
            "/api/tags": self.tags,
            "/api/chat": self.chat,
            "/api/embed": self.embed,
            "/api/pull": self.pull,
        }[exchange.path]
        answer(exchange)

    def tags(self, exchange: Exchange) -> None:
        rows = [
            {
                "name": name,
                "model": name,
                "size": size,
                "details": {"format": "gguf", "parent_model": HAS if "terse" in name else ""},
            }
            for name, size in self.models.items()
        ]
        exchange.reply({"models": rows})

    def chat(self, exchange: Exchange) -> None:
        name = exchange.body["model"]
        if name not in self.models:
            exchange.reply({"error": f"model '{name}' not found"}, status=404)
            return
        exchange.begin("application/x-ndjson")
        head = {"model": name, "created_at": "2026-11-22T10:00:00Z"}
        for field, text in (
            ("thinking", "Twelve "),
            ("thinking", "it is."),
            ("content", "It "),
            ("content", "is 12."),
        ):
            message = {"role": "assistant", "content": "", field: text}
            exchange.say(json.dumps({**head, "message": message, "done": False}) + "\n")
        counts = {"prompt_eval_count": 26, "prompt_eval_duration": 5_000_000, "eval_count": 7}
        exchange.say(json.dumps({**head, "done": True, "done_reason": "stop", **counts}) + "\n")

    def embed(self, exchange: Exchange) -> None:
        texts = exchange.body["input"]
        exchange.reply({"model": "m", "embeddings": [[float(len(text)), 1.0, 0.0] for text in texts]})

    def pull(self, exchange: Exchange) -> None:
        name = exchange.body["model"]
        exchange.begin("application/x-ndjson")
        exchange.say('{"status": "pulling manifest"}\n')
        if name == "nothing":
            exchange.say('{"error": "pull model manifest: file does not exist"}\n')
            return
        try:
            for done in range(0, LAYER + 1, LAYER // 10):
                part = {"status": "pulling abc", "digest": "sha256:abc", "total": LAYER, "completed": done}
                exchange.say(json.dumps(part) + "\n")
                if done and self.halts:
                    exchange.connection.settimeout(60)
                    assert exchange.connection.recv(1) == b""  # the client has hung up
                    self.left.set()
                    return
        except OSError:
            self.left.set()
            raise
        self.models[name] = LAYER
        exchange.say('{"status": "verifying sha256 digest"}\n{"status": "success"}\n')


@pytest.fixture
def ollama() -> Iterator[tuple[Ollama, str]]:
    server = Ollama()
    with speaking(server.serve) as url:
        yield server, url


@pytest.fixture
def providers(ollama: tuple[Ollama, str], data_dir: Path) -> Iterator[Providers]:
    found = Providers(load_settings(data_dir=data_dir))
    found.add("home", ollama[1], kind="ollama", context_tokens=4096)
    yield found
    found.close()


def test_models_are_listed_with_their_sizes(providers: Providers) -> None:
    (model,) = providers.models("home")
    assert (model.id, model.size_bytes) == (HAS, 522_653_767)


def test_an_arm_is_answered_with_its_thoughts_apart(ollama: tuple[Ollama, str], data_dir: Path) -> None:
    with App.open(load_settings(data_dir=data_dir), purpose="tests") as app:
        app.providers.add("home", ollama[1], kind="ollama", context_tokens=4096)
        app.loaded.use(
            app.settings.model_copy(
                update={"models": app.settings.models.model_copy(update={"chat": f"provider:home/{HAS}"})}
            )
        )
        sampling = Sampling(temperature=0.5, seed=3, max_new_tokens=40, stop=("END",), thinking=True)
        model = app.loaded.chat_model().answering(sampling=sampling)
        chunks = list(model.stream("How much?"))
    thoughts = "".join(chunk.additional_kwargs.get("reasoning_content", "") for chunk in chunks)
    assert thoughts == "Twelve it is."
    assert "".join(chunk.text for chunk in chunks) == "It is 12."
    last = chunks[-1]
    assert last.usage_metadata is not None
    assert (last.usage_metadata["input_tokens"], last.usage_metadata["output_tokens"]) == (26, 7)
    assert last.response_metadata["timings_ms"]["prefill"] == 5.0
    asked = next(body for path, body in ollama[0].asked if path == "/api/chat")
    assert asked["messages"] == [{"role": "user", "content": "How much?"}]
    assert asked["think"] is True
    wanted = {"temperature": 0.5, "seed": 3, "num_predict": 40, "stop": ["END"], "num_ctx": 4096}
    assert wanted.items() <= asked["options"].items()


def test_ask_shows_thoughts_and_answer(ollama: tuple[Ollama, str], data_dir: Path) -> None:
    settings = load_settings(data_dir=data_dir, models={"chat": f"provider:home/{HAS}"})
    with App.open(settings, purpose="tests") as app:
        app.providers.add("home", ollama[1], kind="ollama")
        from assistant.ask import ask

        found: dict[str, Any] = {"thinking": "", "text": ""}
        for event in ask(
            "How much?", arms=[BASE], retrieve=lambda query: None, chat_model_for=app.chat_model
        ):  # type: ignore[arg-type, return-value]
            if isinstance(event, Failed):
                raise event.error
            if isinstance(event, Token):
                found["thinking" if event.thinking else "text"] += event.text
            if isinstance(event, Finished):
                found["answer"] = event.answer
        answer = found["answer"]
    assert isinstance(answer, Answer)
    assert found["thinking"] == answer.thinking == "Twelve it is."
    assert found["text"] == answer.text == "It is 12."


def test_a_model_made_of_another_counts_as_its_adapter(
    ollama: tuple[Ollama, str], providers: Providers
) -> None:
    ollama[0].models["terse:latest"] = 5
    assert providers.adapters(f"provider:home/{HAS}") == ["terse:latest"]
    assert providers.chat_model(f"provider:home/{HAS}", "terse:latest").model == "terse:latest"


def test_an_unknown_model_is_told(providers: Providers) -> None:
    with pytest.raises(ProviderError, match="home has no model llama9"):
        providers.chat_model("provider:home/llama9").invoke("Hello")


def test_pulling_tells_how_far_it_is(providers: Providers) -> None:
    told: list[tuple[str, int, int | None]] = []
    providers.pull("home", "tiny:1b", lambda *step: told.append(step), hangup=Hangup())
    assert told[0] == ("pulling manifest", 0, None)
    assert ("pulling abc", LAYER, LAYER) in told
    assert told[-1][0] == "success"
    assert {model.id for model in providers.models("home")} == {HAS, "tiny:1b"}


def test_a_pull_can_be_stopped(ollama: tuple[Ollama, str], providers: Providers) -> None:
    ollama[0].halts = True
    hangup = Hangup()

    def stop_soon(stage: str, done: int, total: int | None) -> None:
        if done >= LAYER // 10:
            hangup.ring()

    providers.pull("home", "tiny:1b", stop_soon, hangup=hangup)
    assert ollama[0].left.wait(60)
    assert "tiny:1b" not in ollama[0].models


def test_a_model_that_cannot_be_pulled_is_told(providers: Providers) -> None:
    with pytest.raises(ProviderError, match="file does not exist"):
        providers.pull("home", "nothing", lambda *step: None, hangup=Hangup())


def test_only_ollama_pulls(providers: Providers) -> None:
    providers.add("lab", "127.0.0.1:1")
    with pytest.raises(ProviderError, match="which has no pull"):
        providers.pull("lab", "x", lambda *step: None, hangup=Hangup())


def test_vectors_have_unit_length(providers: Providers) -> None:
    embedder = providers.embedder("provider:home/all-minilm:latest")
    (vector,) = embedder.embed_documents(["abc"])
    assert vector @ vector == pytest.approx(1.0, abs=1e-6)
    assert embedder.dimensions == 3
    assert embedder.languages == {"*"}
