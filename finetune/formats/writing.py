"""Examples -> files that LLaMA-Factory and others read as they stand: alpaca, ShareGPT, OpenAI messages.

LLaMA-Factory takes one kind of example from one file, so a mixed dataset becomes a file for each kind, and each
gets its entry in `dataset_info.json`; entries already there stay. Cells whose shape may differ from row to row
are written as JSON text, because Arrow, by which the file will be read, wants one type to a column.
"""

import json
import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TextIO

from finetune.chat_template import CLOSE, OPEN
from finetune.examples import Example, Finding, Message
from finetune.formats.conversation import RowRefusedError
from finetune.formats.dataset_info import FILE_NAME, load_registry

Formatting = Literal["alpaca", "sharegpt", "openai"]
SHAREGPT_ROLES = {"system": "system", "user": "human", "assistant": "gpt", "tool": "observation"}
OPENAI_TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "observation_tag": "tool",
    "function_tag": "function_call",
    "system_tag": "system",
}


@dataclass(slots=True)
class Export:
    """What was written.

    Args:
        files: entry name -> its file, `dataset_info.json` beside them.
        findings: rows that lost something or do not fit the layout.
    """

    files: dict[str, Path] = field(default_factory=dict)
    rows: int = 0
    findings: list[Finding] = field(default_factory=list)


def write_dataset(
    examples: Iterable[Example], folder: Path, *, name: str, formatting: Formatting = "sharegpt"
) -> Export:
    """Write examples into `folder` and enter them in its `dataset_info.json`.

    Args:
        name: of the entry and the file; further kinds than the first get `name_dpo`, `name_kto`, `name_text`, or
            `name_sft`.
        formatting: "alpaca" holds no tools and no turn but user's and assistant's in turn; rows that need more are
            left out and listed. "openai" is written as JSONL, the others as a JSON list.

    Raises:
        DatasetError: the `dataset_info.json` in the folder is broken.
    """
    folder.mkdir(parents=True, exist_ok=True)
    registry = load_registry(folder) if (folder / FILE_NAME).is_file() else {}
    export = Export()
    suffix = "jsonl" if formatting == "openai" else "json"
    make: Callable[[Example], dict[str, Any]] = {"alpaca": _alpaca, "sharegpt": _sharegpt, "openai": _openai}[
        formatting
    ]
    open_files: dict[str, TextIO] = {}
    with ExitStack() as stack:
        for example in examples:
            try:
                row = (
                    {"text": example.messages[0].content}
                    if example.kind == "text"
                    else make(_fit(example, export))
                )
            except RowRefusedError as refusal:
                export.findings.append(Finding(refusal.code, example.source, "dropped", refusal.params))
                continue
            if example.provenance:
                row["provenance"] = json.dumps(example.provenance, ensure_ascii=False, default=str)
            file = open_files.get(example.kind)
            if file is None:
                entry = f"{name}_{example.kind}" if open_files else name
                path = folder / f"{entry}.{suffix}"
                export.files[entry] = path
                file = open_files[example.kind] = stack.enter_context(_writer(path))
                file.write("" if suffix == "jsonl" else "[\n")
                registry[entry] = _entry(example, path.name, formatting)
            elif suffix == "json":
                file.write(",\n")
            file.write(json.dumps(row, ensure_ascii=False) + ("\n" if suffix == "jsonl" else ""))
            export.rows += 1
        for file in open_files.values():
            file.write("" if suffix == "jsonl" else "\n]\n")
    for path in export.files.values():
        os.replace(_part(path), path)
    with _writer(folder / FILE_NAME) as file:
        json.dump(registry, file, ensure_ascii=False, indent=2)
    os.replace(_part(folder / FILE_NAME), folder / FILE_NAME)
    return export


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _writer(path: Path) -> TextIO:
    return _part(path).open("w", encoding="utf-8", newline="\n")


