"""Passages and chunks as cards."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from knowledge.documents import Chunk, Passage
from ui.components.inert import Utf16
from ui.components.mount import mount
from ui.text import say


@dataclass(frozen=True, slots=True)
class Card:
    """One passage to show.

    Args:
        facts: short remarks beside the title: page, tokens, rank.
        spans: places in `text`, in code points, that are lit.
        before, after: the document around the text, shown fainter.
        overlap: code points at the start that the card before already showed.
        scores: label, 0..1, and the number as written.
        muted: shown as out of use.
    """

    text: str
    title: str = ""
    number: int | None = None
    facts: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()
    before: str = ""
    after: str = ""
    overlap: int = 0
    scores: tuple[tuple[str, float, str], ...] = field(default=())
    muted: bool = False


def show_cards(cards: Sequence[Card], *, key: str, reveal: bool = False) -> None:
    """Draw `cards`.

    Args:
        key: unique on the page.
        reveal: scroll so that the first lit place is in view.
    """
    mount("passages")(key=key, data={"items": [_as_data(card) for card in cards], "reveal": reveal})


def _as_data(card: Card) -> dict[str, Any]:
    utf16 = Utf16(card.text)
    return {
        "title": card.title,
        "number": card.number,
        "facts": [fact for fact in card.facts if fact],
        "path": " › ".join(card.path),
        "text": card.text,
        "spans": [utf16(span) for span in card.spans],
        "before": card.before,
        "after": card.after,
        "overlap": utf16(card.overlap),
        "scores": [{"label": label, "value": value, "text": text} for label, value, text in card.scores],
        "muted": card.muted,
    }


def chunk_cards(chunks: Sequence[Chunk], *, title: str = "") -> list[Card]:
    """Cards of consecutive chunks, with what each repeats of the one before shown fainter."""
    cards = []
    before_end = 0
    for chunk in chunks:
        cards.append(
            Card(
                text=chunk.text,
                title=title or f"#{chunk.ordinal + 1}",
                facts=chunk_facts(chunk),
                path=chunk.heading_path,
                overlap=min(len(chunk.text), max(0, before_end - chunk.start)) if chunk.ordinal else 0,
            )
        )
        before_end = chunk.end
    return cards


def chunk_facts(chunk: Chunk) -> tuple[str, ...]:
    """Page, tokens and characters of a chunk."""
    pages = ""
    if chunk.page_first is not None:
        last = chunk.page_last or chunk.page_first
        pages = say("passage.page", page=chunk.page_first)
        if last != chunk.page_first:
            pages = say("passage.pages", first=chunk.page_first, last=last)
    return (
        pages,
        say("passage.tokens", count=chunk.token_count),
        say("passage.characters", count=len(chunk.text)),
    )


def place_of(passage: Passage) -> str:
    """Where in its document a passage stands, as people say it."""
    label = passage.page_label or (str(passage.page_first) if passage.page_first is not None else "")
    if not label:
        return ""
    return say("passage.page", page=label) if label.isdigit() else label


def score_bars(passage: Passage) -> tuple[tuple[str, float, str], ...]:
    """The scores of a passage with its rank in each leg."""
    bars = [(say("score.relevance"), passage.score, f"{passage.score:.2f}")]
    legs = (
        (say("score.dense"), passage.dense_score, passage.dense_rank),
        (say("score.lexical"), passage.lexical_score, passage.lexical_rank),
        (say("score.rerank"), passage.rerank_score, None),
    )
    for label, score, rank in legs:
        if score is not None:
            place = say("score.rank", rank=rank) if rank is not None else ""
            bars.append((label, score, f"{score:.2f} {place}".strip()))
    return tuple(bars)
