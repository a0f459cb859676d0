"""The starting points succeed with their own settings on the models that come with Tandem."""

from pathlib import Path

import pytest

from finetune.config_files import from_mapping
from finetune.folders import ModelFolder
from finetune.formats.writing import write_dataset
from finetune.models import resolve
from finetune.run_folder import RunFolder
from finetune.runs import load_tokenizer
from finetune.sample_voice import CHINESE, ENGLISH, sample_voice
from finetune.self_cognition import self_cognition
from finetune.starting_points import STARTING_POINTS, RecipeName
from finetune.train import run
from finetune.training_data import prepare_rows, write_run


def test_the_voice_speaks_alike_in_both_languages_and_is_asked_what_it_was_not_trained_on() -> None:
    assert len(ENGLISH) == len(CHINESE) == 40
    for language, word in (("en", "sailor"), ("zh", "水手")):
        rows = sample_voice(language)
        assert len({row.prompt for row in rows}) == 40
        assert sum(word in row.answer for row in rows) >= 39
    asked = {row.prompt for language in ("en", "zh") for row in sample_voice(language)}
    assert len(asked & set(STARTING_POINTS["voice"].questions)) <= 1


@pytest.mark.parametrize("recipe", STARTING_POINTS)
def test_the_settings_of_every_starting_point_are_settings(recipe: RecipeName) -> None:
    config = from_mapping({"model": "m", "data": "d", **STARTING_POINTS[recipe].settings})
    assert config.training.num_train_epochs <= 6


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", ["smollm2-135m-instruct", "smollm2-135m-reader"])
@pytest.mark.parametrize("recipe", ["voice", "self_cognition"])
def test_a_starting_point_makes_an_adapter_that_is_offered(
    smollm2_folder: ModelFolder, tmp_path: Path, name: str, recipe: RecipeName
) -> None:
    model = resolve(name, models_dir=smollm2_folder.path.parent)
    rows = sample_voice("en") if recipe == "voice" else self_cognition("Lantern", "Tea House")
    data = write_dataset(rows, tmp_path / "data", name="rows", formatting="alpaca").files["rows"]
    config = from_mapping(
        {"model": name, "data": str(data), "name": recipe, **STARTING_POINTS[recipe].settings}
    )
    tokenizer = load_tokenizer(model)
    folder = RunFolder(tmp_path / "run")
    write_run(
        folder, config, prepare_rows(config, tokenizer), model, tokenizer, adapters_dir=tmp_path / "kept"
    )
    status = run(folder.path)
    assert (status.state, status.adapter) == ("done", recipe), status.reason()
