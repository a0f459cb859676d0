"""Providers by configuration and by the page: kept privately, named clearly, never with their keys in sight."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from assistant.app import App
from assistant.errors import AssistantError, ProviderError, SettingsError
from assistant.providers.asking import Hangup
from assistant.providers.config import parse_provider_model
from assistant.providers.registry import Providers
from assistant.providers.stored import FILE_NAME
from assistant.settings import flat_settings, load_settings
from tests.assistant.providers.conftest import Exchange, speaking

KEY = "sk-very-secret-1234"


def registry(data_dir: Path) -> Providers:
    return Providers(load_settings(data_dir=data_dir))


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        ("openai", "localhost:8000", "http://localhost:8000/v1"),
        ("openai", "https://lab.example/openai/", "https://lab.example/openai"),
        ("openai", "http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
        ("ollama", "", "http://127.0.0.1:11434"),
        ("ollama", "http://127.0.0.1:11434/v1", "http://127.0.0.1:11434"),
        ("yuan2", "", "http://127.0.0.1:8000/v1"),
    ],
)
def test_addresses_are_completed(kind: Any, given: str, kept: str, data_dir: Path) -> None:
    assert registry(data_dir).add("lab", given, kind=kind).settings.base_url == kept
    assert registry(data_dir).get("lab").settings.base_url == kept


@pytest.mark.parametrize(
    ("name", "url", "options", "told"),
    [
        ("a/b", "localhost:1", {}, "cannot be called 'a/b'"),
        ("", "localhost:1", {}, "cannot be called ''"),
        ("lab", "", {}, "base_url is missing"),
        ("lab", "ftp://x", {}, "is not an http address"),
        ("lab", f"http://me:{KEY}@x", {}, "a key belongs into api_key"),
        ("lab", "localhost:1", {"timeout_s": -1}, "timeout_s"),
        ("lab", "localhost:1", {"kind": "gemini"}, "kind"),
        ("lab", "http://[::1", {}, "base_url|lab"),
    ],
)
def test_what_cannot_be_a_provider_is_told(
    name: str, url: str, options: dict[str, Any], told: str, data_dir: Path
) -> None:
    with pytest.raises(ProviderError, match=told) as caught:
        registry(data_dir).add(name, url, **options)
    assert KEY not in str(caught.value)
    assert registry(data_dir).all() == []


def test_a_key_with_letters_of_another_script_is_told(data_dir: Path) -> None:
    providers = registry(data_dir)
    providers.add("lab", "127.0.0.1:1", api_key="密钥")
    with pytest.raises(ProviderError, match="its key") as caught:
        providers.models("lab")
    assert "密钥" not in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_the_file_with_keys_is_its_owner_s_only(data_dir: Path) -> None:
    registry(data_dir).add("lab", "localhost:8000", api_key=KEY)
    path = data_dir / FILE_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [child.name for child in data_dir.iterdir()] == [FILE_NAME]
    assert registry(data_dir).get("lab").settings.api_key is not None


def test_keys_are_never_shown(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANDEM_PROVIDERS__LAB__BASE_URL", "localhost:8000")
    monkeypatch.setenv("TANDEM_PROVIDERS__LAB__API_KEY", KEY)
    settings = load_settings(data_dir=data_dir)
    providers = Providers(settings)
    shown = [repr(settings), repr(flat_settings(settings)), repr(providers.all())]
    shown.append(settings.model_dump_json())
    shown.append(repr(providers.chat_model("provider:lab/m")))
    assert not any(KEY in text for text in shown)


def test_the_settings_come_before_the_page(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry(data_dir).add("lab", "localhost:1111")
    monkeypatch.setenv("TANDEM_PROVIDERS__LAB__BASE_URL", "localhost:2222")
    providers = registry(data_dir)
    assert providers.get("lab").settings.base_url == "http://localhost:2222/v1"
    for change in (lambda: providers.add("lab", "localhost:3333"), lambda: providers.remove("lab")):
        with pytest.raises(ProviderError, match="or the environment"):
            change()


def test_a_settings_file_has_a_section_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tandem.toml"
    path.write_text('[providers.lab]\nbase_url = "localhost:8000"\nadapters = ["sql"]\n', encoding="utf-8")
    monkeypatch.setenv("TANDEM_CONFIG", str(path))
    providers = Providers(load_settings(data_dir=tmp_path))
    assert providers.adapters("provider:lab/qwen") == ["sql"]  # the server is not up, the settings know it
    path.write_text('[providers.lab]\nbase_urll = "localhost:8000"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match="base_urll"):
        load_settings(data_dir=tmp_path)
    path.write_text(f'[providers.lab]\napi_key = "{KEY}"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match="base_url is missing") as caught:
        load_settings(data_dir=tmp_path)
    assert KEY not in str(caught.value)
    path.write_text('[providers."a/b"]\nbase_url = "localhost:8000"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match="cannot be called"):
        load_settings(data_dir=tmp_path)


def test_removing_forgets_the_key(data_dir: Path) -> None:
    providers = registry(data_dir)
    providers.add("lab", "localhost:8000", api_key=KEY)
    providers.remove("lab")
    assert KEY not in (data_dir / FILE_NAME).read_text(encoding="utf-8")
    with pytest.raises(ProviderError, match="There is no provider lab"):
        providers.remove("lab")


def test_a_damaged_file_is_told_and_not_overwritten(data_dir: Path) -> None:
    (data_dir / FILE_NAME).write_text('{"providers": [1]}', encoding="utf-8")
    for attempt in (load_settings, lambda **options: registry(data_dir).add("lab", "localhost:1")):
        with pytest.raises(ProviderError, match=FILE_NAME):
            attempt(data_dir=data_dir)
    assert json.loads((data_dir / FILE_NAME).read_text(encoding="utf-8")) == {"providers": [1]}


def test_settings_that_name_the_model_decide(data_dir: Path) -> None:
    settings = load_settings(data_dir=data_dir, models={"chat": "x"})
    with App.open(settings, purpose="tests") as app, pytest.raises(AssistantError, match="which decides"):
        app.answer_with("provider:lab/m")


def test_choosing_a_provider_that_is_not_there_changes_nothing(data_dir: Path) -> None:
    with App.open(load_settings(data_dir=data_dir), purpose="tests") as app:
        before = app.settings.models.chat
        with pytest.raises(ProviderError, match="There is no provider lab"):
            app.answer_with("provider:lab/m")
        assert app.settings.models.chat == before


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("provider:lab/Qwen/Qwen3-4B", ("lab", "Qwen/Qwen3-4B")),
        ("provider:家/llama3:8b", ("家", "llama3:8b")),
        ("provider:lab", None),
        ("Qwen/Qwen3-4B", None),
        ("modelscope:Qwen/Qwen3-4B", None),
    ],
)
def test_names(name: str, parts: tuple[str, str] | None) -> None:
    found = parse_provider_model(name)
    assert (None if found is None else (found.provider, found.model)) == parts
    assert found is None or found.name == name


def test_vllm_s_adapters_and_lengths_are_read(data_dir: Path) -> None:
    rows = [
        {"id": "qwen", "object": "model", "root": "Qwen/Qwen3-4B", "parent": None, "max_model_len": 40960},
        {"id": "sql", "object": "model", "root": "/lora/sql", "parent": "qwen"},
        {"id": "other", "object": "model", "parent": None},
    ]
    with speaking(lambda exchange: exchange.reply({"object": "list", "data": rows})) as url:
        providers = registry(data_dir)
        providers.add("lab", url)
        assert providers.adapters("provider:lab/qwen") == ["sql"]
        assert providers.chat_model("provider:lab/qwen").context_tokens == 40960
        assert providers.chat_model("provider:lab/qwen", "sql").model == "sql"
        providers.close()


def test_what_is_sent_suits_strict_servers(data_dir: Path) -> None:
    from assistant.arms import Sampling

    sent: list[dict[str, Any]] = []

    def note(exchange: Exchange) -> None:
        sent.append(exchange.body)
        exchange.reply({"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]})

    with speaking(note) as url:
        providers = registry(data_dir)
        providers.add("lab", url)
        speaker = providers.speaker("lab")
        for sampling in (Sampling(seed=None), Sampling(top_k=5, repetition_penalty=1.2, thinking=False)):
            list(speaker.chat("m", [{"role": "user", "content": "a"}], sampling, hangup=Hangup()))
        providers.close()
    plain = {"model", "messages", "stream", "stream_options", "temperature", "top_p", "max_tokens"}
    assert set(sent[0]) == plain
    assert set(sent[1]) == plain | {"seed", "top_k", "repetition_penalty", "chat_template_kwargs"}


def test_passages_are_ordered_by_a_rerank_server(data_dir: Path) -> None:
    def rank(exchange: Exchange) -> None:
        """Words in common, as vLLM, Jina and Cohere answer: best first, with each text's place."""
        assert exchange.path == "/v1/rerank"
        words = set(exchange.body["query"].split())
        shares = [len(words & set(text.split())) / len(words) for text in exchange.body["documents"]]
        best = sorted(range(len(shares)), key=lambda at: -shares[at])
        exchange.reply({"results": [{"index": at, "relevance_score": shares[at] * scale} for at in best]})

    with speaking(rank) as url:
        settings = load_settings(data_dir=data_dir, models={"reranker": "provider:lab/bge-reranker-v2-m3"})
        with App.open(settings, purpose="tests") as app:
            app.providers.add("lab", url)
            reranker = app.loaded.reranker()
            scale = 1.0
            assert reranker.rank("red pump", ["a red pump", "a pump", "tea"]) == [1.0, 0.5, 0.0]
            scale = 8.0  # logits
            scores = reranker.rank("red pump", ["tea"] + ["a red pump"] * 120)
            assert len(scores) == 121
            assert scores[0] == 0.5 < scores[120] < 1.0
            assert reranker.rank("red pump", []) == []


