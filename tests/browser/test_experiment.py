"""An experiment in a real browser on real models: started, watched, its board and a flip, the report."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import OpenPage, free_port, running_server
from tests.browser.test_ask import settled

VERDICT = re.compile(r"On your 12 questions, |12 questions are not enough")
"""Twelve questions may or may not show a difference; the page says which."""

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def experiment_site(
    tmp_path_factory: pytest.TempPathFactory, sample_data_dir: Path, chromium_path: str
) -> Iterator[str]:
    """The real page over the indexed sample manual."""
    data = tmp_path_factory.mktemp("experiment") / "data"
    shutil.copytree(sample_data_dir, data, symlinks=True)
    port = free_port()
    command = ["-m", "assistant", "ui", "--port", str(port), "--no-browser"]
    env = {"TANDEM_DATA_DIR": str(data), "CI": "1"}
    with running_server(command, port, data / "server.log", env) as url:
        yield url


def open_tab(page: Any, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()
    settled(page)


def test_an_experiment_from_start_to_report(
    experiment_site: str, open_page: OpenPage, screenshots: Path, tmp_path: Path
) -> None:
    page, watch = open_page(f"{experiment_site}/?lang=en")
    page.set_default_timeout(120_000)
    page.get_by_role("link", name="Experiment").click()
    page.get_by_text("120 questions: 96 with an answer in the documents, 24 without.").wait_for()
    page.get_by_text("120 of about 230 questions to see 10 points").first.wait_for()
    slider = page.get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")
    page.get_by_text(re.compile(r"^12 questions: ")).wait_for()
    settled(page)
    page.screenshot(path=screenshots / "experiment-new-en.png")
    page.get_by_role("button", name="Start").click()

    # It is watched: the count grows while it runs, and it can be stopped and gone on with.
    page.get_by_text(re.compile(r"^[1-9]\d* of 24 answers")).wait_for(timeout=300_000)
    page.get_by_role("button", name="Stop").click()
    page.get_by_text(re.compile(r"of 24 answers are there")).wait_for(timeout=60_000)
    page.get_by_role("button", name="Go on").click()
    page.get_by_text(VERDICT).first.wait_for(timeout=240_000)
    settled(page)

    picture = page.get_by_role("img", name="Retrieval and fine-tuning, with and without each other")
    box = picture.bounding_box()
    assert box is not None
    assert box["width"] > 500
    assert page.evaluate("node => node.naturalWidth", picture.element_handle()) > 0
    page.screenshot(path=screenshots / "experiment-board-en.png")

    open_tab(page, "Gained and lost")
    page.get_by_text(re.compile(r"Gained \([1-9]")).wait_for()
    columns = page.locator("[data-testid=stColumn] .body")
    columns.nth(1).wait_for()
    settled(page)
    assert columns.count() == 2
    assert page.get_by_text("Right answer: ").count() == 1
    page.get_by_text(re.compile(r"5 passages found")).click()
    page.get_by_text("Relevance").first.wait_for()
    page.screenshot(path=screenshots / "experiment-flip-en.png")

    for name in ("Metrics", "Kinds of question", "Published"):
        open_tab(page, name)
        page.locator(
            "[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg"
        ).first.wait_for()
    open_tab(page, "Why retrieval lost")
    open_tab(page, "Where it came from")
    page.get_by_role("button", name="Ask again").wait_for()

    with page.expect_download() as download:
        page.get_by_role("button", name="Report (HTML)").click()
    report = tmp_path / "report.html"
    download.value.save_as(report)
    text = report.read_text(encoding="utf-8")
    assert VERDICT.search(text)
    assert "<svg" in text
    assert not re.search(r"https?://|<script", text)
    with page.expect_download() as download:
        page.get_by_role("button", name="Everything (JSON)").click()
    told = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert len(told["answers"]) == 24
    assert told["results"]["arms"]["rag"]["answered"] == 12
    # The report opens by itself, with nothing behind it.
    alone, alone_watch = open_page(report.as_uri())
    alone.get_by_text(VERDICT).first.wait_for()
    assert alone_watch.errors == []
    assert watch.abroad == []
    assert watch.errors == []


def test_the_same_in_chinese_and_a_file_with_problems(
    experiment_site: str, open_page: OpenPage, screenshots: Path, tmp_path: Path
) -> None:
    page, watch = open_page(f"{experiment_site}/experiment?lang=zh")
    page.set_default_timeout(120_000)
    page.get_by_role("tab", name="四格对照").wait_for(timeout=60_000)
    settled(page)
    page.screenshot(path=screenshots / "experiment-board-zh.png")
    page.get_by_role("button", name="新建").click()
    page.get_by_text("我的文件").click()
    broken = tmp_path / "questions.csv"
    broken.write_text("id,question,answer\n1,水箱多大？,1.35 L\n1,再问一次？,x\n2,,y\n", encoding="utf-8")
    page.locator("input[type=file]").set_input_files(broken)
    page.get_by_text("1 个问题：1 个在文档中有答案，0 个没有。").wait_for()
    settled(page)
    told = page.locator("[data-testid=stMain]").inner_text()
    assert "#3" in told or "2" in told
    page.screenshot(path=screenshots / "experiment-new-zh.png")
    assert watch.abroad == []
    assert watch.errors == []
