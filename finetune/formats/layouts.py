"""What the columns of a row mean, told by their names and content; and the row as an `Example`.

    alpaca             instruction, input, output (+ system, history)
    dolly              instruction, context, response
    prompt_completion  prompt, completion, as text or as messages
    query_response     query, response (+ system, history)
    question_answer    any other known name for a question beside one for an answer
    sharegpt, openai   conversations of from/value, messages of role/content, or pairs
    preference         chosen, rejected beside a prompt or a conversation, or two conversations alike at first
    kto                any of the above with a true or false label
    text               text alone

An alpaca row's user turn is the instruction, a line break, the input, as LLaMA-Factory has it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from finetune.examples import Example, Message, Role, Source
from finetune.formats.conversation import (
    ROLE_KEYS,
    THINKING_KEYS,
    Note,
    RowRefusedError,
    as_text,
    make_message,
    put_in_order,
    read_turns,
)

NAMES: dict[str, tuple[str, ...]] = {
    "messages": (
        "messages",
        "conversations",
        "conversation",
        "dialog",
        "dialogue",
        "dialogs",
        "chat",
        "turns",
    ),
    "prompt": (
        "instruction",
        "prompt",
        "query",
        "question",
        "problem",
        "user",
        "human",
        "input",
        "问题",
        "指令",
    ),
    "query": ("input", "context", "输入"),
    "response": (
        *("output", "response", "completion", "answer", "target", "solution", "assistant", "gpt", "content"),
        *("回答", "答案", "输出"),
    ),
    "history": ("history",),
    "system": ("system", "system_prompt"),
    "tools": ("tools", "functions"),
    "chosen": ("chosen",),
    "rejected": ("rejected",),
    "kto_tag": ("kto_tag", "label"),
    "text": ("text", "content", "response", "completion"),
}
"""Column names by what they mean, in LLaMA-Factory's words, the likelier first."""
MEDIA = ("images", "image", "videos", "video", "audios", "audio")
KNOWN_COLUMNS = frozenset(name for names in NAMES.values() for name in names)
PROVENANCE_CHARS = 300


