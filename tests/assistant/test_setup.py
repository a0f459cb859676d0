"""A fresh data folder becomes ready to answer, once."""

import json
import shutil
from pathlib import Path

import pytest

from assistant.app import App
from assistant.settings import load_settings
from assistant.setup import example_questions, prepare


def test_prepare_indexes_the_samples_once_and_respects_their_deletion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample_data_dir: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(data_dir=shutil.copytree(sample_data_dir, tmp_path / "data", symlinks=True))

    with App.open(settings) as app:
        assert {base.name for base in app.bases()} == {"Sample manual (English)", "示例手册（中文）"}
        assert all(base.files == 3 and base.chunks > 50 for base in app.bases())
        assert len(app.example_questions("zh")) == 3
        for base in app.bases():
            app.delete_base(base.id)

    lines = list(prepare(settings, "en", progress=lambda name: lambda stage, done, total: None))
    assert len(lines) == 1
    with App.open(settings) as app:
        assert app.bases() == []
        assert app.example_questions("en") == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_example_questions_are_answerable_ones(language: str) -> None:
    path = Path(__file__).resolve().parents[2] / "samples" / "questions" / f"{language}.jsonl"
    rows = {row["question"]: row for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())}
    chosen = example_questions(language)  # type: ignore[arg-type]
    assert len(set(chosen)) == 3
    assert all(rows[question]["answerable"] for question in chosen)
