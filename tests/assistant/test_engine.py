"""The engine: same text as transformers, many requests, stop strings, cancelling, prefixes, errors."""

import copy
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch

from assistant.arms import Sampling
from assistant.engine import Engine, EngineDone, EngineEvent, EngineFailed, EngineToken, GenerationRequest
from tests.assistant.steps import Steps, arriving_together
from tests.assistant.tiny_model import build_tiny
from tests.waiting import until

PROMPTS = [
    "How heavy is the pump?",
    "水泵有多重？请根据文档回答。",
    "Answer briefly. " * 30,
    "🚰 emoji and café",
]


def ask(
    engine: Engine, prompt: str, sampling: Sampling, adapter: str | None = None
) -> tuple[str, EngineDone]:
    """One request's text and closing event."""
    request = GenerationRequest("only", [{"role": "user", "content": prompt}], adapter, sampling)
    return collect(engine.stream([request]))["only"]


def collect(events: Iterator[EngineEvent]) -> dict[str, tuple[str, Any]]:
    """Each request's whole text and its closing event."""
    texts: dict[str, str] = {}
    ends: dict[str, Any] = {}
    for event in events:
        if isinstance(event, EngineToken):
            texts[event.request_id] = texts.get(event.request_id, "") + event.text
        else:
            ends[event.request_id] = event
    return {key: (texts.get(key, ""), end) for key, end in ends.items()}


def by_transformers(model: Any, tokenizer: Any, prompt: str, tokens: int, **options: Any) -> str:
    """What `generate` says to the same prompt."""
    ids = tokenizer.apply_chat_template(
        [{"role": "user", "content": prompt}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=False,
    )
    out = model.generate(ids, max_new_tokens=tokens, do_sample=False, **options)
    return str(tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)).rstrip("\ufffd")


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_an_opening_can_be_favoured_or_kept_off(tiny_engine: Engine, temperature: float) -> None:
    _, tokenizer = build_tiny()
    token = tokenizer("W", add_special_tokens=False)["input_ids"][0]
    drawn = Sampling(max_new_tokens=8, temperature=temperature, opening="W" * 3, opening_bias=1e4)
    text, _ = ask(tiny_engine, PROMPTS[0], drawn)
    # The first token only: the rest is the model's own.
    assert text.startswith(tokenizer.decode([token]))
    assert not text.startswith("WWW")
    plain, _ = ask(tiny_engine, PROMPTS[0], Sampling(max_new_tokens=1))
    opening = Sampling(max_new_tokens=1, opening=plain, opening_bias=-1e4)
    assert ask(tiny_engine, PROMPTS[0], opening)[0] != plain


@pytest.mark.parametrize("penalty", [1.0, 1.3])
def test_greedy_text_is_that_of_generate(tiny_engine: Engine, penalty: float) -> None:
    model, tokenizer = build_tiny()
    sampling = Sampling(max_new_tokens=40, repetition_penalty=penalty)
    for prompt in PROMPTS:
        expected = by_transformers(model, tokenizer, prompt, 40, repetition_penalty=penalty)
        text, done = ask(tiny_engine, prompt, sampling)
        assert text == expected
        assert done.finish_reason in ("length", "stop")
        assert done.prompt_tokens > 0


def test_requests_of_one_call_interleave_and_do_not_disturb_each_other(tiny_engine: Engine) -> None:
    sampling = Sampling(max_new_tokens=30)
    alone = {str(i): ask(tiny_engine, prompt, sampling)[0] for i, prompt in enumerate(PROMPTS)}
    requests = [
        GenerationRequest(str(i), [{"role": "user", "content": prompt}], sampling=sampling)
        for i, prompt in enumerate(PROMPTS)
    ]
    arriving_together(tiny_engine, len(requests))
    events = list(tiny_engine.stream(requests))
    assert {key: text for key, (text, _) in collect(iter(events)).items()} == alone
    order = [event.request_id for event in events if isinstance(event, EngineToken)]
    first_end = next(i for i, event in enumerate(events) if isinstance(event, EngineDone))
    assert set(order[:first_end]) == {"0", "1", "2", "3"}


