"""Turns as files write them -> messages, by stated rules. No conversation is lost for one odd turn.

1. An assistant turn that opens the conversation stays, as context; it is not trained, since nobody asked for it.
2. User turns at the end that nobody answered are taken off (not in DPO, whose answers stand apart).
3. Neighbouring turns of one role are joined by a line break.
4. A system turn in the middle moves to the top.
5. Empty turns are left out. A role that is not known refuses the row.

Each use of a rule is reported.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from finetune.examples import Message, Role

Note = tuple[str, dict[str, Any]]
"""A message code and what fills it."""

ROLES: dict[str, Role] = {
    **dict.fromkeys(("system", "developer", "系统"), "system"),
    **dict.fromkeys(("user", "human", "prompter", "customer", "question", "用户", "人类"), "user"),
    **dict.fromkeys(
        ("assistant", "gpt", "bot", "model", "ai", "chatgpt", "bing", "bard", "claude", "answer", "助手"),
        "assistant",
    ),
    **dict.fromkeys(("function_call", "function-call", "tool_call"), "assistant"),
    **dict.fromkeys(
        ("tool", "observation", "function", "tool_response", "function_response", "ipython"), "tool"
    ),
}
CALLS = frozenset({"function_call", "function-call", "tool_call"})
ROLE_KEYS = ("role", "from", "speaker", "sender")
CONTENT_KEYS = ("content", "value", "text", "message", "utterance")
THINKING_KEYS = ("reasoning_content", "reasoning", "thinking", "cot", "think")
PAIRS = (("human", "assistant"), ("user", "assistant"), ("human", "gpt"), ("prompt", "response"),
         ("instruction", "output"), ("query", "response"), ("question", "answer"), ("input", "output"))  # fmt: skip
"""Keys of layouts in which one object holds a question and its answer."""

_thinking = re.compile(r"\s*(?:<think>)?(.*?)</think>\s*", re.DOTALL)


class RowRefusedError(Exception):
    """The row cannot be an example. For this package's readers only; it ends as a finding."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


def as_text(value: Any, notes: list[Note]) -> str:
    """Return the text of a cell: text as it is, a number as written, one-item lists unpacked, else JSON."""
    if isinstance(value, str):
        return value if value.isascii() else _without_surrogates(value, notes)
    if value is None:
        return ""
    if isinstance(value, (bool, int, float)):
        return str(value)
    if isinstance(value, list) and value and all(isinstance(part, dict) and "type" in part for part in value):
        return _parts_text(value, notes)
    notes.append(("text_from_value", {"found": type(value).__name__}))
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        return as_text(value[0], notes)
    return as_text(json.dumps(value, ensure_ascii=False, default=str), notes)


def _without_surrogates(text: str, notes: list[Note]) -> str:
    """Half of a \\ud83d\\ude00 pair alone is legal in JSON and in a str, and no tokenizer takes it."""
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        notes.append(("bad_characters", {}))
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _parts_text(parts: list[dict[str, Any]], notes: list[Note]) -> str:
    """The text of OpenAI's content parts."""
    for part in parts:
        if part["type"] not in ("text", "input_text", "output_text"):
            raise RowRefusedError("row_media", found=str(part["type"]))
    return "".join(as_text(part.get("text", ""), notes) for part in parts)


def split_thinking(text: str) -> tuple[str | None, str]:
    """Split `<think>...</think>answer`; also without the opening tag, as DeepSeek-R1's templates leave it."""
    if "</think>" not in text:
        return None, text
    match = _thinking.match(text)
    if match is None or "<think>" in match[1]:
        return None, text
    if not text.lstrip().startswith("<think>") and not match[1].endswith("\n"):
        return None, text  # the tag is mentioned, not used
    return match[1].strip("\n"), text[match.end() :]


def make_message(
    role: Role, content: Any, notes: list[Note], *, thinking: Any = None, train: bool = True
) -> Message:
    """Return a message; an assistant's thinking is split off, and an empty one counts as none."""
    text = as_text(content, notes)
    if role != "assistant":
        return Message(role, text)
    thought: str | None = as_text(thinking, notes) if thinking else None
    if thought is None:
        thought, text = split_thinking(text)
        if thought is None and "<think>" in text:
            notes.append(("thinking_unclosed", {}))
    if thought is not None and not thought.strip():
        notes.append(("thinking_empty", {}))
        thought = None
    return Message(role, text, thought, train)


def read_turns(
    turns: Sequence[Any],
    notes: list[Note],
    *,
    role_key: str | None = None,
    content_key: str | None = None,
    roles: Mapping[str, Role] | None = None,
) -> list[Message]:
    """Return the messages of a list of turns in any of the common forms, not yet put in order.

    Args:
        role_key, content_key: as a `dataset_info.json` names them; looked for where a turn lacks them.
        roles: names that the file gives to roles, before the usual ones.

    Raises:
        RowRefusedError: an unknown role, a turn that is no turn, pictures or sound.
    """
    messages: list[Message] = []
    for turn in turns:
        if isinstance(turn, (list, tuple)) and len(turn) == 2:  # [question, answer]
            messages += [make_message("user", turn[0], notes), make_message("assistant", turn[1], notes)]
        elif isinstance(turn, dict):
            messages += _read_turn(turn, notes, role_key, content_key, roles or {})
        else:
            raise RowRefusedError("turn_unreadable", found=type(turn).__name__)
    return messages


