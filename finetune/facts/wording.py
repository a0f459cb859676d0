"""Many wordings of one fact, in the language of its document: direct, reversed, cloze, statement, implication, list.

A wording marked as held is never trained: it is how one finds out whether the fact was learnt and not the question.
The forms of words are `wording_english` and `wording_chinese`; here they are filled, varied and chosen.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from finetune.facts import wording_chinese, wording_english
from finetune.facts.forms import Wording
from finetune.facts.rows import WORDING_KINDS, Fact, WordingKind


class Worder:
    """Words facts; holds what has to be known of all facts together.

    Args:
        facts: all of a build.
        seed: of every choice.
    """

    def __init__(self, facts: Sequence[Fact], *, seed: int) -> None:
        self._seed = seed
        self._groups: dict[str, list[Fact]] = defaultdict(list)
        self._subjects: dict[tuple[int, str], list[Fact]] = defaultdict(list)
        self._values: Counter[tuple[str, str, str]] = Counter()
        self._names: dict[tuple[str, str], set[str]] = defaultdict(set)
        for fact in facts:
            if fact.group:
                self._groups[fact.group].append(fact)
            if fact.kind == "table":
                self._subjects[fact.chunk_id, fact.subject].append(fact)
            self._values[fact.group, fact.relation, fact.value.casefold()] += 1
            for name in (fact.subject, *fact.aliases):
                self._names[name.casefold(), fact.relation.casefold()].add(fact.value.casefold())

    def names(self, fact: Fact) -> list[str]:
        """What a question may call the fact's subject; no name that another fact answers to."""
        own = [fact.subject, *fact.aliases]
        if fact.aliases:
            mark = "（{}）" if fact.language == "zh" else " ({})"
            own.append(fact.subject + mark.format(fact.aliases[0]))
        return [n for n in own if len(self._names.get((n.casefold(), fact.relation.casefold()), ())) <= 1]

    def unique(self, fact: Fact) -> bool:
        """Whether the value alone leads back to the subject."""
        return bool(fact.group) and self._values[fact.group, fact.relation, fact.value.casefold()] == 1

    def others(self, fact: Fact, dice: random.Random, number: int) -> list[Fact]:
        """Facts of the same table column or list."""
        rest = [f for f in self._groups.get(fact.group, ()) if f.id != fact.id]
        return dice.sample(rest, min(number, len(rest)))

    def row(self, fact: Fact) -> list[Fact]:
        """Facts of the same table row, this one among them."""
        return self._subjects.get((fact.chunk_id, fact.subject), [])

    def word(self, fact: Fact) -> list[Wording]:
        """Return every wording of a fact, no two the same, in a shuffled order that mixes the kinds."""
        dice = random.Random(f"{self._seed}.{fact.statement}.{fact.value}")
        found: dict[str, Wording] = {}
        for wording in self._forms(fact, dice):
            found.setdefault(wording.question.casefold(), wording)
        by_kind: dict[WordingKind, list[Wording]] = {kind: [] for kind in WORDING_KINDS}
        for wording in found.values():
            by_kind[wording.kind].append(wording)
        for wordings in by_kind.values():
            dice.shuffle(wordings)
        mixed: list[Wording] = []
        # Two direct ones for one of every other kind: that is how people ask.
        while any(by_kind.values()):
            for kind in ("direct", *WORDING_KINDS):
                if by_kind[kind]:
                    mixed.append(by_kind[kind].pop())
        return mixed

    def _forms(self, fact: Fact, dice: random.Random) -> Iterator[Wording]:
        module = wording_chinese if fact.language == "zh" else wording_english
        if fact.kind in ("number", "sentence"):
            yield from module.of_sentence(fact, dice)
        elif fact.kind == "step":
            yield from module.of_step(fact, self.others(fact, dice, 99))
        elif fact.kind in ("definition", "key_value"):
            yield from module.of_definition(fact)
        elif fact.kind == "written":
            yield from module.of_written(fact)
        else:
            yield from module.of_cell(fact, self, dice)
