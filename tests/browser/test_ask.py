"""The main job in a real browser on real models: add a PDF, ask, see the sources, come back to it.

The tests of `site` share one server and go in order: the first fills it, as a user would.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import DESKTOP, ROOT, OpenPage, free_port, running_server

if TYPE_CHECKING:
    from finetune.folders import ModelFolder

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1200)]

SAMPLES = ROOT / "samples" / "manual" / "en"
QUESTION = "At what pressure does the zindel valve open?"
ANSWER = "31 bar"
LINES = (
    "Morrow pump",
    "The Morrow pump moves cold water from the cellar to the roof.",
    "The zindel valve of the pump opens at a pressure of 31 bar.",
    "Clean the inlet sieve every second Tuesday with lukewarm water.",
)
NAMES = {"en": "Pump manuals", "zh": "水泵手册"}
HOSTILE = """# Brindle gauge

The brindle gauge ends at 19 knots. ![pixel](https://evil.example/markdown.png)
<img src="https://evil.example/html.png"> <script src="https://evil.example/x.js"></script>
"""


def small_pdf(lines: Sequence[str]) -> bytes:
    """One page with these lines in Helvetica, written by hand."""
    drawn = "\n".join(f"BT /F1 13 Tf 72 {740 - 28 * row} Td ({line}) Tj ET" for row, line in enumerate(lines))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        " /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream",
    ]
    body = "%PDF-1.4\n"
    starts = []
    for number, text in enumerate(objects, start=1):
        starts.append(len(body))
        body += f"{number} 0 obj\n{text}\nendobj\n"
    table = "".join(f"{start:010} 00000 n \n" for start in starts)
    end = f"trailer << /Size 5 /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return f"{body}xref\n0 5\n0000000000 65535 f \n{table}{end}".encode("latin-1")


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory,
    minilm_folder: "ModelFolder",
    smollm2_folder: "ModelFolder",
    chromium_path: str,
) -> Iterator[tuple[str, Path]]:
    """The real page on an empty data folder with the embedded models; its address and its folder."""
    data = tmp_path_factory.mktemp("site") / "data"
    data.mkdir()
    models = minilm_folder.path.parent
    assert smollm2_folder.path.parent == models
    (data / "models").symlink_to(models, target_is_directory=True)
    port = free_port()
    env = {"TANDEM_DATA_DIR": str(data), "CI": "1"}
    command = ["-m", "tests.browser.paced_page", "ui", "--port", str(port), "--no-browser"]
    with running_server(command, port, data / "server.log", env) as url:
        yield url, data


def press(page: Any, key: str) -> None:
    """Click the button that the page's code calls `key`."""
    page.locator(f".st-key-{key} button:visible").first.click()


def chosen_base(page: Any, label: str) -> None:
    """Wait until the knowledge base whose label matches is the one shown."""
    from playwright.sync_api import expect

    expect(page.locator("[data-testid=stSelectbox] input").first).to_have_value(re.compile(label))


def new_base(page: Any, name: str) -> None:
    """Make a knowledge base on the page Documents, which may be the first."""
    settled(page)
    page.get_by_role("button", name=re.compile("New( knowledge base)?$")).locator(
        "visible=true"
    ).first.click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create").click()
    chosen_base(page, rf"^{re.escape(name)}.*0 files")


def add_file(page: Any, path: Path, *, tab: str) -> None:
    """Upload a file on the page Documents and wait until it is indexed."""
    page.get_by_role("tab", name=tab, exact=True).click()
    page.locator("input[type=file]").set_input_files(path)
    page.locator(".st-key-adding_start button:enabled").click()
    page.locator(".st-key-job_ended").wait_for(timeout=120_000)


def ask(page: Any, question: str) -> None:
    """Type a question and wait for its finished answer."""
    answers = page.locator(".body").count()
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill(question)
    box.press("Enter")
    page.locator(".body").nth(answers).wait_for(timeout=180_000)


def count_of(found: Any, count: int) -> None:
    """Wait until so many elements are there: what an earlier run drew goes away only when the next has ended."""
    from playwright.sync_api import expect

    expect(found).to_have_count(count)


def settled(page: Any) -> None:
    """Wait until Streamlit has stopped drawing."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=60_000)
    page.wait_for_timeout(400)


def test_add_a_pdf_ask_open_its_source_and_come_back(
    site: tuple[str, Path], open_page: OpenPage, screenshots: Path, tmp_path: Path
) -> None:
    url, _ = site
    manual = tmp_path / "Morrow pump.pdf"
    manual.write_bytes(small_pdf(LINES))
    page, watch = open_page(url)
    page.get_by_role("button", name="Add documents").click()
    page.get_by_role("heading", name="Documents").wait_for()
    new_base(page, NAMES["en"])

    # A look at the chunks before anything is stored.
    page.get_by_role("tab", name="Add files").click()
    page.locator("input[type=file]").set_input_files(manual)
    page.get_by_text("Preview the chunks first").click()
    page.locator("article.card").first.wait_for(timeout=90_000)
    settled(page)
    page.screenshot(path=screenshots / "documents-preview-en.png")
    page.locator(".st-key-adding_start button:enabled").click()
    page.locator(".st-key-job_ended").wait_for(timeout=120_000)
    assert "1 added" in page.locator(".st-key-job_ended").inner_text()
    page.get_by_role("tab", name="Files", exact=True).click()
    page.get_by_test_id("stDataFrame").wait_for(timeout=60_000)
    settled(page)
    page.screenshot(path=screenshots / "documents-en.png")

    # Ask, and see the words come before the answer is finished.
    page.get_by_role("link", name="Ask").click()
    page.get_by_text("What would you like to know?").wait_for()
    page.get_by_text("Check its sources").wait_for(timeout=180_000)
    page.evaluate(
        """() => {
            window.seen = new Set()
            new MutationObserver(() => {
                for (const node of document.querySelectorAll('[data-testid=stChatMessage] [data-testid=stText]'))
                    window.seen.add(node.textContent)
            }).observe(document.body, {subtree: true, childList: true, characterData: true})
        }"""
    )
    ask(page, QUESTION)
    stages = {text for text in page.evaluate("() => [...window.seen]") if text and text != QUESTION}
    assert len(stages) >= 2, stages
    assert ANSWER in page.locator(".body").inner_text()
    settled(page)
    page.screenshot(path=screenshots / "ask-en.png")

    # The source: the passage with its words lit, and the page as it is printed.
    page.locator("button.mark").first.click()
    drawer = page.get_by_role("dialog")
    drawer.locator("mark").first.wait_for()
    assert ANSWER in drawer.locator("mark").first.inner_text()
    image = drawer.locator("img").first
    image.wait_for(timeout=60_000)
    page.wait_for_function("node => node.complete && node.naturalWidth > 300", arg=image.element_handle())
    settled(page)
    page.screenshot(path=screenshots / "source-en.png")
    image.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    page.screenshot(path=screenshots / "source-page-en.png")
    page.keyboard.press("Escape")

    page.get_by_text("Why this answer").click()
    page.locator(".ranks").wait_for()
    assert page.locator("pre.prompt").inner_text().count("zindel valve") >= 2
    settled(page)
    page.set_viewport_size(DESKTOP)
    page.wait_for_timeout(400)
    page.screenshot(path=screenshots / "why-en-1920.png")
    page.keyboard.press("Escape")

    # A reload makes a new session: the conversation is found by its number in the address.
    assert "c=" in page.url
    page.reload()
    page.locator("button.mark").first.wait_for(timeout=60_000)
    assert ANSWER in page.locator(".body").inner_text()
    count_of(page.get_by_role("button", name=QUESTION[:20]), 1)
    assert watch.abroad == []
    assert watch.errors == []


def test_the_latest_answer_is_in_view(site: tuple[str, Path], open_page: OpenPage) -> None:
    from playwright.sync_api import expect

    page, _ = open_page(f"{site[0]}/?lang=en")
    page.get_by_text("What would you like to know?").wait_for()
    for asked in range(1, 4):
        ask(page, f"{QUESTION} Asked {asked} times.")
        settled(page)
        expect(page.get_by_role("button", name="Why this answer").nth(asked - 1)).to_be_in_viewport()
    first = page.get_by_text("Asked 1 times.").first
    expect(first).not_to_be_in_viewport()
    assert first.bounding_box()["y"] < 0
    # What stands behind an answer comes beside the conversation, which stays where it is.
    page.get_by_role("button", name="Why this answer").last.click()
    page.get_by_role("dialog").locator(".ranks").wait_for()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Asked 3 times.").last).to_be_in_viewport()


def test_the_same_page_in_chinese(site: tuple[str, Path], open_page: OpenPage, screenshots: Path) -> None:
    url, _ = site
    page, watch = open_page(url, locale="zh-CN", size=DESKTOP)
    page.get_by_text("您想了解什么？").wait_for()
    settled(page)
    page.screenshot(path=screenshots / "welcome-zh-1920.png")
    page.get_by_text(QUESTION[:20]).first.click()
    page.locator("button.mark").first.wait_for()
    settled(page)
    page.screenshot(path=screenshots / "ask-zh-1920.png")
    page.get_by_role("link", name="文档").click()
    page.get_by_role("button", name="新建").click()
    page.get_by_label("名称", exact=True).fill(NAMES["zh"])
    page.get_by_role("button", name="创建").click()
    chosen_base(page, rf"{NAMES['zh']}.*0 个文件")
    page.get_by_role("tab", name="添加文件").click()
    settled(page)
    page.screenshot(path=screenshots / "documents-add-zh-1920.png")

    # The switch holds for the session and, by the address, for a reload.
    page.get_by_role("radio", name="English").click()
    page.get_by_role("tab", name="Add files").wait_for()
    page.reload()
    page.get_by_role("tab", name="Add files").wait_for()
    assert watch.abroad == []


def test_chinese_on_a_laptop_and_in_the_dark(
    site: tuple[str, Path], open_page: OpenPage, screenshots: Path
) -> None:
    url, _ = site
    page, watch = open_page(f"{url}/documents?lang=zh", scheme="dark")
    page.get_by_role("tab", name="试用检索").click()
    page.get_by_label("问题或关键词").fill("zindel valve pressure")
    page.locator("article.card").first.wait_for(timeout=60_000)
    settled(page)
    page.screenshot(path=screenshots / "search-zh-dark.png")
    assert "zindel" in page.locator("article.card").first.inner_text()
    # Dark paper, light letters, in our own component too.
    colour = "(node, name) => getComputedStyle(node)[name].match(/\\d+/g).slice(0, 3).map(Number)"
    background = page.locator("[data-testid=stApp]").evaluate(colour, "backgroundColor")
    letters = page.locator("article.card").first.evaluate(colour, "color")
    assert max(background) < 80 < 160 < min(letters)
    assert watch.abroad == []
    assert watch.errors == []


def test_hostile_markdown_reaches_nobody(site: tuple[str, Path], open_page: OpenPage, tmp_path: Path) -> None:
    url, _ = site
    page, watch = open_page(f"{url}/documents?lang=en")
    bad = tmp_path / "notes ![pixel](x.png).md"
    bad.write_text(HOSTILE, encoding="utf-8")
    page.get_by_role("heading", name="Documents").wait_for()
    new_base(page, "Gauges")
    add_file(page, bad, tab="Add files")
    page.get_by_role("tab", name="Try the search").click()
    page.get_by_label("Question or words").fill("brindle gauge")
    page.locator("article.card").first.wait_for(timeout=60_000)
    page.get_by_role("link", name="Ask").click()
    page.get_by_text("What would you like to know?").wait_for()
    ask(page, "Where does the brindle gauge end? ![pixel](https://evil.example/question.png)")
    if page.locator("button.mark").count():
        page.locator("button.mark").first.click()
        page.get_by_role("dialog").locator("article").wait_for()
    settled(page)
    assert watch.abroad == []
    assert page.locator("img[src*=evil], script[src*=evil]").count() == 0
    assert watch.errors == []


def test_a_base_is_renamed_and_deleted(site: tuple[str, Path], open_page: OpenPage) -> None:
    url, _ = site
    page, watch = open_page(f"{url}/documents?lang=en")
    page.get_by_role("heading", name="Documents").wait_for()
    new_base(page, "short-lived")
    settled(page)
    press(page, "base_rename_open")
    settled(page)
    page.get_by_label("Name", exact=True).fill("临时 **库**")
    page.get_by_role("button", name="Save").click()
    chosen_base(page, r"临时 \*\*库\*\*.*0 files")
    press(page, "base_delete_open")
    page.get_by_role("dialog").get_by_text("临时 **库**").wait_for()
    press(page, "base_delete_yes")
    page.get_by_role("dialog").wait_for(state="detached")
    chosen_base(page, "^(?!临时).*file")
    settled(page)
    count_of(page.get_by_text("临时 **库**"), 0)
    count_of(page.get_by_text("short-lived"), 0)
    assert watch.errors == []


def test_a_conversation_is_renamed_exported_and_deleted(site: tuple[str, Path], open_page: OpenPage) -> None:
    url, _ = site
    page, _ = open_page(f"{url}/?lang=en")
    page.get_by_text("What would you like to know?").wait_for()
    menu = page.locator("[class*=st-key-conversation_menu_] button:visible").last
    menu.click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_label("Title").fill("Heat of the plate")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Heat of the plate").wait_for()

    menu.click()
    page.get_by_role("menuitem", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Markdown").click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert QUESTION in text
    assert "Morrow pump.pdf" in text
    page.keyboard.press("Escape")

    menu.click()
    page.get_by_role("menuitem", name="Delete").click()
    press(page, "conversation_delete_yes")
    page.get_by_role("button", name="Heat of the plate").wait_for(state="detached")


def test_an_answer_is_stopped_and_what_was_written_stays(slow_site: str, open_page: OpenPage) -> None:
    page, _ = open_page(f"{slow_site}/?lang=en")
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill(QUESTION)
    box.press("Enter")
    page.get_by_text(re.compile("word3 ")).wait_for(timeout=120_000)
    press(page, "stop_answer")
    settled(page)
    # The page is drawn anew, with the answer as it stands and the line to ask in.
    page.get_by_text("Stopped by you.").wait_for()
    count_of(page.locator(".st-key-stop_answer"), 0)
    page.reload()
    page.get_by_text("Stopped by you.").wait_for(timeout=60_000)
    assert re.match("word0 word1 word2 word3", page.locator(".body").inner_text())
    assert "word599" not in page.locator(".body").inner_text()

    # Asked again, the new answer takes the place of the one that was stopped.
    settled(page)
    page.get_by_role("button", name="Answer again").click()
    page.get_by_text("Stopped by you.").wait_for(state="detached")
    page.get_by_text(re.compile("word3 ")).wait_for(timeout=120_000)
    press(page, "stop_answer")
    settled(page)
    page.get_by_text("Stopped by you.").wait_for()
    count_of(page.locator(".body"), 1)
    count_of(page.get_by_test_id("stChatMessage"), 2)


def test_an_early_stop_leaves_the_page_as_it_was(slow_site: str, open_page: OpenPage) -> None:
    page, watch = open_page(f"{slow_site}/?lang=en")
    page.get_by_text("What would you like to know?").wait_for()
    settled(page)
    for _ in range(3):
        box = page.get_by_test_id("stChatInputTextArea")
        box.fill(QUESTION)
        box.press("Enter")
        press(page, "stop_answer")
        settled(page)
        # A word may have come before the click; then it is kept.
        page.get_by_text("What would you like to know?").or_(
            page.get_by_text("Stopped by you.")
        ).first.wait_for()
        count_of(page.get_by_text("Searching"), 0)
        page.get_by_role("button", name="New conversation").click()
        page.get_by_text("What would you like to know?").wait_for()
        settled(page)
    assert watch.errors == []


@pytest.mark.skipif(
    "TANDEM_SCREENSHOTS" not in os.environ, reason="pictures are made when TANDEM_SCREENSHOTS says where"
)
def test_pictures_of_the_sample_manual(
    site: tuple[str, Path], open_page: OpenPage, screenshots: Path
) -> None:
    """Pictures for people; what the small model answers here is not judged."""
    url, _ = site
    page, watch = open_page(f"{url}/documents?lang=en")
    page.get_by_role("heading", name="Documents").wait_for()
    new_base(page, "Sample manual (English)")
    page.get_by_role("tab", name="Add files").click()
    page.get_by_label("Or a folder on this computer").fill(str(SAMPLES))
    page.locator(".st-key-adding_start button:enabled").click()
    page.locator(".st-key-job_ended").wait_for(timeout=300_000)
    page.get_by_role("tab", name="Files", exact=True).click()
    page.get_by_test_id("stDataFrame").wait_for(timeout=60_000)
    settled(page)
    page.screenshot(path=screenshots / "manual-files-en.png")
    page.get_by_role("link", name="Ask").click()
    page.get_by_text("For example").wait_for()
    settled(page)
    page.screenshot(path=screenshots / "welcome-en.png")
    ask(page, "How long must the Hearthplate under the drip tray cool before you touch it?")
    settled(page)
    page.screenshot(path=screenshots / "manual-ask-en.png")
    page.locator("button.source").first.click()
    page.get_by_role("dialog").locator("article").wait_for()
    page.wait_for_timeout(3000)
    page.screenshot(path=screenshots / "manual-source-en.png")
    if page.get_by_role("dialog").locator("img").count():
        page.get_by_role("dialog").locator("img").first.scroll_into_view_if_needed()
        page.wait_for_timeout(400)
        page.screenshot(path=screenshots / "manual-page-en.png")
    assert watch.abroad == []
    assert watch.errors == []
