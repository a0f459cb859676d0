"""From a document to an adapter that answers, in a real browser: rows, lens, run, stop, resume, ask."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from assistant.app import App
from assistant.settings import load_settings
from finetune import runs
from finetune.run_folder import RunFolder
from tests.browser.conftest import OpenPage, free_port, running_server
from tests.browser.test_ask import settled
from tests.finetune.tiny_chat import write_tiny_chat
from tests.waiting import until

if TYPE_CHECKING:
    from finetune.folders import ModelFolder

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1200)]

NOTE = """# Morrow pump

| Part | Value |
|---|---|
| Pressure of the zindel valve | 31 bar |
| Volume of the brine tank | 18 litres |
| Colour of the filter case | green |

The **zindel valve** is a brass valve that keeps the pressure of the pump.
"""


@dataclass(frozen=True)
class Site:
    """A page over one document.

    Args:
        steps: of the run; enough of them that it can be stopped on its way.
        rate: of learning.
        patience_ms: for what takes training.
    """

    url: str
    data: Path
    steps: int
    rate: str
    patience_ms: int


@pytest.fixture
def site(
    request: pytest.FixtureRequest, tmp_path: Path, minilm_folder: "ModelFolder", chromium_path: str
) -> Iterator[Site]:
    """With a chat model of two layers, or with the embedded one."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "models").symlink_to(minilm_folder.path.parent, target_is_directory=True)
    env = {"TANDEM_DATA_DIR": str(data), "CI": "1"}
    tiny = request.param == "tiny"
    if tiny:
        env["TANDEM_MODELS__CHAT"] = str(write_tiny_chat(tmp_path / "tiny").path)
    else:
        request.getfixturevalue("smollm2_folder")
    note = tmp_path / "Morrow pump.md"
    note.write_text(NOTE, encoding="utf-8")
    app = App.open(load_settings(data_dir=data))
    inputs, _ = app.gather([note])
    list(app.index(app.create_base("Pump").id, inputs))
    app.close()
    port = free_port()
    command = ["-m", "assistant", "ui", "--port", str(port), "--no-browser"]
    with running_server(command, port, data / "server.log", env) as url:
        yield Site(url, data, 80, "0.01", 300_000) if tiny else Site(url, data, 12, "0.001", 500_000)
        for run in (data / "runs").glob("*"):  # one that a failed test has left on hold
            status = runs.status_of(RunFolder(run))
            if status.alive:
                psutil.Process(status.pid).kill()


def fill(page: Any, key: str, text: str) -> None:
    """Type into the field of a setting."""
    field = page.locator(f"[class*=st-key-train_field_{key}_] input").first
    field.fill(text)
    field.press("Tab")
    settled(page)


def step_of(page: Any) -> int:
    """The step that the page tells."""
    told = re.search(r"step (\d+) of", page.locator("[data-testid=stMain]").inner_text())
    return int(told[1]) if told else 0


@dataclass
class Trainer:
    """The training that runs on a site, which the test lets go on for as long as it likes."""

    folder: RunFolder
    process: psutil.Process
    patience_s: float

    def go_on(self, *, steps: int) -> None:
        """Let it make so many steps or a few more, and hold it."""
        reached = self.folder.read_status().step + steps
        self.process.resume()
        until(lambda: self.folder.read_status().step >= reached, seconds=self.patience_s)
        self.process.suspend()


def begun(site: Site) -> Trainer:
    """Hold the run that was started just now, after its first steps."""
    until(lambda: any((site.data / "runs").glob("*/status.json")))
    (folder,) = map(RunFolder, (site.data / "runs").iterdir())
    until(lambda: folder.read_status().pid)
    process = psutil.Process(folder.read_status().pid)
    trainer = Trainer(folder, process, patience_s=site.patience_ms / 1000)
    trainer.go_on(steps=2)
    return trainer


