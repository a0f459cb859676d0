"""A page with the hand-drawn components and the worst texts for them; run by `test_components.py`."""

import streamlit as st

from assistant.arms import Answer, Citation, Sentence
from knowledge.documents import Passage, Retrieval
from ui.ask_parts.why import show_why
from ui.components.answer import show_answer
from ui.components.inert import plain
from ui.components.passages import Card, show_cards

HOSTILE = (
    "![pixel](https://evil.example/markdown.png) <img src='https://evil.example/html.png'> "
    "<script>fetch('https://evil.example/script')</script> [click](javascript:alert(1)) "
    "<iframe src='https://evil.example/frame'></iframe> $\\url{https://evil.example/latex}$"
)
SOURCE = f"Fans 😀 turn.\n\nThe filter lasts six months. {HOSTILE}\n\n| a | b |\n|---|---|\n| 1 | {HOSTILE} |"
LIT = (SOURCE.index("The filter"), SOURCE.index("months.") + 7)
passage = Passage(
    chunk_id=1,
    source_id=1,
    base_id=1,
    source_name=f"手册 {HOSTILE}.pdf",
    text=SOURCE,
    start=0,
    end=len(SOURCE),
    score=0.8,
    heading_path=(HOSTILE,),
    page_label=HOSTILE,
)
FIRST = "😀 It lasts **six months**."
SECOND = "It may also be blue."
TEXT = f"{FIRST} {SECOND}\n\n- item `code`\n\n{HOSTILE}"
answer = Answer(
    TEXT,
    sentences=(
        Sentence(0, len(FIRST), (1,), spans={1: (LIT,)}),
        Sentence(len(FIRST) + 1, len(FIRST) + 1 + len(SECOND)),
    ),
    citations=(Citation(1, passage, (LIT,), 0.9),),
    prompt=HOSTILE,
    thinking=HOSTILE,
)


def opened(number: int, sentence: int | None) -> None:
    st.text(f"opened {number} from {sentence}")


st.title(plain(HOSTILE))
st.button(plain(HOSTILE))
show_answer(answer, key="answer", on_open=opened)
AROUND = f"… of water.\n\n| Setting | Hardness |\n| --- | --- |\n| H1 | {HOSTILE} |"
CUT = "| H3 | 180 mg/L |\n| H4 | above |\n\n…"
show_cards(
    [Card(SOURCE, title=passage.source_name, spans=(LIT,), path=(HOSTILE,), before=AROUND, after=CUT)],
    key="cards",
)
show_why(answer, question="q", retrieval=Retrieval(HOSTILE, (passage,)), key="why")
