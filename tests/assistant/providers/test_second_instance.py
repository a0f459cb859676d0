"""A second Tandem asks the first one's server: every arm, adapters by name, hanging up, vectors."""

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest

from assistant.arms import BASE, RAG, Answer, Arm, Failed, Finished, Retrieved, Sampling, Token
from assistant.errors import ProviderError
from tests.assistant.running import ADAPTER, Served, listening
from tests.assistant.steps import Steps
from tests.waiting import until

if TYPE_CHECKING:
    from assistant.app import App

QUESTION = "How much does the pump weigh?"
TUNED = f"sft:{ADAPTER}"


@pytest.fixture(params=["far", "yuan"])
def answering(request: pytest.FixtureRequest, near: "App") -> Iterator["App"]:
    """The second instance with the first one's base model chosen, over OpenAI's API and through ChatYuan2."""
    near.answer_with(f"provider:{request.param}/base")
    yield near
    near.answer_with("")


@pytest.fixture
def far(near: "App") -> Iterator["App"]:
    near.answer_with("provider:far/base")
    yield near
    near.answer_with("")


def ask(app: "App", arms: list[Arm], **options: object) -> dict[str, Answer]:
    answers = {}
    for event in app.ask(QUESTION, arms=arms, base_ids=app.base_ids(None), **options):  # type: ignore[arg-type]
        if isinstance(event, Failed):
            raise event.error
        if isinstance(event, Finished):
            answers[event.arm.name] = event.answer
    return answers


def test_arms_are_answered_by_the_other_server(answering: "App") -> None:
    answers = ask(answering, [BASE, RAG])
    assert "12 kilograms" in answers["rag"].text
    assert [citation.passage.source_name for citation in answers["rag"].citations] == ["pump.md"]
    assert answers["base"].text
    record = answers["rag"].record
    assert record is not None
    assert record.model.endswith("/base")
    assert answers["rag"].prompt.startswith("[user]\n")


def test_an_adapter_is_another_model_on_that_server(far: "App", served: Served) -> None:
    assert far.adapters() == [TUNED]
    arms = [far.arm(name) for name in ("base", f"sft:{TUNED}", f"rag+sft:{TUNED}")]
    answers = ask(far, arms, sampling=Sampling(max_new_tokens=12))
    tuned = answers[f"sft:{TUNED}"]
    assert tuned.text != answers["base"].text
    assert tuned.record is not None
    assert (tuned.record.model, tuned.record.adapter) == (f"far/{TUNED}", TUNED)
    assert answers[f"rag+sft:{TUNED}"].finish_reason in ("stop", "length")


def test_counts_and_clocks_come_along(far: "App") -> None:
    answer = ask(far, [BASE], sampling=Sampling(max_new_tokens=6))["base"]
    assert answer.prompt_tokens > 5
    assert 1 <= answer.completion_tokens <= 6
    assert answer.timings_ms["total"] >= answer.timings_ms["first_token"] > 0


