"""What clients are told when another server has the model and fails: what happened, not where or in whose words."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest
from starlette.applications import Starlette

from assistant.api.replies import ErrorReply, RerankReply
from assistant.api.routes import build_routes
from assistant.app import App
from assistant.providers.registry import Providers
from assistant.settings import ServerSettings, load_settings
from tests.assistant.providers.conftest import Exchange, Handle, speaking
from tests.assistant.running import Served, listening
from tests.browser.conftest import free_port

if TYPE_CHECKING:
    from finetune.folders import ModelFolder

ASKED = {"model": "base", "messages": [{"role": "user", "content": "Hello?"}]}
CHAT = "/v1/chat/completions"
SECRET = "gpu-7 is out of memory"


@pytest.fixture
def data_dir(tmp_path: Path, minilm_folder: "ModelFolder") -> Path:
    """A data folder that has the embedder of this machine."""
    (tmp_path / "models").symlink_to(minilm_folder.path.parent, target_is_directory=True)
    return tmp_path


@contextmanager
def asking(url: str, data_dir: Path, *, timeout_s: float = 60, **models: str) -> Iterator[App]:
    """An App whose chat model is at that address."""
    settings = load_settings(
        data_dir=data_dir,
        models={"chat": "provider:lab/base", **models},
        providers={"lab": {"base_url": url, "timeout_s": timeout_s}},
    )
    with App.open(settings, purpose="tests") as app:
        yield app


def post(app: App, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
    """One request to the API over that App."""
    application = Starlette(routes=build_routes(lambda: app, ServerSettings()))

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", timeout=60) as client:
            return await client.post(path, json=body, headers=headers)

    return asyncio.run(send())


def check(answer: httpx.Response, url: str) -> None:
    """The answer says nothing of what is behind the provider's name."""
    ErrorReply.model_validate(answer.json())
    for hidden in (url, url.rpartition(":")[2], "127.0.0.1", SECRET, "Errno"):
        assert hidden not in answer.text, answer.text
    assert "lab" in answer.text


def failing(status: int, **headers: str) -> Handle:
    """A server that answers everything so."""

    def handle(exchange: Exchange) -> None:
        exchange.reply({"error": {"message": SECRET}}, status=status, **headers)

    return handle


def html(exchange: Exchange) -> None:
    exchange.reply(f"<html>{SECRET}</html>".encode(), kind="text/html")


