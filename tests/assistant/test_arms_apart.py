"""Arms that differ in model, knowledge base or search; arms that cannot answer; what a record tells."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from assistant.answer_json import answer_from_json
from assistant.arms import (
    BASE,
    RAG,
    AdapterCheck,
    Arm,
    Event,
    Failed,
    Finished,
    Lookup,
    Retrieved,
    Sampling,
    Token,
    Turn,
    to_json,
)
from assistant.ask import ask
from assistant.chat_model import EngineChatModel
from assistant.context import FULL
from assistant.engine import Engine
from assistant.errors import TANDEM_ERRORS, AssistantError
from knowledge.documents import Passage, Retrieval
from tests.assistant.tiny_model import save_adapter

PUMP = Passage(1, 1, 1, "pump.md", "The pump weighs 12 kilograms.", 0, 29, 0.9)
TAPS = Passage(2, 2, 2, "taps.md", "The tap is blue.", 0, 16, 0.8)
SHORT = Sampling(max_new_tokens=6)


def ended(events: Sequence[Event]) -> dict[str, Finished | Failed]:
    return {event.arm.name: event for event in events if isinstance(event, Finished | Failed)}


def model_of(engine: Engine, arm: Arm) -> EngineChatModel:
    return EngineChatModel(engine=engine, adapter=arm.adapter)


def test_passages_are_looked_up_once_for_each_way_of_searching(tiny_engine: Engine) -> None:
    looked: list[tuple[Any, str]] = []

    def look_up(own: Lookup | None, query: str) -> Retrieval:
        looked.append((own, query))
        return Retrieval(query, (TAPS,) if own == few else (PUMP,), generation=f"g{own and own.top_k}")

    few, words = Lookup(top_k=1), Lookup(bases=("taps",), mode="lexical")
    arms = [BASE, RAG, Arm(True, lookup=few), Arm(True, model="other", lookup=few), Arm(True, lookup=words)]
    events = list(
        ask(
            "How heavy is the pump?",
            arms=arms,
            retrieve=lambda query: look_up(None, query),
            look_up=look_up,
            chat_model_for=lambda arm: model_of(tiny_engine, arm),
            sampling=SHORT,
            profile=FULL,
        )
    )
    assert sorted(str(own) for own, _ in looked) == sorted(map(str, (None, few, words)))
    found = {event.arm.name: event.retrieval for event in events if isinstance(event, Retrieved)}
    assert found["rag?top_k=1"] is found["rag?model=other&top_k=1"]
    assert found["rag?top_k=1"].passages == (TAPS,)
    answers = {name: event.answer for name, event in ended(events).items() if isinstance(event, Finished)}
    assert set(answers) == {arm.name for arm in arms}
    assert answers["rag?top_k=1"].record.index_generation == "g1"
    assert answers["base"].record.index_generation == ""


def test_a_record_tells_what_is_needed_to_ask_again(tiny_engine: Engine, tmp_path: Path) -> None:
    tiny_engine.load_adapter("mine", save_adapter(tmp_path / "mine", 3))
    arms = [BASE, Arm(False, "mine")]
    asked = {
        "arms": arms,
        "retrieve": lambda query: Retrieval(query, ()),
        "chat_model_for": lambda arm: model_of(tiny_engine, arm),
        "adapter_sha256": lambda name: f"digest of {name}",
    }
    drawn = Sampling(max_new_tokens=12, temperature=1.0, seed=None)
    first = ended(list(ask("How heavy?", sampling=drawn, **asked)))
    answers = {name: event.answer for name, event in first.items() if isinstance(event, Finished)}
    record = answers["sft:mine"].record
    assert record is not None
    assert record.adapter_sha256 == "digest of mine"
    assert record.adapter_check is not None
    assert record.adapter_check.restored
    assert record.adapter_check.changed > 0
    assert len(record.prompt_sha256) == 64
    assert answers["base"].record.adapter_check is None
    assert answers["base"].peak_memory_bytes > answers["base"].own_memory_bytes > 0
    # A seed that was not given was drawn, and is told: with it the draw can be made again.
    for name, answer in answers.items():
        assert answer.record.sampling.seed is not None
        again = ended(list(ask("How heavy?", sampling=answer.record.sampling, **asked)))[name]
        assert isinstance(again, Finished)
        assert again.answer.text == answer.text
    kept = answer_from_json(json.loads(json.dumps(to_json(answers["sft:mine"]))))
    assert kept.record == record
    assert isinstance(kept.record.adapter_check, AdapterCheck)


def test_an_adapter_of_another_base_and_an_arm_without_documents_fail_alone(
    tiny_engine: Engine, tmp_path: Path
) -> None:
    from assistant.errors import EngineError

    folder = save_adapter(tmp_path / "wide", 3)
    config = folder / "adapter_config.json"
    config.write_text(config.read_text("utf-8").replace('"r": 4', '"r": 8'), "utf-8")

    def chat_model_for(arm: Arm) -> EngineChatModel:
        if arm.adapter is not None:
            tiny_engine.load_adapter(arm.adapter, folder)
        return model_of(tiny_engine, arm)

    def nothing(query: str) -> Retrieval:
        raise AssistantError("arm_no_base")

    arms = [BASE, RAG, Arm(False, "wide")]
    events = list(
        ask("How heavy?", arms=arms, retrieve=nothing, chat_model_for=chat_model_for, sampling=SHORT)
    )
    told = ended(events)
    assert isinstance(told["base"], Finished)
    assert isinstance(told["sft:wide"], Failed)
    assert isinstance(told["sft:wide"].error, EngineError)
    assert "does not fit" in told["sft:wide"].error.text("en")
    assert isinstance(told["rag"], Failed)


def test_however_long_an_answer_may_become_passages_keep_their_place(tiny_engine: Engine) -> None:
    passage = Passage(1, 1, 1, "pump.md", "The pump weighs 12.5 kg.", 0, 24, 0.9)
    asked: dict[str, Any] = {
        "arms": [RAG],
        "retrieve": lambda query: Retrieval(query, (passage,)),
        "chat_model_for": lambda arm: model_of(tiny_engine, arm),
        "profile": FULL,
    }
    (done,) = ended(list(ask("How heavy?", sampling=Sampling(max_new_tokens=100_000), **asked))).values()
    assert isinstance(done, Finished)
    assert done.answer.finish_reason in ("length", "stop")
    assert "12.5 kg" in done.answer.prompt
    assert done.answer.completion_tokens > 0
    # The oldest turns make room, and that is said; the newest stay.
    pairs = [(Turn("user", f"Number {n}?"), Turn("assistant", f"It is {n}.")) for n in range(40)]
    turns = [turn for pair in pairs for turn in pair]
    (done,) = ended(list(ask("How heavy?", sampling=SHORT, history=turns, **asked))).values()
    assert isinstance(done, Finished)
    assert done.answer.cut_tokens > 0
    assert "Number 0?" not in done.answer.prompt
    assert "Number 39?" in done.answer.prompt
    assert "12.5 kg" in done.answer.prompt


def test_a_question_longer_than_the_context_is_no_refusal(tiny_engine: Engine) -> None:
    passage = Passage(1, 1, 1, "pump.md", "The pump weighs 12.5 kg.", 0, 24, 0.9)
    long_one = " ".join(f"word{n}" for n in range(tiny_engine.context_tokens))
    events = ask(
        f"How heavy? {long_one}",
        arms=[BASE, RAG],
        retrieve=lambda query: Retrieval(query, (passage,)),
        chat_model_for=lambda arm: model_of(tiny_engine, arm),
        sampling=SHORT,
        profile=FULL,
    )
    for failed in ended(list(events)).values():
        assert isinstance(failed, Failed)
        assert failed.error.code == "prompt_too_long"


def test_passages_beyond_the_context_are_cut_from_the_last_and_said_so(tiny_engine: Engine) -> None:
    many = tuple(
        Passage(n, 1, 1, "pump.md", f"Pump number {n} weighs {n} kilograms. " * 12, 0, 10, 1 - n / 100)
        for n in range(1, 9)
    )
    events = list(
        ask(
            "How heavy is the pump?",
            arms=[RAG],
            retrieve=lambda query: Retrieval(query, many),
            chat_model_for=lambda arm: model_of(tiny_engine, arm),
            sampling=SHORT,
            profile=FULL,
        )
    )
    (done,) = ended(events).values()
    assert isinstance(done, Finished)
    answer = done.answer
    assert answer.cut_tokens > 0
    assert answer.prompt_tokens + SHORT.max_new_tokens <= tiny_engine.context_tokens
    assert "Pump number 1 weighs" in answer.prompt
    assert "Pump number 8 weighs" not in answer.prompt


_SERVER = """
import json, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Slow(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_GET(self):
        body = json.dumps({"object": "list", "data": [{"id": "far"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(1000):
            delta = {"choices": [{"index": 0, "delta": {"content": f"word{number} "}, "finish_reason": None}]}
            piece = f"data: {json.dumps(delta)}\\n\\n".encode()
            self.wfile.write(f"{len(piece):x}\\r\\n".encode() + piece + b"\\r\\n")
            self.wfile.flush()
            time.sleep(0.05)

server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
print(server.server_port, flush=True)
server.serve_forever()
"""


def test_a_server_that_goes_away_in_the_middle_fails_its_arm_and_no_other(
    tiny_engine: Engine, tmp_path: Path
) -> None:
    from assistant.providers.registry import Providers
    from assistant.settings import load_settings

    server = subprocess.Popen([sys.executable, "-c", _SERVER], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        providers = Providers(load_settings(data_dir=tmp_path))
        providers.add("far", f"http://127.0.0.1:{port}/v1")
        far = Arm(False, model="provider:far/far")

        def chat_model_for(arm: Arm) -> Any:
            return providers.chat_model(arm.model) if arm.model else model_of(tiny_engine, arm)

        events, killed = [], threading.Event()
        for event in ask(
            "How heavy?",
            arms=[BASE, far],
            retrieve=lambda query: Retrieval(query, ()),
            chat_model_for=chat_model_for,
            sampling=Sampling(max_new_tokens=40),
        ):
            events.append(event)
            if isinstance(event, Token) and event.arm == far and not killed.is_set():
                killed.set()
                server.send_signal(signal.SIGKILL)
                began = time.monotonic()
        told = ended(events)
        assert isinstance(told["base"], Finished)
        assert told["base"].answer.completion_tokens > 0
        gone = told[far.name]
        assert isinstance(gone, Failed)
        assert isinstance(gone.error, TANDEM_ERRORS)
        assert "far" in gone.error.text("en")
        assert gone.error.text("zh") != gone.error.text("en")
        assert time.monotonic() - began < 30
        providers.close()
    finally:
        server.kill()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()


@pytest.mark.parametrize("name", ["base?model=tiny-two", "rag?base=nowhere", "sft:nobody"])
def test_what_an_arm_names_and_is_not_there_is_told(name: str, tmp_path: Path) -> None:
    from assistant.app import App
    from assistant.settings import load_settings

    settings = load_settings(data_dir=tmp_path / "data", models={"offline": True, "chat": "tiny-one"})
    with App.open(settings) as app:
        arm = app.arm(name)
        ask_of = (
            (lambda: app.base_ids(arm.lookup.bases)) if arm.lookup.bases else (lambda: app.chat_model(arm))
        )
        with pytest.raises(TANDEM_ERRORS) as told:
            ask_of()
        assert told.value.text("zh")
