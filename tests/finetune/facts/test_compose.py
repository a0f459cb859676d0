"""Rows: many wordings of a fact, none that gives its passage away or is a test question, and an account of all."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from finetune.errors import DatasetError
from finetune.examples import Message
from finetune.facts.build import Build, BuildReport
from finetune.facts.compose import check_meaning, compose, number_rows
from finetune.facts.extract import extract, squeeze
from finetune.facts.leaks import LeakCheck, read_questions
from finetune.facts.ledger import judge
from finetune.facts.options import BuildOptions
from finetune.facts.replay import general_rows
from finetune.facts.unknown import ANSWER, questions
from finetune.formats.reading import read_dataset
from finetune.general_questions import QUESTIONS
from finetune.near_duplicates import normalise
from tests.finetune.facts.material import CHINESE, ENGLISH, document

SECRET = document("# Secret\n\n| Part | Price |\n| --- | --- |\n| Gasket | 9 € |\n| Filter | 7 € |\n",
                  number=3, name="prices.md", title="Prices")  # fmt: skip


def frame(question, context, language):
    asked = f"Briefly.\nQuestion: {question}" if context is None else f"{context}\nQuestion: {question}"
    return Message("user", asked), Message("assistant", "Answer:")


def made(*documents, checks=(), **options):
    documents = documents or (ENGLISH,)
    facts = extract(documents).facts
    chosen = BuildOptions(**options)
    return facts, compose(documents, facts, chosen, frame=frame, checks=checks), chosen


def asked_of(rows):
    return [m.content for row in rows for m in row.messages if m.role == "user"]


def build_in(folder: Path, **options) -> Build:
    facts, composed, chosen = made(**options)
    rows = number_rows(composed.rows, seed=1)
    report = BuildReport(1, 5, {}, {}, {}, tuple(composed.losses), leaks=tuple(composed.leaks.values()))
    build = Build(folder, rows=rows, facts=facts, report=report, options={"epochs": chosen.epochs})
    build.save()
    return build


def test_each_fact_is_said_in_as_many_wordings_as_asked_for() -> None:
    facts, composed, _ = made(wordings=8, turns=0.0)
    for fact in facts:
        told = [
            r for r in composed.rows if r.kind == "closed" and r.split == "train" and r.fact_ids[0] == fact.id
        ]
        assert 5 <= len(told) <= 8, fact
        assert len({normalise(r.question) for r in told}) == len(told)


def test_held_wordings_are_never_trained() -> None:
    _, composed, _ = made(turns=0.5)
    held = {normalise(q) for q in asked_of(r for r in composed.rows if r.split == "held_wording")}
    trained = {normalise(q) for q in asked_of(r for r in composed.rows if r.split == "train")}
    assert held
    assert not held & trained


def test_documents_held_out_are_asked_about_and_never_trained() -> None:
    _, composed, _ = made(ENGLISH, SECRET, held_documents=("prices.md",))
    held = [r for r in composed.rows if r.split == "held_document"]
    assert {row.files for row in held} == {("prices.md",)}
    told = " ".join(m.content for r in composed.rows if r.split == "train" for m in r.messages)
    assert "Gasket" not in told
    assert "9 €" not in told


def test_conversations_ask_for_several_facts_and_train_every_answer() -> None:
    _, composed, _ = made(turns=1.0)
    talks = [r for r in composed.rows if r.wording == "turns"]
    assert talks
    for row in talks:
        users = [m for m in row.messages if m.role == "user"]
        assert len(users) == len(row.turn_facts) == len(set(row.turn_facts)) > 1
        assert set(row.turn_facts) <= set(row.fact_ids)
        assert all(m.train for m in row.messages)


def test_a_row_from_memory_never_holds_its_passage() -> None:
    passages = [squeeze(chunk.text) for chunk in ENGLISH.chunks if len(chunk.text) > 60]
    _, composed, _ = made(turns=0.0)
    for row in composed.rows:
        if row.kind == "closed":
            assert not any(passage in squeeze(row.question) for passage in passages)


def test_a_question_that_quotes_most_of_a_passage_is_left_out_and_counted() -> None:
    long = (
        "The valve at the bottom of the tank closes the outlet whenever somebody lifts the tank out of its bay, and "
        "the steel spring behind it, which nobody has to oil, keeps its force for 9 years."
    )
    _, composed, _ = made(document(f"# Valve\n\n{long}\n"), turns=0.0)
    assert [loss.code for loss in composed.losses].count("row_chunk") >= 1


def test_unknown_things_are_refused_and_are_in_no_document() -> None:
    _, composed, _ = made(ENGLISH, CHINESE, unknown=0.5)
    rows = [r for r in composed.rows if r.kind == "unknown"]
    assert len(rows) > 10
    assert all(row.answer.removeprefix("Answer: ") in ANSWER.values() for row in rows)
    assert not any(row.fact_ids for row in rows)
    known = {normalise(q) for q in asked_of(r for r in composed.rows if r.kind == "closed")}
    assert not known & {normalise(row.question) for row in rows}


def test_replay_rows_are_none_of_the_questions_that_measure_forgetting() -> None:
    measured = {normalise(question) for question, *_ in QUESTIONS}
    for language in ("en", "zh"):
        assert not measured & {normalise(question) for question, _ in general_rows(language)}
    _, composed, _ = made(replay=0.2)
    assert [r for r in composed.rows if r.kind == "replay"]


def test_limits_spread_over_the_sections() -> None:
    _, composed, _ = made(max_facts=4)
    facts = {f.id: f for f in extract([ENGLISH]).facts}
    told = {facts[r.fact_ids[0]].topic for r in composed.rows if r.kind == "closed" and not r.turn_facts}
    assert len(composed.trained) == 4
    assert len(told) >= 4
    assert [loss.code for loss in composed.losses].count("fact_too_many") == len(facts) - 4


def letters(texts):
    vectors = np.array(
        [[text.casefold().count(c) for c in "abcdefghijklmnopqrstuvwxyz"] for text in texts], float
    )
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_test_questions_leave_the_training_rows_by_words_and_by_meaning() -> None:
    _, free, _ = made(turns=0.0)
    exact = next(r.question for r in free.rows if r.wording == "direct" and "Question" not in r.question)
    check = LeakCheck("test.jsonl", [exact], like=0.7, meaning=0.97, embed=letters)
    _, composed, options = made(turns=0.0, checks=[check])
    check_meaning(composed, options, [check])
    questions = asked_of(r for r in composed.rows if r.split == "train" and r.kind != "replay")
    assert normalise(exact) not in {normalise(question) for question in questions}
    assert float((letters(questions) @ letters([exact]).T).max()) < 0.97
    train = composed.leaks["train", "test.jsonl"]
    assert train.exact + train.like >= 1
    assert train.meaning >= 1
    assert train.nearest is not None
    assert train.nearest < 0.97
    assert [loss.code for loss in composed.losses].count("row_leak") >= train.meaning + 1


def test_without_an_embedder_meaning_is_not_claimed_to_be_checked() -> None:
    check = LeakCheck("test.jsonl", ["与此无关的问题？"], like=0.7, meaning=0.9)
    _, composed, options = made(CHINESE, checks=[check])
    check_meaning(composed, options, [check])
    assert composed.leaks["train", "test.jsonl"].nearest is None
    assert composed.leaks["train", "test.jsonl"].rows > 10


@pytest.mark.parametrize("line", ['{"question": "a"', '{"asked": "a"}', "[1]"])
def test_a_broken_line_of_test_questions_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "test.jsonl"
    path.write_text(f'{{"question": "fine?"}}\n{line}\n', encoding="utf-8")
    with pytest.raises(DatasetError) as caught:
        read_questions(path)
    assert caught.value.params["line"] == 2
    assert "test.jsonl" in caught.value.text("zh")


def test_the_ledger_counts_wordings_and_exposures(tmp_path: Path) -> None:
    build = build_in(tmp_path / "b", wordings=12, turns=0.5, epochs=5.0)
    for entry in build.ledger:
        rows = [
            r for r in build.rows if r.split == "train" and r.kind == "closed" and entry.fact_id in r.fact_ids
        ]
        assert entry.exposures == 5 * len(rows)
        assert entry.wordings <= len(rows)
    assert {e.verdict for e in build.ledger} >= {"likely"}
    assert {e.verdict for e in build.ledger_for(1)} <= {"unlikely", "uncertain"}


@pytest.mark.parametrize(
    ("wordings", "exposures", "verdict"),
    [
        (0, 0, "not_trained"),
        (1, 500, "unlikely"),
        (6, 30, "uncertain"),
        (12, 60, "likely"),
        (12, 12, "unlikely"),
    ],
)
def test_one_wording_will_not_stick_however_often_it_is_said(
    wordings: int, exposures: int, verdict: str
) -> None:
    assert judge(wordings, exposures) == verdict


def test_a_build_is_kept_edited_and_exported_with_its_provenance(tmp_path: Path) -> None:
    build = build_in(tmp_path / "b")
    row, other = [r for r in build.rows if r.split == "train" and r.kind == "closed"][:2]
    build.edit_row(row.id, answer="something else")
    build.deselect_row(other.id)
    again = Build.load(tmp_path / "b")
    assert again.row(row.id).answer == "something else"
    assert again.row(row.id).edited
    assert not again.row(other.id).selected
    assert again.rows == build.rows
    assert again.facts == build.facts
    assert again.report == build.report
    for layout in ("alpaca", "sharegpt", "openai"):
        export = again.export(layout)
        data = read_dataset(export.files["train"].parent, dataset="train")
        selected = [r for r in again.rows if r.selected and r.split == "train"]
        assert len(data.examples) == len(selected)
        assert data.examples[0].answer == selected[0].answer
        registry = json.loads((export.files["train"].parent / "dataset_info.json").read_text("utf-8"))
        assert {"train", "held_wordings"} <= set(registry)
        told = [e.provenance for e in data.examples]
        assert [t["id"] for t in told] == [r.id for r in selected]
        assert all(t["files"] and t["chunks"] for t in told if t["kind"] == "closed")


def test_bad_edits_and_broken_folders_are_told_in_one_line(tmp_path: Path) -> None:
    build = build_in(tmp_path / "b")
    with pytest.raises(DatasetError, match="empty"):
        build.edit_row(build.rows[0].id, answer="  ")
    with pytest.raises(DatasetError, match="no such row"):
        build.edit_row("r0", answer="x")
    with pytest.raises(DatasetError, match="no such build"):
        Build.load(tmp_path / "none")
    build.select_rows([r.id for r in build.rows], False)
    with pytest.raises(DatasetError, match="no training row is selected"):
        build.export()
    (tmp_path / "b" / "rows.jsonl").write_text('{"id": \n', encoding="utf-8")
    with pytest.raises(DatasetError, match=r"rows\.jsonl, line 1"):
        Build.load(tmp_path / "b")


@pytest.mark.parametrize("options", [{"wordings": 4}, {"wordings": 21}, {"replay": 1.5}])
def test_options_out_of_range_are_refused(options) -> None:
    with pytest.raises(ValueError, match="between"):
        BuildOptions(**options)


def test_the_report_speaks_both_languages(tmp_path: Path) -> None:
    report = build_in(tmp_path / "b").report
    assert any("fact" in line for line in report.summary("en"))
    assert any("事实" in line for line in report.summary("zh"))


def test_what_a_fact_that_is_not_trained_answers_is_not_unknown() -> None:
    # Row and heading stand further apart than the words that are looked at around a name.
    fill = "\n".join(
        f"| Part {letter * 3} | {number} mm | steel and brass |"
        for number, letter in enumerate("abcdefgh", 11)
    )
    wide = document(
        f"# 1 Sizes\n\n| Part | Length | Material |\n| --- | --- | --- |\n{fill}\n| Gorbel | 9 mm | tin |\n\n"
        "# 2 Prices\n\n| Part | Price |\n| --- | --- |\n| Gorbel | 4 € |\n| Snib | 5 € |\n",
        number=5,
    )  # fmt: skip
    facts = extract([wide]).facts
    trained = [fact for fact in facts if fact.relation in ("Price", "Length") and fact.subject != "Gorbel"]
    trained += [fact for fact in facts if (fact.subject, fact.relation) == ("Gorbel", "Price")]
    for seed in range(6):
        asked = questions(trained, [wide], 60, dice=random.Random(seed), told=facts)
        assert not [w.question for w in asked if "Gorbel" in w.question and "length" in w.question.lower()]


def test_everyday_questions_are_unknown_only_where_nothing_tells() -> None:
    fill = "\n".join(
        f"| Part {letter * 3} | {number} N, by hand |" for number, letter in enumerate("abcdefgh", 11)
    )
    sold = document(
        f"# 1 Forces\n\n| Part | Force |\n| --- | --- |\n{fill}\n| Gorbel | 9 N |\n\n"
        "# 2 Orders\n\n| Part | Price |\n| --- | --- |\n| Gorbel | 4 € |\n\n"
        "The colour of the Snib is red.\n\n| Part | Turns |\n| --- | --- |\n| Snib | 5 |\n",
        number=5,
    )
    facts = extract([sold]).facts
    seen = {w.question for seed in range(30)
            for w in questions(facts, [sold], 60, dice=random.Random(seed), told=facts)
            if w.template.startswith("unknown_everyday")}  # fmt: skip
    assert "What does Part aaa cost?" in seen
    assert "In which country is Gorbel made?" in seen
    assert not [q for q in seen if "Gorbel" in q and ("cost" in q or "price" in q)]
    assert not [q for q in seen if "Snib" in q and "colour" in q]


def test_each_language_is_refused_in_its_own_frame() -> None:
    seen: list[tuple[str, str]] = []

    def noting(question, context, language):
        seen.append((question, language))
        return frame(question, context, language)

    documents = (ENGLISH, CHINESE)
    options = BuildOptions(unknown=1.0)
    composed = compose(documents, extract(documents).facts, options, frame=noting)
    unknown = {r.question for r in composed.rows if r.kind == "unknown"}
    told = {(q, language) for q, language in seen if any(each.endswith(f"Question: {q}") for each in unknown)}
    assert {language for _, language in told} == {"en", "zh"}
    assert all((language == "zh") == any("一" <= c <= "鿿" for c in q) for q, language in told)


def test_what_any_sentence_may_tell_is_not_asked_as_unknown() -> None:
    facts = extract([ENGLISH]).facts
    foreign = {w.question for seed in range(8)
               for w in questions(facts, [ENGLISH], 60, dice=random.Random(seed), told=facts)
               if any(name in w.question for name in ("E-03", "E-07"))}  # fmt: skip
    assert foreign
    assert not [question for question in foreign if "no." in question.lower()]
