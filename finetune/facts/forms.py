"""What a wording is, for the modules that hold the forms of words and the one that fills them."""

import random
from dataclasses import dataclass
from typing import Protocol

from finetune.facts.rows import Fact, WordingKind

GAP = "\x00"
"""Stands in `Fact.relation` of a sentence where its value was."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One way to ask for a fact.

    Args:
        template: names the form of words.
        held: never trained, kept for testing.
        facts: ids of further facts that the answer tells.
    """

    kind: WordingKind
    template: str
    question: str
    answer: str
    held: bool = False
    facts: tuple[str, ...] = ()


class Company(Protocol):
    """What a fact of a table has beside it."""

    def names(self, fact: Fact) -> list[str]:
        """What a question may call the fact's subject."""

    def unique(self, fact: Fact) -> bool:
        """Whether the value alone leads back to the subject."""

    def others(self, fact: Fact, dice: random.Random, number: int) -> list[Fact]:
        """Facts of the same column."""

    def row(self, fact: Fact) -> list[Fact]:
        """Facts of the same row."""


def split_gap(fact: Fact) -> tuple[str, str]:
    """The sentence of a fact before and after its value."""
    before, _, after = fact.relation.partition(GAP)
    return before, after


def wrong_quantity(value: str, dice: random.Random) -> str:
    """A quantity like `value` with another number, or "" where it has none."""
    digits = [i for i, c in enumerate(value) if c.isdigit()]
    if not digits:
        return ""
    at = digits[0]
    other = dice.choice([d for d in "123456789" if d != value[at]])
    return value[:at] + other + value[at + 1 :]
