"""How much longer four arms take than the slowest of them alone: two prompts, each with the base and an adapter.

Run: python bench/four_arms.py --model FOLDER [--tokens 48] [--context 450] [--dtype bfloat16] [--threads 2] [--device auto]

The adapter is a LoRA of random weights, made for the run. Prompts differ from round to round, so nothing was
read before. Rounds of both kinds alternate and the medians are compared; the last line is `ratio X.XX`. With
--peft the same rows are also decoded by PEFT's `adapter_names`. Tokens are not guessed from the prompt unless --guessing
is given: the made-up passages repeat themselves more than real ones do.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from engine_setup import (
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
from assistant.generation import GenerationRequest

_ARMS = ("base", "sft", "rag", "rag+sft")
_PASSAGE = "The pump of type P{number} delivers forty litres per minute and weighs twelve kilograms. "


def main() -> None:
    """Print the times and the ratio."""
    import torch

    parser = engine_options(__doc__)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--context", type=int, default=450)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peft", action="store_true")
    parser.add_argument("--guessing", action="store_true")
    arguments = parser.parse_args()
    clock = clock_of(arguments)
    loaded = model_of(arguments)
    with tempfile.TemporaryDirectory() as folder:
        adapter = random_adapter(loaded.model, Path(folder) / "sft", seed=1)
        if arguments.peft:
            _by_peft(loaded.model, adapter, arguments)
        engine = Engine(
            loaded.model, loaded.tokenizer, name=arguments.model.name, guessing=arguments.guessing
        )
        engine.load_adapter("sft", adapter)
    write_to_the_limit(engine)
    print(
        f"{loaded.dtype} on {loaded.device}, {torch.get_num_threads()} threads, {arguments.tokens} new tokens; {load_line()}"
    )
    alone: dict[str, list[float]] = {arm: [] for arm in _ARMS}
    together = []
    serve(engine, _requests(engine, "warm", _ARMS, arguments))
    for number in range(arguments.rounds):
        for arm in _ARMS:
            alone[arm].append(
                serve(engine, _requests(engine, f"{number}a", (arm,), arguments), clock=clock)[0]
            )
        spent, ends = serve(engine, _requests(engine, f"{number}b", _ARMS, arguments), clock=clock)
        together.append(spent)
        rates = " ".join(f"{end.request_id.split('/')[1]} first {end.first_token_ms:.0f} ms" for end in ends)
        print(f"round {number}: {spent:.2f} s together ({rates})")
    engine.close()
    medians = {arm: statistics.median(times) for arm, times in alone.items()}
    for arm, median in medians.items():
        print(f"{arm:8} alone {median:6.2f} s")
    print(
        f"four     together {statistics.median(together):6.2f} s, best {min(together):.2f} s; {load_line()}"
    )
    print(f"ratio {statistics.median(together) / max(medians.values()):.2f}")


def _requests(
    engine: Engine, mark: str, arms: tuple[str, ...], arguments: argparse.Namespace
) -> list[GenerationRequest]:
    question = f"Question {mark}: how heavy is the pump?"
    room = arguments.context - engine.count_tokens(question)
    passages = engine.encode("".join(_PASSAGE.format(number=f"{mark}{i}") for i in range(room))).token_ids[
        :room
    ]
    short = engine.render([{"role": "user", "content": question}]).token_ids
    sampling = Sampling(max_new_tokens=arguments.tokens)
    return [
        GenerationRequest(
            f"{mark}/{arm}",
            (*passages, *short)[: arguments.context] if "rag" in arm else short,
            "sft" if "sft" in arm else None,
            sampling,
        )
        for arm in arms
    ]


def _by_peft(model: Any, adapter: Path, arguments: argparse.Namespace) -> None:
    """What one step of PEFT's mixed batch takes against one row, at the same context."""
    import torch
    from peft import PeftModel

    wrapped = PeftModel.from_pretrained(model, str(adapter), adapter_name="sft").eval()
    spent = {}
    with torch.inference_mode():
        for rows in (1, 4):
            ids = torch.randint(4, 1000, (rows, arguments.context), device=model.device)
            names = ["sft", "__base__"] * 2 if rows == 4 else ["sft"]
            options = {"do_sample": False, "adapter_names": names, "eos_token_id": -1, "pad_token_id": 0}
            times = []
            for tokens in (1, arguments.tokens) * 2:
                began = time.perf_counter()
                wrapped.generate(
                    input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, **options
                )
                if model.device.type == "cuda":
                    torch.cuda.synchronize()
                times.append(time.perf_counter() - began)
            spent[rows] = min(times[1::2])
    wrapped.unload()
    print(f"PEFT adapter_names: {spent[4]:.2f} s for four rows, {spent[1]:.2f} s for one; {load_line()}")
    print(f"PEFT ratio {spent[4] / spent[1]:.2f}")


if __name__ == "__main__":
    main()
