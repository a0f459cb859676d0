"""Differences between arms: pair by pair, over all at once, and the main effects of the 2 x 2.

Arms are compared only on questions that both were scored on. Everything is plain dicts; a group of arms, training runs
of one recipe, counts as one wherever an arm may be named.
"""

from dataclasses import asdict, fields
from itertools import combinations
from statistics import fmean
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
from assistant.compare.metric_table import METRICS
from assistant.compare.power import meter, meter_graded
from assistant.compare.questions import FEWEST
from assistant.compare.score_table import Table
from assistant.compare.statistics import equivalent, holm
from assistant.compare.verdict import MISSING

_EFFECTS = tuple(field.name for field in fields(Factorial) if field.name != "n")


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


def pairs(table: Table) -> list[dict[str, Any]]:
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


def other_pairs(table: Table) -> list[dict[str, Any]]:
    """The declared contrast by every other metric: secondary, and said to be so."""
    told = []
    for name, metric in METRICS.items():
        if name != table.plan.primary and metric.of != "retrieval" and metric.better:
            entry = pair(table, *table.plan.contrast, name)
            if entry["n"] >= FEWEST:
                told.append(entry)
    return told


def gate(table: Table) -> dict[str, Any] | None:
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
    """An effect with its adjusted p-value."""
    return asdict(effect) | {"p_holm": p_holm, "clear": effect.interval.excludes(0) and p_holm <= 0.05}


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
