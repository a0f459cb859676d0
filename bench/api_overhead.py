"""What the API costs: per request over the engine alone, and whether many clients at once get their own answers.

Run: python bench/api_overhead.py [--models FOLDER] [--clients 50] [--requests 4] [--arms base,rag]

The same prompt is asked of the engine, of App.ask and of the API in turn, over one real connection; told are the
median of the differences within a turn, the difference of the quickest, which a busy machine disturbs least, and
that of processor time, the client's own included, which is steady only with OMP_NUM_THREADS=1.
Then every client
asks its questions one after another, each with a nonce in its text and one as its seed. An answer is foreign
when its record names another arm, seed or prompt than those of its question; of a sample, asked again alone,
the text must be the same. The last line is the largest of the medians.
"""

import argparse
import hashlib
import http.client
import json
import random
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from assistant.app import App
from assistant.arms import BASE, Finished, Sampling
from assistant.generation import EngineDone, EngineFailed, GenerationRequest
from assistant.serving import build_server
from assistant.settings import Settings, load_settings

SAMPLES = Path(__file__).resolve().parent.parent / "samples" / "manual" / "en"
TOPICS = ["weight", "flow rate", "warranty", "cleaning", "noise", "temperature", "battery", "filter"]
_PATH = "/v1/chat/completions"
_ALONE = 10


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, help="a data folder's models; by default the settings'")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--requests", type=int, default=4)
    parser.add_argument("--arms", default="base,rag")
    parser.add_argument("--tokens", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=40)
    chosen = parser.parse_args()
    models = (chosen.models or load_settings().models_dir).resolve()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        (data / "models").symlink_to(models, target_is_directory=True)
        with App.open(Settings(data_dir=data), purpose="bench") as app:
            inputs, _ = app.gather([SAMPLES])
            for _event in app.index(app.base_or_new("manual").id, inputs):
                pass
            app.loaded.engine()
            with listening(app) as port:
                worst = max(overhead(app, port, tokens=tokens, rounds=chosen.rounds) for tokens in (1, 32))
                many(app, port, chosen.arms.split(","), chosen.clients, chosen.requests, chosen.tokens)
                print(f"overhead {worst:.1f} ms")


@contextmanager
def listening(app: App) -> Iterator[int]:
    """The API on a free port; yields the port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(build_server(app), log_level="warning", timeout_keep_alive=600)
        )
        running = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        running.start()
        while not server.started:
            time.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        running.join(20)


def overhead(app: App, port: int, *, tokens: int, rounds: int) -> float:
    """Ask the same of engine, App.ask and API in turn; the API's median over the engine alone, in ms, worse way."""
    engine = app.loaded.engine()
    question = "Say in one sentence what a pump is."
    messages = [{"role": "user", "content": question}]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)

    def by_engine() -> None:
        request = GenerationRequest("bench", messages, sampling=Sampling(max_new_tokens=tokens))
        for event in engine.stream([request]):
            if isinstance(event, EngineFailed):
                raise event.error
        assert isinstance(event, EngineDone)

    def by_ask() -> None:
        sampling = Sampling(max_new_tokens=tokens)
        events = list(app.ask(question, arms=[BASE], base_ids=(), sampling=sampling, plain=True))
        assert isinstance(events[-1], Finished)

    def by_api(stream: bool) -> None:
        body = {
            "model": "base",
            "messages": messages,
            "max_tokens": tokens,
            "temperature": 0,
            "stream": stream,
        }
        answer = post(connection, body)
        assert answer.rstrip().endswith(b"[DONE]" if stream else b"}")

    ways: dict[str, Callable[[], None]] = {
        "engine": by_engine,
        "App.ask": by_ask,
        "API": lambda: by_api(False),
        "API, streamed": lambda: by_api(True),
    }
    spent: dict[str, list[float]] = {name: [] for name in ways}
    worked: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 2):
        for name in random.sample(list(ways), len(ways)):
            began, worked_before = time.perf_counter(), time.process_time()
            ways[name]()
            if number >= 2:  # the first two warm caches
                spent[name].append(1000 * (time.perf_counter() - began))
                worked[name].append(1000 * (time.process_time() - worked_before))
    connection.close()
    print(f"{tokens} tokens, engine alone: {statistics.median(spent['engine']):.1f} ms", end="")
    print(f", quickest {min(spent['engine']):.1f} ms")
    medians = {}
    for name in list(ways)[1:]:
        quickest = min(spent[name]) - min(spent["engine"])
        medians[name], computed = (_more(times[name], times["engine"]) for times in (spent, worked))
        print(
            f"  {name:14} {medians[name]:+.1f} ms, quickest {quickest:+.1f} ms, processor {computed:+.1f} ms"
        )
    return max(medians["API"], medians["API, streamed"])


