"""From stored scores to results: plain dicts that the report, the page and the command line read alike.

Arms are compared only on questions that both were scored on; a mean always goes with its coverage. Fewer than ten
scores make neither mean nor interval: they are counted, and that is all.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from itertools import combinations
from statistics import fmean, stdev
from typing import Any

from assistant.compare.adapter_seeds import compare_groups
from assistant.compare.cells import CELLS, adapter_of, arms_of_cell
from assistant.compare.factorial import (
    Effect,
    Factorial,
    differ,
    factorial,
    factorial_over_adapters,
)
from assistant.compare.losses import RIGHT, retrieval_losses
from assistant.compare.metric_table import ANSWER_METRICS, METRICS
from assistant.compare.power import meter, meter_graded
from assistant.compare.questions import FEWEST, Question
from assistant.compare.records import Experiment, StoredAnswer, StoredRetrieval
from assistant.compare.score_table import Table
from assistant.compare.statistics import equivalent, holm, mean_interval
from assistant.compare.verdict import MISSING, pair_word, verdict

_EFFECTS = tuple(field.name for field in fields(Factorial) if field.name != "n")
VERSION = 4
"""Of what `analyse` tells; results kept by another version are worked out anew when they are read."""


def analyse(
    experiment: Experiment,
    answers: Iterable[StoredAnswer],
    retrievals: Mapping[str, StoredRetrieval],
    own: Mapping[tuple[str, str], StoredRetrieval],
) -> dict[str, Any]:
    """Everything that is said about an experiment, as plain JSON.

    Args:
        own: what arms with a look-up of their own found, by question and arm.

    The same answers give the same numbers: all resampling is seeded by the plan.
    """
    table = Table(experiment, answers)
    plan = experiment.plan
    results: dict[str, Any] = {
        "version": VERSION,
        "questions": len(experiment.questions),
        "answerable": sum(question.answerable for question in experiment.questions),
        "clustered_by": table.clustered_by,
        "arms": {arm: _arm(table, arm) for arm in plan.arms},
        "groups": {name: _group(table, name) for name in table.groups},
        "retrieval": _retrieval(table, retrievals),
        "own_retrieval": {
            arm: _retrieval(table, {name: found for (name, one), found in own.items() if one == arm})
            for arm in plan.arms
            if any(one == arm for _, one in own)
        },
        "primary": plan.primary,
        "contrast": pair(table, *plan.contrast, plan.primary),
        "pairs": _pairs(table),
        "others": _other_pairs(table),
        "gate": _gate(table),
        "factorial": two_by_two(table, plan.primary),
        "strata": _strata(table),
        "meter": question_meter(table),
        "losses": retrieval_losses(
            experiment,
            table.answers,
            lambda arm, q: table.score(arm, plan.primary, q).value,
            retrievals,
            own,
        ),
        "training": _training(table),
    }
    for entry in results["pairs"]:
        entry["word"] = pair_word(entry, results)
    said = verdict(results)
    results["verdict"] = {
        "word": said.word,
        "sentences": [asdict(sentence) for sentence in (said.headline, *said.details)],
    }
    return results


def pair(table: Table, first: str, second: str, metric: str) -> dict[str, Any]:
    """`second` less `first` by one metric, with the questions gained and lost; `n` is 0 where none is shared.

    Each may be a group: of a question counts the mean over its adapters, and `single` has the mean of each of them.

    `missing` is the share of questions that only one of the two was scored on: beyond 0.05 a comparison may be of
    luckier questions.
    """
    sides = table.members(first), table.members(second)
    every = [*sides[0], *sides[1]]
    rows, clusters, kept = table.joint(every, metric)
    head: dict[str, Any] = {"metric": metric, "first": first, "second": second}
    if not kept:
        return head | {"n": 0, "gained": [], "lost": [], "missing": _missing(table, first, second, metric)}
    bounds = (-1.0, 1.0) if METRICS[metric].bounds else None
    one, other = rows[: len(sides[0])], rows[len(sides[0]) :]
    names = [[adapter_of(arm) for arm in side] for side in sides]
    result = compare_groups(
        one, other, matched=names[0] == names[1], clusters=clusters, bounds=bounds, seed=table.plan.seed
    )
    means = ([fmean(of_question) for of_question in zip(*side, strict=True)] for side in (one, other))
    moved = [(question.id, b - a) for question, a, b in zip(kept, *means, strict=True)]
    if len(every) > 2:
        head["single"] = {arm: fmean(row) for arm, row in zip(every, rows, strict=True)}
    return (
        head
        | asdict(result)
        | {
            "equivalent": bounds is not None and equivalent(result, margin=table.plan.margin),
            "gained": [name for name, change in moved if change > 1e-12],
            "lost": [name for name, change in moved if change < -1e-12],
            "missing": _missing(table, first, second, metric),
        }
    )


def two_by_two(table: Table, metric: str) -> dict[str, Any] | None:
    """Main effects and interaction; None unless all four cells were asked, of ten questions, and none lacks answers.

    Several adapters of one cell count as repeats of it: a question's score is their mean, the intervals count that
    other adapters could have come out of training, and the means of the single ones are told beside it. An effect is
    `clear` where its interval leaves 0 out and its p-value, adjusted over all effects, is at most 0.05.
    """
    arms_of = {cell: arms_of_cell(cell, table.plan.arms) for cell in CELLS}
    if not all(arms_of.values()):
        return None
    every = [arm for cell in CELLS for arm in arms_of[cell]]
    rows, clusters, kept = table.joint(every, metric)
    uneven = max(_missing(table, first, second, metric) for first, second in combinations(every, 2))
    if len(kept) < FEWEST or uneven > MISSING:
        return None
    of_arm = dict(zip(every, rows, strict=True))
    scores = {cell: [of_arm[arm] for arm in arms_of[cell]] for cell in CELLS}
    base, rag = (scores[cell][0] for cell in CELLS[:2])
    several = max(len(scores["sft"]), len(scores["rag+sft"])) > 1
    if several:
        names = [[adapter_of(arm) for arm in arms_of[cell]] for cell in CELLS[2:]]
        effects = factorial_over_adapters(
            base,
            rag,
            scores["sft"],
            scores["rag+sft"],
            matched=names[0] == names[1],
            clusters=clusters,
            seed=table.plan.seed,
        )
    else:
        effects = factorial(
            base, rag, scores["sft"][0], scores["rag+sft"][0], clusters=clusters, seed=table.plan.seed
        )
    adjusted = holm([getattr(effects, name).p for name in _EFFECTS])
    told = {
        name: _told(getattr(effects, name), p_holm) for name, p_holm in zip(_EFFECTS, adjusted, strict=True)
    }
    return {
        "metric": metric,
        "cells": {cell: fmean(fmean(values) for values in scores[cell]) for cell in CELLS},
        "adapters": {arm: fmean(of_arm[arm]) for cell in CELLS[2:] for arm in arms_of[cell]},
        "over_adapters": several,
        "n": effects.n,
        **told,
    }


def _told(effect: Effect, p_holm: float) -> dict[str, Any]:
    return asdict(effect) | {"p_holm": p_holm, "clear": effect.interval.excludes(0) and p_holm <= 0.05}


def leaked_questions(adapters: Mapping[str, Any]) -> set[str] | None:
    """Questions that stand in the training data of some adapter; None where no adapter's data could be read."""
    lists = [facts["leaks"] for facts in adapters.values() if facts.get("leaks") is not None]
    return {name for ids in lists for name in ids} if lists else None


