"""An asker whose arms answer by rule, put in through the experiment's own seam."""

from collections.abc import Callable, Sequence
from typing import Any

from assistant.arms import Answer, Citation, Sentence
from assistant.compare.question_files import Row
from assistant.compare.questions import Question, QuestionSet, check_questions
from assistant.compare.scoring import Score
from assistant.errors import EngineError
from knowledge.documents import Passage, Retrieval


def passage(text: str, *, source: str = "a.md", number: int = 1) -> Passage:
    return Passage(number, 1, 1, source, text, 0, len(text), 0.9)


def make_questions(count: int, *, unanswerable_every: int = 5, language: str = "en") -> QuestionSet:
    """Questions about numbers; the answer to question 3 is "value 3", evidence in a.md."""
    rows = []
    for i in range(count):
        answerable = unanswerable_every == 0 or i % unanswerable_every != 0
        rows.append(
            Row(
                number=i + 1,
                id=f"q{i}",
                question=f"What is number {i}?" if language == "en" else f"第{i}号是什么？",
                answers=(f"value {i}",) if answerable else (),
                answerable=answerable,
                language=language,
                evidence=(("a.md", f"Number {i} is value {i}."),) if answerable else (),
                document="a.md" if answerable else "",
            )
        )
    return check_questions("scripted", rows)


class ScriptedAsker:
    """Arms: base guesses right when `base_knows`; rag answers from its passage, refuses what has none.

    Args:
        fails: whether an arm fails at a question, by arm and the question's number.
    """

    def __init__(
        self,
        *,
        base_knows: Callable[[int], bool] = lambda i: False,
        rag_finds: Callable[[int], bool] = lambda i: True,
        fails: Callable[[str, int], bool] = lambda arm, i: False,
    ) -> None:
        self.base_knows, self.rag_finds, self.fails = base_knows, rag_finds, fails
        self.searched: list[str] = []
        self.asked: list[tuple[str, str]] = []
        self.model = "scripted"
        self.slow_rag = True
        self.adapters: dict[str, Any] = {}

    def identity(self, arms: Sequence[str]) -> dict[str, Any]:
        return {"model": self.model, "sources": {"a.md": "00"}}

    def base_ids(self) -> list[int]:
        return [1]

    def about_adapters(self, arms: Sequence[str], questions: Sequence[Question]) -> dict[str, Any]:
        return self.adapters

    def similarity(self, question: Question, text: str) -> Score:
        return Score("unscored", reason="no_other_embedder")

    def search(self, question: str) -> Retrieval:
        self.searched.append(question)
        i = _number(question)
        text = f"Number {i} is value {i}." if self.rag_finds(i) and i % 5 else "Nothing of the kind."
        return Retrieval(question, (passage(text), passage("Other.", number=2)), generation="g1")

    def read(self, question: str, arm: str) -> Retrieval | None:
        return None

    def ask(self, question: str, arm: str, retrieval: Retrieval, language: str) -> Answer:
        self.asked.append((question, arm))
        i = _number(question)
        if self.fails(arm, i):
            raise EngineError("generation_failed", model="scripted", reason="told to")
        clocks = {
            "first_token": 100.0,
            "generate": 90.0,
            "total": 200.0 + 100 * (arm.startswith("rag") and self.slow_rag),
        }
        if not arm.startswith("rag"):
            text = f"value {i}" if self.base_knows(i) else "something else"
            return Answer(text, completion_tokens=10, timings_ms=clocks)
        found = retrieval.passages[0]
        if "value" not in found.text:
            return Answer("I could not find it.", refused=True, finish_reason="refused", timings_ms=clocks)
        text = f"value {i}"
        sentence = Sentence(0, len(text), (1,), spans={1: ((0, 10),)})
        citation = Citation(1, found, ((0, 10),), 0.9)
        return Answer(text, (sentence,), (citation,), completion_tokens=10, timings_ms=clocks)


def _number(question: str) -> int:
    return int("".join(letter for letter in question if letter.isdigit()))


def by_id(questions: QuestionSet) -> dict[str, Question]:
    return {question.id: question for question in questions.questions}
