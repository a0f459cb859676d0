"""How fast the engine answers, against `model.generate` of transformers in the same run and precision.

Run: python bench/engine_speed.py --model FOLDER [--dtype bfloat16] [--threads 2]

Prints tokens per second after the first token, the time to the first token with a cold and a known prompt,
and whether both said the same. Runs alternate, the best of each is told, so that a busy machine disturbs least.
"""

import time
from typing import Any

from engine_setup import engine_options, model_of

from assistant.arms import Sampling
from assistant.engine import Engine
from assistant.generation import EngineDone, EngineFailed, EngineToken, GenerationRequest

_QUESTION = "Explain in detail how a bicycle works and how to look after it. "


def main() -> None:
    """Print one line per figure."""
    import torch

    parser = engine_options(__doc__, clock=False)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--guessing", action="store_true", help="let the engine guess from the prompt too")
    arguments = parser.parse_args()
    loaded = model_of(arguments)
    model, tokenizer = loaded.model, loaded.tokenizer
    engine = Engine(model, tokenizer, name=arguments.model.name, guessing=arguments.guessing)
    best: dict[str, float] = {}
    same = True
    for number in range(arguments.rounds):
        messages = [{"role": "user", "content": f"Round {number}. {_QUESTION * 8}"}]
        text, first_s, rate = _by_generate(model, tokenizer, messages, arguments.tokens)
        _keep(best, "generate", first_s, rate)
        for key in ("engine", "engine, known prompt"):
            told, done = _by_engine(engine, messages, arguments.tokens)
            _keep(best, key, done.first_token_ms / 1000, done.tokens_per_s)
            same = same and told == text
        requests = [
            GenerationRequest(
                str(i),
                [{"role": "user", "content": f"{i} {_QUESTION}"}],
                sampling=_sampling(arguments.tokens),
            )
            for i in range(4)
        ]
        began = time.perf_counter()
        counted = sum(e.completion_tokens for e in engine.stream(requests) if isinstance(e, EngineDone))
        best["four"] = max(best.get("four", 0.0), counted / (time.perf_counter() - began))
    engine.close()
    print(
        f"{loaded.dtype}, {torch.get_num_threads()} threads, {arguments.tokens} tokens, best of {arguments.rounds}"
    )
    for key in ("generate", "engine", "engine, known prompt"):
        print(f"{key:22} {best[key]:6.1f} tokens/s, first token after {best[key + ' first']:.3f} s")
    print(f"four requests together {best['four']:6.1f} tokens/s in all, reading included")
    print(f"same text: {same}")


def _keep(best: dict[str, float], key: str, first_s: float, rate: float) -> None:
    best[key] = max(best.get(key, 0.0), rate)
    best[f"{key} first"] = min(best.get(f"{key} first", first_s), first_s)


def _sampling(tokens: int) -> Sampling:
    return Sampling(max_new_tokens=tokens)


def _by_engine(engine: Engine, messages: list[dict[str, str]], tokens: int) -> tuple[str, EngineDone]:
    text = ""
    for event in engine.stream([GenerationRequest("one", messages, sampling=_sampling(tokens))]):
        if isinstance(event, EngineFailed):
            raise event.error
        if isinstance(event, EngineDone):
            return text, event
        assert isinstance(event, EngineToken)
        text += event.text
    raise AssertionError("the engine ended without an event")


def _by_generate(
    model: Any, tokenizer: Any, messages: list[dict[str, str]], tokens: int
) -> tuple[str, float, float]:
    ids = tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_tensors="pt", return_dict=False
    )
    options = {"do_sample": False, "pad_token_id": tokenizer.eos_token_id}
    began = time.perf_counter()
    model.generate(ids, max_new_tokens=1, **options)
    first = time.perf_counter() - began
    began = time.perf_counter()
    out = model.generate(ids, max_new_tokens=tokens, **options)[0, ids.shape[1] :]
    spent = time.perf_counter() - began - first
    return tokenizer.decode(out, skip_special_tokens=True), first, (len(out) - 1) / spent


if __name__ == "__main__":
    main()
