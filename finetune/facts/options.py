"""What to make of the documents."""

from dataclasses import dataclass
from typing import Literal

Writer = Literal["auto", "rules", "model"]
FEWEST, MOST = 5, 20
_SHARES = ("turns", "open_book", "misses", "unknown", "replay", "like", "meaning")


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What to make of the documents.

    Args:
        wordings: of a fact, 5 to 20; those held out come on top.
        held_wordings: of a fact, never trained, for testing whether it was learnt.
        held_documents: names of files that are never trained, for testing what is claimed about them.
        max_facts: trained at most, spread over the documents; 0 for all. Fewer facts, seen more often, stick.
        longest_answer: characters; facts with longer ones are trained only while there is room under `max_facts`.
        epochs: passes that the training will make, for the ledger's judgement.
        turns: 0..1, share of the questions that are asked in conversations of several turns.
        open_book: 0..1, open-book rows for each question from memory.
        misses: 0..1, share of the open-book rows whose passages lack the answer.
        unknown: 0..1, questions that no document answers, for each question from memory.
        replay: 0..1, general questions, for each question from memory.
        writer: "rules" finds facts by rules alone, "model" lets the chat model write questions as well, "auto"
            does so where the model is large enough for it.
        test: files of test questions that must not be trained, JSON Lines with the key `question`.
        like: 0..1; the least MinHash similarity to a test question at which a row is left out.
        meaning: 0..1; the same for the embedder's cosine similarity.
        seed: of every choice.
    """

    wordings: int = 12
    held_wordings: int = 2
    held_documents: tuple[str, ...] = ()
    max_facts: int = 0
    longest_answer: int = 90
    epochs: float = 5.0
    turns: float = 0.4
    open_book: float = 0.1
    misses: float = 0.4
    unknown: float = 0.15
    replay: float = 0.1
    writer: Writer = "auto"
    test: tuple[str, ...] = ()
    like: float = 0.7
    meaning: float = 0.9
    seed: int = 42

    def __post_init__(self) -> None:
        if not FEWEST <= self.wordings <= MOST:
            raise ValueError(f"wordings: {self.wordings}; between {FEWEST} and {MOST}")
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: {getattr(self, name)}; between 0 and 1")
