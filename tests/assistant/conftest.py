"""The tiny engine for fast tests, the embedded models for slow ones, one server over them for clients, the shell."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from assistant.engine import Engine
from tests.assistant.running import ADAPTER, PUMPS, CommandLine, Served, listening, write_adapter
from tests.assistant.tiny_model import build_tiny, save_adapter

if TYPE_CHECKING:
    from finetune.folders import ModelFolder


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, in force, inside the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TANDEM_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def command_line(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[CommandLine]:
    """`tandem` as a shell of a language runs it, over an empty data folder; returns exit code, stdout, stderr."""
    import assistant.cli
    from assistant import terminal

    def run(*arguments: str, language: str = "en") -> tuple[int, str, str]:
        monkeypatch.setenv("TANDEM_LANGUAGE", language)
        terminal.language.cache_clear()
        monkeypatch.setattr(sys, "argv", ["tandem", *arguments])
        capsys.readouterr()
        code: Any = 0
        try:
            assistant.cli.main()
        except SystemExit as end:
            code = end.code or 0
        out, err = capsys.readouterr()
        return int(code), out, err

    yield run
    terminal.language.cache_clear()


@pytest.fixture(scope="session")
def adapter_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two LoRA adapters for the tiny model, `terse` and `v1.2 中文`: odd names are allowed."""
    root = tmp_path_factory.mktemp("adapters")
    return {"terse": save_adapter(root / "a", 1), "v1.2 中文": save_adapter(root / "b", 2)}


@pytest.fixture
def tiny_engine() -> Iterator[Engine]:
    """An engine over a fresh tiny model."""
    model, tokenizer = build_tiny()
    engine = Engine(model, tokenizer, name="tiny", revision="r1")
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def embedded_chat_model() -> Any:
    """The embedded chat model, loaded; skips where it has not been imported yet."""
    from assistant.settings import load_settings
    from finetune.models import load_model, present, resolve

    settings = load_settings()
    if not present("smollm2-135m-instruct", models_dir=settings.models_dir):
        pytest.skip(
            "the embedded chat model is not imported here: run `tandem models get smollm2-135m-instruct`"
        )
    folder = resolve("smollm2-135m-instruct", models_dir=settings.models_dir, offline=True)
    return load_model(folder, device="cpu")


@pytest.fixture(scope="session")
def served_data_dir(
    tmp_path_factory: pytest.TempPathFactory, minilm_folder: "ModelFolder", smollm2_folder: "ModelFolder"
) -> Path:
    """A data folder that has the embedded models."""
    folder = tmp_path_factory.mktemp("api") / "data"
    folder.mkdir()
    assert minilm_folder.path.parent == smollm2_folder.path.parent
    (folder / "models").symlink_to(smollm2_folder.path.parent, target_is_directory=True)
    return folder


@pytest.fixture(scope="session")
def served(served_data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server over two knowledge bases and one adapter."""
    from assistant.app import App
    from assistant.serving import build_server
    from assistant.settings import ModelSettings, Settings

    papers = tmp_path_factory.mktemp("papers")
    (papers / "pump.md").write_text(PUMPS, encoding="utf-8")
    (papers / "泵.md").write_text("# 水泵\n\n水泵重十二公斤，每分钟输送四十升水。\n", encoding="utf-8")
    settings = Settings(data_dir=served_data_dir, models=ModelSettings(chat="smollm2-135m-instruct"))
    with App.open(settings, purpose="tests") as app:
        for base, name in (("pumps", "pump.md"), ("水泵", "泵.md")):
            inputs, _ = app.gather([papers / name])
            assert all(event for event in app.index(app.create_base(base).id, inputs))
        engine = app.loaded.engine()
        engine.load_adapter(ADAPTER, write_adapter(tmp_path_factory.mktemp("adapter") / ADAPTER))
        with listening(build_server(app)) as url:
            yield Served(app, url)
