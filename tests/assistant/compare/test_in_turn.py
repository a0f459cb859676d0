"""Arms that are told one after another while all of them answer."""

from collections.abc import Iterator

from assistant.arms import BASE, RAG, Answer, Arm, Event, Failed, Finished, Token
from assistant.compare.in_turn import in_turn

OTHER = Arm(retrieval=False, adapter="x")


def test_each_arm_comes_whole_and_the_first_as_it_is_written() -> None:
    given: list[Event] = []

    def events() -> Iterator[Event]:
        for event in (
            Token(RAG, "r1"),
            Token(BASE, "b1"),
            Failed(OTHER, ValueError("x")),
            Finished(RAG, Answer("r")),
            Token(BASE, "b2"),
            Finished(BASE, Answer("b")),
        ):
            given.append(event)
            yield event

    told = []
    lag = []
    for event in in_turn(events(), [BASE, RAG, OTHER]):
        told.append(event)
        lag.append(len(given))
    assert [type(event).__name__ + event.arm.name for event in told] == [
        "Tokenbase",
        "Tokenbase",
        "Finishedbase",
        "Tokenrag",
        "Finishedrag",
        "Failedsft:x",
    ]
    # The first arm's words are not held back.
    assert lag[:3] == [2, 5, 6]
