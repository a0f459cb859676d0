import pytest

from assistant.compare.experiment import run_experiment
from assistant.compare.planning import make_plan
from assistant.compare.sentences import arm_label
from assistant.compare.store import Experiments
from assistant.compare.verdict import (
    Verdict,
    break_even,
    more_questions,
    pair_word,
    verdict,
    word_of,
)
from tests.assistant.compare.scripted import ScriptedAsker, make_questions


@pytest.fixture
def told(tmp_path):
    store = Experiments(tmp_path / "tandem.db")

    def tell(asker: ScriptedAsker, *, count: int = 50, arms=("base", "rag"), **plan) -> Verdict:
        questions = make_questions(count)
        number = store.create("", questions, make_plan(questions, arms, **plan))
        list(run_experiment(store, number, asker))
        return verdict(store.get(number).results)

    yield tell
    store.close()


def test_better_is_told_with_points_interval_advice_and_price(told) -> None:
    said = told(ScriptedAsker(base_knows=lambda i: i % 2 == 0), primary="contains_reference")
    assert said.word == "better"
    # base: 20 of 50; rag: all 50
    assert said.headline.text("en") == (
        "On your 50 questions, retrieval (RAG) beats the model alone by 60 points "
        "(Contains the reference; 95 % interval 44 to 72)."
    )
    assert "高 60 个百分点" in said.headline.text("zh")
    english = said.lines("en")
    assert "reaches 100 and the model alone 40" in english[1]
    assert english[2].startswith("What to do: retrieve")
    assert english[3] == "Not asked, so nothing is known of: fine-tuning (SFT), retrieval with fine-tuning."
    assert "takes 0.1 s longer" in english[4]
    for line in said.lines("zh"):
        assert any("\u4e00" <= letter <= "\u9fff" for letter in line)


def test_worse_turns_the_sentence_not_the_sign(told) -> None:
    said = told(
        ScriptedAsker(base_knows=lambda i: True, rag_finds=lambda i: i % 3 == 0), contrast=("base", "rag")
    )
    assert said.word == "worse"
    assert "retrieval (RAG) loses to the model alone by " in said.headline.text("en")
    assert "-" not in said.headline.text("en")


def test_equal_answers_are_equivalent_only_when_there_are_enough(told) -> None:
    same = ScriptedAsker(base_knows=lambda i: True)
    few = told(same, arms=("rag", "rag+sft:a"), count=40)
    assert few.word == "unclear"
    assert "40 questions are not enough" in few.headline.text("en")
    many = told(same, arms=("rag", "rag+sft:a"), count=150)
    assert many.word == "equivalent"
    assert "are equivalent within 5 points: they differ by 0.0 " in many.headline.text("en")
    assert "90 % interval" in many.headline.text("en")
    assert "等效" in many.headline.text("zh")


def test_an_arm_that_refuses_everything_is_not_advised(told) -> None:
    # A fifth of the questions has no answer, so that refusing all of them scores 20 and wrong answers score 0.
    said = told(ScriptedAsker(rag_finds=lambda i: False), count=100, primary="contains_reference")
    assert said.word == "better"
    english = "\n".join(said.lines("en"))
    assert "nothing can be recommended; what scores best does so by refusing" in english
    assert "Retrieval (RAG) is not advised, whatever its score: it refused 80 of 80 questions" in english
    # Where another arm answers, that one is advised.
    knows = ScriptedAsker(base_knows=lambda i: i % 5 == 1, rag_finds=lambda i: False)
    codes = [sentence.code for sentence in told(knows, count=100).details]
    assert "advice_silent" in codes
    assert "advice_retrieve" not in codes


def test_fewer_than_ten_questions_make_no_number(told) -> None:
    said = told(ScriptedAsker(), count=9)
    assert said.word == "few"
    assert said.details == ()
    assert "points" not in said.headline.text("en")


def test_no_common_question_and_uneven_failures_are_not_compared(told) -> None:
    nothing = told(ScriptedAsker(fails=lambda arm, i: arm == "rag"))
    assert nothing.word == "none"
    uneven = told(ScriptedAsker(fails=lambda arm, i: arm == "rag" and i < 5))
    assert uneven.word == "missing"
    assert "10 % of the questions were scored for only one of them" in uneven.headline.text("en")
    assert "beats" not in uneven.headline.text("en")


def test_an_arm_that_fails_half_way_is_to_be_resumed_and_has_no_level(told) -> None:
    said = told(ScriptedAsker(fails=lambda arm, i: arm == "rag" and i >= 25))
    english = " ".join(said.lines("en"))
    assert [sentence.code for sentence in said.details] == ["advice_resume"]
    assert "resume the run, which asks for them again: retrieval (RAG) has 25 of 50 answers" in english
    assert "Out of 100" not in english
    assert "more questions" not in english
    assert "检索（RAG）应有 50 个回答，现有 25 个" in " ".join(said.lines("zh"))
    nothing = told(ScriptedAsker(fails=lambda arm, i: arm == "rag"))
    assert [sentence.code for sentence in nothing.details] == ["advice_resume"]


