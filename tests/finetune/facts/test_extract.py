"""Facts by rules: what a document says is found, what no chunk holds is given up, contradictions are settled."""

from dataclasses import replace

import pytest

from finetune.facts.extract import extract, sentences, squeeze
from finetune.facts.material import SourceChunk
from tests.finetune.facts.material import CHINESE, ENGLISH, document


def found(*documents):
    return extract(documents).facts


def test_a_tables_cells_are_facts_with_names_and_codes() -> None:
    cells = {(f.subject, f.relation): f for f in found(ENGLISH) if f.kind == "table"}
    kefir = cells["Kefir", "Temperature"]
    assert kefir.value == "24.0 °C"
    assert kefir.aliases == ("P02",)
    assert set(kefir.siblings) == {"42.5 °C", "31.0 °C"}
    assert cells["Kefir", "No."].value == "P02"
    assert ("Yogurt", "Humidity") not in cells, "a dash is no value"
    assert cells["E-03", "What to do"].value == "check connector X7", "a meaning is not a name"


def test_every_span_stands_literally_in_its_chunk() -> None:
    for source in (ENGLISH, CHINESE):
        texts = {chunk.id: chunk.text for chunk in source.chunks}
        facts = found(source)
        assert len(facts) > 10
        for fact in facts:
            assert squeeze(fact.span) in squeeze(texts[fact.chunk_id])
            assert fact.file == source.name


def test_a_fact_whose_chunk_was_edited_away_is_given_up_and_counted() -> None:
    chunks = tuple(
        SourceChunk(c.id, "The tank is blue.", c.start, c.end) if "1.35" in c.text else c
        for c in ENGLISH.chunks
    )
    result = extract([replace(ENGLISH, chunks=chunks)])
    assert not any("1.35" in fact.value for fact in result.facts)
    lost = [loss for loss in result.losses if loss.code == "fact_span"]
    assert any("1.35" in loss.text for loss in lost)


def test_numbers_definitions_steps_and_keys_are_found() -> None:
    by_kind = {kind: [f for f in found(ENGLISH) if f.kind == kind] for kind in
               ("number", "definition", "step", "key_value")}  # fmt: skip
    assert [f.value for f in by_kind["number"]] == ["1.35 L", "25 minutes"]
    assert by_kind["number"][0].relation == "The tank holds \x00 of water."
    assert (by_kind["definition"][0].subject, by_kind["definition"][0].value) == (
        "Mistwick", "a felt wick that moistens the air")  # fmt: skip
    assert [f.relation for f in by_kind["step"]] == ["step 1", "step 2", "step 3"]
    assert {(f.subject, f.value) for f in by_kind["key_value"]} == {
        ("Load per tray", "4.2 kg"), ("Protection class", "I")}  # fmt: skip


def test_chinese_numbers_keep_the_words_that_bound_them() -> None:
    source = document("# 水箱\n\n水箱最多能装 1.35 L 水，水温不超过 45 ℃ 为宜。\n", title="手册")
    assert [f.value for f in found(source)] == ["1.35 L", "不超过 45 ℃"]


def test_technical_data_with_a_column_for_each_model_changes_places() -> None:
    source = document(
        "# Data\n\n| Property | QF-47 | QF-47C |\n| --- | --- | --- |\n| Weight | 21 kg | 27 kg |\n"
    )
    cells = {(f.subject, f.relation): f.value for f in found(source)}
    assert cells == {("QF-47", "Weight"): "21 kg", ("QF-47C", "Weight"): "27 kg"}


def test_the_same_words_with_two_values_are_told_apart_by_their_document() -> None:
    table = "# Parameters\n\n| Name | Description |\n| --- | --- |\n| Port | the {0} port |\n| Host | the host |\n"
    one = document(table.format("MySQL"), number=1, name="mysql.md", title="MySQL")
    two = document(table.format("Trino"), number=2, name="trino.md", title="Trino")
    named = {f.subject: f.value for f in found(one, two)}
    assert named["Port (MySQL: Parameters)"] == "the MySQL port"
    assert named["Port (Trino: Parameters)"] == "the Trino port"
    assert named["Host"] == "the host", "the same value needs no telling apart"


def test_the_same_words_with_two_values_in_one_place_are_given_up() -> None:
    source = document("# News\n\n- Changed: the chime\n- Changed: the lamp\n", title="News")
    result = extract([source])
    assert not [f for f in result.facts if f.kind == "key_value"]
    assert [loss.code for loss in result.losses] == ["fact_ambiguous", "fact_ambiguous"]


@pytest.mark.parametrize(
    ("text", "language", "parts"),
    [
        ("The fan turns. It stops at 9 °C.", "en", ["The fan turns.", "The fan turns. It stops at 9 °C."]),
        ("风扇转动。它在 9 ℃ 停止。", "zh", ["风扇转动。", "风扇转动。它在 9 ℃ 停止。"]),
    ],
)
def test_a_sentence_that_leans_on_the_one_before_brings_it(text: str, language, parts: list[str]) -> None:
    assert sentences(text, language) == parts


def test_stopping_leaves_out_the_documents_not_read() -> None:
    asked = iter([False, True])
    assert {f.source_id for f in extract([ENGLISH, CHINESE], should_stop=lambda: next(asked)).facts} == {1}
