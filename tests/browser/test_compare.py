"""Arms side by side in a real browser on real models: a blind vote, the names, the leaderboard, training rows."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assistant.app import App
from assistant.settings import load_settings
from assistant.setup import SAMPLES
from tests.browser.conftest import OpenPage, free_port, running_server
from tests.browser.test_ask import count_of, settled

if TYPE_CHECKING:
    from finetune.folders import ModelFolder

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1200)]

QUESTION = "How many batches does the Ledger keep?"
LONG_QUESTION = "Describe in five sentences how the Ledger works and how many batches it keeps."
ADAPTER = "house style"
LETTERS = "ABCD"
# When and how long each lettered column's growing text was, in milliseconds and characters.
WATCH_COLUMNS = """() => {
    window.seen = {}
    new MutationObserver(() => {
        for (const node of document.querySelectorAll('[data-testid=stColumn]')) {
            const letter = node.innerText.split('\\n')[0]
            const text = node.querySelector('[data-testid=stText]')
            if (!/^[ABCD]$/.test(letter) || !text) continue
            const told = window.seen[letter] ??= []
            if (told.at(-1)?.[1] !== text.textContent.length)
                told.push([performance.now(), text.textContent.length])
        }
    }).observe(document.body, {subtree: true, childList: true, characterData: true})
}"""


def make_adapter(folder: Path, base: "ModelFolder") -> None:
    """Write a sealed LoRA for the embedded model, of small random weights."""
    import torch
    from safetensors.torch import save_file

    from finetune.adapters import seal

    torch.manual_seed(7)
    shapes = {"q_proj": (576, 576), "v_proj": (192, 576)}
    weights = {}
    for layer in range(30):
        for name, (wide, deep) in shapes.items():
            site = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            weights[f"{site}.lora_A.weight"] = torch.randn(2, deep) * 0.02
            weights[f"{site}.lora_B.weight"] = torch.randn(wide, 2) * 0.02
    folder.mkdir(parents=True)
    save_file(weights, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": list(shapes)}
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    seal(folder, {"base_model": base.name, "base_revision": base.revision, "method": "lora"})


@pytest.fixture(scope="module")
def compare_site(
    tmp_path_factory: pytest.TempPathFactory,
    minilm_folder: "ModelFolder",
    smollm2_folder: "ModelFolder",
    chromium_path: str,
) -> Iterator[tuple[str, Path]]:
    """The real page over the sample manual, with the embedded models and an adapter; its address and its folder."""
    data = tmp_path_factory.mktemp("compare") / "data"
    data.mkdir()
    models = minilm_folder.path.parent
    assert smollm2_folder.path.parent == models
    (data / "models").symlink_to(models, target_is_directory=True)
    app = App.open(load_settings(data_dir=data))
    inputs, _ = app.gather([SAMPLES / "en"])
    list(app.index(app.create_base("Sample manual (English)").id, inputs))
    app.close()
    port = free_port()
    # The adapter below is of the plain model, so that one answers.
    env = {"TANDEM_DATA_DIR": str(data), "TANDEM_MODELS__CHAT": smollm2_folder.name, "CI": "1"}
    command = ["-m", "tests.browser.paced_page", "ui", "--port", str(port), "--no-browser"]
    with running_server(command, port, data / "server.log", env) as url:
        yield url, data


def test_four_arms_stream_together_are_voted_on_blind_and_become_training_rows(
    compare_site: tuple[str, Path], smollm2_folder: "ModelFolder", open_page: OpenPage, screenshots: Path
) -> None:
    url, data = compare_site
    page, watch = open_page(f"{url}/?lang=en", size={"width": 1280, "height": 800})
    page.get_by_role("link", name="Compare").click()
    page.get_by_text("A trained adapter appears here").wait_for()
    page.get_by_text("Check its sources").wait_for(timeout=180_000)
    settled(page)
    page.screenshot(path=screenshots / "compare-start-en.png")
    # Trained while the page is open: it is an arm without a restart.
    make_adapter(data / "adapters" / ADAPTER, smollm2_folder)
    page.get_by_role("tab", name="Leaderboard").click()
    page.get_by_text("No votes yet.").wait_for()
    page.get_by_role("tab", name="Side by side").click()
    for name in (f"{ADAPTER} (SFT)", f"{ADAPTER} + documents (RAG+SFT)"):
        page.get_by_text(name, exact=True).click()
        settled(page)

    page.evaluate(WATCH_COLUMNS)
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill(LONG_QUESTION)
    box.press("Enter")
    page.get_by_text("Which answer is best?").wait_for(timeout=240_000)
    seen = page.evaluate("() => window.seen")
    # Answers of a few words come in one piece; the base and the documents' arm have more to say here.
    growing = [told for told in seen.values() if len(told) >= 2]
    assert len(growing) >= 2, seen
    # They stream together: the last to begin begins before the first of them has ended.
    assert max(told[0][0] for told in growing) < min(told[-1][0] for told in growing), seen
    settled(page)
    count_of(page.locator(".body"), 4)
    bodies = [text.strip() for text in page.locator(".body").all_inner_texts()]
    hidden = page.locator("[data-testid=stMain]").inner_text()
    assert "in all" not in hidden
    assert "peak memory" not in hidden
    # The names stand in the chooser and nowhere else.
    assert hidden.count("RAG") == 2
    assert hidden.count(ADAPTER) == 2
    page.screenshot(path=screenshots / "compare-blind-en.png")

    winner = next(letter for letter, text in zip(LETTERS, bodies, strict=True) if "64" in text)
    page.get_by_role("radio", name=f"{winner} is best").click()
    page.get_by_text("Reason and corrected answer").click()
    page.get_by_role("textbox", name="How the answer should read").fill("It keeps the last 64 batches.")
    page.get_by_role("button", name="Vote").click()
    page.get_by_text("Your vote counts.").wait_for()
    page.wait_for_function("() => document.body.innerText.split('in all').length === 5")
    settled(page)
    told = page.locator("[data-testid=stMain]").inner_text()
    assert len(re.findall(r"[ABCD] = ", told)) == 4
    assert told.count("in all") == 4
    assert told.count("peak memory") == 4
    page.screenshot(path=screenshots / "compare-voted-en.png", full_page=True)
    page.get_by_role("button", name="Why this answer").first.click()
    page.get_by_role("dialog").locator("pre.prompt").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    page.get_by_text("What differs").click()
    page.locator(".tandem-diff").or_(page.get_by_text("word for word")).first.wait_for()
    settled(page)
    page.screenshot(path=screenshots / "compare-differs-en.png")

    page.get_by_role("tab", name="Leaderboard").click()
    page.get_by_text(re.compile("1 vote, cast blind, on 1 question")).wait_for()
    page.locator("[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg").first.wait_for()
    settled(page)
    page.screenshot(path=screenshots / "leaderboard-en.png")
    with page.expect_download() as download:
        page.locator(".st-key-board_export_corrected button").click()
    assert "the last 64 batches" in Path(download.value.path()).read_text(encoding="utf-8")
    page.locator(".st-key-board_train_corrected button").click()
    page.wait_for_url("**/train*")
    settled(page)
    page.screenshot(path=screenshots / "compare-to-train-en.png")
    (about,) = (data / "datasets").glob("*/provenance.json")
    (vote,) = json.loads(about.read_text(encoding="utf-8"))["votes"]
    records = {answer["arm"]: answer["record"] for answer in vote["answers"]}
    assert set(records) == {"base", "rag", f"sft:{ADAPTER}", f"rag+sft:{ADAPTER}"}
    tuned = records[f"sft:{ADAPTER}"]
    assert len(tuned["adapter_sha256"]) == 64
    assert tuned["adapter_check"]["changed"] > 0
    assert tuned["adapter_check"]["restored"]
    assert records["rag"]["index_generation"] == records[f"rag+sft:{ADAPTER}"]["index_generation"] != ""
    assert records["base"]["model_revision"] == smollm2_folder.revision
    assert watch.abroad == []
    assert watch.errors == []

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


def test_an_arm_of_ones_own_is_compared_and_its_answer_goes_on_in_ask(
    compare_site: tuple[str, Path], open_page: OpenPage, screenshots: Path
) -> None:
    url, _ = compare_site
    page, watch = open_page(f"{url}/compare?lang=en", size={"width": 1280, "height": 800})
    page.locator(".st-key-compare_add button").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Looks things up").wait_for()
    passages = dialog.locator(".st-key-compare_add_passages input")
    passages.fill("1")
    passages.press("Tab")
    dialog.get_by_role("radio", name="Words (BM25)").click()
    settled(page)
    page.screenshot(path=screenshots / "compare-compose-en.png")
    dialog.locator(".st-key-compare_add_done button").click()
    label = "Base model + documents (RAG) · 1 passage · Words (BM25)"
    page.get_by_text(label, exact=True).wait_for()
    # With names shown the columns stand in the order of the choice, the composed arm last.
    page.locator(".st-key-compare_blind label").first.click()
    settled(page)
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill(QUESTION)
    box.press("Enter")
    page.get_by_text("Which answer is best?").wait_for(timeout=240_000)
    settled(page)
    page.screenshot(path=screenshots / "compare-own-en.png")
    page.get_by_role("button", name="Go on in Ask").last.click()
    page.get_by_text(f"Answers come from: {label}").wait_for()
    page.get_by_text(QUESTION).first.wait_for()
    assert watch.abroad == []
    assert watch.errors == []


def test_stopped_answers_are_kept_and_not_voted_on(slow_site: str, open_page: OpenPage) -> None:
    page, _ = open_page(f"{slow_site}/compare?lang=en")
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill(QUESTION)
    box.press("Enter")
    # Both columns grow together: neither waits for the other's end.
    growing = page.locator("[data-testid=stColumn] [data-testid=stText]", has_text="word3 ")
    growing.nth(1).wait_for(timeout=120_000)
    assert growing.count() == 2
    page.locator(".st-key-stop_answer button").click()
    settled(page)
    page.get_by_role("tab", name="Leaderboard").click()
    page.get_by_text("No votes yet.").wait_for()
    page.get_by_role("tab", name="Side by side").click()
    page.get_by_text("so there is no vote").wait_for()
    kept = page.locator(".body", has_text="word0 word1 word2 word3")
    kept.nth(1).wait_for()
    assert all("word599" not in text for text in kept.all_inner_texts())
