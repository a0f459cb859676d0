"""What the READMEs show is true: their commands and their Python run on the sample manual."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
READMES = ["README.md", "README.zh-CN.md"]


def blocks(name: str, language: str) -> list[str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.fixture
def environment(tmp_path: Path, sample_data_dir: Path) -> dict[str, str]:
    data = shutil.copytree(sample_data_dir, tmp_path / "data", symlinks=True)
    return os.environ | {"TANDEM_DATA_DIR": str(data), "TANDEM_LANGUAGE": "en", "PYTHONPATH": str(ROOT)}


def test_the_python_example_runs_and_prints_what_it_says(tmp_path: Path, environment: dict[str, str]) -> None:
    (code,) = (block for block in blocks("README.md", "python") if "from assistant import App" in block)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    said = re.findall(r"# prints: (.*)", code)
    assert said
    for expected in said:
        assert expected in done.stdout


@pytest.mark.parametrize("name", READMES)
def test_every_tandem_command_of_the_readme_is_one(name: str) -> None:
    commands = set()
    for language in ("console", "sh"):
        for block in blocks(name, language):
            for line in block.replace("\\\n", " ").splitlines():  # a line may go on after a backslash
                words = shlex.split(line.removeprefix("$ "), comments=True)
                if words[:1] == ["tandem"]:
                    commands.add(words[1])
    assert {"ask", "search", "index"} <= commands
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "assistant", command, "--help"], capture_output=True, text=True
        )
        assert done.returncode == 0, command


def test_the_search_command_finds_what_the_readme_shows(tmp_path: Path, environment: dict[str, str]) -> None:
    lines = [line for block in blocks("README.md", "console") for line in block.splitlines()]
    at = next(number for number, line in enumerate(lines) if line.startswith("$ tandem search"))
    words = shlex.split(lines[at].removeprefix("$ tandem "), comments=True)
    done = subprocess.run(
        [sys.executable, "-m", "assistant", *words],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    shown = re.search(r"QF-47 \S+", lines[at + 1])
    assert shown is not None
    assert shown.group() in done.stdout.splitlines()[0]


@pytest.mark.parametrize("name", READMES)
def test_what_the_readme_links_to_is_there(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", text)
    assert targets
    for target in targets:
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target
