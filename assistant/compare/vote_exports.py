"""Votes as files: all of them as JSON; corrected answers, preferences, likes and dislikes as rows to train on.

The question of a row stands alone, without the passages that some arms read.
"""

import json
from collections.abc import Iterable
from typing import Any

from assistant.arms import to_json
from assistant.compare.votes import Ballot, ShownAnswer


def votes_json(ballots: Iterable[Ballot]) -> str:
    """Everything that is kept of the votes, as a JSON list."""
    return json.dumps([to_json(ballot) for ballot in ballots], ensure_ascii=False, indent=2)


def corrected_rows(ballots: Iterable[Ballot]) -> list[dict[str, Any]]:
    """Corrected answers in alpaca's layout; the last correction of a question counts."""
    corrected = {ballot.question: ballot for ballot in ballots if ballot.corrected}
    return [
        {"instruction": question, "input": "", "output": ballot.corrected, "provenance": _provenance(ballot)}
        for question, ballot in corrected.items()
    ]


def preference_rows(ballots: Iterable[Ballot]) -> list[dict[str, Any]]:
    """Preferences for DPO, in alpaca's layout with `chosen` and `rejected`; each pair of texts once.

    The best answer is preferred over each other one, and a corrected answer over all that were shown. Two
    answers with the same text tell nothing.
    """
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for ballot in ballots:
        texts = {column.arm: column.answer.text for column in ballot.judged if column.answer is not None}
        pairs = [("", ballot.corrected, arm, text) for arm, text in texts.items()] if ballot.corrected else []
        if ballot.best is not None:
            best = ballot.best
            pairs += [(best, texts[best], arm, text) for arm, text in texts.items() if arm != best]
        for winner, chosen, loser, rejected in pairs:
            if chosen.strip() and rejected.strip() and chosen.strip() != rejected.strip():
                row = {
                    "instruction": ballot.question,
                    "input": "",
                    "chosen": chosen,
                    "rejected": rejected,
                    "provenance": _provenance(ballot, chosen=winner, rejected=loser),
                }
                rows.setdefault((ballot.question, chosen, rejected), row)
    return list(rows.values())


def liked_rows(ballots: Iterable[Ballot]) -> list[dict[str, Any]]:
    """Likes and dislikes for KTO, in alpaca's layout with `kto_tag`; each text of a question once.

    An answer is liked that was called usable, or was the best with nothing said about its use, and so is a corrected
    one; it is disliked if it was called not usable, or all were bad. A text that was liked once and disliked once is
    left out.
    """
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    disputed: set[tuple[str, str]] = set()
    for ballot in ballots:
        told = [
            (column.arm, column.answer.text, _liked(ballot, column))
            for column in ballot.judged
            if column.answer
        ]
        if ballot.corrected:
            told.append(("", ballot.corrected, True))
        for arm, text, liked in told:
            if liked is None or not text.strip():
                continue
            key = (ballot.question, text.strip())
            if rows.get(key, {"kto_tag": liked})["kto_tag"] != liked:
                disputed.add(key)
            row = {"instruction": ballot.question, "input": "", "output": text, "kto_tag": liked}
            rows.setdefault(key, row | {"provenance": _provenance(ballot, arm=arm)})
    return [row for key, row in rows.items() if key not in disputed]


def _liked(ballot: Ballot, column: ShownAnswer) -> bool | None:
    if column.usable is not None:
        return column.usable
    if ballot.verdict == "all_bad":
        return False
    return True if column.arm == ballot.best else None


def _provenance(ballot: Ballot, **arms: str) -> dict[str, Any]:
    """Where a row comes from; arms that are "" are the voter's own words."""
    return {
        "source": "vote",
        "vote": ballot.id,
        "voted_at": round(ballot.voted_at),
        "model": ballot.model,
        **{key: arm or "corrected" for key, arm in arms.items()},
    }


def rows_json(rows: list[dict[str, Any]]) -> str:
    """Rows as a JSON list."""
    return json.dumps(rows, ensure_ascii=False, indent=2)
