"""A citation opened: the passage in its document with the supporting place lit, and the page's picture."""

import re
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

import streamlit as st

from assistant.arms import Answer, Citation
from assistant.errors import TANDEM_ERRORS
from ui.components.inert import plain
from ui.components.passages import Card, place_of, show_cards
from ui.frame import framed
from ui.text import say

if TYPE_CHECKING:
    from assistant.app import App

AROUND_CHARACTERS = 280
_BEGINS_BLOCK = re.compile(r"\||(?:[-*•]|\d{1,3}[.)、])\s")


def open_source(app: "App", answer: Answer, number: int, sentence: int | None) -> None:
    """Open the drawer at citation `number`.

    Args:
        sentence: the sentence it was opened from; only its own support is then lit.
    """
    citations = {citation.number: citation for citation in answer.citations}
    if number not in citations:
        return

    @st.dialog(say("source.title"), width=720, position="right")
    @framed()
    def drawer() -> None:
        chosen = number
        if len(citations) > 1:
            chosen = (
                st.segmented_control(
                    say("answer.sources"),
                    list(citations),
                    default=number,
                    required=True,
                    key="source_number",
                    label_visibility="collapsed",
                )
                or number
            )
        own = sentence if chosen == number else None
        _show(app, answer, citations[chosen], own)

    drawer()


def _show(app: "App", answer: Answer, citation: Citation, sentence: int | None) -> None:
    passage = citation.passage
    spans = citation.spans
    if sentence is not None and sentence < len(answer.sentences):
        spans = answer.sentences[sentence].spans.get(citation.number, spans)
    before = after = ""
    gone = False
    try:
        around = app.passage_context(passage.chunk_id)
    except TANDEM_ERRORS:
        gone = True
    else:
        if around.text == passage.text:
            before, after = _end_of(around.before), _start_of(around.after)
        else:
            gone = True
    if gone:
        st.caption(say("source.changed"))
    if sentence is not None and sentence < len(answer.sentences):
        claim = answer.sentences[sentence]
        st.caption(say("source.supports", sentence=plain(answer.text[claim.start : claim.end])))
    card = Card(
        passage.text,
        title=passage.source_name,
        number=citation.number,
        facts=(place_of(passage), say("source.support", score=f"{citation.score:.2f}")),
        path=passage.heading_path,
        spans=spans,
        before=before,
        after=after,
    )
    show_cards([card], key=f"source_card_{citation.number}")
    if gone or passage.page_first is None:
        return
    # What is lit on the page is the best supporting place, as it stands in the text.
    highlight = passage.text[spans[0][0] : spans[0][1]] if spans else None
    with st.skeleton(height=420):
        try:
            image = app.page_image(passage.source_id, passage.page_first, highlight)
        except TANDEM_ERRORS:
            image = None
    if image is not None:
        st.caption(say("source.page_image", page=plain(place_of(passage) or str(passage.page_first))))
        st.image(image.png, width="stretch", alt=say("source.page_alt", name=passage.source_name))


def _room(text: str) -> int:
    """How many characters of `text` are shown; a Chinese one takes the room of two letters, and says more."""
    wide = sum(east_asian_width(char) in "WF" for char in text)
    return AROUND_CHARACTERS // 2 if 3 * wide > len(text) else AROUND_CHARACTERS


def _end_of(text: str) -> str:
    """The last few lines or words of `text`, begun at a border."""
    text = text.strip()
    room = _room(text[-AROUND_CHARACTERS:])
    if len(text) <= room:
        return text
    cut = text[-room:]
    _, border, rest = cut.partition("\n" if "\n" in cut else " ")
    kept = (rest if border and rest.strip() else cut).lstrip()
    # A sign of its own beside a table's row or a list's entry would make it none.
    return f"…\n\n{kept}" if _BEGINS_BLOCK.match(kept) else f"… {kept}"


def _start_of(text: str) -> str:
    """The first few lines or words of `text`, ended at a border."""
    text = text.strip()
    room = _room(text[:AROUND_CHARACTERS])
    if len(text) <= room:
        return text
    cut = text[:room]
    rest, border, _ = cut.rpartition("\n" if "\n" in cut else " ")
    kept = (rest if border and rest.strip() else cut).rstrip()
    return f"{kept}\n\n…" if kept.endswith("|") else f"{kept} …"
