"""Asks questions of arms and keeps what comes of it: answer, scores, time, memory, energy.

Knows nothing of order, stopping for good and results; `assistant.compare.experiment` does.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Protocol

from assistant.arms import Answer
from assistant.compare.cells import looks_up_itself
from assistant.compare.machine import EnergyCounter, PeakMemory
from assistant.compare.metric_table import ANSWER_METRICS
from assistant.compare.questions import Question
from assistant.compare.records import Experiment, StoredAnswer, StoredRetrieval
from assistant.compare.scoring import FAILED, Asked, Score, score_answer, score_retrieval
from assistant.compare.store import Experiments
from assistant.errors import TANDEM_ERRORS
from assistant.messages import Language
from knowledge.documents import Retrieval

Task = tuple[Question, str]
"""A question and the arm to ask."""
Outcome = tuple[Question, str, Exception | None]
"""A question, the arm that was asked, and the error of ours that it ended with."""


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


class Asking:
    """Asks and saves, one answer at a time or several together.

    Args:
        should_stop: asked before each question; what was begun by then is finished.
    """

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
        """Ask one after the other, measuring each."""
        for question, arm in tasks:
            if self._stop():
                return
            found = self._found(question)
            self._memory.begin()
            self._energy.since_last_j()
            yield question, arm, self._ask(question, arm, found, together=1)
            self._warm.add(arm)  # an arm's first answer also reads its files into memory

    def together(self, tasks: Sequence[Task], at_once: int) -> Iterator[Outcome]:
        """Ask so many at once; outcomes come as they are ready."""
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
        """What a question finds, looked up by whichever arm is asked first; its failure is each arm's."""
        stored = self._store.retrieval(self._id, question.id)
        if stored is None:
            began = time.perf_counter()
            try:
                retrieval = self._asker.search(question.text)
            except TANDEM_ERRORS as err:
                return err
            seconds = time.perf_counter() - began
            scores = score_retrieval(question, retrieval, indexed=self._experiment.searched())
            stored = StoredRetrieval(question.id, seconds, retrieval, scores)
            self._store.save_retrieval(self._id, stored)
        return stored

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
            seconds = answer.timings_ms.get("retrieve", 0.0) / 1000
            stored = StoredRetrieval(
                question.id, seconds, own, score_retrieval(question, own, indexed=searched)
            )
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


def _failure(question: Question, arm: str, error: Any) -> StoredAnswer:
    told = {"en": error.text("en"), "zh": error.text("zh")}
    return StoredAnswer(question.id, arm, None, told, True, None, None, dict.fromkeys(ANSWER_METRICS, FAILED))


def language_of(question: Question) -> Language:
    """The language that a question is answered in."""
    return "zh" if question.language == "zh" else "en"
