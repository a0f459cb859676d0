"""Guessed tokens: what is guessed, that guesses are right and fast where the prompt repeats, and change nothing."""

from pathlib import Path
from typing import Any

import pytest
import torch

from assistant.arms import Sampling
from assistant.drafts import Drafts
from assistant.engine import Engine
from assistant.forwarding import Forwarding
from assistant.generation import GenerationRequest
from assistant.prefix_cache import Block, PrefixCache
from tests.assistant.test_engine import PROMPTS, collect
from tests.assistant.tiny_model import build_tiny, save_adapter


def test_what_stood_behind_the_same_three_tokens_is_guessed() -> None:
    drafts = Drafts([1, 2, 3, 4, 5, 6, 7, 1, 2])
    assert drafts.guess(5) == []
    drafts.add(3)
    assert drafts.guess(5) == [4, 5, 6]
    assert drafts.guess(1) == [4]
    assert drafts.guess(0) == []
    drafts.judge(3, 3)
    assert drafts.guess(9) == [4, 5, 6, 7, 1]
    drafts.judge(5, 0)
    assert drafts.guess(9) == [4]


def test_the_latest_place_counts_and_the_end_does_not_find_itself() -> None:
    drafts = Drafts([1, 2, 3, 8, 1, 2, 3, 9, 1, 2, 3])
    assert drafts.guess(1) == [9]
    assert Drafts([1, 2, 3]).guess(3) == []
    assert Drafts([5, 5, 5, 5]).guess(3) == [5]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_several_tokens_of_one_cache_have_the_bits_of_single_steps(
    tmp_path: Path, dtype: torch.dtype
) -> None:
    model = build_tiny()[0].to(dtype)
    forwarding = Forwarding(model)
    forwarding.load("one", save_adapter(tmp_path / "one", 3))
    prompts, tokens = [list(range(4, 60)), list(range(9, 40))], [7, 8, 9, 10]

    def started() -> list[Any]:
        blank = PrefixCache(model.config, max_bytes=0)
        caches = [blank.start(None, ids)[0] for ids in prompts]
        for ids, cache, adapter in zip(prompts, caches, (None, "one"), strict=True):
            forwarding.read([Block(ids, cache, adapter)])
        return caches

    with torch.inference_mode():
        singly, together = started(), started()
        expected = [forwarding.step([token], singly[:1], [None])[0] for token in tokens]
        expected += [forwarding.step([token], singly[1:], ["one"])[0] for token in tokens]
        told = forwarding.step(tokens * 2, [together[0]] * 4 + [together[1]] * 4, [None] * 4 + ["one"] * 4)
    assert all(torch.equal(one, other) for one, other in zip(expected, told, strict=True))


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(max_new_tokens=40),
        Sampling(max_new_tokens=40, repetition_penalty=1.3),
        Sampling(max_new_tokens=40, temperature=0.8, seed=3),
        Sampling(max_new_tokens=40, stop=("e",)),
    ],
)
def test_guesses_right_and_wrong_change_no_answer_and_save_steps(
    tiny_engine: Engine, sampling: Sampling, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [
        GenerationRequest(str(number), [{"role": "user", "content": prompt}], None, sampling)
        for number, prompt in enumerate(PROMPTS)
    ]
    made: list[Drafts] = []
    begin = Drafts.__init__
    monkeypatch.setattr(Drafts, "__init__", lambda self, prompt: (begin(self, prompt), made.append(self))[0])
    monkeypatch.setattr(Drafts, "guess", lambda self, most: [])
    expected = [_ended(tiny_engine, [request])[request.id] for request in asked]
    whole = [list(drafts._ids) for drafts in made]

    def oracle(self: Drafts, most: int) -> list[int]:
        """What comes next, but for every third guess, whose second token is wrong."""
        ids = next(ids for ids in whole if ids[: len(self._ids)] == self._ids)
        right = ids[len(self._ids) :][: min(most, 5)]
        return [*right[:1], 5, *right[2:]] if len(self._ids) % 3 == 0 and len(right) > 1 else right

    monkeypatch.setattr(Drafts, "guess", oracle)
    steps: list[int] = []
    step = tiny_engine._forwarding.step
    monkeypatch.setattr(
        tiny_engine._forwarding, "step", lambda *given, **options: steps.append(1) or step(*given, **options)
    )
    assert [_ended(tiny_engine, [request])[request.id] for request in asked] == expected
    if not sampling.stop:
        assert len(steps) < 0.5 * sum(done[1] for done in expected)
    together = _ended(tiny_engine, asked)
    assert [together[request.id] for request in asked] == expected


def _ended(engine: Engine, requests: list[GenerationRequest]) -> dict[str, tuple[str, int, str]]:
    """Text, tokens and reason of each request."""
    told = collect(engine.stream(requests))
    return {key: (text, done.completion_tokens, done.finish_reason) for key, (text, done) in told.items()}