def test_text_embeddings_inference_is_asked_in_its_own_words(data_dir: Path) -> None:
    def tei(exchange: Exchange) -> None:
        """What that server has of OpenAI's paths is /v1/embeddings; 404 without a word for the others."""
        if exchange.path == "/info":
            exchange.reply({"model_id": "BAAI/bge-reranker-base", "model_type": {"reranker": {}}})
        elif exchange.path == "/rerank":
            assert len(exchange.body["texts"]) <= 32
            scores = [{"index": at, "score": "12" in text} for at, text in enumerate(exchange.body["texts"])]
            exchange.reply(scores[::-1])
        else:
            exchange.reply(b"", status=404, kind="text/plain")

    with speaking(tei) as url:
        providers = registry(data_dir)
        providers.add("tei", url)
        (model,) = providers.test("tei").models
        assert (model.id, model.kind) == ("BAAI/bge-reranker-base", "reranker")
        ranked = providers.reranker(f"provider:tei/{model.id}").rank("q", ["a"] * 33 + ["12"])
        assert ranked == [0.0] * 33 + [1.0]
        providers.close()


def test_a_changed_address_is_used_at_once_and_names_other_vectors(data_dir: Path) -> None:
    def constant(exchange: Exchange) -> None:
        exchange.reply(
            {"data": [{"index": at, "embedding": [1, 0]} for at in range(len(exchange.body["input"]))]}
        )

    with speaking(constant) as first, speaking(constant) as second:
        providers = registry(data_dir)
        providers.add("lab", first, api_key=KEY)
        embedder = providers.embedder("provider:lab/any")
        before = embedder.identity
        providers.change("lab", timeout_s=5)
        embedder.embed_query("a")
        assert embedder.identity == before
        providers.change("lab", base_url=second)
        embedder.embed_query("a")
        assert embedder.identity != before
        key = providers.get("lab").settings.api_key
        assert key is not None
        assert key.get_secret_value() == KEY
        providers.close()


