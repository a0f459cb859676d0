"""Votes as files: all of them as JSON, corrected answers and preferences as rows to train on."""

import json
from collections.abc import Iterable
from typing import Any

from assistant.arms import to_json
from assistant.compare.votes import Ballot


def votes_json(ballots: Iterable[Ballot]) -> str:
    """Everything that is kept of the votes, as a JSON list."""
    return json.dumps([to_json(ballot) for ballot in ballots], ensure_ascii=False, indent=2)


def corrected_rows(ballots: Iterable[Ballot]) -> list[dict[str, str]]:
    """Corrected answers in alpaca's layout; the last correction of a question counts."""
    corrected = {ballot.question: ballot.corrected for ballot in ballots if ballot.corrected}
    return [
        {"instruction": question, "input": "", "output": answer} for question, answer in corrected.items()
    ]


def preference_rows(ballots: Iterable[Ballot]) -> list[dict[str, str]]:
    """Preferences for DPO, in alpaca's layout with `chosen` and `rejected`; each pair of texts once.

    The best answer is preferred over each other one, and a corrected answer over all that were shown. Two
    answers with the same text tell nothing. The question stands alone, without the passages that some arms
    read.
    """
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for ballot in ballots:
        texts = {column.arm: column.answer.text for column in ballot.judged if column.answer is not None}
        pairs = [(ballot.corrected, text) for text in texts.values()] if ballot.corrected else []
        if ballot.best is not None:
            pairs += [(texts[ballot.best], text) for arm, text in texts.items() if arm != ballot.best]
        for chosen, rejected in pairs:
            if chosen.strip() and rejected.strip() and chosen.strip() != rejected.strip():
                row = {"instruction": ballot.question, "input": "", "chosen": chosen, "rejected": rejected}
                rows.setdefault((ballot.question, chosen, rejected), row)
    return list(rows.values())


def rows_json(rows: list[dict[str, Any]]) -> str:
    """Rows as a JSON list."""
    return json.dumps(rows, ensure_ascii=False, indent=2)
