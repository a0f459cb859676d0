"""One training example, whatever file it came from, and what was found out about it on the way.

Only data. `finetune.formats` makes examples, `finetune.encoding` makes token ids of them.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from finetune.messages import Language, render

Role = Literal["system", "user", "assistant", "tool"]
Kind = Literal["sft", "dpo", "kto", "text"]
Outcome = Literal["noted", "repaired", "cut", "dropped"]
"""What a finding means for its row, mildest first; a row counts by its worst finding."""

OUTCOMES: tuple[Outcome, ...] = ("noted", "repaired", "cut", "dropped")


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    Args:
        content: what was said, without the thinking.
        thinking: what an assistant thought first; None where the data has none.
        train: False for an assistant turn that is context only, such as an opening greeting.
        tool_calls: OpenAI form, `{"type": "function", "function": {"name", "arguments"}}`; `content` then holds
            the same as text, for templates that know no tools.
    """

    role: Role
    content: str
    thinking: str | None = None
    train: bool = True
    tool_calls: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Where an example stands in its file.

    Args:
        file: the file's name, relative to the folder that was given.
        row: from 1, counting every row of the file, the unreadable ones too.
        line: from 1, where the file has lines that mean anything; else None.
    """

    file: str
    row: int
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line is not None else f"{self.file}#{self.row}"


@dataclass(frozen=True, slots=True)
class Example:
    """One row of a dataset.

    Args:
        messages: the conversation, oldest first. "sft" and "kto" end on the assistant's answer, "dpo" on the turn
            before it; "text" is one assistant message that holds the text.
        chosen, rejected: the two answers of a "dpo" row.
        label: whether the last answer of a "kto" row is a good one.
        tools: descriptions of the tools on offer, OpenAI form.
        provenance: what else the row said about itself (`id`, `category`, `chunk_id` ...).
    """

    messages: tuple[Message, ...]
    source: Source
    kind: Kind = "sft"
    chosen: Message | None = None
    rejected: Message | None = None
    label: bool | None = None
    tools: tuple[dict[str, Any], ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def prompt(self) -> str:
        """What the user said last, or "" in plain text."""
        return next((m.content for m in reversed(self.messages) if m.role == "user"), "")

    @property
    def answer(self) -> str:
        """The answer that is trained: the last assistant turn, or the chosen one."""
        if self.chosen is not None:
            return self.chosen.content
        return next((m.content for m in reversed(self.messages) if m.role == "assistant"), "")

    def turns(self) -> tuple[Message, ...]:
        """Every message that is trained or read: the conversation, then chosen and rejected."""
        return self.messages + tuple(m for m in (self.chosen, self.rejected) if m is not None)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to tell about one row, or about a whole file where `source.row` is 0.

    Args:
        code: a key of `finetune.messages.MESSAGES`; `params` fill it.
    """

    code: str
    source: Source
    outcome: Outcome = "noted"
    params: dict[str, Any] = field(default_factory=dict)

    def text(self, language: Language = "en") -> str:
        """Return the message in `language`, without the place."""
        return render(self.code, self.params, language)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, both languages included."""
        return {
            "code": self.code,
            "file": self.source.file,
            "row": self.source.row,
            "line": self.source.line,
            "outcome": self.outcome,
            "params": self.params,
            "text": {"en": self.text("en"), "zh": self.text("zh")},
        }