def test_the_same_seed_draws_the_same_answer(far: "App") -> None:
    drawn = [
        ask(far, [BASE], sampling=Sampling(temperature=1.0, seed=seed, max_new_tokens=8))["base"].text
        for seed in (7, 7, 8)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_leaving_the_answer_frees_the_other_server(far: "App", served: Served) -> None:
    engine = served.app.loaded.engine()
    events = far.ask(
        "Count from one to a thousand.", arms=[BASE], base_ids=(), sampling=Sampling(max_new_tokens=900)
    )
    with Steps(engine, allowed=20) as steps:
        assert any(isinstance(event, Token) for event in events)
        assert engine.running
        events.close()  # type: ignore[attr-defined]
        steps.until_cancelled()
        steps.go_on()
        until(lambda: not engine.running)
    assert {getattr(end, "finish_reason", end) for end in steps.ended} == {"cancelled"}


def test_our_own_api_serves_the_other_server_s_model(far: "App") -> None:
    from assistant.serving import build_server

    with listening(build_server(far)) as url:
        listed = [row["id"] for row in httpx.get(f"{url}/v1/models", timeout=30).json()["data"]]
        assert {"base", "rag", f"sft:{TUNED}"} <= set(listed)
        asked = {"model": "rag", "messages": [{"role": "user", "content": QUESTION}]}
        reply = httpx.post(f"{url}/v1/chat/completions", json=asked, timeout=60).json()
        assert "12 kilograms" in reply["choices"][0]["message"]["content"]
        raw = httpx.post(f"{url}/v1/completions", json={"model": "base", "prompt": "A"}, timeout=60)
        assert raw.status_code == 400
        assert "/v1/chat/completions" in raw.json()["error"]["message"]


def test_probabilities_are_those_that_the_other_server_tells(far: "App", served: Served) -> None:
    from assistant.serving import build_server

    asked = {"model": "base", "messages": [{"role": "user", "content": "Name a colour."}], "logprobs": True}
    asked |= {"top_logprobs": 2, "max_tokens": 5, "temperature": 0}
    there = served.post("/v1/chat/completions", asked).json()["choices"][0]["logprobs"]["content"]
    with listening(build_server(far)) as url:
        reply = httpx.post(f"{url}/v1/chat/completions", json=asked, timeout=60)
        here = reply.json()["choices"][0]["logprobs"]["content"]
        assert [token["token"] for token in here] == [token["token"] for token in there]
        assert all(len(token["top_logprobs"]) == 2 for token in here)
        far.answer_with("provider:yuan/base")
        refused = httpx.post(f"{url}/v1/chat/completions", json=asked, timeout=60)
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "logprobs")


def test_an_unknown_model_is_one_clear_line(near: "App") -> None:
    near.answer_with("provider:far/nope")
    try:
        with pytest.raises(ProviderError, match="has no model nope"):
            ask(near, [RAG])
    finally:
        near.answer_with("")


def test_the_choice_outlives_the_process_and_can_be_taken_back(near: "App") -> None:
    from assistant.settings import load_settings

    near.answer_with("provider:far/base")
    assert load_settings(data_dir=near.settings.data_dir).models.chat == "provider:far/base"
    near.answer_with("")
    assert load_settings(data_dir=near.settings.data_dir).models.chat == "smollm2-135m-reader"


def test_trying_a_server_tells_models_and_times(near: "App") -> None:
    tried = near.providers.test("far", model="base")
    assert {"base", "rag", TUNED} <= {model.id for model in tried.models}
    assert tried.latency_ms > 0
    assert tried.answer
    assert tried.first_word_ms > 0


def test_vectors_are_those_of_the_other_server_s_model(near: "App", served: Served) -> None:
    there = near.knowledge.embedder("provider:far/all-minilm-l6-v2")
    here = served.app.knowledge.embedder("all-minilm-l6-v2")
    texts = ["a pump", "the seal of a pump", ""] * 30
    vectors = there.embed_documents(texts)
    assert vectors.shape == (90, 384)
    # An empty text is sent as a space: servers refuse nothing at all.
    assert np.allclose(vectors[:2], here.embed_documents(texts[:2]), atol=1e-3)
    assert np.allclose(there.embed_query("pump"), here.embed_query("pump"), atol=1e-3)
    assert there.languages == here.languages
    assert there.identity == f"{served.v1}:all-minilm-l6-v2:{there.identity.split(':')[-2]}:384"


def test_a_base_is_embedded_by_the_other_server(near: "App") -> None:
    base = near.knowledge.create_base("far away", embedder="provider:far/all-minilm-l6-v2")
    try:
        inputs = [near.gather([near.original(near.sources(near.base("pumps").id)[0].id)])[0][0]]
        assert list(near.index(base.id, inputs))
        (found,) = near.search("weight of the pump", base_ids=[base.id], mode="dense").passages
        assert "12 kilograms" in found.text
    finally:
        near.delete_base(base.id)


def test_several_questions_at_once_get_their_own_answers(far: "App") -> None:
    found: dict[int, int] = {}

    def count(number: int) -> None:
        retrieved = [
            event
            for event in far.ask(f"{QUESTION} ({number})", arms=[RAG], base_ids=far.base_ids(None))
            if isinstance(event, Retrieved)
        ]
        found[number] = int(retrieved[0].query.rpartition("(")[2].rstrip(")?"))

    threads = [threading.Thread(target=count, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {number: number for number in range(6)}
