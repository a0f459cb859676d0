"""From question sets in SQuAD's form to training groups: one context, and the questions asked of it.

About half the questions of a group have no answer in its context. They come from SQuAD 2.0's own unanswerable
ones, from a sentence taken out of the context, from questions about other paragraphs for which BM25 finds this
one, and from a name, a number or a direction changed in an answerable question.
"""

import json
import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TypeVar

from assistant.messages import Language
from assistant.sentences import split_sentences, terms
from finetune.facts.replay import general_rows

Drawn = TypeVar("Drawn")

MOST_QUESTIONS = 12
LONGEST_CONTEXT = 1400
_TAKEN_OUT = 0.35
_DISTRACTED = 0.45
_OPPOSITES = [
    ("first", "last"), ("largest", "smallest"), ("most", "least"), ("before", "after"), ("highest", "lowest"),
    ("north", "south"), ("east", "west"), ("start", "end"), ("began", "ended"), ("increase", "decrease"),
    ("more", "fewer"), ("early", "late"), ("won", "lost"), ("oldest", "newest"), ("longest", "shortest"),
    ("male", "female"), ("allowed", "forbidden"), ("best", "worst"), ("above", "below"), ("major", "minor"),
]  # fmt: skip
_OPPOSITE = {a: b for pair in _OPPOSITES for a, b in (pair, pair[::-1])}
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w'’-]+(?: [A-Z][\w'’-]+)*")
_NUMBER = re.compile(r"\b\d[\d,.]*\d\b|\b\d\b")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and its answers as they stand in the text; none where it has no answer."""

    question: str
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of an article with the questions asked of it."""

    title: str
    text: str
    asked: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """What one training sequence holds.

    Args:
        context: as the app renders it: titles and sentences; "" for questions that are asked with no passage.
        asked: question and answer; "" for a refusal.
        plain: asked as a chat client asks, without the app's frame; for questions with no passage.
    """

    context: str
    asked: tuple[tuple[str, str], ...]
    language: Language = "en"
    plain: bool = False


def read_squad(path: Path, *, leave_out: frozenset[str] = frozenset()) -> list[Paragraph]:
    """Read a file in SQuAD's form, all articles but those in `leave_out`."""
    found: list[Paragraph] = []
    for article in json.loads(path.read_text("utf-8"))["data"]:
        if article["title"] in leave_out:
            continue
        title = re.sub(r"%[0-9A-F]{2}", "-", article["title"]).replace("_", " ")
        for paragraph in article["paragraphs"]:
            asked = [
                Asked(q["question"].strip(), tuple(a["text"] for a in q["answers"]))
                for q in paragraph["qas"]
                if q["answers"] or q.get("is_impossible")
            ]
            found.append(Paragraph(title, " ".join(paragraph["context"].split()), tuple(asked)))
    return found


def read_tatqa(path: Path) -> list[Paragraph]:
    """Read TAT-QA: each table with its paragraphs, and the questions that one literal span answers."""
    found: list[Paragraph] = []
    for entry in json.loads(path.read_text("utf-8")):
        rows = [
            f"| {' | '.join(' '.join(cell.split()) for cell in row)} |" for row in entry["table"]["table"][:9]
        ]
        prose = " ".join(" ".join(p["text"].split()) for p in entry["paragraphs"][:2])
        text = "\n".join([prose[:600].rpartition(". ")[0] + ".", *rows])
        asked = [
            Asked(q["question"], (q["answer"][0],))
            for q in entry["questions"]
            if q["answer_type"] == "span" and q["answer"][0] in text
        ]
        if asked and len(text) <= LONGEST_CONTEXT:
            found.append(Paragraph("Financial report", text, tuple(asked)))
    return found


def build_groups(paragraphs: Sequence[Paragraph], *, seed: int = 0) -> list[Group]:
    """Make a group of every paragraph, in random order."""
    dice = random.Random(seed)
    strangers = _strangers(paragraphs)
    others = defaultdict(list)
    for paragraph in paragraphs:
        others[paragraph.title].append(paragraph)
    names = {title: _pool(article, _NAME) for title, article in others.items()}
    numbers = {title: _pool(article, _NUMBER) for title, article in others.items()}
    groups = []
    for at, paragraph in enumerate(paragraphs):
        context = _shortened(paragraph, dice)
        if dice.random() < _TAKEN_OUT and not any(not a.answers for a in paragraph.asked):
            context = _without_one(context, dice)
        beside = dice.choice(others[paragraph.title]) if dice.random() < _DISTRACTED else None
        asked: list[tuple[str, str]] = []
        for item in paragraph.asked:
            answer = _answer(item)
            held = bool(answer) and answer in context
            # Taken out here but said elsewhere in other words: no telling whether it is answered.
            if answer and not held and any(a.lower() in context.lower() for a in item.answers):
                continue
            asked.append((item.question, answer if held else ""))
        asked += [(q, "") for q in _drawn(strangers[at], 2, dice)]
        refusals = sum(not answer for _, answer in asked)
        for question, answer in list(asked):
            if answer and 2 * refusals < len(asked) and dice.random() < 0.6:
                changed = near_miss(
                    question, paragraph.text, names[paragraph.title], numbers[paragraph.title], dice
                )
                if changed:
                    asked.append((changed, ""))
                    refusals += 1
        if beside is not None and beside is not paragraph:
            part = _some_of(beside.text, dice)
            if not any(answer and answer in part for _, answer in asked):
                blocks = [f"{beside.title}\n{part}", f"{paragraph.title}\n{context}"]
                rendered = "\n\n".join(blocks if dice.random() < 0.7 else blocks[::-1])
            else:
                rendered = f"{paragraph.title}\n{context}"
        else:
            rendered = f"{paragraph.title}\n{context}"
        asked = list(dict(asked).items())
        dice.shuffle(asked)
        groups.append(Group(rendered, tuple(asked[:MOST_QUESTIONS])))
    dice.shuffle(groups)
    return [group for group in groups if group.asked]


