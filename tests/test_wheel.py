"""The wheel: what is in it, and that it installs into an empty environment and works there."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("assistant", "finetune", "knowledge", "ui")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel; from a copy, so that no build folder is left in the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: the wheel is built of the files that git knows")
    names = [name for name in listed.stdout.splitlines() if name.startswith((*PACKAGES, "samples/"))]
    for name in [*names, "pyproject.toml", "README.md", "LICENSE", "NOTICE"]:
        if (ROOT / name).is_file():
            target = folder / "source" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "-w",
        str(folder),
        str(folder / "source"),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.slow
def test_types_pages_and_words_are_in_it(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    for folder in ("assistant", "knowledge", "finetune", "ui"):
        sources = {str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("*.py")}
        known = set(
            subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split("\n")
        )
        assert sources & known <= names
    assert "ui/.streamlit/config.toml" in names
    for kind in (
        "*.css",
        "*.js",
        "*.svg",
        "launch_configs/*",
        "adapter_model.safetensors",
        "samples/manual/*/*",
    ):
        wanted = {
            name for name in known if Path(name).match(kind) and name.startswith((*PACKAGES, "samples/"))
        }
        assert wanted
        assert wanted - {name for name in wanted if name.startswith("samples/source/")} <= names
    assert not any(name.startswith(("tests/", "bench/")) for name in names)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_it_installs_into_an_empty_environment_and_answers(
    wheel: Path, tmp_path: Path, sample_data_dir: Path
) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    scripts = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment |= {"TANDEM_DATA_DIR": str(sample_data_dir), "TANDEM_LANGUAGE": "en"}
    install = [scripts / "pip", "install", "-q", "-c", ROOT / "constraints.txt", wheel]
    done = subprocess.run([str(part) for part in install], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]

    def tandem(*words: str) -> str:
        done = subprocess.run(
            [str(scripts / "tandem"), *words], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    assert "providers" in tandem("--help")
    assert "QF-47" in tandem("search", "水箱容量", "--top-k", "1")
    assert tandem("ask", "How many batches does the Ledger keep?").startswith("64")
    code = "import assistant, knowledge; print(assistant.App, assistant.EngineChatModel, knowledge.KnowledgeRetriever)"
    checked = subprocess.run(
        [str(scripts / "python"), "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stderr
