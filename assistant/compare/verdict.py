"""What an experiment says, in sentences made from its intervals and from nothing else.

Each sentence is a code with parameters; both texts stand in `assistant.messages`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from assistant.compare.cells import CELLS, cell_of
from assistant.compare.metric_table import METRICS
from assistant.compare.power import needed_n, needed_n_graded
from assistant.compare.questions import FEWEST
from assistant.compare.sentences import Sentence, arm_label, points
from assistant.compare.verdict_costs import about_adapters, flip_accuracy, flip_speed, made_in
from assistant.messages import Language

Word = Literal[
    "better", "worse", "better_within", "worse_within", "equivalent", "unclear", "few", "missing", "none"
]
NO_RESULT = ("few", "missing", "none")
"""Words of pairs whose difference is no result, and is not shown."""

MISSING = 0.05
"""Where one arm alone was scored on a larger share of the questions, what the arms share may be the lucky ones."""
_ALPHA = 0.05
_TOLD_S = 0.005
"""A shorter time saved per answer would be told as none, and is none."""
_FLOOR = 0.15
"""Where the better arm of the contrast scores less, equal may mean equally lost, so nothing is advised."""
_SILENT = 0.5
"""An arm that is shown to refuse a larger share of the questions that have an answer is of no use, whatever its score:
where many questions have none, refusing all of them scores well."""
_ADVICE = {
    "base": "advice_neither",
    "rag": "advice_retrieve",
    "sft": "advice_finetune",
    "rag+sft": "advice_both",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The headline about the declared contrast, and what follows from it.

    Args:
        word: what the interval says of the contrast's second arm.
        headline: the one sentence to show.
        details: level, clusters, advice, what is open, flip point, break-even, in this order.
    """

    word: Word
    headline: Sentence
    details: tuple[Sentence, ...]

    def ordered(self) -> tuple[list[Sentence], list[Sentence]]:
        """The details that are read at once, what to do first, then how good the arms are; and all others."""
        advice = [one for one in self.details if one.code.startswith("advice")]
        first = advice + [one for one in self.details if one.code == "verdict_levels"]
        return first, [one for one in self.details if one not in first]

    def lines(self, language: Language) -> list[str]:
        """All sentences."""
        return [sentence.text(language) for sentence in (self.headline, *self.details)]


def verdict(results: Mapping[str, Any]) -> Verdict:
    """Put the results of `analysis.analyse` into words."""
    contrast, margin = results["contrast"], results["meter"]["margin"]
    word = word_of(contrast, margin=margin)
    headline = _headline(contrast, word, results)
    if word in NO_RESULT:
        return Verdict(word, headline, tuple(_resume((contrast["first"], contrast["second"]), word, results)))
    details = [*_levels(results), *_clustered(results), *_advice(results)]
    at_floor = _best(contrast) < _FLOOR  # then no speed is worth anything
    if not at_floor:
        if word.startswith(("better", "worse")):
            details += flip_speed(results)
        details.append(flip_accuracy(contrast, word))
    details += about_adapters(results)
    if not at_floor:
        details += _break_even(results)
    return Verdict(word, headline, tuple(details))


def units(results: Mapping[str, Any]) -> dict[str, Any]:
    """What was compared: single arms, and groups of adapters in the place of their members, with what is told of each."""
    groups = results["groups"]
    inside = {arm: name for name, group in groups.items() for arm in group["members"]}
    return {name: _told(name, results) for arm in results["arms"] if (name := inside.get(arm, arm))}


def _told(name: str, results: Mapping[str, Any]) -> Any:
    """What is told of an arm or of a group."""
    return results["groups"].get(name) or results["arms"][name]


def word_of(pair: Mapping[str, Any], *, margin: float) -> Word:
    """What a pair's intervals say of its second arm."""
    if not pair["n"]:
        return "none"
    if pair["n"] < FEWEST:
        return "few"
    if pair["missing"] > MISSING:
        return "missing"
    low, high = pair["interval"]["low"], pair["interval"]["high"]
    if low > 0:
        return "better_within" if pair["equivalent"] else "better"
    if high < 0:
        return "worse_within" if pair["equivalent"] else "worse"
    return "equivalent" if pair["equivalent"] else "unclear"


def pair_word(pair: Mapping[str, Any], results: Mapping[str, Any]) -> Word:
    """What is said of one pair of many: the declared one stands on its interval, all others also on Holm's p."""
    word = word_of(pair, margin=results["meter"]["margin"])
    if not word.startswith(("better", "worse")) or _declared(pair, results) or pair["p_holm"] <= _ALPHA:
        return word
    return "equivalent" if pair["equivalent"] else "unclear"


def _declared(pair: Mapping[str, Any], results: Mapping[str, Any]) -> bool:
    declared = results["contrast"]
    return {pair["first"], pair["second"]} == {declared["first"], declared["second"]}


