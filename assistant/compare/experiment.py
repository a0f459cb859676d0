"""Runs an experiment: asks every question of every arm, one after the other, and keeps everything.

A run is an iterator of events, so that the command line, a background job and a test drive it alike. It can
be stopped between any two answers and resumed; what was answered is not asked again.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from assistant.arms import Answer
from assistant.compare.analysis import analyse
from assistant.compare.machine import EnergyCounter, code_manifest, machine_manifest, peak_memory_bytes
from assistant.compare.metric_table import ANSWER_METRICS, METRICS, default_primary
from assistant.compare.questions import Question, QuestionSet
from assistant.compare.scoring import FAILED, Asked, score_answer, score_retrieval
from assistant.compare.store import Experiment, Experiments, Plan, StoredAnswer, StoredRetrieval
from assistant.errors import TANDEM_ERRORS, ExperimentError
from assistant.messages import Language
from knowledge.documents import Retrieval


class Asker(Protocol):
    """What an experiment needs of the application."""

    def identity(self, arms: Sequence[str]) -> dict[str, Any]:
        """Everything that must not change between the parts of a run, as plain JSON.

        Its "sources" are the names of the searched files.
        """

    def search(self, question: str) -> Retrieval:
        """Find passages once for all arms."""

    def ask(self, question: str, arm: str, retrieval: Retrieval, language: Language) -> Answer:
        """Answer by one arm, reading `retrieval` if the arm retrieves; raises one of ours when it fails."""


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


def make_plan(
    questions: QuestionSet,
    arms: Sequence[str],
    *,
    primary: str | None = None,
    contrast: tuple[str, str] | None = None,
    **declared: Any,
) -> Plan:
    """Declare a run: what is not chosen becomes the default.

    The primary metric is F1 by the rules that fit the questions' language; the primary contrast is what the
    last arm adds to the one before it, which for the 2 x 2 is what SFT adds to RAG.

    Args:
        declared: further fields of `Plan`.

    Raises:
        ExperimentError: there is no metric or arm of this name, or fewer than two arms.
    """
    primary = primary or default_primary(questions.questions)
    decisive = [name for name in ANSWER_METRICS if METRICS[name].unit == "share"]
    if primary not in decisive:
        known = ", ".join(decisive)
        raise ExperimentError("experiment_metric_unknown", name=primary, known=known)
    names = tuple(dict.fromkeys(arms))
    if len(names) < 2:
        raise ExperimentError("experiment_one_arm", arms=", ".join(names) or "-")
    contrast = contrast or (names[-2], names[-1])
    if not set(contrast) <= set(names) or contrast[0] == contrast[1]:
        raise ExperimentError("experiment_contrast_wrong", contrast=" ".join(contrast), arms=", ".join(names))
    return Plan(arms=names, primary=primary, contrast=contrast, **declared)


def run_experiment(
    store: Experiments,
    experiment_id: int,
    asker: Asker,
    *,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[ExperimentEvent]:
    """Ask what has not been answered yet, then analyse.

    Arms are asked one after the other, so that their clocks are not slowed by each other, and in an order
    that turns with each question. An arm that fails is counted, and asked again when the run is resumed.

    Raises:
        ExperimentError: there is no such experiment; model, files, adapters or prompts have changed since the
            run began; or an answer cannot be saved.
    """
    experiment = store.get(experiment_id)
    indexed = _begin(store, experiment, asker)
    done = store.answered(experiment_id)
    total = len(experiment.questions) * len(experiment.plan.arms)
    open_arms = [
        (question, [arm for arm in _turned(experiment.plan.arms, place) if (question.id, arm) not in done])
        for place, question in enumerate(experiment.questions)
    ]
    yield Began(experiment_id, len(done), total)
    count, failed, warm, began = len(done), 0, False, time.monotonic()
    energy = EnergyCounter()
    stopped = False
    try:
        for question, arms in open_arms:
            for arm in arms:
                if should_stop():
                    stopped = True
                    break
                found = _retrieval(store, experiment_id, asker, question, indexed)
                energy.since_last_j()
                error: Exception | None = None
                try:
                    if isinstance(found, Exception):
                        raise found
                    answer = asker.ask(question.text, arm, found.retrieval, _language(question))
                except TANDEM_ERRORS as err:
                    error, failed = err, failed + 1
                    store.save_answer(experiment_id, _failure(question, arm, err))
                else:
                    asked = Asked(
                        answer,
                        found.retrieval,
                        retrieves=arm.startswith("rag"),
                        retrieve_s=found.seconds,
                        warm=warm,
                        memory_bytes=peak_memory_bytes(),
                        energy_j=energy.since_last_j(),
                    )
                    store.save_answer(experiment_id, _success(question, arm, asked, indexed))
                    warm = warm or arm == arms[-1]  # each arm's first answer also reads its files into memory
                count += 1
                spent = (time.monotonic() - began) / (count - len(done))
                yield Answered(
                    question.id, arm, count, total, failed, error, spent * (total - count) if warm else None
                )
            if stopped:
                break
    except BaseException:  # Ctrl-C, a closed iterator, a full disk: not running any more
        store.set_state(experiment_id, "stopped")
        raise
    results = analyse(store.get(experiment_id), store.answers(experiment_id), store.retrievals(experiment_id))
    store.set_state(experiment_id, "stopped" if stopped else "done", results=results)
    yield Ended(experiment_id, stopped, failed, results)


def _begin(store: Experiments, experiment: Experiment, asker: Asker) -> list[str]:
    """Write the manifest at the first start, compare it at a later one; return the searched files' names."""
    earlier = experiment.manifest.get("identity", {})
    answered = len(store.answered(experiment.id))
    if answered == len(experiment.questions) * len(experiment.plan.arms):  # nothing is left to be asked
        return list(earlier.get("sources", {}))
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
        "starts": [
            *experiment.manifest.get("starts", []),
            {"at": time.time(), "code": code, "machine": machine_manifest()},
        ],
    }
    store.save_manifest(experiment.id, manifest)
    store.set_state(experiment.id, "running")
    return list(identity.get("sources", {}))


def _retrieval(
    store: Experiments, experiment_id: int, asker: Asker, question: Question, indexed: Sequence[str]
) -> StoredRetrieval | Exception:
    """What a question finds, looked up by whichever arm is asked first; its failure is each arm's."""
    stored = store.retrieval(experiment_id, question.id)
    if stored is None:
        began = time.perf_counter()
        try:
            retrieval = asker.search(question.text)
        except TANDEM_ERRORS as err:
            return err
        seconds = time.perf_counter() - began
        scores = score_retrieval(question, retrieval, indexed=indexed)
        stored = StoredRetrieval(question.id, seconds, retrieval, scores)
        store.save_retrieval(experiment_id, stored)
    return stored


def _success(question: Question, arm: str, asked: Asked, indexed: Sequence[str]) -> StoredAnswer:
    return StoredAnswer(
        question.id,
        arm,
        asked.answer,
        None,
        asked.warm,
        asked.memory_bytes,
        asked.energy_j,
        score_answer(question, asked, indexed=indexed),
    )


def _failure(question: Question, arm: str, error: Any) -> StoredAnswer:
    told = {"en": error.text("en"), "zh": error.text("zh")}
    return StoredAnswer(question.id, arm, None, told, True, None, None, dict.fromkeys(ANSWER_METRICS, FAILED))


def _turned(arms: Sequence[str], place: int) -> list[str]:
    shift = place % len(arms)
    return [*arms[shift:], *arms[:shift]]


def _language(question: Question) -> Language:
    return "zh" if question.language == "zh" else "en"
