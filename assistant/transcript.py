"""A conversation as a file: Markdown to read, JSON to process. Both name every source and setting."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assistant.arms import Answer, Citation, to_json
from assistant.messages import Language

if TYPE_CHECKING:
    from assistant.conversations import Conversation, ConversationTurn

_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "question": "Question",
        "answer": "Answer",
        "sources": "Sources",
        "page": "page {label}",
        "quote": "“{text}”",
        "unsupported": "[no source]",
        "settings": "Settings",
        "bases": "Knowledge bases",
        "join": ", ",
    },
    "zh": {
        "question": "问题",
        "answer": "回答",
        "sources": "来源",
        "page": "第 {label} 页",
        "quote": "“{text}”",
        "unsupported": "［无出处］",
        "settings": "设置",
        "bases": "知识库",
        "join": "、",
    },
}


def marked_text(answer: Answer, *, unsupported: str = "") -> str:
    """Return the answer's text with `[1][2]` after each sentence that has sources.

    Args:
        unsupported: put after a sentence that claims something without a source; "" leaves it bare.
    """
    text = answer.text
    for sentence in reversed(answer.sentences):
        mark = "".join(f"[{number}]" for number in sentence.citations)
        if not mark and not sentence.supported:
            mark = unsupported and f" {unsupported}"
        text = text[: sentence.end] + mark + text[sentence.end :]
    return text


def quoted(citation: Citation) -> list[str]:
    """Return the supporting places of a citation as the source has them, white space evened out."""
    return [" ".join(citation.passage.text[start:end].split()) for start, end in citation.spans]


def as_json(conversation: "Conversation") -> str:
    """Return a conversation with all answers, citations (with their quoted spans), records and settings."""
    data = to_json(conversation)
    for turn, kept in zip(data["turns"], conversation.turns, strict=True):
        for arm, answer in kept.answers.items():
            for told, citation in zip(turn["answers"][arm]["citations"], answer.citations, strict=True):
                told["quotes"] = quoted(citation)
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def as_markdown(conversation: "Conversation", language: Language) -> str:
    """Return a conversation as Markdown: questions, marked answers, their sources, the settings."""
    words = _WORDS[language]
    parts = [f"# {_escape(conversation.title)}", _time(conversation.created_at)]
    for turn in conversation.turns:
        parts += _turn(turn, words)
    return "\n\n".join(part for part in parts if part) + "\n"


def _turn(turn: "ConversationTurn", words: Mapping[str, str]) -> list[str]:
    parts = [f"## {words['question']}", turn.question]
    for arm, answer in turn.answers.items():
        parts.append(f"### {words['answer']} ({_escape(arm)})")
        parts.append(marked_text(answer, unsupported=words["unsupported"]))
        if answer.citations:
            sources = "\n".join(_source(citation, words) for citation in answer.citations)
            parts.append(f"{words['sources']}\n\n{sources}")
    if turn.base_names:
        names = words["join"].join(_escape(name) for name in turn.base_names)
        parts.append(f"{words['bases']}: {names}")
    if turn.settings or turn.answers:
        kept: dict[str, Any] = dict(turn.settings)
        kept["answers"] = {arm: _record(answer) for arm, answer in turn.answers.items()}
        shown = json.dumps(to_json(kept), ensure_ascii=False, indent=2)
        parts.append(f"{words['settings']}\n\n```json\n{shown}\n```")
    return parts


def _record(answer: Answer) -> dict[str, Any]:
    """What made an answer, without its text."""
    return {
        "record": to_json(answer.record),
        "finish_reason": answer.finish_reason,
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "timings_ms": answer.timings_ms,
    }


def _source(citation: Citation, words: Mapping[str, str]) -> str:
    passage = citation.passage
    place = [_escape(passage.source_name)]
    label = passage.page_label or (str(passage.page_first) if passage.page_first is not None else "")
    if label:
        place.append(words["page"].format(label=_escape(label)))
    if passage.heading_path:
        place.append(_escape(" > ".join(passage.heading_path)))
    quotes = " … ".join(words["quote"].format(text=_escape(text)) for text in quoted(citation))
    return f"- [{citation.number}] {words['join'].join(place)}: {quotes}"


def _escape(text: str) -> str:
    """Text that Markdown must show as it is: names may hold marks of its own."""
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", " ".join(text.split()))


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(sep=" ", timespec="minutes")