def _entry(example: Example, file_name: str, formatting: Formatting) -> dict[str, Any]:
    if example.kind == "text":
        return {"file_name": file_name, "columns": {"prompt": "text"}}
    columns = {} if formatting == "openai" else {"system": "system"}
    if formatting == "alpaca":
        columns |= {"prompt": "instruction", "query": "input", "history": "history"}
        columns |= {} if example.kind == "dpo" else {"response": "output"}
    else:
        columns |= {"messages": "conversations" if formatting == "sharegpt" else "messages", "tools": "tools"}
    if example.kind == "dpo":
        columns |= {"chosen": "chosen", "rejected": "rejected"}
    if example.kind == "kto":
        columns |= {"kto_tag": "label"}
    entry: dict[str, Any] = {"file_name": file_name}
    if formatting != "alpaca":
        # Not "openai": with that LLaMA-Factory adds words of its own to every system message.
        entry["formatting"] = "sharegpt"
    if example.kind == "dpo":
        entry["ranking"] = True
    entry["columns"] = columns
    if formatting == "openai":
        entry["tags"] = OPENAI_TAGS
    return entry


def _fit(example: Example, export: Export) -> Example:
    """The example with the user speaking first: LLaMA-Factory drops a conversation that opens otherwise."""
    first = next((i for i, m in enumerate(example.messages) if m.role != "system"), 0)
    if example.messages[first].role != "assistant":
        return example
    export.findings.append(Finding("export_greeting", example.source, "repaired"))
    messages = (*example.messages[:first], *example.messages[first + 1 :])
    return Example(messages, example.source, example.kind, example.chosen, example.rejected, example.label,
                   example.tools, example.provenance)  # fmt: skip


def _content(message: Message) -> str:
    return message.content if message.thinking is None else OPEN + message.thinking + CLOSE + message.content


def _split_system(example: Example) -> tuple[str, list[Message]]:
    messages = list(example.messages)
    return (messages[0].content, messages[1:]) if messages[0].role == "system" else ("", messages)


def _alpaca(example: Example) -> dict[str, Any]:
    system, talk = _split_system(example)
    expected = ("user", "assistant")
    if example.tools or any(m.role != expected[i % 2] or m.tool_calls for i, m in enumerate(talk)):
        raise RowRefusedError("export_alpaca")
    *before, asked = [m for m in talk if m.role == "user"]
    answers = [m for m in talk if m.role == "assistant"]
    history = [[q.content, _content(a)] for q, a in zip(before, answers, strict=False)]
    row: dict[str, Any] = {"instruction": asked.content, "input": ""}
    if example.chosen is not None and example.rejected is not None:
        row |= {"chosen": _content(example.chosen), "rejected": _content(example.rejected)}
    else:
        row["output"] = _content(answers[-1])
    row |= {"system": system, "history": history}
    return row if example.label is None else {**row, "label": example.label}


def _sharegpt_turn(message: Message) -> dict[str, Any]:
    if message.tool_calls:
        calls = [call["function"] for call in message.tool_calls]
        text = json.dumps(calls[0] if len(calls) == 1 else calls, ensure_ascii=False)
        return {"from": "function_call", "value": text}
    return {"from": SHAREGPT_ROLES[message.role], "value": _content(message)}


def _sharegpt(example: Example) -> dict[str, Any]:
    system, talk = _split_system(example)
    row: dict[str, Any] = {"conversations": [_sharegpt_turn(m) for m in talk], "system": system}
    return row | _rest(example, _sharegpt_turn)


def _openai_turn(message: Message) -> dict[str, Any]:
    turn: dict[str, Any] = {"role": message.role, "content": _content(message)}
    if message.tool_calls:
        functions = [call["function"] for call in message.tool_calls]
        turn["tool_calls"] = [
            {
                "type": "function",
                "function": {"name": f["name"], "arguments": json.dumps(f["arguments"], ensure_ascii=False)},
            }
            for f in functions
        ]
    if not message.train:
        turn["weight"] = 0
    return turn


def _openai(example: Example) -> dict[str, Any]:
    return {"messages": [_openai_turn(m) for m in example.messages]} | _rest(example, _openai_turn)


def _rest(example: Example, turn: Callable[[Message], dict[str, Any]]) -> dict[str, Any]:
    # Always there, if empty: LLaMA-Factory stops at a row that lacks a column its entry names.
    rest: dict[str, Any] = {
        "tools": json.dumps(list(example.tools), ensure_ascii=False) if example.tools else ""
    }
    if example.chosen is not None and example.rejected is not None:
        rest |= {"chosen": turn(example.chosen), "rejected": turn(example.rejected)}
    return rest if example.label is None else {**rest, "label": example.label}
