"""Rank the sentences of passages against a question, in English and Chinese.

Works on text alone: no model is needed, an embedder is used where it knows the language. Offsets are
code points in the passage's text, half open.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from knowledge.documents import Passage
from knowledge.sentences import split_sentences

if TYPE_CHECKING:
    from knowledge.embeddings import Embedder

_WORD = re.compile(r"[A-Za-z0-9\u00c0-\u024f]+(?:[.,'’/-][A-Za-z0-9\u00c0-\u024f]+)*")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_NEEDS_BEFORE = re.compile(
    r"^(?:He|She|It|They|This|That|These|Those|His|Her|Its|Their|Such|Then|There|Here|However|Both|But)\b"
    r"|^(?:他|她|它|这|那|该|其|此|因此|因而|然而|但|同时|另外|并且|以上|上述)"
)

_STOP_EN_WORDS = """
    a an the of in on at to for from by with about as into and or but not no is are was were be
    been being do does did has have had can could may might must shall should will would what which
    who whom whose when where why how many much this that these those it its they them their there
    he she his her you your i we our me my if than then so such also any some
"""
_STOP_EN = frozenset(_STOP_EN_WORDS.split())
_STOP_ZH_WORDS = """
    什么 怎么 如何 多少 哪个 哪些 哪里 哪儿 为何 为什 是否 可以 能否 请问 几个 怎样 是什 么是 的是 是多 少是 有哪 些是 个是 谁的 是谁 吗 呢 的 了 是 在 和 与 有
"""
_STOP_ZH = frozenset(_STOP_ZH_WORDS.split())


@dataclass(frozen=True, slots=True)
class RankedSentence:
    """A sentence of a passage and how well it fits the question.

    Args:
        passage: its index in the sequence that was ranked.
        start, end: span in that passage's text.
        score: 0..1, higher is better.
        lexical: 0..1, share of the question's term weight that it covers.
    """

    passage: int
    start: int
    end: int
    score: float
    lexical: float


def needs_sentence_before(text: str) -> bool:
    """Whether a sentence opens with a word that points back ("It", "该"), so that it reads badly alone."""
    return bool(_NEEDS_BEFORE.match(text.lstrip('-*•# \t"“')))


def is_table_row(text: str) -> bool:
    """Whether a sentence is a row of a Markdown table."""
    return text.startswith("|")


def table_head(
    text: str, sentences: Sequence[tuple[int, int]], span: tuple[int, int]
) -> tuple[int, int] | None:
    """Return the span of the head row of the table that the row `span` stands in, None if it is no row.

    Args:
        sentences: `split_sentences(text)`, with `span` among them.
    """
    if not is_table_row(text[span[0] : span[1]]):
        return None
    first = list(sentences).index(span)
    while first > 0 and is_table_row(text[sentences[first - 1][0] : sentences[first - 1][1]]):
        first -= 1
    return sentences[first]


def terms(text: str) -> list[str]:
    """Return what a question and a sentence may share: stemmed words, and pairs of Chinese characters.

    Pairs of characters need no dictionary and are enough to rank a few sentences.
    """
    found = [_stem(word) for word in _WORD.findall(text.lower()) if word not in _STOP_EN]
    for run in _HAN.findall(text):
        pairs = [run[i : i + 2] for i in range(len(run) - 1)] or [run]
        found.extend(pair for pair in pairs if pair not in _STOP_ZH)
    return found


def _candidates(passage: Passage) -> list[tuple[int, int, set[str]]]:
    """The sentences that may answer something, each with the terms that stand beside it and speak for it.

    No titles, and no table's head that has rows below it.
    """
    text = passage.text
    spans = split_sentences(text)
    titles = set(terms(" ".join(passage.heading_path)))
    kept: list[tuple[int, int, set[str]]] = []
    head: set[str] | None = None
    for at, (start, end) in enumerate(spans):
        sentence = text[start:end]
        if not is_table_row(sentence):
            head = None
            beside = titles
            if at and needs_sentence_before(sentence):
                beside = titles | set(terms(text[slice(*spans[at - 1])]))
            if sentence.lstrip("# ").rstrip() not in passage.heading_path:
                kept.append((start, end, beside))
        elif head is not None:
            kept.append((start, end, titles | head))
        else:
            head = set(terms(sentence))
            if at + 1 == len(spans) or not is_table_row(text[slice(*spans[at + 1])]):
                kept.append((start, end, titles))
    return kept


def _stem(word: str) -> str:
    """Cut the endings that a question and its answer most often differ in."""
    word = re.sub(r"['’]s?$", "", word)
    for ending, keep, least in (
        ("ies", "y", 5),
        ("ing", "", 6),
        ("ed", "", 5),
        ("es", "", 5),
        ("s", "", 4),
        ("e", "", 4),
    ):
        if word.endswith(ending) and len(word) >= least and not (ending == "s" and word.endswith("ss")):
            return word[: -len(ending)] + keep
    return word


def rank_sentences(
    question: str,
    passages: Sequence[Passage],
    *,
    embedder: "Embedder | None" = None,
    semantic_weight: float = 0.4,
) -> list[RankedSentence]:
    """Rank the sentences of `passages`, titles and table heads left out, by how well it fits `question`, best first.

    The lexical part is the share of the question's term weight that a sentence covers, a term weighing
    more the fewer of these sentences hold it. Half counts what stands beside it: the heading path, the head
    of its table, the sentence before one that opens with a pronoun.

    Args:
        embedder: adds cosine similarity; leave it out where it does not know the question's language.
        semantic_weight: 0..1, the similarity's share of the score.
    """
    places: list[tuple[int, int, int]] = []
    near: list[set[str]] = []
    for i, passage in enumerate(passages):
        for start, end, beside in _candidates(passage):
            places.append((i, start, end))
            near.append(beside)
    if not places:
        return []
    texts = [passages[i].text[start:end] for i, start, end in places]
    wanted = set(terms(question))
    held = [set(terms(text)) for text in texts]
    counts = Counter(term for bag in held for term in bag & wanted)
    weight = {t: math.log(1 + (len(held) - counts[t] + 0.5) / (counts[t] + 0.5)) for t in wanted}
    total = sum(weight.values()) or 1.0
    lexical = [
        sum(weight[t] * (1.0 if t in bag else 0.5) for t in wanted if t in bag or t in beside) / total
        for bag, beside in zip(held, near, strict=True)
    ]
    scores = lexical
    if embedder is not None:
        vectors = embedder.embed_documents(texts)  # (S, D), unit length
        similar = (vectors @ embedder.embed_query(question)).clip(0.0, 1.0)
        scores = [
            (1 - semantic_weight) * a + semantic_weight * float(b)
            for a, b in zip(lexical, similar, strict=True)
        ]
    ranked = [
        RankedSentence(i, start, end, score, lex)
        for (i, start, end), score, lex in zip(places, scores, lexical, strict=True)
    ]
    return sorted(ranked, key=lambda s: (-s.score, s.passage, s.start))
