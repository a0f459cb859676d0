"""Paired comparisons of two arms on the same questions. There is no unpaired test here, on purpose.

Counts and arrays in, intervals and p-values out; knows nothing of questions, arms or files. Resampling is in
`resampling`, several arms at once in `factorial`, planning in `power`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Literal

import numpy as np

from assistant.compare.resampling import Sample, bca, sign_flip

_NORMAL = NormalDist()
_SPARSE = 10


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, at confidence `level`."""

    low: float
    high: float
    level: float = 0.95

    def excludes(self, value: float) -> bool:
        """Whether `value` lies outside; an end that touches it does not exclude it."""
        return value < self.low or value > self.high

    def within(self, margin: float) -> bool:
        """Whether all of it lies strictly between minus and plus `margin`."""
        return -margin < self.low and self.high < margin

    def reaching(self, low: float, high: float) -> "Interval":
        """The interval, as far as to these ends at least."""
        return Interval(min(self.low, low), max(self.high, high), self.level)


@dataclass(frozen=True, slots=True)
class Paired:
    """Arm `second` less arm `first` on the questions that both were scored on.

    Args:
        n: such questions.
        n_effective: of independent questions that would say as much, given that some share a document.
        mean_first, mean_second: over these questions only.
        interval: of the difference, 95 %; `interval90` is the one that equivalence is judged by.
        p: two-sided.
        gains, losses: questions where `second` is better, or worse.
        sd: of the per-question differences.
        method: "mcnemar" (mid-p with Newcombe's interval), "bootstrap" (BCa with sign flips), or
            "cluster" (both over documents).
    """

    n: int
    n_effective: float
    mean_first: float
    mean_second: float
    difference: float
    interval: Interval
    interval90: Interval
    p: float
    gains: int
    losses: int
    sd: float
    method: Literal["mcnemar", "bootstrap", "cluster"]


def compare_paired(
    first: Sequence[float],
    second: Sequence[float],
    *,
    clusters: Sequence[str] | None = None,
    bounds: tuple[float, float] | None = (-1.0, 1.0),
    seed: int = 0,
) -> Paired:
    """Compare two arms' scores of the same questions, in the same order.

    Scores that are all 0 or 1 go the way of paired proportions, others are resampled; where clusters are
    given and some hold several questions, whole clusters are resampled and flipped in either case.

    Args:
        bounds: of a difference; None where there are none, as for seconds.

    Raises:
        ValueError: lengths differ, or there is no question.
    """
    if len(first) != len(second) or (clusters is not None and len(clusters) != len(first)) or not len(first):
        raise ValueError(f"paired scores must match and not be empty, got {len(first)} and {len(second)}")
    x, y = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    differences = y - x
    sample = Sample.of(differences, clusters)
    gains, losses = int((differences > 1e-12).sum()), int((differences < -1e-12).sum())
    method: Literal["mcnemar", "bootstrap", "cluster"] = "bootstrap"
    if sample.clustered:
        method = "cluster"
    elif bounds == (-1.0, 1.0) and np.isin(x, (0.0, 1.0)).all() and np.isin(y, (0.0, 1.0)).all():
        method = "mcnemar"
    if method == "mcnemar":
        both = int((x * y).sum())
        table = (both, losses, gains, len(x) - both - gains - losses)
        interval, interval90 = newcombe_paired(*table), bonett_price(gains, losses, len(x), level=0.90)
        p = mcnemar_mid_p(gains, losses)
    else:
        (low, high), (low90, high90) = bca(sample, levels=(0.95, 0.90), bounds=bounds, seed=seed)
        interval, interval90 = Interval(low, high), Interval(low90, high90, 0.90)
        p = sign_flip(sample, seed=seed)
    moved = sample.sums / sample.sizes
    if bounds is not None and (method == "mcnemar" or (np.abs(moved) > 1e-12).sum() < _SPARSE):
        interval90 = _widened(interval90, math.ceil(float(moved.sum()) - 1e-9), len(moved))
    return Paired(
        n=len(x),
        n_effective=effective_n(differences, clusters),
        mean_first=float(x.mean()),
        mean_second=float(y.mean()),
        difference=float(differences.mean()),
        interval=interval,
        interval90=interval90,
        p=p,
        gains=gains,
        losses=losses,
        sd=float(differences.std(ddof=1)) if len(x) > 1 else 0.0,
        method=method,
    )


def mean_interval(
    values: Sequence[float],
    *,
    clusters: Sequence[str] | None = None,
    bounds: tuple[float, float] | None = (0.0, 1.0),
    seed: int = 0,
) -> Interval:
    """95 % interval of one arm's mean: Wilson's where all scores are 0 or 1, else BCa.

    Args:
        bounds: of the values; None where there are none, as for seconds.

    Raises:
        ValueError: there is no score.
    """
    if not len(values):
        raise ValueError("a mean needs at least one score")
    array = np.asarray(values, dtype=float)
    sample = Sample.of(array, clusters)
    if bounds == (0.0, 1.0) and not sample.clustered and np.isin(array, (0.0, 1.0)).all():
        return wilson(int(array.sum()), len(array))
    ((low, high),) = bca(sample, levels=(0.95,), bounds=bounds, seed=seed)
    return Interval(low, high)


