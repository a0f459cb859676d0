"""The experiments of one App: set up, started in the background, watched, stopped, gone on with, read.

What an experiment is stands in `assistant.compare`; this joins it with the App that answers.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from assistant.compare.app_asker import AppAsker
from assistant.compare.background import BackgroundRun, Progress
from assistant.compare.contrasts import question_meter
from assistant.compare.counterfactual import LIMIT, probe_experiment, sources_of
from assistant.compare.experiment import ExperimentEvent, run_experiment
from assistant.compare.exports import csv_report, json_report, results_of
from assistant.compare.judges import LocalJudge, ServerJudge, judge_experiment, judged
from assistant.compare.planning import make_plan
from assistant.compare.questions import QuestionSet, load_questions, take
from assistant.compare.records import Experiment, Plan, StoredAnswer, StoredProbe, StoredRetrieval
from assistant.compare.score_table import Table
from assistant.compare.store import Experiments
from assistant.errors import ExperimentError
from assistant.forgetting import Gone, forgetting
from assistant.messages import Language
from assistant.setup import SAMPLE_BASES

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.compare.document_questions import DocumentQuestions

SAMPLES = Path(__file__).resolve().parent.parent / "samples" / "questions"


class Laboratory:
    """Experiments over an App's models and documents. At most one runs at a time.

    Opening it marks runs that an earlier process left running as interrupted: the App owns the data folder.
    """

    def __init__(self, app: "App") -> None:
        self._app = app
        self.store = Experiments(app.settings.database)
        self.store.mark_interrupted()
        self._lock = threading.Lock()
        self._latest: BackgroundRun | None = None

    def close(self) -> None:
        """Stop what runs after the answers that are being made, and let the file go."""
        if self._latest is not None:
            self._latest.stop()
            self._latest.wait(60)
        self.store.close()

    # ---- question sets ----

    def sample_languages(self) -> list[Language]:
        """Languages in which the sample manual is indexed and has questions."""
        indexed = {SAMPLE_BASES.get(base.name) for base in self._app.bases() if base.chunks}
        return [code for code in ("en", "zh") if code in indexed and (SAMPLES / f"{code}.jsonl").is_file()]

    def sample_bases(self, language: Language) -> list[str]:
        """Names of the knowledge bases that the sample questions of a language are about."""
        return [base.name for base in self._app.bases() if SAMPLE_BASES.get(base.name) == language]

    def sample_questions(self, language: Language, *, limit: int | None = None) -> QuestionSet:
        """The 120 questions about the sample manual, or so many of them.

        Raises:
            QuestionSetError: they are not in this installation.
        """
        found = load_questions(SAMPLES / f"{language}.jsonl")
        return take(found, limit) if limit else found

    def read_questions(
        self, name: str, data: bytes, *, language: str | None = None, limit: int | None = None
    ) -> QuestionSet:
        """A question set out of an uploaded file's bytes, checked; its name decides how it is read.

        Raises:
            QuestionSetError: it cannot be read, or nothing is left to ask.
        """
        with TemporaryDirectory() as folder:
            path = Path(folder) / ("questions" + Path(name).suffix.lower())
            path.write_bytes(data)
            found = load_questions(path, language=language)
        found = QuestionSet(name, found.questions, found.problems)
        return take(found, limit) if limit else found

    def document_questions(
        self, base_names: Sequence[str], *, count: int, adapter: str = "", seed: int = 0
    ) -> "DocumentQuestions":
        """Questions made by rules of the documents of some knowledge bases.

        Args:
            adapter: whose training data the questions must not stand in; "" for none.

        Raises:
            DatasetError: the bases are empty, or tell no fact.
            AdapterError: there is no such adapter.
            QuestionSetError: no question is left.
        """
        from assistant.compare.document_questions import questions_of_bases

        ids = self._app.base_ids(base_names)
        return questions_of_bases(self._app, ids, count=count, adapter=adapter, seed=seed)

    def same_recipe(self, arms: Sequence[str]) -> bool:
        """Whether the adapters of some arms are training runs of one recipe, which count together as one arm."""
        from assistant.compare.adapter_facts import same_recipe

        adapters = [name for arm in arms if (name := self._app.arm(arm).adapter) is not None]
        return same_recipe(adapters, self._app.settings.adapters_dir)

    # ---- running ----

    def start(self, name: str, questions: QuestionSet, plan: Plan) -> int:
        """Freeze questions and plan, begin to ask in the background, return the experiment's number.

        Raises:
            ExperimentError: another experiment is running.
            AssistantError: an arm or a knowledge base does not exist.
        """
        for arm in plan.arms:
            self._app.arm(arm)
        with self._lock:
            self._require_idle()
            asker = AppAsker(self._app, plan)
            number = self.store.create(name, questions, plan)
            self._latest = self._run(number, asker)
        return number

    def _run(self, number: int, asker: AppAsker) -> BackgroundRun:
        return BackgroundRun(
            number,
            lambda should_stop: run_experiment(self.store, number, asker, should_stop=should_stop),
        )

    def again(self, experiment_id: int) -> int:
        """Begin anew, in the background, with the questions and the plan of an experiment; return the new one's number.

        Raises:
            ExperimentError: there is none of this number, its texts were erased, or another one is running.
            AssistantError: an arm or a knowledge base does not exist any more.
        """
        earlier = self.store.with_texts(experiment_id)
        return self.start(earlier.name, QuestionSet(earlier.name, earlier.questions), earlier.plan)

    def resume(self, experiment_id: int) -> None:
        """Go on with an experiment that was stopped, cut off, or has failed answers, in the background.

        Raises:
            ExperimentError: there is none of this number, its texts were erased, or another one is running.
        """
        experiment = self.store.with_texts(experiment_id)
        with self._lock:
            self._require_idle()
            self._latest = self._run(experiment_id, AppAsker(self._app, experiment.plan))

    def probe(self, experiment_id: int, *, limit: int = LIMIT) -> None:
        """Ask again with passages removed, swapped and altered, in the background.

        Args:
            limit: right answers per retrieving arm that are looked into.

        Raises:
            ExperimentError: there is none of this number, its texts were erased, or another one is running.
        """
        experiment = self.store.with_texts(experiment_id)
        with self._lock:
            self._require_idle()
            asker = AppAsker(self._app, experiment.plan)
            self._latest = BackgroundRun(
                experiment_id,
                lambda should_stop: probe_experiment(
                    self.store, experiment_id, asker, limit=limit, should_stop=should_stop
                ),
            )

    def judge(self, experiment_id: int, *, model: str, url: str = "", key: str = "") -> None:
        """Let a judge sit its exam and, if it passes, judge the declared contrast, in the background.

        Args:
            model: a chat model of this machine, or, with `url`, what the server calls it.
            url, key: of an OpenAI-compatible server; questions and answers are sent there.

        Raises:
            ExperimentError: there is none of this number, its texts were erased, or another one is running.
        """
        self.store.with_texts(experiment_id)

        def work(should_stop: Callable[[], bool]) -> Iterator[ExperimentEvent]:
            judge = ServerJudge(url, model, key=key) if url else LocalJudge(model, self._app.settings)
            ballots = self._app.votes.all()
            yield from judge_experiment(
                self.store, experiment_id, judge, ballots=ballots, should_stop=should_stop
            )

        with self._lock:
            self._require_idle()
            self._latest = BackgroundRun(experiment_id, work)

    def stop(self, experiment_id: int) -> None:
        """Ask a running experiment to stop; every answer made so far is kept."""
        if self._latest is not None and self._latest.experiment_id == experiment_id:
            self._latest.stop()

    def wait(self, experiment_id: int, timeout_s: float | None = None) -> Progress | None:
        """Wait until an experiment of this process has ended, at most `timeout_s` seconds."""
        if self._latest is None or self._latest.experiment_id != experiment_id:
            return None
        return self._latest.wait(timeout_s)

    def progress(self, experiment_id: int) -> Progress | None:
        """How far an experiment is that was started or gone on with since this process began, else None."""
        if self._latest is None or self._latest.experiment_id != experiment_id:
            return None
        return self._latest.progress()

    def running(self) -> int | None:
        """The number of the experiment that is running now."""
        if self._latest is not None and self._latest.progress().state in ("running", "stopping"):
            return self._latest.experiment_id
        return None

    def _require_idle(self) -> None:
        busy = self.running()
        if busy is not None:
            raise ExperimentError("experiment_busy", id=busy)

    # ---- reading ----

    def all(self) -> list[Experiment]:
        """All experiments, latest first."""
        return self.store.all()

    def get(self, experiment_id: int) -> Experiment:
        """One experiment.

        Raises:
            ExperimentError: there is none of this number.
        """
        return self.store.get(experiment_id)

    def answered(self, experiment_id: int) -> int:
        """How many answers there are."""
        return len(self.store.answered(experiment_id))

    def results(self, experiment_id: int) -> dict[str, Any]:
        """Everything that is said about it, as `analysis.analyse` makes it; of a run under way, so far."""
        return results_of(self.store, self.store.get(experiment_id))

    def meter(self, experiment_id: int) -> dict[str, Any]:
        """How many questions are needed, by the answers so far; see `contrasts.question_meter`."""
        return question_meter(Table(self.store.get(experiment_id), self.store.answers(experiment_id)))

    def answers(self, experiment_id: int) -> Mapping[tuple[str, str], StoredAnswer]:
        """All answers and failures by question and arm."""
        return {(one.question_id, one.arm): one for one in self.store.answers(experiment_id)}

    def retrieval(self, experiment_id: int, question_id: str, arm: str = "") -> StoredRetrieval | None:
        """What a question found; for an arm with a look-up of its own, what that found."""
        if arm:
            return self.store.own_retrievals(experiment_id).get((question_id, arm))
        return self.store.retrieval(experiment_id, question_id)

    def sources(self, experiment_id: int) -> dict[str, dict[str, Any]]:
        """Where right answers came from, by arm; see `counterfactual.sources_of`."""
        return sources_of(self.store.probes(experiment_id))

    def probes(self, experiment_id: int) -> list[StoredProbe]:
        """Answers under changed conditions."""
        return self.store.probes(experiment_id)

    def judges(self, experiment_id: int) -> dict[str, dict[str, Any]]:
        """Each judge's card, with what its opinions add up to under "scores"."""
        return {
            name: card | {"scores": judged(self.store, experiment_id, name)}
            for name, card in self.store.judges(experiment_id).items()
        }

    def delete(self, experiment_id: int) -> None:
        """Delete an experiment so that none of its text remains.

        Raises:
            ExperimentError: there is none of this number, or it is running.
        """
        with self._lock:
            if self.running() == experiment_id:
                raise ExperimentError("experiment_busy", id=experiment_id)
            self.store.delete(experiment_id)

    def html(self, experiment_id: int, language: Language) -> str:
        """The report as one self-contained HTML page."""
        from assistant.compare.report import html_report

        return html_report(self.store, experiment_id, language)

    def csv(self, experiment_id: int, language: Language) -> str:
        """One row per question and arm with every score."""
        return csv_report(self.store, experiment_id, language)

    def json_text(self, experiment_id: int) -> str:
        """Everything, for other programs."""
        return json.dumps(json_report(self.store, experiment_id), ensure_ascii=False, indent=2)

    # ---- forgetting ----

    @contextmanager
    def forgetting_base(self, base_id: int) -> Iterator[None]:
        """Around the deletion of a knowledge base: what experiments, votes and conversations kept of it goes too.

        An experiment over it that is running is stopped first.

        Raises:
            NotFoundError: there is no such base.
        """
        base = self._app.base(base_id)
        names = tuple(source.name for source in self._app.sources(base_id))
        with self._forgetting(Gone(base_id, base_name=base.name, names=names)):
            yield

    @contextmanager
    def forgetting_source(self, source_id: int) -> Iterator[None]:
        """The same around the deletion of one file.

        Raises:
            NotFoundError: there is no such file.
        """
        source = self._app.knowledge.source(source_id)
        with self._forgetting(Gone(source.base_id, source_id, names=(source.name,))):
            yield

    @contextmanager
    def _forgetting(self, gone: Gone) -> Iterator[None]:
        busy = self.running()
        if busy is not None and gone.base_id in self.store.get(busy).manifest.get("base_ids", ()):
            self.stop(busy)
            self.wait(busy)
        app = self._app
        with forgetting(gone, experiments=self.store, votes=app.votes, conversations=app.conversations):
            yield

    @staticmethod
    def plan(questions: QuestionSet, arms: Sequence[str], **declared: Any) -> Plan:
        """Declare a run; see `planning.make_plan`.

        Raises:
            ExperimentError: there is no metric or arm of this name, or fewer than two arms.
        """
        return make_plan(questions, arms, **declared)
