"""The rows of a build, the facts they teach, and where each comes from."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from finetune.examples import Example, Message, Source
from finetune.facts.material import Language

FactKind = Literal["table", "definition", "key_value", "number", "step", "sentence", "written"]
"""What a fact was found in; "written" by a model."""
WordingKind = Literal["direct", "reversed", "cloze", "statement", "implication", "list", "turns"]
WORDING_KINDS: tuple[WordingKind, ...] = (
    "direct", "reversed", "cloze", "statement", "implication", "list", "turns")  # fmt: skip
RowKind = Literal["closed", "open_hit", "open_miss", "unknown", "replay"]
"""closed: question and answer without the passage. open_hit: answered from what the retriever found. open_miss:
the retriever's passages without the answer, refused. unknown: something that no document tells, refused.
replay: general questions, against forgetting."""
Split = Literal["train", "held_wording", "held_document"]
SPLITS: tuple[Split, ...] = ("train", "held_wording", "held_document")
"""held_wording: a wording of a trained fact that is never trained. held_document: from a file that is never
trained."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a document says, in three parts.

    Args:
        id: "f" and a number.
        subject: what it is about; relation: which property, "" where the statement says it; value: the answer.
        statement: as one sentence that stands alone.
        aliases: other names of the subject, such as the code that a table gives it.
        topic: title above it, without its number.
        span: literally in the chunk, but for white space and width.
        headings: titles above it.
        siblings: other values of the same property, for wrong suggestions.
        group: of facts from one table or list, whose members may be compared; "" for none.
    """

    id: str
    kind: FactKind
    language: Language
    subject: str
    relation: str
    value: str
    statement: str
    span: str
    chunk_id: int
    source_id: int
    file: str
    page: int | None = None
    headings: tuple[str, ...] = ()
    siblings: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    topic: str = ""
    group: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What a question names: two facts with one key and two values would contradict each other."""
        return self.subject.casefold(), self.relation.casefold()


@dataclass(frozen=True, slots=True)
class BuiltRow:
    """One row that can be looked at, edited and left out.

    Args:
        id: "r" and a number.
        messages: the conversation; its last message is the answer.
        fact_ids: what it teaches or asks; empty for "unknown" and "replay".
        chunk_ids: where that is said, and for open-book rows the passages shown.
        files: of those chunks.
        turn_facts: the fact that each question of a conversation asks for; empty where there is one question.
        wording: how it is asked; None where no fact is.
        template: of which form of words it was made, "model" where a model wrote it.
        selected: whether it is exported.
        edited: by the user.
    """

    id: str
    kind: RowKind
    language: Language
    messages: tuple[Message, ...]
    split: Split = "train"
    fact_ids: tuple[str, ...] = ()
    chunk_ids: tuple[int, ...] = ()
    files: tuple[str, ...] = ()
    turn_facts: tuple[str, ...] = ()
    wording: WordingKind | None = None
    template: str = ""
    selected: bool = True
    edited: bool = False

    @property
    def question(self) -> str:
        """What the user said last."""
        return next((m.content for m in reversed(self.messages) if m.role == "user"), "")

    @property
    def answer(self) -> str:
        """What the assistant is to say."""
        return self.messages[-1].content

    def edit(self, *, question: str | None = None, answer: str | None = None) -> "BuiltRow":
        """Return the row with its last question or its answer replaced.

        Raises:
            ValueError: one of them is empty.
        """
        messages = list(self.messages)
        asked = max(i for i, m in enumerate(messages) if m.role == "user")
        for at, text in ((asked, question), (len(messages) - 1, answer)):
            if text is None:
                continue
            if not text.strip():
                raise ValueError("question and answer must not be empty")
            messages[at] = replace(messages[at], content=text)
        return replace(self, messages=tuple(messages), edited=True)

    def example(self, number: int) -> Example:
        """The row as training takes it, with its provenance."""
        return Example(self.messages, Source("rows.jsonl", number), provenance=self.provenance())

    def provenance(self) -> dict[str, Any]:
        """Row, facts, chunks and files, as plain values."""
        return {
            "id": self.id,
            "kind": self.kind,
            "facts": list(self.fact_ids),
            "chunks": list(self.chunk_ids),
            "files": list(self.files),
            "wording": self.wording,
            "template": self.template,
        }


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that was found and not used: a fact without its span, a row too like a test question.

    Args:
        code: a key of `finetune.messages.MESSAGES`; `params` fill it.
        text: what it is about, cut short.
    """

    code: str
    text: str
    params: dict[str, Any] = field(default_factory=dict)
