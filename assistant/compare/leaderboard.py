"""What the votes add up to: strengths, wins by pair, and how far each pair is from being settled."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from assistant.compare.power import needed_n
from assistant.compare.ratings import Rating, Verdict, Vote, rate
from assistant.compare.statistics import mcnemar_mid_p
from assistant.compare.votes import Ballot, ShownAnswer

LEAST_QUESTIONS = 5
"""Below this many questions neither an interval nor a forecast is told: it would be made up."""
_ALPHA = 0.05
_SHOWN = 8  # characters of a SHA-256 that people are shown


@dataclass(frozen=True, slots=True)
class Contestant:
    """What is rated: an arm with certain weights.

    Args:
        arm: its name; see `Arm.name`.
        weights: the beginning of the SHA-256 of its adapter, where votes were cast on other weights under the same
            name too; "" where the name says it all.
    """

    arm: str
    weights: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two contestants against each other, named as in `Standings.contestants`.

    Args:
        wins, losses, ties: votes for the first arm, for the second, for neither.
        questions: on which both were judged.
        settled: one is better by the exact test over questions, at 5 %.
        more: further questions that would settle it in 4 of 5 cases if the votes go on as so far; None where
            that cannot be said: too few questions, no lead, or settled.
    """

    first: str
    second: str
    wins: int
    losses: int
    ties: int
    questions: int
    settled: bool
    more: int | None


@dataclass(frozen=True, slots=True)
class Standings:
    """The leaderboard of one base model.

    Args:
        ratings: best first; of contestants.
        pairs: of contestants that met, the stronger first.
        votes, questions: that it rests on.
        contestants: by the names that ratings and pairs have for them.
        usable: by contestant, how many answers were called usable, of how many that were judged so or not.
    """

    ratings: tuple[Rating, ...]
    pairs: tuple[Pair, ...]
    votes: int
    questions: int
    contestants: dict[str, Contestant]
    usable: dict[str, tuple[int, int]]

    @property
    def intervals(self) -> bool:
        """Whether there are enough questions for the ratings' intervals to mean anything."""
        return self.questions >= LEAST_QUESTIONS


def standings(ballots: Sequence[Ballot]) -> Standings | None:
    """Add up the votes, which should be of one base model; None without any.

    A vote for the best of several arms is a win of it over each other and tells nothing of the others among
    themselves. Votes on the same question, however it is spaced or capitalised, count as one question. An adapter that
    was trained anew under its old name is another contestant.
    """
    contestants, ballots = told_apart(ballots)
    votes = [vote for ballot in ballots for vote in pairwise(ballot)]
    if not votes:
        return None
    ratings = tuple(rate(votes))
    pairs = tuple(
        pair
        for first, second in combinations([rating.arm for rating in ratings], 2)
        if (pair := _pair(first, second, votes)) is not None
    )
    said: dict[str, list[bool]] = defaultdict(list)
    for ballot in ballots:
        for column in ballot.judged:
            if column.usable is not None:
                said[column.arm].append(column.usable)
    return Standings(
        ratings=ratings,
        pairs=pairs,
        votes=len(ballots),
        questions=len({vote.question for vote in votes}),
        contestants=contestants,
        usable={arm: (sum(words), len(words)) for arm, words in said.items()},
    )


def told_apart(ballots: Sequence[Ballot]) -> tuple[dict[str, Contestant], list[Ballot]]:
    """Name what was voted on by arm and weights.

    Returns:
        The contestants by name, which is the arm's where all its votes were on the same weights; and the votes with
        these names in place of the arms'.
    """
    met = {(column.arm, _weights(column)) for ballot in ballots for column in ballot.judged}
    versions = Counter(arm for arm, _ in met)
    names: dict[tuple[str, str], str] = {}
    contestants: dict[str, Contestant] = {}
    for arm, weights in sorted(met):
        told = weights[:_SHOWN] or "?" if versions[arm] > 1 else ""
        name = names[arm, weights] = f"{arm} [{told}]" if told else arm
        contestants[name] = Contestant(arm, told)
    renamed = []
    for ballot in ballots:
        now = {column.arm: names[column.arm, _weights(column)] for column in ballot.judged}
        shown = tuple(replace(column, arm=now.get(column.arm, column.arm)) for column in ballot.shown)
        renamed.append(replace(ballot, shown=shown, best=now.get(ballot.best or "")))
    return contestants, renamed


def _weights(column: ShownAnswer) -> str:
    """The SHA-256 of the adapter behind an answer; "" where there is none or it lies elsewhere."""
    record = column.answer.record if column.answer is not None else None
    return (record.adapter_sha256 or "") if record is not None else ""


def pairwise(ballot: Ballot) -> list[Vote]:
    """A vote on several answers as votes on pairs of them."""
    question = " ".join(ballot.question.split()).casefold()
    arms = [column.arm for column in ballot.judged]
    if ballot.verdict == "best" and ballot.best is not None:
        return [Vote(question, ballot.best, arm, "first") for arm in arms if arm != ballot.best]
    verdict: Verdict = "tie" if ballot.verdict == "tie" else "both_bad"
    return [Vote(question, first, second, verdict) for first, second in combinations(arms, 2)]


def _pair(first: str, second: str, votes: Iterable[Vote]) -> Pair | None:
    wins = losses = ties = 0
    by_question: dict[str, int] = defaultdict(int)
    for vote in votes:
        if {vote.first, vote.second} != {first, second}:
            continue
        by_question[vote.question] += 0
        if vote.verdict in ("tie", "both_bad"):
            ties += 1
            continue
        won = (vote.first == first) == (vote.verdict == "first")
        wins, losses = wins + won, losses + (not won)
        by_question[vote.question] += 1 if won else -1
    if not by_question:
        return None
    # Votes on one question are not independent, so a question counts once, for whom most voted there.
    gained = sum(lead > 0 for lead in by_question.values())
    lost = sum(lead < 0 for lead in by_question.values())
    count = len(by_question)
    settled = gained != lost and mcnemar_mid_p(gained, lost) <= _ALPHA
    more = None
    if not settled and gained != lost and count >= LEAST_QUESTIONS:
        needed = needed_n((gained - lost) / count, (gained + lost) / count)
        more = needed - count if needed is not None and needed > count else None
    return Pair(first, second, wins, losses, ties, count, settled, more)