@dataclass(frozen=True, slots=True)
class Hints:
    """What a `dataset_info.json` or the user says about the columns; all of it may be empty.

    Args:
        columns: column name by meaning, the keys as in `NAMES`.
        role_key, content_key, roles: how turns are written.
        ranking: whether rows are preference pairs; None to tell by content.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    role_key: str | None = None
    content_key: str | None = None
    roles: Mapping[str, Role] = field(default_factory=dict)
    ranking: bool | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """The meaning of one set of columns.

    Args:
        columns: column name by meaning, only those that are there.
        notes: what is worth saying once for the file.
    """

    name: str
    columns: Mapping[str, str]
    notes: tuple[Note, ...] = ()


def recognise(row: Mapping[str, Any], hints: Hints) -> Layout:
    """Return the layout of rows with the columns of `row`.

    Raises:
        RowRefusedError: `layout_unknown`.
    """
    notes: list[Note] = []
    found: dict[str, str] = {}
    for meaning, column in hints.columns.items():
        if column in row:
            found[meaning] = column
        elif meaning in ("prompt", "response", "messages", "chosen", "rejected", "kto_tag"):
            notes.append(("column_missing", {"column": column, "meaning": meaning}))
    taken = set(found.values())

    def look(meaning: str) -> None:
        if meaning in found:
            return
        column = next((n for n in NAMES[meaning] if row.get(n) is not None and n not in taken), None)
        if column is not None:
            found[meaning] = column
            taken.add(column)
            # Listing some columns does not hide the others: LLaMA-Factory reads an unlisted `input` as empty.
            if hints.columns and meaning in ("query", "response", "system", "history"):
                notes.append(("column_unlisted", {"column": column, "meaning": meaning}))

    for meaning in ("system", "history", "tools"):
        look(meaning)
    if hints.ranking is not False:
        look("chosen")
        look("rejected")
    paired = "chosen" in found and "rejected" in found
    look("messages")
    if "messages" in found and not isinstance(row[found["messages"]], list):
        taken.discard(found.pop("messages"))
    if "messages" not in found:
        look("prompt")
        if not paired:
            look("response")
        if "prompt" in found:
            look("query")
    look("kto_tag")
    # Without being told, only true and false count: a 0 or 1 beside a question is as likely a class.
    if "kto_tag" in found and "kto_tag" not in hints.columns and not is_tag(row[found["kto_tag"]]):
        del found["kto_tag"]
    if hints.ranking and not paired:
        raise RowRefusedError("preference_shape")
    return Layout(_name(row, found, paired, hints), found, tuple(notes))


def _name(row: Mapping[str, Any], found: dict[str, str], paired: bool, hints: Hints) -> str:
    """Name the layout; for text, `found` is put right."""
    if paired:
        return "preference"
    if "messages" in found:
        turns = row[found["messages"]]
        if turns and all(isinstance(turn, str) for turn in turns):
            raise RowRefusedError("questions_only")
        openai = not turns or not isinstance(turns[0], dict) or "role" in turns[0]
        return "kto" if "kto_tag" in found else "openai" if openai else "sharegpt"
    prompt, response = found.get("prompt"), found.get("response")
    if prompt and response:
        if "kto_tag" in found:
            return "kto"
        if found.get("query") == "context":
            return "dolly"
        named = {("instruction", "output"): "alpaca", ("prompt", "completion"): "prompt_completion"}
        return named.get((prompt, response)) or ("query_response" if prompt == "query" else "question_answer")
    listed = hints.columns.get("prompt")
    text = prompt if prompt and prompt == listed else next((n for n in NAMES["text"] if n in row), None)
    if text is None:
        raise RowRefusedError("no_answer" if prompt else "layout_unknown", columns=", ".join(map(str, row)))
    found.clear()
    found["text"] = text
    return "text"


def make_example(
    row: Mapping[str, Any], layout: Layout, hints: Hints, source: Source, notes: list[Note]
) -> Example:
    """Return the row as an example, adding to `notes` what was repaired.

    Raises:
        RowRefusedError: why it cannot be one.
    """
    columns = layout.columns
    if any(row.get(name) for name in MEDIA) or any(row.get(columns.get(name, "")) for name in MEDIA):
        raise RowRefusedError(
            "row_media", found=next(n for n in MEDIA if row.get(n) or row.get(columns.get(n, "")))
        )
    provenance = _provenance(row, set(columns.values()))
    if layout.name == "text":
        text = as_text(row[columns["text"]], notes)
        if not text.strip():
            raise RowRefusedError("no_answer")
        return Example((Message("assistant", text),), source, "text", provenance=provenance)
    tools = _tools(row.get(columns.get("tools", "")), notes)
    if layout.name == "preference":
        messages, chosen, rejected = _preference(row, columns, hints, notes)
        return Example(messages, source, "dpo", chosen, rejected, tools=tools, provenance=provenance)
    turns = _opening(row, columns, hints, notes)
    if "messages" not in columns:
        turns += _answer(row, columns, notes)
    ordered = put_in_order(turns, notes)
    if layout.name != "kto":
        return Example(ordered, source, tools=tools, provenance=provenance)
    label = _as_label(row.get(columns["kto_tag"]))
    if label is None:
        raise RowRefusedError("label_unreadable", found=str(row.get(columns["kto_tag"])))
    return Example(ordered, source, "kto", label=label, tools=tools, provenance=provenance)


def _turns(value: Any, hints: Hints, notes: list[Note]) -> list[Message]:
    return read_turns(value, notes, role_key=hints.role_key, content_key=hints.content_key, roles=hints.roles)


def _opening(
    row: Mapping[str, Any], columns: Mapping[str, str], hints: Hints, notes: list[Note]
) -> list[Message]:
    """The row up to the answer: system, history, and the conversation or the user's turn."""
    messages: list[Message] = []
    if system := as_text(row.get(columns.get("system", "")), notes):
        messages.append(Message("system", system))
    history = row.get(columns.get("history", ""))
    if isinstance(history, list):
        messages += _turns(history, hints, notes)
    if "messages" in columns:
        turns = _turns(row[columns["messages"]], hints, notes)
        # As in LLaMA-Factory, a system turn inside the conversation stands before the system column.
        inside = any(turn.role == "system" for turn in turns)
        return turns if inside else messages + turns
    prompt = row.get(columns.get("prompt", ""))
    if isinstance(prompt, list) and prompt and isinstance(prompt[0], dict):
        return messages + _turns(prompt, hints, notes)
    parts = [as_text(prompt, notes), as_text(row.get(columns.get("query", "")), notes)]
    if asked := "\n".join(part for part in parts if part):
        messages.append(Message("user", asked))
    return messages


