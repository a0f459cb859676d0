"""People's votes on answers shown side by side, kept with everything needed to ask again.

Its tables stand in the data folder's one SQLite file beside those of others and have a version of their own.
What the votes add up to is told by `assistant.compare.leaderboard`.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from assistant.answer_json import answer_from_json, retrieval_from_json
from assistant.arm_names import names_model
from assistant.arms import Answer, Sampling, to_json
from assistant.errors import AssistantError
from assistant.tables import Tables
from knowledge.documents import Retrieval

Verdict = Literal["best", "tie", "all_bad"]

_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE votes (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            question TEXT NOT NULL,
            base_ids TEXT NOT NULL,
            base_names TEXT NOT NULL,
            sampling TEXT,
            top_k INTEGER,
            blind INTEGER NOT NULL,
            asked_at REAL NOT NULL,
            voted_at REAL NOT NULL,
            verdict TEXT NOT NULL,
            best TEXT,
            reason TEXT NOT NULL,
            corrected TEXT NOT NULL
        )""",
        """CREATE TABLE vote_answers (
            vote_id INTEGER NOT NULL REFERENCES votes (id) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            arm TEXT NOT NULL,
            answer TEXT,
            error TEXT,
            usable INTEGER,
            PRIMARY KEY (vote_id, position)
        )""",
    ),
    ("ALTER TABLE vote_answers ADD COLUMN retrieval TEXT",),
)


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """What stood in one column.

    Args:
        arm: its name; see `Arm.name`. Model, adapter hash, index generation and sampling are in the
            answer's record.
        answer: None where the arm failed.
        error: why it failed, in both languages.
        usable: what the voter said of it; None where nothing was said.
        retrieval: what was found for it, cited or not, and how it was searched for; None where nothing was looked up,
            and for votes that were cast before this was kept.
    """

    arm: str
    answer: Answer | None
    error: Mapping[str, str] | None = None
    usable: bool | None = None
    retrieval: Retrieval | None = None

    @property
    def judged(self) -> bool:
        """Whether it can be compared: an arm that failed or was stopped has no finished answer."""
        return self.answer is not None and self.answer.finish_reason != "cancelled"


@dataclass(frozen=True, slots=True)
class Ballot:
    """One vote on the answers to one question.

    Args:
        shown: the columns, from left to right.
        verdict: "all_bad" tells no preference.
        best: name of the arm that won; None unless `verdict` is "best".
        sampling, top_k: as asked for; None took what suits the model, or the settings'.
        blind: whether the arms' names were hidden until the vote.
        asked_at, voted_at: seconds since 1970.
        corrected: the answer as it should have been, "" where none was written.
    """

    question: str
    shown: tuple[ShownAnswer, ...]
    verdict: Verdict
    best: str | None = None
    base_ids: tuple[int, ...] = ()
    base_names: tuple[str, ...] = ()
    sampling: Sampling | None = None
    top_k: int | None = None
    blind: bool = True
    asked_at: float = 0.0
    voted_at: float = 0.0
    reason: str = ""
    corrected: str = ""
    id: int = 0

    @property
    def judged(self) -> tuple[ShownAnswer, ...]:
        """The columns that can be compared."""
        return tuple(column for column in self.shown if column.judged)

    @property
    def model(self) -> str:
        """The base model that answered; "" where no answer tells, or all arms name models of their own."""
        records = (
            column.answer.record
            for column in self.judged
            if column.answer is not None and not names_model(column.arm)
        )
        return next((record.model for record in records if record is not None), "")


