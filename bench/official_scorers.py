"""Our SQuAD 2.0 and CMRC 2018 metrics against the official scorers, answer by answer.

Run: python bench/official_scorers.py --squad evaluate-v2.0.py --cmrc cmrc2018_evaluate.py [--data ../shared/data]

The scorers are not part of this project: SQuAD's is on rajpurkar.github.io/SQuAD-explorer, CMRC's in
github.com/ymcui/cmrc2018 (baseline/, version 6; it needs nltk). Answers are the right ones cut too short or too long,
and stretches from anywhere in their paragraph. Printed: pairs of answer and references, and how many of them differ.
"""

import argparse
import importlib.util
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

from assistant.compare import metrics

Pair = tuple[str, list[str]]
_TRICKY = "Tandem v2.0, it's 21,000公里。（北京）can't A-1 \"x\" 3.14% $5 《书》……—— 1284–1314 cannot gonna 'tis U.S. e.g. 中文English混排 …"


EMPTY_GOLDS: list[Pair] = [("", ["the", "cat"]), ("a", ["The", "an"]), ("cat", ["a", "cat"]), ("", ["the"])]
"""Golds of which the rules of SQuAD leave nothing, beside others and alone."""


def main() -> None:
    """Print one line per scorer."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--squad", type=Path, help="the official evaluate-v2.0.py")
    parser.add_argument("--cmrc", type=Path, help="the official cmrc2018_evaluate.py")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    chosen = parser.parse_args()
    qa = chosen.data / "qa"
    if chosen.squad:
        official = _module(chosen.squad)
        pairs = [*squad_pairs(qa / "squad2" / "squad2.json"), *EMPTY_GOLDS]

        def squad(answer: str, references: list[str]) -> tuple[float, float]:
            # Its own choice of golds, through its own entry.
            item = {"id": "1", "answers": [{"text": text} for text in references if text]}
            data = [{"paragraphs": [{"qas": [item]}]}]
            exact, f1 = official.get_raw_scores(data, {"1": answer})
            return exact["1"], f1["1"]

        compare("SQuAD 2.0", pairs, squad, metrics.squad_em, metrics.squad_f1)
    if chosen.cmrc:
        import nltk

        official_zh = _module(chosen.cmrc)
        # Its own call wants a downloaded model of sentence ends; a run between Chinese characters has none.
        whole = nltk.word_tokenize
        official_zh.nltk.word_tokenize = lambda text: whole(text, preserve_line=True)
        pairs = [*chinese_pairs(qa), *tricky_pairs()]

        def cmrc(answer: str, references: list[str]) -> tuple[float, float]:
            return official_zh.calc_em_score(references, answer), official_zh.calc_f1_score(
                references, answer
            )

        compare("CMRC 2018", pairs, cmrc, metrics.cmrc_em, metrics.cmrc_f1)


def compare(
    name: str,
    pairs: list[Pair],
    official: Callable[[str, list[str]], tuple[float, float]],
    exact: Callable[[str, list[str]], float],
    f1: Callable[[str, list[str]], float],
) -> None:
    """Score every pair by both; print how many differ, and the first of them."""
    different: list[Pair] = []
    for answer, references in pairs:
        theirs = official(answer, references)
        ours = exact(answer, references), f1(answer, references)
        if any(abs(one - other) > 1e-9 for one, other in zip(theirs, ours, strict=True)):
            different.append((answer, references))
    print(f"{name}: {len(pairs)} pairs, {len(different)} different", *different[:1])


def squad_pairs(file: Path) -> Iterator[Pair]:
    """Three answers for every question of a file in SQuAD's form; the reference of one without an answer is ""."""
    dice = random.Random(3)
    for article in json.loads(file.read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                golds = [answer["text"] for answer in question["answers"]] or [""]
                yield golds[0], golds
                yield near(paragraph["context"], golds[0], dice), golds
                yield anywhere(paragraph["context"], dice), golds


def chinese_pairs(qa: Path) -> Iterator[Pair]:
    """Two answers for every question of CMRC 2018's trial set and of DRCD's dev set."""
    dice = random.Random(5)
    for paragraph in json.loads((qa / "cmrc2018" / "cmrc2018_trial.json").read_text("utf-8")):
        for question in paragraph["qas"]:
            yield near(paragraph["context_text"], question["answers"][0], dice), question["answers"]
            yield anywhere(paragraph["context_text"], dice), question["answers"]
    for article in json.loads((qa / "drcd" / "DRCD_dev.json").read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                golds = [answer["text"] for answer in question["answers"]]
                yield near(paragraph["context"], golds[0], dice), golds
                yield anywhere(paragraph["context"], dice), golds


def tricky_pairs(count: int = 3000) -> Iterator[Pair]:
    """Stretches of one line that has every kind of mark."""
    dice = random.Random(7)
    for _ in range(count):
        yield anywhere(_TRICKY, dice), [anywhere(_TRICKY, dice)]


def near(text: str, gold: str, dice: random.Random) -> str:
    """The right answer with a little too much or too little of what stands around it."""
    start = text.find(gold)
    first = max(0, start - dice.randint(0, 8))
    return text[first : max(start + len(gold) + dice.randint(-4, 8), first + 1)]


def anywhere(text: str, dice: random.Random) -> str:
    """A stretch of up to 60 characters."""
    start = dice.randrange(len(text))
    return text[start : start + dice.randint(1, 60)]


def _module(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem.replace("-", "_").replace(".", "_"), file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
