"""The ledger: how often, and in how many ways, each fact would be said in training, and whether that will do.

One wording teaches almost nothing, however often it is repeated; five to twenty, seen fifty times in all, teach a
fact (Allen-Zhu and Li, Physics of Language Models 3.1, https://arxiv.org/abs/2309.14316).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from finetune.facts.rows import BuiltRow, Fact, WordingKind

Verdict = Literal["likely", "uncertain", "unlikely", "not_trained"]
FEWEST_WORDINGS, MANY_WORDINGS = 5, 10
FEWEST_EXPOSURES, MANY_EXPOSURES = 20, 50


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One fact's account.

    Args:
        wordings: different ones among the rows that are trained; rows that show the passage do not count.
        kinds: which kinds of wording they are.
        exposures: how often the fact is said in the whole training.
        held_out: wordings kept back for testing.
        verdict: whether this will stick.
    """

    fact_id: str
    statement: str
    file: str
    wordings: int
    kinds: tuple[WordingKind, ...]
    exposures: int
    held_out: int
    verdict: Verdict


def judge(wordings: int, exposures: int) -> Verdict:
    """Say whether so many wordings, seen so often, will stick."""
    if not wordings:
        return "not_trained"
    if wordings < FEWEST_WORDINGS or exposures < FEWEST_EXPOSURES:
        return "unlikely"
    return "likely" if wordings >= MANY_WORDINGS and exposures >= MANY_EXPOSURES else "uncertain"


def keep_ledger(facts: Sequence[Fact], rows: Iterable[BuiltRow], *, epochs: float) -> list[LedgerEntry]:
    """Return one entry a fact, in the order of `facts`.

    Args:
        rows: those left out of the export are not counted.
        epochs: passes that training will make over the rows.
    """
    wordings: dict[str, set[str]] = defaultdict(set)
    kinds: dict[str, dict[WordingKind, None]] = defaultdict(dict)
    said: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for row in rows:
        if not row.selected or row.kind != "closed":
            continue
        asked = [m.content for m in row.messages if m.role == "user"]
        for fact_id, question in zip(row.turn_facts, asked, strict=bool(row.turn_facts)):
            wordings[fact_id].add(question)
        for fact_id in row.fact_ids:
            if row.split == "train":
                said[fact_id] += 1
                if not row.turn_facts:
                    wordings[fact_id].add(row.question)
                if row.wording is not None:
                    kinds[fact_id].setdefault(row.wording)
            else:
                held[fact_id] += 1
    entries = []
    for fact in facts:
        exposures = round(said[fact.id] * epochs)
        count = len(wordings[fact.id])
        verdict = judge(count, exposures)
        entries.append(LedgerEntry(fact.id, fact.statement, fact.file, count, tuple(kinds[fact.id]), exposures,
                                   held[fact.id], verdict))  # fmt: skip
    return entries
