"""Scores a stored experiment again, offline, and compares two of them."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from assistant.compare.analysis import Table, analyse
from assistant.compare.exports import is_current
from assistant.compare.metric_table import ANSWER_METRICS
from assistant.compare.questions import Question, questions_json
from assistant.compare.records import StoredAnswer, StoredRetrieval
from assistant.compare.scoring import FAILED, Asked, Score, score_answer, score_retrieval, scores_to_json
from assistant.compare.statistics import compare_paired
from assistant.compare.store import Experiments
from assistant.compare.verdict import word_of
from assistant.errors import ExperimentError

_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Difference:
    """A number that came out otherwise.

    Args:
        where: path such as "answers.en-007.rag.squad_f1" or "results.contrast.p".
    """

    where: str
    stored: Any
    now: Any


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay found; `checked` counts the values that were compared."""

    checked: int
    differences: tuple[Difference, ...]


def replay(store: Experiments, experiment_id: int) -> Replay:
    """Compute every score, interval and count of a stored run again from its answers.

    Raises:
        ExperimentError: there is no such experiment, or its texts were erased.
    """
    experiment = store.get(experiment_id)
    if experiment.manifest.get("erased"):
        raise ExperimentError("experiment_erased", id=experiment_id)
    answers, retrievals = store.answers(experiment_id), store.retrievals(experiment_id)
    questions = {question.id: question for question in experiment.questions}
    indexed = list(experiment.manifest.get("identity", {}).get("sources", {}))
    stored: dict[str, Any] = {"questions_sha256": experiment.questions_sha256}
    now: dict[str, Any] = {
        "questions_sha256": hashlib.sha256(questions_json(experiment.questions).encode()).hexdigest()
    }
    for kind in ("retrievals", "answers"):
        stored[kind], now[kind] = {}, {}
    for name, found in retrievals.items():
        scores = score_retrieval(questions[name], found.retrieval, indexed=indexed)
        stored["retrievals"][name], now["retrievals"][name] = (
            scores_to_json(found.scores),
            scores_to_json(scores),
        )
        retrievals[name] = replace(found, scores=scores)
    for place, answer in enumerate(answers):
        scores = _scores(questions[answer.question_id], answer, retrievals, indexed)
        key = f"{answer.question_id}.{answer.arm}"
        stored["answers"][key], now["answers"][key] = scores_to_json(answer.scores), scores_to_json(scores)
        answers[place] = replace(answer, scores=scores)
    if is_current(experiment.results):
        stored["results"] = experiment.results
        now["results"] = analyse(experiment, answers, retrievals)
    pairs = list(_leaves("", stored, now))
    return Replay(len(pairs), tuple(Difference(*pair) for pair in pairs if not _same(pair[1], pair[2])))


def compare_experiments(store: Experiments, first_id: int, second_id: int) -> list[dict[str, Any]]:
    """How each arm that both runs asked has changed from the first to the second, by the first's primary metric.

    Only questions with the same id, text and references count. `word` is as in `verdict.word_of`.

    Raises:
        ExperimentError: one does not exist, or they share no arm and question.
    """
    first, second = store.get(first_id), store.get(second_id)
    tables = Table(first, store.answers(first_id)), Table(second, store.answers(second_id))
    same = {(q.id, q.text, q.references) for q in first.questions} & {
        (q.id, q.text, q.references) for q in second.questions
    }
    metric, margin = first.plan.primary, first.plan.margin
    rows = []
    for arm in first.plan.arms:
        if arm not in second.plan.arms:
            continue
        x, y, names, clusters = [], [], [], []
        asked = 0
        for place, question in enumerate(first.questions):
            if (question.id, question.text, question.references) not in same:
                continue
            asked += 1
            before, after = (table.score(arm, metric, question).value for table in tables)
            if before is not None and after is not None:
                x.append(before)
                y.append(after)
                names.append(question.id)
                clusters.append(tables[0].clusters[place] if tables[0].clusters else question.id)
        if not x:
            continue
        result = compare_paired(x, y, clusters=clusters if tables[0].clusters else None, seed=first.plan.seed)
        row = asdict(result) | {
            "arm": arm,
            "metric": metric,
            "equivalent": result.interval90.within(margin),
            "missing": 1 - len(x) / asked,
            "gained": [name for name, a, b in zip(names, x, y, strict=True) if b > a + 1e-12],
            "lost": [name for name, a, b in zip(names, x, y, strict=True) if b < a - 1e-12],
        }
        rows.append(row | {"word": word_of(row, margin=margin)})
    if not rows:
        raise ExperimentError("experiment_not_comparable", first=first_id, second=second_id)
    return rows


def _scores(
    question: Question,
    stored: StoredAnswer,
    retrievals: Mapping[str, StoredRetrieval],
    indexed: Sequence[str],
) -> dict[str, Score]:
    """An answer's scores from what is stored of it."""
    if stored.answer is None:
        return dict.fromkeys(ANSWER_METRICS, FAILED)
    found = retrievals[stored.question_id]
    asked = Asked(
        stored.answer,
        found.retrieval,
        retrieves=stored.arm.startswith("rag"),
        retrieve_s=found.seconds,
        warm=stored.warm,
        together=stored.together,
        memory_bytes=stored.memory_bytes,
        energy_j=stored.energy_j,
    )
    # Similarity was measured by a model, which a replay does not ask again.
    kept = {name: stored.scores[name] for name in ("similarity",) if name in stored.scores}
    return score_answer(question, asked, indexed=indexed) | kept


def _leaves(path: str, stored: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    """Values of two nested structures side by side; what only one has stands beside None."""
    if isinstance(stored, Mapping) and isinstance(now, Mapping):
        for key in sorted({*stored, *now}):
            yield from _leaves(f"{path}.{key}" if path else str(key), stored.get(key), now.get(key))
    elif isinstance(stored, (list, tuple)) and isinstance(now, (list, tuple)) and len(stored) == len(now):
        for place, (one, other) in enumerate(zip(stored, now, strict=True)):
            yield from _leaves(f"{path}[{place}]", one, other)
    else:
        yield path, stored, now


def _same(stored: Any, now: Any) -> bool:
    numbers = (int, float)
    if isinstance(stored, numbers) and isinstance(now, numbers) and not isinstance(stored, bool):
        return abs(stored - now) <= _TOLERANCE * max(1.0, abs(stored))
    if isinstance(stored, (list, tuple)) and isinstance(now, (list, tuple)):
        return list(stored) == list(now)
    return bool(stored == now)
