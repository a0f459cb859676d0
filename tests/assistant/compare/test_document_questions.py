"""Question sets made of the sample manual, and held against what an adapter was trained on."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.app import App
from assistant.compare.document_questions import questions_of_bases
from assistant.compare.questions import QuestionSet, load_questions, questions_jsonl
from assistant.compare.scoring import evidence_rank
from assistant.errors import QuestionSetError
from assistant.settings import load_settings
from finetune.adapters import MARKER
from finetune.errors import AdapterError, DatasetError

ENGLISH, CHINESE = "Sample manual (English)", "示例手册（中文）"


@pytest.fixture(scope="module")
def app(sample_data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    folder = tmp_path_factory.mktemp("asking") / "data"
    shutil.copytree(sample_data_dir, folder, symlinks=True, ignore=shutil.ignore_patterns("tandem.lock"))
    with App.open(load_settings(data_dir=folder)) as opened:
        yield opened


def made_of(app: App, base: str = ENGLISH, *, count: int = 50, seed: int = 0, adapter: str = ""):
    return questions_of_bases(app, app.base_ids([base]), count=count, seed=seed, adapter=adapter)


def trained(app: App, name: str, questions: list[str], folder: Path) -> None:
    """An adapter whose training data asks these questions."""
    rows = [
        {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "x"}]}
        for text in questions
    ]
    data = folder / f"{name}.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    adapter = app.settings.adapters_dir / name
    adapter.mkdir(parents=True)
    record = {"files": {}, "config": {"data": str(data)}}
    (adapter / MARKER).write_text(json.dumps(record), encoding="utf-8")


def problems(found: QuestionSet) -> dict[str, int]:
    return {problem.code: problem.count for problem in found.problems}


@pytest.mark.parametrize("base", [ENGLISH, CHINESE])
def test_the_sample_manual_gives_a_whole_question_set(app: App, base: str, tmp_path: Path) -> None:
    found = made_of(app, base).questions
    assert (len(found.questions), problems(found)) == (50, {})
    assert sum(not question.answerable for question in found.questions) == 10
    sources = {source.name for source in app.sources(app.base_ids([base])[0])}
    searched = found_first = 0
    for question in found.questions:
        assert question.language == ("en" if base == ENGLISH else "zh")
        if not question.answerable:
            assert not question.references
            continue
        (evidence,) = question.evidence
        assert evidence.source == question.document
        assert evidence.source in sources
        hits = app.search(evidence.quote, base_ids=app.base_ids([base]), mode="lexical").passages
        searched += 1
        found_first += evidence_rank(evidence, hits) is not None
    assert found_first == searched  # the gold passage is one that a search can find
    path = tmp_path / "q.jsonl"
    path.write_text(questions_jsonl(found.questions), encoding="utf-8")
    again = load_questions(path)
    assert again.questions == found.questions
    assert again.sha256 == found.sha256


def test_the_seed_decides_and_too_many_are_named(app: App) -> None:
    assert made_of(app).questions == made_of(app).questions
    assert made_of(app, seed=1).questions.sha256 != made_of(app).questions.sha256
    many = made_of(app, count=5000).questions
    assert problems(many) == {"questions_fewer": len(many.questions)}  # and one in five is unanswerable still
    assert len(many.questions) > 500
    texts = [question.text for question in many.questions]
    assert len(set(texts)) == len(texts)


def test_what_an_adapter_was_trained_on_is_listed_and_not_asked(app: App, tmp_path: Path) -> None:
    free = [question.text for question in made_of(app).questions.questions]
    frame = "<passages>\n…\n</passages>\n\nAnswer with a short phrase from the text.\nQuestion: "
    seen = [free[0], free[1].upper(), frame + free[2], free[3].replace("?", ", please?")]
    trained(app, "knows", seen, tmp_path)
    made = made_of(app, adapter="knows")
    asked = [question.text for question in made.questions.questions]
    assert len(asked) == 50  # others take their place
    assert not set(free[:4]) & set(asked)
    why = {leaked.question: leaked.why for leaked in made.leaked}
    assert [why[text] for text in free[:3]] == ["exact"] * 3
    assert why[free[3]] == "like"
    assert problems(made.questions)["questions_leaked"] == len(made.leaked)


def test_the_same_meaning_in_other_words_is_a_leak(app: App, tmp_path: Path) -> None:
    victim = next(
        question.text
        for question in made_of(app, count=5000).questions.questions
        if question.text == "Could you tell me what the weight, empty for QF-47C is?"
    )
    trained(app, "reworded", ["What is the empty weight of the QF-47C?"], tmp_path)
    made = made_of(app, count=5000, adapter="reworded")
    assert (victim, "meaning") in {(leaked.question, leaked.why) for leaked in made.leaked}


def test_training_data_that_is_gone_is_said(app: App, tmp_path: Path) -> None:
    trained(app, "gone", ["x"], tmp_path)
    (tmp_path / "gone.jsonl").unlink()
    found = made_of(app, adapter="gone").questions
    assert problems(found) == {"questions_leaks_unknown": 1}
    assert "gone" in found.problems[0].text("zh")


def test_what_cannot_be_made_says_why(app: App, tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match="nobody"):
        made_of(app, adapter="nobody")
    empty = app.create_base("nothing in it")
    with pytest.raises(DatasetError, match="tandem index"):
        questions_of_bases(app, [empty.id])
    every = [question.text for question in made_of(app, count=5000).questions.questions]
    trained(app, "all", every, tmp_path)
    with pytest.raises(QuestionSetError, match="No question could be made"):
        made_of(app, count=20, adapter="all")
