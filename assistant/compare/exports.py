"""An experiment as CSV and JSON, for other programs."""

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from assistant.arms import to_json
from assistant.compare.analysis import VERSION, analyse
from assistant.compare.metric_table import ANSWER_METRICS
from assistant.compare.records import Experiment, StoredAnswer
from assistant.compare.scoring import scores_to_json
from assistant.compare.store import Experiments
from assistant.compare.verdict import verdict
from assistant.messages import Language


def csv_report(store: Experiments, experiment_id: int, language: Language) -> str:
    """One row per question and arm with every score, and beside each whether it was scored, or why not.

    A score that is missing is an empty cell; its state is "unscored: " with one of `metric_table.REASONS`, "failed",
    or "not asked".

    Text that a spreadsheet would take for a formula gets an apostrophe before it.

    Raises:
        ExperimentError: there is no such experiment.
    """
    experiment = store.get(experiment_id)
    answers = {(stored.question_id, stored.arm): stored for stored in store.answers(experiment_id)}
    written = io.StringIO()
    rows = csv.writer(written)
    head = [
        "id",
        "question",
        "language",
        "answerable",
        "references",
        "document",
        "arm",
        "state",
        "answer",
        "error",
    ]
    rows.writerow([*head, *(f"{name}{part}" for name in ANSWER_METRICS for part in ("", "_state"))])
    for question in experiment.questions:
        for arm in experiment.plan.arms:
            stored = answers.get((question.id, arm))
            answer = stored.answer if stored is not None else None
            state = "not asked" if stored is None else "failed" if answer is None else "answered"
            if answer is not None and answer.refused:
                state = "refused"
            told = [
                question.id,
                question.text,
                question.language,
                "yes" if question.answerable else "no",
                " || ".join(question.references),
                question.document,
                arm,
                state,
                answer.text if answer is not None else "",
                stored.error[language] if stored is not None and stored.error else "",
            ]
            scores = [cell for name in ANSWER_METRICS for cell in _score_cells(stored, name)]
            rows.writerow([*map(_plain, told), *scores])
    return written.getvalue()


def json_report(store: Experiments, experiment_id: int) -> dict[str, Any]:
    """Everything: plan, manifest, results, sentences, questions, answers with passages and scores, judgements.

    Raises:
        ExperimentError: there is no such experiment.
    """
    experiment = store.get(experiment_id)
    results = results_of(store, experiment)
    said = verdict(results)
    return {
        "id": experiment.id,
        "name": experiment.name,
        "state": experiment.state,
        "plan": asdict(experiment.plan),
        "questions_sha256": experiment.questions_sha256,
        "manifest": dict(experiment.manifest),
        "verdict": {"word": said.word, "en": said.lines("en"), "zh": said.lines("zh")},
        "results": results,
        "questions": [asdict(question) for question in experiment.questions],
        "retrievals": {
            name: {
                "seconds": found.seconds,
                "retrieval": to_json(found.retrieval),
                "scores": scores_to_json(found.scores),
            }
            for name, found in store.retrievals(experiment_id).items()
        },
        "own_retrievals": [
            {
                "question_id": name,
                "arm": arm,
                "seconds": found.seconds,
                "retrieval": to_json(found.retrieval),
                "scores": scores_to_json(found.scores),
            }
            for (name, arm), found in store.own_retrievals(experiment_id).items()
        ],
        "probes": [to_json(probe) for probe in store.probes(experiment_id)],
        "judges": store.judges(experiment_id),
        "judgements": {
            name: [asdict(one) for one in store.judgements(experiment_id, name)]
            for name in store.judges(experiment_id)
        },
        "answers": [
            {
                "question_id": stored.question_id,
                "arm": stored.arm,
                "answer": to_json(stored.answer),
                "error": stored.error,
                "warm": stored.warm,
                "together": stored.together,
                "memory_bytes": stored.memory_bytes,
                "energy_j": stored.energy_j,
                "scores": scores_to_json(stored.scores),
            }
            for stored in store.answers(experiment_id)
        ],
    }


def is_current(results: Mapping[str, Any] | None) -> bool:
    """Whether stored results are there and tell what this version's analysis tells."""
    return results is not None and results.get("version") == VERSION


def results_of(store: Experiments, experiment: Experiment) -> dict[str, Any]:
    """Stored results, or those of what has been answered so far."""
    if is_current(experiment.results):
        return dict(experiment.results or {})
    return analyse_stored(store, experiment)


def analyse_stored(store: Experiments, experiment: Experiment) -> dict[str, Any]:
    """What the analysis says of all that is stored of an experiment now."""
    number = experiment.id
    return analyse(experiment, store.answers(number), store.retrievals(number), store.own_retrievals(number))


def _score_cells(stored: StoredAnswer | None, metric: str) -> tuple[float | str, str]:
    """A score and its state."""
    score = stored.scores.get(metric) if stored is not None else None
    if score is None:
        return "", "not asked"
    if score.value is None:
        return "", f"unscored: {score.reason}" if score.state == "unscored" else score.state
    return score.value, score.state


def _plain(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
