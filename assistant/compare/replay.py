"""Scores a stored experiment again, offline, and compares two of them."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from assistant.compare.analysis import VERSION, analyse
from assistant.compare.metric_table import ANSWER_METRICS
from assistant.compare.questions import FEWEST, Question, questions_json
from assistant.compare.records import StoredAnswer, StoredRetrieval
from assistant.compare.score_table import Table
from assistant.compare.scoring import FAILED, Asked, Score, score_answer, score_retrieval, scores_to_json
from assistant.compare.statistics import compare_paired
from assistant.compare.store import Experiments
from assistant.compare.verdict import MISSING, word_of
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


def replay(store: Experiments, experiment_id: int, *, keep: bool = False) -> Replay:
    """Compute every score, interval, count and sentence of a stored run again from its answers.

    Args:
        keep: put what comes out in the place of what is stored, such as after an update; the answers stay as they are.

    Raises:
        ExperimentError: there is no such experiment, its texts were erased, or, unless `keep`, its results were made by
            another version; what that one told as well is compared, and the error says how it came out.
    """
    experiment = store.with_texts(experiment_id)
    answers, retrievals = store.answers(experiment_id), store.retrievals(experiment_id)
    questions = {question.id: question for question in experiment.questions}
    own = store.own_retrievals(experiment_id)
    stored: dict[str, Any] = {"questions_sha256": experiment.questions_sha256}
    now: dict[str, Any] = {
        "questions_sha256": hashlib.sha256(questions_json(experiment.questions).encode()).hexdigest()
    }
    for kind in ("retrievals", "own_retrievals", "answers"):
        stored[kind], now[kind] = {}, {}
    for name, found in retrievals.items():
        scores = score_retrieval(questions[name], found.retrieval, indexed=experiment.searched())
        stored["retrievals"][name], now["retrievals"][name] = (
            scores_to_json(found.scores),
            scores_to_json(scores),
        )
        retrievals[name] = replace(found, scores=scores)
    for (name, arm), found in own.items():
        scores = score_retrieval(questions[name], found.retrieval, indexed=experiment.searched(arm))
        stored["own_retrievals"][f"{name}.{arm}"] = scores_to_json(found.scores)
        now["own_retrievals"][f"{name}.{arm}"] = scores_to_json(scores)
        own[name, arm] = replace(found, scores=scores)
    for place, answer in enumerate(answers):
        indexed = experiment.searched(answer.arm)
        scores = _scores(questions[answer.question_id], answer, retrievals, indexed)
        key = f"{answer.question_id}.{answer.arm}"
        stored["answers"][key], now["answers"][key] = scores_to_json(answer.scores), scores_to_json(scores)
        answers[place] = replace(answer, scores=scores)
    if experiment.results is not None:
        stored["results"] = experiment.results
        now["results"] = analyse(experiment, answers, retrievals, own)
        if experiment.results.get("version") != VERSION and not keep:
            raise _other_version(experiment_id, stored, now)
    if keep:
        for answer in answers:
            store.save_scores(experiment_id, answer)
        for found in retrievals.values():
            store.save_retrieval(experiment_id, found)
        for (_, arm), found in own.items():
            store.save_own_retrieval(experiment_id, arm, found)
        if experiment.results is not None:
            store.save_results(experiment_id, now["results"])
    return _compared(stored, now)


def _compared(stored: Mapping[str, Any], now: Mapping[str, Any]) -> Replay:
    pairs = list(_leaves("", stored, now))
    return Replay(len(pairs), tuple(Difference(*pair) for pair in pairs if not _same(pair[1], pair[2])))


def _other_version(experiment_id: int, stored: Mapping[str, Any], now: Mapping[str, Any]) -> ExperimentError:
    """What comes of comparing with results of another version, as far as both tell the same."""
    known = _shared(stored, now)
    told = stored["results"].get("version")
    known["results"].pop("version", None)
    found = _compared(known, _shared(now, known))
    places = ", ".join(difference.where for difference in found.differences[:5]) or "–"
    return ExperimentError(
        "experiment_other_version",
        id=experiment_id,
        stored="?" if told is None else told,
        now=VERSION,
        checked=found.checked,
        changed=len(found.differences),
        where=places,
    )


def _shared(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """`one`, of it only what `other` has as well."""
    return {
        key: _shared(value, other[key])
        if isinstance(value, Mapping) and isinstance(other[key], Mapping)
        else value
        for key, value in one.items()
        if key in other
    }


def compare_experiments(store: Experiments, first_id: int, second_id: int) -> list[dict[str, Any]]:
    """How each arm of the first run has changed to the second, by the first's primary metric.

    Only questions with the same id, text and references count.

    Returns:
        One row per arm of the first run, with `asked` shared questions, of which `n` were scored in both runs.
        `word` is as in `verdict.word_of`, or "absent" where the second run did not ask this arm; there, and where it
        is "none", "missing" or "few", no difference is told. `missing` is the share of shared questions that one of
        the runs has no answer or score to.

    Raises:
        ExperimentError: one does not exist, or they share no arm and question.
    """
    first, second = store.get(first_id), store.get(second_id)
    tables = Table(first, store.answers(first_id)), Table(second, store.answers(second_id))
    same = {(q.id, q.text, q.references) for q in first.questions} & {
        (q.id, q.text, q.references) for q in second.questions
    }
    if not same or not {*first.plan.arms} & {*second.plan.arms}:
        raise ExperimentError("experiment_not_comparable", first=first_id, second=second_id)
    asked = [
        question for question in first.questions if (question.id, question.text, question.references) in same
    ]
    return [_change(tables, asked, arm) for arm in first.plan.arms]


def _change(tables: tuple[Table, Table], asked: Sequence[Question], arm: str) -> dict[str, Any]:
    """How one arm has changed from one run to the other."""
    plan = tables[0].plan
    row: dict[str, Any] = {"arm": arm, "metric": plan.primary, "n": 0, "asked": len(asked), "missing": 1.0}
    if arm not in tables[1].plan.arms:
        return row | {"word": "absent"}
    both = {question.id: [table.score(arm, plan.primary, question) for table in tables] for question in asked}
    kept = [question.id for question in asked if all(score.value is not None for score in both[question.id])]
    x, y = ([both[name][run].value or 0.0 for name in kept] for run in (0, 1))
    row |= {"n": len(kept), "missing": sum(map(_lacking, both.values())) / len(asked)}
    if not kept or row["missing"] > MISSING or len(kept) < FEWEST:
        return row | {"word": "none" if not kept else "missing" if row["missing"] > MISSING else "few"}
    clusters = dict(zip((q.id for q in tables[0].questions), tables[0].clusters or (), strict=False))
    result = compare_paired(
        x, y, clusters=[clusters[name] for name in kept] if clusters else None, seed=plan.seed
    )
    row |= asdict(result) | {
        "equivalent": result.interval90.within(plan.margin),
        "gained": [name for name, a, b in zip(kept, x, y, strict=True) if b > a + 1e-12],
        "lost": [name for name, a, b in zip(kept, x, y, strict=True) if b < a - 1e-12],
    }
    return row | {"word": word_of(row, margin=plan.margin)}


def _lacking(scores: Sequence[Score]) -> bool:
    """Whether one run lacks what the other has, or one of them failed; scores that neither can have are not lacking."""
    before, after = scores
    if "failed" in (before.state, after.state):
        return True
    return (before.value is None) != (after.value is None)


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
