"""What the votes add up to: strengths, wins by pair, and how far each pair is from being settled."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from assistant.compare.power import needed_n
from assistant.compare.ratings import Rating, Verdict, Vote, rate
from assistant.compare.statistics import mcnemar_mid_p
from assistant.compare.votes import Ballot

LEAST_QUESTIONS = 5
"""Below this many questions neither an interval nor a forecast is told: it would be made up."""
_ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Pair:
    """Two arms against each other.

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
        ratings: best first.
        pairs: of arms that met, the stronger first.
        votes, questions: that it rests on.
        usable: by arm, how many answers were called usable, of how many that were judged so or not.
    """

    ratings: tuple[Rating, ...]
    pairs: tuple[Pair, ...]
    votes: int
    questions: int
    usable: dict[str, tuple[int, int]]

    @property
    def intervals(self) -> bool:
        """Whether there are enough questions for the ratings' intervals to mean anything."""
        return self.questions >= LEAST_QUESTIONS


def standings(ballots: Sequence[Ballot]) -> Standings | None:
    """Add up the votes, which should be of one base model; None without any.

    A vote for the best of several arms is a win of it over each other and tells nothing of the others among
    themselves. Votes on the same question, however it is spaced or capitalised, count as one question.
    """
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
        usable={arm: (sum(words), len(words)) for arm, words in said.items()},
    )


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
