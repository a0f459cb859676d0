import math

import numpy as np
import pytest

from assistant.compare import factorial as designs
from assistant.compare import power, ratings
from assistant.compare.resampling import Sample, bca, bootstrap_means, chi_square_tail, sign_flip
from assistant.compare.statistics import (
    binomial_upper,
    bonett_price,
    compare_paired,
    effective_n,
    equivalent,
    holm,
    mcnemar_mid_p,
    mean_interval,
    newcombe_paired,
    wilson,
)

# Ovadia et al. 2024 (arXiv 2312.05934), table 2: base, RAG, FT, FT+RAG, and the interaction it implies.
OVADIA = [
    (0.481, 0.875, 0.504, 0.810, -0.088),
    (0.353, 0.585, 0.219, 0.326, -0.125),
    (0.456, 0.876, 0.511, 0.820, -0.111),
    (0.481, 0.875, 0.588, 0.830, -0.152),
    (0.353, 0.585, 0.392, 0.520, -0.104),
    (0.456, 0.876, 0.566, 0.826, -0.160),
]


def test_bentur_2009_as_published_by_fagerland() -> None:
    """Airway hyper-responsiveness before and after transplantation: 1, 1, 7, 12 of 21 children.

    Fagerland, Lydersen, Laake 2014, https://doi.org/10.1002/sim.6148: mid-p 0.039; Newcombe -0.507 to -0.026.
    """
    assert mcnemar_mid_p(7, 1) == pytest.approx(0.0391, abs=5e-5)
    interval = newcombe_paired(1, 1, 7, 12)
    assert (interval.low, interval.high) == (pytest.approx(0.026, abs=5e-4), pytest.approx(0.507, abs=5e-4))
    turned = newcombe_paired(1, 7, 1, 12)
    assert (turned.low, turned.high) == (pytest.approx(-interval.high), pytest.approx(-interval.low))


def test_mid_p_equals_scipys_exact_test_less_half_the_observed_table() -> None:
    binomtest = pytest.importorskip("scipy.stats").binomtest
    for gains, losses in [(0, 1), (3, 9), (9, 3), (20, 31), (0, 0), (5, 5), (400, 460)]:
        if gains + losses == 0 or gains == losses:
            assert mcnemar_mid_p(gains, losses) == pytest.approx(1.0)
            continue
        exact = binomtest(gains, gains + losses).pvalue
        observed = math.comb(gains + losses, gains) / 2 ** (gains + losses)
        assert mcnemar_mid_p(gains, losses) == pytest.approx(exact - observed)


def test_wilson_holm_cochran_friedman_equal_statsmodels_and_scipy() -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    multipletests = pytest.importorskip("statsmodels.stats.multitest").multipletests
    contingency = pytest.importorskip("statsmodels.stats.contingency_tables")
    stats = pytest.importorskip("scipy.stats")
    for successes, n in [(0, 9), (9, 9), (3, 17), (96, 120)]:
        ours = wilson(successes, n)
        assert (ours.low, ours.high) == pytest.approx(
            proportion.proportion_confint(successes, n, method="wilson"), abs=1e-12
        )
    rng = np.random.default_rng(3)
    p_values = list(rng.random(6) * 0.1)
    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))
    binary = (rng.random((60, 4)) < [0.3, 0.5, 0.4, 0.6]).astype(float)
    assert designs.cochran_q(binary) == pytest.approx(contingency.cochrans_q(binary).pvalue)
    graded = np.round(rng.random((40, 4)) + np.array([0, 0.1, 0.2, 0.3]), 1)  # rounding makes ties
    assert designs.friedman(graded) == pytest.approx(stats.friedmanchisquare(*graded.T).pvalue)
    for value in (0.0, 0.3, 2.0, 11.0, 40.0):
        for freedom in range(1, 8):
            assert chi_square_tail(value, freedom) == pytest.approx(stats.chi2.sf(value, freedom))
    assert designs.cochran_q([[1.0, 1.0], [0.0, 0.0]]) == 1.0
    assert designs.friedman([[1.0, 1.0], [0.5, 0.5]]) == 1.0


def test_bca_equals_scipys_up_to_the_draw() -> None:
    stats = pytest.importorskip("scipy.stats")
    skewed = np.random.default_rng(4).exponential(0.2, 60) - 0.1
    (ours,) = bca(Sample.of(skewed), levels=(0.95,))
    theirs = stats.bootstrap(
        (skewed,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(1), batch=1000
    ).confidence_interval
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.004)
    assert bca(Sample.of(skewed), levels=(0.95,)) == [ours]  # the same seed draws the same


