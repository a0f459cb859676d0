"""The first questions that a user is offered are answered right, with their source."""

import json
from pathlib import Path

import pytest

from assistant.app import App
from assistant.arms import Finished
from assistant.messages import Language
from assistant.settings import load_settings
from assistant.setup import EXAMPLES, prepare
from finetune.models import ModelFolder

QUESTIONS = Path(__file__).resolve().parents[2] / "samples" / "questions"
CORES = {
    "en-047": "28",
    "en-086": "6 mm",
    "en-107": "25 minutes",
    "zh-041": "摇晃瓶子十秒，然后按下旋钮",
    "zh-093": "E-21",
    "zh-109": "9047",
}
"""What must stand in an answer for it to be right."""


@pytest.mark.slow
def test_the_embedded_model_answers_the_examples(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    minilm_folder: ModelFolder,
    smollm2_folder: ModelFolder,
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(data_dir=tmp_path / "data")
    settings.data_dir.mkdir()
    settings.models_dir.symlink_to(minilm_folder.path.parent, target_is_directory=True)
    assert list(prepare(settings, "en", progress=lambda name: lambda stage, done, total: None))
    languages: tuple[Language, ...] = ("en", "zh")
    with App.open(settings) as app:
        for language in languages:
            lines = (QUESTIONS / f"{language}.jsonl").read_text(encoding="utf-8").splitlines()
            rows = {row["question"]: row for row in map(json.loads, lines)}
            offered = app.example_questions(language)
            assert [rows[question]["id"] for question in offered] == list(EXAMPLES[language])
            for question in offered:
                events = app.ask(question, base_ids=app.base_ids(None))
                (answer,) = [event.answer for event in events if isinstance(event, Finished)]
                assert CORES[rows[question]["id"]] in answer.text, (question, answer.text)
                assert rows[question]["source"] in [cited.passage.source_name for cited in answer.citations]
                assert all(sentence.supported for sentence in answer.sentences)
