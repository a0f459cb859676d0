"""The pages as a user meets them, without a browser: real App, real store, no models needed."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from assistant.app import App
from assistant.arms import Answer, Citation, Sentence
from assistant.errors import DataFolderError
from knowledge.documents import Notice, Passage, Retrieval
from knowledge.indexing import FileDone, Finished, IndexEvent, SourceInput, Started
from ui.components.inert import plain
from ui.resources import close_app

SCRIPT = Path(__file__).resolve().parents[2] / "ui" / "app.py"
HOSTILE = "![x](https://evil.example/a.png) $x$"


def run(page: str | None = None, *, lang: str | None = None, conversation: int | None = None) -> AppTest:
    at = AppTest.from_file(str(SCRIPT), default_timeout=120)
    if lang is not None:
        at.query_params["lang"] = lang
    if conversation is not None:
        at.query_params["c"] = str(conversation)
    at.run()
    if page is not None:
        at.switch_page(f"app_pages/{page}.py").run()
    assert not at.exception, at.exception
    return at


def captions(at: AppTest) -> list[str]:
    return [item.value for item in at.caption]


def conversation(app: App) -> int:
    passage = Passage(1, 1, 1, "manual.pdf", "It lasts six months.", 0, 20, 0.8, page_first=1, page_label="1")
    answer = Answer(
        "Six months.",
        (Sentence(0, 11, (1,), spans={1: ((0, 20),)}),),
        (Citation(1, passage, ((0, 20),), 0.9),),
    )
    number = app.create_conversation()
    app.conversations.add_turn(
        number,
        f"How long? {HOSTILE}",
        {"rag": answer},
        retrievals={"rag": Retrieval("How long?", (passage,))},
    )
    return number


def test_first_sight_in_english_and_chinese(app: App) -> None:
    at = run(lang="en")
    assert [title.value for title in at.title] == ["What would you like to know?"]
    assert "There is nothing to search yet. Add documents first." in captions(at)
    at = run(lang="zh")
    assert [title.value for title in at.title] == ["您想了解什么？"]
    assert at.chat_input[0].placeholder == "向您的文档提问"
    assert at.chat_input[0].disabled


def test_the_sample_manual_is_offered_where_there_is_nothing_to_search(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[str, list[str]]] = []

    def start_indexing(self: App, base_id: int, inputs: Sequence[SourceInput]) -> None:
        started.append((self.knowledge.base(base_id).name, sorted(item.name for item in inputs)))

    monkeypatch.setattr(App, "start_indexing", start_indexing)
    at = run(lang="zh")
    at.button(key="samples_add").click().run()
    (begun,) = started
    assert begun[0] == "示例手册（中文）"
    assert len(begun[1]) == 3
    assert [title.value for title in at.title] == ["文档"]
    assert "samples_add" not in [button.key for button in run("documents", lang="zh").button]


def test_the_switch_changes_the_language_and_keeps_it_in_the_address(app: App) -> None:
    at = run(lang="en")
    at.get_by_key("language_choice").set_value("zh").run()
    assert [title.value for title in at.title] == ["您想了解什么？"]
    assert at.query_params["lang"] == "zh"
    at.switch_page("app_pages/documents.py").run()
    assert [title.value for title in at.title] == ["文档"]


def test_the_chosen_base_is_named_inertly(app: App) -> None:
    """What dialogs do when answered is tried in the browser, where they rerun on their own."""
    at = run("documents", lang="en")
    assert "New knowledge base" in [button.label for button in at.button]
    app.create_base(HOSTILE)
    at = run("documents", lang="en")
    assert at.selectbox[0].options == [f"{HOSTILE}  ·  0 files, 0 chunks"]
    at.button(key="base_delete_open").click().run()
    asked = [item.value for item in at.markdown if "with its 0 files" in item.value]
    assert len(asked) == 1
    assert "![" not in asked[0]


def test_what_became_of_a_run_is_told_and_a_stopped_one_can_go_on(app: App) -> None:
    base = app.create_base("manuals")
    missing = Notice("file_missing", {"name": "b.md"})

    def work(should_stop: Callable[[], bool]) -> Iterator[IndexEvent]:
        yield Started(total=3)
        yield FileDone(name="a.md", state="added", chunks=1, embedded=1)
        yield FileDone(name="b.md", state="failed", error=missing)
        yield Finished(counts={}, seconds=0.1, stopped=stopped)

    for stopped in (False, True):
        job = app.job_list.start("index", base.name, work, base_id=base.id, arguments={"inputs": []})
        app.job_list.wait(job.id, 60)
        at = run("documents", lang="en")
        (told,) = [item.value for item in at.markdown if "1 added, 1 failed" in item.value]
        assert "check_circle" not in told
        assert (f"job_continue_{job.id}" in [button.key for button in at.button]) is stopped

    at.button(key=f"job_dismiss_{job.id}").click().run()
    assert app.jobs() == []  # the older run does not come back in its place


@pytest.mark.parametrize("stopped", [False, True])
def test_of_an_earlier_process_only_a_run_that_can_go_on_is_told(app: App, stopped: bool) -> None:
    base = app.create_base("manuals")

    def work(should_stop: Callable[[], bool]) -> Iterator[IndexEvent]:
        yield Started(total=1)
        yield FileDone(name="a.md", state="added", chunks=1, embedded=1)
        yield Finished(counts={}, seconds=0.1, stopped=stopped)

    job = app.job_list.start("index", base.name, work, base_id=base.id, arguments={"inputs": []})
    app.job_list.wait(job.id, 60)
    close_app()
    st.cache_resource.clear()
    at = run("documents", lang="en")
    told = [item.value for item in at.markdown if "1 of 1 file" in item.value]
    assert len(told) == stopped
    assert not any("Done in" in item.value for item in at.markdown)


def test_a_folder_that_is_not_there_is_said_and_starts_nothing(app: App, tmp_path: Path) -> None:
    app.create_base("manuals")
    at = run("documents", lang="zh")
    at.session_state["documents_tabs"] = "添加文件"
    at.run()
    at.text_input(key="folder_0").set_value(str(tmp_path / "nowhere")).run()
    assert [item.value for item in at.warning] == [
        f"本机上没有 {plain(str(tmp_path / 'nowhere'))}，请检查路径。"
    ]
    (tmp_path / "empty").mkdir()
    at.text_input(key="folder_0").set_value(str(tmp_path / "empty")).run()
    at.button(key="adding_start").click().run()
    assert [item.value for item in at.warning] == ["该位置没有可读取的文件。"]
    assert app.jobs() == []


def test_an_error_of_ours_is_one_line_in_the_users_language(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: App) -> None:
        raise DataFolderError("data_folder_unwritable", folder="/data", reason="disk full")

    monkeypatch.setattr(App, "bases", full)
    at = run(lang="zh")
    assert len(at.error) == 1
    assert "无法写入" in at.error[0].value
    assert "disk full" in at.error[0].value


def test_a_defect_is_told_plainly_and_its_traceback_goes_to_the_log(
    app: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(self: App) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(App, "bases", broken)
    at = run(lang="en")
    assert len(at.error) == 1
    assert "secret" not in at.error[0].value
    assert "secret detail" in caplog.text


def test_a_locked_data_folder_is_one_line(app: App, tmp_path: Path) -> None:
    other = App.open(app.settings.model_copy(update={"data_dir": tmp_path / "other"}), purpose="a test")
    try:
        close_app()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TANDEM_DATA_DIR", str(tmp_path / "other"))
            at = run(lang="en")
        assert len(at.error) == 1
        assert "in use" in at.error[0].value
    finally:
        other.close()


def test_a_conversation_is_found_by_its_number_and_shown_inertly(app: App) -> None:
    number = conversation(app)
    at = run(lang="en", conversation=number)
    assert at.text[0].value == f"How long? {HOSTILE}"
    texts = [item.value for item in [*at.markdown, *at.caption]] + [button.label for button in at.button]
    assert not any("![x]" in text or "://" in text for text in texts)
    assert at.query_params["c"] == str(number)


def test_a_conversation_that_is_gone_gives_way_to_a_new_one(app: App) -> None:
    at = run(lang="en", conversation=99)
    assert [title.value for title in at.title] == ["What would you like to know?"]
    assert "c" not in at.query_params


def test_conversations_are_searched_and_offer_their_actions(app: App) -> None:
    number = conversation(app)
    at = run(lang="en")
    at.text_input(key="conversation_search").set_value("nowhere").run()
    assert "Nothing matches." in captions(at)
    at.text_input(key="conversation_search").set_value("six months").run()
    assert at.button(key=f"conversation_{number}")

    at.get_by_key(f"conversation_menu_{number}").set_value("rename").run()
    assert at.text_input[[field.label for field in at.text_input].index("Title")].value.startswith(
        "How long?"
    )
    at.get_by_key(f"conversation_menu_{number}").set_value("delete").run()
    assert at.button(key="conversation_delete_yes")


def test_settings_are_folded_away_with_the_defaults_of_the_settings_file(app: App) -> None:
    at = run(lang="en")
    assert at.slider(key="sampling_temperature").value == app.settings.generation.temperature
    assert at.number_input(key="sampling_passages").value == app.settings.retrieval.top_k
    length = at.number_input(
        key="sampling_length"
    )  # nothing set: the model's size decides, so no number is claimed
    assert (length.value, length.placeholder) == (None, "auto")


def test_a_length_that_was_set_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANDEM_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TANDEM_GENERATION__MAX_NEW_TOKENS", "300")
    monkeypatch.setattr(App, "warm_up", lambda self: None)
    monkeypatch.chdir(tmp_path)
    st.cache_resource.clear()
    try:
        assert run(lang="en").number_input(key="sampling_length").value == 300
    finally:
        close_app()


def test_back_to_the_defaults_draws_new_fields(app: App) -> None:
    at = run(lang="en")
    at.number_input(key="sampling_passages").set_value(9).run()
    next(button for button in at.button if button.label == "Back to the defaults").click().run()
    (passages,) = [field for field in at.number_input if field.label == "Passages"]
    assert passages.value == app.settings.retrieval.top_k
    assert passages.key != "sampling_passages"  # the browser would show what it keeps under the old key
