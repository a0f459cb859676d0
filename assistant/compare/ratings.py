"""Bradley-Terry strengths from pairwise votes, with ties, kept finite by a ridge."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from assistant.compare.statistics import Interval

Verdict = Literal["first", "second", "tie", "both_bad"]
_RIDGE = 0.1


@dataclass(frozen=True, slots=True)
class Vote:
    """One blind vote between two arms on one question."""

    question: str
    first: str
    second: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Rating:
    """An arm's strength.

    Args:
        strength: natural logarithm, 0 is the mean of all arms; a lead of 0.69 wins twice as often.
        interval: 95 %, by resampling questions.
        votes: that it took part in.
        both_bad: of these, how many called both answers unusable.
    """

    arm: str
    strength: float
    interval: Interval
    votes: int
    both_bad: int


def rate(votes: Sequence[Vote], *, resamples: int = 1000, seed: int = 0) -> list[Rating]:
    """Strengths of all arms, best first.

    "Both bad" tells no preference, so it counts as a tie here and is counted apart. Questions are resampled,
    not votes: several votes on one question are not independent, and intervals over votes are too narrow.

    Raises:
        ValueError: there is no vote, or one of an arm against itself.

    Source: Davidson 1970 for ties, https://doi.org/10.1080/01621459.1970.10481082; a ridge so that an arm
    that won every vote has a finite strength.
    """
    if not votes or any(vote.first == vote.second for vote in votes):
        raise ValueError("ratings need votes between two different arms")
    arms = sorted({arm for vote in votes for arm in (vote.first, vote.second)})
    questions = sorted({vote.question for vote in votes})
    index = {arm: i for i, arm in enumerate(arms)}
    row = {question: i for i, question in enumerate(questions)}
    wins = np.zeros((len(questions), len(arms), len(arms)))
    ties = np.zeros_like(wins)
    for vote in votes:
        q, i, j = row[vote.question], index[vote.first], index[vote.second]
        if vote.verdict in ("tie", "both_bad"):
            ties[q, i, j] += 1
            ties[q, j, i] += 1
        else:
            wins[(q, i, j) if vote.verdict == "first" else (q, j, i)] += 1
    strengths = davidson(wins.sum(0)[None], ties.sum(0)[None])[0]
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(questions), (resamples, len(questions)))
    weights = np.stack([np.bincount(line, minlength=len(questions)) for line in drawn]).astype(float)
    resampled = davidson(np.tensordot(weights, wins, 1), np.tensordot(weights, ties, 1))  # (B, arms)
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    ratings = []
    for arm, i in index.items():
        mine = [vote for vote in votes if arm in (vote.first, vote.second)]
        bad = sum(vote.verdict == "both_bad" for vote in mine)
        interval = Interval(float(low[i]), float(high[i]))
        ratings.append(Rating(arm, float(strengths[i]), interval, len(mine), bad))
    return sorted(ratings, key=lambda rating: (-rating.strength, rating.arm))


def davidson(wins: np.ndarray, ties: np.ndarray, *, ridge: float = _RIDGE) -> np.ndarray:
    """Strengths that make the votes likeliest, for many tables at once.

    Args:
        wins: (B, A, A), how often the row's arm beat the column's.
        ties: (B, A, A), symmetric.
        ridge: weight of the squared strengths; equal to a normal prior of variance 1 / ridge.

    Returns:
        (B, A), each row's mean 0.
    """
    batch, arms, _ = wins.shape
    pairs = [(i, j) for i in range(arms) for j in range(i + 1, arms)]
    left, right = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
    won, lost, tied = wins[:, left, right], wins[:, right, left], ties[:, left, right]  # (B, P)
    played = won + lost + tied
    parameters = np.zeros((batch, arms + 1))  # the last is the tie's log weight
    design = np.zeros((len(pairs), arms))
    design[np.arange(len(pairs)), left], design[np.arange(len(pairs)), right] = 1.0, -1.0
    penalty = np.full(arms + 1, ridge)
    for _step in range(50):
        gap = parameters[:, :arms] @ design.T  # (B, P)
        weight = np.exp(np.stack([gap / 2, -gap / 2, np.broadcast_to(parameters[:, arms:], gap.shape)]))
        first, second, tie = weight / weight.sum(0)
        slope = (won - lost) / 2 - played * (first - second) / 2
        gradient = np.concatenate([slope @ design, (tied - played * tie).sum(1)[:, None]], axis=1)
        gradient -= penalty * parameters
        # Fisher information of (gap, tie weight) per pair, carried over to the parameters
        gg = played * ((first + second) - (first - second) ** 2) / 4
        gt = -played * tie * (first - second) / 2
        tt = (played * tie * (1 - tie)).sum(1)
        information = np.zeros((batch, arms + 1, arms + 1))
        information[:, :arms, :arms] = np.einsum("bp,pi,pj->bij", gg, design, design)
        information[:, :arms, arms] = information[:, arms, :arms] = gt @ design
        information[:, arms, arms] = tt
        information += np.diag(penalty)
        step = np.linalg.solve(information, gradient[:, :, None])[:, :, 0]
        parameters += np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-9:
            break
    strengths = parameters[:, :arms]
    return strengths - strengths.mean(1, keepdims=True)
