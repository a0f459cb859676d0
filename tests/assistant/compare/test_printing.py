"""A comparison in a terminal: readable text, and JSON line by line while the arms answer."""

import json
from collections.abc import Iterator

import pytest

from assistant.arms import BASE, RAG, Answer, Event, Failed, Finished, Retrieved, Token
from assistant.compare.printing import print_as_json, print_as_text
from assistant.errors import EngineError
from knowledge.documents import Passage, Retrieval

PASSAGE = Passage(1, 1, 1, "manual.pdf", "It keeps 64 batches.", 0, 20, 0.8)
BASE_ANSWER = Answer(
    "Sixty-four.", thinking="Hmm, 64?", timings_ms={"first_token": 500.0, "total": 1500.0},
    completion_tokens=9, peak_memory_bytes=3 << 29, own_memory_bytes=5 << 19,
)  # fmt: skip


def events() -> Iterator[Event]:
    yield Retrieved(RAG, "batches", Retrieval("batches", (PASSAGE,), "gen-1", {}))
    yield Token(BASE, "Hmm, ", thinking=True)
    yield Token(BASE, "64?", thinking=True)
    yield Token(BASE, "Sixty")
    yield Token(RAG, "It")
    yield Failed(RAG, EngineError("answer_failed", arm="rag", reason="it broke"))
    yield Token(BASE, "-four.")
    yield Finished(BASE, BASE_ANSWER)


def test_json_comes_line_by_line_and_ends_with_the_whole() -> None:
    told: list[dict[str, object]] = []
    seen: list[int] = []

    def watched() -> Iterator[Event]:
        for event in events():
            seen.append(len(told))
            yield event

    assert not print_as_json(
        "How many?",
        watched(),
        [RAG, BASE],
        language="en",
        write=lambda text: told.append(json.loads(text)),
    )
    assert seen == list(range(8))  # each line before the next thing happens
    kinds = ["retrieved", "token", "token", "token", "token", "failed", "token", "finished", "compared"]
    assert [line["event"] for line in told] == kinds
    assert [line["arm"] for line in told[:4]] == ["rag", "base", "base", "base"]
    assert [line["thinking"] for line in told[1:4]] == [True, True, False]
    whole = told[-1]
    assert whole["question"] == "How many?"
    answers = whole["answers"]
    assert isinstance(answers, dict)
    assert list(answers) == ["rag", "base"]
    assert "it broke" in answers["rag"]["error"]
    assert answers["base"] == told[-2]["answer"]
    assert answers["base"]["text"] == "Sixty-four."


@pytest.mark.parametrize(
    ("language", "figures"),
    [
        (
            "en",
            "first word 0.5 s, 1.5 s in all, 9 tokens, peak memory of the process 1.50 GB (2.5 MB of it this answer's), 8 characters of thought (--json shows them)",
        ),
        (
            "zh",
            "首词 0.5 秒，共 1.5 秒，9 个词元，进程内存峰值 1.50 GB（本回答占 2.5 MB），思考 8 字符（--json 可见）",
        ),
    ],
)
def test_text_folds_thoughts_and_tells_the_peak_memory(language: str, figures: str) -> None:
    written: list[str] = []
    noted: list[str] = []
    answered = print_as_text(
        events(),
        [BASE, RAG],
        language=language,  # type: ignore[arg-type]
        write=written.append,
        note=noted.append,
    )
    assert not answered
    assert "".join(written) == f"== base\nSixty-four.\n   {figures}\n== rag\nIt\n"
    assert len(noted) == 2
    assert "it broke" in noted[1]


def test_an_answer_that_was_replaced_is_told_with_what_counts() -> None:
    written: list[str] = []
    said: list[Event] = [Token(RAG, "Seven."), Finished(RAG, Answer("64"))]
    assert print_as_text(said, [RAG], language="en", write=written.append, note=written.append)
    assert "".join(written).startswith("== rag\nSeven.\n=> 64\n")
