"""Servers that are down, slow, or speak something else: one clear line each, in both languages, without the key."""

import re
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from assistant.arms import Sampling
from assistant.errors import ProviderError
from assistant.providers.asking import Hangup
from assistant.providers.registry import Providers
from assistant.providers.speech import Ended, Said, Speech, split_thoughts
from assistant.settings import load_settings
from tests.assistant.providers.conftest import Exchange, Handle, speaking

KEY = "sk-very-secret-1234"
PATIENCE_S = 60.0
ASKED = [{"role": "user", "content": "Hello?"}]


def providers_at(url: str, data_dir: Path, *, kind: str = "openai", **options: Any) -> Providers:
    providers = Providers(load_settings(data_dir=data_dir))
    providers.add("lab", url, kind=kind, api_key=KEY, **{"timeout_s": PATIENCE_S, **options})  # type: ignore[arg-type]
    return providers


def told(providers: Providers, *, chat: bool) -> ProviderError:
    ask = (lambda: say(providers)) if chat else (lambda: providers.models("lab", fresh=True))
    with pytest.raises(ProviderError) as caught:
        ask()
    providers.close()
    return caught.value


def say(providers: Providers) -> list[Speech]:
    return list(providers.speaker("lab").chat("m", ASKED, Sampling(), hangup=Hangup()))


def html(exchange: Exchange) -> None:
    exchange.reply(b"<html><body>Welcome to nginx</body></html>", kind="text/html")


def other_json(exchange: Exchange) -> None:
    exchange.reply({"hello": ["world"]})


def no_json(exchange: Exchange) -> None:
    exchange.reply(b"{not json")


def not_http(exchange: Exchange) -> None:
    exchange.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")
    exchange.close_connection = True


def moved(exchange: Exchange) -> None:
    exchange.reply(b"", status=302, location="http://127.0.0.1:9/elsewhere")


def wrong_key(exchange: Exchange) -> None:
    exchange.reply({"error": {"message": f"Incorrect API key: {KEY}"}}, status=401)


def full(exchange: Exchange) -> None:
    exchange.reply({"error": {"message": "queue full"}}, status=503)


def leaking(exchange: Exchange) -> None:
    exchange.reply({"detail": f"crashed with\n {KEY} in {exchange.headers['authorization']}"}, status=500)


def silent(exchange: Exchange) -> None:
    exchange.connection.settimeout(PATIENCE_S)
    exchange.connection.recv(1)  # which is the client's leaving
    exchange.close_connection = True


def dripping(exchange: Exchange) -> None:
    exchange.begin("application/json")
    while True:  # until the client leaves
        exchange.say(" ")
        time.sleep(0.1)


def breaking_off(exchange: Exchange) -> None:
    exchange.begin("text/event-stream", **{"content-length": "1000"})
    exchange.say('data: {"choices": [{"delta": {"content": "Hel"}}]}\n\n')
    exchange.close_connection = True


def ending_early(exchange: Exchange) -> None:
    exchange.begin("text/event-stream")
    exchange.say('data: {"choices": [{"delta": {"content": "Hel"}}]}\n\n')


def failing_on_the_way(exchange: Exchange) -> None:
    exchange.begin("text/event-stream")
    exchange.say('data: {"choices": [{"delta": {"content": "Hel"}}]}\n\n')
    exchange.say('data: {"error": {"message": "CUDA out of memory", "code": 500}}\n\n')


def unknown_model(exchange: Exchange) -> None:
    exchange.reply({"error": {"message": "The model `m` does not exist."}}, status=404)


CASES: list[tuple[Handle, bool, str]] = [
    (html, False, "provider_speaks_otherwise"),
    (html, True, "provider_speaks_otherwise"),
    (other_json, False, "provider_speaks_otherwise"),
    (other_json, True, "provider_answer_broken"),
    (no_json, False, "provider_speaks_otherwise"),
    (no_json, True, "provider_speaks_otherwise"),
    (not_http, False, "provider_speaks_otherwise"),
    (moved, False, "provider_speaks_otherwise"),
    (moved, True, "provider_speaks_otherwise"),
    (wrong_key, False, "provider_key_wrong"),
    (wrong_key, True, "provider_key_wrong"),
    (full, True, "provider_busy"),
    (leaking, True, "provider_failed"),
    (silent, False, "provider_slow"),
    (silent, True, "provider_slow"),
    (dripping, False, "provider_slow"),
    (breaking_off, True, "provider_answer_broken"),
    (ending_early, True, "provider_answer_broken"),
    (failing_on_the_way, True, "provider_answer_broken"),
    (unknown_model, True, "provider_model_missing"),
]


def patience(code: str) -> float:
    """Who waits for a slow server waits a little; no other server shall be found slow on a busy machine."""
    return 2.0 if code == "provider_slow" else PATIENCE_S


@pytest.mark.parametrize(("handle", "chat", "code"), CASES)
def test_openai(handle: Handle, chat: bool, code: str, data_dir: Path) -> None:
    with speaking(handle) as url:
        check(told(providers_at(url, data_dir, timeout_s=patience(code)), chat=chat), code)


