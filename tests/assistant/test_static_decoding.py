"""Answers in slots: the text that they have without, whoever is beside them, and slots that keep nothing."""

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from assistant import static_decoding
from assistant.arms import Sampling
from assistant.engine import Engine, EngineFailed, GenerationRequest
from assistant.forwarding import shorten
from assistant.slots import SlotShape
from assistant.static_decoding import StaticDecoding
from tests.assistant.in_slots import ANSWERS, GREEDY, Rows, Texts, alone, built, mixed, texts
from tests.assistant.steps import Steps, arriving_together
from tests.assistant.test_engine import collect
from tests.assistant.tiny_model import save_adapter
from tests.torch_threads import torch_threads


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with torch_threads(1):
        yield


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two adapters of different rank and places; the second outgrows the bank's first buffers."""
    root = tmp_path_factory.mktemp("ranks")
    wide = {"r": 24, "target_modules": ["q_proj", "o_proj", "gate_proj", "down_proj"]}
    return {"a": save_adapter(root / "a", 1), "b": save_adapter(root / "b", 2, scale=0.2, **wide)}


@pytest.fixture
def lean_engine(folders: dict[str, Path]) -> Iterator[Engine]:
    engine = built(None, folders)
    assert engine._forwarding.slots is None
    yield engine
    engine.close()


@pytest.fixture
def engine(folders: dict[str, Path]) -> Iterator[Engine]:
    """With four slots of 300 tokens; the model's context is 512."""
    engine = built(SlotShape(4, 300), folders)
    yield engine
    assert free(engine) == engine._forwarding.slots.shape.count  # type: ignore[union-attr]
    engine.close()


def free(engine: Engine) -> int:
    assert engine._forwarding.slots is not None
    return engine._forwarding.slots.free


