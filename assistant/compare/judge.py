"""A model as judge of two answers: both orders, by the probabilities of single tokens, and only after an exam.

Nothing is parsed out of prose. Knows nothing of experiments; who may be a judge stands in `judges`.

Source: Zheng et al. 2023, https://arxiv.org/abs/2306.05685, for the swap of positions.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from assistant.compare.counterfactual import alter
from assistant.compare.questions import Question
from assistant.compare.statistics import wilson
from assistant.compare.votes import Ballot
from assistant.language import detect_language
from assistant.messages import Language

LETTERS = ("A", "B", "C")
"""The first answer is better, the second is, or neither."""
EXAM = 24
"""Pairs of the exam."""
PASS = 0.8
"""Share of each part of the exam that must be right; its 95 % interval must also lie above one half."""
_SAME = 0.02
"""Probabilities asked for twice may differ by this much: servers batch, and batches round."""

Pick = Literal["first", "second", "tie"]

_PROMPT: dict[Language, str] = {
    "en": "Two answers to one question are to be compared.\n\nQuestion: {question}\n{reference}"
    "Answer A: {first}\nAnswer B: {second}\n\n"
    "Which answer is more correct? Reply with one letter only: A, B, or C if both are equally good.",
    "zh": "请比较对同一问题的两个回答。\n\n问题：{question}\n{reference}"
    "回答 A：{first}\n回答 B：{second}\n\n"
    "哪个回答更正确？只回复一个字母：A、B，若两者同样好则回复 C。",
}
_REFERENCE: dict[Language, str] = {"en": "Right answer: {text}\n", "zh": "正确答案：{text}\n"}
_NOTHING: dict[Language, str] = {"en": "(no answer: refused)", "zh": "（拒绝回答）"}


class Judge(Protocol):
    """A model that tells how likely each of a few letters is as its next token.

    Attributes:
        name: what it is called on its card.
    """

    name: str

    def chances(self, prompt: str, letters: Sequence[str]) -> Mapping[str, float] | None:
        """Probabilities, 0..1, that sum to 1 over `letters`; None where the model does not tell them."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a judge says of a pair.

    Args:
        state: "unreadable" where the model did not tell its probabilities.
        pick: the answer preferred in both orders; "tie" where neither was, or the orders disagree.
        consistent: whether both orders said the same.
        forward, backward: probabilities of first, second, tie, as named by the pair's own order.
    """

    state: Literal["judged", "unreadable"]
    pick: Pick = "tie"
    consistent: bool = True
    forward: tuple[float, ...] = ()
    backward: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Exam:
    """What a judge showed before its word counts.

    Args:
        pairs: right answers beside planted wrong ones.
        read: asks that gave probabilities, of `asked`.
        repeat: pairs that got the same probabilities twice.
        swap: pairs judged alike in both orders.
        planted: pairs where the right answer was preferred in both orders.
        votes: the user's own blind votes that it was compared with; a vote among three answers decides several
            pairs, of which `vote_pairs` were compared and `agreed` came out alike.
        kappa: over these pairs; None with fewer than two kinds.
    """

    judge: str
    pairs: int
    asked: int
    read: int
    repeat: int
    swap: int
    planted: int
    same_model: bool = False
    votes: int = 0
    vote_pairs: int = 0
    agreed: int = 0
    kappa: float | None = None

    @property
    def passed(self) -> bool:
        """Whether its scores may count."""
        return bool(self.pairs) and self.read == self.asked and all(map(self.part_passed, self.parts()))

    def parts(self) -> tuple[str, ...]:
        """Names of the counts that must be high enough."""
        return ("repeat", "swap", "planted")

    def part_passed(self, part: str) -> bool:
        """Whether one part of the exam was passed."""
        right = getattr(self, part)
        return bool(self.pairs) and right / self.pairs >= PASS and wilson(right, self.pairs).low > 0.5

    def card(self) -> dict[str, Any]:
        """Everything, as plain JSON."""
        return asdict(self) | {"passed": self.passed}


def compare_pair(judge: Judge, question: Question, first: str, second: str) -> Opinion:
    """Ask in both orders; a win counts only where both agree. "" is a refusal."""
    forward = _ask(judge, question, first, second)
    backward = _ask(judge, question, second, first)
    if forward is None or backward is None:
        return Opinion("unreadable")
    backward = (backward[1], backward[0], backward[2])
    one, other = _picked(forward), _picked(backward)
    return Opinion("judged", one if one == other else "tie", one == other, forward, backward)


def examine(
    judge: Judge,
    questions: Sequence[Question],
    ballots: Sequence[Ballot] = (),
    *,
    same_model: bool = False,
    seed: int = 0,
) -> Exam:
    """Let a judge sit its exam on this machine, and compare it with people's blind votes.

    Args:
        questions: of the experiment; a right answer stands beside the same with other figures, or beside
            another question's answer, and as in the experiment the reference is shown.
        ballots: the user's votes; those cast blind with a preference count.
        same_model: whether the judge also answers in the experiment.
    """
    planted = _planted(questions, seed=seed)
    asked = read = repeat = swap = right = 0
    for number, (question, good, bad) in enumerate(planted):
        pair, wanted = ((good, bad), "first") if number % 2 else ((bad, good), "second")
        opinion = compare_pair(judge, question, *pair)
        again = _ask(judge, question, *pair)
        asked += 3
        if opinion.state == "unreadable" or again is None:
            continue
        read += 3
        repeat += max(abs(a - b) for a, b in zip(opinion.forward, again, strict=True)) <= _SAME
        swap += opinion.consistent
        right += opinion.pick == wanted
    votes, both = _beside_votes(judge, [ballot for ballot in ballots if ballot.blind])
    return Exam(
        judge.name,
        pairs=len(planted),
        asked=asked,
        read=read,
        repeat=repeat,
        swap=swap,
        planted=right,
        same_model=same_model,
        votes=votes,
        vote_pairs=len(both),
        agreed=sum(theirs == its for theirs, its in both),
        kappa=kappa(both),
    )


def _planted(questions: Sequence[Question], *, seed: int) -> list[tuple[Question, str, str]]:
    """Questions of the exam, each with a right answer and a wrong one."""
    pool = [question for question in questions if question.references]
    random.Random(seed).shuffle(pool)
    planted: list[tuple[Question, str, str]] = []
    for question in pool:
        changed = alter(question, questions, seed=seed)
        if changed is not None and len(planted) < EXAM:
            planted.append((question, *changed))
    return planted


def _beside_votes(judge: Judge, ballots: Sequence[Ballot]) -> tuple[int, list[tuple[Pick, Pick]]]:
    """Let a judge decide what people have decided.

    Returns:
        How many votes it could judge, and of each of their pairs what the voter picked and what it did.
    """
    votes, both = 0, list[tuple[Pick, Pick]]()
    for ballot in ballots:
        opinions = [
            (wanted, compare_pair(judge, question, *texts)) for question, texts, wanted in _voted(ballot)
        ]
        judged = [(wanted, opinion.pick) for wanted, opinion in opinions if opinion.state == "judged"]
        votes += bool(judged)
        both += judged
    return votes, both


def kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's kappa of two raters; None where chance alone would make them agree, or there is nothing.

    Source: Cohen 1960, https://doi.org/10.1177/001316446002000104
    """
    if not pairs:
        return None
    kinds = {kind for pair in pairs for kind in pair}
    n = len(pairs)
    observed = sum(one == other for one, other in pairs) / n
    chance = sum(
        sum(one == kind for one, _ in pairs) * sum(other == kind for _, other in pairs) / n**2
        for kind in kinds
    )
    return None if chance >= 1 - 1e-12 else (observed - chance) / (1 - chance)


