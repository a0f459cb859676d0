"""The tiny engine for fast tests, the embedded models for slow ones."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.engine import Engine
from tests.assistant.tiny_model import build_tiny, save_adapter


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
        pytest.skip("the embedded chat model is not imported here: run `tandem models fetch`")
    folder = resolve("smollm2-135m-instruct", models_dir=settings.models_dir, offline=True)
    return load_model(folder, device="cpu")