def test_an_arm_beside_the_contrast_that_fails_is_neither_advised_nor_called_open(told) -> None:
    asker = ScriptedAsker(base_knows=lambda i: True, fails=lambda arm, i: arm == "base" and i >= 25)
    said = told(asker, arms=("base", "rag", "sft:a"), contrast=("rag", "sft:a"), count=60)
    codes = [sentence.code for sentence in said.details]
    assert "advice_resume" in codes
    assert not {"advice_neither", "advice_open", "advice_unclear"} & set(codes)


def test_questions_lost_by_either_arm_count_as_missing(told) -> None:
    """Each arm fails at ten others: coverage is the same, the questions are not."""
    asker = ScriptedAsker(fails=lambda arm, i: i < 10 if arm == "rag" else 10 <= i < 20)
    said = told(asker)
    assert said.word == "missing"
    assert "40 % of the questions" in said.headline.text("en")


def test_the_score_that_would_turn_the_verdict_round(told) -> None:
    said = told(ScriptedAsker(base_knows=lambda i: i % 2 == 0), primary="contains_reference")
    line = next(sentence for sentence in said.details if sentence.code.startswith("flip_accuracy"))
    # base: 20 of 50, rag: 50 of 50; the interval ends at 72 points, which is beyond 100.
    assert line.text("en") == (
        "The model alone reaches 40 of 100: 60.0 points more would draw level with retrieval (RAG), and on these "
        "50 questions no score would turn the verdict round."
    )
    lower = told(
        ScriptedAsker(base_knows=lambda i: i % 4 == 1, rag_finds=lambda i: i % 4 != 3),
        primary="contains_reference",
    )
    line = next(sentence for sentence in lower.details if sentence.code.startswith("flip_accuracy"))
    high = lower.headline.params["high"]
    assert line.code == "flip_accuracy"
    assert float(line.params["points"]) == pytest.approx(float(high), abs=1)
    assert float(line.params["turned"]) == float(line.params["mean"]) + line.params["points"]
    assert "结论相反" in line.text("zh")


def test_no_second_is_said_to_be_worth_more_than_all_there_is(told) -> None:
    """60 points for a tenth of a second would be 600 points a second."""
    said = told(ScriptedAsker(base_knows=lambda i: i % 2 == 0), primary="contains_reference")
    (line,) = (one for one in said.details if one.code.startswith("flip_") and "accuracy" not in one.code)
    assert line.code == "flip_speed_never"
    assert "0.1 s longer" in line.text("en")
    assert "for 60 points" in line.text("en")
    assert "结论也不变" in line.text("zh")


def test_equal_arms_are_told_what_a_difference_would_take(told) -> None:
    same = ScriptedAsker(base_knows=lambda i: i % 2 == 0)
    said = told(same, arms=("base", "sft:a"), count=150)
    assert said.word == "equivalent"
    line = next(sentence for sentence in said.details if sentence.code.startswith("flip_accuracy"))
    assert line.code == "flip_accuracy_open"
    assert "would show it to beat the model alone" in line.text("en")
    full = told(ScriptedAsker(base_knows=lambda i: True), arms=("rag", "rag+sft:a"), count=40)
    assert full.word == "unclear"
    assert any("not even 100 would show it to beat" in line for line in full.lines("en"))


@pytest.mark.parametrize(
    ("p_holm", "equivalent", "word"),
    [(0.04, False, "better"), (0.06, False, "unclear"), (0.06, True, "equivalent")],
)
def test_one_pair_of_many_also_needs_holm(p_holm: float, equivalent: bool, word: str) -> None:
    declared = {"first": "base", "second": "rag"}
    results = {"meter": {"margin": 0.05}, "contrast": declared}
    pair = {
        "n": 50,
        "missing": 0.0,
        "interval": {"low": 0.01, "high": 0.3},
        "equivalent": equivalent,
        "p_holm": p_holm,
    }
    told = pair_word(pair | {"first": "base", "second": "sft:a"}, results)
    assert told.removesuffix("_within") == word
    assert pair_word(pair | {"first": "rag", "second": "base"}, results).startswith("better")


def test_the_simplest_unbeaten_arm_is_advised(told) -> None:
    arms = ("base", "rag", "sft:a", "rag+sft:a")
    said = told(
        ScriptedAsker(base_knows=lambda i: i % 3 == 0), arms=arms, count=40, contrast=("rag", "rag+sft:a")
    )
    text = " ".join(said.lines("en"))
    assert "What to do: retrieve" in text
    assert "Whether retrieval with fine-tuning “a” would be better than retrieval (RAG) is open" in text
    assert "Not asked" not in text
    nothing = told(ScriptedAsker(base_knows=lambda i: i % 2 == 0), arms=("base", "sft:a"), count=20)
    assert any("nothing can be recommended yet" in line for line in nothing.lines("en"))


