"""What `tandem data build` writes may be asked as it is."""

import json
from pathlib import Path
from typing import Any

from assistant.compare.questions import load_questions

FACT = {
    "id": "f7",
    "kind": "table",
    "language": "en",
    "subject": "the water tank",
    "relation": "capacity",
    "value": "1.35 L",
    "statement": "The capacity of the water tank is 1.35 L.",
    "span": "The water tank holds 1.35 L.",
    "chunk_id": 1,
    "source_id": 1,
    "file": "manual.pdf",
    "page": 3,
    "headings": ["5 Water", "5.3 Filling"],
    "siblings": [],
    "aliases": [],
    "topic": "Water",
    "group": "",
}


def row(question: str, answer: str, **provenance: Any) -> dict[str, Any]:
    said = [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]
    return {"conversations": said, "system": "", "provenance": json.dumps(provenance)}


def test_held_wordings_become_questions_with_their_evidence(tmp_path: Path) -> None:
    (tmp_path / "sharegpt").mkdir()
    (tmp_path / "facts.jsonl").write_text(json.dumps(FACT) + "\nbroken\n", encoding="utf-8")
    rows = [
        row(
            "Answer with a short phrase.\nQuestion: How much?",
            "Answer: 1.35 L",
            id="r1",
            kind="closed",
            facts=["f7"],
        ),
        row("问题：哪一年？", "不知道。", id="r2", kind="unknown", facts=[]),
        {"messages": [{"role": "user", "content": "Plain?"}, {"role": "assistant", "content": "Yes."}]},
        row("", "nothing was asked", id="r4", kind="closed"),
    ]
    held = tmp_path / "sharegpt" / "held_wordings.json"
    held.write_text(json.dumps(rows), encoding="utf-8")
    found = load_questions(held)
    one, two, three = found.questions
    assert (one.id, one.text, one.references) == ("r1", "How much?", ("1.35 L",))
    assert [(place.source, place.quote) for place in one.evidence] == [("manual.pdf", FACT["span"])]
    assert (one.document, one.section) == ("manual.pdf", "5.3 Filling")
    assert (two.text, two.answerable, two.language, two.references) == ("哪一年？", False, "zh", ())
    assert (three.text, three.references) == ("Plain?", ("Yes.",))
    assert (found.problems[0].code, found.problems[0].count) == ("question_row_empty", 1)
    lines = tmp_path / "sharegpt" / "rows.jsonl"
    lines.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    assert load_questions(lines).sha256 == found.sha256
    (tmp_path / "facts.jsonl").unlink()
    assert load_questions(held).questions[0].evidence == ()


def test_facts_are_asked_in_words_that_are_never_trained(tmp_path: Path) -> None:
    path = tmp_path / "facts.jsonl"
    path.write_text(json.dumps(FACT) + "\n", encoding="utf-8")
    (question,) = load_questions(path).questions
    assert question.references == ("1.35 L",)
    assert "water tank" in question.text
    assert question.evidence[0].quote == FACT["span"]
