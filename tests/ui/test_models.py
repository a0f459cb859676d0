"""The page Models without a browser: servers are real, on this machine, and small."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from assistant.app import App
from assistant.downloads import Progress
from assistant.models import fetch
from assistant.providers.asking import Hangup
from assistant.settings import load_settings
from tests.assistant.providers.conftest import Exchange, speaking
from tests.assistant.tiny_model import build_tiny
from tests.ui.test_pages import captions, run
from tests.waiting import until
from ui.resources import close_app, open_app

KEY = "sk-very-secret-1234"


@pytest.fixture
def lab() -> Iterator[str]:
    def serve(exchange: Exchange) -> None:
        if exchange.path == "/v1/models":
            rows = [{"id": "qwen"}, {"id": "sql", "parent": "qwen"}, {"id": "bge-m3"}, {"id": "bge-reranker"}]
            exchange.reply({"data": rows})
        elif exchange.path == "/v1/embeddings":
            rows = [{"index": at, "embedding": [3.0, 4.0, 0.0]} for at in range(len(exchange.body["input"]))]
            exchange.reply({"data": rows})
        elif exchange.path == "/v1/rerank":
            scores = [0.9 if "12" in text else 0.1 for text in exchange.body["documents"]]
            rows = [{"index": at, "relevance_score": score} for at, score in enumerate(scores)]
            exchange.reply({"results": rows})
        else:
            exchange.reply({"choices": [{"message": {"content": "Hello *you*"}, "finish_reason": "stop"}]})

    with speaking(serve) as url:
        yield url


def opened(app: App) -> AppTest:
    at = run("models", lang="en")
    at.session_state["models_tabs"] = "Other servers"
    at.run()
    assert not at.exception, at.exception
    return at


def words(at: AppTest) -> str:
    parts: list[Any] = [*at.markdown, *at.caption, *at.error, *at.text, *at.title]
    return "\n".join(str(item.value) for item in parts)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_tells_what_is_there(app: App, lang: str) -> None:
    at = run("models", lang=lang)
    assert at.title[0].value == ("模型" if lang == "zh" else "Models")
    assert "smollm2" in words(at)
    assert at.button(key="get_smollm2-135m-instruct")


def test_a_server_is_added_tested_chosen_and_removed(app: App, lab: str) -> None:
    at = opened(app)
    at.text_input[0].set_value("lab")
    at.text_input[1].set_value(lab)
    at.text_input[2].set_value(KEY)
    next(button for button in at.button if button.label == "Add").click().run()
    assert not at.exception, at.exception
    assert app.providers.get("lab").settings.base_url == f"{lab}/v1"
    assert "4 models" in words(at)
    assert KEY not in words(at)
    listed = ["qwen", "sql (adapter of qwen)", "bge-m3", "bge-reranker"]
    assert at.selectbox(key="model_of_lab").options == listed

    at.button(key="try_lab").click().run()
    assert "Hello \\*you\\*" in words(at)

    at.button(key="choose_lab_qwen_chat").click().run()
    assert app.settings.models.chat == "provider:lab/qwen"
    assert app.adapters() == ["sql"]
    at.button(key="models_default").click().run()
    assert app.settings.models.chat == "smollm2-135m-reader"

    at.button(key="remove_lab").click().run()
    assert app.providers.all() == []


def test_a_server_s_embedder_and_reranker_are_tried_chosen_and_taken_back(app: App, lab: str) -> None:
    old = app.create_base("older notes")
    app.providers.add("lab", lab)
    at = opened(app)
    at.button(key="test_lab").click().run()
    at.selectbox(key="model_of_lab").set_value("bge-m3").run()
    at.button(key="try_lab").click().run()
    assert "3 dimensions" in words(at)
    at.button(key="choose_lab_bge-m3_embedding").click().run()
    assert not at.exception, at.exception
    assert app.settings.models.embedding == "provider:lab/bge-m3"
    assert app.create_base("new notes").embedder == "provider:lab/bge-m3"
    assert app.base(old.id).embedder == "all-minilm-l6-v2"
    assert "until they are indexed again: older notes (all-minilm-l6-v2)" in words(at).replace("\\", "")

    at.button(key="models_reindex_behind").click().run()
    until(lambda: not app.model_choice.behind())
    assert app.base(old.id).embedder == "provider:lab/bge-m3"

    at.selectbox(key="model_of_lab").set_value("bge-reranker").run()
    at.button(key="try_lab").click().run()
    assert "0.90 for the one with the answer, 0.10" in words(at)
    at.button(key="choose_lab_bge-reranker_reranker").click().run()
    assert app.loaded.reranker().rank("q", ["12", "a"]) == [0.9, 0.1]
    at.button(key="models_default_reranker").click().run()
    assert app.loaded.reranker() is None

    at.button(key="remove_lab").click().run()  # and with the server what was chosen of it
    assert app.settings.models.embedding == "all-minilm-l6-v2"


def test_a_model_that_cannot_do_it_is_not_chosen(app: App) -> None:
    def no_embeddings(exchange: Exchange) -> None:
        told = {"data": [{"id": "qwen"}]} if exchange.path == "/v1/models" else {"error": {"message": "no"}}
        exchange.reply(told, status=200 if "data" in told else 404)

    with speaking(no_embeddings) as url:
        app.providers.add("lab", url)
        at = opened(app)
        at.button(key="test_lab").click().run()
        at.segmented_control(key="use_of_lab_qwen").set_value("embedding").run()  # type: ignore[attr-defined]
        at.button(key="choose_lab_qwen_embedding").click().run()
        assert "answered with an error" in at.error[0].value
        assert app.settings.models.embedding == "all-minilm-l6-v2"


def test_a_server_is_changed_and_keeps_its_key_to_itself(app: App, lab: str) -> None:
    app.providers.add("lab", "127.0.0.1:9", api_key=KEY, timeout_s=7)
    at = opened(app)
    at.button(key="change_lab").click().run()
    assert at.text_input(key="change_url_lab").value == "http://127.0.0.1:9/v1"
    assert not any(KEY in str(item.value) for item in at.text_input)
    at.text_input(key="change_url_lab").set_value(lab)
    at.number_input(key="change_lab_timeout").set_value(30.0)
    at.number_input(key="change_lab_parallel").set_value(1)
    at.number_input(key="change_lab_context").set_value(4096)
    at.button(key="change_save_lab").click().run()
    assert not at.exception, at.exception
    held = app.providers.get("lab").settings
    assert (held.base_url, held.timeout_s, held.parallel, held.context_tokens) == (f"{lab}/v1", 30, 1, 4096)
    assert held.api_key is not None
    assert held.api_key.get_secret_value() == KEY
    at.button(key="change_lab").click().run()
    at.checkbox(key="change_forget_lab").set_value(True)
    at.button(key="change_save_lab").click().run()
    assert app.providers.get("lab").settings.api_key is None


def test_a_mirror_is_kept_and_a_wrong_one_told(app: App) -> None:
    at = run("models", lang="en")
    at.text_input(key="models_mirror_address").set_value("ftp://x")
    next(button for button in at.button if button.label == "Use").click().run()
    assert "no address of a hub" in at.error[0].value
    at.text_input(key="models_mirror_address").set_value("hf-mirror.com/")
    next(button for button in at.button if button.label == "Use").click().run()
    assert app.settings.models.hub == "https://hf-mirror.com"
    assert any("hf-mirror.com" in text.replace("\\", "") for text in captions(at))
    assert load_settings(data_dir=app.settings.data_dir).models.hub == "https://hf-mirror.com"


def test_a_model_from_elsewhere_can_be_chosen_once_it_is_here(app: App, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    for part in build_tiny():
        part.save_pretrained(folder)
    app.downloads.start(str(folder), lambda progress, hangup: fetch(str(folder), app.settings))
    until(lambda: app.downloads.all()[0].state != "running")
    at = run("models", lang="en")
    at.button(key=f"choose_{folder}").click().run()
    assert app.settings.models.chat == str(folder)


def test_what_cannot_be_added_is_told(app: App) -> None:
    at = opened(app)
    at.text_input[0].set_value("a/b")
    at.text_input[1].set_value("localhost:1")
    next(button for button in at.button if button.label == "Add").click().run()
    assert "cannot be called" in at.error[0].value


def test_a_server_that_is_down_is_told_on_its_card(app: App) -> None:
    app.providers.add("lab", "127.0.0.1:9")
    at = opened(app)
    at.button(key="test_lab").click().run()
    assert "cannot be reached" in at.error[0].value


def test_settings_that_name_the_model_are_not_overruled(
    app: App, lab: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    close_app()
    monkeypatch.setenv("TANDEM_MODELS__CHAT", "qwen3-4b-instruct-2507")
    open_app().providers.add("lab", lab)
    at = opened(app)
    at.button(key="test_lab").click().run()
    assert at.button(key="choose_lab_qwen_chat").disabled
    assert any("cannot be chosen here" in text for text in captions(at))


def test_a_pull_shows_how_far_it_is_and_stops(app: App) -> None:
    going_on = threading.Event()

    def ollama(exchange: Exchange) -> None:
        if exchange.path == "/api/tags":
            exchange.reply({"models": []})
            return
        exchange.begin("application/x-ndjson")
        exchange.say('{"status": "pulling abc", "total": 4000000, "completed": 1000000}\n')
        going_on.wait(120)

    with speaking(ollama) as url:
        app.providers.add("home", url, kind="ollama")
        at = opened(app)
        at.text_input(key="pull_home").set_value("qwen3:4b")
        next(button for button in at.button if button.label == "Pull").click().run()
        (download,) = app.downloads.all()
        until(lambda: download.total)
        at.run()
        assert "1 of 4 MB" in at.get("progress")[0].proto.text  # type: ignore[attr-defined]
        at.button(key="download_stop_0").click().run()
        until(lambda: download.state != "running")
        assert download.state == "stopped"
        going_on.set()
        at.run()
        assert "was stopped" in words(at)
        at.button(key="download_dismiss_0").click().run()
        assert app.downloads.all() == []


def test_bytes_are_counted_where_nobody_knows_how_many_there_will_be(app: App) -> None:
    going_on = threading.Event()

    def slowly(progress: Progress, hangup: Hangup) -> None:
        progress("download", 7_000_000, 0)
        going_on.wait(120)
        progress("download", 8_000_000, 0)

    download = app.downloads.start("modelscope:org/tiny", slowly)
    until(lambda: download.done)
    at = run("models")
    assert "7 MB so far" in at.get("progress")[0].proto.text  # type: ignore[attr-defined]
    at.button(key="download_stop_0").click().run()
    going_on.set()
    until(lambda: download.state != "running")
    assert download.state == "stopped"


def test_a_name_that_is_no_model_is_told(app: App) -> None:
    at = run("models")
    at.text_input(key="models_fetch_name").set_value("![x](https://evil.example/a.png)")
    next(button for button in at.button if button.label == "Fetch").click().run()
    until(lambda: app.downloads.all()[0].state != "running")
    at.run()
    assert "was not fetched" in words(at)
    assert "![x]" not in words(at)
