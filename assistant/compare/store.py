"""Experiments in the data folder's SQLite file: plan, every answer with all it was made from, scores, results.

Its tables start with `experiment_` and have a version of their own. May be used from any thread.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assistant.arms import to_json
from assistant.compare.experiment_tables import MIGRATIONS
from assistant.compare.questions import Question, QuestionSet, questions_json
from assistant.compare.records import (
    Experiment,
    ExperimentState,
    Plan,
    StoredAnswer,
    StoredJudgement,
    StoredProbe,
    StoredRetrieval,
    answer_of,
    dump,
    experiment_of,
    probe_of,
    retrieval_of,
    without_text,
)
from assistant.compare.scoring import scores_to_json
from assistant.errors import ExperimentError
from assistant.tables import Tables


class Experiments:
    """The experiments of one data folder.

    Args:
        database: the SQLite file; it and the tables are made when missing.

    Raises:
        AssistantError: the file was written by a newer version of the program, or cannot be read or written; the
            latter from any method.
    """

    def __init__(self, database: Path) -> None:
        self._tables = Tables(
            database,
            "experiment_migration",
            MIGRATIONS,
            unreadable=lambda _file, reason: ExperimentError("experiment_not_saved", reason=reason),
        )

    def close(self) -> None:
        """Let the file go."""
        self._tables.close()

    def create(self, name: str, questions: QuestionSet, plan: Plan) -> int:
        """Freeze a question set and a plan; return the experiment's number."""
        with self._tables.writing() as db:
            row = db.execute(
                "INSERT INTO experiment_run (name, state, plan, questions, questions_sha256, manifest, created_at)"
                " VALUES (?, 'new', ?, ?, ?, '{}', ?)",
                (
                    name.strip() or questions.name,
                    dump(asdict(plan)),
                    questions_json(questions.questions),
                    questions.sha256,
                    time.time(),
                ),
            )
            assert row.lastrowid is not None
            return row.lastrowid

    def again(self, experiment_id: int) -> int:
        """Freeze the questions and the plan of an experiment once more; return the new one's number.

        Raises:
            ExperimentError: there is none of this number, or its texts were erased.
        """
        earlier = self.with_texts(experiment_id)
        return self.create(earlier.name, QuestionSet(earlier.name, earlier.questions), earlier.plan)

    def all(self) -> list[Experiment]:
        """All experiments, latest first."""
        rows = self._tables.rows(f"SELECT {_COLUMNS} FROM experiment_run ORDER BY id DESC")
        return [experiment_of(row) for row in rows]

    def get(self, experiment_id: int) -> Experiment:
        """One experiment.

        Raises:
            ExperimentError: there is none of this number.
        """
        rows = self._tables.rows(f"SELECT {_COLUMNS} FROM experiment_run WHERE id = ?", experiment_id)
        if not rows:
            raise ExperimentError("experiment_unknown", id=experiment_id)
        return experiment_of(rows[0])

    def with_texts(self, experiment_id: int) -> Experiment:
        """One experiment that can be asked, continued and judged.

        Raises:
            ExperimentError: there is none of this number, or its texts were erased.
        """
        experiment = self.get(experiment_id)
        if experiment.manifest.get("erased"):
            raise ExperimentError("experiment_erased", id=experiment_id)
        return experiment

    def answers(self, experiment_id: int) -> list[StoredAnswer]:
        """All answers and failures, in the order they came."""
        rows = self._tables.rows(
            "SELECT question_id, arm, answer, error, warm, memory_bytes, energy_j, scores, together"
            " FROM experiment_answer WHERE run_id = ? ORDER BY answered_at, rowid",
            experiment_id,
        )
        return [answer_of(row) for row in rows]

    def answered(self, experiment_id: int) -> set[tuple[str, str]]:
        """(question, arm) pairs that have an answer; failures are not among them."""
        query = "SELECT question_id, arm FROM experiment_answer WHERE run_id = ? AND answer IS NOT NULL"
        return {(question_id, arm) for question_id, arm in self._tables.rows(query, experiment_id)}

    def retrievals(self, experiment_id: int) -> dict[str, StoredRetrieval]:
        """What each question found, by its id."""
        rows = self._tables.rows(
            "SELECT question_id, seconds, retrieval, scores FROM experiment_retrieval WHERE run_id = ?",
            experiment_id,
        )
        return {row[0]: retrieval_of(row) for row in rows}

    def own_retrievals(self, experiment_id: int) -> dict[tuple[str, str], StoredRetrieval]:
        """What arms with a look-up of their own found, by question and arm."""
        rows = self._tables.rows(
            "SELECT question_id, seconds, retrieval, scores, arm FROM experiment_own_retrieval"
            " WHERE run_id = ?",
            experiment_id,
        )
        return {(row[0], row[4]): retrieval_of(row) for row in rows}

    def retrieval(self, experiment_id: int, question_id: str) -> StoredRetrieval | None:
        """What one question found, or None when it was not looked up yet."""
        rows = self._tables.rows(
            "SELECT question_id, seconds, retrieval, scores FROM experiment_retrieval"
            " WHERE run_id = ? AND question_id = ?",
            experiment_id,
            question_id,
        )
        return retrieval_of(rows[0]) if rows else None

    def save_answer(self, experiment_id: int, stored: StoredAnswer) -> None:
        """Keep an answer or a failure; an earlier failure of the same arm and question gives way."""
        with self._tables.writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO experiment_answer VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    experiment_id,
                    stored.question_id,
                    stored.arm,
                    None if stored.answer is None else dump(to_json(stored.answer)),
                    None if stored.error is None else dump(stored.error),
                    stored.warm,
                    stored.memory_bytes,
                    stored.energy_j,
                    dump(scores_to_json(stored.scores)),
                    time.time(),
                    stored.together,
                ),
            )

    def save_scores(self, experiment_id: int, stored: StoredAnswer) -> None:
        """Put other scores in the place of an answer's."""
        with self._tables.writing() as db:
            db.execute(
                "UPDATE experiment_answer SET scores = ? WHERE run_id = ? AND question_id = ? AND arm = ?",
                (dump(scores_to_json(stored.scores)), experiment_id, stored.question_id, stored.arm),
            )

    def save_results(self, experiment_id: int, results: Mapping[str, Any]) -> None:
        """Put other results in the place of an experiment's, which ended when it ended."""
        with self._tables.writing() as db:
            db.execute(
                "UPDATE experiment_run SET results = ? WHERE id = ?",
                (dump(results, in_order=True), experiment_id),
            )

    def save_retrieval(self, experiment_id: int, stored: StoredRetrieval) -> None:
        """Keep what a question found."""
        with self._tables.writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO experiment_retrieval VALUES (?, ?, ?, ?, ?)",
                (
                    experiment_id,
                    stored.question_id,
                    stored.seconds,
                    dump(to_json(stored.retrieval)),
                    dump(scores_to_json(stored.scores)),
                ),
            )

    def save_own_retrieval(self, experiment_id: int, arm: str, stored: StoredRetrieval) -> None:
        """Keep what an arm with a look-up of its own found."""
        with self._tables.writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO experiment_own_retrieval VALUES (?, ?, ?, ?, ?, ?)",
                (
                    experiment_id,
                    stored.question_id,
                    arm,
                    stored.seconds,
                    dump(to_json(stored.retrieval)),
                    dump(scores_to_json(stored.scores)),
                ),
            )

    def save_probe(self, experiment_id: int, stored: StoredProbe) -> None:
        """Keep an answer that was asked for under changed conditions."""
        with self._tables.writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO experiment_probe VALUES (?, ?, ?, ?, ?, ?)",
                (
                    experiment_id,
                    stored.question_id,
                    stored.arm,
                    stored.change,
                    dump(to_json(stored.answer)),
                    dump(stored.facts),
                ),
            )

    def probes(self, experiment_id: int) -> list[StoredProbe]:
        """All answers under changed conditions, in the order they came."""
        rows = self._tables.rows(
            "SELECT question_id, arm, change, answer, facts FROM experiment_probe WHERE run_id = ?"
            " ORDER BY rowid",
            experiment_id,
        )
        return [probe_of(row) for row in rows]

    def save_judge(self, experiment_id: int, judge: str, card: Mapping[str, Any]) -> None:
        """Keep what a judge showed in its exam."""
        with self._tables.writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO experiment_judge VALUES (?, ?, ?)", (experiment_id, judge, dump(card))
            )

    def judges(self, experiment_id: int) -> dict[str, dict[str, Any]]:
        """The cards of the judges that were asked, by their names."""
        rows = self._tables.rows(
            "SELECT judge, card FROM experiment_judge WHERE run_id = ? ORDER BY rowid", experiment_id
        )
        return {name: json.loads(card) for name, card in rows}

    def save_judgement(self, experiment_id: int, judge: str, stored: StoredJudgement) -> None:
        """Keep what a judge said of one pair of answers."""
        with self._tables.writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO experiment_judgement VALUES (?, ?, ?, ?, ?, ?)",
                (experiment_id, judge, stored.question_id, stored.first, stored.second, dump(stored.facts)),
            )

    def judgements(self, experiment_id: int, judge: str) -> list[StoredJudgement]:
        """What a judge said, in the order it was asked."""
        rows = self._tables.rows(
            "SELECT question_id, first, second, facts FROM experiment_judgement"
            " WHERE run_id = ? AND judge = ? ORDER BY rowid",
            experiment_id,
            judge,
        )
        return [StoredJudgement(row[0], row[1], row[2], json.loads(row[3])) for row in rows]

    def save_manifest(self, experiment_id: int, manifest: Mapping[str, Any]) -> None:
        """Keep what the run is made with."""
        with self._tables.writing() as db:
            db.execute("UPDATE experiment_run SET manifest = ? WHERE id = ?", (dump(manifest), experiment_id))

    def set_state(
        self, experiment_id: int, state: ExperimentState, *, results: Mapping[str, Any] | None = None
    ) -> None:
        """Note how far a run is; results are kept with the state they belong to."""
        finished = time.time() if state in ("stopped", "done") else None
        with self._tables.writing() as db:
            db.execute(
                "UPDATE experiment_run SET state = ?, finished_at = ?, results = ? WHERE id = ?",
                (state, finished, None if results is None else dump(results, in_order=True), experiment_id),
            )

    def mark_interrupted(self) -> None:
        """Note that what is said to run was cut off; only for the one process that owns the data folder."""
        with self._tables.writing() as db:
            db.execute("UPDATE experiment_run SET state = 'interrupted' WHERE state = 'running'")

    def erase_texts(
        self,
        experiment_id: int,
        question_ids: Sequence[str],
        *,
        name: str,
        questions: Sequence[Question],
        manifest: Mapping[str, Any],
        results: Mapping[str, Any] | None,
        base_names: Sequence[str],
    ) -> None:
        """Overwrite what was found, answered and said about these questions; their scores stay.

        Args:
            name, questions, manifest, results, base_names: of the whole experiment, as they are to stand afterwards.
        """
        with self._tables.writing() as db:
            for question_id in question_ids:
                where = (experiment_id, question_id)
                db.execute("DELETE FROM experiment_probe WHERE run_id = ? AND question_id = ?", where)
                for table, kind in (
                    ("experiment_answer", "answer"),
                    ("experiment_retrieval", "retrieval"),
                    ("experiment_own_retrieval", "retrieval"),
                ):
                    rows = db.execute(
                        f"SELECT rowid, {kind} FROM {table} WHERE run_id = ? AND question_id = ?", where
                    ).fetchall()
                    for number, text in rows:
                        if text is not None:
                            erased = dump(without_text(json.loads(text)))
                            db.execute(f"UPDATE {table} SET {kind} = ? WHERE rowid = ?", (erased, number))
            plan = json.loads(
                db.execute("SELECT plan FROM experiment_run WHERE id = ?", (experiment_id,)).fetchone()[0]
            ) | {"base_names": list(base_names)}
            db.execute(
                "UPDATE experiment_run SET name = ?, plan = ?, questions = ?, manifest = ?, results = ?"
                " WHERE id = ?",
                (
                    name,
                    dump(plan),
                    questions_json(questions),
                    dump(manifest),
                    None if results is None else dump(results, in_order=True),
                    experiment_id,
                ),
            )
        self._tables.empty_log()

    def delete(self, experiment_id: int) -> None:
        """Delete an experiment so that none of its text remains in the file or its log.

        Raises:
            ExperimentError: there is none of this number.
        """
        self.get(experiment_id)
        with self._tables.writing() as db:
            db.execute("DELETE FROM experiment_run WHERE id = ?", (experiment_id,))
        self._tables.empty_log()


_COLUMNS = "id, name, state, plan, questions, questions_sha256, manifest, results, created_at, finished_at"