def _read_turn(
    turn: dict[str, Any],
    notes: list[Note],
    role_key: str | None,
    content_key: str | None,
    roles: Mapping[str, Role],
) -> list[Message]:
    key = next((k for k in (role_key, *ROLE_KEYS) if k and turn.get(k) is not None), None)
    if key is None:
        for asked, answered in PAIRS:
            if asked in turn and answered in turn:
                pair = [
                    make_message("user", turn[asked], notes),
                    make_message("assistant", turn[answered], notes),
                ]
                system = turn.get("system")
                return [make_message("system", system, notes), *pair] if system else pair
        raise RowRefusedError("turn_unreadable", found=", ".join(map(str, turn)) or "{}")
    named = str(turn[key])
    role = roles.get(named) or ROLES.get(named.strip().lower())
    if role is None:
        raise RowRefusedError("role_unknown", role=named)
    body = next((k for k in (content_key, *CONTENT_KEYS) if k and k in turn and k != key), None)
    calls = _tool_calls(turn, named, turn.get(body) if body else None)
    if body is None and not calls:
        raise RowRefusedError("turn_unreadable", found=", ".join(map(str, turn)))
    if (role_key and key != role_key) or (content_key and body and body != content_key):
        notes.append(("tags_detected", {"role_tag": key, "content_tag": body}))
    train = not (turn.get("weight") == 0 or turn.get("loss") is False or turn.get("train") is False)
    thinking = next((turn[k] for k in THINKING_KEYS if turn.get(k)), None)
    message = make_message(role, turn.get(body) if body else "", notes, thinking=thinking, train=train)
    if calls:
        text = message.content or "\n".join(json.dumps(c["function"], ensure_ascii=False) for c in calls)
        message = Message(role, text, message.thinking, train, tuple(calls))
    return [message]


def _tool_calls(turn: dict[str, Any], named: str, content: Any) -> list[dict[str, Any]]:
    """The calls in OpenAI form, from `tool_calls`, the older `function_call`, or a ShareGPT call's JSON text."""
    found: Any = turn.get("tool_calls") or turn.get("function_call") or ()
    if not found and named.strip().lower() in CALLS and isinstance(content, str):
        try:
            found = json.loads(content)
        except json.JSONDecodeError:
            return []
    calls = []
    for call in [found] if isinstance(found, dict) else found:
        function = call.get("function", call) if isinstance(call, dict) else None
        if not isinstance(function, dict) or "name" not in function:
            return []
        arguments = function.get("arguments", function.get("parameters", {}))
        if isinstance(arguments, str):
            try:
                arguments = json.loads(arguments)
            except json.JSONDecodeError:
                return []
        calls.append({"type": "function", "function": {"name": function["name"], "arguments": arguments}})
    return calls


def put_in_order(messages: list[Message], notes: list[Note], *, answered: bool = True) -> tuple[Message, ...]:
    """Apply the rules at the top of this file.

    Args:
        answered: whether the conversation has to end on an answer; False for DPO, whose answers stand apart.

    Raises:
        RowRefusedError: no answer is left, or no user turn where one is needed.
    """
    said = [m for m in messages if m.content.strip() or m.thinking or m.tool_calls]
    if len(said) < len(messages):
        notes.append(("turns_empty", {"turns": len(messages) - len(said)}))
    system = [m for m in said if m.role == "system"]
    talk = [m for m in said if m.role != "system"]
    if system and said.index(system[-1]) >= len(system):
        notes.append(("system_moved", {}))
    joined: list[Message] = []
    for message in talk:
        if joined and joined[-1].role == message.role and message.role != "tool":
            joined[-1] = _join(joined[-1], message)
            notes.append(("turns_joined", {"role": message.role}))
        else:
            joined.append(message)
    unanswered = 0
    while answered and joined and joined[-1].role != "assistant":
        joined.pop()
        unanswered += 1
    if unanswered and joined:
        notes.append(("unanswered_removed", {"turns": unanswered}))
    if answered and not any(m.role == "assistant" for m in joined):
        raise RowRefusedError("no_answer")
    if not any(m.role == "user" for m in joined):
        raise RowRefusedError("no_question")
    if joined[0].role == "assistant":
        joined[0] = Message("assistant", joined[0].content, joined[0].thinking, False, joined[0].tool_calls)
        notes.append(("greeting_untrained", {}))
    top = [Message("system", "\n".join(m.content for m in system))] if system else []
    return (*top, *joined)


def _join(first: Message, second: Message) -> Message:
    thinking = "\n".join(t for t in (first.thinking, second.thinking) if t) or None
    return Message(
        first.role,
        f"{first.content}\n{second.content}",
        thinking,
        first.train and second.train,
        first.tool_calls + second.tool_calls,
    )