def test_sign_flip_equals_scipys() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(6)
    few = rng.normal(0.3, 1, 10)
    exact = stats.permutation_test(
        (few,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True
    ).pvalue
    assert sign_flip(Sample.of(few)) == pytest.approx(exact)
    many = rng.normal(0.15, 1, 80)
    sampled = stats.ttest_1samp(many, 0).pvalue
    assert sign_flip(Sample.of(many)) == pytest.approx(sampled, abs=0.02)
    assert sign_flip(Sample.of(np.zeros(5))) == 1.0


def test_clusters_are_drawn_whole_and_widen_the_interval() -> None:
    rng = np.random.default_rng(8)
    documents = np.repeat(np.arange(30), 6)
    values = rng.normal(0, 0.3, 30)[documents] + rng.normal(0, 0.1, 180)
    names = [f"d{i}" for i in documents]
    (alone,) = bca(Sample.of(values), levels=(0.95,))
    (whole,) = bca(Sample.of(values, names), levels=(0.95,))
    assert whole[1] - whole[0] > 1.8 * (alone[1] - alone[0])
    # ICC is 0.9, so that six questions of a document say little more than one
    assert 30 <= effective_n(values, names) <= 40
    assert effective_n(rng.normal(size=180), names) > 120
    assert effective_n(values, None) == 180
    assert np.std(bootstrap_means(Sample.of(values, names))) == pytest.approx(0.3 / math.sqrt(30), rel=0.25)


def test_compare_paired_names_its_method_and_counts_flips() -> None:
    first, second = [0.0] * 6 + [1.0] * 4, [1.0] * 5 + [0.0] * 2 + [1.0] * 3
    result = compare_paired(first, second)
    assert (result.method, result.gains, result.losses, result.n) == ("mcnemar", 5, 1, 10)
    assert result.difference == pytest.approx(0.4)
    assert result.p == mcnemar_mid_p(5, 1)
    assert compare_paired([0.1, 0.5], [0.2, 0.5]).method == "bootstrap"
    clustered = compare_paired(first, second, clusters=["a"] * 5 + ["b"] * 5)
    assert clustered.method == "cluster"
    with pytest.raises(ValueError, match="must match"):
        compare_paired([1.0], [1.0, 0.0])
    with pytest.raises(ValueError, match="must match"):
        compare_paired([], [])


def test_no_change_at_all_still_has_an_interval() -> None:
    """20 equal pairs do not prove that arms are equal; the interval must not be the point 0."""
    binary = compare_paired([1.0] * 20, [1.0] * 20)
    graded = compare_paired([0.5] * 20, [0.5] * 20)
    for result in (binary, graded):
        assert result.interval.low < -0.1
        assert result.interval.high > 0.1
        assert result.p == 1.0
    assert not equivalent(graded, margin=0.05)
    assert equivalent(compare_paired([0.5] * 200, [0.5] * 200), margin=0.05)
    assert mean_interval([1.0] * 5).low < 0.6
    assert mean_interval([2.0, 2.0], bounds=None).high == 2.0  # seconds have no bounds


def test_equivalence_agrees_with_statsmodels_paired_tost() -> None:
    ttost = pytest.importorskip("statsmodels.stats.weightstats").ttost_paired
    rng = np.random.default_rng(9)
    told = set()
    for _ in range(40):
        first = rng.random(150)
        second = first + rng.normal(rng.choice([0.0, 0.03, 0.06]), rng.choice([0.1, 0.3]), 150)
        p = ttost(second, first, -0.05, 0.05)[0]
        if not 0.03 < p < 0.08:  # the bootstrap may fall on the other side of a near miss
            ours = equivalent(compare_paired(list(first), list(second), bounds=None), margin=0.05)
            assert ours == (p < 0.05)
            told.add(ours)
    assert told == {True, False}


def _chance_of_equivalent(n: int, discordance: float, difference: float) -> float:
    """Exact chance that arms which differ so are called equivalent within 5 points, summed over all tables."""
    gain, loss = (discordance + difference) / 2, (discordance - difference) / 2
    total = 0.0
    for gains in range(n + 1):
        for losses in range(n + 1 - gains if loss > 1e-12 else 1):
            rest = n - gains - losses
            log = (
                math.lgamma(n + 1) - math.lgamma(gains + 1) - math.lgamma(losses + 1) - math.lgamma(rest + 1)
            )
            log += gains * math.log(gain) + (losses * math.log(loss) if losses else 0.0)
            log += rest * math.log(1 - discordance)
            if log > -16:
                first = [0.0] * gains + [1.0] * (losses + rest)
                second = [1.0] * gains + [0.0] * losses + [1.0] * rest
                total += math.exp(log) * equivalent(compare_paired(first, second), margin=0.05)
    return total


@pytest.mark.parametrize(("n", "discordance"), [(50, 0.05), (60, 0.07), (100, 0.05), (200, 0.05)])
def test_arms_that_differ_by_the_margin_are_rarely_called_equivalent(n: int, discordance: float) -> None:
    assert _chance_of_equivalent(n, discordance, 0.05) <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("n", "discordance"), [(100, 0.07), (100, 0.1), (200, 0.07), (200, 0.1), (200, 0.2)])
