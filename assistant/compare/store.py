"""Experiments in the data folder's SQLite file: plan, every answer with all it was made from, scores, results.

Its tables start with `experiment_` and have a version of their own. May be used from any thread.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from assistant.answer_json import answer_from_json, retrieval_from_json
from assistant.arms import Answer, Sampling, to_json
from assistant.compare.questions import Question, QuestionSet, questions_from_json, questions_json
from assistant.compare.scoring import Score, scores_from_json, scores_to_json
from assistant.errors import ExperimentError
from knowledge.documents import Retrieval

ExperimentState = Literal["new", "running", "stopped", "done"]

_MIGRATIONS = (
    (
        """CREATE TABLE experiment_run (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL,
            state TEXT NOT NULL,
            plan TEXT NOT NULL,
            questions TEXT NOT NULL,
            questions_sha256 TEXT NOT NULL,
            manifest TEXT NOT NULL,
            results TEXT,
            created_at REAL NOT NULL,
            finished_at REAL
        )""",
        """CREATE TABLE experiment_retrieval (
            run_id INTEGER NOT NULL REFERENCES experiment_run (id) ON DELETE CASCADE,
            question_id TEXT NOT NULL,
            seconds REAL NOT NULL,
            retrieval TEXT NOT NULL,
            scores TEXT NOT NULL,
            PRIMARY KEY (run_id, question_id)
        )""",
        """CREATE TABLE experiment_answer (
            run_id INTEGER NOT NULL REFERENCES experiment_run (id) ON DELETE CASCADE,
            question_id TEXT NOT NULL,
            arm TEXT NOT NULL,
            answer TEXT,
            error TEXT,
            warm INTEGER NOT NULL,
            memory_bytes INTEGER,
            energy_j REAL,
            scores TEXT NOT NULL,
            answered_at REAL NOT NULL,
            PRIMARY KEY (run_id, question_id, arm)
        )""",
    ),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is declared before a run and not changed afterwards.

    Args:
        arms: names, in the order of the reports; see `Arm.name`.
        primary: the one metric that decides.
        contrast: the one pair that decides: how much better the second is than the first.
        margin: differences within plus and minus this, 0..1, count as none.
        wanted: the least difference that would matter, 0..1; the meter goes by it.
        base_names: knowledge bases that are searched.
        top_k: passages; None takes the settings'.
        sampling: None is greedy with the limits of the settings, or what suits the model.
        seed: of every resampling.
    """

    arms: tuple[str, ...]
    primary: str
    contrast: tuple[str, str]
    base_names: tuple[str, ...] = ()
    margin: float = 0.05
    wanted: float = 0.10
    top_k: int | None = None
    sampling: Sampling | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment without its answers; times are seconds since 1970."""

    id: int
    name: str
    state: ExperimentState
    plan: Plan
    questions: tuple[Question, ...]
    questions_sha256: str
    manifest: Mapping[str, Any]
    results: Mapping[str, Any] | None
    created_at: float
    finished_at: float | None


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """One arm's answer to one question, or its error, with the scores as they were first computed.

    Args:
        error: the arm's error in English and Chinese, None when it answered.
    """

    question_id: str
    arm: str
    answer: Answer | None
    error: Mapping[str, str] | None
    warm: bool
    memory_bytes: int | None
    energy_j: float | None
    scores: Mapping[str, Score]


@dataclass(frozen=True, slots=True)
class StoredRetrieval:
    """What one question found, once for all arms."""

    question_id: str
    seconds: float
    retrieval: Retrieval
    scores: Mapping[str, Score]


class Experiments:
    """The experiments of one data folder.

    Args:
        database: the SQLite file; it and the tables are made when missing.
    """

    def __init__(self, database: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(database, check_same_thread=False, isolation_level=None, timeout=30)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "foreign_keys = ON"):
            self._db.execute(f"PRAGMA {pragma}")
        with self._writing() as db:
            db.execute("CREATE TABLE IF NOT EXISTS experiment_migration (version INTEGER PRIMARY KEY)")
            done = db.execute("SELECT coalesce(max(version), 0) FROM experiment_migration").fetchone()[0]
            for version, statements in enumerate(_MIGRATIONS[done:], done + 1):
                for statement in statements:
                    db.execute(statement)
                db.execute("INSERT INTO experiment_migration VALUES (?)", (version,))

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._db.close()

    def create(self, name: str, questions: QuestionSet, plan: Plan) -> int:
        """Freeze a question set and a plan; return the experiment's number."""
        with self._writing() as db:
            row = db.execute(
                "INSERT INTO experiment_run (name, state, plan, questions, questions_sha256, manifest, created_at)"
                " VALUES (?, 'new', ?, ?, ?, '{}', ?)",
                (
                    name.strip() or questions.name,
                    _dump(asdict(plan)),
                    questions_json(questions.questions),
                    questions.sha256,
                    time.time(),
                ),
            )
            assert row.lastrowid is not None
            return row.lastrowid

    def all(self) -> list[Experiment]:
        """All experiments, latest first."""
        with self._lock:
            rows = self._db.execute(f"SELECT {_COLUMNS} FROM experiment_run ORDER BY id DESC").fetchall()
        return [_experiment(row) for row in rows]

    def get(self, experiment_id: int) -> Experiment:
        """One experiment.

        Raises:
            ExperimentError: there is none of this number.
        """
        with self._lock:
            row = self._db.execute(
                f"SELECT {_COLUMNS} FROM experiment_run WHERE id = ?", (experiment_id,)
            ).fetchone()
        if row is None:
            raise ExperimentError("experiment_unknown", id=experiment_id)
        return _experiment(row)

    def answers(self, experiment_id: int) -> list[StoredAnswer]:
        """All answers and failures, in the order they came."""
        with self._lock:
            rows = self._db.execute(
                "SELECT question_id, arm, answer, error, warm, memory_bytes, energy_j, scores"
                " FROM experiment_answer WHERE run_id = ? ORDER BY answered_at, rowid",
                (experiment_id,),
            ).fetchall()
        return [_answer(row) for row in rows]

    def answered(self, experiment_id: int) -> set[tuple[str, str]]:
        """(question, arm) pairs that have an answer; failures are not among them."""
        with self._lock:
            return set(
                self._db.execute(
                    "SELECT question_id, arm FROM experiment_answer WHERE run_id = ? AND answer IS NOT NULL",
                    (experiment_id,),
                ).fetchall()
            )

    def retrievals(self, experiment_id: int) -> dict[str, StoredRetrieval]:
        """What each question found, by its id."""
        with self._lock:
            rows = self._db.execute(
                "SELECT question_id, seconds, retrieval, scores FROM experiment_retrieval WHERE run_id = ?",
                (experiment_id,),
            ).fetchall()
        return {row[0]: _retrieval(row) for row in rows}

    def retrieval(self, experiment_id: int, question_id: str) -> StoredRetrieval | None:
        """What one question found, or None when it was not looked up yet."""
        with self._lock:
            row = self._db.execute(
                "SELECT question_id, seconds, retrieval, scores FROM experiment_retrieval"
                " WHERE run_id = ? AND question_id = ?",
                (experiment_id, question_id),
            ).fetchone()
        return None if row is None else _retrieval(row)

    def save_answer(self, experiment_id: int, stored: StoredAnswer) -> None:
        """Keep an answer or a failure; an earlier failure of the same arm and question gives way."""
        with self._writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO experiment_answer VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    experiment_id,
                    stored.question_id,
                    stored.arm,
                    None if stored.answer is None else _dump(to_json(stored.answer)),
                    None if stored.error is None else _dump(stored.error),
                    stored.warm,
                    stored.memory_bytes,
                    stored.energy_j,
                    _dump(scores_to_json(stored.scores)),
                    time.time(),
                ),
            )

    def save_retrieval(self, experiment_id: int, stored: StoredRetrieval) -> None:
        """Keep what a question found."""
        with self._writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO experiment_retrieval VALUES (?, ?, ?, ?, ?)",
                (
                    experiment_id,
                    stored.question_id,
                    stored.seconds,
                    _dump(to_json(stored.retrieval)),
                    _dump(scores_to_json(stored.scores)),
                ),
            )

    def save_manifest(self, experiment_id: int, manifest: Mapping[str, Any]) -> None:
        """Keep what the run is made with."""
        with self._writing() as db:
            db.execute(
                "UPDATE experiment_run SET manifest = ? WHERE id = ?", (_dump(manifest), experiment_id)
            )

    def set_state(
        self, experiment_id: int, state: ExperimentState, *, results: Mapping[str, Any] | None = None
    ) -> None:
        """Note how far a run is; results are kept with the state they belong to."""
        finished = time.time() if state in ("stopped", "done") else None
        with self._writing() as db:
            db.execute(
                "UPDATE experiment_run SET state = ?, finished_at = ?, results = ? WHERE id = ?",
                (state, finished, None if results is None else _dump(results), experiment_id),
            )

    def delete(self, experiment_id: int) -> None:
        """Delete an experiment so that none of its text remains in the file or its log.

        Raises:
            ExperimentError: there is none of this number.
        """
        self.get(experiment_id)
        with self._writing() as db:
            db.execute("DELETE FROM experiment_run WHERE id = ?", (experiment_id,))
        with self._lock:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction; a full disk or a damaged file becomes one clear line."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except sqlite3.Error as err:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise ExperimentError("experiment_not_saved", reason=err) from err
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise


_COLUMNS = "id, name, state, plan, questions, questions_sha256, manifest, results, created_at, finished_at"


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _experiment(row: tuple[Any, ...]) -> Experiment:
    plan = json.loads(row[3])
    if (sampling := plan["sampling"]) is not None:
        plan["sampling"] = Sampling(**sampling | {"stop": tuple(sampling["stop"])})
    plan |= {key: tuple(plan[key]) for key in ("arms", "contrast", "base_names")}
    return Experiment(
        id=row[0],
        name=row[1],
        state=row[2],
        plan=Plan(**plan),
        questions=questions_from_json(row[4]),
        questions_sha256=row[5],
        manifest=json.loads(row[6]),
        results=None if row[7] is None else json.loads(row[7]),
        created_at=row[8],
        finished_at=row[9],
    )


def _answer(row: tuple[Any, ...]) -> StoredAnswer:
    return StoredAnswer(
        question_id=row[0],
        arm=row[1],
        answer=None if row[2] is None else answer_from_json(json.loads(row[2])),
        error=None if row[3] is None else json.loads(row[3]),
        warm=bool(row[4]),
        memory_bytes=row[5],
        energy_j=row[6],
        scores=scores_from_json(json.loads(row[7])),
    )


def _retrieval(row: tuple[Any, ...]) -> StoredRetrieval:
    return StoredRetrieval(
        row[0], row[1], retrieval_from_json(json.loads(row[2])), scores_from_json(json.loads(row[3]))
    )
