"""Wordings: many, different, of every kind, in the document's language, and none of the held ones among the trained."""

import re

import pytest

from finetune.facts.asking_english import questions
from finetune.facts.extract import extract
from finetune.facts.options import FEWEST
from finetune.facts.quantities import quantities
from finetune.facts.wording import Worder
from tests.finetune.facts.material import CHINESE, ENGLISH


@pytest.mark.parametrize(
    ("before", "after", "ask", "expected"),
    [
        ("The Hearthplate reaches ", ".", "what temperature", "What temperature does the Hearthplate reach?"),
        ("Let it cool for ", " before you touch it.", "how long", "How long should I let it cool before you touch it?"),
        ("The cabinet can know ", ".", "how many cards", "How many cards can the cabinet know?"),
        ("After 5 minutes the lamp, which is red, goes out at ", ".", "what time",
         "After 5 minutes the lamp, which is red, goes out at what time?"),
    ],
)  # fmt: skip
def test_a_gap_becomes_a_question_by_word_order(before: str, after: str, ask: str, expected: str) -> None:
    assert questions(before, after, ask)[0] == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("It holds 1.35 L and weighs 20 kg.", "en", ["1.35 L", "20 kg"]),
        ("Keep it between 10 °C to 34 °C for 2 h 30 min.", "en", ["10 °C to 34 °C", "2 h 30 min"]),
        ("system.load.1m is no quantity.", "en", []),
        ("相差不到 0.8 ℃ 时，最多等 4 小时 30 分钟。", "zh", ["不到 0.8 ℃", "4 小时 30 分钟"]),
    ],
)
def test_quantities(text: str, language, expected: list[str]) -> None:
    assert [q.text for q in quantities(text, language)] == expected


@pytest.mark.parametrize("source", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_every_fact_has_many_different_wordings_in_its_language(source) -> None:
    facts = extract([source]).facts
    worder = Worder(facts, seed=1)
    kinds = set()
    for fact in facts:
        wordings = worder.word(fact)
        trained = [w for w in wordings if not w.held]
        assert len(trained) >= FEWEST, fact
        assert len({w.question for w in wordings}) == len(wordings)
        assert any(w.held for w in wordings), fact
        assert not {w.template for w in trained} & {w.template for w in wordings if w.held}
        kinds |= {w.kind for w in trained}
        assert all("\x00" not in w.question + w.answer for w in wordings)
        chinese = sum(bool(re.search(r"[\u4e00-\u9fff]", w.question)) for w in wordings)
        assert chinese == (len(wordings) if source is CHINESE else 0)
    assert kinds == {"direct", "reversed", "cloze", "statement", "implication", "list"}


def test_a_name_that_another_fact_answers_to_is_not_used() -> None:
    facts = extract([ENGLISH]).facts
    kefir = next(f for f in facts if (f.subject, f.relation) == ("Kefir", "Temperature"))
    worder = Worder(facts, seed=1)
    assert worder.names(kefir) == ["Kefir", "P02", "Kefir (P02)"]
    assert any("P02" in w.question and "Kefir" not in w.question for w in worder.word(kefir))
    reversed_ones = [w for w in worder.word(kefir) if w.kind == "reversed"]
    assert {w.answer for w in reversed_ones} == {"Kefir"}


def test_wordings_come_out_the_same_for_the_same_seed() -> None:
    facts = extract([ENGLISH]).facts
    first, second = (Worder(facts, seed=3).word(facts[0]) for _ in range(2))
    assert first == second
    assert Worder(facts, seed=4).word(facts[0]) != first