def test_size_of_equivalence(n: int, discordance: float) -> None:
    assert _chance_of_equivalent(n, discordance, 0.05) <= 0.06


def test_equivalence_can_be_shown() -> None:
    assert _chance_of_equivalent(200, 0.02, 0.0) > 0.9
    many = np.zeros(100)
    many[0] = 1.0  # one question of 100 differs, graded
    assert compare_paired(np.full(100, 0.2), 0.2 + 0.8 * many).interval90.high > 0.04


def test_bonett_price_by_hand_and_clopper_pearson_by_statsmodels() -> None:
    """By hand for Bentur's table: 2/23 - 8/23 = -0.26087, half width 1.95996 x sqrt((10/23 - 0.06805) / 23)."""
    interval = bonett_price(1, 7, 21)
    assert (interval.low, interval.high) == (
        pytest.approx(-0.50836, abs=1e-4),
        pytest.approx(-0.01338, abs=1e-4),
    )
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    for successes, n in [(0, 59), (1, 20), (7, 60)]:
        expected = proportion.proportion_confint(successes, n, alpha=0.1, method="beta")[1]
        assert binomial_upper(successes, n, tail=0.05) == pytest.approx(expected)


@pytest.mark.parametrize(("base", "rag", "sft", "both", "interaction"), OVADIA)
def test_ovadias_interaction(base: float, rag: float, sft: float, both: float, interaction: float) -> None:
    told = designs.contrasts(base, rag, sft, both)
    assert told["interaction"] == pytest.approx(interaction, abs=5e-4)
    assert told["rag_alone"] == pytest.approx(rag - base)
    assert told["sft_on_rag"] == pytest.approx(both - rag)


def test_ovadias_interaction_from_single_questions() -> None:
    """910 questions with Mistral's four accuracies: the estimate is the table's, and lies in its interval."""
    rng = np.random.default_rng(10)
    columns = [rng.permutation(np.arange(910) < round(910 * share)).astype(float) for share in OVADIA[0][:4]]
    result = designs.factorial(*columns)
    assert result.interaction.value == pytest.approx(-0.088, abs=2e-3)
    assert result.interaction.interval.low < -0.088 < result.interaction.interval.high < 0
    assert result.interaction.p < 0.05
    assert result.rag.value == pytest.approx((0.875 - 0.481 + 0.810 - 0.504) / 2, abs=2e-3)
    with pytest.raises(ValueError, match="same questions"):
        designs.factorial([1], [1], [1], [1, 0])


# Reference table: least difference in points that 80 % of runs show, at 10, 20, 30, 40 % discordance.
POWER_TABLE = {
    50: (None, 16, 21, 24),
    100: (8, 12, 15, 17),
    200: (6, 9, 11, 12),
    300: (5, 7, 9, 10),
    500: (4, 6, 7, 8),
}


@pytest.mark.parametrize("n", POWER_TABLE)
def test_power_table_of_the_reference(n: int) -> None:
    for discordance, points in zip((0.1, 0.2, 0.3, 0.4), POWER_TABLE[n], strict=True):
        found = power.detectable_difference(n, discordance)
        assert (None if found is None else round(100 * found)) == points


