"""Interleaved events of several arms put one arm after another, for places that can show only one at a time."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from assistant.arms import Arm, Event, Failed, Finished


def in_turn(events: Iterable[Event], arms: Sequence[Arm]) -> Iterator[Event]:
    """Yield the first arm's events as they come, then the second's, and so on.

    All arms go on meanwhile: what is held back for an arm comes at once when its turn begins.
    """
    held: dict[Arm, deque[Event]] = {arm: deque() for arm in arms}
    turns = deque(arms)
    for event in events:
        held[event.arm].append(event)
        while turns and held[turns[0]]:
            next_event = held[turns[0]].popleft()
            if isinstance(next_event, Finished | Failed):
                turns.popleft()
            yield next_event
