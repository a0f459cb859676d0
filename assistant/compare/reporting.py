"""Results as lines of text for a terminal, in both languages."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assistant.compare.metric_table import METRICS, REASONS
from assistant.compare.questions import FEWEST
from assistant.compare.report_text import REPORT_TEXT
from assistant.compare.sentences import arm_label
from assistant.compare.verdict import NO_RESULT, verdict
from assistant.messages import Language

if TYPE_CHECKING:
    from assistant.compare.experiment import Answered
    from assistant.compare.records import Experiment

_WORDS: dict[str, dict[Language, str]] = {
    "better": {"en": "better", "zh": "更好"},
    "worse": {"en": "worse", "zh": "更差"},
    "better_within": {"en": "better, within the margin", "zh": "略好，在可忽略范围内"},
    "worse_within": {"en": "worse, within the margin", "zh": "略差，在可忽略范围内"},
    "equivalent": {"en": "equivalent", "zh": "等效"},
    "unclear": {"en": "not enough questions", "zh": "问题不足"},
    "few": {"en": "too few questions", "zh": "问题太少"},
    "missing": {"en": "too many are missing", "zh": "缺失太多"},
    "none": {"en": "nothing in common", "zh": "没有共同的问题"},
    "absent": {"en": "not asked in the second run", "zh": "第二次运行未提问"},
}


def word_text(word: str, language: Language) -> str:
    """A verdict's word for people."""
    return _WORDS[word][language]


def progress_line(event: "Answered", language: Language) -> str:
    """One line for an answer that came, with the time that is left."""
    line = f"  {event.done}/{event.total}  {event.question_id}  {event.arm}"
    if event.error is not None:
        text = getattr(event.error, "text", None)
        line += "  " + (text(language) if text else str(event.error))
    if event.seconds_left is not None:
        minutes, seconds = divmod(round(event.seconds_left), 60)
        line += (
            f"  （剩余 {minutes}:{seconds:02}）" if language == "zh" else f"  ({minutes}:{seconds:02} left)"
        )
    return line


def result_lines(experiment: "Experiment", language: Language) -> list[str]:
    """The verdict, then a table of means with their intervals and coverage."""
    results = experiment.results
    if results is None:
        return ["尚无结果。" if language == "zh" else "No results yet."]
    lines = [*verdict(results).lines(language), clustered_text(results, language), ""]
    arms = list(results["arms"])
    width = max(22, *(len(arm) for arm in arms)) + 2
    lines.append(" " * 26 + "".join(arm.rjust(width) for arm in arms))
    for name, metric in METRICS.items():
        if metric.of == "retrieval":
            continue
        told = [results["arms"][arm]["metrics"][name] for arm in arms]
        if any(entry["n"] for entry in told):
            label = metric.label(language)
            pad = 26 - len(label) - sum(ord(letter) > 0x2E7F for letter in label)
            lines.append(
                label
                + " " * max(pad, 1)
                + "".join(_right(value_text(entry, name, language), width) for entry in told)
            )
    for key, label in (
        ("over_refusal", "over-refusal / 误拒"),
        ("hallucination", "hallucination / 无据作答"),
    ):
        shares = [results["arms"][arm]["refusal"] for arm in arms]
        texts = [
            few_text(_asked(share, key), language)
            if share[key] is None
            else _with_interval(share[key], share[f"{key}_interval"])
            for share in shares
        ]
        pad = 26 - len(label) - sum(ord(letter) > 0x2E7F for letter in label)
        lines.append(label + " " * max(pad, 1) + "".join(_right(text, width) for text in texts))
    for arm, found in {"": results["retrieval"], **results["own_retrieval"]}.items():
        if any(entry["n"] for entry in found.values()):
            told_retrieval = ", ".join(
                f"{METRICS[name].label(language)} {value_text(entry, name, language)}"
                for name, entry in found.items()
                if entry["n"]
            )
            lines += ["", f"{arm}: {told_retrieval}" if arm else told_retrieval]
    lines += [f"{arm}: {text}" for arm in arms for text in _failures(results["arms"][arm], language)]
    return lines


def value_text(entry: Mapping[str, Any], metric: str, language: Language) -> str:
    """A mean as it is shown: points with interval for shares, a median for costs; coverage where below 1."""
    if entry["mean"] is None:
        return few_text(entry["n"], language)
    unit = METRICS[metric].unit
    if unit == "share":
        text = _with_interval(entry["mean"], entry["interval"])
    else:
        text = f"{entry.get('p50', entry['mean']):.1f} {unit}"
    return text if entry["coverage"] > 0.995 else f"{text} n={entry['n']}"


def few_text(n: int, language: Language) -> str:
    """What stands in place of a value that fewer than ten questions would make."""
    return REPORT_TEXT["too_few"][language].format(n=n) if n else "-"