def test_removing_a_server_takes_back_what_was_chosen_of_it(data_dir: Path) -> None:
    providers = registry(data_dir)
    providers.add("lab", "localhost:8000")
    providers.add("lab2", "localhost:8001")
    providers.choose("provider:lab/e", "embedding")
    providers.choose("provider:lab2/r", "reranker")
    chosen = load_settings(data_dir=data_dir).models
    assert (chosen.embedding, chosen.reranker) == ("provider:lab/e", "provider:lab2/r")
    providers.remove("lab")
    chosen = load_settings(data_dir=data_dir).models
    assert (chosen.embedding, chosen.reranker) == ("all-minilm-l6-v2", "provider:lab2/r")


def test_embedding_goes_on_after_a_failure_that_passes(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.providers.embedder._WAIT_S", 0.01)
    asked: list[int] = []

    def unsteady(exchange: Exchange) -> None:
        asked.append(len(exchange.body["input"]))
        if len(asked) % 2 == 0:
            exchange.reply({"error": {"message": "busy"}}, status=503)
            return
        rows = [{"index": at, "embedding": [len(t), 1]} for at, t in enumerate(exchange.body["input"])]
        exchange.reply({"data": rows[::-1]})  # the index tells the order

    with speaking(unsteady) as url:
        providers = registry(data_dir)
        providers.add("lab", url, embedding_tokens=32)
        embedder = providers.embedder("provider:lab/any")
        vectors = embedder.embed_documents(["x" * (1 + n % 7) for n in range(130)])
        assert asked == [1, *[32] * 8, 2, 2]
        assert [round(v[0] / v[1]) for v in vectors[:8]] == [1, 2, 3, 4, 5, 6, 7, 1]
        assert embedder.count_tokens(["水泵", "pump it"]) == [2, 3]
        long = embedder.embed_query("水" * 1000)
        assert round(long[0] / long[1]) == 32
        providers.close()


def test_unusable_vectors_are_told(data_dir: Path) -> None:
    def zero(exchange: Exchange) -> None:
        exchange.reply({"data": [{"index": 0, "embedding": [0, 0]}]})

    with speaking(zero) as url:
        providers = registry(data_dir)
        providers.add("lab", url)
        with pytest.raises(ProviderError, match="vectors are unusable"):
            providers.embedder("provider:lab/any")
        providers.close()
