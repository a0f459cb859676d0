"""Texts that are nearly the same, by MinHash over character shingles; and training questions found in a test set.

Shingles are runs of five characters of the text in lower case without punctuation, which works the same for
Chinese and English. Everything is a few numpy calls over whole arrays of hashes, about twenty times as fast here
as a MinHash library that hashes one shingle at a time. Candidates are checked by their real overlap.

Source: A. Broder, On the resemblance and containment of documents, 1997.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

SHINGLE = 5
BANDS, ROWS = 16, 4
"""Two texts that share 0.8 of their shingles meet in some band with probability 0.9998, at 0.5 with 0.64."""
MOST_SHINGLES = 2000
BUCKET = 16
"""Texts of a bucket that a newcomer is compared with: template rows may fill one bucket by thousands."""

_other = re.compile(r"[\W_]+")
_dice = np.random.default_rng(20240229)
_multiply = _dice.integers(1, 2**63, size=BANDS * ROWS, dtype=np.uint64) | np.uint64(1)
_powers = np.uint64(0x9E3779B97F4A7C15) ** np.arange(SHINGLE, dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Text `index` is like text `other`.

    Args:
        share: 0..1, of shingles in common; 1 for the same text.
    """

    index: int
    other: int
    share: float


def normalise(text: str) -> str:
    """Return `text` without what does not make it another one: case, width, punctuation, spaces."""
    return _other.sub("", unicodedata.normalize("NFKC", text).lower())


def shingles(text: str) -> np.ndarray:
    """Return the hashes of the shingles of a normalised text, sorted, (S,) uint64; at least one."""
    codes = np.frombuffer(text.encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.uint64)
    if len(codes) < SHINGLE:
        codes = np.pad(codes, (0, SHINGLE - len(codes)))
    windows = np.lib.stride_tricks.sliding_window_view(codes, SHINGLE)  # (S, SHINGLE)
    hashes = windows @ _powers
    hashes ^= hashes >> np.uint64(31)
    return np.unique(hashes)[:MOST_SHINGLES]


def signature(hashes: np.ndarray) -> np.ndarray:
    """Return the hash of each band of the MinHash of one text, (BANDS,) uint64."""
    mixed = np.multiply.outer(hashes, _multiply)  # (S, BANDS * ROWS)
    low = mixed.min(axis=0).reshape(BANDS, ROWS)
    return (low * _multiply[:ROWS]).sum(axis=1, dtype=np.uint64)


def similarity(first: np.ndarray, second: np.ndarray) -> float:
    """Return the Jaccard similarity of two sets of shingles, 0..1."""
    if len(first) == 0 or len(second) == 0:
        return 0.0
    common = len(np.intersect1d(first, second, assume_unique=True))
    return common / (len(first) + len(second) - common)


def _bands(texts: Sequence[str]) -> np.ndarray:
    """(N, BANDS) uint64."""
    out = np.zeros((len(texts), BANDS), dtype=np.uint64)
    for i, text in enumerate(texts):
        out[i] = signature(shingles(text))
    return out


def near_duplicates(rows: Sequence[tuple[str, str]], *, threshold: float) -> Iterator[Overlap]:
    """Yield each row that is like an earlier one, with the most like of those it meets.

    Args:
        rows: (question, answer), normalised. Both have to be alike: many wordings of a question with one answer
            are what makes a fact stick, and one question with several answers is something else.
        threshold: 0..1; the least similarity of each.
    """
    bands = _bands([f"{question} {answer}" for question, answer in rows])
    candidates: dict[int, set[int]] = defaultdict(set)
    for band in range(BANDS):
        column = bands[:, band]
        order = np.argsort(column, kind="stable")
        starts = np.concatenate(([0], np.flatnonzero(np.diff(column[order])) + 1))
        sizes = np.diff(np.concatenate((starts, [len(order)])))
        for start, size in zip(starts[sizes > 1], sizes[sizes > 1], strict=True):
            members = order[start : start + size]
            for at in range(1, size):
                candidates[int(members[at])].update(map(int, members[max(0, at - BUCKET) : at]))
    known = lru_cache(maxsize=8192)(shingles)
    for index in sorted(candidates):
        best = (0.0, 0)
        for other in candidates[index]:
            share = 1.0
            for mine, theirs in zip(rows[index], rows[other], strict=True):
                if mine != theirs and share >= threshold:
                    share = min(share, similarity(known(mine), known(theirs)))
            best = max(best, (share, -other))
        if best[0] >= threshold:
            yield Overlap(index, -best[1], best[0])


def find_overlap(texts: Sequence[str], test: Sequence[str], *, threshold: float) -> Iterator[Overlap]:
    """Yield each of `texts` that is like one of `test`; `Overlap.other` counts in `test`.

    Args:
        texts, test: normalised questions; empty ones are skipped.
        threshold: 0..1; the least similarity.
    """
    exact = {text: i for i, text in reversed(list(enumerate(test))) if text}
    buckets: dict[tuple[int, int], list[int]] = defaultdict(list)
    kept = [shingles(text) for text in test]
    for i, hashes in enumerate(kept):
        if test[i]:
            for band, value in enumerate(signature(hashes)):
                buckets[band, int(value)].append(i)
    for index, text in enumerate(texts):
        if not text:
            continue
        if text in exact:
            yield Overlap(index, exact[text], 1.0)
            continue
        own = shingles(text)
        met = {i for band, value in enumerate(signature(own)) for i in buckets.get((band, int(value)), ())}
        best = max(((similarity(own, kept[i]), -i) for i in met), default=(0.0, 0))
        if best[0] >= threshold:
            yield Overlap(index, -best[1], best[0])