def _more(whole: list[float], alone: list[float]) -> float:
    """The median of the differences within a turn."""
    return statistics.median(one - other for one, other in zip(whole, alone, strict=True))


def post(connection: http.client.HTTPConnection, body: dict[str, Any]) -> bytes:
    """The answer's body; anything but 200 is an error."""
    connection.request("POST", _PATH, json.dumps(body), {"content-type": "application/json"})
    answer = connection.getresponse()
    data = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {data[:200]!r}")
    return data


def many(app: App, port: int, arms: list[str], clients: int, requests: int, tokens: int) -> None:
    """Let many clients ask at once and look at every answer."""
    engine = app.loaded.engine()
    asked: list[tuple[dict[str, Any], dict[str, Any] | Exception, float]] = []

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1800)
        for turn in range(requests):
            nonce = number * requests + turn
            topic = TOPICS[nonce % len(TOPICS)]
            text = f"Note {nonce:05d}. What does the manual say about the {topic}?"
            body = {
                "model": arms[nonce % len(arms)],
                "messages": [{"role": "user", "content": text}],
                "max_tokens": tokens,
                "temperature": 0,
                "seed": nonce,
            }
            began = time.perf_counter()
            try:
                told: dict[str, Any] | Exception = json.loads(post(connection, body))
            except Exception as err:
                told = err
                connection.close()
            asked.append((body, told, time.perf_counter() - began))
        connection.close()

    began = time.perf_counter()
    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = time.perf_counter() - began

    lost = [told for _, told, _ in asked if isinstance(told, Exception)]
    answered = [(body, told) for body, told, _ in asked if isinstance(told, dict)]
    foreign = 0
    prompts = set()
    for body, told in answered:
        record = told["choices"][0]["record"]
        right = (record["arm"], record["sampling"]["seed"]) == (body["model"], body["seed"])
        if body["model"] == "base":
            prompt = engine.render(body["messages"]).text
            right = right and record["prompt_sha256"] == hashlib.sha256(prompt.encode()).hexdigest()
        elif record["prompt_sha256"]:
            right = right and record["prompt_sha256"] not in prompts
            prompts.add(record["prompt_sha256"])
        foreign += not right
    different = 0
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    for body, told in random.Random(0).sample(answered, min(_ALONE, len(answered))):
        alone = json.loads(post(connection, body))
        different += alone["choices"][0]["message"] != told["choices"][0]["message"]
    connection.close()

    if lost:
        print(f"first failure: {lost[0]}")
    seconds = sorted(s for _, told, s in asked if isinstance(told, dict))
    written = sum(told["usage"]["completion_tokens"] for _, told in answered)
    print(
        f"{clients} clients x {requests} requests over {', '.join(arms)}: {len(lost)} lost, {foreign} foreign, "
        f"{different} of {min(_ALONE, len(answered))} different when asked alone"
    )
    print(
        f"p50 {seconds[len(seconds) // 2]:.2f} s, p95 {seconds[int(0.95 * len(seconds))]:.2f} s, "
        f"{len(answered) / spent:.2f} requests/s, {written / spent:.1f} tokens/s"
    )


if __name__ == "__main__":
    main()