@pytest.mark.parametrize(("handle", "chat", "code"), [case for case in CASES if case[0] is not unknown_model])
def test_ollama(handle: Handle, chat: bool, code: str, data_dir: Path) -> None:
    if handle in (ending_early, failing_on_the_way, breaking_off):
        pytest.skip("it speaks OpenAI's events")
    with speaking(handle) as url:
        check(told(providers_at(url, data_dir, kind="ollama", timeout_s=patience(code)), chat=chat), code)


@pytest.mark.parametrize(
    ("handle", "code"),
    [
        (html, "provider_speaks_otherwise"),
        (other_json, "provider_speaks_otherwise"),
        (wrong_key, "provider_key_wrong"),
        (full, "provider_busy"),
        (silent, "provider_slow"),
        (failing_on_the_way, "provider_answer_broken"),
    ],
)
def test_yuan2(handle: Handle, code: str, data_dir: Path) -> None:
    with speaking(handle) as url:
        check(told(providers_at(url, data_dir, kind="yuan2", timeout_s=patience(code)), chat=True), code)


@pytest.mark.parametrize("kind", ["openai", "ollama", "yuan2"])
def test_nobody_listens(kind: str, data_dir: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        began = time.monotonic()
        check(told(providers_at(url, data_dir, kind=kind), chat=True), "provider_down")
        assert time.monotonic() - began < PATIENCE_S / 2


def test_a_host_that_does_not_exist(data_dir: Path) -> None:
    check(told(providers_at("http://nowhere.invalid:8000", data_dir), chat=False), "provider_down")


def check(error: ProviderError, code: str) -> None:
    assert error.code == code
    for text in (error.text("en"), error.text("zh")):
        assert KEY not in text
        assert "\n" not in text
        assert len(text) < 500
        assert "lab" in text
    assert re.search("[\u4e00-\u9fff]", error.text("zh"))
    assert KEY not in repr(error)


@pytest.mark.parametrize("kind", ["openai", "yuan2"])
def test_hanging_up_ends_a_silent_answer_at_once(data_dir: Path, kind: str) -> None:
    left, hangup = threading.Event(), Hangup()
    rung: list[float] = []

    def ring() -> None:
        rung.append(time.monotonic())
        hangup.ring()

    def waits(exchange: Exchange) -> None:
        threading.Timer(0.3, ring).start()
        exchange.connection.settimeout(4 * PATIENCE_S)
        if exchange.connection.recv(1) == b"":
            left.set()

    with speaking(waits) as url:
        providers = providers_at(url, data_dir, timeout_s=4 * PATIENCE_S, kind=kind)
        assert list(providers.speaker("lab").chat("m", ASKED, Sampling(), hangup=hangup)) == []
        assert time.monotonic() - rung[0] < PATIENCE_S / 2
        assert left.wait(PATIENCE_S)
        providers.close()


def test_the_key_goes_to_its_server_only(data_dir: Path) -> None:
    seen = []

    def elsewhere(exchange: Exchange) -> None:
        seen.append(exchange.headers["authorization"])
        exchange.reply({"data": []})

    with speaking(elsewhere) as other:

        def redirecting(exchange: Exchange) -> None:
            assert exchange.headers["authorization"] == f"Bearer {KEY}"
            exchange.reply(b"", status=307, location=other)

        with speaking(redirecting) as url:
            told(providers_at(url, data_dir), chat=False)
    assert seen == []


def test_a_server_that_does_not_stream_answers_too(data_dir: Path) -> None:
    def whole(exchange: Exchange) -> None:
        message = {"role": "assistant", "content": "Hello.", "reasoning_content": "A greeting."}
        exchange.reply({"model": "m", "choices": [{"message": message, "finish_reason": "stop"}]})

    with speaking(whole) as url:
        providers = providers_at(url, data_dir)
        assert say(providers) == [
            Said("A greeting.", thinking=True),
            Said("Hello."),
            Ended("stop", model="m"),
        ]
        providers.close()


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize(
    ("text", "thoughts", "answer"),
    [
        ("<think>\nTwelve?</think>\n\nIt is 12.", "\nTwelve?", "It is 12."),
        ("  <think>x < y </think>a", "x < y ", "a"),
        ("<think></think>a", "", "a"),
        ("a <think> b", "", "a <think> b"),
        ("<thin", "", "<thin"),
        ("<think>never ends </thi", "never ends </thi", ""),
        ("plain", "", "plain"),
    ],
)
def test_thoughts_between_tags_are_told_apart(text: str, thoughts: str, answer: str, size: int) -> None:
    pieces: list[Speech] = [Said(text[at : at + size]) for at in range(0, len(text), size)]
    said = list(split_thoughts(iter([*pieces, Ended()])))
    assert "".join(s.text for s in said if isinstance(s, Said) and s.thinking) == thoughts
    assert "".join(s.text for s in said if isinstance(s, Said) and not s.thinking) == answer
    assert isinstance(said[-1], Ended)