def test_two_callers_at_once_each_get_their_own(tiny_engine: Engine) -> None:
    sampling = Sampling(max_new_tokens=20)
    alone = [ask(tiny_engine, prompt, sampling)[0] for prompt in PROMPTS[:2]]
    streams = [
        tiny_engine.stream([GenerationRequest(f"c{i}", [{"role": "user", "content": p}], sampling=sampling)])
        for i, p in enumerate(PROMPTS[:2])
    ]
    first = next(streams[0]), next(streams[1])
    texts = [collect(stream)[f"c{i}"][0] for i, stream in enumerate(streams)]
    assert [event.text + rest for event, rest in zip(first, texts, strict=True)] == alone  # type: ignore[union-attr]


def test_a_shared_beginning_is_read_once_and_changes_nothing(tiny_engine: Engine) -> None:
    sampling = Sampling(max_new_tokens=25)
    shared = "The same long beginning of two questions, " * 12
    text, first = ask(tiny_engine, shared + "one?", sampling)
    again, second = ask(tiny_engine, shared + "one?", sampling)
    other, third = ask(tiny_engine, shared + "two?", sampling)
    assert first.cached_tokens == 0
    assert second.cached_tokens >= 128
    assert third.cached_tokens >= 128
    model, tokenizer = build_tiny()
    fresh = Engine(model, tokenizer, prefix_bytes=0)
    assert again == text
    assert ask(fresh, shared + "two?", sampling)[0] == other
    assert ask(fresh, shared + "two?", sampling)[1].cached_tokens == 0
    fresh.close()


def test_half_precision_gives_the_same_logits_with_and_without_the_cache() -> None:
    from assistant.prefix_cache import PrefixCache, block_ends

    model = build_tiny()[0].to(torch.bfloat16)
    ids = list(range(4, 204))
    cache = PrefixCache(model.config, max_bytes=1 << 20)

    def read() -> tuple[torch.Tensor, int]:
        states, at = cache.start(None, ids)
        cached, logits = at, torch.empty(0)
        for end in block_ends(len(ids)):
            if end > at:
                logits = model(torch.tensor([ids[at:end]]), past_key_values=states).logits[0, -1]
                at = end
        cache.keep(None, ids, states)
        return logits, cached

    with torch.inference_mode():
        cold, none = read()
        warm, some = read()
    assert (none, some) == (0, 128)
    assert torch.equal(cold, warm)


def test_prefixes_stay_within_their_memory() -> None:
    from assistant.prefix_cache import PrefixCache

    model = build_tiny()[0]
    one_prompt = 128 * 2 * 2 * 2 * 16 * 4  # tokens, layers, keys and values, heads, width, bytes
    cache = PrefixCache(model.config, max_bytes=2 * one_prompt)
    for start in (4, 5, 6):
        ids = list(range(start, start + 130))
        states, _ = cache.start(None, ids)
        with torch.inference_mode():
            model(torch.tensor([ids]), past_key_values=states)
        cache.keep(None, ids, states)
    assert cache.start(None, list(range(4, 134)))[1] == 0
    assert cache.start(None, list(range(5, 135)))[1] == 128
    assert cache.start("adapter", list(range(5, 135)))[1] == 0


@pytest.mark.parametrize("length", [1, 3, 6])
def test_a_stop_string_never_shows_even_in_part(tiny_engine: Engine, length: int) -> None:
    full, _ = ask(tiny_engine, PROMPTS[0], Sampling(max_new_tokens=40))
    stop = full[10 : 10 + length]
    at = full.index(stop)
    request = GenerationRequest(
        "s",
        [{"role": "user", "content": PROMPTS[0]}],
        sampling=Sampling(max_new_tokens=40, stop=("∅∅", stop)),
    )
    text, done = collect(tiny_engine.stream([request]))["s"]
    assert text == full[:at]
    assert done.finish_reason == "stop"


