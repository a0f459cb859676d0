"""Follow-ups that lean on what was said are searched with its key terms; others as they are."""

import pytest

from assistant.arms import Turn
from assistant.condense import condense_by_rules, leans_on_history

ABOUT_PUMP = [Turn("user", "How much does the Heron H2 pump weigh?"), Turn("assistant", "12 kg.")]
ABOUT_MOTOR = [Turn("user", "请问 X200 电机的额定功率是多少？"), Turn("assistant", "40 kW。")]


@pytest.mark.parametrize(
    ("question", "leans"),
    [
        ("And how loud is it?", True),
        ("Why?", True),
        ("What about in winter?", True),
        ("Its colour?", True),
        ("Which company makes the Falcon R9 compressor?", False),
        ("How many litres does the storage tank of the greenhouse hold?", False),
        ("那它的重量呢？", True),
        ("转速呢？", True),
        ("这个怎么安装？", True),
        ("为什么？", True),
        ("储水箱的最大容量是多少升？", False),
        ("离心压缩机多久需要更换一次润滑油？", False),
    ],
)
def test_which_questions_lean(question: str, leans: bool) -> None:
    assert leans_on_history(question) is leans


def test_a_leaning_question_takes_the_terms_it_lacks() -> None:
    assert condense_by_rules("And how loud is it?", ABOUT_PUMP) == "Heron H2 pump weigh And how loud is it?"
    query = condense_by_rules("那它的重量呢？", ABOUT_MOTOR)
    assert query.endswith("那它的重量呢？")
    assert "X200" in query
    assert "电机" in query
    assert "请问" not in query
    assert condense_by_rules("Is the pump loud, and is it heavy?", ABOUT_PUMP).startswith("Heron H2 weigh Is")


def test_a_chain_of_follow_ups_reaches_back_to_what_it_is_about() -> None:
    history = [*ABOUT_PUMP, Turn("user", "And how loud is it?"), Turn("assistant", "60 dB.")]
    assert "Heron H2" in condense_by_rules("Why?", history)


def test_a_question_that_stands_alone_is_left_as_it_is() -> None:
    question = "Which company makes the Falcon R9 compressor?"
    assert condense_by_rules(question, ABOUT_PUMP) == question
    assert condense_by_rules("Why?", []) == "Why?"
    assert condense_by_rules("Why?", [Turn("assistant", "Hello, ask me about pumps.")]) == "Why?"
