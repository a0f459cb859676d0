"""Our server against other servers with the same model on the same processor: tokens per second of several clients.

Run: python bench/serving_throughput.py --peer transformers=PYTHON [--peer fastchat=PYTHON] [--model FOLDER]
         [--clients 4] [--requests 6] [--tokens 32] [--threads 2]

PYTHON is an interpreter that has the peer: `transformers[serving]` for `transformers serve` (the base model only),
`fschat` with torch for FastChat's controller, model worker and OpenAI server. Every server has the processor for itself:
they run one after the other, each on the embedded model in its default precision. The last line is our throughput over
the best peer's.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from api_clients import at_once

from assistant.settings import load_settings

NAME = "smollm2"
_PATIENCE_S = 300


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--model", type=Path, help="a folder of SmolLM2-135M; by default the imported one")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--requests", type=int, default=6)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    settings = load_settings()
    folder = (chosen.model or settings.models_dir / "smollm2-135m-instruct").resolve()
    os.environ["OMP_NUM_THREADS"] = str(chosen.threads)
    # Servers run in a folder that is thrown away: FastChat leaves logs where it stands.
    peers = {name: os.path.abspath(python) for name, python in (peer.split("=", 1) for peer in chosen.peer)}
    figures: dict[str, float] = {}
    servers = {"tandem": _tandem(folder)}
    servers |= {
        name: {"transformers": _transformers, "fastchat": _fastchat}[name](python, folder)
        for name, python in peers.items()
    }
    for name, (commands, model, path) in servers.items():
        with _running(commands, path) as url:
            measure(url, model, clients=1, requests=1, tokens=4)  # loads and warms
            speed, p50 = measure(
                url, model, clients=chosen.clients, requests=chosen.requests, tokens=chosen.tokens
            )
        figures[name] = speed
        print(f"{name:14} {speed:7.1f} tokens/s, p50 of a request {p50:.2f} s", flush=True)
    best = max((speed for name, speed in figures.items() if name != "tandem"), default=figures["tandem"])
    print(f"ratio {figures['tandem'] / best:.2f}")


Commands = tuple[list[list[str]], str, str]
"""The processes of a server with `{port}` to `{port3}` in them, the model's name there, its list of models."""


def _tandem(folder: Path) -> Commands:
    code = (
        "import sys; from assistant.settings import load_settings; from assistant.serving import serve; "
        f"s = load_settings(models={{'chat': {str(folder)!r}}}, data_dir='{{data}}'); "
        "serve(s, port={port}, say=print)"
    )
    return [[sys.executable, "-c", code]], "base", "/v1/models"


def _transformers(python: str, folder: Path) -> Commands:
    command = [python, "-m", "transformers.cli.transformers", "serve", str(folder)]
    return [[*command, "--host", "127.0.0.1", "--port", "{port}"]], str(folder), "/health"


def _fastchat(python: str, folder: Path) -> Commands:
    here = ["--host", "127.0.0.1", "--port"]
    controller, worker = "http://127.0.0.1:{port2}", "http://127.0.0.1:{port3}"
    return (
        [
            [python, "-m", "fastchat.serve.controller", *here, "{port2}"],
            [
                python,
                "-m",
                "fastchat.serve.model_worker",
                *here,
                "{port3}",
                "--controller-address",
                controller,
                "--worker-address",
                worker,
                "--model-path",
                str(folder),
                "--model-names",
                NAME,
                "--device",
                "cpu",
            ],
            [
                python,
                "-m",
                "fastchat.serve.openai_api_server",
                *here,
                "{port}",
                "--controller-address",
                controller,
            ],
        ],
        NAME,
        "/v1/models",
    )


@contextmanager
def _running(commands: list[list[str]], path: str) -> Iterator[str]:
    """Start a server's processes; yields its address once it lists a model, and ends them."""
    with tempfile.TemporaryDirectory() as data:
        filled = {"port": _free_port(), "port2": _free_port(), "port3": _free_port(), "data": data}
        running = []
        for command in commands:
            words = command
            for name, value in filled.items():
                words = [word.replace(f"{{{name}}}", str(value)) for word in words]
            log = (Path(data) / f"log{len(running)}").open("wb")
            running.append(subprocess.Popen(words, stdout=log, stderr=log, cwd=data, start_new_session=True))
            time.sleep(3 if len(commands) > 1 else 0)
        url = f"http://127.0.0.1:{filled['port']}"
        try:
            _wait(url + path, running, Path(data))
            yield url
        finally:
            for process in running:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGTERM)
            for process in running:
                process.wait(60)


def _wait(url: str, running: list["subprocess.Popen[bytes]"], logs: Path) -> None:
    for _ in range(_PATIENCE_S):
        try:
            with urlopen(url, timeout=5) as answer:
                told = json.load(answer)
                if url.endswith("/health") or told.get("data"):
                    return
        except (OSError, ValueError):
            pass
        if any(process.poll() is not None for process in running):
            break
        time.sleep(1)
    said = "\n".join(path.read_text(errors="replace")[-1500:] for path in sorted(logs.glob("log*")))
    raise SystemExit(f"it did not start:\n{said}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def measure(url: str, model: str, *, clients: int, requests: int, tokens: int) -> tuple[float, float]:
    """Tokens per second over all clients, and the median time of a request; answers are drawn at temperature 0."""
    counted: list[tuple[int, float]] = []

    def client(number: int) -> None:
        for turn in range(requests):
            text = f"Write a long story about machine number {number * requests + turn}."
            body: dict[str, Any] = {
                "model": model,
                "messages": [{"role": "user", "content": text}],
                "max_tokens": tokens,
                "temperature": 0,
            }
            began = time.perf_counter()
            counted.append((_tokens(url, body), time.perf_counter() - began))

    spent = at_once(clients, client)
    if len(counted) < clients * requests:
        raise SystemExit(f"only {len(counted)} of {clients * requests} requests were answered")
    waited = sorted(seconds for _, seconds in counted)
    return sum(written for written, _ in counted) / spent, waited[len(waited) // 2]


def _tokens(url: str, body: dict[str, Any]) -> int:
    request = Request(
        f"{url}/v1/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urlopen(request, timeout=600) as answer:
        return int(json.load(answer)["usage"]["completion_tokens"])


if __name__ == "__main__":
    main()
