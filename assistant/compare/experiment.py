"""Runs an experiment: asks every question of every arm, alone or several together, and keeps everything.

A run is an iterator of events, so that the command line, a background job and a test drive it alike. It can
be stopped between any two answers and resumed; what was answered is not asked again.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assistant.compare.asking import Asker, Asking, Task
from assistant.compare.exports import analyse_stored
from assistant.compare.machine import code_manifest, machine_manifest
from assistant.compare.pace import Pace
from assistant.compare.records import Experiment
from assistant.compare.store import Experiments
from assistant.errors import ExperimentError

TIMED = 20
"""Questions, at least, whose answers are made alone and timed; all, in a set of fewer than twice as many."""


@dataclass(frozen=True, slots=True)
class Began:
    """A run starts or goes on; `done` of `total` answers are there already."""

    experiment_id: int
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Answered:
    """One arm has answered one question, or failed.

    Args:
        error: why it failed, None otherwise.
        seconds_left: estimate for the rest; None until there is something to go by.
    """

    question_id: str
    arm: str
    done: int
    total: int
    failed: int
    error: Exception | None = None
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A run is over, or was stopped; `results` as `analysis.analyse` made them, of what there is."""

    experiment_id: int
    stopped: bool
    failed: int
    results: Mapping[str, Any]


ExperimentEvent = Began | Answered | Ended


def run_experiment(
    store: Experiments,
    experiment_id: int,
    asker: Asker,
    *,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[ExperimentEvent]:
    """Ask what has not been answered yet, then analyse.

    Some questions, spread over the set, are asked first and alone, one arm after the other and in an order
    that turns with each question, so that clocks are not slowed by each other; costs are measured on them. All
    others are asked together, as many at once as the plan says. An arm that fails is counted, and asked again
    when the run is resumed.

    Raises:
        ExperimentError: there is no such experiment; model, files, adapters or prompts have changed since the
            run began; or an answer cannot be saved.
    """
    _begin(store, store.get(experiment_id), asker)
    experiment = store.get(experiment_id)
    done = store.answered(experiment_id)
    total = len(experiment.questions) * len(experiment.plan.arms)
    alone, together = _tasks(experiment, done)
    yield Began(experiment_id, len(done), total)
    asking = Asking(store, experiment, asker, should_stop)
    pace = Pace(len(alone), len(together), experiment.plan.at_once)
    count, failed = len(done), 0
    try:
        for by_itself, outcomes in (
            (True, asking.alone(alone)),
            (False, asking.together(together, experiment.plan.at_once)),
        ):
            for question, arm, error in outcomes:
                count, failed = count + 1, failed + (error is not None)
                left = pace.left(alone=by_itself)
                yield Answered(question.id, arm, count, total, failed, error, left)
    except BaseException:  # Ctrl-C, a closed iterator, a full disk: not running any more
        store.set_state(experiment_id, "stopped")
        raise
    stopped = count < total
    results = analyse_stored(store, store.get(experiment_id))
    store.set_state(experiment_id, "stopped" if stopped else "done", results=results)
    yield Ended(experiment_id, stopped, failed, results)


def _tasks(experiment: Experiment, done: Collection[tuple[str, str]]) -> tuple[list[Task], list[Task]]:
    """What is still to be asked: alone, and together."""
    plan, count = experiment.plan, len(experiment.questions)
    timed = set(range(0, count, max(1, count // TIMED))) if plan.at_once > 1 else set(range(count))
    alone: list[Task] = []
    together: list[Task] = []
    for place, question in enumerate(experiment.questions):
        for arm in _turned(plan.arms, place):
            if (question.id, arm) not in done:
                (alone if place in timed else together).append((question, arm))
    return alone, together


def _turned(arms: Sequence[str], place: int) -> list[str]:
    shift = place % len(arms)
    return [*arms[shift:], *arms[:shift]]


def _begin(store: Experiments, experiment: Experiment, asker: Asker) -> None:
    """Write the manifest at the first start, compare it at a later one."""
    earlier = experiment.manifest.get("identity", {})
    answered = len(store.answered(experiment.id))
    if answered == len(experiment.questions) * len(experiment.plan.arms):  # nothing is left to be asked
        return
    code = code_manifest()
    identity = asker.identity(experiment.plan.arms) | {"prompt_code_sha256": code["prompt_code_sha256"]}
    if answered:
        changed = sorted(
            key for key in identity.keys() | earlier.keys() if identity.get(key) != earlier.get(key)
        )
        if changed:
            raise ExperimentError("experiment_changed", id=experiment.id, what=", ".join(changed))
    manifest = {
        "identity": identity,
        "questions_sha256": experiment.questions_sha256,
        "seed": experiment.plan.seed,
        "base_ids": list(asker.base_ids()),
        "adapters": asker.about_adapters(experiment.plan.arms, experiment.questions),
        "starts": [
            *experiment.manifest.get("starts", []),
            {"at": time.time(), "code": code, "machine": machine_manifest()},
        ],
    }
    store.save_manifest(experiment.id, manifest)
    store.set_state(experiment.id, "running")
