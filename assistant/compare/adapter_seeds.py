"""Several adapters of one arm, such as training runs with other seeds: drawn anew like the questions are.

An answer to "is this better?" must not rest on one lucky training run. The score of an arm on a question is the mean
over its adapters; intervals count that other adapters, too, could have come out of the training.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from assistant.compare.resampling import RESAMPLES
from assistant.compare.statistics import Paired, compare_paired


@dataclass(frozen=True, slots=True)
class Spread:
    """Ends of the 95 % and the 90 % interval of resampled values, and the two-sided p-value of 0."""

    low: float
    high: float
    low90: float
    high90: float
    p: float

    @classmethod
    def of(cls, values: np.ndarray) -> "Spread":
        """By the percentiles of `values` (R,)."""
        low, high, low90, high90 = map(float, np.quantile(values, (0.025, 0.975, 0.05, 0.95)))
        tail = min(float((values <= 0).mean()), float((values >= 0).mean()))
        return cls(low, high, low90, high90, min(1.0, 2 * max(tail, 1 / len(values))))


def means_drawn(
    arms: Sequence[np.ndarray],
    *,
    matched: Sequence[tuple[int, int]] = (),
    clusters: Sequence[str] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> np.ndarray:
    """Means of arms over questions and adapters that are both drawn with replacement, (resamples, arms).

    Args:
        arms: a row of scores per adapter, questions in the same order, (A, N) each; one row where there is none to draw.
        matched: pairs of arms with the same adapters in the same order, which are drawn together.
        clusters: one name per question; whole clusters are drawn.

    Source: the bootstrap over nested units of Davison, Hinkley 1997, section 3.8.
    """
    count = arms[0].shape[1]
    labels = np.arange(count) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    groups = int(labels.max()) + 1
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(groups, np.full(groups, 1 / groups), size=resamples)  # (R, C) times each is drawn
    sizes = (drawn @ np.bincount(labels, minlength=groups))[:, None]
    picks = [rng.integers(0, len(rows), (resamples, len(rows))) for rows in arms]
    for one, other in matched:
        picks[other] = picks[one]
    means = []
    for rows, picked in zip(arms, picks, strict=True):
        sums = np.stack([np.bincount(labels, weights=row, minlength=groups) for row in rows])  # (A, C)
        means.append(np.take_along_axis(drawn @ sums.T / sizes, picked, 1).mean(1))
    return np.column_stack(means)


def compare_groups(
    first: Sequence[Sequence[float]],
    second: Sequence[Sequence[float]],
    *,
    matched: bool = False,
    clusters: Sequence[str] | None = None,
    bounds: tuple[float, float] | None = (-1.0, 1.0),
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Paired:
    """Compare two arms of several adapters each by their means over the adapters, question by question.

    The interval reaches as far as other questions (the paired bootstrap of the means) and other questions and
    adapters together would move it, whichever is further; p is the larger of both. With two or three adapters it is
    still too short for what another training run would give: that few cannot show how much runs differ.

    Args:
        first, second: a row of scores per adapter, questions in the same order; one row where there is one adapter, or
            none.
        matched: whether the rows of both are the same adapters, which are then drawn together.

    Raises:
        ValueError: scores do not match, or there are none.
    """
    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if one.ndim != 2 or other.ndim != 2 or one.shape[1:] != other.shape[1:] or not one.size:
        raise ValueError(f"scores of the same questions wanted, got {one.shape} and {other.shape}")
    if matched and len(one) != len(other):
        raise ValueError(f"matched adapters wanted, got {len(one)} and {len(other)}")
    told = compare_paired(
        one.mean(0).tolist(), other.mean(0).tolist(), clusters=clusters, bounds=bounds, seed=seed
    )
    if len(one) == len(other) == 1:
        return told
    means = means_drawn(
        [one, other], matched=[(0, 1)] if matched else [], clusters=clusters, seed=seed, resamples=resamples
    )
    spread = Spread.of(means[:, 1] - means[:, 0])
    return replace(
        told,
        interval=told.interval.reaching(spread.low, spread.high),
        interval90=told.interval90.reaching(spread.low90, spread.high90),
        p=max(told.p, spread.p),
    )