def _answer(row: Mapping[str, Any], columns: Mapping[str, str], notes: list[Note]) -> list[Message]:
    value = row.get(columns.get("response", ""))
    if isinstance(value, list) and value and isinstance(value[0], dict) and _is_turn(value[0]):
        return read_turns(value, notes)
    thinking = next((row[key] for key in THINKING_KEYS if row.get(key) and key not in columns.values()), None)
    return [make_message("assistant", value, notes, thinking=thinking)]


def _is_turn(value: Mapping[str, Any]) -> bool:
    return any(key in value for key in ROLE_KEYS)


def _preference(
    row: Mapping[str, Any], columns: Mapping[str, str], hints: Hints, notes: list[Note]
) -> tuple[tuple[Message, ...], Message, Message]:
    chosen = _side(row[columns["chosen"]], hints, notes)
    rejected = _side(row[columns["rejected"]], hints, notes)
    same = 0
    while same < min(len(chosen), len(rejected)) and chosen[same] == rejected[same]:
        same += 1
    if same == len(chosen) == len(rejected):
        raise RowRefusedError("preference_same")
    tails = chosen[same:], rejected[same:]
    if any(len(tail) != 1 or tail[0].role != "assistant" for tail in tails):
        raise RowRefusedError("preference_shape")
    if not all(tail[0].content.strip() for tail in tails):
        raise RowRefusedError("no_answer")
    # Conversations that share their beginning carry the prompt themselves.
    opening = chosen[:same] if same else _opening(row, columns, hints, notes)
    ordered = put_in_order(opening, notes, answered=False)
    if ordered[-1].role == "assistant":
        raise RowRefusedError("preference_shape")
    return ordered, tails[0][0], tails[1][0]


def _side(value: Any, hints: Hints, notes: list[Note]) -> list[Message]:
    if isinstance(value, dict) and _is_turn(value):
        return _turns([value], hints, notes)
    if isinstance(value, list) and value and isinstance(value[0], dict) and _is_turn(value[0]):
        return _turns(value, hints, notes)
    return [make_message("assistant", value, notes)]


def is_tag(value: Any) -> bool:
    """Whether a value says true or false, and nothing else that a column of labels might hold."""
    return isinstance(value, bool) or (isinstance(value, str) and value.strip().lower() in ("true", "false"))


def _as_label(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False, "1": True, "0": False}.get(value.strip().lower())
    return bool(value) if isinstance(value, bool) or value in (0, 1) else None


def _tools(value: Any, notes: list[Note]) -> tuple[dict[str, Any], ...]:
    if not value:
        return ()
    try:
        tools = json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError:
        notes.append(("tools_unreadable", {}))
        return ()
    tools = [tools] if isinstance(tools, dict) else tools
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        notes.append(("tools_unreadable", {}))
        return ()
    return tuple(tool if "function" in tool else {"type": "function", "function": tool} for tool in tools)


def _provenance(row: Mapping[str, Any], used: set[str]) -> dict[str, Any]:
    given = row.get("provenance")
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except json.JSONDecodeError:
            given = {"provenance": given}
    kept: dict[str, Any] = dict(given) if isinstance(given, dict) else {}
    for key, value in row.items():
        if key in used or key in MEDIA or key in THINKING_KEYS or key == "provenance":
            continue
        if isinstance(value, (bool, int, float)) or (
            isinstance(value, str) and 0 < len(value) <= PROVENANCE_CHARS
        ):
            kept[key] = value
    return kept
