"""An answer whose sentences show their sources."""

from collections.abc import Callable
from typing import Any

from assistant.arms import Answer, Citation
from ui.components.inert import Utf16
from ui.components.mount import mount
from ui.components.passages import place_of
from ui.text import say

QUOTE_CHARACTERS = 360


def show_answer(answer: Answer, *, key: str, on_open: Callable[[int, int | None], None]) -> None:
    """Draw `answer`.

    Args:
        key: unique on the page.
        on_open: called with a citation's number, and the sentence it was opened from or None.
    """
    result = mount("answer")(key=key, data=answer_data(answer), on_opened_change=lambda: None)
    opened = result.get("opened")
    if opened:
        sentence = opened.get("sentence")
        on_open(int(opened["number"]), None if sentence is None else int(sentence))


def answer_data(answer: Answer) -> dict[str, Any]:
    """What the browser needs of `answer`, offsets in UTF-16 units."""
    utf16 = Utf16(answer.text)
    notes = {"length": say("answer.cut_off"), "cancelled": say("answer.stopped")}
    return {
        "text": answer.text,
        "thinking": answer.thinking,
        "refused": answer.refused,
        "note": notes.get(answer.finish_reason, ""),
        "sentences": [
            {
                "start": utf16(sentence.start),
                "end": utf16(sentence.end),
                "citations": list(sentence.citations),
                "supported": sentence.supported or answer.refused,
            }
            for sentence in answer.sentences
        ],
        "citations": [_citation_data(citation) for citation in answer.citations],
        "labels": {
            "sources": say("answer.sources"),
            "thinking": say("answer.thinking"),
            "unsupported": say("answer.unsupported"),
            "legend_sample": say("answer.legend_sample"),
        },
    }


def _citation_data(citation: Citation) -> dict[str, Any]:
    passage = citation.passage
    quote = " … ".join(passage.text[start:end] for start, end in citation.spans) or passage.text
    if len(quote) > QUOTE_CHARACTERS:
        quote = quote[: QUOTE_CHARACTERS - 1] + "…"
    return {
        "number": citation.number,
        "title": passage.source_name,
        "place": place_of(passage),
        "quote": quote,
        "label": say("answer.open_source", number=citation.number),
    }
