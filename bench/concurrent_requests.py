"""How much faster sixteen requests of mixed adapters are together than one after the other.

Run: python bench/concurrent_requests.py --model FOLDER [--requests 16] [--tokens 48] [--context 120] [--threads 2] [--device auto]

A third of the requests use the base, the others one of two LoRA adapters of random weights, made for the run.
Also tells when the first token of a request comes that arrives while the others are answered. The last line is
`ratio X.XX`.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from engine_setup import (
    clock_name,
    clock_of,
    engine_options,
    load_line,
    model_of,
    random_adapter,
    serve,
    write_to_the_limit,
)

from assistant.arms import Sampling
from assistant.engine import Engine
from assistant.generation import EngineFailed, GenerationRequest

_ADAPTERS = (None, "one", "two")


def main() -> None:
    """Print the times and the ratio."""
    import torch

    parser = engine_options(__doc__)
    parser.add_argument("--requests", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--context", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    clock = clock_of(arguments)
    loaded = model_of(arguments)
    with tempfile.TemporaryDirectory() as folder:
        adapters = {
            name: random_adapter(loaded.model, Path(folder) / name, seed=seed)
            for seed, name in enumerate(_ADAPTERS)
            if name is not None
        }
        engine = Engine(
            loaded.model,
            loaded.tokenizer,
            name=arguments.model.name,
            max_rows=arguments.requests,
            guessing=False,
        )
        for name, adapter in adapters.items():
            engine.load_adapter(name, adapter)
    write_to_the_limit(engine)
    print(
        f"{loaded.dtype} on {loaded.device}, {torch.get_num_threads()} threads, {clock_name(arguments)}, "
        f"{arguments.requests} requests; {load_line()}"
    )
    serve(engine, _requests("warm", arguments)[:3])
    ratios = []
    for number in range(arguments.rounds):
        began = clock()
        serve(engine, _requests(f"{number}t", arguments))
        together = clock() - began
        began = clock()
        for request in _requests(f"{number}a", arguments):
            serve(engine, [request])
        after = clock() - began
        tokens = arguments.requests * arguments.tokens
        ratios.append(after / together)
        print(
            f"round {number}: together {together:.2f} s ({tokens / together:.0f} tokens/s), "
            f"one after the other {after:.2f} s ({tokens / after:.0f} tokens/s)"
        )
    print(f"first token of a late-comer after {_late_comer(engine, arguments, clock):.2f} s; {load_line()}")
    engine.close()
    print(f"ratio {statistics.median(ratios):.2f}")


def _requests(mark: str, arguments: argparse.Namespace) -> list[GenerationRequest]:
    """Requests whose prompts share no beginning."""
    import random

    draw = random.Random(mark)
    return [
        GenerationRequest(
            f"{mark}{number}",
            [draw.randrange(1000, 20000) for _ in range(arguments.context)],
            _ADAPTERS[number % len(_ADAPTERS)],
            Sampling(max_new_tokens=arguments.tokens),
        )
        for number in range(arguments.requests)
    ]


def _late_comer(engine: Engine, arguments: argparse.Namespace, clock: Callable[[], float]) -> float:
    """Seconds to the first token of one that comes when all others but one are being answered."""
    others = _requests("o", arguments)[:-1]
    thread = threading.Thread(target=serve, args=(engine, others))
    thread.start()
    while len(engine._batch._writing) < len(others):
        time.sleep(0.01)
    began = clock()
    events = engine.stream(_requests("l", arguments)[-1:])
    first = next(events)
    spent = clock() - began
    for _ in events:
        pass
    thread.join()
    if isinstance(first, EngineFailed):
        raise first.error
    return spent


if __name__ == "__main__":
    main()
