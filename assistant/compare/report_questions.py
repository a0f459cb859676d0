"""The part of the report that shows every question with its answers, citations and unsupported spans."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from assistant.arms import Answer
from assistant.compare.questions import Question
from assistant.compare.records import StoredAnswer
from assistant.compare.report_text import REPORT_TEXT
from assistant.messages import Language


class Words:
    """The report's own words in one language, escaped."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, key: str, **params: Any) -> str:
        return escape(REPORT_TEXT[key][self.language].format(**params))


def links(ids: Sequence[str]) -> str:
    """Question ids as links to their answers."""
    return ", ".join(f'<a href="#{anchor(name)}">{escape(name)}</a>' for name in ids) or "–"


def anchor(question_id: str) -> str:
    """An id for HTML; different ids stay different."""
    return "q-" + "".join(
        letter if letter.isascii() and letter.isalnum() else f"_{ord(letter):x}" for letter in question_id
    )


def question_rows(
    questions: Sequence[Question],
    arms: Sequence[str],
    answers: Mapping[tuple[str, str], StoredAnswer],
    primary: str,
    say: Words,
) -> str:
    """One folded entry per question: what was wanted, what each arm said and on what grounds."""
    parts = [f"<h2>{say('questions')}</h2>"]
    for question in questions:
        stored = [answers.get((question.id, arm)) for arm in arms]
        scores = " · ".join(
            f"{arm} {_score_text(one, primary)}"
            for arm, one in zip(arms, stored, strict=True)
            if one is not None
        )
        wanted = (
            " | ".join(question.references)
            if question.answerable
            else REPORT_TEXT["unanswerable"][say.language]
        )
        inner = "".join(
            f"<h4>{escape(arm)}</h4>{_answer(one, say)}"
            for arm, one in zip(arms, stored, strict=True)
            if one is not None
        )
        parts.append(
            f'<details class="question" id="{anchor(question.id)}"><summary><b>{escape(question.id)}</b> '
            f'{escape(question.text)} <span class="note">{escape(scores)}</span></summary>'
            f"<p>{say('wanted')}: {escape(wanted) or '–'}</p>{inner}</details>"
        )
    return "".join(parts)


def _score_text(stored: StoredAnswer, primary: str) -> str:
    score = stored.scores[primary]
    return f"{score.value:.2f}" if score.value is not None else score.state


def _answer(stored: StoredAnswer, say: Words) -> str:
    if stored.answer is None:
        told = stored.error or {}
        return f'<p class="failed">{escape(told.get(say.language, ""))}</p>'
    cited = "".join(
        f"<li>[{c.number}] {escape(c.passage.source_name)}: “{escape(_quote(c.passage.text, c.spans))}”</li>"
        for c in stored.answer.citations
    )
    return f'<p class="answer">{_marked(stored, stored.answer, say)}</p>' + (
        f"<ul>{cited}</ul>" if cited else ""
    )


def _marked(stored: StoredAnswer, answer: Answer, say: Words) -> str:
    """The answer's text; what no passage supports is marked, unless the arm had no passages to begin with."""
    if answer.refused or not stored.arm.startswith("rag"):
        return escape(answer.text)
    parts, at = [], 0
    for sentence in answer.sentences:
        parts.append(escape(answer.text[at : sentence.start]))
        text = escape(answer.text[sentence.start : sentence.end])
        numbers = "".join(f"[{number}]" for number in sentence.citations)
        hint = say("unsupported")
        parts.append(
            f"{text}<sup>{numbers}</sup>" if sentence.supported else f'<mark title="{hint}">{text}</mark>'
        )
        at = sentence.end
    return "".join(parts) + escape(answer.text[at:])


def _quote(text: str, spans: Sequence[tuple[int, int]]) -> str:
    start, end = spans[0] if spans else (0, 200)
    return " ".join(text[start:end].split())[:300]
