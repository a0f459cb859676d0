"""How many questions are needed: the meter shown before and during a run."""

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np

POWER = 0.8
ALPHA = 0.05
TYPICAL_DISCORDANCE = 0.3
"""Share of questions on which two arms differ, assumed until there are answers to count."""
_MOST = 100_000
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Meter:
    """What a question set can show.

    Args:
        n: independent questions that both arms have been, or will be, scored on.
        discordance: share of them on which the arms differ, assumed or seen.
        detectable: least difference, 0..1, that 4 of 5 such runs would show; None when none would.
        wanted: the difference that matters to the user.
        needed: questions that show `wanted` in 4 of 5 runs; None where 100,000 would not.
    """

    n: int
    discordance: float
    detectable: float | None
    wanted: float
    needed: int | None

    @property
    def more(self) -> int | None:
        """Questions that are lacking; 0 when there are enough."""
        return None if self.needed is None else max(0, self.needed - self.n)


def meter(n: int, *, wanted: float = 0.1, discordance: float = TYPICAL_DISCORDANCE) -> Meter:
    """What `n` questions scored 0 or 1 can show.

    Raises:
        ValueError: `wanted` or `discordance` is not within 0..1, or `n` is negative.
    """
    if n < 0 or not 0 < wanted <= 1 or not 0 <= discordance <= 1:
        raise ValueError(f"n >= 0, 0 < wanted <= 1, 0 <= discordance <= 1, got {n}, {wanted}, {discordance}")
    # Arms that differ by `wanted` differ on at least that share of the questions.
    discordance = max(discordance, wanted)
    return Meter(n, discordance, detectable_difference(n, discordance), wanted, needed_n(wanted, discordance))


def meter_graded(n: int, *, sd: float, discordance: float, wanted: float = 0.1) -> Meter:
    """What `n` questions with graded scores can show.

    Args:
        sd: standard deviation of the per-question differences seen so far.
    """
    return Meter(n, discordance, detectable_graded(n, sd), wanted, needed_n_graded(wanted, sd))


def mcnemar_power(n: int, difference: float, discordance: float) -> float:
    """Chance that the mid-p McNemar test, at 5 %, sees a true difference.

    Exact: summed over the numbers of discordant questions and of gains among them.

    Args:
        difference: second proportion less first.
        discordance: share of questions on which the arms differ; at least the difference's size.
    """
    if discordance <= 0 or n <= 0:
        return 0.0
    if abs(difference) > discordance + 1e-12:
        raise ValueError(f"a difference of {difference} needs at least that discordance, got {discordance}")
    gain = min(1.0, (1 + difference / discordance) / 2)
    spread = math.sqrt(n * discordance * (1 - discordance))
    lowest = max(0, int(n * discordance - 7 * spread))
    highest = min(n, int(n * discordance + 7 * spread) + 1)
    total = 0.0
    for discordant in range(lowest, highest + 1):
        chance = _binomial(n, discordance)[discordant]
        critical = _critical(discordant)
        if critical < 0:
            continue
        gains = _binomial(discordant, gain)
        total += float(chance * (gains[: critical + 1].sum() + gains[discordant - critical :].sum()))
    return min(total, 1.0)


def detectable_difference(n: int, discordance: float) -> float | None:
    """Least true difference that `n` questions show in 80 % of runs, or None."""
    if mcnemar_power(n, discordance, discordance) < POWER:
        return None
    low, high = 0.0, discordance
    while high - low > 5e-4:
        middle = (low + high) / 2
        if mcnemar_power(n, middle, discordance) >= POWER:
            high = middle
        else:
            low = middle
    return high


def needed_n(difference: float, discordance: float) -> int | None:
    """Least number of questions that shows a true difference in 80 % of runs, or None above 100,000.

    Up to 400 questions by the exact power, beyond by the normal approximation.

    Source: Connor 1987, https://doi.org/10.2307/2531961, for the approximation.
    """
    difference = abs(difference)
    if difference == 0:
        return None
    z_alpha, z_power = _NORMAL.inv_cdf(1 - ALPHA / 2), _NORMAL.inv_cdf(POWER)
    root = math.sqrt(max(discordance - difference**2, 0.0))
    approximate = ((z_alpha * math.sqrt(discordance) + z_power * root) / difference) ** 2
    if approximate > _MOST:
        return None
    if approximate > 400:
        return math.ceil(approximate)
    low, high = 1, 2 * math.ceil(approximate) + 40
    while high - low > 1:
        middle = (low + high) // 2
        if mcnemar_power(middle, difference, discordance) >= POWER:
            high = middle
        else:
            low = middle
    return high


def needed_n_graded(difference: float, sd: float) -> int | None:
    """Questions to see a mean difference of graded scores in 80 % of runs, or None above 100,000.

    Args:
        sd: standard deviation of the per-question differences.
    """
    if difference == 0:
        return None
    z = _NORMAL.inv_cdf(1 - ALPHA / 2) + _NORMAL.inv_cdf(POWER)
    # Two more than the normal approximation, for the spread is estimated too.
    needed = math.ceil((z * sd / difference) ** 2) + 2
    return None if needed > _MOST else needed


def detectable_graded(n: int, sd: float) -> float:
    """Least mean difference of graded scores that `n` questions show in 80 % of runs."""
    z = _NORMAL.inv_cdf(1 - ALPHA / 2) + _NORMAL.inv_cdf(POWER)
    return z * sd / math.sqrt(max(n - 2, 1))


@lru_cache(maxsize=4096)
def _binomial(n: int, share: float) -> np.ndarray:
    """Probabilities of 0..n, (n + 1,)."""
    if share in (0.0, 1.0):
        certain = np.zeros(n + 1)
        certain[n if share else 0] = 1.0
        return certain
    k = np.arange(n + 1)
    logs = _log_factorials(n)
    return np.exp(logs[n] - logs[k] - logs[n - k] + k * math.log(share) + (n - k) * math.log1p(-share))


@lru_cache(maxsize=4096)
def _critical(discordant: int) -> int:
    """Largest smaller count for which mid-p is at most 5 %; -1 when none is."""
    chances = _binomial(discordant, 0.5)
    mid = 2 * np.cumsum(chances) - chances
    significant = np.nonzero(mid[: discordant // 2 + 1] <= ALPHA)[0]
    return int(significant[-1]) if len(significant) else -1


@lru_cache(maxsize=8)
def _log_factorials_table(size: int) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, size + 1)))])


def _log_factorials(n: int) -> np.ndarray:
    size = 1024
    while size < n:
        size *= 2
    return _log_factorials_table(size)