def wilson(successes: int, n: int, *, level: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion.

    Source: Wilson 1927; statsmodels' `proportion_confint(method="wilson")`.
    """
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"successes must lie in 0..n with n > 0, got {successes} of {n}")
    z2 = _z(level) ** 2
    share = successes / n
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (share * (1 - share) + z2 / (4 * n)) / n) / (1 + z2 / n)
    low = 0.0 if successes == 0 else middle - half
    high = 1.0 if successes == n else middle + half
    return Interval(low, high, level)


def mcnemar_mid_p(gains: int, losses: int) -> float:
    """Two-sided mid-p of McNemar's exact test; 1 where gains equal losses.

    Source: Fagerland, Lydersen, Laake 2013, https://doi.org/10.1186/1471-2288-13-91
    """
    n, fewer = gains + losses, min(gains, losses)
    tail = sum(math.comb(n, k) for k in range(fewer + 1))
    return (2 * tail - math.comb(n, fewer)) / 2**n


def newcombe_paired(
    both: int, only_first: int, only_second: int, neither: int, *, level: float = 0.95
) -> Interval:
    """Interval of the second proportion less the first on the same questions.

    Wilson's intervals of both arms, squared and added, with their correlation; phi is corrected for
    continuity where positive.

    Source: Newcombe 1998, method 10, https://doi.org/10.1002/(SICI)1097-0258(19981130)17:22<2635::AID-SIM954>3.0.CO;2-C
    """
    n = both + only_first + only_second + neither
    one, two = both + only_first, both + only_second
    first, second = wilson(one, n, level=level), wilson(two, n, level=level)
    p_one, p_two = one / n, two / n
    product = one * (n - one) * two * (n - two)
    phi = 0.0
    if product:
        determinant = float(both * neither - only_first * only_second)
        if determinant > 0:
            determinant = max(determinant - n / 2, 0.0)
        phi = determinant / math.sqrt(product)
    difference = p_two - p_one
    down = (p_two - second.low, first.high - p_one)
    up = (second.high - p_two, p_one - first.low)
    # Rounding may take a square a hair below 0.
    below = math.sqrt(max(down[0] ** 2 - 2 * phi * down[0] * down[1] + down[1] ** 2, 0.0))
    above = math.sqrt(max(up[0] ** 2 - 2 * phi * up[0] * up[1] + up[1] ** 2, 0.0))
    return Interval(max(difference - below, -1.0), min(difference + above, 1.0), level)


def bonett_price(gains: int, losses: int, n: int, *, level: float = 0.95) -> Interval:
    """Interval of the second proportion less the first, by adding one gain and one loss.

    Source: Bonett, Price 2012, https://doi.org/10.3102/1076998611411915
    """
    gain, loss = (gains + 1) / (n + 2), (losses + 1) / (n + 2)
    difference = gain - loss
    half = _z(level) * math.sqrt((gain + loss - difference**2) / (n + 2))
    return Interval(max(difference - half, -1.0), min(difference + half, 1.0), level)


def _widened(interval: Interval, net: int, n: int) -> Interval:
    """The interval, reaching at least as far as a binomial with this net gain and no loss would.

    Where few questions differ, approximate intervals are too short on the far side: with Newcombe's, two arms
    that differ by the margin of 5 points on 5 % of 100 questions would be called equivalent in 12 % of runs
    instead of 5 %; with this, in at most 5 %.
    """
    tail = (1 - interval.level) / 2
    high = binomial_upper(net, n, tail=tail) if net >= 0 else -1.0
    low = -binomial_upper(-net, n, tail=tail) if net <= 0 else 1.0
    return Interval(min(interval.low, low), max(interval.high, high), interval.level)


@lru_cache(maxsize=1024)
def binomial_upper(successes: int, n: int, *, tail: float) -> float:
    """The share above which so few successes of `n` have a chance below `tail`.

    Source: Clopper, Pearson 1934.
    """
    if successes >= n:
        return 1.0
    low, high = successes / n, 1.0
    for _step in range(50):
        middle = (low + high) / 2
        chance = math.fsum(
            math.comb(n, k) * middle**k * (1 - middle) ** (n - k) for k in range(successes + 1)
        )
        low, high = (middle, high) if chance > tail else (low, middle)
    return high


def equivalent(result: Paired, *, margin: float) -> bool:
    """Two one-sided tests at 5 %: the 90 % interval lies inside plus and minus `margin`.

    The margin must have been set before the run.

    Source: Schuirmann 1987, https://doi.org/10.1007/BF01068419
    """
    if margin <= 0:
        raise ValueError(f"the margin must be above 0, got {margin}")
    return result.interval90.within(margin)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given: each at or below alpha is significant at family level alpha.

    Source: Holm 1979.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted


def effective_n(values: "np.ndarray", clusters: Sequence[str] | None) -> float:
    """Questions, less what is lost because those of one document resemble each other.

    n over 1 + (m - 1) ICC, with the analysis-of-variance estimate of the intra-class correlation and the
    size-weighted mean cluster size m; never more than n.

    Source: Kish 1965; Donner, Koval 1980.
    """
    n = len(values)
    if clusters is None:
        return float(n)
    labels, where = np.unique(np.asarray(clusters), return_inverse=True)
    k = len(labels)
    if k in (1, n):
        return 1.0 if k == 1 and n > 1 else float(n)
    sizes = np.bincount(where).astype(float)
    means = np.bincount(where, weights=values) / sizes
    between = float((sizes * (means - values.mean()) ** 2).sum()) / (k - 1)
    within = float(((values - means[where]) ** 2).sum()) / (n - k)
    typical = (n - (sizes**2).sum() / n) / (k - 1)
    if between + (typical - 1) * within == 0:
        return float(n)
    icc = max(0.0, (between - within) / (between + (typical - 1) * within))
    return float(min(n, n / (1 + ((sizes**2).sum() / n - 1) * icc)))


@lru_cache(maxsize=16)
def _z(level: float) -> float:
    return _NORMAL.inv_cdf(0.5 + level / 2)
