"""Several arms at once: the 2 x 2 of RAG and SFT, and the gate before pairs are looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assistant.compare.adapter_seeds import Spread, means_drawn
from assistant.compare.resampling import RESAMPLES, Sample, bca, chi_square_tail, sign_flip
from assistant.compare.statistics import Interval


@dataclass(frozen=True, slots=True)
class Effect:
    """A contrast of arms with its 95 % interval and two-sided p-value; `interval90` judges equivalence."""

    value: float
    interval: Interval
    interval90: Interval
    p: float


@dataclass(frozen=True, slots=True)
class Factorial:
    """The 2 x 2: what RAG and SFT add on average, alone, and on top of each other.

    Args:
        n: questions that all four arms were scored on.
        rag, sft: main effects: the mean of what the factor adds without and with the other.
        interaction: what SFT adds with RAG less what it adds without; below 0 they get in each other's way.
        rag_alone, sft_alone: over the base. rag_on_sft, sft_on_rag: over the other factor.
    """

    n: int
    rag: Effect
    sft: Effect
    interaction: Effect
    rag_alone: Effect
    rag_on_sft: Effect
    sft_alone: Effect
    sft_on_rag: Effect


# Weights of base, rag, sft, rag+sft in each contrast.
_CONTRASTS = {
    "rag": (-0.5, 0.5, -0.5, 0.5),
    "sft": (-0.5, -0.5, 0.5, 0.5),
    "interaction": (1.0, -1.0, -1.0, 1.0),
    "rag_alone": (-1.0, 1.0, 0.0, 0.0),
    "rag_on_sft": (0.0, 0.0, -1.0, 1.0),
    "sft_alone": (-1.0, 0.0, 1.0, 0.0),
    "sft_on_rag": (0.0, -1.0, 0.0, 1.0),
}


def contrasts(base: float, rag: float, sft: float, both: float) -> dict[str, float]:
    """The contrasts of four arms' means, such as published ones; names as the fields of `Factorial`."""
    means = (base, rag, sft, both)
    return {
        name: sum(w * mean for w, mean in zip(weights, means, strict=True))
        for name, weights in _CONTRASTS.items()
    }


def factorial(
    base: Sequence[float],
    rag: Sequence[float],
    sft: Sequence[float],
    both: Sequence[float],
    *,
    clusters: Sequence[str] | None = None,
    seed: int = 0,
) -> Factorial:
    """Estimate the 2 x 2 from scores of the same questions in the same order.

    Each contrast is formed within every question and then resampled (BCa) and sign-flipped, over clusters
    where given.

    Raises:
        ValueError: the arms' scores do not match.
    """
    lengths = {len(base), len(rag), len(sft), len(both)}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"the four arms need scores of the same questions, got {sorted(lengths)}")
    scores = np.column_stack([base, rag, sft, both]).astype(float)  # (N, 4)
    effects = {}
    for name, weights in _CONTRASTS.items():
        sample = Sample.of(scores @ np.asarray(weights), clusters)
        widest = sum(abs(weight) for weight in weights) / 2
        (low, high), (low90, high90) = bca(sample, levels=(0.95, 0.90), bounds=(-widest, widest), seed=seed)
        effects[name] = Effect(
            sample.mean,
            Interval(low, high),
            Interval(low90, high90, 0.90),
            sign_flip(sample, seed=seed),
        )
    return Factorial(n=len(scores), **effects)


