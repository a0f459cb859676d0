"""A fresh data folder becomes ready to answer, once."""

import json
from pathlib import Path

import pytest

from assistant.app import App
from assistant.settings import load_settings
from assistant.setup import example_questions, prepare
from finetune.models import ModelFolder


def follow(name: str) -> object:
    return lambda stage, done, total: None


def test_prepare_indexes_the_samples_once_and_respects_their_deletion(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    minilm_folder: ModelFolder,
    smollm2_folder: ModelFolder,
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(data_dir=tmp_path / "data")
    settings.data_dir.mkdir()
    settings.models_dir.symlink_to(minilm_folder.path.parent, target_is_directory=True)
    lines = list(prepare(settings, "zh", progress=follow))  # type: ignore[arg-type]
    assert any("用户手册.pdf" in line for line in lines)

    with_samples = App.open(settings)
    assert {base.name for base in with_samples.bases()} == {"Sample manual (English)", "示例手册（中文）"}
    assert all(base.chunks > 50 for base in with_samples.bases())
    assert len(with_samples.example_questions("zh")) == 3
    for base in with_samples.bases():
        with_samples.delete_base(base.id)
    with_samples.close()

    assert len(list(prepare(settings, "en", progress=follow))) == 1  # type: ignore[arg-type]
    again = App.open(settings)
    assert again.bases() == []
    assert again.example_questions("en") == []
    again.close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_example_questions_are_answerable_ones(language: str) -> None:
    path = Path(__file__).resolve().parents[2] / "samples" / "questions" / f"{language}.jsonl"
    rows = {row["question"]: row for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())}
    chosen = example_questions(language)  # type: ignore[arg-type]
    assert len(set(chosen)) == 3
    assert all(rows[question]["answerable"] for question in chosen)
