"""What is told of one arm or group: its means with their coverage, its refusals, what it found, what it took.

A mean always goes with its coverage. Fewer than ten scores make neither mean nor interval: they are counted, and that is
all.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import fmean, stdev
from typing import Any

from assistant.compare.cells import adapter_of
from assistant.compare.losses import RIGHT
from assistant.compare.metric_table import ANSWER_METRICS, METRICS
from assistant.compare.questions import FEWEST, Question
from assistant.compare.records import StoredRetrieval
from assistant.compare.score_table import Table
from assistant.compare.statistics import mean_interval


def arm_summary(table: Table, arm: str) -> dict[str, Any]:
    """How many questions an arm answered and failed, what each metric came to, and how it refuses."""
    stored = [table.answers.get((arm, question.id)) for question in table.questions]
    return {
        "answered": sum(answer is not None and answer.answer is not None for answer in stored),
        "failed": sum(answer is not None and answer.answer is None for answer in stored),
        "metrics": {name: summary(table, arm, name) for name in ANSWER_METRICS},
        "refusal": _refusal(table, arm),
    }


def group_summary(table: Table, name: str) -> dict[str, Any]:
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


def retrieval_summary(table: Table, retrievals: Mapping[str, StoredRetrieval]) -> dict[str, Any]:
    """What each metric of retrieval came to, over the questions that were looked up; `retrievals` by question."""
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


def strata(table: Table) -> dict[str, dict[str, Any]]:
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


def leaked_questions(adapters: Mapping[str, Any]) -> set[str] | None:
    """Questions that stand in the training data of some adapter; None where no adapter's data could be read."""
    lists = [facts["leaks"] for facts in adapters.values() if facts.get("leaks") is not None]
    return {name for ids in lists for name in ids} if lists else None


def training_costs(table: Table) -> dict[str, dict[str, float | None]]:
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


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
