"""Context: what of the passages the model is shown, and what is left out."""

from dataclasses import replace

import pytest

from assistant.context import FULL, READER, SMALL, profile_for, shape_context
from knowledge.documents import Passage
from knowledge.embeddings import Embedder


def count(text: str) -> int:
    return len(text)


def passage(text: str, *, heading: tuple[str, ...] = (), number: int = 1) -> Passage:
    return Passage(number, 1, 1, "manual.md", text, 0, len(text), 0.5, heading)


PUMP = passage(
    "The Kestrel pump was made by Ada Holm. It runs at 40 bar. Keep it dry.\n\n"
    "| Fluid | Amount |\n|---|---|\n| oil | 3 l |\n| water | 9 l |",
    heading=("Manual", "Pump"),
)
LAKE = passage("The lake is deep. Herons nest in its reeds.", heading=("Nature",), number=2)
CHINESE = passage("设备的额定电压为220伏。该设备每月检查一次。请勿浸水。", heading=("手册", "电气"), number=3)


def test_a_small_model_gets_the_sentences_that_fit_and_their_title() -> None:
    shaped = shape_context(
        "Where do herons nest?", [PUMP, LAKE], count_tokens=count, budget=500, profile=SMALL
    )
    assert "Nature\n" in shaped.text
    assert "Herons nest in its reeds." in shaped.text
    assert "Keep it dry" not in shaped.text
    assert shaped.used[0].passage is LAKE
    assert shaped.cut_tokens == 0


def test_the_best_passage_stands_nearest_to_the_question() -> None:
    shaped = shape_context(
        "Where do herons nest near the pump?", [PUMP, LAKE], count_tokens=count, budget=500, profile=SMALL
    )
    assert [used.passage for used in shaped.used] == [LAKE, PUMP]
    assert shaped.text.index("Pump") < shaped.text.index("Nature")


def test_spans_say_what_was_shown() -> None:
    shaped = shape_context("Who made the pump?", [PUMP], count_tokens=count, budget=500, profile=SMALL)
    shown = [PUMP.text[start:end] for used in shaped.used for start, end in used.spans]
    assert shown
    assert all(piece in shaped.text for piece in shown)


def test_a_pronoun_brings_the_sentence_before_it() -> None:
    one = replace(SMALL, max_sentences=1)
    shaped = shape_context(
        "At how many bar does it run?", [PUMP], count_tokens=count, budget=500, profile=one
    )
    assert "The Kestrel pump was made by Ada Holm. It runs at 40 bar." in shaped.text


def test_a_table_row_brings_its_head() -> None:
    one = replace(SMALL, max_sentences=1)
    shaped = shape_context("How much water?", [PUMP], count_tokens=count, budget=500, profile=one)
    assert "| Fluid | Amount |\n| water | 9 l |" in shaped.text
    assert "oil" not in shaped.text


def test_chinese_sentences_are_chosen_without_an_embedder() -> None:
    one = replace(SMALL, max_sentences=1)
    shaped = shape_context("额定电压是多少？", [PUMP, CHINESE], count_tokens=count, budget=500, profile=one)
    assert shaped.text == "手册 > 电气\n设备的额定电压为220伏。"


def test_passages_about_something_else_leave_nothing_to_read(embedder: Embedder) -> None:
    for helper in (embedder, None):
        shaped = shape_context(
            "What is the capital of France?",
            [PUMP, LAKE],
            count_tokens=count,
            budget=500,
            profile=SMALL,
            embedder=helper,
        )
        assert shaped.text == ""
        assert shaped.used == ()


@pytest.mark.parametrize("budget", [-5, 0, 30, 60, 90, 120, 200])
@pytest.mark.parametrize("profile", [SMALL, FULL])
def test_the_budget_is_kept(profile, budget: int) -> None:  # type: ignore[no-untyped-def]
    shaped = shape_context(
        "Who made the pump?", [PUMP, LAKE, CHINESE], count_tokens=count, budget=budget, profile=profile
    )
    assert count(shaped.text) <= max(budget, 0)
    if not shaped.used:
        assert shaped.text == ""
        assert shaped.cut_tokens > 0


def test_whole_passages_are_numbered_and_cut_from_the_lowest_rank() -> None:
    whole = shape_context("q", [PUMP, LAKE], count_tokens=count, budget=5000, profile=FULL)
    assert whole.text == f"[1] Manual > Pump\n{PUMP.text}\n\n[2] Nature\n{LAKE.text}"
    assert whole.cut_tokens == 0
    tight = shape_context(
        "q", [PUMP, LAKE, CHINESE], count_tokens=count, budget=len(whole.text) - 10, profile=FULL
    )
    assert tight.text == f"[1] Manual > Pump\n{PUMP.text}\n\n[2] Nature\nThe lake is deep."
    assert [used.spans for used in tight.used] == [((0, len(PUMP.text)),), ((0, 17),)]
    # The lower passage is not let in before the better one that was cut.
    assert tight.cut_tokens == len(LAKE.text) - 17 + len(CHINESE.text)


def test_the_profile_goes_by_size() -> None:
    assert profile_for(135_000_000) is SMALL
    assert profile_for(1_700_000_000) is FULL
    assert profile_for(135_000_000, reads=True) is READER
    # A refusal in a language that it was not taught would say nothing.
    assert profile_for(135_000_000, reads=True, language="zh").trusts_refusal is False
