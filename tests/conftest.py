"""What every test shares: the data folder of the checkout's neighbour, the embedded models, no network."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from finetune.folders import ModelFolder
    from finetune.models import LoadedModel
    from knowledge.embeddings import Embedder

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# The same examples every time, so that a run says something about the change and not about its luck.
# HYPOTHESIS_PROFILE=default draws others.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real documents and questions; skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no ../shared/data beside the checkout: the real documents and questions are not here")
    return SHARED_DATA


# The embedded models are fetched once from the package index, by the product's own code, and kept between
# runs in TANDEM_TEST_MODELS or in the checkout's .cache.
TEST_MODELS = Path(os.environ.get("TANDEM_TEST_MODELS") or ROOT / ".cache" / "models")


@pytest.fixture(scope="session")
def minilm_folder() -> "ModelFolder":
    """The embedded embedding model on disk."""
    from finetune.models import resolve

    return resolve("all-minilm-l6-v2", models_dir=TEST_MODELS)


@pytest.fixture(scope="session")
def smollm2_folder() -> "ModelFolder":
    """The embedded chat model on disk, as it comes; what is made of it, and answers by default, lies beside it."""
    from finetune.models import resolve

    resolve("smollm2-135m-reader", models_dir=TEST_MODELS)
    return resolve("smollm2-135m-instruct", models_dir=TEST_MODELS)


@pytest.fixture(scope="session")
def embedder(minilm_folder: "ModelFolder") -> "Embedder":
    """The embedded embedding model, loaded as the application loads it."""
    from knowledge.embeddings import load_embedder

    return load_embedder(minilm_folder.path, name=minilm_folder.name, languages=frozenset({"en"}))


@pytest.fixture(scope="session")
def smollm2(smollm2_folder: "ModelFolder") -> "LoadedModel":
    """The embedded chat model, loaded as the application loads it. Tests must leave it as it was."""
    from finetune.models import load_model

    return load_model(smollm2_folder)


@pytest.fixture(scope="session")
def sample_data_dir(
    tmp_path_factory: pytest.TempPathFactory, minilm_folder: "ModelFolder", smollm2_folder: "ModelFolder"
) -> Path:
    """A data folder as `tandem setup` leaves it: models and the indexed sample manual. Copy it to change it."""
    from assistant.settings import load_settings
    from assistant.setup import prepare

    folder = tmp_path_factory.mktemp("prepared") / "data"
    folder.mkdir()
    settings = load_settings(data_dir=folder)
    settings.models_dir.symlink_to(minilm_folder.path.parent, target_is_directory=True)
    for _ in prepare(settings, "en", progress=lambda name: lambda stage, done, total: None):
        pass
    return folder
