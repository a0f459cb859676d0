"""The scores of an experiment by arm, metric and question: what every comparison is made from."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from assistant.compare.questions import Question, clusters_of
from assistant.compare.records import Experiment, StoredAnswer
from assistant.compare.scoring import Score

_NOT_ASKED = Score("unscored", reason="not_asked")


class Table:
    """Scores by arm, metric and question, with the clusters of the questions."""

    def __init__(self, experiment: Experiment, answers: Iterable[StoredAnswer]) -> None:
        self.questions = experiment.questions
        self.plan = experiment.plan
        self.adapters: Mapping[str, Any] = experiment.manifest.get("adapters", {})
        self.answers = {(stored.arm, stored.question_id): stored for stored in answers}
        self.clusters, self.clustered_by = clusters_of(experiment.questions)
        self._cluster_of = dict(
            zip((question.id for question in self.questions), self.clusters or (), strict=False)
        )
        self.groups = self.plan.groups

    def members(self, name: str) -> tuple[str, ...]:
        """The arms that a name stands for: those of a group, else the one."""
        return self.groups.get(name, (name,))

    def score(self, name: str, metric: str, question: Question) -> Score:
        """An arm's score, or the mean of a group's; questions without an answer yet are unscored."""
        members = self.groups.get(name)
        if members is None:
            stored = self.answers.get((name, question.id))
            return _NOT_ASKED if stored is None else stored.scores.get(metric, _NOT_ASKED)
        scores = [self.score(member, metric, question) for member in members]
        lacking = [score for score in scores if score.value is None]
        if lacking:  # a mean over fewer adapters would be of luckier ones
            return next((score for score in lacking if score.state == "failed"), lacking[0])
        return Score("scored", fmean(score.value for score in scores if score.value is not None))

    def refused(self, name: str, question: Question) -> list[bool]:
        """Whether an arm refused, one for each of its answers that is there."""
        there = [self.answers.get((member, question.id)) for member in self.members(name)]
        return [one.answer.refused for one in there if one is not None and one.answer is not None]

    def clusters_for(self, questions: Iterable[Question]) -> list[str] | None:
        """The clusters of some questions; None where each counts by itself."""
        return [self._cluster_of[question.id] for question in questions] if self.clusters else None

    def joint(
        self, arms: Sequence[str], metric: str, *, keep: Sequence[Question] | None = None
    ) -> tuple[list[list[float]], list[str] | None, list[Question]]:
        """Scores of the questions that all these arms were scored on: one list per arm, clusters, questions."""
        rows: list[list[float]] = [[] for _ in arms]
        kept: list[Question] = []
        wanted = None if keep is None else {question.id for question in keep}
        for question in self.questions:
            if wanted is not None and question.id not in wanted:
                continue
            scores = [self.score(arm, metric, question).value for arm in arms]
            if all(score is not None for score in scores):
                for row, score in zip(rows, scores, strict=True):
                    row.append(score)  # type: ignore[arg-type]
                kept.append(question)
        return rows, self.clusters_for(kept), kept
