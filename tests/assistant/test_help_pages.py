"""Help pages in the shell's language, down to their headings."""

import re

import pytest
from typer.testing import CliRunner

from assistant.cli import cli

ENGLISH_FRAME = re.compile(r"Usage:|Arguments:|Options:|Commands:|Show this message|\[required|\[default")
COMMANDS = (
    "",
    "index",
    "runs",
    "runs show",
    "providers add",
    "experiment run",
    "data check",
    "adapters export",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_frame_of_every_page_is_in_the_language(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = CliRunner()
    for name in ("TANDEM_LANGUAGE", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    page = runner.invoke(cli, [*command.split(), "--help"]).output
    assert page.startswith("用法：")
    assert "选项：" in page
    assert not ENGLISH_FRAME.search(page)
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    page = runner.invoke(cli, [*command.split(), "--help"]).output
    assert page.startswith("Usage: ")
    assert "Options:" in page