def failing_on_the_way(exchange: Exchange) -> None:
    exchange.begin("text/event-stream")
    exchange.say('data: {"choices": [{"delta": {"content": "Hel"}}]}\n\n')
    exchange.say(f'data: {{"error": {{"message": "{SECRET}"}}}}\n\n')


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_server_that_is_down_is_503_without_its_address(
    data_dir: Path, stream: bool, language: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with asking(url, data_dir) as app:
        answer = post(app, CHAT, ASKED | {"stream": stream}, **{"accept-language": language})
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "provider_down"
    check(answer, url)
    assert url in caplog.text


@pytest.mark.parametrize(
    ("handle", "status", "code"),
    [
        (failing(500), 503, "provider_failed"),
        (failing(400), 400, "provider_failed"),
        (failing(413), 400, "provider_failed"),
        (failing(401), 503, "provider_key_wrong"),
        (failing(404), 503, "provider_failed"),
        (html, 503, "provider_speaks_otherwise"),
    ],
)
def test_its_own_words_stay_in_the_log(
    data_dir: Path, handle: Handle, status: int, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    with speaking(handle) as url, asking(url, data_dir) as app:
        for path, body in ((CHAT, ASKED), ("/generate", {"prompt": "Hello?", "model": "base"})):
            answer = post(app, path, body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
            check(answer, url)
    assert "ProviderError: " in caplog.text
    assert (SECRET in caplog.text) == (code == "provider_failed")


def test_embeddings_tell_no_more(data_dir: Path) -> None:
    with speaking(failing(500)) as url, asking(url, data_dir, embedding="provider:lab/e") as app:
        answer = post(app, "/v1/embeddings", {"model": "provider:lab/e", "input": "a"})
        assert answer.status_code == 503
        check(answer, url)


def test_nor_does_a_stream_that_breaks_off(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    with speaking(failing_on_the_way) as url, asking(url, data_dir) as app:
        answer = post(app, CHAT, ASKED | {"stream": True})
    assert answer.status_code == 200
    assert '"provider_answer_broken"' in answer.text
    assert SECRET not in answer.text
    assert SECRET in caplog.text


def test_a_server_that_is_silent_is_named_only(data_dir: Path) -> None:
    silence = threading.Event()
    with (
        speaking(lambda _: silence.wait(120) and None) as url,
        asking(url, data_dir, timeout_s=2) as app,
    ):
        answer = post(app, CHAT, ASKED)
        silence.set()
    assert answer.json()["error"]["code"] == "provider_slow"
    check(answer, url)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_says_when_to_come_back(data_dir: Path, status: int) -> None:
    with speaking(failing(status)) as url, asking(url, data_dir) as app:
        answer = post(app, CHAT, ASKED)
    assert answer.status_code == status
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["error"]["code"] == "provider_busy"
    check(answer, url)


@pytest.mark.parametrize(
    ("told", "handed_on"),
    [("17", "17"), ("0", "1"), ("999999", "3600"), ("Wed, 21 Oct 2026 07:28:00 GMT", "5")],
)
def test_how_long_it_wants_to_be_left_alone_is_handed_on(data_dir: Path, told: str, handed_on: str) -> None:
    with speaking(failing(429, **{"retry-after": told})) as url, asking(url, data_dir) as app:
        assert post(app, CHAT, ASKED).headers["retry-after"] == handed_on


def test_reranking_is_served_in_the_shape_that_others_have(data_dir: Path) -> None:
    def rank(exchange: Exchange) -> None:
        scores = [0.1 + 0.4 * ("pump" in text) + 0.4 * ("12" in text) for text in exchange.body["documents"]]
        rows = [{"index": at, "relevance_score": score} for at, score in enumerate(scores)]
        exchange.reply({"results": rows})

    documents = ["tea", {"text": "the pump weighs 12 kg"}, "a pump"]
    with speaking(rank) as url, asking(url, data_dir, reranker="provider:lab/r") as app:
        asked = {"model": "provider:lab/r", "query": "weight of the pump", "documents": documents}
        answer = post(app, "/v1/rerank", asked).json()
        RerankReply.model_validate(answer)
        assert [row["index"] for row in answer["results"]] == [1, 2, 0]
        assert "document" not in answer["results"][0]
        best = post(app, "/v1/rerank", asked | {"top_n": 1, "return_documents": True}).json()["results"]
        assert [row["document"] for row in best] == [{"text": "the pump weighs 12 kg"}]
        assert best[0]["relevance_score"] == pytest.approx(0.9)
        wrong = post(app, "/v1/rerank", asked | {"model": "x"})
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (404, "model_not_found")
        empty = post(app, "/v1/rerank", asked | {"documents": []})
        assert (empty.status_code, empty.json()["error"]["param"]) == (400, "documents")
        # Another instance of ours asks for it as it asks any such server.
        with listening(Starlette(routes=build_routes(lambda: app, ServerSettings()))) as served_at:
            other = Providers(load_settings(data_dir=data_dir / "other"))
            other.add("here", served_at)
            kinds = {model.id: model.kind for model in other.models("here")}
            assert kinds["provider:lab/r"] == "reranker"
            texts = ["tea", "12 pumps"] * 20
            scores = other.reranker("provider:here/provider:lab/r").rank("q", texts)
            assert scores == pytest.approx([0.1, 0.9] * 20)
            other.close()


def test_without_a_reranker_there_is_none_to_ask(data_dir: Path) -> None:
    with asking("http://127.0.0.1:9", data_dir) as app:
        told = post(app, "/v1/rerank", {"query": "q", "documents": ["a"]}, **{"accept-language": "zh"})
    assert told.status_code == 404
    assert "重排" in told.json()["error"]["message"]


def test_another_tandem_whose_queue_is_full_is_429_for_our_clients_too(
    served: Served, data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    full = ServerSettings(running=1, waiting=0)
    far_routes = build_routes(lambda: served.app, full)
    with listening(Starlette(routes=far_routes)) as far, asking(far, data_dir) as app:
        routes = build_routes(lambda: app, ServerSettings())
        with listening(Starlette(routes=routes)) as near, caplog.at_level(logging.CRITICAL):
            client = openai.OpenAI(base_url=f"{far}/v1", api_key="none", timeout=60)
            count = [{"role": "user", "content": "Count from 1 to 999."}]
            taken = client.chat.completions.create(model="base", messages=count, max_tokens=1500, stream=True)  # type: ignore[arg-type]
            next(iter(taken))
            ours = openai.OpenAI(base_url=f"{near}/v1", api_key="none", timeout=60, max_retries=0)
            with pytest.raises(openai.RateLimitError) as caught:
                ours.chat.completions.create(**ASKED)  # type: ignore[call-overload]
            taken.close()
    assert int(caught.value.response.headers["retry-after"]) > 0
    check(caught.value.response, far)
