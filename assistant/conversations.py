"""Conversations that survive a restart: questions, the arms' answers with their sources, the settings.

Its tables stand in the data folder's one SQLite file beside those of others and have a version of their own.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from assistant.answer_json import answer_from_json, retrieval_from_json
from assistant.arms import Answer, Turn, to_json
from assistant.errors import ConversationError
from assistant.messages import Language
from assistant.tables import Tables
from knowledge.documents import Retrieval

_TITLE_CHARACTERS = 60

_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE conversations (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            title TEXT NOT NULL,
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL
        )""",
        """CREATE TABLE conversation_turns (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            conversation_id INTEGER NOT NULL REFERENCES conversations (id),
            question TEXT NOT NULL,
            asked_at REAL NOT NULL,
            base_names TEXT NOT NULL,
            settings TEXT NOT NULL
        )""",
        """CREATE TABLE conversation_answers (
            turn_id INTEGER NOT NULL REFERENCES conversation_turns (id),
            position INTEGER NOT NULL,
            arm TEXT NOT NULL,
            text TEXT NOT NULL,
            answer TEXT NOT NULL,
            retrieval TEXT,
            PRIMARY KEY (turn_id, arm)
        )""",
        "CREATE INDEX conversation_turns_of ON conversation_turns (conversation_id)",
    ),
)


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """A line of the list; times are seconds since 1970."""

    id: int
    title: str
    created_at: float
    updated_at: float
    turns: int