class Votes:
    """The votes of one data folder; may be used from any thread.

    Args:
        database: the SQLite file; it and the tables are made when missing.

    Raises:
        AssistantError: the file cannot be opened or written.
    """

    def __init__(self, database: Path) -> None:
        self._tables = Tables(
            database,
            "vote_schema",
            _MIGRATIONS,
            unreadable=lambda file, reason: AssistantError("votes_unreadable", file=file, reason=reason),
        )

    def close(self) -> None:
        """Let the file go."""
        self._tables.close()

    def add(self, ballot: Ballot) -> Ballot:
        """Keep a vote; returns it with its number and the time.

        Raises:
            ValueError: fewer than two answers can be compared, or `best` does not fit the verdict.
            AssistantError: the file cannot be written.
        """
        arms = [column.arm for column in ballot.judged]
        if len(arms) < 2 or len(set(arms)) < len(arms):
            raise ValueError(f"a vote needs finished answers of different arms, got {arms}")
        if (ballot.best in arms) != (ballot.verdict == "best"):
            raise ValueError(f"verdict {ballot.verdict!r} does not fit the best arm {ballot.best!r}")
        ballot = replace(
            ballot,
            voted_at=ballot.voted_at or time.time(),
            reason=ballot.reason.strip(),
            corrected=ballot.corrected.strip(),
        )
        with self._tables.writing() as db:
            row = db.execute(
                "INSERT INTO votes (question, base_ids, base_names, sampling, top_k, blind, asked_at, "
                "voted_at, verdict, best, reason, corrected) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    ballot.question,
                    _dump(ballot.base_ids),
                    _dump(ballot.base_names),
                    None if ballot.sampling is None else _dump(ballot.sampling),
                    ballot.top_k,
                    ballot.blind,
                    ballot.asked_at,
                    ballot.voted_at,
                    ballot.verdict,
                    ballot.best,
                    ballot.reason,
                    ballot.corrected,
                ),
            )
            assert row.lastrowid is not None
            db.executemany(
                "INSERT INTO vote_answers (vote_id, position, arm, answer, error, usable, retrieval) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        row.lastrowid,
                        position,
                        column.arm,
                        None if column.answer is None else _dump(column.answer),
                        None if column.error is None else _dump(dict(column.error)),
                        column.usable,
                        None if column.retrieval is None else _dump(column.retrieval),
                    )
                    for position, column in enumerate(ballot.shown)
                ],
            )
        return replace(ballot, id=row.lastrowid)

    def all(self) -> list[Ballot]:
        """Every vote, the oldest first."""
        with self._tables.reading() as db:
            rows = db.execute(
                "SELECT id, question, base_ids, base_names, sampling, top_k, blind, asked_at, voted_at, "
                "verdict, best, reason, corrected FROM votes ORDER BY id"
            ).fetchall()
            columns = db.execute(
                "SELECT vote_id, arm, answer, error, usable, retrieval FROM vote_answers "
                "ORDER BY vote_id, position"
            ).fetchall()
        shown: dict[int, list[ShownAnswer]] = {}
        for vote_id, arm, answer, error, usable, retrieval in columns:
            shown.setdefault(vote_id, []).append(
                ShownAnswer(
                    arm,
                    None if answer is None else answer_from_json(json.loads(answer)),
                    None if error is None else json.loads(error),
                    None if usable is None else bool(usable),
                    None if retrieval is None else retrieval_from_json(json.loads(retrieval)),
                )
            )
        return [_ballot(row, shown.get(row[0], [])) for row in rows]

    def count(self) -> int:
        """How many there are."""
        ((count,),) = self._tables.rows("SELECT count(*) FROM votes")
        return int(count)

    def delete_all(self) -> None:
        """Delete every vote so that no text of them remains in the file or its log."""
        with self._tables.writing() as db:
            db.execute("DELETE FROM vote_answers")
            db.execute("DELETE FROM votes")
        self._tables.empty_log()

    def redact(self, base_id: int, change: Callable[[Any], Any | None], *, base_name: str = "") -> None:
        """Change what is stored of votes that searched a knowledge base, so that no earlier text remains.

        Args:
            change: given an answer or a retrieval as plain JSON; returns it as it is to stand, or None to leave it.
            base_name: of the base, where it is gone for good: the votes lose it.
        """
        with self._tables.writing() as db:
            for vote_id, base_ids, base_names in db.execute(
                "SELECT id, base_ids, base_names FROM votes"
            ).fetchall():
                searched = json.loads(base_ids)
                if base_name and base_id in searched:
                    names = [name for name in json.loads(base_names) if name != base_name]
                    db.execute("UPDATE votes SET base_names = ? WHERE id = ?", (_dump(names), vote_id))
                for row, *stored in db.execute(
                    "SELECT rowid, answer, retrieval FROM vote_answers WHERE vote_id = ?", (vote_id,)
                ).fetchall():
                    answer, retrieval = (None if kept is None else json.loads(kept) for kept in stored)
                    # An arm may search bases of its own.
                    asked = (retrieval or {}).get("asked") or {"base_ids": searched}
                    if base_id not in asked["base_ids"]:
                        continue
                    for name, kept in (("answer", answer), ("retrieval", retrieval)):
                        changed = None if kept is None else change(kept)
                        if changed is not None:
                            db.execute(
                                f"UPDATE vote_answers SET {name} = ? WHERE rowid = ?", (_dump(changed), row)
                            )
        self._tables.empty_log()


def _dump(value: Any) -> str:
    return json.dumps(to_json(value), ensure_ascii=False)


def _ballot(row: tuple[Any, ...], shown: Sequence[ShownAnswer]) -> Ballot:
    number, question, base_ids, base_names, sampling, top_k, blind, asked_at, voted_at, *rest = row
    verdict, best, reason, corrected = rest
    drawn = None
    if sampling is not None:
        told = json.loads(sampling)
        drawn = Sampling(**told | {"stop": tuple(told["stop"])})
    return Ballot(
        question=question,
        shown=tuple(shown),
        verdict=verdict,
        best=best,
        base_ids=tuple(json.loads(base_ids)),
        base_names=tuple(json.loads(base_names)),
        sampling=drawn,
        top_k=top_k,
        blind=bool(blind),
        asked_at=asked_at,
        voted_at=voted_at,
        reason=reason,
        corrected=corrected,
        id=number,
    )
