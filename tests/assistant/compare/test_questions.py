import json
from pathlib import Path

import pytest

from assistant.compare.question_files import write_passages
from assistant.compare.questions import (
    Evidence,
    check_questions,
    clusters_of,
    load_questions,
    questions_from_json,
    questions_json,
    take,
)
from assistant.errors import QuestionSetError

SAMPLES = Path(__file__).resolve().parents[3] / "samples" / "questions"


def problems(found) -> dict[str, int]:
    return {problem.code: problem.count for problem in found.problems}


def test_sample_questions_are_read_without_a_problem() -> None:
    for language in ("en", "zh"):
        found = load_questions(SAMPLES / f"{language}.jsonl")
        assert len(found.questions) == 120
        assert sum(not question.answerable for question in found.questions) == 24
        assert found.problems == ()
        assert {question.language for question in found.questions} == {language}
        first = found.questions[0]
        assert first.references
        assert first.evidence[0].source.endswith(".pdf")
        assert first.kind == "comparison"
        refusal = next(question for question in found.questions if not question.answerable)
        assert refusal.references == ()
        assert refusal.evidence == ()


def test_faq_of_the_real_manual(shared_data) -> None:
    path = shared_data / "manual" / "dolphinscheduler" / "faq.jsonl"
    english, chinese = load_questions(path, language="en"), load_questions(path, language="zh")
    assert (len(english.questions), len(chinese.questions)) == (60, 59)
    table = next(question for question in english.questions if "| " in question.references[0])
    assert len(table.references) == 1  # a Markdown table's bars do not separate answers
    assert problems(english) == {"questions_few_unanswerable": 0}


def test_squad_form_with_evidence_and_unanswerable(shared_data) -> None:
    found = load_questions(shared_data / "qa" / "squad2" / "squad2.json")
    assert len(found.questions) == 2461
    assert sum(not question.answerable for question in found.questions) == 1321
    first = found.questions[0]
    assert first.references == ("France",)
    assert "France" in first.evidence[0].quote
    assert len(first.evidence[0].quote) < 300  # the sentence, not the paragraph
    assert first.document == "Normans"


def test_csv_with_chinese_head_several_answers_and_bom(tmp_path: Path) -> None:
    path = tmp_path / "题.csv"
    text = (
        "编号,问题,答案,可回答,来源,引文\n1,多少度？,10 ℃||10度,是,手册.pdf,温度为 10 ℃\n2,谁发明的？,,否,,\n"
    )
    for encoding in ("utf-8-sig", "gb18030"):
        path.write_bytes(text.encode(encoding))
        found = load_questions(path)
        one, two = found.questions
        assert one.references == ("10 ℃", "10度")
        assert one.evidence == (Evidence("手册.pdf", "温度为 10 ℃"),)
        assert one.language == "zh"
        assert not two.answerable
    path.write_text(text.replace(",", ";"), encoding="utf-8")
    assert load_questions(path).questions[0].references == ("10 ℃", "10度")


def test_every_problem_is_named_and_counted(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "question": "Where?", "answer": "there"},
        {"id": "a", "question": "Again?", "answer": "twice"},
        {"id": "b", "question": "  "},
        {"question": "No reference?"},
        {"id": "c", "question": "Unanswerable?", "answer": "yet this", "answerable": False},
    ]
    path = tmp_path / "q.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n", encoding="utf-8")
    found = load_questions(path)
    assert problems(found) == {
        "question_id_twice": 1,
        "question_row_empty": 1,
        "question_without_reference": 1,
        "question_unanswerable_with_answer": 1,
        "questions_few": 3,
    }
    assert [question.text for question in found.questions] == ["Where?", "No reference?", "Unanswerable?"]
    assert found.questions[2].references == ()
    twice = next(problem for problem in found.problems if problem.code == "question_id_twice")
    assert twice.dropped
    for language in ("en", "zh"):
        for problem in found.problems:
            assert str(problem.count) in problem.text(language)
    assert "(a)" in twice.text("en")


def test_squad_answer_that_is_not_in_its_passage(tmp_path: Path) -> None:
    qas = [
        {"id": "1", "question": "Which?", "answers": [{"text": "red", "answer_start": 0}]},
        {"id": "2", "question": "What?", "answers": [{"text": "blue", "answer_start": 999}]},
    ]
    data = {"data": [{"title": "T", "paragraphs": [{"context": "It is small. It is blue.", "qas": qas}]}]}
    path = tmp_path / "s.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    found = load_questions(path)
    assert problems(found)["question_answer_not_in_passage"] == 1
    assert found.questions[0].evidence == ()
    assert found.questions[1].evidence[0].quote == "It is blue."  # a wrong offset is not believed


def test_a_tables_answer_that_is_not_in_its_passage_is_named_and_its_passage_is_no_evidence(
    tmp_path: Path,
) -> None:
    path = tmp_path / "q.csv"
    path.write_text(
        "id,question,answer,source,passage\n"
        "1,How hot?,10 °C,a.md,It runs at 10 °C.\n"
        "2,How cold?,minus four,a.md,It runs at 10 °C.\n",
        encoding="utf-8",
    )
    found = load_questions(path)
    problem = next(one for one in found.problems if one.code == "question_answer_not_in_passage")
    assert (problem.count, problem.rows, problem.dropped) == (1, ("2",), False)
    assert found.questions[0].evidence == (Evidence("a.md", "It runs at 10 °C."),)
    assert found.questions[1].evidence == ()
    path.write_text(path.read_text("utf-8").replace("passage\n", "quote\n"), encoding="utf-8")
    found = load_questions(path)  # a quote is taken as it stands: answers are often put in other words
    assert "question_answer_not_in_passage" not in problems(found)
    assert found.questions[1].evidence


