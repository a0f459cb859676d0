"""A comparison of arms as a terminal shows it: text one arm after another, or a line of JSON for all that happens."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from assistant.arms import Answer, Arm, Event, Failed, Finished, Retrieved, Token, to_json
from assistant.compare.in_turn import in_turn
from assistant.errors import TANDEM_ERRORS
from assistant.messages import Language
from assistant.reporting import source_lines

Write = Callable[[str], None]


def print_as_text(
    events: Iterable[Event], arms: Sequence[Arm], *, language: Language, write: Write, note: Write
) -> bool:
    """Print one arm below another; the first that is not done yet is printed as it is written.

    Thoughts are folded: only how long they were is said.

    Args:
        write: takes text for stdout, line ends included.
        note: takes a line for stderr.

    Returns:
        Whether every arm answered.
    """
    begun: Arm | None = None
    answered, shown, thinking = True, "", False
    for event in in_turn(events, arms):
        if event.arm != begun:
            begun, shown, thinking = event.arm, "", False
            write(f"== {begun.name}\n")
        match event:
            case Token(thinking=True):
                if not thinking:
                    note("   思考中……" if language == "zh" else "   thinking …")
                thinking = True
            case Token():
                shown += event.text
                write(event.text)
            case Failed():
                answered = False
                write("\n" if shown else "")
                note(_reason(event, language))
            case Finished():
                write("\n" if shown else "")
                for line in _below(event.answer, shown, language):
                    write(f"{line}\n")
    return answered


def print_as_json(
    question: str, events: Iterable[Event], arms: Sequence[Arm], *, language: Language, write: Write
) -> bool:
    """Print one JSON object a line as things happen, the arms interleaved; the last line is the whole comparison.

    Each has `event`: "retrieved", "token", "finished" or "failed" with the `arm` it is about, and at the end
    "compared" with `question` and `answers` by arm.

    Args:
        write: takes text for stdout, line ends included.

    Returns:
        Whether every arm answered.
    """
    answers: dict[str, Any] = {arm.name: None for arm in arms}
    answered = True

    def told(event: str, **more: Any) -> None:
        write(json.dumps({"event": event, **more}, ensure_ascii=False, default=str) + "\n")

    for event in events:
        name = event.arm.name
        match event:
            case Retrieved():
                told("retrieved", arm=name, query=event.query, retrieval=to_json(event.retrieval))
            case Token():
                told("token", arm=name, text=event.text, thinking=event.thinking)
            case Failed():
                answered = False
                answers[name] = {"error": _reason(event, language)}
                told("failed", arm=name, **answers[name])
            case Finished():
                answers[name] = to_json(event.answer)
                told("finished", arm=name, answer=answers[name])
    told("compared", question=question, answers=answers)
    return answered


def _below(answer: Answer, shown: str, language: Language) -> list[str]:
    """What comes below an arm's words: the text that counts where it differs, sources, figures."""
    lines = []
    if answer.text.strip() != shown.strip():
        lines.append(f"=> {answer.text}")
    if answer.citations:  # an arm that read no passages is not told that none supports it
        lines += source_lines(answer, language)
    return [*lines, f"   {_figures(answer, language)}"]


def _figures(answer: Answer, language: Language) -> str:
    first, total = (answer.timings_ms.get(stage, 0.0) / 1000 for stage in ("first_token", "total"))
    count, thoughts = answer.completion_tokens, len(answer.thinking)
    if language == "zh":
        parts = [f"首词 {first:.1f} 秒", f"共 {total:.1f} 秒"]
    else:
        parts = [f"first word {first:.1f} s", f"{total:.1f} s in all"]
    if count or answer.own_memory_bytes is not None:  # some servers do not count
        parts.append(f"{count} 个词元" if language == "zh" else f"{count} tokens")
    if answer.peak_memory_bytes is not None:
        peak, own = answer.peak_memory_bytes / 2**30, (answer.own_memory_bytes or 0) / 2**20
        parts.append(
            f"进程内存峰值 {peak:.2f} GB（本回答占 {own:.1f} MB）"
            if language == "zh"
            else f"peak memory of the process {peak:.2f} GB ({own:.1f} MB of it this answer's)"
        )
    if thoughts:
        parts.append(
            f"思考 {thoughts} 字符（--json 可见）"
            if language == "zh"
            else f"{thoughts} characters of thought (--json shows them)"
        )
    return ("，" if language == "zh" else ", ").join(parts)


def _reason(event: Failed, language: Language) -> str:
    error = event.error
    return error.text(language) if isinstance(error, TANDEM_ERRORS) else str(error)
