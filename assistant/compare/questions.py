"""Question sets: read from CSV, JSONL or SQuAD form, checked, and frozen by a hash before they are asked.

A row that cannot be asked is dropped and counted under a named problem; what can be asked but not scored
stays. Knows nothing of arms and answers.
"""

import hashlib
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from assistant.compare.question_files import Row, read_rows
from assistant.compare.segmentation import squeezed
from assistant.errors import QuestionSetError
from assistant.language import detect_language
from assistant.messages import Language, render

FEWEST = 10
"""With fewer questions nothing is concluded."""
_UNANSWERABLE_SHARE = 0.2
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the answer stands.

    Args:
        source: the file's name; "" for any.
        quote: literal text; "" when only the file is known.
    """

    source: str = ""
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a set.

    Args:
        references: right answers, any of which will do; empty when none is known, or unanswerable.
        answerable: whether the documents hold an answer.
        language: code such as "en".
        evidence: places that the answer needs, all of them; empty when not known.
        document, section: what it was made from; questions that share it are not independent. "" when unknown.
        kind: a stratum of the author's own, such as "table".
    """

    id: str
    text: str
    references: tuple[str, ...] = ()
    answerable: bool = True
    language: str = "en"
    evidence: tuple[Evidence, ...] = ()
    document: str = ""
    section: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with some rows of a set.

    Args:
        code: a key of `assistant.messages.MESSAGES`.
        count: rows concerned.
        rows: the first of them, by id or line.
        dropped: whether these rows are left out.
    """

    code: str
    count: int
    rows: tuple[str, ...] = ()
    dropped: bool = False

    def text(self, language: Language) -> str:
        """One line with count and first rows."""
        shown = ", ".join(self.rows) + (", …" if self.count > len(self.rows) else "")
        return render(self.code, {"count": self.count, "rows": shown}, language)


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions in order, what was wrong with the file, and a hash of what will be asked."""

    name: str
    questions: tuple[Question, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def sha256(self) -> str:
        """Of the questions, references and evidence, whatever form they came in."""
        return hashlib.sha256(questions_json(self.questions).encode()).hexdigest()


def load_questions(path: Path, *, language: str | None = None) -> QuestionSet:
    """Read and check a question set.

    Args:
        path: `.csv`, `.tsv`, `.jsonl`, or `.json` in SQuAD form or a list of rows.
        language: keep only questions in it.

    Raises:
        QuestionSetError: the file cannot be read, has no column of questions, or no question is left.
    """
    return check_questions(path.name, read_rows(path), language=language)


def check_questions(name: str, rows: Iterable[Row], *, language: str | None = None) -> QuestionSet:
    """Check rows and make them a set.

    Raises:
        QuestionSetError: no question is left.
    """
    found: dict[str, list[str]] = {}
    questions: dict[str, Question] = {}
    for row in rows:
        name_of_row = row.id or f"#{row.number}"
        if not row.question.strip():
            found.setdefault("question_row_empty", []).append(name_of_row)
            continue
        question = _question(row)
        if language is not None and question.language != language:
            continue
        if question.id in questions:
            found.setdefault("question_id_twice", []).append(name_of_row)
            continue
        doubts = _doubts(row, question)
        for code in doubts:
            found.setdefault(code, []).append(name_of_row)
        if "question_answer_not_in_passage" in doubts:
            question = replace(question, evidence=())
        questions[question.id] = question
    if not questions:
        raise QuestionSetError("questions_none", name=name)
    kept = tuple(questions.values())
    dropped = ("question_row_empty", "question_id_twice")
    problems = tuple(
        Problem(code, len(ids), tuple(ids[:_NAMED]), code in dropped) for code, ids in found.items()
    )
    return QuestionSet(name, kept, problems + _shortages(kept))


def _shortages(questions: Sequence[Question]) -> tuple[Problem, ...]:
    """What the set as a whole lacks."""
    problems = []
    if len(questions) < FEWEST:
        problems.append(Problem("questions_few", len(questions)))
    unanswerable = sum(not question.answerable for question in questions)
    if unanswerable < _UNANSWERABLE_SHARE * len(questions) - 1e-9:
        problems.append(Problem("questions_few_unanswerable", unanswerable))
    return tuple(problems)


def take(questions: QuestionSet, count: int, *, seed: int = 0) -> QuestionSet:
    """Draw `count` questions, answerable and unanswerable ones in the set's own proportion, in its order."""
    if count >= len(questions.questions):
        return questions
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    rng = random.Random(seed)
    places = range(len(questions.questions))
    unanswerable = [i for i in places if not questions.questions[i].answerable]
    answerable = [i for i in places if questions.questions[i].answerable]
    share = round(count * len(unanswerable) / len(questions.questions))
    drawn = rng.sample(unanswerable, share) + rng.sample(answerable, count - share)
    rows = tuple(questions.questions[i] for i in sorted(drawn))
    of_rows = tuple(p for p in questions.problems if not p.code.startswith("questions_few"))
    return QuestionSet(questions.name, rows, of_rows + _shortages(rows))


def clusters_of(questions: Iterable[Question], *, fewest: int = 20) -> tuple[list[str] | None, str]:
    """Which questions are not independent of each other.

    Documents, where there are at least `fewest` of them to be resampled; else their sections; else each
    question for itself.

    Returns:
        One name per question, or None, and what was clustered by: "document", "section" or "question".
    """
    asked = list(questions)
    by_document = [question.document or f"\0{question.id}" for question in asked]
    if len({question.document for question in asked if question.document}) >= fewest:
        return by_document, "document"
    sections = {(question.document, question.section) for question in asked if question.section}
    if len(sections) >= fewest:
        return [
            f"{question.document}\0{question.section}" if question.section else f"\0{question.id}"
            for question in asked
        ], "section"
    return None, "question"


def questions_json(questions: Iterable[Question]) -> str:
    """Questions as canonical JSON: the same questions give the same text."""
    return json.dumps([asdict(question) for question in questions], ensure_ascii=False, sort_keys=True)


def questions_from_json(text: str) -> tuple[Question, ...]:
    """Read back what `questions_json` wrote."""
    return tuple(_from_dict(row) for row in json.loads(text))


def questions_jsonl(questions: Iterable[Question]) -> str:
    """Questions as a JSONL file that `load_questions` reads back; of several places of evidence, the first."""
    lines = []
    for question in questions:
        evidence = question.evidence[0] if question.evidence else Evidence()
        row = {
            "id": question.id,
            "question": question.text,
            "answer": list(question.references),
            "answerable": question.answerable,
            "language": question.language,
            "source": question.document or evidence.source,
            "section": question.section,
            "quote": evidence.quote,
            "kind": question.kind,
        }
        lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    return "".join(lines)


def _from_dict(row: Mapping[str, Any]) -> Question:
    return Question(
        **{
            **row,
            "references": tuple(row["references"]),
            "evidence": tuple(Evidence(**item) for item in row["evidence"]),
        }
    )


def _question(row: Row) -> Question:
    text = row.question.strip()
    references = tuple(dict.fromkeys(answer.strip() for answer in row.answers if answer.strip()))
    answerable = True if row.answerable is None else row.answerable
    evidence = tuple(
        Evidence(source, quote.strip()) for source, quote in row.evidence if source or quote.strip()
    )
    return Question(
        id=row.id or _made_id(text),
        text=text,
        references=references if answerable else (),
        answerable=answerable,
        language=_plain_language(row.language) or detect_language(text),
        evidence=evidence if answerable else (),
        document=row.document,
        section=row.section,
        kind=row.kind,
    )


def _plain_language(code: str) -> str:
    """ "zh" of "zh-CN" and "zh_tw": metrics and prompts go by the language, not the region."""
    return code.lower().replace("_", "-").partition("-")[0]


def _doubts(row: Row, question: Question) -> list[str]:
    """What may be wrong with a row that can be asked."""
    codes = []
    if question.answerable and not question.references:
        codes.append("question_without_reference")
    if not question.answerable and any(answer.strip() for answer in row.answers):
        codes.append("question_unanswerable_with_answer")
    if row.passage and question.answerable and question.references:
        passage = squeezed(row.passage)
        if not any(squeezed(reference) in passage for reference in question.references):
            codes.append("question_answer_not_in_passage")
    return codes


def _made_id(text: str) -> str:
    return "q-" + hashlib.sha256(text.encode()).hexdigest()[:10]