def general_groups(count: int, *, seed: int = 0) -> list[Group]:
    """Make `count` groups of general questions, asked with no passage: reading then costs less of what was known.

    Half of them are asked as the app asks, half as any chat client does.
    """
    dice = random.Random(seed)
    found: list[Group] = []
    languages: tuple[Language, ...] = ("en", "zh")
    while len(found) < count:
        for language, plain in product(languages, (False, True)):
            rows = _drawn(general_rows(language), MOST_QUESTIONS, dice)
            found.append(Group("", tuple(rows), language, plain))
    return found[:count]


def near_miss(
    question: str, text: str, names: Sequence[str], numbers: Sequence[str], dice: random.Random
) -> str | None:
    """Change one thing an answerable question is about, so that `text` no longer answers it; None if nothing can be.

    Args:
        names, numbers: what may stand instead, of the same article; those that `text` has are not used.
    """
    for pattern, pool in dice.sample([(_NAME, names), (_NUMBER, numbers)], 2):
        found = [m for m in pattern.finditer(question) if m[0] in text]
        if found and pool:
            match = dice.choice(found)
            for _ in range(8):
                other = dice.choice(pool)
                if other not in text and other not in question:
                    return question[: match.start()] + other + question[match.end() :]
    for word in question.split():
        if word in _OPPOSITE and not re.search(rf"\b{_OPPOSITE[word]}\b", text):
            return question.replace(word, _OPPOSITE[word], 1)
    return None


def _answer(item: Asked) -> str:
    """The answer most people gave; of several the shortest."""
    if not item.answers:
        return ""
    counts = Counter(item.answers)
    return min(counts, key=lambda text: (-counts[text], len(text))).strip()


def _shortened(paragraph: Paragraph, dice: random.Random) -> str:
    """The paragraph, or a run of its sentences: what the app shows a small model is seldom more."""
    spans = split_sentences(paragraph.text)
    most = len(spans) if len(paragraph.text) <= LONGEST_CONTEXT else 6
    if "|" not in paragraph.text and len(spans) > 3 and dice.random() < 0.4:
        most = dice.randint(3, len(spans))
    if most >= len(spans):
        return paragraph.text[:LONGEST_CONTEXT]
    first = dice.randint(0, len(spans) - most)
    return paragraph.text[spans[first][0] : spans[first + most - 1][1]]


def _without_one(text: str, dice: random.Random) -> str:
    spans = split_sentences(text)
    if len(spans) < 2 or "|" in text:
        return text
    gone = dice.randrange(len(spans))
    return " ".join(text[start:end] for k, (start, end) in enumerate(spans) if k != gone)


def _some_of(text: str, dice: random.Random) -> str:
    spans = split_sentences(text)
    first = dice.randrange(len(spans))
    last = min(first + dice.randint(0, 1), len(spans) - 1)
    return text[spans[first][0] : spans[last][1]]


def _drawn(items: Sequence[Drawn], most: int, dice: random.Random) -> list[Drawn]:
    return dice.sample(list(items), min(most, len(items)))


def _pool(paragraphs: Sequence[Paragraph], pattern: re.Pattern[str]) -> list[str]:
    found = (m[0] for p in paragraphs for a in p.asked for m in pattern.finditer(a.question))
    return sorted(set(found))


def _strangers(paragraphs: Sequence[Paragraph]) -> list[list[str]]:
    """For each paragraph the questions that it does not answer but for which BM25 ranks it first or second."""
    bags = [Counter(terms(f"{p.title} {p.text}")) for p in paragraphs]
    holding: dict[str, list[int]] = defaultdict(list)
    for at, bag in enumerate(bags):
        for term in bag:
            holding[term].append(at)
    lengths = [sum(bag.values()) for bag in bags]
    mean = sum(lengths) / max(len(lengths), 1)
    found: list[list[str]] = [[] for _ in paragraphs]
    for own, question, answers in _answerable(paragraphs):
        scores: dict[int, float] = defaultdict(float)
        for term in set(terms(question)):
            rare = math.log(1 + (len(bags) - len(holding[term]) + 0.5) / (len(holding[term]) + 0.5))
            for at in holding[term]:
                often = bags[at][term]
                scores[at] += rare * often * 2.2 / (often + 1.2 * (0.25 + 0.75 * lengths[at] / mean))
        scores.pop(own, None)
        for at in sorted(scores, key=lambda at: -scores[at])[:2]:
            text = paragraphs[at].text.lower()
            if not any(answer.lower() in text for answer in answers):
                found[at].append(question)
                break
    return found


def _answerable(paragraphs: Sequence[Paragraph]) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    for at, paragraph in enumerate(paragraphs):
        for item in paragraph.asked:
            if item.answers:
                yield at, item.question, item.answers


def thinned(paragraphs: Sequence[Paragraph], most: int, *, seed: int = 0) -> list[Paragraph]:
    """Return at most `most` paragraphs, for a trial run."""
    kept = list(paragraphs)
    random.Random(seed).shuffle(kept)
    return [replace(paragraph) for paragraph in kept[:most]]
