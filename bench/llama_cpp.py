"""Tokens per second of one stream, against llama.cpp with its quantised file of the same model, in turns.

Run: python bench/llama_cpp.py --model FOLDER --gguf FILE --python PYTHON [--tokens 96] [--context 120] [--threads 2]

PYTHON is that of an environment with llama-cpp-python, which is a peer to measure against and no dependency. Both
decode greedily from the same token ids and do not stop at an end token; each rate is that of the tokens after the
first, so that reading the prompt is not in it. The last line is `ratio X.XX`, ours over llama.cpp's.

Tokens are not guessed from the prompt unless --guessing is given; llama.cpp has such a thing too, and neither uses it.

On a busy machine give --cpu-time: both run on one thread and processor seconds are compared instead of the clock's,
because a stream that waits for a core says nothing about its speed.
"""

import json
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

from engine_setup import clock_name, engine_options, load_line, model_of, write_to_the_limit

from assistant.arms import Sampling
from assistant.engine import Engine
from assistant.generation import EngineDone, EngineFailed, GenerationRequest

_CHILD = """
import json, sys, time
from llama_cpp import Llama
path, threads = sys.argv[1], int(sys.argv[2])
model = Llama(path, n_ctx=2048, n_threads=threads, n_threads_batch=threads, verbose=False)
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    model.reset()
    model.eval(asked["ids"])
    clock = time.process_time if asked["cpu_time"] else time.perf_counter
    times = []
    for _ in range(asked["tokens"]):
        token = int(model.sample(temp=0.0, top_k=1, repeat_penalty=1.0))
        times.append(clock())
        model.eval([token])
    print(json.dumps({"rate": (len(times) - 1) / (times[-1] - times[0])}), flush=True)
"""


class LlamaCpp:
    """llama.cpp in a process of its own, so that neither side's threads hold the other's."""

    def __init__(self, python: str, gguf: Path, threads: int) -> None:
        self._process = subprocess.Popen(
            [python, "-c", _CHILD, str(gguf), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._read()

    def rate(self, ids: list[int], tokens: int, *, cpu_time: bool) -> float:
        """Tokens per second after the first."""
        assert self._process.stdin is not None
        asked = {"ids": ids, "tokens": tokens, "cpu_time": cpu_time}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return float(self._read()["rate"])

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("llama.cpp ended; is llama-cpp-python in that environment?")
        return dict(json.loads(line))


def main() -> None:
    """Print the rates and the ratio."""
    import torch

    parser = engine_options(__doc__)
    parser.add_argument("--gguf", type=Path, required=True)
    parser.add_argument("--python", required=True)
    parser.set_defaults(threads=2)
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--context", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--guessing", action="store_true")
    arguments = parser.parse_args()
    loaded = model_of(arguments)
    threads = torch.get_num_threads()
    engine = Engine(loaded.model, loaded.tokenizer, name=arguments.model.name, guessing=arguments.guessing)
    write_to_the_limit(engine)
    peer = LlamaCpp(arguments.python, arguments.gguf, threads)
    print(
        f"{loaded.dtype} against {arguments.gguf.name}, {threads} threads, {arguments.tokens} tokens after "
        f"{arguments.context}, {clock_name(arguments)}; {load_line()}"
    )
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(arguments.rounds + 1):
        text = f"Round {number}. Explain in detail how a bicycle works and how to look after it. " * 40
        ids = list(engine.encode(text).token_ids[: arguments.context])
        # Who goes first changes, so that a drift of the machine's speed favours neither.
        for side in ("ours", "theirs") if number % 2 else ("theirs", "ours"):
            if side == "ours":
                rate = _ours(engine, ids, arguments.tokens, cpu_time=arguments.cpu_time)
            else:
                rate = peer.rate(ids, arguments.tokens, cpu_time=arguments.cpu_time)
            if number:  # the first round warms both up
                (ours if side == "ours" else theirs).append(rate)
    engine.close()
    peer.close()
    for name, rates in (("engine", ours), ("llama.cpp", theirs)):
        print(f"{name:10} median {statistics.median(rates):6.1f} tokens/s, best {max(rates):6.1f}")
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    print(f"rounds {' '.join(f'{ratio:.2f}' for ratio in ratios)}; {load_line()}")
    print(f"best over best {max(ours) / max(theirs):.2f}")
    print(f"ratio {statistics.median(ratios):.2f}")


def _ours(engine: Engine, ids: list[int], tokens: int, *, cpu_time: bool) -> float:
    began = None
    for event in engine.stream([GenerationRequest("one", ids, None, Sampling(max_new_tokens=tokens))]):
        if isinstance(event, EngineFailed):
            raise event.error
        if isinstance(event, EngineDone):
            spent = time.process_time() - (began or 0.0)
            return (event.completion_tokens - 1) / spent if cpu_time else event.tokens_per_s
        began = began or time.process_time()
    raise AssertionError("the engine ended without an event")


if __name__ == "__main__":
    main()
