"""Results as lines of text for a terminal, in both languages."""

from assistant.arms import Answer
from assistant.messages import Language
from knowledge.documents import Notice, Passage
from knowledge.indexing import FileDone, IndexPlan
from knowledge.messages import render

_STATES: dict[str, dict[Language, str]] = {
    "added": {"en": "added", "zh": "已添加"},
    "changed": {"en": "changed", "zh": "已更新"},
    "unchanged": {"en": "unchanged", "zh": "未变化"},
    "renamed": {"en": "renamed", "zh": "已改名"},
    "removed": {"en": "removed", "zh": "已移除"},
    "failed": {"en": "failed", "zh": "失败"},
}
_PLANNED: dict[str, dict[Language, str]] = {
    "new": {"en": "add", "zh": "将添加"},
    "changed": {"en": "update", "zh": "将更新"},
    "renamed": {"en": "rename", "zh": "将改名"},
    "removed": {"en": "remove", "zh": "将移除"},
}


def state_name(state: str, language: Language) -> str:
    """What a file's state is called."""
    return _STATES[state][language]


def counted(number: int, noun: str) -> str:
    """An English noun with its number: "1 chunk", "2 chunks"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def notice_text(notice: Notice, language: Language) -> str:
    """A notice as one line."""
    return render(notice.code, notice.params, language)


def index_line(event: FileDone, language: Language) -> str:
    """One line for a file that an indexing run is done with."""
    head = f"  {state_name(event.state, language):9} {event.name}"
    if event.error is not None:
        return f"{head}\n            {notice_text(event.error, language)}"
    if event.state in ("added", "changed"):
        head += (
            f"（{event.chunks} 个分块，新嵌入 {event.embedded} 个）"
            if language == "zh"
            else f" ({counted(event.chunks, 'chunk')}, {event.embedded} embedded)"
        )
    return "\n            ".join([head, *(notice_text(notice, language) for notice in event.notices)])


def plan_lines(plan: IndexPlan, language: Language) -> list[str]:
    """What an indexing run would do, a line for each file that would change."""
    lines = [
        f"  {_PLANNED[state][language]:9} {name}"
        for state, names in (("new", plan.new), ("changed", plan.changed), ("removed", plan.removed))
        for name in names
    ]
    lines += [f"  {_PLANNED['renamed'][language]:9} {old} -> {new}" for old, new in plan.renamed]
    unchanged = len(plan.unchanged)
    lines.append(f"未变化：{unchanged} 个" if language == "zh" else f"{unchanged} unchanged")
    return lines


def passage_place(passage: Passage, language: Language) -> str:
    """Where a passage stands: file, page or heading."""
    place = passage.source_name
    if passage.page_label:
        number = passage.page_label
        place += (
            (f" 第 {number} 页" if language == "zh" else f" p. {number}")
            if number.isdigit()
            else f" · {number}"
        )
    if passage.heading_path:
        place += " › " + " › ".join(passage.heading_path[-2:])
    return place


def source_lines(answer: Answer, language: Language) -> list[str]:
    """The sources of an answer with the words that support it, and what none supports."""
    lines = []
    for citation in answer.citations:
        start, end = citation.spans[0] if citation.spans else (0, 160)
        quote = " ".join(citation.passage.text[start:end].split())
        lines.append(f"[{citation.number}] {passage_place(citation.passage, language)}: “{quote[:200]}”")
    unsupported = "没有段落支持：" if language == "zh" else "no passage supports: "
    for sentence in answer.sentences:
        if not sentence.supported:
            text = answer.text[sentence.start : sentence.end].strip()
            lines.append(f"[!] {unsupported}“{text}”")
    return lines
