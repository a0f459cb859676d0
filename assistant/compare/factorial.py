"""Several arms at once: the 2 x 2 of RAG and SFT, and the gate before pairs are looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assistant.compare.resampling import Sample, bca, chi_square_tail, sign_flip
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
    below = (table[:, :, None] > table[:, None, :]).sum(2)
    equal = (table[:, :, None] == table[:, None, :]).sum(2)
    ranks = below + (equal + 1) / 2  # (N, arms)
    mean = (arms + 1) / 2
    spread = float(((ranks - mean) ** 2).sum())
    if spread == 0:
        return 1.0
    sums = ranks.sum(0) - count * mean
    return chi_square_tail((arms - 1) * float((sums**2).sum()) / spread, arms - 1)
