"""Which passage supports which sentence of an answer. Asks nothing of the model that answered.

A sentence is supported by a place in a passage when that place holds its numbers, identifiers and names and
enough of its other words; where words differ, similarity of meaning may stand in for some of them.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.arms import Citation, Sentence
from assistant.claims import Claim, claims_something, measures_in, numbers_in, read_claim
from assistant.sentences import is_table_row, terms
from knowledge.documents import Passage
from knowledge.sentences import split_sentences

if TYPE_CHECKING:
    from knowledge.embeddings import Embedder

SUPPORT_THRESHOLD = 0.5
"""Least score of a place that supports a sentence; tuned in `bench/citations.py`."""
_NEIGHBOUR_CREDIT = 0.6
_SECOND_WITHIN = 0.05
_MAX_CITATIONS = 3
_SEMANTIC_WEIGHT = 0.4
_CLAUSE_FROM_CHARACTERS = 120
_CLAUSE_END = re.compile(r"[,;:—](?=\s)|[，；：、]")


@dataclass(frozen=True, slots=True)
class _Place:
    """A sentence of a passage with what it may be compared by."""

    passage: int
    start: int
    end: int
    terms: frozenset[str]
    numbers: frozenset[str]
    near: frozenset[str]
    near_numbers: frozenset[str]
    measures: frozenset[str]
    tabular: bool


@dataclass(frozen=True, slots=True)
class _Support:
    place: _Place
    score: float


def cite(
    answer: str,
    passages: Sequence[Passage],
    *,
    question: str = "",
    embedder: "Embedder | None" = None,
    threshold: float = SUPPORT_THRESHOLD,
) -> tuple[tuple[Sentence, ...], tuple[Citation, ...]]:
    """Split an answer into sentences and attribute each to the passages that support it.

    Args:
        answer: as shown; Markdown is understood.
        passages: those the model was shown, best first.
        question: decides between places that support a very short answer alike.
        embedder: one that knows the answer's language, or None.
        threshold: least support, 0..1.

    Returns:
        The sentences in order, and the citations numbered in the order of first use. A sentence that claims
        something and has no citations is unsupported.
    """
    spans = split_sentences(answer)
    texts = [answer[start:end] for start, end in spans]
    checkable = [claims_something(text) for text in texts]
    pool = _places(passages)
    claims = [read_claim(text) for text in texts]
    found = [
        _supports(claim, pool, passages, question, threshold) if check else []
        for claim, check in zip(claims, checkable, strict=True)
    ]
    if embedder is not None:
        _ask_embedder(embedder, texts, claims, checkable, found, pool, passages, threshold)
    return _numbered(spans, checkable, claims, found, passages, threshold)


def _places(passages: Sequence[Passage]) -> list[_Place]:
    """Every sentence of every passage, with what stands beside it."""
    places: list[_Place] = []
    for at, passage in enumerate(passages):
        spans = _without_titles(split_sentences(passage.text), passage)
        texts = [passage.text[start:end] for start, end in spans]
        bags = [frozenset(terms(text)) for text in texts]
        numbers = [frozenset(numbers_in(text)) for text in texts]
        title = frozenset(terms(" ".join((*passage.heading_path, passage.source_name))))
        title_numbers = frozenset(numbers_in(" ".join(passage.heading_path)))
        for i, (start, end) in enumerate(spans):
            beside = [j for j in (i - 1, i + 1) if 0 <= j < len(spans)]
            if is_table_row(texts[i]):
                head = i
                while head > 0 and is_table_row(texts[head - 1]):
                    head -= 1
                beside = [head]
            near = title.union(*(bags[j] for j in beside))
            near_numbers = title_numbers.union(*(numbers[j] for j in beside))
            around = " \n ".join([texts[i], *(texts[j] for j in beside)])
            measures = frozenset(measures_in(around))
            tabular = is_table_row(texts[i])
            places.append(_Place(at, start, end, bags[i], numbers[i], near, near_numbers, measures, tabular))
    return places


def _without_titles(spans: Sequence[tuple[int, int]], passage: Passage) -> list[tuple[int, int]]:
    """Spans without the headings that they begin with: a heading names a subject and states nothing."""
    kept = []
    for start, end in spans:
        for title in passage.heading_path:
            if passage.text.startswith(title, start) and passage.text[start + len(title) :][:1] in ("", "\n"):
                start = min(start + len(title) + 1, end)
        if passage.text[start:end].strip():
            kept.append((start, end))
    return kept


def _supports(
    claim: Claim, pool: Sequence[_Place], passages: Sequence[Passage], question: str, threshold: float
) -> list[_Support]:
    """Places that may support the claim, best first; those that lack a number or a name are out."""
    weight = _weights(claim, pool)
    total = sum(weight.values())
    asked = frozenset(terms(question)) - claim.terms
    supports = []
    for place in pool:
        if not _holds_facts(claim, place, passages[place.passage]):
            continue
        covered = sum(
            weight[term] if term in place.terms else _NEIGHBOUR_CREDIT * weight[term]
            for term in claim.terms
            if term in place.terms or term in place.near
        )
        # A claim of numbers alone has no terms; holding the numbers is all there is to ask.
        score = covered / total if total else 1.0
        if asked and len(claim.terms) <= 3:
            here, beside = asked & place.terms, asked & (place.near - place.terms)
            score = 0.9 * score + 0.1 * (len(here) + _NEIGHBOUR_CREDIT * len(beside)) / len(asked)
        supports.append(_Support(place, score))
    return sorted(supports, key=lambda s: (-s.score, s.place.passage, s.place.start))


def _weights(claim: Claim, pool: Sequence[_Place]) -> dict[str, float]:
    """Term weights: the fewer places hold a term, the more it says."""
    counts = Counter(term for place in pool for term in place.terms & claim.terms)
    return {t: math.log(1 + (len(pool) - counts[t] + 0.5) / (counts[t] + 0.5)) for t in claim.terms}


def _holds_facts(claim: Claim, place: _Place, passage: Passage) -> bool:
    """Whether the numbers stand at the place or beside it, and the names somewhere in the passage."""
    if not claim.numbers <= place.numbers | place.near_numbers:
        return False
    if claim.numbers and not claim.numbers & place.numbers and claim.terms:
        return False
    if not all(_gives(place, measure) for measure in claim.measures):
        return False
    if claim.names or claim.identifiers:
        whole = " ".join((*passage.heading_path, passage.source_name, passage.text)).lower()
        return all(word in whole for word in claim.names | claim.identifiers)
    return True


def _gives(place: _Place, measure: str) -> bool:
    """Whether the place gives a number with its unit; in a table the unit may stand in the head."""
    if measure in place.measures:
        return True
    number = measure.split(" ")[0]
    return place.tabular and not any(other.split(" ")[0] == number for other in place.measures)


def _ask_embedder(
    embedder: "Embedder",
    texts: Sequence[str],
    claims: Sequence[Claim],
    checkable: Sequence[bool],
    found: list[list[_Support]],
    pool: Sequence[_Place],
    passages: Sequence[Passage],
    threshold: float,
) -> None:
    """Raise the scores of doubtful places by similarity of meaning; certain ones need no embedding."""
    doubtful = [
        i
        for i, supports in enumerate(found)
        if checkable[i] and supports and 0.2 <= supports[0].score < threshold and len(claims[i].terms) > 3
    ]
    if not doubtful:
        return
    candidates = {i: found[i][:3] for i in doubtful}
    wanted = list({support.place for supports in candidates.values() for support in supports})
    vectors = embedder.embed_documents(
        [texts[i] for i in doubtful] + [passages[p.passage].text[p.start : p.end] for p in wanted]
    )
    at = {place: len(doubtful) + i for i, place in enumerate(wanted)}
    for row, i in enumerate(doubtful):
        raised = []
        for support in candidates[i]:
            similar = max(0.0, float(vectors[row] @ vectors[at[support.place]]))
            score = (1 - _SEMANTIC_WEIGHT) * support.score + _SEMANTIC_WEIGHT * similar
            raised.append(_Support(support.place, max(score, support.score)))
        found[i] = sorted(raised, key=lambda s: -s.score)


def _numbered(
    spans: Sequence[tuple[int, int]],
    checkable: Sequence[bool],
    claims: Sequence[Claim],
    found: Sequence[Sequence[_Support]],
    passages: Sequence[Passage],
    threshold: float,
) -> tuple[tuple[Sentence, ...], tuple[Citation, ...]]:
    """Number the cited passages in the order of first use and gather their spans."""
    numbers: dict[int, int] = {}
    spans_of: dict[int, list[tuple[int, int]]] = {}
    best: dict[int, float] = {}
    sentences = []
    for (start, end), check, claim, supports in zip(spans, checkable, claims, found, strict=True):
        chosen: dict[int, _Support] = {}
        for support in supports:
            enough = support.score >= max(threshold, supports[0].score - _SECOND_WITHIN)
            if enough and len(chosen) < _MAX_CITATIONS:
                chosen.setdefault(support.place.passage, support)
        places: dict[int, tuple[tuple[int, int], ...]] = {}
        for at, support in chosen.items():
            number = numbers.setdefault(at, len(numbers) + 1)
            span = _narrow(claim, support.place, passages[at].text)
            places[number] = (span,)
            spans_of.setdefault(at, []).append(span)
            best[at] = max(best.get(at, 0.0), support.score)
        sentences.append(Sentence(start, end, tuple(sorted(places)), checkable=check, spans=places))
    citations = tuple(
        Citation(number, passages[at], _merged(spans_of[at]), min(1.0, best[at]))
        for at, number in numbers.items()
    )
    return tuple(sentences), citations


def _narrow(claim: Claim, place: _Place, text: str) -> tuple[int, int]:
    """The shortest run of clauses of a long sentence that holds all the claim shares with it."""
    if place.end - place.start < _CLAUSE_FROM_CHARACTERS:
        return place.start, place.end
    cuts = [place.start]
    cuts += [match.end() for match in _CLAUSE_END.finditer(text, place.start, place.end)]
    cuts = sorted({*cuts, place.end})
    wanted = (claim.terms & place.terms) | (claim.numbers & place.numbers)
    shortest = (place.start, place.end)
    for i, start in enumerate(cuts):
        for end in cuts[i + 1 :]:
            if end - start >= shortest[1] - shortest[0]:
                break
            clause = text[start:end]
            if wanted <= frozenset(terms(clause)) | numbers_in(clause):
                shortest = (start, end)
                break
    start, end = shortest
    while start < end and text[start].isspace():
        start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] in ",;:，；：、—"):
        end -= 1
    return start, end


def _merged(spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Spans in order, overlapping ones joined."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
