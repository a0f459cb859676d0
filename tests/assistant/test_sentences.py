"""Sentences: where they end, and which one fits a question."""

import pytest

from assistant.sentences import rank_sentences, terms
from knowledge.documents import Passage
from knowledge.embeddings import Embedder
from knowledge.sentences import split_sentences


def passage(text: str, *, heading: tuple[str, ...] = (), number: int = 1) -> Passage:
    return Passage(number, 1, 1, "manual.md", text, 0, len(text), 0.5, heading)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        (
            "It was built by Dr. Holm in 1931. It is 4.5 km long!",
            ["It was built by Dr. Holm in 1931.", "It is 4.5 km long!"],
        ),
        (
            "额定电压为220伏。请勿浸水！“可以。”他说。",
            ["额定电压为220伏。", "请勿浸水！", "“可以。”", "他说。"],
        ),
        ("A line that is\nonly wrapped. Next.", ["A line that is\nonly wrapped.", "Next."]),
        ("Tools:\n- a hammer\n- a saw", ["Tools:", "- a hammer", "- a saw"]),
        ("| A | B |\n|---|---|\n| 1 | 2 |", ["| A | B |", "| 1 | 2 |"]),
        ("# Title\nText follows.", ["# Title", "Text follows."]),
        ("  \n \n", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, sentences: list[str]) -> None:
    assert [text[start:end] for start, end in split_sentences(text)] == sentences


def test_words_of_question_and_answer_meet_in_their_stem() -> None:
    assert set(terms("Which batteries were replaced?")) == set(terms("the battery replaces"))
    assert "电压" in terms("额定电压是多少？")


@pytest.mark.parametrize(
    ("question", "best"),
    [
        ("Who made the pump?", "It was made by Ada Holm."),
        ("How much water does it take?", "| water | 9 l |"),
        ("设备的额定电压是多少？", "设备的额定电压为220伏。"),
    ],
)
def test_words_alone_find_the_sentence(question: str, best: str) -> None:
    passages = [
        passage(
            "The pump runs at 40 bar. It was made by Ada Holm.\n\n| fluid | amount |\n|-|-|\n| water | 9 l |"
        ),
        passage("设备的额定电压为220伏。该设备每月检查一次。", number=2),
    ]
    first = rank_sentences(question, passages)[0]
    assert passages[first.passage].text[first.start : first.end] == best


def test_meaning_helps_where_words_differ(embedder: Embedder) -> None:
    passages = [passage("The warranty lasts five years. Cleaning uses vinegar. A physician should be asked.")]
    first = rank_sentences("Do I need to see a doctor?", passages, embedder=embedder)[0]
    assert passages[0].text[first.start : first.end] == "A physician should be asked."


def test_a_title_answers_nothing() -> None:
    passages = [passage("Pump pressure\nIt runs at 40 bar.", heading=("Pump pressure",))]
    passages.append(passage("# Pump pressure\nIt runs at 40 bar.", heading=("Pump pressure",), number=2))
    titles = [passages[s.passage].text[s.start : s.end] for s in rank_sentences("pump pressure", passages)]
    assert "# Pump pressure" not in titles


def test_scores_stay_within_their_range(embedder: Embedder) -> None:
    passages = [passage("Oil. 42! 油。 The pump runs.", heading=("The pump",))]
    ranked = rank_sentences("the pump", passages, embedder=embedder)
    assert ranked
    assert all(0 <= s.score <= 1 and 0 <= s.lexical <= 1 for s in ranked)
    assert rank_sentences("the pump", []) == []
