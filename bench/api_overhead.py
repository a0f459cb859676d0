"""What the API costs: per request over the engine alone.

Run: python bench/api_overhead.py [--models FOLDER] [--rounds 40]

The same prompt is asked of the engine, of App.ask and of the API in turn, over one real connection; told are the
median of the differences within a turn, the difference of the quickest, which a busy machine disturbs least, and
that of processor time, the client's own included, which is steady only with OMP_NUM_THREADS=1. The last line is the
largest of the medians.
"""

import argparse
import http.client
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from api_clients import listening, post, sample_app

from assistant.app import App
from assistant.arms import BASE, Finished, Sampling
from assistant.generation import EngineDone, EngineFailed, GenerationRequest


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, help="a data folder's models; by default the settings'")
    parser.add_argument("--rounds", type=int, default=40)
    chosen = parser.parse_args()
    with sample_app(chosen.models) as app:
        app.loaded.engine()
        with listening(app) as port:
            worst = max(overhead(app, port, tokens=tokens, rounds=chosen.rounds) for tokens in (1, 32))
    print(f"overhead {worst:.1f} ms")


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


if __name__ == "__main__":
    main()
