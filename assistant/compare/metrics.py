"""Scores of one answer against reference answers, none needing a model.

Each is 0..1, higher is better, and takes the best over the references. Official rules are kept with their
quirks, so that figures stand beside published ones; where a rule does not fit a language, there is a second
metric with another name instead of a silent change. An unanswerable question's reference is "".
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

from assistant.compare.segmentation import cmrc_stripped, cmrc_tokens, free_tokens, squad_words


def squad_em(answer: str, references: Sequence[str]) -> float:
    """1 when the normalised answer equals a reference.

    References of which the rules leave nothing count only where there is no other.

    Source: SQuAD 2.0's evaluation, https://rajpurkar.github.io/SQuAD-explorer/
    """
    words = squad_words(answer)
    return _best(lambda reference: float(words == squad_words(reference)), _squad_references(references))


def squad_f1(answer: str, references: Sequence[str]) -> float:
    """Overlap of the bags of words; when either side is empty, 1 only if both are.

    References of which the rules leave nothing count only where there is no other. Chinese has no blanks, so a
    whole clause is one word here: see `cmrc_f1` and `character_f1`.

    Source: SQuAD 2.0's evaluation, https://rajpurkar.github.io/SQuAD-explorer/
    """
    words = squad_words(answer)
    return _best(lambda reference: _bag_f1(words, squad_words(reference)), _squad_references(references))


def _squad_references(references: Sequence[str]) -> Sequence[str]:
    return [reference for reference in references if squad_words(reference)] or references


def cmrc_em(answer: str, references: Sequence[str]) -> float:
    """1 when answer and a reference are equal without CMRC's punctuation.

    Source: CMRC 2018's scorer, version 6, https://github.com/ymcui/cmrc2018
    """
    return _best(lambda reference: float(cmrc_stripped(answer) == cmrc_stripped(reference)), references)


def cmrc_f1(answer: str, references: Sequence[str]) -> float:
    """CMRC 2018's F1: of the longest common contiguous run of tokens, not of bags.

    The official scorer gives 0 when both sides are empty; here that is 1, as in SQuAD, so that a refusal of
    an unanswerable question counts. CMRC has no such questions.

    Source: CMRC 2018's scorer, version 6, https://github.com/ymcui/cmrc2018
    """

    def score(reference: str) -> float:
        predicted, wanted = cmrc_tokens(answer), cmrc_tokens(reference)
        if not predicted or not wanted:
            return float(predicted == wanted)
        run = longest_run(predicted, wanted)
        return _harmonic(run / len(predicted), run / len(wanted))

    return _best(score, references)


def character_f1(answer: str, references: Sequence[str]) -> float:
    """Overlap of the bags of Chinese characters and of other scripts' words; order is free.

    Ours, not CMRC's, and defined for every language; see `segmentation.free_tokens`.
    """
    return _best(lambda reference: _bag_f1(_tokens(answer), _tokens(reference)), references)


def rouge_l(answer: str, references: Sequence[str]) -> float:
    """F1 of the longest common subsequence of tokens, cut by `segmentation.free_tokens`.

    The usual package keeps only a to z and 0 to 9 and gives 0 for any Chinese; this does not.

    Source: Lin 2004, https://aclanthology.org/W04-1013/, sentence-level ROUGE-L with beta = 1.
    """

    def score(reference: str) -> float:
        predicted, wanted = _tokens(answer), _tokens(reference)
        if not predicted or not wanted:
            return float(predicted == wanted)
        common = _longest_subsequence(predicted, wanted)
        return _harmonic(common / len(predicted), common / len(wanted))

    return _best(score, references)


def chrf(answer: str, references: Sequence[str]) -> float:
    """chrF2: F-score, recall weighing double, of character n-grams up to 6, blanks not counted.

    Source: Popović 2015, https://aclanthology.org/W15-3049/; equals sacrebleu's sentence chrF divided by 100
    (signature nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no).
    """
    return _best(lambda reference: _chrf("".join(answer.split()), "".join(reference.split())), references)


def contains_reference(answer: str, references: Sequence[str]) -> float:
    """1 when a reference stands in the answer word for word, after folding width, case and punctuation."""

    def score(reference: str) -> float:
        predicted, wanted = _tokens(answer), _tokens(reference)
        if not wanted:
            return float(not predicted)
        return float(longest_run(predicted, wanted) == len(wanted))

    return _best(score, references)


def longest_run(left: Sequence[str], right: Sequence[str]) -> int:
    """Length of the longest contiguous run of tokens that both have."""
    best, previous = 0, [0] * (len(right) + 1)
    for mine in left:
        current = [0]
        for column, theirs in enumerate(right):
            length = previous[column] + 1 if mine == theirs else 0
            best = max(best, length)
            current.append(length)
        previous = current
    return best


def _tokens(text: str) -> list[str]:
    """Free tokens; of a text that has none, such as a lone sign, its characters."""
    return free_tokens(text) or list("".join(unicodedata.normalize("NFKC", text).split()))


def _best(score: Callable[[str], float], references: Sequence[str]) -> float:
    if not references:
        raise ValueError("a score needs at least one reference answer; an unanswerable question's is ''")
    return max(score(reference) for reference in references)


def _bag_f1(predicted: Sequence[str], wanted: Sequence[str]) -> float:
    if not predicted or not wanted:
        return float(list(predicted) == list(wanted))
    common = sum((Counter(predicted) & Counter(wanted)).values())
    return _harmonic(common / len(predicted), common / len(wanted))


def _harmonic(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _chrf(predicted: str, wanted: str, *, order: int = 6, beta: float = 2.0) -> float:
    if not predicted or not wanted:
        return float(predicted == wanted)
    precisions, recalls = [], []
    for size in range(1, min(order, len(predicted), len(wanted)) + 1):
        mine, theirs = _ngrams(predicted, size), _ngrams(wanted, size)
        common = sum((mine & theirs).values())
        precisions.append(common / sum(mine.values()))
        recalls.append(common / sum(theirs.values()))
    precision, recall = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    if precision + recall == 0:
        return 0.0
    return (1 + beta**2) * precision * recall / (beta**2 * precision + recall)


def _ngrams(text: str, size: int) -> Counter[str]:
    return Counter(text[start : start + size] for start in range(len(text) - size + 1))


def _longest_subsequence(left: Sequence[str], right: Sequence[str]) -> int:
    previous = [0] * (len(right) + 1)
    for mine in left:
        current = [0]
        for column, theirs in enumerate(right):
            current.append(
                previous[column] + 1 if mine == theirs else max(previous[column + 1], current[column])
            )
        previous = current
    return previous[-1]