def _training(table: Table) -> dict[str, dict[str, float | None]]:
    """What making each arm's adapter took, by arm; None for what is not known. Of a group, what one of it took at most."""
    told = {}
    for unit in table.plan.units:
        names = [name for arm in table.members(unit) if (name := adapter_of(arm))]
        facts = [table.adapters.get(name, {}) for name in names]
        if names:
            told[unit] = {
                name: max((fact[name] for fact in facts if fact.get(name)), default=None)
                for name in ("seconds", "data_seconds", "memory_bytes")
            }
    return told


def _arm(table: Table, arm: str) -> dict[str, Any]:
    stored = [table.answers.get((arm, question.id)) for question in table.questions]
    return {
        "answered": sum(answer is not None and answer.answer is not None for answer in stored),
        "failed": sum(answer is not None and answer.answer is None for answer in stored),
        "metrics": {name: summary(table, arm, name) for name in ANSWER_METRICS},
        "refusal": _refusal(table, arm),
    }


def _group(table: Table, name: str) -> dict[str, Any]:
    """What is told of arms that count as one: as of an arm, with `members` and the `spread` of their primary means."""
    metrics = {metric: summary(table, name, metric) for metric in (table.plan.primary, "total_s")}
    single = {arm: summary(table, arm, table.plan.primary)["mean"] for arm in table.members(name)}
    means = [mean for mean in single.values() if mean is not None]
    answers = [
        sum(
            (stored := table.answers.get((arm, question.id))) is not None and stored.answer is not None
            for question in table.questions
        )
        for arm in single
    ]
    return {
        "members": single,
        "spread": stdev(means) if len(means) == len(single) else None,
        "answered": min(answers),
        "metrics": metrics,
        "refusal": _refusal(table, name),
    }


