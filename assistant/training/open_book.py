"""Training rows that show passages: what the app's own retriever finds for a question, in the app's own prompt.

Where the retriever found the fact, the row answers from the passage; where it did not, or the passage that holds
the answer is taken away, the row refuses in the words of the app. So an adapter is trained for the retriever it
will be served with, its misses included (https://arxiv.org/abs/2502.08356).
"""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from assistant.context import ContextProfile, shape_context
from assistant.prompts import build_messages, refusal
from finetune.examples import Message
from finetune.facts.compose import framed
from finetune.facts.extract import squeeze
from finetune.facts.forms import Wording
from finetune.facts.material import Language
from finetune.facts.rows import BuiltRow, Fact, RowKind
from knowledge.documents import Passage

if TYPE_CHECKING:
    from knowledge.embeddings import Embedder

Search = Callable[[str], Sequence[Passage]]


def frame_of(profile: ContextProfile) -> "Callable[[str, str | None, Language], tuple[Message, ...]]":
    """Return the app's prompt as messages of training rows."""

    def frame(question: str, context: str | None, language: Language) -> tuple[Message, ...]:
        built = build_messages(question, context=context, language=language, profile=profile)
        roles = {"human": "user", "ai": "assistant", "system": "system"}
        return tuple(Message(roles[m.type], str(m.content)) for m in built)  # type: ignore[arg-type]

    return frame


def open_book_rows(
    asked: Sequence[tuple[Fact, Wording]],
    search: Search,
    *,
    number: int,
    misses: float,
    profile: ContextProfile,
    budget: int,
    count_tokens: Callable[[str], int],
    embedder: "Embedder | None",
    dice: random.Random,
    should_stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[BuiltRow]:
    """Yield up to `number` rows for questions of `asked`.

    Args:
        search: the app's retrieval.
        misses: 0..1, share of the rows whose passages lack the answer; what the retriever misses by itself counts.
        profile, budget, count_tokens, embedder: how the app shapes what it found.
    """
    frame = frame_of(profile)
    wanted: dict[RowKind, int] = {"open_miss": round(misses * number)}
    wanted["open_hit"] = number - wanted["open_miss"]
    pool = [(fact, wording) for fact, wording in asked if wording.kind == "direct"]
    dice.shuffle(pool)

    def shape(question: str, passages: Sequence[Passage]) -> tuple[str, tuple[int, ...]]:
        shaped = shape_context(
            question, passages, count_tokens=count_tokens, budget=budget, profile=profile, embedder=embedder
        )
        return shaped.text, tuple(used.passage.chunk_id for used in shaped.used)

    for fact, wording in pool:
        if should_stop() or not any(wanted.values()):
            return
        progress(number - sum(wanted.values()), number)
        found = list(search(wording.question))
        value = squeeze(wording.answer).casefold()
        kind: RowKind = "open_hit"
        context, shown = shape(wording.question, found)
        if value not in squeeze(context).casefold():
            kind = "open_miss"
        elif not wanted["open_hit"]:
            kind = "open_miss"
            left = [
                p for p in found if p.chunk_id != fact.chunk_id and value not in squeeze(p.text).casefold()
            ]
            context, shown = shape(wording.question, left)
        if not context or not wanted[kind] or (value in squeeze(context).casefold()) != (kind == "open_hit"):
            continue
        wanted[kind] -= 1
        answer = wording.answer if kind == "open_hit" else refusal(fact.language)
        messages = framed(frame, wording.question, answer, fact.language, context=context)
        yield BuiltRow("", kind, fact.language, messages, "train", (fact.id,), shown or (fact.chunk_id,),
                       (fact.file,), (), wording.kind, wording.template)  # fmt: skip