@dataclass(frozen=True, slots=True)
class ConversationTurn:
    """A question and what the arms answered.

    Args:
        answers: by the arm's name, in the order they were asked.
        retrievals: by the arm's name, what was found for it.
        base_names: the knowledge bases that were searched.
        settings: whatever the caller wants kept, such as sampling; plain JSON.
    """

    id: int
    question: str
    asked_at: float
    answers: Mapping[str, Answer]
    retrievals: Mapping[str, Retrieval] = field(default_factory=dict)
    base_names: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A whole conversation, oldest turn first."""

    id: int
    title: str
    created_at: float
    updated_at: float
    turns: tuple[ConversationTurn, ...] = ()

    def history(self, arm: str | None = None) -> list[Turn]:
        """Return the messages so far, for a prompt.

        Args:
            arm: whose answers; the first arm's where this one did not answer, or None was given.
        """
        messages: list[Turn] = []
        for turn in self.turns:
            answer = turn.answers.get(arm or "") or next(iter(turn.answers.values()), None)
            messages.append(Turn("user", turn.question))
            if answer is not None:
                messages.append(Turn("assistant", answer.text))
        return messages


class Conversations:
    """The conversations of one data folder; may be used from any thread.

    Args:
        database: the SQLite file; it and the tables are made when missing.

    Raises:
        ConversationError: the file cannot be opened or written.
    """

    def __init__(self, database: Path) -> None:
        self._tables = Tables(
            database,
            "conversation_schema",
            _MIGRATIONS,
            unreadable=lambda file, reason: ConversationError(
                "conversations_unreadable", file=file, reason=reason
            ),
        )

    def close(self) -> None:
        """Let the file go."""
        self._tables.close()

    def create(self, title: str = "") -> int:
        """Begin a conversation and return its number; without a title it gets one from its first question."""
        now = time.time()
        with self._tables.writing() as db:
            row = db.execute(
                "INSERT INTO conversations (title, created_at, updated_at) VALUES (?, ?, ?)",
                (title.strip(), now, now),
            )
            assert row.lastrowid is not None
            return row.lastrowid

    def list(self, search: str = "", *, limit: int = 200) -> "list[ConversationSummary]":
        """Return conversations, the latest first.

        Args:
            search: only those with this text in title, questions or answers; case of A-Z does not matter.
        """
        wanted = search.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        with self._tables.reading() as db:
            rows = db.execute(
                """SELECT id, title, created_at, updated_at,
                       (SELECT count(*) FROM conversation_turns t WHERE t.conversation_id = c.id)
                   FROM conversations c
                   WHERE :all OR title LIKE :like ESCAPE '\\' OR EXISTS (
                       SELECT 1 FROM conversation_turns t LEFT JOIN conversation_answers a ON a.turn_id = t.id
                       WHERE t.conversation_id = c.id
                         AND (t.question LIKE :like ESCAPE '\\' OR a.text LIKE :like ESCAPE '\\'))
                   ORDER BY updated_at DESC, id DESC LIMIT :limit""",
                {"all": not wanted, "like": f"%{wanted}%", "limit": limit},
            ).fetchall()
        return [ConversationSummary(*row) for row in rows]

    def get(self, conversation_id: int) -> Conversation:
        """Return a conversation with everything in it.

        Raises:
            ConversationError: there is none of this number.
        """
        with self._tables.reading() as db:
            head = self._head(db, conversation_id)
            turns = db.execute(
                "SELECT id, question, asked_at, base_names, settings FROM conversation_turns "
                "WHERE conversation_id = ? ORDER BY id",
                (conversation_id,),
            ).fetchall()
            answers = db.execute(
                "SELECT turn_id, arm, answer, retrieval FROM conversation_answers WHERE turn_id IN "
                "(SELECT id FROM conversation_turns WHERE conversation_id = ?) ORDER BY turn_id, position",
                (conversation_id,),
            ).fetchall()
        by_turn: dict[int, list[tuple[str, str, str | None]]] = {}
        for turn_id, arm, answer, retrieval in answers:
            by_turn.setdefault(turn_id, []).append((arm, answer, retrieval))
        return Conversation(*head, tuple(_turn(row, by_turn.get(row[0], [])) for row in turns))

    def rename(self, conversation_id: int, title: str) -> None:
        """Give a conversation another title; an empty one is not taken.

        Raises:
            ConversationError: there is none of this number.
        """
        title = " ".join(title.split())
        with self._tables.writing() as db:
            self._head(db, conversation_id)
            if title:
                db.execute("UPDATE conversations SET title = ? WHERE id = ?", (title, conversation_id))

    def delete(self, conversation_id: int) -> None:
        """Delete a conversation so that none of its text remains in the file or its log.

        Raises:
            ConversationError: there is none of this number.
        """
        turns = "SELECT id FROM conversation_turns WHERE conversation_id = ?"
        with self._tables.writing() as db:
            self._head(db, conversation_id)
            db.execute(f"DELETE FROM conversation_answers WHERE turn_id IN ({turns})", (conversation_id,))
            db.execute("DELETE FROM conversation_turns WHERE conversation_id = ?", (conversation_id,))
            db.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,))
        self._tables.empty_log()

    def add_turn(
        self,
        conversation_id: int,
        question: str,
        answers: Mapping[str, Answer],
        *,
        retrievals: Mapping[str, Retrieval] | None = None,
        instead_of: int | None = None,
        base_names: Sequence[str] = (),
        settings: Mapping[str, Any] | None = None,
    ) -> ConversationTurn:
        """Append a question with its answers; all of it is stored or nothing.

        Args:
            answers, retrievals: by the arm's name.
            instead_of: a turn of this conversation that is deleted in the same step.
            settings: plain JSON.

        Raises:
            ConversationError: there is none of this number, or the file cannot be written.
        """
        now = time.time()
        found = dict(retrievals or {})
        kept = json.dumps(to_json(dict(settings or {})), ensure_ascii=False)
        with self._tables.writing() as db:
            head = self._head(db, conversation_id)
            if instead_of is not None:
                _delete_turn(db, conversation_id, instead_of)
            row = db.execute(
                "INSERT INTO conversation_turns (conversation_id, question, asked_at, base_names, settings) "
                "VALUES (?, ?, ?, ?, ?)",
                (conversation_id, question, now, json.dumps(list(base_names), ensure_ascii=False), kept),
            )
            assert row.lastrowid is not None
            db.executemany(
                "INSERT INTO conversation_answers (turn_id, position, arm, text, answer, retrieval) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (row.lastrowid, at, arm, answer.text, _dump(answer), _dump(found.get(arm)))
                    for at, (arm, answer) in enumerate(answers.items())
                ],
            )
            title = head[1] or title_from(question)
            db.execute(
                "UPDATE conversations SET title = ?, updated_at = ? WHERE id = ?",
                (title, now, conversation_id),
            )
        if instead_of is not None:
            self._tables.empty_log()
        return ConversationTurn(
            row.lastrowid, question, now, dict(answers), found, tuple(base_names), json.loads(kept)
        )

    def redact(self, change: Callable[[Any], Any | None], *, base_name: str = "") -> None:
        """Change stored answers and retrievals, so that nothing of what is changed remains in the file or its log.

        Args:
            change: given `[answer, retrieval]` as plain JSON; returns both as they are to stand, or None.
            base_name: of a knowledge base that is gone for good: the turns lose it.
        """
        with self._tables.writing() as db:
            for row, answer, found in db.execute(
                "SELECT rowid, answer, retrieval FROM conversation_answers"
            ).fetchall():
                changed = change([json.loads(answer), None if found is None else json.loads(found)])
                if changed is not None:
                    texts = [None if one is None else json.dumps(one, ensure_ascii=False) for one in changed]
                    db.execute(
                        "UPDATE conversation_answers SET answer = ?, retrieval = ? WHERE rowid = ?",
                        (*texts, row),
                    )
            if base_name:
                for row, names in db.execute("SELECT id, base_names FROM conversation_turns").fetchall():
                    kept = [name for name in json.loads(names) if name != base_name]
                    if len(kept) < len(json.loads(names)):
                        told = json.dumps(kept, ensure_ascii=False)
                        db.execute("UPDATE conversation_turns SET base_names = ? WHERE id = ?", (told, row))
        self._tables.empty_log()

    def export(
        self, conversation_id: int, form: Literal["markdown", "json"], language: Language = "en"
    ) -> str:
        """Return a conversation as a file's text, with citations and settings.

        Args:
            form: "markdown" to read, "json" to process.
            language: of the headings in Markdown.

        Raises:
            ConversationError: there is none of this number.
        """
        from assistant.transcript import as_json, as_markdown

        conversation = self.get(conversation_id)
        return as_json(conversation) if form == "json" else as_markdown(conversation, language)

    def _head(self, db: sqlite3.Connection, conversation_id: int) -> tuple[int, str, float, float]:
        row: tuple[int, str, float, float] | None = db.execute(
            "SELECT id, title, created_at, updated_at FROM conversations WHERE id = ?", (conversation_id,)
        ).fetchone()
        if row is None:
            raise ConversationError("conversation_unknown", id=conversation_id)
        return row


def _delete_turn(db: sqlite3.Connection, conversation_id: int, turn_id: int) -> None:
    of_turn = "SELECT id FROM conversation_turns WHERE id = ? AND conversation_id = ?"
    db.execute(f"DELETE FROM conversation_answers WHERE turn_id IN ({of_turn})", (turn_id, conversation_id))
    db.execute(
        "DELETE FROM conversation_turns WHERE id = ? AND conversation_id = ?", (turn_id, conversation_id)
    )


def title_from(question: str) -> str:
    """Return a title for a conversation that begins with `question`: its first words."""
    text = " ".join(question.split())
    if len(text) <= _TITLE_CHARACTERS:
        return text
    cut = text[:_TITLE_CHARACTERS]
    # English is cut between words; Chinese has no spaces near the end.
    head, space, _ = cut.rpartition(" ")
    return (head if space and len(head) > _TITLE_CHARACTERS // 2 else cut).rstrip("，,；;、 ") + "…"


def _dump(value: Answer | Retrieval | None) -> str | None:
    return None if value is None else json.dumps(to_json(value), ensure_ascii=False)


def _turn(row: tuple[Any, ...], answers: Sequence[tuple[str, str, str | None]]) -> ConversationTurn:
    turn_id, question, asked_at, base_names, settings = row
    return ConversationTurn(
        id=turn_id,
        question=question,
        asked_at=asked_at,
        answers={arm: answer_from_json(json.loads(answer)) for arm, answer, _ in answers},
        retrievals={
            arm: retrieval_from_json(json.loads(found)) for arm, _, found in answers if found is not None
        },
        base_names=tuple(json.loads(base_names)),
        settings=json.loads(settings),
    )