def summary(table: Table, arm: str, metric: str, *, keep: Sequence[Question] | None = None) -> dict[str, Any]:
    """Mean with interval and coverage; both are None where fewer than ten questions were scored."""
    asked = table.questions if keep is None else keep
    scores = [table.score(arm, metric, question) for question in asked]
    (values,), clusters, _kept = table.joint((arm,), metric, keep=keep)
    told: dict[str, Any] = {
        "n": len(values),
        "coverage": len(values) / len(asked) if asked else 0.0,
        "unscored": dict(sorted(Counter(s.reason for s in scores if s.state == "unscored").items())),
        "failed": sum(score.state == "failed" for score in scores),
        "mean": None,
        "interval": None,
    }
    if len(values) >= FEWEST:
        interval = mean_interval(
            values, clusters=clusters, bounds=METRICS[metric].bounds, seed=table.plan.seed
        )
        told |= {"mean": fmean(values), "interval": asdict(interval)}
        if METRICS[metric].of == "cost":
            ordered = sorted(values)
            told |= {"p50": _quantile(ordered, 0.5), "p95": _quantile(ordered, 0.95)}
    return told


def _refusal(table: Table, arm: str) -> dict[str, Any]:
    """The 2 x 2 of answerable and answered, with the rates that it is read by; None where they are of fewer than ten.

    Counts are of answers; of a group, of all its adapters'. Rates are of questions, their intervals clustered like
    all others.
    """
    kinds: dict[bool, list[tuple[Question, list[bool]]]] = {True: [], False: []}
    for question in table.questions:
        if refused := table.refused(arm, question):
            kinds[question.answerable].append((question, refused))
    told: dict[str, Any] = {
        f"{kind}_{word}": sum(
            sum(one == (word == "refused") for one in refused) for _, refused in kinds[known]
        )
        for kind, known in (("answerable", True), ("unanswerable", False))
        for word in ("answered", "refused")
    }
    for name, known, refusing in (
        ("answer_rate", True, False),
        ("over_refusal", True, True),
        ("hallucination", False, False),
    ):
        told[name] = told[f"{name}_interval"] = None
        asked = [question for question, _ in kinds[known]]
        if len(asked) >= FEWEST:
            shares = [fmean(one == refusing for one in refused) for _, refused in kinds[known]]
            told[name] = fmean(shares)
            interval = mean_interval(shares, clusters=table.clusters_for(asked), seed=table.plan.seed)
            told[f"{name}_interval"] = asdict(interval)
    both = told["answer_rate"] is not None and told["hallucination"] is not None
    told["balanced_accuracy"] = (told["answer_rate"] + 1 - told["hallucination"]) / 2 if both else None
    return told


def _retrieval(table: Table, retrievals: Mapping[str, StoredRetrieval]) -> dict[str, Any]:
    told = {}
    for name, metric in METRICS.items():
        if metric.of != "retrieval":
            continue
        asked = [question for question in table.questions if question.id in retrievals]
        scores = [retrievals[question.id].scores[name] for question in asked]
        values = [score.value for score in scores if score.value is not None]
        kept = [question for question, score in zip(asked, scores, strict=True) if score.value is not None]
        enough = len(values) >= FEWEST
        told[name] = {
            "n": len(values),
            "coverage": len(values) / len(table.questions),
            "unscored": dict(sorted(Counter(s.reason for s in scores if s.state == "unscored").items())),
            "mean": fmean(values) if enough else None,
            "interval": asdict(mean_interval(values, clusters=table.clusters_for(kept), seed=table.plan.seed))
            if enough
            else None,
        }
    return told