def no_board_text(results: Mapping[str, Any], language: Language) -> str:
    """Why the arms are not drawn as a board; "" where some pair of them shares enough questions."""
    most = max(pair["n"] for pair in results["pairs"])
    if most >= FEWEST:
        return ""
    return few_text(most, language) if most else word_text("none", language)


def clustered_text(results: Mapping[str, Any], language: Language) -> str:
    """By what the intervals are clustered."""
    return REPORT_TEXT[f"clustered_{results['clustered_by']}"][language]


def change_line(row: Mapping[str, Any], language: Language) -> str:
    """How one arm changed between two runs, or why that cannot be said."""
    word = word_text(row["word"], language)
    if row["word"] in (*NO_RESULT, "absent"):
        counts = REPORT_TEXT["shared_answers"][language].format(n=row["n"], asked=row["asked"])
        return f"{row['arm']}: {word} ({counts})"
    interval = row["interval"]
    return (
        f"{row['arm']}: {100 * row['mean_first']:.1f} -> {100 * row['mean_second']:.1f}  "
        f"({100 * row['difference']:+.1f}, 95 % {100 * interval['low']:.1f} .. {100 * interval['high']:.1f}, "
        f"n={row['n']}, +{row['gains']} -{row['losses']})  {word}"
    )


def change_failures(rows: Sequence[Mapping[str, Any]], language: Language) -> str:
    """Why the comparison of two runs must not pass, naming the arms; "" where nothing speaks against it."""
    told = {
        "change_worse": [row["arm"] for row in rows if row["word"] == "worse"],
        "change_lacking": [row["arm"] for row in rows if row["word"] in ("missing", "none", "absent")],
    }
    texts = [REPORT_TEXT[key][language].format(arms=", ".join(arms)) for key, arms in told.items() if arms]
    if all(row["word"] == "few" for row in rows):
        texts.append(REPORT_TEXT["change_few"][language].format(n=max(row["n"] for row in rows)))
    return " ".join(texts)


def judge_lines(
    experiment: "Experiment",
    name: str,
    card: Mapping[str, Any],
    scores: Mapping[str, Any],
    language: Language,
) -> list[str]:
    """A judge's card, and its scores where it passed its exam."""
    told = {key: card[key] for key in ("pairs", "repeat", "swap", "planted")} | {"name": name}
    if card["passed"]:
        first, second = (arm_label(arm)[language] for arm in experiment.plan.contrast)
        told |= {"first": first, "second": second, **scores}
    lines = [REPORT_TEXT["judge_passed" if card["passed"] else "judge_failed"][language].format(**told)]
    if card["read"] < card["asked"]:
        unread = {"count": card["asked"] - card["read"], "asked": card["asked"]}
        lines.append(REPORT_TEXT["judge_unread"][language].format(**unread))
    if scores["unreadable"]:
        lines.append(REPORT_TEXT["judge_unread_pairs"][language].format(count=scores["unreadable"]))
    if card["same_model"]:
        lines.append(REPORT_TEXT["judge_same_model"][language])
    return [*lines, votes_text(card, language)]


def votes_text(card: Mapping[str, Any], language: Language) -> str:
    """How far a judge agrees with the user's blind votes, and on how many that rests."""
    if not card["votes"]:
        return REPORT_TEXT["judge_no_votes"][language]
    kappa = "–" if card["kappa"] is None else f"{card['kappa']:.2f}"
    # A card of an earlier version counted pairs as votes and kept nothing else.
    pairs = card.get("vote_pairs", card["votes"])
    votes = card["votes"] if "vote_pairs" in card else "–"
    return REPORT_TEXT["judge_votes"][language].format(
        agreed=card["agreed"], pairs=pairs, votes=votes, kappa=kappa
    )


def reason_text(reason: str, language: Language) -> str:
    """Why a score is missing."""
    return REASONS[reason][language]


def _asked(refusal: Mapping[str, Any], rate: str) -> int:
    """Of how many questions a rate of refusing is."""
    kind = "unanswerable" if rate == "hallucination" else "answerable"
    return int(refusal[f"{kind}_answered"] + refusal[f"{kind}_refused"])


def _right(text: str, width: int) -> str:
    """The text at the right of so many columns; Chinese letters take two."""
    return text.rjust(width - sum(ord(letter) > 0x2E7F for letter in text))


def _with_interval(share: float, interval: Mapping[str, float]) -> str:
    return f"{100 * share:.1f} ({100 * interval['low']:.0f}-{100 * interval['high']:.0f})"


def _failures(arm: Mapping[str, Any], language: Language) -> list[str]:
    if not arm["failed"]:
        return []
    return [f"{arm['failed']} 个回答出错" if language == "zh" else f"{arm['failed']} answers failed"]