def test_break_even_counts_seconds(told) -> None:
    assert break_even(3600, slow_s=3.0, fast_s=1.0) == 1800
    assert break_even(3600, slow_s=1.0, fast_s=1.0) is None
    assert break_even(3600, slow_s=1.0, fast_s=2.0) is None


def costing(asker: ScriptedAsker, **facts: float | None) -> ScriptedAsker:
    asker.adapters = {"a": facts}
    return asker


def test_training_is_paid_for_with_its_data_and_memory(told) -> None:
    arms = ("base", "rag", "sft:a", "rag+sft:a")
    facts = {"seconds": 600.0, "memory_bytes": 2e9, "data_seconds": 120.0}
    # Retrieval refuses what has no answer; the adapter does not.
    worse = told(costing(ScriptedAsker(base_knows=lambda i: True), **facts), arms=arms)
    alone, both = worse.details[-2:]
    assert (alone.code, both.code) == ("pays_worse", "pays_never")
    assert "it was shown to answer worse than retrieval (RAG)" in alone.text("en")
    assert "Making retrieval with fine-tuning “a” took 10 minutes of training" in both.text("en")
    as_good = ScriptedAsker(base_knows=lambda i: True, rag_finds=lambda i: i % 5 != 1)
    line = told(costing(as_good, **facts), arms=arms).details[-2].text("en")
    assert line.startswith("Making fine-tuning (SFT) “a” took 10 minutes of training and 2 for its data")
    assert "(2.0 GB of memory at most)" in line
    assert "after 7,200 questions" in line or "after 7,1" in line  # 720 s at 0.1 s a question and the look-up
    plain = told(costing(as_good, seconds=600.0), arms=arms).details[-2]
    assert "(the time for its data is not known)" in plain.text("en")
    assert "数据准备的用时未知" in plain.text("zh")


def test_training_of_unknown_length_is_said_to_be_so(told) -> None:
    as_good = ScriptedAsker(base_knows=lambda i: True, rag_finds=lambda i: i % 5 != 1)
    said = told(costing(as_good, seconds=None), arms=("base", "rag", "sft:a"))
    assert said.details[-1].code == "pays_unknown"
    assert "is not known" in said.lines("en")[-1]
    assert "用时未知" in said.lines("zh")[-1]


def test_arms_that_both_fail_are_not_a_reason_for_the_simpler_one(told) -> None:
    """Two adapters that know nothing are equal on 150 questions; that recommends neither."""
    said = told(ScriptedAsker(), arms=("base", "sft:a"), count=150)
    assert said.word == "equivalent"
    assert any("reaches only 0 of 100" in line for line in said.lines("en"))
    assert not any("neither" in line for line in said.lines("en"))


def test_time_that_was_not_shown_to_differ_is_no_price(told) -> None:
    same = ScriptedAsker(base_knows=lambda i: False)
    same.slow_rag = False
    said = told(same, primary="contains_reference")
    assert any("No price in time was shown" in line for line in said.lines("en"))


def test_missing_questions_are_counted_for_what_was_found() -> None:
    base = {"n": 50, "n_effective": 50.0, "gains": 9, "losses": 6, "difference": 0.06, "sd": 0.55}
    binary = more_questions(base | {"method": "mcnemar"}, margin=0.05)
    assert 550 <= binary <= 650  # 30 % discordance, 6 points
    assert more_questions(base | {"method": "mcnemar", "n_effective": 25.0}, margin=0.05) > 2 * binary
    graded = more_questions(base | {"method": "bootstrap"}, margin=0.05)
    assert graded == pytest.approx((2.8 * 0.55 / 0.06) ** 2 - 50, abs=12)
    assert more_questions(base | {"method": "bootstrap", "n": 5000, "n_effective": 5000.0}, margin=0.05) == 10


@pytest.mark.parametrize(
    ("low", "high", "equivalent", "word"),
    [
        (0.1, 0.3, False, "better"),
        (0.01, 0.03, True, "better_within"),
        (-0.3, -0.1, False, "worse"),
        (-0.03, -0.01, True, "worse_within"),
        (-0.03, 0.03, True, "equivalent"),
        (-0.2, 0.3, False, "unclear"),
        (0.0, 0.3, False, "unclear"),
    ],
)
def test_words_come_from_the_interval(low: float, high: float, equivalent: bool, word: str) -> None:
    pair = {"n": 50, "missing": 0.0, "interval": {"low": low, "high": high}, "equivalent": equivalent}
    assert word_of(pair, margin=0.05) == word


def test_arms_have_names_for_people() -> None:
    assert arm_label("rag+sft:手册")["zh"] == "检索加微调“手册”"
    assert arm_label("base")["en"] == "the model alone"