def _pairs(table: Table) -> list[dict[str, Any]]:
    """All pairs by the primary metric; p-values adjusted over those that share ten questions or more.

    Groups stand in the place of their members; a declared pair of single ones is told as well.
    """
    plan = table.plan
    names = list(combinations(plan.units, 2))
    if not {plan.contrast, plan.contrast[::-1]} & set(names):
        names.append(plan.contrast)
    told = [pair(table, first, second, plan.primary) for first, second in names]
    tested = [entry for entry in told if entry["n"] >= FEWEST]
    for entry, adjusted in zip(tested, holm([entry["p"] for entry in tested]), strict=True):
        entry["p_holm"] = adjusted
    return told


def _other_pairs(table: Table) -> list[dict[str, Any]]:
    """The declared contrast by every other metric: secondary, and said to be so."""
    told = []
    for name, metric in METRICS.items():
        if name != table.plan.primary and metric.of != "retrieval" and metric.better:
            entry = pair(table, *table.plan.contrast, name)
            if entry["n"] >= FEWEST:
                told.append(entry)
    return told


def _gate(table: Table) -> dict[str, Any] | None:
    """Whether the arms differ at all, before pairs are looked at; None for two arms or fewer than ten shared questions."""
    rows, clusters, kept = table.joint(table.plan.units, table.plan.primary)
    if len(rows) < 3 or len(kept) < FEWEST:
        return None
    binary = all(value in (0.0, 1.0) for row in rows for value in row)
    scores = list(zip(*rows, strict=True))
    return {
        "test": "cochran" if binary else "friedman",
        "n": len(kept),
        "p": differ(scores, ranked=not binary, clusters=clusters, seed=table.plan.seed),
    }


def _strata(table: Table) -> dict[str, dict[str, Any]]:
    """The primary metric by answerability, document, language, kind, by whether the base knows the answer, and by
    whether an adapter's training data held the question.
    """
    groups: dict[str, list[Question]] = {}
    leaked = leaked_questions(table.adapters)
    for question in table.questions:
        groups.setdefault(f"answerable:{'yes' if question.answerable else 'no'}", []).append(question)
        for field in ("document", "language", "kind"):
            if value := getattr(question, field):
                groups.setdefault(f"{field}:{value}", []).append(question)
        known = table.score("base", table.plan.primary, question).value
        if question.answerable and known is not None:
            groups.setdefault(f"known:{'yes' if known >= RIGHT else 'no'}", []).append(question)
        if leaked is not None:
            groups.setdefault(f"leaked:{'yes' if question.id in leaked else 'no'}", []).append(question)
    return {
        name: {
            "questions": len(kept),
            "arms": {arm: summary(table, arm, table.plan.primary, keep=kept) for arm in table.plan.arms},
        }
        for name, kept in sorted(groups.items())
        if len(kept) < len(table.questions)
    }


def question_meter(table: Table) -> dict[str, Any]:
    """How many questions are needed, by what was seen so far, or by a typical discordance before that."""
    wanted = table.plan.wanted
    told = pair(table, *table.plan.contrast, table.plan.primary)
    if told["n"] < FEWEST:
        planned = meter(len(table.questions), wanted=wanted)
        return asdict(planned) | {"more": planned.more, "seen": False, "margin": table.plan.margin}
    independent = round(told["n_effective"])
    discordance = (told["gains"] + told["losses"]) / told["n"]
    if told["method"] == "mcnemar":
        seen = meter(independent, wanted=wanted, discordance=discordance)
    else:
        seen = meter_graded(independent, sd=told["sd"], discordance=discordance, wanted=wanted)
    return asdict(seen) | {"more": seen.more, "seen": True, "margin": table.plan.margin}


def _missing(table: Table, first: str, second: str, metric: str) -> float:
    """The share of questions, 0..1, that only one of two arms or groups was scored on."""
    lonely = sum(
        (table.score(first, metric, question).value is None)
        != (table.score(second, metric, question).value is None)
        for question in table.questions
    )
    return lonely / len(table.questions)


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
