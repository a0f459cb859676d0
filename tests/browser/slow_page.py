"""The real page with a model that takes a minute to say anything useful, so that a test can stop it."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import assistant.ask
from assistant.arms import Answer, Arm, Event, Finished, Retrieved, Token
from knowledge.documents import Retrieval
from ui.server import serve


def slow_ask(
    question: str, *, arms: Sequence[Arm], retrieve: Callable[[str], Retrieval], **_: Any
) -> Iterator[Event]:
    passages = retrieve(question)
    for arm in arms:
        if arm.retrieval:
            yield Retrieved(arm, question, passages)
    for number in range(600):
        time.sleep(0.1)
        for arm in arms:
            yield Token(arm, f"word{number} ")
    for arm in arms:
        yield Finished(arm, Answer("The answer was not stopped."))


assistant.ask.ask = slow_ask
serve(port=int(sys.argv[1]))