def test_pieces_far_apart_hold_the_same_text_and_likelihoods(tiny_engine: Engine) -> None:
    messages = [{"role": "user", "content": PROMPTS[0]}]
    sampling = Sampling(max_new_tokens=24, logprobs=1)
    each, few = (
        list(tiny_engine.stream([GenerationRequest("r", messages, sampling=sampling, piece_ms=ms)]))
        for ms in (0.0, 60_000.0)
    )
    pieces = [[event for event in events if isinstance(event, EngineToken)] for events in (each, few)]
    assert len(pieces[0]) > 10
    assert len(pieces[1]) == 2  # the first word at once, the rest when it is complete
    assert pieces[1][0] == pieces[0][0]
    assert len({"".join(piece.text for piece in some) for some in pieces}) == 1
    told = [[one for event in events for one in getattr(event, "logprobs", ())] for events in (each, few)]
    assert told[0] == told[1]
    assert len(told[0]) == 24


def test_a_stop_string_that_never_comes_loses_nothing(tiny_engine: Engine) -> None:
    full, _ = ask(tiny_engine, PROMPTS[0], Sampling(max_new_tokens=20))
    text, done = ask(tiny_engine, PROMPTS[0], Sampling(max_new_tokens=20, stop=(full[-3:] + "∅",)))
    assert text == full
    assert done.finish_reason == "length"


def test_a_seed_repeats_a_draw_whatever_runs_beside_it(tiny_engine: Engine) -> None:
    drawn = Sampling(max_new_tokens=30, temperature=1.0, top_p=0.9, top_k=50, seed=3)
    text, _ = ask(tiny_engine, PROMPTS[0], drawn)
    requests = [
        GenerationRequest(key, [{"role": "user", "content": PROMPTS[0]}], sampling=sampling)
        for key, sampling in {
            "same": drawn,
            "other": Sampling(max_new_tokens=30, temperature=1.0, seed=4),
            "free": Sampling(max_new_tokens=30, temperature=1.0, seed=None),
        }.items()
    ]
    texts = {key: text for key, (text, _) in collect(tiny_engine.stream(requests)).items()}
    assert texts["same"] == text
    assert texts["other"] != text
    assert texts["free"] not in (text, texts["other"])


def test_one_candidate_is_greedy(tiny_engine: Engine) -> None:
    greedy, _ = ask(tiny_engine, PROMPTS[0], Sampling(max_new_tokens=20))
    for narrow in ({"top_k": 1}, {"top_p": 0.0}):
        sampling = Sampling(max_new_tokens=20, temperature=1.5, **narrow)
        assert ask(tiny_engine, PROMPTS[0], sampling)[0] == greedy


def test_closing_the_iterator_frees_the_engine(tiny_engine: Engine) -> None:
    events = tiny_engine.stream(
        [GenerationRequest("long", [4, 5, 6], sampling=Sampling(max_new_tokens=400, seed=1, temperature=2.0))]
    )
    with Steps(tiny_engine, allowed=5) as steps:
        next(events)
        events.close()  # type: ignore[attr-defined]
        steps.go_on()
        text, _ = ask(tiny_engine, PROMPTS[0], Sampling(max_new_tokens=3))
        assert text
        assert tiny_engine.running == ()
    (ended, _) = steps.ended
    assert isinstance(ended, EngineDone)
    assert (ended.request_id, ended.finish_reason) == ("long", "cancelled")


def test_cancel_ends_one_request_and_says_so(tiny_engine: Engine) -> None:
    draws = Sampling(max_new_tokens=300, temperature=2.0, seed=1)
    events = tiny_engine.stream(
        [GenerationRequest("a", [4, 5, 6], sampling=draws), GenerationRequest("b", [7, 8], sampling=draws)]
    )
    with Steps(tiny_engine, allowed=5):
        next(events)
        tiny_engine.cancel("a")
        tiny_engine.cancel("unknown")
    ends = collect(events)
    assert ends["a"][1].finish_reason == "cancelled"
    assert ends["b"][1].finish_reason in ("length", "stop")
    assert ends["a"][1].completion_tokens < ends["b"][1].completion_tokens