def _voted(ballot: Ballot) -> list[tuple[Question, tuple[str, str], Pick]]:
    """The pairs that a vote has decided: the best against each other one; of a tie, all as ties."""
    question = Question("vote", ballot.question, language=detect_language(ballot.question))
    texts = {one.arm: one.answer.text for one in ballot.judged if one.answer is not None and one.answer.text}
    if ballot.best is not None and ballot.best in texts:
        best = ballot.best
        others = [text for arm, text in texts.items() if arm != best]
        # Which side the better one stands on must not always be the same.
        left = ballot.id % 2 == 0
        return [
            (question, (texts[best], text) if left else (text, texts[best]), "first" if left else "second")
            for text in others
        ]
    if ballot.verdict == "tie" and len(texts) == 2:
        one, other = texts.values()
        return [(question, (one, other), "tie")]
    return []


def _ask(judge: Judge, question: Question, first: str, second: str) -> tuple[float, ...] | None:
    """Probabilities of first, second, tie, in the order that is shown; None where the judge tells none."""
    language: Language = "zh" if question.language == "zh" else "en"
    reference = (
        _REFERENCE[language].format(text=" / ".join(question.references)) if question.references else ""
    )
    prompt = _PROMPT[language].format(
        question=question.text,
        reference=reference,
        first=first.strip() or _NOTHING[language],
        second=second.strip() or _NOTHING[language],
    )
    told = judge.chances(prompt, LETTERS)
    return None if told is None else tuple(told[letter] for letter in LETTERS)


def _picked(chances: Sequence[float]) -> Pick:
    picks: tuple[Pick, ...] = ("first", "second", "tie")
    return picks[max(range(3), key=lambda place: chances[place])]
