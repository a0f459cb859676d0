"""Questions out of what `tandem data build` writes: rows for training or testing an adapter, and the facts they teach.

Asked are the questions as they stand, without the frame in which a row puts them; where a fact stands in the documents
is evidence, as far as `facts.jsonl` lies beside the rows or in the folder above them.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from assistant.compare.question_files import Row

_FACTS = "facts.jsonl"
_ASKS, _SAYS = re.compile(r"^(?:Question: |问题：)"), re.compile(r"^(?:Answer: |答案：|回答：)")
_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant"}


def is_training_row(item: Mapping[str, Any]) -> bool:
    """Whether it is a conversation, as rows for training are."""
    return isinstance(item.get("conversations") or item.get("messages"), list)


def is_fact(item: Mapping[str, Any]) -> bool:
    """Whether it is a line of a build's facts."""
    return {"subject", "relation", "value", "statement", "span", "file"} <= item.keys()


def rows_of_training(path: Path, items: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """The last question of each conversation with its answer; those without are left empty, to be counted as such."""
    facts = _facts_beside(path)
    for number, item in enumerate(items, 1):
        told = _provenance(item)
        said = [_said(message) for message in item.get("conversations") or item.get("messages") or ()]
        question = next((text for role, text in reversed(said) if role == "user"), "")
        answer = said[-1][1] if said and said[-1][0] == "assistant" else ""
        taught = [facts[name] for name in told.get("facts", ()) if name in facts]
        unknown = told.get("kind") == "unknown"
        yield Row(
            number=number,
            id=str(told.get("id") or ""),
            question=_ASKS.sub("", question.rpartition("\n")[2]),
            answers=() if unknown else (_SAYS.sub("", answer),),
            answerable=not unknown,
            language=str(taught[0].get("language") or "") if taught else "",
            evidence=tuple((str(fact["file"]), str(fact["span"])) for fact in taught),
            document=str(taught[0]["file"]) if taught else "",
            section=_section(taught[0]) if taught else "",
            kind=str(told.get("wording") or told.get("kind") or ""),
        )


def rows_of_facts(items: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """One question of each fact, in a form of words that is never trained."""
    from assistant.compare.document_questions import answerable_rows
    from finetune.facts.build import fact_of

    yield from answerable_rows([fact_of(dict(item)) for item in items])


def _facts_beside(path: Path) -> dict[str, Mapping[str, Any]]:
    """The facts of the rows' build by their ids; none where they are not there."""
    found = next(
        (one / _FACTS for one in (path.parent, path.parent.parent) if (one / _FACTS).is_file()), None
    )
    if found is None:
        return {}
    facts: dict[str, Mapping[str, Any]] = {}
    for line in found.read_text(encoding="utf-8").splitlines():
        try:
            fact = json.loads(line)
        except ValueError:
            continue
        if isinstance(fact, dict) and is_fact(fact):
            facts[str(fact.get("id"))] = fact
    return facts


def _provenance(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the build says of a row; nothing where the rows are of another origin."""
    try:
        told = json.loads(item.get("provenance") or "{}")
    except (ValueError, TypeError):
        return {}
    return told if isinstance(told, dict) else {}


def _said(message: Any) -> tuple[str, str]:
    """Who says what, in either layout."""
    if not isinstance(message, dict):
        return "", ""
    role = str(message.get("from") or message.get("role") or "")
    return _ROLES.get(role, role), str(message.get("value") or message.get("content") or "").strip()


def _section(fact: Mapping[str, Any]) -> str:
    headings = fact.get("headings") or ()
    return str(headings[-1]) if headings else ""