def test_meter_counts_what_is_lacking() -> None:
    meter = power.meter(120, wanted=0.1, discordance=0.3)
    assert meter.detectable == pytest.approx(0.138, abs=2e-3)
    assert power.mcnemar_power(meter.needed, 0.1, 0.3) >= 0.8
    assert meter.more == meter.needed - 120
    assert power.meter(5000, wanted=0.1).more == 0
    assert power.needed_n(0.0001, 0.5) is None
    assert power.needed_n(0.05, 0.3) == pytest.approx(940, rel=0.02)
    assert power.meter(0).detectable is None
    with pytest.raises(ValueError, match="wanted"):
        power.meter(10, wanted=0.0)
    # graded scores: the planned n does reach 80 %
    n = power.needed_n_graded(0.1, 0.35)
    draws = np.random.default_rng(1).normal(0.1, 0.35, (4000, n))
    seen = (np.abs(draws.mean(1)) / (draws.std(1, ddof=1) / math.sqrt(n)) > 1.98).mean()
    assert 0.77 < seen < 0.84
    assert power.detectable_graded(n, 0.35) == pytest.approx(0.1, rel=0.02)


def test_size_of_the_mid_p_test_is_kept_exactly() -> None:
    """Its power at no difference is its size, exact and not simulated."""
    for n in (50, 100, 200):
        for discordance in (0.1, 0.2, 0.3, 0.4):
            assert 0.02 < power.mcnemar_power(n, 0.0, discordance) < 0.051


def _graded_pairs(rng: np.random.Generator, n: int, shift: float) -> np.ndarray:
    """Differences as F1 makes them: most questions alike, some flip, some shift; mean is `shift`."""
    kind = rng.random(n)
    flips = np.where(rng.random(n) < 0.5, 1.0, -1.0)
    small = rng.normal(0, 0.2, n)
    return np.where(kind < 0.5, 0.0, np.where(kind < 0.7, flips, small)) + shift


def _coverage(runs: int, n: int, resamples: int) -> tuple[float, float, float]:
    rng = np.random.default_rng(12)
    newcombe = graded = rejected = 0
    for run in range(runs):
        table = rng.multinomial(n, [0.3, 0.1, 0.25, 0.35])
        newcombe += not newcombe_paired(*table.tolist()).excludes(0.15)
        values = _graded_pairs(rng, n, 0.0)
        ((low, high),) = bca(Sample.of(values), levels=(0.95,), seed=run, resamples=resamples)
        graded += low <= 0 <= high
        rejected += sign_flip(Sample.of(values), seed=run, resamples=resamples) <= 0.05
    return newcombe / runs, graded / runs, rejected / runs


def test_coverage_and_size_by_a_small_simulation() -> None:
    newcombe, graded, rejected = _coverage(400, 60, 1000)
    assert 0.92 < newcombe < 0.985
    assert 0.91 < graded < 0.98
    assert 0.02 < rejected < 0.085


@pytest.mark.slow
@pytest.mark.parametrize("n", [50, 100, 200])
def test_coverage_and_size_by_simulation(n: int) -> None:
    newcombe, graded, rejected = _coverage(4000, n, 2000)
    assert 0.94 < newcombe < 0.97
    assert 0.925 < graded < 0.96
    assert 0.04 < rejected < 0.06


@pytest.mark.slow
def test_clustered_coverage_by_simulation() -> None:
    """25 documents of 4 questions with ICC 0.5: whole documents cover, single questions do not."""
    rng = np.random.default_rng(13)
    names = [f"d{i}" for i in range(25) for _ in range(4)]
    whole = alone = rejected = 0
    for run in range(2000):
        values = np.repeat(rng.normal(0, 0.3, 25), 4) + rng.normal(0, 0.3, 100)
        sample = Sample.of(values, names)
        ((low, high),) = bca(sample, levels=(0.95,), seed=run, resamples=2000)
        whole += low <= 0 <= high
        ((low, high),) = bca(Sample.of(values), levels=(0.95,), seed=run, resamples=2000)
        alone += low <= 0 <= high
        rejected += sign_flip(sample, seed=run, resamples=2000) <= 0.05
    assert 0.91 < whole / 2000 < 0.96
    assert alone / 2000 < 0.86
    assert 0.035 < rejected / 2000 < 0.065


def _votes(rng: np.random.Generator, questions: int, lead: float) -> list[ratings.Vote]:
    votes = []
    for q in range(questions):
        hard = rng.normal(0, 0.5)
        for _ in range(2):
            chance = 1 / (1 + math.exp(-(lead + hard)))
            draw = rng.random()
            verdict: ratings.Verdict = "tie" if draw < 0.2 else "first" if rng.random() < chance else "second"
            votes.append(ratings.Vote(f"q{q}", "a", "b", verdict))
    return votes