def more_questions(pair: Mapping[str, Any], *, margin: float) -> int | None:
    """About how many questions are lacking to see the difference that was found, or one of the margin.

    Whichever is larger, seen in 4 of 5 runs; rounded up to tens; None when over 100,000 would be needed.
    """
    effect = max(abs(pair["difference"]), margin)
    if pair["method"] == "mcnemar":
        discordance = max((pair["gains"] + pair["losses"]) / pair["n"], effect)
        needed = needed_n(effect, discordance)
    else:
        needed = needed_n_graded(effect, pair["sd"])
    if needed is None:
        return None
    needed = math.ceil(needed * pair["n"] / pair["n_effective"])
    return max(10, 10 * math.ceil((needed - pair["n"]) / 10))


def break_even(training_s: float, *, slow_s: float, fast_s: float) -> int | None:
    """After how many questions the time spent on training is saved; None when never.

    Args:
        slow_s, fast_s: seconds per answer without and with what was trained.
    """
    saved = slow_s - fast_s
    return math.ceil(training_s / saved) if saved > 1e-9 else None


def _headline(pair: Mapping[str, Any], word: Word, results: Mapping[str, Any]) -> Sentence:
    params: dict[str, Any] = {
        "n": pair["n"],
        "first": arm_label(pair["first"]),
        "second": arm_label(pair["second"]),
        "metric": {language: METRICS[pair["metric"]].label(language) for language in ("en", "zh")},
    }
    if word in ("none", "few"):
        return Sentence(f"verdict_{word}", params | {"fewest": FEWEST})
    if word == "missing":
        return Sentence("verdict_uneven", params | {"missing": points(pair["missing"], 0)})
    margin = results["meter"]["margin"]
    level = 90 if word == "equivalent" else 95
    interval = pair["interval90"] if word == "equivalent" else pair["interval"]
    flip = -1 if word.startswith("worse") else 1
    low, high = sorted((flip * interval["low"], flip * interval["high"]))
    digits = 0 if high - low >= 0.08 else 1
    params |= {
        "points": points(flip * pair["difference"], digits),
        "low": points(low, digits),
        "high": points(high, digits),
        "level": level,
        "margin": points(margin, 0 if margin * 100 == round(margin * 100) else 1),
    }
    if word == "unclear":
        more = more_questions(pair, margin=margin)
        params["more"] = (
            {"en": "more than 100,000", "zh": "超过 100,000"}
            if more is None
            else {"en": f"{more:,}", "zh": f"{more:,}"}
        )
    return Sentence(f"verdict_{word}", params)


def _levels(results: Mapping[str, Any]) -> list[Sentence]:
    """How good the arms are at all: a wide lead may still be a lead of bad answers."""
    contrast = results["contrast"]
    values = {"first": arm_label(contrast["first"]), "second": arm_label(contrast["second"])}
    means = {"first_mean": contrast["mean_first"], "second_mean": contrast["mean_second"]}
    return [Sentence("verdict_levels", values | {key: points(value, 0) for key, value in means.items()})]


def _clustered(results: Mapping[str, Any]) -> list[Sentence]:
    by, contrast = results["clustered_by"], results["contrast"]
    if by == "question" or contrast["n_effective"] > 0.95 * contrast["n"]:
        return []
    name = {"en": by, "zh": {"document": "文档", "section": "章节"}[by]}
    params = {"n": contrast["n"], "effective": round(contrast["n_effective"]), "by": name}
    return [Sentence("verdict_clustered", params)]


def _advice(results: Mapping[str, Any]) -> list[Sentence]:
    """The simplest arm that no other is shown to beat, what is open, and what was not asked."""
    best = _best(results["contrast"])
    if best < _FLOOR:
        return [Sentence("advice_floor", {"best": points(best, 0)})]
    told = units(results)
    arms = sorted(told, key=lambda arm: (CELLS.index(cell_of(arm)), arm))
    pairs = {(pair["first"], pair["second"]): pair for pair in results["pairs"] if pair["n"]}
    silent = [arm for arm in arms if _silent(told[arm])]
    lacking = [arm for arm in arms if _lacks(arm, results) > MISSING]
    resume = [_asks_again(lacking, results)] if lacking else []
    chosen = next(
        (
            arm
            for arm in arms
            if arm not in (*silent, *lacking)
            and not any(_beats(other, arm, pairs, results) for other in arms)
        ),
        None,
    )
    if chosen is None:  # beaten by arms that refuse, or in a circle; or answers are missing of all others
        none = [] if resume else [Sentence("advice_none" if silent else "advice_unclear")]
        return [*none, *resume, *_refusing(silent, results)]
    margin = results["meter"]["margin"]
    beaten = [other for other in arms if _beats(chosen, other, pairs, results)]
    open_arms = [
        other
        for other in arms
        if other != chosen
        and other not in (*beaten, *silent, *lacking)
        and word_of(_pair_of(chosen, other, pairs) or {"n": 0}, margin=margin) in ("unclear", "few")
    ]
    alike = [arm for arm in arms if cell_of(arm) == cell_of(chosen)]
    code = (
        _ADVICE[cell_of(chosen)] if len(alike) == 1 else "advice_arm"
    )  # or it would not be said which of them
    if not beaten and open_arms:
        code = "advice_unclear"
    sentences = [Sentence(code, {"arm": arm_label(chosen)}), *resume]
    if open_arms and beaten:
        sentences.append(Sentence("advice_open", {"arms": _joined(open_arms), "arm": arm_label(chosen)}))
    sentences += _refusing(silent, results)
    absent = [cell for cell in CELLS if cell not in {cell_of(arm) for arm in arms}]
    if absent:
        sentences.append(Sentence("advice_not_asked", {"arms": _joined(absent)}))
    return sentences