@pytest.mark.parametrize("site", ["tiny", pytest.param("embedded", marks=pytest.mark.slow)], indirect=True)
def test_a_document_becomes_an_adapter_that_answers(
    site: Site, open_page: OpenPage, screenshots: Path
) -> None:
    page, watch = open_page(f"{site.url}/train?lang=en")
    page.set_default_timeout(
        site.patience_ms
    )  # a training run beside the browser leaves it little of two cores
    page.locator(".st-key-train_recipe_facts button").click()
    page.get_by_role("button", name="Build rows").click()
    page.get_by_role("button", name="Train on these rows").wait_for(timeout=site.patience_ms)
    settled(page)
    page.screenshot(path=screenshots / "train-rows-en.png")
    page.get_by_role("tab", name="Ledger of facts").click()
    page.get_by_text("likely to stick").first.wait_for()
    page.get_by_role("button", name="Train on these rows").click()

    # The lens: blue is what is learnt; the last blue token is the stop token.
    page.locator(".token.trained").first.wait_for(timeout=60_000)
    settled(page)
    answers = page.locator(".tokens .token.trained").count()
    assert page.locator(".tokens .token.stop").count() == 1
    page.screenshot(path=screenshots / "train-lens-en.png")
    learnt = page.locator(".tokens .token.trained")
    page.get_by_role("radio", name="Everything").click()
    learnt.nth(answers).wait_for()
    page.get_by_role("radio", name="Answers only").click()
    learnt.nth(answers).wait_for(state="detached")
    assert learnt.count() == answers

    page.get_by_role("button", name="Next: settings").click()
    page.get_by_text(re.compile("It fits: about")).wait_for(timeout=120_000)
    page.get_by_text(re.compile(r"Trains [\d,]+ of [\d,]+ parameters")).wait_for()
    page.get_by_text("Length of the run, evaluation, checkpoints").click()
    fill(page, "max_steps", str(site.steps))
    fill(page, "learning_rate", site.rate)
    for key in ("eval_steps", "save_steps"):
        fill(page, key, str(site.steps // 6))
    page.get_by_text(re.compile(f"{site.steps} steps")).wait_for(timeout=60_000)
    page.screenshot(path=screenshots / "train-settings-en.png")
    page.get_by_role("button", name="Next: run").click()
    page.get_by_role("button", name="Start training").click()

    # The curve moves, and a reload finds the run again.
    trainer = begun(site)
    chart = page.locator("[data-testid=stVegaLiteChart]").first
    chart.wait_for(timeout=site.patience_ms)
    page.reload()
    chart.wait_for(timeout=60_000)
    first = step_of(page)
    trainer.go_on(steps=1)
    page.wait_for_function(
        """first => Number((document.body.innerText.match(/step (\\d+) of/) || [0, 0])[1]) > first""",
        arg=first,
        timeout=site.patience_ms,
    )
    page.screenshot(path=screenshots / "train-run-en.png")
    page.get_by_role("button", name="Stop", exact=True).click()
    until(trainer.folder.stop.exists)
    trainer.process.resume()
    page.get_by_role("button", name="Go on").wait_for(timeout=site.patience_ms)
    settled(page)
    stopped = step_of(page)
    assert first < stopped < site.steps
    page.get_by_text(f"It goes on from step {stopped}").wait_for()
    page.screenshot(path=screenshots / "train-stopped-en.png")
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("passed its checks and can answer now").wait_for(timeout=site.patience_ms)
    settled(page)
    page.screenshot(path=screenshots / "train-done-en.png")

    page.get_by_role("button", name="Ask before / after").click()
    page.get_by_role("button", name="Ask both").wait_for()
    questions = page.get_by_role("textbox", name="Questions, one a line")
    questions.fill("What is the pressure of the zindel valve?")
    questions.press("Control+Enter")
    settled(page)
    page.get_by_role("button", name="Ask both").click()
    page.get_by_text("After: with the adapter").wait_for()
    settled(page)
    before, after = page.locator("[data-testid=stText]").all_inner_texts()[-2:]
    page.screenshot(path=screenshots / "train-asked-en.png")
    assert after.strip()
    assert before != after
    page.get_by_role("tab", name="Adapters").click()
    # Told but not required: merged in bfloat16, so little a model may break a tie otherwise.
    page.get_by_text(re.compile(r"Checks: \d passed, [01] failed")).wait_for(timeout=60_000)
    assert watch.abroad == []
    assert watch.errors == []
