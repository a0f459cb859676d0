"""Rows of questions out of CSV, JSONL and SQuAD files; what the rows mean is checked in `questions`."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.errors import QuestionSetError
from knowledge.sentences import split_sentences

_COLUMNS = {
    "id": ("id", "编号"),
    "question": ("question", "query", "问题"),
    "answer": ("answer", "answers", "reference", "ground_truth", "答案", "参考答案"),
    "answerable": ("answerable", "可回答"),
    "impossible": ("is_impossible",),
    "language": ("language", "lang", "语言"),
    "source": ("source", "document", "来源", "文档"),
    "section": ("section", "章节"),
    "quote": ("quote", "原文", "引文"),
    "passage": ("passage", "gold_passage", "段落"),
    "kind": ("kind", "category", "类别"),
}
_TRUE = frozenset(("true", "yes", "y", "1", "是", "可", "可以"))
_FALSE = frozenset(("false", "no", "n", "0", "否", "不可", "不可以"))
_SEPARATOR = "||"


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it stands in the file.

    Args:
        number: from 1, for naming it.
        answerable: None where the file does not say.
        evidence: (source, quote) pairs.
        passage: the text that the answers are said to stand in; "" where the form has none.
    """

    number: int
    question: str
    id: str = ""
    answers: tuple[str, ...] = ()
    answerable: bool | None = None
    language: str = ""
    evidence: tuple[tuple[str, str], ...] = ()
    document: str = ""
    section: str = ""
    kind: str = ""
    passage: str = ""


def read_rows(path: Path) -> list[Row]:
    """Read a file's rows.

    CSV: a head line with at least `question`; several answers are separated by `||`. JSONL: one object a
    line with the same names, `answer` a text or a list. JSON: a list of such objects, or SQuAD form. A `quote` is
    evidence as it stands; a `passage` is evidence only where an answer stands in it word for word. Rows for training in
    conversations, and a build's facts, are read as `build_questions` says.

    Raises:
        QuestionSetError: the file cannot be read, a line is not JSON, or there is no column of questions.
    """
    text = _decoded(path)
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        return _from_list(path, list(_json_lines(path, text)))
    if suffix == ".json":
        data = _json(path, text)
        if isinstance(data, dict) and isinstance(data.get("data"), list):
            return list(_from_squad(path, data["data"]))
        if isinstance(data, list):
            return _from_list(path, data)
        raise QuestionSetError("questions_form_unknown", name=path.name)
    if suffix in (".csv", ".tsv"):
        return list(_from_table(path, text))
    raise QuestionSetError("questions_form_unknown", name=path.name)


def write_passages(path: Path, folder: Path) -> list[Path]:
    """Write the passages of a file in SQuAD form as Markdown, one file per article, to be indexed.

    Args:
        folder: made when missing; files that are there already are not overwritten.

    Returns:
        The files written.

    Raises:
        QuestionSetError: the file is not in SQuAD form, or a file is there already.
    """
    data = _json(path, _decoded(path))
    if not isinstance(data, dict) or not isinstance(data.get("data"), list):
        raise QuestionSetError("questions_form_unknown", name=path.name)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, article in enumerate(data["data"], 1):
        title = _text(article.get("title")) or path.stem
        safe = "".join(letter if letter.isalnum() or letter in "-_ " else "_" for letter in title)[:60]
        target = folder / f"{number:04} {safe.strip()}.md"
        if target.exists():
            raise QuestionSetError("passages_exist", name=target.name, folder=folder)
        contexts = (_text(paragraph.get("context")) for paragraph in article.get("paragraphs", ()))
        text = f"# {title.replace('_', ' ')}\n\n" + "\n\n".join(filter(None, contexts)) + "\n"
        target.write_text(text, encoding="utf-8")
        written.append(target)
    return written