def test_ratings_rank_and_stay_finite() -> None:
    sweep = [ratings.Vote(f"q{i}", "a", "b", "first") for i in range(20)]
    best, worst = ratings.rate(sweep)
    assert (best.arm, worst.arm) == ("a", "b")
    assert 1 < best.strength < 6
    ties = [ratings.Vote("q", "a", "b", "tie"), ratings.Vote("q", "b", "a", "both_bad")]
    assert [rating.strength for rating in ratings.rate(ties)] == pytest.approx([0.0, 0.0])
    assert [rating.both_bad for rating in ratings.rate(ties)] == [1, 1]
    with pytest.raises(ValueError, match="two different arms"):
        ratings.rate([ratings.Vote("q", "a", "a", "tie")])


def test_ratings_without_ties_equal_the_logit_of_the_win_rate() -> None:
    wins = np.array([[[0.0, 30.0], [10.0, 0.0]]])
    strengths = ratings.davidson(wins, np.zeros_like(wins), ridge=1e-9)[0]
    # With no tie ever seen, its weight falls and the strengths are Bradley and Terry's.
    assert strengths[0] - strengths[1] == pytest.approx(math.log(3), abs=1e-3)


def test_ratings_interval_covers() -> None:
    rng = np.random.default_rng(14)
    covered = sum(
        not ratings.rate(_votes(rng, 60, 0.0), resamples=300)[0].interval.excludes(0.0) for _ in range(60)
    )
    assert covered >= 52


def test_one_adapter_tells_what_the_plain_two_by_two_tells() -> None:
    rng = np.random.default_rng(3)
    base, rag, sft, both = (rng.random(60) for _ in range(4))
    plain = designs.factorial(base, rag, sft, both)
    drawn = designs.factorial_over_adapters(base, rag, [sft], [both], matched=True)
    for name in ("rag", "sft", "interaction", "sft_on_rag"):
        one, other = getattr(plain, name), getattr(drawn, name)
        assert other.value == pytest.approx(one.value)
        assert other.interval.low == pytest.approx(one.interval.low, abs=0.02)
        assert other.interval.high == pytest.approx(one.interval.high, abs=0.02)


def test_adapters_that_differ_widen_the_interval_of_what_fine_tuning_adds() -> None:
    rng = np.random.default_rng(4)
    base, rag = rng.random(80) * 0.2, rng.random(80) * 0.2
    shifts = (-0.2, -0.1, 0.0, 0.1, 0.2)  # training runs that came out differently
    sft = [base + shift + 0.3 for shift in shifts]
    jitter = rng.normal(0, 0.01, 80)
    both = [rag + shift + 0.3 + jitter for shift in shifts]
    told = designs.factorial_over_adapters(base, rag, sft, both, matched=True)
    assert told.sft_on_rag.value == pytest.approx(0.3, abs=0.01)
    assert told.sft_on_rag.interval.low < 0.25
    assert told.sft_on_rag.interval.high > 0.35
    # The same adapters stand in both cells and were drawn together, so what they share cancels.
    assert told.interaction.interval.high - told.interaction.interval.low < 0.01
    loose = designs.factorial_over_adapters(base, rag, sft, both)
    assert loose.interaction.interval.high - loose.interaction.interval.low > 0.2
    clusters = [str(i // 8) for i in range(80)]
    assert designs.factorial_over_adapters(base, rag, sft, both, clusters=clusters).n == 80
    for wrong in ([sft[0][:5]], []):
        with pytest.raises(ValueError, match="scores of the same questions"):
            designs.factorial_over_adapters(base, rag, wrong, both)
    with pytest.raises(ValueError, match="matched adapters"):
        designs.factorial_over_adapters(base, rag, sft[:2], both, matched=True)


@pytest.mark.slow
def test_coverage_over_adapters_by_simulation() -> None:
    """What another training run would give lies in the interval; with five adapters somewhat less often than 95 %."""
    rng = np.random.default_rng(5)
    held = 0
    for trial in range(300):
        base, rag = (rng.random(100) < 0.3).astype(float), (rng.random(100) < 0.5).astype(float)
        truth, runs = 0.1, rng.normal(0, 0.05, 5)
        both = [(rng.random(100) < np.clip(0.5 + truth + run, 0, 1)).astype(float) for run in runs]
        sft = [(rng.random(100) < np.clip(0.3 + truth + run, 0, 1)).astype(float) for run in runs]
        told = designs.factorial_over_adapters(base, rag, sft, both, matched=True, seed=trial, resamples=1000)
        interval = told.sft_on_rag.interval
        held += interval.low <= truth <= interval.high
    assert held / 300 > 0.88
