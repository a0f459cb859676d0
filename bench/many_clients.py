"""Many clients at once over the four arms: nobody's answer lost, nobody's answer somebody else's.

Run: python bench/many_clients.py [--models FOLDER] [--clients 200] [--requests 20] [--tokens 8]

One server on the embedded model with the English sample manual and an adapter of random weights. Every client asks one
question after another over its own connection; question n goes to arm n mod 4 and carries a nonce in its text and
one as its seed. An answer is foreign when its record names another arm, adapter or seed than its question, when it
was made of another prompt, where the prompt can be made again, or of the same prompt as another question. Then some
are asked again, alone, and must have the same text. Clients beyond the server's places wait for theirs, so what a client
waits grows with their number; the last line is the throughput over that of the same requests one after another.
"""

import argparse
import hashlib
import http.client
import json
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from api_clients import at_once, listening, post, sample_app
from engine_setup import random_adapter

from assistant.app import App
from assistant.arms import to_json
from assistant.settings import ServerSettings

TOPICS = ["weight", "flow rate", "warranty", "cleaning", "noise", "temperature", "battery", "filter"]
ADAPTER = "random"
ARMS = ("base", "rag", f"sft:{ADAPTER}", f"rag+sft:{ADAPTER}")
_AGAIN = 20
_ALONE = 24


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, help="a data folder's models; by default the settings'")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--requests", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=8)
    chosen = parser.parse_args()
    places = ServerSettings(waiting=chosen.clients)
    with sample_app(chosen.models, server=places) as app, tempfile.TemporaryDirectory() as folder:
        model = _model(app.settings.models_dir)
        app.loaded.engine().load_adapter(ADAPTER, random_adapter(model, Path(folder) / ADAPTER, seed=1))
        with listening(app) as port:
            alone = _one_after_another(port, tokens=chosen.tokens)
            together = _all_at_once(app, port, chosen.clients, chosen.requests, tokens=chosen.tokens)
    print(f"ratio {together / alone:.2f}")


def _model(models: Path) -> Any:
    """A second copy of the model, whose shapes the adapter is made for."""
    from finetune.models import load_model, resolve

    return load_model(resolve("smollm2-135m-instruct", models_dir=models)).model


def question(nonce: int, *, tokens: int) -> dict[str, Any]:
    """A request that no other is like."""
    topic = TOPICS[nonce % len(TOPICS)]
    text = f"Note {nonce:05d}. What does the manual say about the {topic}?"
    messages = [{"role": "user", "content": text}]
    arm = ARMS[nonce % len(ARMS)]
    return {"model": arm, "messages": messages, "max_tokens": tokens, "temperature": 0, "seed": nonce}


def _one_after_another(port: int, *, tokens: int) -> float:
    """Requests per second of a single client."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    for nonce in range(4):
        post(connection, question(90_000 + nonce, tokens=tokens))
    began = time.perf_counter()
    for nonce in range(_ALONE):
        post(connection, question(80_000 + nonce, tokens=tokens))
    return _ALONE / (time.perf_counter() - began)


def _all_at_once(app: App, port: int, clients: int, requests: int, *, tokens: int) -> float:
    """Requests per second of all clients; prints what came of them."""
    asked: list[tuple[dict[str, Any], dict[str, Any] | Exception, float]] = []

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3600)
        for turn in range(requests):
            body = question(number * requests + turn, tokens=tokens)
            began = time.perf_counter()
            try:
                told: dict[str, Any] | Exception = json.loads(post(connection, body))
            except Exception as err:
                told = err
                connection.close()
            asked.append((body, told, time.perf_counter() - began))
        connection.close()

    spent = at_once(clients, client)
    answered = [(body, told, seconds) for body, told, seconds in asked if isinstance(told, dict)]
    lost = [told for _, told, _ in asked if isinstance(told, Exception)]
    if lost:
        print(f"first failure: {lost[0]}")
    foreign = _foreign(app, [(body, told) for body, told, _ in answered])
    different = _different(port, [(body, told) for body, told, _ in answered])
    print(
        f"{clients} clients x {requests} requests over {', '.join(ARMS)}, {tokens} tokens: {len(lost)} lost, "
        f"{foreign} foreign, {different} of {min(_AGAIN, len(answered))} different when asked alone"
    )
    waited = statistics.quantiles([seconds for _, _, seconds in answered], n=20)
    print(f"p50 {waited[9]:.2f} s, p95 {waited[18]:.2f} s, {len(answered) / spent:.2f} requests/s")
    for arm in ARMS:
        of_arm = statistics.quantiles([s for body, _, s in answered if body["model"] == arm], n=20)
        print(f"  {arm:16} p50 {of_arm[9]:.2f} s, p95 {of_arm[18]:.2f} s")
    return len(answered) / spent


def _foreign(app: App, answered: list[tuple[dict[str, Any], dict[str, Any]]]) -> int:
    """How many answers belong to another question."""
    engine = app.loaded.engine()
    prompts: dict[tuple[str, str], int] = {}
    found = 0
    for body, told in answered:
        record = to_json(told["choices"][0]["record"])
        arm, _, adapter = body["model"].partition(":")
        right = record["arm"] == body["model"] and (record["adapter"] or "") == adapter
        right = right and record["sampling"]["seed"] == body["seed"]
        if arm in ("base", "sft"):
            prompt = engine.render(body["messages"]).text
            right = right and record["prompt_sha256"] == hashlib.sha256(prompt.encode()).hexdigest()
        elif record["prompt_sha256"]:  # a refusal has none
            key = (body["model"], record["prompt_sha256"])
            right = right and prompts.setdefault(key, body["seed"]) == body["seed"]
        found += not right
    return found


def _different(port: int, answered: list[tuple[dict[str, Any], dict[str, Any]]]) -> int:
    """How many of a sample have another text when they are asked alone."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    found = 0
    for body, told in random.Random(0).sample(answered, min(_AGAIN, len(answered))):
        alone = json.loads(post(connection, body))
        found += alone["choices"][0]["message"] != told["choices"][0]["message"]
    return found


if __name__ == "__main__":
    main()