def _resume(arms: Sequence[str], word: Word, results: Mapping[str, Any]) -> list[Sentence]:
    """What to do where two arms cannot be compared."""
    lacking = [arm for arm in arms if _lacks(arm, results)]
    if lacking:
        return [_asks_again(lacking, results)]
    return [Sentence("advice_uneven")] if word == "missing" else []


def _lacks(arm: str, results: Mapping[str, Any]) -> float:
    """The share of questions that an arm has no answer to: it failed, or was not asked."""
    return 1 - _told(arm, results)["answered"] / results["questions"]


def _asks_again(arms: Sequence[str], results: Mapping[str, Any]) -> Sentence:
    counts = [(arm_label(arm), _told(arm, results)["answered"]) for arm in arms]
    asked = results["questions"]
    told: dict[Language, str] = {
        "en": "; ".join(f"{label['en']} has {there} of {asked} answers" for label, there in counts),
        "zh": "；".join(f"{label['zh']}应有 {asked} 个回答，现有 {there} 个" for label, there in counts),
    }
    return Sentence("advice_resume", {"arms": told})


def _best(contrast: Mapping[str, Any]) -> float:
    return float(max(contrast["mean_first"], contrast["mean_second"]))


def _silent(told: Mapping[str, Any]) -> bool:
    interval = told["refusal"]["over_refusal_interval"]
    return interval is not None and interval["low"] > _SILENT


def _refusing(silent: Sequence[str], results: Mapping[str, Any]) -> list[Sentence]:
    """Which arms owe their score to refusing."""
    sentences = []
    for arm in silent:
        counts = _told(arm, results)["refusal"]
        refused, answered = counts["answerable_refused"], counts["answerable_answered"]
        params = {"arm": arm_label(arm), "refused": refused, "answerable": refused + answered}
        sentences.append(Sentence("advice_silent", params))
    return sentences


def _beats(one: str, other: str, pairs: Mapping[tuple[str, str], Any], results: Mapping[str, Any]) -> bool:
    """Whether `one` is shown to be better: as declared beforehand, or after Holm's correction."""
    pair = _pair_of(one, other, pairs)
    if one == other or pair is None:
        return False
    ahead = pair["difference"] > 0 if pair["second"] == one else pair["difference"] < 0
    return ahead and pair_word(pair, results).startswith(("better", "worse"))


def _pair_of(one: str, other: str, pairs: Mapping[tuple[str, str], Any]) -> Any:
    return pairs.get((one, other)) or pairs.get((other, one))


def _joined(arms: Sequence[str]) -> dict[Language, str]:
    labels = [arm_label(arm) for arm in arms]
    return {
        "en": ", ".join(label["en"] for label in labels),
        "zh": "、".join(label["zh"] for label in labels),
    }


def _break_even(results: Mapping[str, Any]) -> list[Sentence]:
    """Whether what training took is made up for by answering faster than retrieval alone."""
    if "rag" not in results["arms"]:
        return []
    sentences = []
    pairs = {(pair["first"], pair["second"]): pair for pair in results["pairs"] if pair["n"]}
    slow = results["arms"]["rag"]["metrics"]["total_s"]["mean"]
    for arm, cost in results["training"].items():
        if not cost["seconds"]:
            sentences.append(Sentence("pays_unknown", {"arm": arm_label(arm)}))
            continue
        params: dict[str, Any] = {"arm": arm_label(arm), "other": arm_label("rag"), "made": made_in(cost)}
        fast = _told(arm, results)["metrics"]["total_s"]["mean"]
        if _beats("rag", arm, pairs, results):
            sentences.append(Sentence("pays_worse", params))
        elif slow is None or fast is None:
            sentences.append(Sentence("pays_untimed", params))
        else:
            spent = cost["seconds"] + (cost["data_seconds"] or 0.0)
            told = slow - fast >= _TOLD_S
            questions = break_even(spent, slow_s=slow, fast_s=fast) if told else None
            more = (
                {} if questions is None else {"questions": f"{questions:,}", "seconds": f"{slow - fast:.2f}"}
            )
            sentences.append(Sentence("pays_after" if more else "pays_never", params | more))
    return sentences