class Calls:
    """Counts the rows of each step in slots and without."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.in_slots: list[int] = []
        self.without: list[int] = []
        self.read: list[int] = []
        static, lean = engine._forwarding._static, engine._forwarding._lean
        for part, name, seen in (
            (static, "step", self.in_slots),
            (static, "read", self.read),
            (lean, "step", self.without),
        ):
            monkeypatch.setattr(part, name, self._counted(getattr(part, name), seen))

    @staticmethod
    def _counted(call: Callable[..., Any], seen: list[int]) -> Callable[..., Any]:
        def counted(first: Any, *rest: Any, **options: Any) -> Any:
            seen.append(len(first))
            return call(first, *rest, **options)

        return counted


def test_answers_in_slots_have_the_text_they_have_without(
    engine: Engine, lean_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = mixed(12)
    expected = alone(lean_engine, requests)
    calls = Calls(engine, monkeypatch)
    assert alone(engine, requests[:4]) == {key: expected[key] for key in ("n0", "n1", "n2", "n3")}
    assert not calls.without
    told: Texts = {}
    # Three callers who come and go at their own times; twelve answers at once do not fit into four slots.
    shares = [requests[start::3] for start in range(3)]
    threads = [threading.Thread(target=lambda s=share: told.update(texts(engine, s))) for share in shares]
    arriving_together(engine, len(requests))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == expected
    assert max(calls.in_slots) == 4
    assert max(calls.without) == 8
    assert max(calls.read) == 4
    assert len(set(expected.values())) == 12


def test_a_long_answer_is_looked_at_in_ever_longer_parts(
    lean_engine: Engine, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(static_decoding, "_LEAST_PLACES", 32)
    engine = built(SlotShape(4, 300), folders)
    static = engine._forwarding._static
    assert static is not None
    assert static._lengths == [32, 64, 128, 256, 300]
    requests = mixed(2, tokens=80)
    assert texts(engine, requests) == alone(lean_engine, requests)
    assert len(static._recordings) > 2
    engine.close()


def test_who_needs_more_than_a_slot_holds_gets_the_same_text(
    engine: Engine, lean_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = GenerationRequest("long", list(range(4, 304)), "a", Sampling(max_new_tokens=40))
    requests = [long, *mixed(2)]
    expected = alone(lean_engine, requests)
    calls = Calls(engine, monkeypatch)
    arriving_together(engine, len(requests))
    assert texts(engine, requests) == expected
    assert (max(calls.in_slots), max(calls.without)) == (2, 1)


def test_a_prefix_is_copied_into_the_slot(engine: Engine, lean_engine: Engine) -> None:
    shared = "The same long beginning of two questions, " * 8
    requests = [
        GenerationRequest(end, [{"role": "user", "content": shared + end}], "b", GREEDY) for end in ("1", "2")
    ]
    told = {r.id: collect(engine.stream([r]))[r.id] for r in requests}
    assert {key: text for key, (text, _) in told.items()} == alone(lean_engine, requests)
    assert [told[key][1].cached_tokens >= 128 for key in ("1", "2")] == [False, True]


def test_a_slot_keeps_nothing_of_who_was_cancelled(lean_engine: Engine, folders: dict[str, Path]) -> None:
    engine = built(SlotShape(1, 500), folders, prefix_bytes=0)
    slots = engine._forwarding.slots
    assert slots is not None
    nonce = GenerationRequest("nonce", list(range(4, 260)), None, Sampling(max_new_tokens=200))
    events = engine.stream([nonce])
    with Steps(engine, allowed=8):
        next(events)
        engine.cancel("nonce")
    assert collect(events)["nonce"][1].finish_reason == "cancelled"
    assert slots.states[:, :, 0].any()
    # Not even what is no number.
    with torch.inference_mode():
        slots.states.fill_(torch.nan)
    requests = mixed(2)
    assert alone(engine, requests) == alone(lean_engine, requests)
    # Behind the short answer nothing was written, and nothing is left.
    assert slots.states[:, :, 0, :, :20].any()
    assert not slots.states[:, :, 0, :, 150:500].any()
    engine.close()


def test_adapters_come_and_go_and_change_while_others_answer(
    engine: Engine, lean_engine: Engine, folders: dict[str, Path]
) -> None:
    base = GenerationRequest("base", [4, 5, 6], None, Sampling(max_new_tokens=120))
    with_a, with_b = mixed(3)[1:]
    expected = alone(lean_engine, [base, with_a, with_b])
    lean_engine.load_adapter("a", folders["b"])
    replaced = alone(lean_engine, [with_a])[with_a.id]
    assert replaced != expected[with_a.id]
    told: Texts = {}
    answering = threading.Thread(target=lambda: told.update(texts(engine, [base])))
    with Steps(engine, allowed=5):
        answering.start()
        assert engine._forwarding._static is not None
    assert alone(engine, [with_a, with_b]) == {key: expected[key] for key in (with_a.id, with_b.id)}
    engine.load_adapter("a", folders["b"])
    assert alone(engine, [with_a])[with_a.id] == replaced
    engine.unload_adapter("a")
    (failed,) = engine.stream([with_a])
    assert isinstance(failed, EngineFailed)
    engine.load_adapter("a", folders["a"])
    assert alone(engine, [with_a])[with_a.id] == expected[with_a.id]
    answering.join()
    assert told == {"base": expected["base"]}


def test_a_prompt_that_cannot_be_read_leaves_the_others_and_the_slots(
    engine: Engine, lean_engine: Engine
) -> None:
    requests = mixed(3)
    expected = alone(lean_engine, requests)
    requests.insert(1, GenerationRequest("broken", [4, 10**6, 5], None, GREEDY))
    arriving_together(engine, len(requests))
    ends = collect(engine.stream(requests))
    assert isinstance(ends["broken"][1], EngineFailed)
    assert {key: ends[key][0] for key in expected} == expected
    assert engine._forwarding._static is not None


def refused(work: Any) -> Any:
    raise RuntimeError("operation not permitted when stream is capturing\nCUDA kernel errors ...")


def test_slots_that_fail_are_given_up_and_the_answers_go_on(
    lean_engine: Engine, folders: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    engine = built(SlotShape(4, 300), folders)
    requests = mixed(6, tokens=30)
    expected = alone(lean_engine, requests)
    events = engine.stream(requests)
    with Steps(engine, allowed=12):
        begun = [next(events) for _ in range(6)]
        static = engine._forwarding._static
        assert static is not None
        # In the midst of the answers, as when memory for a longer part is lacking.
        static._recordings.clear()
        static._recorder = refused  # type: ignore[assignment]
    told = collect(iter([*begun, *events]))
    assert {key: text for key, (text, _) in told.items()} == expected
    assert engine._forwarding._static is None
    assert texts(engine, requests) == expected
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "answers are decoded in slots no more: operation not permitted when stream is capturing"
    ]
    engine.close()


@pytest.mark.parametrize("error", [0.5, float("nan"), torch.OutOfMemoryError("no memory")])
def test_slots_whose_logits_are_off_are_not_used(
    error: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def off(*_: Any) -> float:
        if isinstance(error, Exception):
            raise error
        return float(error)

    monkeypatch.setattr(StaticDecoding, "_error", off)
    engine = built(SlotShape(4, 300), {})
    assert engine._forwarding.slots is None
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("answers are not decoded in slots: ")
    assert texts(engine, mixed(1))
    engine.close()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_row_has_the_same_bits_whoever_is_beside_it_and_in_any_slot(dtype: torch.dtype) -> None:
    with torch.inference_mode():
        rows = Rows(dtype)
        expected = []
        for ids, adapter in ANSWERS:
            cache = rows.read(ids, adapter)
            expected += rows.step([cache], [adapter])
            rows.caches.release(cache)
        # Slots are given in the order in which they become free: the last now come first.
        filler = [rows.read([5], None) for _ in range(3)]
        for cache in filler:
            rows.caches.release(cache)
        caches = [rows.read(*answer) for answer in ANSWERS]
        # A step of others writes nothing into slots that wait.
        rows.step(caches[4:5], [None])
        shorten(caches[4], len(ANSWERS[4][0]))
        assert [rows.static.slots.slot_of(cache) for cache in caches] != list(range(8))
        together = rows.step(caches, [adapter for _, adapter in ANSWERS])
        bare = Rows(dtype, loaded=False)
        base = bare.step([bare.read(ANSWERS[0][0], None)], [None])[0]
    for number, (one, other) in enumerate(zip(expected, together, strict=True)):
        assert torch.equal(one, other), number
    assert torch.equal(base, together[0])
    assert not torch.equal(expected[1], expected[2])


def test_adapters_too_large_for_their_places_answer_without_slots(
    engine: Engine, lean_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = mixed(3)
    expected = alone(lean_engine, requests)
    static = engine._forwarding._static
    assert static is not None
    monkeypatch.setattr(static._bank, "_most_bytes", 100)
    arriving_together(engine, 3)
    assert texts(engine, requests) == expected
    assert engine._forwarding._static is static
