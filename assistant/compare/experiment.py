"""Runs an experiment: asks every question of every arm, alone or several together, and keeps everything.

A run is an iterator of events, so that the command line, a background job and a test drive it alike. It can
be stopped between any two answers and resumed; what was answered is not asked again.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Protocol

from assistant.arms import Answer
from assistant.compare.cells import looks_up_itself
from assistant.compare.exports import analyse_stored
from assistant.compare.machine import EnergyCounter, PeakMemory, code_manifest, machine_manifest
from assistant.compare.metric_table import ANSWER_METRICS, METRICS, default_primary
from assistant.compare.pace import Pace
from assistant.compare.questions import Question, QuestionSet
from assistant.compare.records import Experiment, Plan, StoredAnswer, StoredRetrieval
from assistant.compare.scoring import FAILED, Asked, Score, score_answer, score_retrieval
from assistant.compare.store import Experiments
from assistant.errors import TANDEM_ERRORS, ExperimentError
from assistant.messages import Language
from knowledge.documents import Retrieval

TIMED = 20
"""Questions, at least, whose answers are made alone and timed; all, in a set of fewer than twice as many."""


class Asker(Protocol):
    """What an experiment needs of the application."""

    def identity(self, arms: Sequence[str]) -> dict[str, Any]:
        """Everything that must not change between the parts of a run, as plain JSON.

        Its "sources" are the names of the searched files.
        """

    def search(self, question: str) -> Retrieval:
        """Find passages once for all arms."""

    def ask(self, question: str, arm: str, retrieval: Retrieval, language: Language) -> Answer:
        """Answer by one arm, reading `retrieval` if the arm retrieves; raises one of ours when it fails.

        Called from several threads at once.
        """

    def read(self, question: str, arm: str) -> Retrieval | None:
        """What an arm with a look-up of its own has just read to answer a question; told once."""

    def similarity(self, question: Question, text: str) -> Score:
        """How near a text is in meaning to the question's references; "" is a refusal."""

    def base_ids(self) -> Sequence[int]:
        """Numbers of the knowledge bases that are searched."""

    def about_adapters(self, arms: Sequence[str], questions: Sequence[Question]) -> dict[str, Any]:
        """What is known of the arms' adapters, by name; see `adapter_facts.adapter_facts`."""


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

    The primary metric is F1 by the rules that fit the questions' language; the primary contrast is what an
    adapter adds to retrieval where both were asked, else what the last arm adds to the one before it.

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
    plan = Plan(arms=names, primary=primary, contrast=(names[0], names[1]), **declared)
    contrast = contrast or default_contrast(plan.units if len(plan.units) > 1 else names)
    offered = tuple(dict.fromkeys((*plan.units, *names)))
    members = [set(plan.groups.get(name, (name,))) for name in contrast]
    if not set(contrast) <= set(offered) or members[0] & members[1]:
        raise ExperimentError(
            "experiment_contrast_wrong", contrast=" ".join(contrast), arms=", ".join(offered)
        )
    return replace(plan, contrast=contrast)


def default_arms(adapters: Sequence[str]) -> list[str]:
    """The 2 x 2 of the first adapter; without one, its half."""
    trained = [f"sft:{adapters[0]}", f"rag+sft:{adapters[0]}"] if adapters else []
    return ["base", "rag", *trained]


def default_contrast(arms: Sequence[str]) -> tuple[str, str]:
    """The pair to declare when none is chosen."""
    both = next((arm for arm in arms if arm.startswith("rag+sft")), None)
    return ("rag", both) if both is not None and "rag" in arms else (arms[-2], arms[-1])


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
    asking = _Asking(store, experiment, asker, should_stop)
    pace = Pace(len(alone), len(together), experiment.plan.at_once)
    count, failed = len(done), 0
    try:
        for asked, at_once in chain(
            ((asked, 1) for asked in asking.alone(alone)),
            ((asked, 2) for asked in asking.together(together, experiment.plan.at_once)),
        ):
            question, arm, error = asked
            count, failed = count + 1, failed + (error is not None)
            left = pace.left(alone=at_once == 1)
            yield Answered(question.id, arm, count, total, failed, error, left)
    except BaseException:  # Ctrl-C, a closed iterator, a full disk: not running any more
        store.set_state(experiment_id, "stopped")
        raise
    stopped = count < total
    results = analyse_stored(store, store.get(experiment_id))
    store.set_state(experiment_id, "stopped" if stopped else "done", results=results)
    yield Ended(experiment_id, stopped, failed, results)