def factorial_over_adapters(
    base: Sequence[float],
    rag: Sequence[float],
    sft: Sequence[Sequence[float]],
    both: Sequence[Sequence[float]],
    *,
    matched: bool = False,
    clusters: Sequence[str] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Factorial:
    """Estimate the 2 x 2 with several adapters, which are drawn anew like the questions are.

    So an interval tells what another training run would give, not only what other questions would; it reaches at
    least as far as that of the adapters' means with other questions only. With two or three adapters it is still too
    short: that few cannot show how much runs differ.

    Args:
        sft, both: a row of scores per adapter, questions in the same order as `base` and `rag`.
        matched: whether the rows of `sft` and `both` are the same adapters, which are then drawn together.

    Raises:
        ValueError: scores do not match, or there is no adapter.

    Source: the bootstrap over nested units of Davison, Hinkley 1997, section 3.8.
    """
    alone, added = np.asarray(sft, dtype=float), np.asarray(both, dtype=float)  # (A, N), (B, N)
    plain = np.column_stack([base, rag]).astype(float)  # (N, 2)
    if not len(plain) or alone.ndim != 2 or {alone.shape[1], added.shape[1]} != {len(plain)}:
        raise ValueError(
            f"scores of the same questions wanted, got {plain.shape}, {alone.shape}, {added.shape}"
        )
    if matched and len(alone) != len(added):
        raise ValueError(f"matched adapters wanted, got {len(alone)} and {len(added)}")
    means = means_drawn(
        [plain[:, :1].T, plain[:, 1:].T, alone, added],
        matched=[(2, 3)] if matched else [],
        clusters=clusters,
        seed=seed,
        resamples=resamples,
    )  # (R, 4)
    single = factorial(base, rag, alone.mean(0), added.mean(0), clusters=clusters, seed=seed)
    effects = {}
    for name, weights in _CONTRASTS.items():
        of_means = getattr(single, name)
        spread = Spread.of(means @ np.asarray(weights))
        effects[name] = Effect(
            of_means.value,
            of_means.interval.reaching(spread.low, spread.high),
            of_means.interval90.reaching(spread.low90, spread.high90),
            max(of_means.p, spread.p),
        )
    return Factorial(n=len(plain), **effects)


def differ(
    scores: Sequence[Sequence[float]],
    *,
    ranked: bool,
    clusters: Sequence[str] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> float:
    """P-value of arms that do not differ: Cochran's Q, or Friedman's test of the ranks.

    Where some cluster holds several questions, the same statistic is compared with what it is when the arms of a whole
    cluster change places together; its usual distribution would take each question for a witness of its own.

    Args:
        scores: one row per question, one column per arm.
        ranked: whether the rows are ranked; else they are all 0 or 1.
    """
    if clusters is None or len(set(clusters)) == len(clusters):
        return friedman(scores) if ranked else cochran_q(scores)
    table = _ranks(np.asarray(scores, dtype=float)) if ranked else np.asarray(scores, dtype=float)
    labels = np.unique(np.asarray(clusters), return_inverse=True)[1]
    sums = np.stack([np.bincount(labels, weights=column) for column in table.T], axis=1)  # (C, arms)
    sums -= sums.mean(1, keepdims=True)
    # The spread within questions is the same in every order, so the squares of the totals decide.
    observed = float((sums.sum(0) ** 2).sum()) - 1e-9
    rng = np.random.default_rng(seed)
    extreme, rows = 0, max(1, 2_000_000 // sums.size)
    for start in range(0, resamples, rows):
        orders = rng.random((min(rows, resamples - start), *sums.shape)).argsort(-1)
        totals = np.take_along_axis(np.broadcast_to(sums, orders.shape), orders, -1).sum(1)
        extreme += int(((totals**2).sum(-1) >= observed).sum())
    return (extreme + 1) / (resamples + 1)


def cochran_q(scores: Sequence[Sequence[float]]) -> float:
    """P-value of equal proportions of all arms.

    Args:
        scores: one row of 0 and 1 per question, one column per arm.

    Source: Cochran 1950; statsmodels' `cochrans_q`.
    """
    table = np.asarray(scores, dtype=float)
    arms = table.shape[1]
    columns, rows = table.sum(0), table.sum(1)
    spread = float((rows * (arms - rows)).sum())
    if spread == 0:
        return 1.0
    value = arms * (arms - 1) * float(((columns - columns.mean()) ** 2).sum()) / spread
    return chi_square_tail(value, arms - 1)


def friedman(scores: Sequence[Sequence[float]]) -> float:
    """P-value of equal score distributions of all arms, by ranks within each question, ties shared.

    Args:
        scores: one row per question, one column per arm.

    Source: Friedman 1937, with the correction for ties of Conover 1999; scipy's `friedmanchisquare`.
    """
    table = np.asarray(scores, dtype=float)
    count, arms = table.shape
    ranks = _ranks(table)
    mean = (arms + 1) / 2
    spread = float(((ranks - mean) ** 2).sum())
    if spread == 0:
        return 1.0
    sums = ranks.sum(0) - count * mean
    return chi_square_tail((arms - 1) * float((sums**2).sum()) / spread, arms - 1)


def _ranks(table: np.ndarray) -> np.ndarray:
    """Ranks within each row, from 1, ties shared, (N, arms)."""
    below = (table[:, :, None] > table[:, None, :]).sum(2)
    equal = (table[:, :, None] == table[:, None, :]).sum(2)
    return np.asarray(below + (equal + 1) / 2)
