"""The guard: an answer the passages hold stays, another makes way for their best sentence."""

import pytest

from assistant.extractive import guard_answer, support
from knowledge.documents import Passage

TEXT = (
    "The Kestrel bridge was opened in 1931. Its engineer was Ada Holm.\n\n"
    "| Program | Heat |\n|---|---|\n| Natto | 40.5 °C |\n| Kefir | 22 °C |"
)
BRIDGE = Passage(1, 1, 1, "b.md", TEXT, 0, len(TEXT), 0.9, ("Bridges",))
ZH = "设备的额定电压为220伏。该设备每月检查一次。"
CHINESE = Passage(2, 1, 1, "s.md", ZH, 0, len(ZH), 0.9)


def test_a_supported_answer_stays_as_it_is() -> None:
    guarded = guard_answer("Who was the engineer?", "Ada Holm", [BRIDGE])
    assert guarded.text == "Ada Holm"
    assert not guarded.replaced
    assert guarded.passage is None


@pytest.mark.parametrize("invented", ["Gustave Eiffel", "", "The engineer was the engineer.", "Bridges"])
def test_an_answer_without_support_is_replaced_by_the_best_sentence(invented: str) -> None:
    guarded = guard_answer("Who was the engineer?", invented, [BRIDGE])
    assert guarded.replaced
    assert guarded.text == "Its engineer was Ada Holm."
    assert guarded.passage is BRIDGE
    assert guarded.span is not None
    assert TEXT[slice(*guarded.span)] == guarded.text


def test_a_quoted_table_row_carries_its_heads() -> None:
    guarded = guard_answer("What heat does natto need?", "90 degrees", [BRIDGE])
    assert guarded.text == "Program: Natto; Heat: 40.5 °C"


def test_a_quoted_list_item_comes_without_its_number() -> None:
    steps = "1. Pull the tank out.\n2. Fill it to the MAX line.\n3. Push it in."
    passage = Passage(3, 1, 1, "t.md", steps, 0, len(steps), 0.9)
    assert guard_answer("How far do I fill it?", "Halfway.", [passage]).text == "Fill it to the MAX line."


def test_chinese_answers_are_checked_too() -> None:
    assert guard_answer("额定电压是多少？", "220伏", [CHINESE]).text == "220伏"
    assert guard_answer("额定电压是多少？", "一百一十瓦特", [CHINESE]).text == "设备的额定电压为220伏。"


def test_without_passages_nothing_is_checked() -> None:
    assert guard_answer("Who?", "Nobody", []).text == "Nobody"


def test_support_is_the_share_of_the_answers_own_words() -> None:
    assert support("Ada Holm", [BRIDGE]) == 1.0
    assert support("Ada Smith", [BRIDGE]) == 0.5
    assert support("the bridge", [BRIDGE], "Which bridge?") == 0.0