def failure(engine: Engine, request: GenerationRequest) -> EngineFailed:
    """The one event of a request that cannot be served."""
    (event,) = engine.stream([request])
    assert isinstance(event, EngineFailed)
    return event


def test_what_cannot_be_served_is_told_and_the_next_request_works(tiny_engine: Engine) -> None:
    too_long = failure(tiny_engine, GenerationRequest("x", list(range(4, 104)) * 6))
    assert too_long.error.code == "prompt_too_long"
    assert "512" in too_long.error.text("zh")
    assert failure(tiny_engine, GenerationRequest("x", [])).error.code == "prompt_empty"
    missing = failure(tiny_engine, GenerationRequest("x", [4, 5], adapter="nobody"))
    assert missing.error.code == "adapter_not_loaded"
    broken = failure(tiny_engine, GenerationRequest("x", [4, 10**6]))
    assert broken.error.code == "generation_failed"
    assert ask(tiny_engine, PROMPTS[0], Sampling(max_new_tokens=2))[1].completion_tokens == 2


def test_an_answer_ends_where_the_context_ends(tiny_engine: Engine) -> None:
    request = GenerationRequest("x", list(range(4, 104)) * 5, sampling=Sampling(max_new_tokens=100))
    _, done = collect(tiny_engine.stream([request]))["x"]
    assert done.prompt_tokens + done.completion_tokens <= tiny_engine.context_tokens


def test_equal_ids_in_one_call_are_a_mistake(tiny_engine: Engine) -> None:
    with pytest.raises(ValueError, match="different ids"):
        list(tiny_engine.stream([GenerationRequest("a", [4]), GenerationRequest("a", [5])]))


def test_a_closed_engine_answers_with_an_error() -> None:
    model, tokenizer = build_tiny()
    engine = Engine(model, tokenizer)
    engine.close()
    assert failure(engine, GenerationRequest("x", [4, 5])).error.code == "engine_closed"


def test_closing_the_engine_ends_what_runs() -> None:
    model, tokenizer = build_tiny()
    engine = Engine(model, tokenizer)
    events = engine.stream(
        [GenerationRequest("x", [4], sampling=Sampling(max_new_tokens=400, temperature=2.0))]
    )
    with Steps(engine, allowed=5):
        next(events)
        closing = threading.Thread(target=engine.close)
        closing.start()
        until(engine._closed.is_set)
    closing.join()
    *_, last = events
    assert isinstance(last, EngineFailed)
    assert last.error.code == "engine_closed"


def test_thinking_is_asked_for_and_told_apart(tiny_engine: Engine) -> None:
    messages = [{"role": "user", "content": "?"}]
    assert tiny_engine.render(messages, thinking=True).text.endswith("<think>\n")
    assert not tiny_engine.render(messages, thinking=False).text.endswith("<think>\n")
    request = GenerationRequest("t", messages, sampling=Sampling(max_new_tokens=5, thinking=True))
    tokens = [event for event in tiny_engine.stream([request]) if isinstance(event, EngineToken)]
    assert tokens
    assert all(token.thinking for token in tokens)


def test_a_template_that_refuses_is_told(tiny_engine: Engine) -> None:
    tiny_engine._tokenizer.chat_template = "{{ raise_exception('no system role') }}"
    request = GenerationRequest("x", [{"role": "system", "content": "?"}])
    error = failure(tiny_engine, request).error
    assert error.code == "chat_template_failed"
    assert "no system role" in error.text()


@pytest.mark.slow
def test_the_embedded_model_says_what_generate_says(embedded_chat_model: Any) -> None:
    # In fp32: in half precision kernels round differently, and either may win a near tie.
    model, tokenizer = copy.deepcopy(embedded_chat_model.model).float(), embedded_chat_model.tokenizer
    questions: Sequence[str] = [
        "What is the capital of France?",
        "请用中文介绍北京。",
        "List uses of copper. " * 30,
    ]
    expected = [by_transformers(model, tokenizer, question, 48) for question in questions]
    engine = Engine(model, tokenizer, name="embedded")
    assert [ask(engine, question, Sampling(max_new_tokens=48))[0] for question in questions] == expected
    engine.close()