def test_a_field_may_be_as_long_as_a_document(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_text(f'question,answer,passage\nWhere?,there,"{"x" * 140_000} there"\n', encoding="utf-8")
    assert len(load_questions(path).questions) == 1


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("q.csv", 'question,answer\nWhere?,there\nWhy?,"' + "x" * 140 + "\n", "questions_table_broken"),
        ("q.csv", "frage,antwort\nWo?,da\n", "questions_column_missing"),
        ("q.csv", "", "questions_column_missing"),
        ("q.jsonl", '{"frage": "Wo?"}\n', "questions_column_missing"),
        ("q.jsonl", '{"question": "Where?"}\n{"question": \n', "questions_not_json"),
        ("q.jsonl", "[1]\n", "questions_form_unknown"),
        ("q.json", "{]", "questions_not_json"),
        ("q.json", '{"rows": []}', "questions_form_unknown"),
        ("q.json", '{"data": [{"title": "no paragraphs"}]}', "questions_form_unknown"),
        ("q.txt", "Where?", "questions_form_unknown"),
        ("q.jsonl", '{"question": ""}\n', "questions_none"),
        ("q.csv", "question\n", "questions_none"),
    ],
)
def test_files_that_cannot_be_used_say_why(tmp_path: Path, name: str, text: str, code: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(QuestionSetError) as told:
        load_questions(path)
    assert told.value.code == code
    assert name in told.value.text("en")
    assert name in told.value.text("zh")


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(QuestionSetError, match="cannot be read"):
        load_questions(tmp_path / "absent.csv")
    (tmp_path / "bytes.csv").write_bytes(b"question\n\xff\xff\xff\n")
    with pytest.raises(QuestionSetError, match="UTF-8"):
        load_questions(tmp_path / "bytes.csv")


def test_hash_goes_by_what_is_asked_not_by_the_file(tmp_path: Path) -> None:
    csv, jsonl = tmp_path / "a.csv", tmp_path / "b.jsonl"
    csv.write_text("id,question,answer\n1,Where?,there\n", encoding="utf-8")
    jsonl.write_text('{"id": 1, "question": "Where?", "answer": "there"}', encoding="utf-8")
    one, two = load_questions(csv), load_questions(jsonl)
    assert one.sha256 == two.sha256
    jsonl.write_text('{"id": 1, "question": "Where?", "answer": "here"}', encoding="utf-8")
    assert load_questions(jsonl).sha256 != one.sha256
    assert questions_from_json(questions_json(one.questions)) == one.questions


def test_take_keeps_order_and_the_share_of_unanswerable() -> None:
    whole = load_questions(SAMPLES / "en.jsonl")
    part = take(whole, 40)
    assert len(part.questions) == 40
    assert sum(not question.answerable for question in part.questions) == 8
    places = [whole.questions.index(question) for question in part.questions]
    assert places == sorted(places)
    assert take(whole, 40) == part
    assert take(whole, 40, seed=1) != part
    assert take(whole, 500) == whole
    assert problems(take(whole, 5)) == {"questions_few": 5}
    with pytest.raises(ValueError, match="at least 1"):
        take(whole, 0)


def test_clusters_are_documents_when_there_are_enough_of_them(shared_data) -> None:
    sample = load_questions(SAMPLES / "en.jsonl").questions
    names, by = clusters_of(sample)
    assert by == "section"  # three documents cannot be resampled, their sections can
    assert names is not None
    assert len(names) == 120
    assert 20 <= len(set(names)) < 120
    faq = load_questions(shared_data / "manual" / "dolphinscheduler" / "faq.jsonl").questions
    assert clusters_of(faq) == (None, "question")
    assert clusters_of(sample, fewest=3)[1] == "document"


def test_language_filter_that_leaves_nothing() -> None:
    with pytest.raises(QuestionSetError, match="no question"):
        load_questions(SAMPLES / "en.jsonl", language="fr")
    with pytest.raises(QuestionSetError, match="no question"):
        check_questions("none", [])


def test_squad_passages_become_documents_that_hold_the_evidence(shared_data, tmp_path: Path) -> None:
    path = shared_data / "qa" / "squad2" / "squad2.json"
    written = write_passages(path, tmp_path / "new")
    assert len(written) == 8
    text = "".join(file.read_text(encoding="utf-8") for file in written)
    asked = load_questions(path).questions
    assert all(evidence.quote in text for question in asked for evidence in question.evidence)
    with pytest.raises(QuestionSetError, match="not overwritten"):
        write_passages(path, tmp_path / "new")
    (tmp_path / "list.json").write_text("[]", encoding="utf-8")
    with pytest.raises(QuestionSetError, match="not a question set"):
        write_passages(tmp_path / "list.json", tmp_path / "other")