Task = tuple[Question, str]
Outcome = tuple[Question, str, Exception | None]


class _Asking:
    """Asks and saves, one answer at a time or several together."""

    def __init__(
        self,
        store: Experiments,
        experiment: Experiment,
        asker: Asker,
        should_stop: Callable[[], bool],
    ) -> None:
        self._store, self._id, self._asker = store, experiment.id, asker
        self._experiment, self._stop = experiment, should_stop
        self._memory, self._energy = PeakMemory(), EnergyCounter()
        self._warm: set[str] = set()

    def alone(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        for question, arm in tasks:
            if self._stop():
                return
            found = self._found(question)
            self._memory.begin()
            self._energy.since_last_j()
            yield question, arm, self._ask(question, arm, found, together=1)
            self._warm.add(arm)  # an arm's first answer also reads its files into memory

    def together(self, tasks: Sequence[Task], at_once: int) -> Iterator[Outcome]:
        waiting = iter(tasks)
        running: dict[Future[Exception | None], Task] = {}
        with ThreadPoolExecutor(max_workers=max(at_once, 1), thread_name_prefix="experiment") as pool:
            while True:
                while len(running) < at_once and not self._stop():
                    task = next(waiting, None)
                    if task is None:
                        break
                    found = self._found(task[0])
                    running[pool.submit(self._ask, *task, found, together=at_once)] = task
                if not running:
                    return
                for ended in wait(running, return_when=FIRST_COMPLETED).done:
                    question, arm = running.pop(ended)
                    yield question, arm, ended.result()

    def _found(self, question: Question) -> StoredRetrieval | Exception:
        return _retrieval(self._store, self._id, self._asker, question, self._experiment.searched())

    def _ask(
        self, question: Question, arm: str, found: StoredRetrieval | Exception, *, together: int
    ) -> Exception | None:
        """Ask one arm and save what comes of it; return the error, if one of ours."""
        try:
            if isinstance(found, Exception):
                raise found
            answer = self._asker.ask(question.text, arm, found.retrieval, language_of(question))
        except TANDEM_ERRORS as err:
            self._store.save_answer(self._id, _failure(question, arm, err))
            return err
        asked = Asked(
            answer,
            found.retrieval,
            retrieves=arm.startswith("rag"),
            retrieve_s=found.seconds,
            warm=arm in self._warm,
            together=together,
            memory_bytes=self._memory.read() if together == 1 else None,
            energy_j=self._energy.since_last_j() if together == 1 else None,
        )
        searched = self._experiment.searched(arm)
        if looks_up_itself(arm) and (own := self._asker.read(question.text, arm)) is not None:
            found_scores = score_retrieval(question, own, indexed=searched)
            seconds = answer.timings_ms.get("retrieve", 0.0) / 1000
            stored = StoredRetrieval(question.id, seconds, own, found_scores)
            self._store.save_own_retrieval(self._id, arm, stored)
        scores = score_answer(question, asked, indexed=searched)
        scores["similarity"] = self._asker.similarity(question, "" if answer.refused else answer.text)
        self._store.save_answer(
            self._id,
            StoredAnswer(
                question.id,
                arm,
                answer,
                None,
                asked.warm,
                asked.memory_bytes,
                asked.energy_j,
                scores,
                together=together,
            ),
        )
        return None


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


def _failure(question: Question, arm: str, error: Any) -> StoredAnswer:
    told = {"en": error.text("en"), "zh": error.text("zh")}
    return StoredAnswer(question.id, arm, None, told, True, None, None, dict.fromkeys(ANSWER_METRICS, FAILED))


def _turned(arms: Sequence[str], place: int) -> list[str]:
    shift = place % len(arms)
    return [*arms[shift:], *arms[:shift]]


def language_of(question: Question) -> Language:
    """The language that a question is answered in."""
    return "zh" if question.language == "zh" else "en"
