"""What the browser is told of an answer."""

from dataclasses import replace

from assistant.arms import Answer, ArmRecord, Citation, Sentence
from knowledge.documents import Chunk, Passage, Retrieval
from ui.ask_parts.why import why_data
from ui.components.answer import answer_data
from ui.components.passages import chunk_cards

PASSAGE = Passage(
    chunk_id=7,
    source_id=1,
    base_id=1,
    source_name="manual.pdf",
    text="Fans 😀 turn. The filter lasts six months.",
    start=0,
    end=41,
    score=0.8,
    page_first=3,
    page_label="3",
    dense_score=0.7,
    dense_rank=2,
    lexical_score=0.9,
    lexical_rank=1,
)
ANSWER = Answer(
    text="😀 It lasts six months. It is blue.",
    sentences=(Sentence(0, 23, (1,), spans={1: ((13, 41),)}), Sentence(24, 35)),
    citations=(Citation(1, PASSAGE, ((13, 41),), 0.9),),
    timings_ms={"retrieve": 12.0, "generate": 1500.0, "total": 1600.0},
    prompt_tokens=10,
    record=ArmRecord("rag", "smollm2-135m-instruct"),
)


def test_sentences_are_counted_in_utf16_and_unsupported_ones_are_marked() -> None:
    data = answer_data(ANSWER)
    assert [(item["start"], item["end"]) for item in data["sentences"]] == [(0, 24), (25, 36)]
    assert [item["supported"] for item in data["sentences"]] == [True, False]
    assert data["citations"][0]["quote"] == "The filter lasts six months."
    assert data["citations"][0]["place"] == "p. 3"


def test_a_refusal_marks_nothing_as_unsupported() -> None:
    data = answer_data(replace(ANSWER, refused=True, citations=()))
    assert all(item["supported"] for item in data["sentences"])


def test_a_stopped_or_cut_answer_says_so() -> None:
    assert answer_data(replace(ANSWER, finish_reason="cancelled"))["note"]
    assert answer_data(replace(ANSWER, finish_reason="length"))["note"]
    assert not answer_data(ANSWER)["note"]


def test_why_shows_both_legs_and_the_stages_in_order() -> None:
    found = Retrieval("filter life", (PASSAGE,), timings_ms={"embed": 5.0, "dense": 3.0, "lexical": 2.0})
    data = why_data(ANSWER, question="How long?", retrieval=found)
    assert data["query"] == "filter life"
    assert data["passages"][0]["cited"]
    assert data["passages"][0]["cells"][2:] == ["0.80", "0.70 (#2)", "0.90 (#1)"]
    assert [row["text"] for row in data["timings"]] == ["12 ms", "5 ms", "3 ms", "2 ms", "1.50 s", "1.60 s"]


def test_what_a_chunk_repeats_of_the_one_before_is_known() -> None:
    chunks = [Chunk(0, "one two", 0, 7), Chunk(1, "two three", 4, 13), Chunk(2, "four", 14, 18)]
    assert [card.overlap for card in chunk_cards(chunks)] == [0, 3, 0]
