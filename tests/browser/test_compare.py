"""Two arms side by side in a real browser on real models: a blind vote, the names, the leaderboard."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assistant.app import App
from assistant.settings import load_settings
from tests.browser.conftest import OpenPage, free_port, running_server
from tests.browser.test_ask import settled

if TYPE_CHECKING:
    from finetune.folders import ModelFolder

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

QUESTION = "At what pressure does the zindel valve open?"
NOTE = """# Morrow pump

The Morrow pump moves cold water from the cellar to the roof.
The zindel valve of the pump opens at a pressure of 31 bar.
"""
LETTERS = {"A", "B"}


@pytest.fixture(scope="module")
def compare_site(
    tmp_path_factory: pytest.TempPathFactory,
    minilm_folder: "ModelFolder",
    smollm2_folder: "ModelFolder",
    chromium_path: str,
) -> Iterator[tuple[str, Path]]:
    """The real page over one indexed note, with the embedded models; its address and its folder."""
    data = tmp_path_factory.mktemp("compare") / "data"
    data.mkdir()
    models = minilm_folder.path.parent
    assert smollm2_folder.path.parent == models
    (data / "models").symlink_to(models, target_is_directory=True)
    note = data.parent / "Morrow pump.md"
    note.write_text(NOTE, encoding="utf-8")
    app = App.open(load_settings(data_dir=data))
    inputs, _ = app.gather([note])
    list(app.index(app.create_base("Pump manuals").id, inputs))
    app.close()
    port = free_port()
    env = {"TANDEM_DATA_DIR": str(data), "CI": "1"}
    command = ["-m", "assistant", "ui", "--port", str(port), "--no-browser"]
    with running_server(command, port, data / "server.log", env) as url:
        yield url, data


def test_ask_two_arms_vote_blind_and_see_the_leaderboard(
    compare_site: tuple[str, Path], open_page: OpenPage, screenshots: Path
) -> None:
    url, _ = compare_site
    page, watch = open_page(f"{url}/?lang=en")
    page.get_by_role("link", name="Compare").click()
    page.get_by_text("Ask one question of several arms").wait_for()
    page.get_by_text("Check its sources").wait_for(timeout=180_000)
    settled(page)
    page.screenshot(path=screenshots / "compare-start-en.png")
    page.get_by_role("tab", name="Leaderboard").click()
    page.get_by_text("No votes yet.").wait_for()
    page.get_by_role("tab", name="Side by side").click()

    # Both columns are seen growing before either is finished.
    page.evaluate(
        """() => {
            window.seen = [new Set(), new Set()]
            new MutationObserver(() => {
                const columns = [...document.querySelectorAll('[data-testid=stColumn]')]
                    .filter(node => /^[AB]$/.test(node.innerText.split('\\n')[0]))
                columns.forEach((node, at) => {
                    for (const text of node.querySelectorAll('[data-testid=stText]'))
                        window.seen[at]?.add(text.textContent)
                })
            }).observe(document.body, {subtree: true, childList: true, characterData: true})
        }"""
    )
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill(QUESTION)
    box.press("Enter")
    page.get_by_text("Which answer is better?").wait_for(timeout=120_000)
    stages = page.evaluate("() => window.seen.map(texts => texts.size)")
    assert min(stages) >= 2, stages
    settled(page)
    bodies = [text.strip() for text in page.locator(".body").all_inner_texts()]
    assert len(bodies) == 2
    assert any("31 bar" in text for text in bodies)
    hidden = page.locator("[data-testid=stMain]").inner_text()
    assert "in all" not in hidden
    # The names stand in the chooser and nowhere else.
    assert hidden.count("RAG") == 1
    page.screenshot(path=screenshots / "compare-blind-en.png")

    answers = {"AB"[number]: text for number, text in enumerate(bodies)}
    winner = next(letter for letter, text in answers.items() if "31 bar" in text)
    page.get_by_role("radio", name=f"{winner} is better").click()
    page.get_by_text("Reason and corrected answer").click()
    page.get_by_role("textbox", name="How the answer should read").fill("It opens at 31 bar.")
    page.get_by_role("button", name="Vote").click()
    page.get_by_text("Your vote counts.").wait_for()
    settled(page)
    told = page.locator("[data-testid=stMain]").inner_text()
    assert re.search(rf"{winner} = Base model \+ documents \(RAG\)", told)
    (other,) = LETTERS - {winner}
    assert re.search(rf"{other} = Base model\b", told)
    assert told.count("in all") == 2
    page.screenshot(path=screenshots / "compare-voted-en.png")

    page.get_by_role("tab", name="Leaderboard").click()
    page.get_by_text(re.compile("1 vote, cast blind, on 1 question")).wait_for()
    page.locator("[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg").first.wait_for()
    settled(page)
    page.screenshot(path=screenshots / "leaderboard-en.png")
    with page.expect_download() as download:
        page.get_by_role("button", name="Corrected answers (1)").click()
    assert "It opens at 31 bar." in Path(download.value.path()).read_text(encoding="utf-8")
    assert watch.abroad == []
    assert watch.errors == []


def test_the_leaderboard_in_chinese(
    compare_site: tuple[str, Path], open_page: OpenPage, screenshots: Path
) -> None:
    url, _ = compare_site
    page, watch = open_page(f"{url}/compare?lang=zh")
    page.get_by_text("参与比较的方式").wait_for()
    settled(page)
    page.screenshot(path=screenshots / "compare-start-zh.png")
    page.get_by_role("tab", name="排行榜").click()
    page.get_by_text("1 次盲投").wait_for()
    settled(page)
    page.screenshot(path=screenshots / "leaderboard-zh.png")
    assert watch.abroad == []
    assert watch.errors == []


def test_stopped_answers_are_kept_and_not_voted_on(slow_site: str, open_page: OpenPage) -> None:
    page, _ = open_page(f"{slow_site}/compare?lang=en")
    page.get_by_text("Ask one question of several arms").wait_for()
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill(QUESTION)
    box.press("Enter")
    page.get_by_text(re.compile("word3 ")).wait_for(timeout=120_000)
    page.get_by_test_id("stChatInputStopButton").click()
    settled(page)
    page.get_by_role("tab", name="Leaderboard").click()
    page.get_by_text("No votes yet.").wait_for()
    page.get_by_role("tab", name="Side by side").click()
    page.get_by_text("so there is no vote").wait_for()
    kept = page.locator(".body", has_text="word0 word1 word2 word3")
    kept.wait_for()
    assert "word599" not in kept.inner_text()