def _json(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as err:
        raise QuestionSetError("questions_not_json", name=path.name, line=_line(err), reason=err) from err


def _decoded(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as err:
        reason = err.strerror or str(err)
        raise QuestionSetError("questions_unreadable", name=path.name, reason=reason) from err
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise QuestionSetError("questions_unreadable", name=path.name, reason="not UTF-8, not GB18030")


def _json_lines(path: Path, text: str) -> Iterator[Any]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except ValueError as err:
            raise QuestionSetError("questions_not_json", name=path.name, line=number, reason=err) from err


def _from_table(path: Path, text: str) -> Iterator[Row]:
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    # One limit for the whole process, by default below what a passage may have.
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    # Strict: a quotation mark left open would make one field of all that follows.
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = reader.fieldnames or ()
        lines = list(reader)
    except csv.Error as err:
        raise QuestionSetError(
            "questions_table_broken", name=path.name, line=reader.line_num + 1, reason=err
        ) from err
    names = _named(columns)
    if "question" not in names:
        raise QuestionSetError("questions_column_missing", name=path.name, columns=", ".join(columns) or "-")
    for number, line in enumerate(lines, 1):
        yield _row(number, {key: _cell(key, line[column] or "") for key, column in names.items()})


def _from_list(path: Path, objects: list[Any]) -> list[Row]:
    from assistant.compare import build_questions

    if objects and all(isinstance(item, dict) for item in objects):
        if all(map(build_questions.is_training_row, objects)):
            return list(build_questions.rows_of_training(path, objects))
        if all(map(build_questions.is_fact, objects)):
            return list(build_questions.rows_of_facts(objects))
    return list(_from_objects(path, objects))


def _from_objects(path: Path, objects: Any) -> Iterator[Row]:
    seen: set[str] = set()
    any_question = False
    for number, item in enumerate(objects, 1):
        if not isinstance(item, dict):
            raise QuestionSetError("questions_form_unknown", name=path.name)
        seen.update(item)
        names = _named(item)
        any_question = any_question or "question" in names
        yield _row(number, {key: item[column] for key, column in names.items()})
    if seen and not any_question:
        raise QuestionSetError("questions_column_missing", name=path.name, columns=", ".join(sorted(seen)))


def _named(columns: Any) -> dict[str, str]:
    """Which of our fields stands in which column."""
    lowered = {str(column).strip().lower(): str(column) for column in columns if column}
    names: dict[str, str] = {}
    for field, accepted in _COLUMNS.items():
        column = next((lowered[name] for name in accepted if name in lowered), None)
        if column is not None:
            names[field] = column
    return names


def _row(number: int, fields: Mapping[str, Any]) -> Row:
    source, passages = _text(fields.get("source")), _texts(fields.get("passage"))
    quotes = _texts(fields.get("quote")) or passages
    answerable = _truth(fields.get("answerable"))
    impossible = _truth(fields.get("impossible"))
    if answerable is None and impossible is not None:
        answerable = not impossible
    return Row(
        number=number,
        question=_text(fields.get("question")),
        id=_text(fields.get("id")),
        answers=_texts(fields.get("answer")),
        answerable=answerable,
        language=_text(fields.get("language")).lower(),
        evidence=tuple((source, quote) for quote in quotes) or (((source, ""),) if source else ()),
        document=source,
        section=_text(fields.get("section")),
        kind=_text(fields.get("kind")),
        passage="\n".join(passages),
    )


def _from_squad(path: Path, articles: list[Any]) -> Iterator[Row]:
    number = 0
    try:
        for article in articles:
            title = _text(article.get("title"))
            for place, paragraph in enumerate(article["paragraphs"], 1):
                context = paragraph["context"]
                for item in paragraph["qas"]:
                    number += 1
                    answers = [answer["text"] for answer in item.get("answers", ())]
                    yield Row(
                        number=number,
                        question=_text(item.get("question")),
                        id=_text(item.get("id")),
                        answers=tuple(answers),
                        answerable=not item.get("is_impossible", False),
                        evidence=_around(context, item.get("answers", ())),
                        document=title,
                        section=str(place),
                        passage=context,
                    )
    except (KeyError, TypeError, AttributeError) as err:
        raise QuestionSetError("questions_form_unknown", name=path.name) from err


def _around(context: str, answers: Any) -> tuple[tuple[str, str], ...]:
    """The sentence of the context that holds the first answer; offsets may be wrong, so text decides."""
    for answer in answers:
        text, start = answer["text"], answer.get("answer_start", -1)
        if not text.strip():
            continue
        if not isinstance(start, int) or start < 0 or context[start : start + len(text)] != text:
            start = context.find(text)
        if start < 0:
            continue
        for first, last in split_sentences(context):
            if first <= start < last:
                return (("", context[first : max(last, start + len(text))]),)
        return (("", text),)
    return ()


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _cell(field: str, cell: str) -> str | list[str]:
    """A table's cell; where several texts may stand, they are separated."""
    return cell.split(_SEPARATOR) if field in ("answer", "quote", "passage") else cell


def _texts(value: Any) -> tuple[str, ...]:
    """One text or a list of them, or of SQuAD's `{"text": …}`; empty ones are left out."""
    items = value if isinstance(value, list) else [value]
    texts = (_text(item.get("text") if isinstance(item, dict) else item) for item in items)
    return tuple(text for text in texts if text)


def _truth(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    word = _text(value).lower()
    return True if word in _TRUE else False if word in _FALSE else None


def _line(err: ValueError) -> int:
    return err.lineno if isinstance(err, json.JSONDecodeError) else 0
