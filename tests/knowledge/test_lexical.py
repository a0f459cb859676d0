"""Postings that grow and shrink, against BM25 worked out from its definition."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from math import log
from pathlib import Path

import numpy as np
import pytest

from knowledge.lexical import K1, B, LexicalIndex, QueryTerms, Segment, pack, search
from knowledge.segmenter import terms
from knowledge.stemmer import stem


def reference(texts: dict[int, str], query: str) -> dict[int, float]:
    """BM25 over the best that is possible, chunk by chunk, term by term."""
    counts = {number: Counter(terms(text)) for number, text in texts.items()}
    mean = sum(sum(count.values()) for count in counts.values()) / len(counts)
    weights = {}
    for term, times in Counter(terms(query)).items():
        containing = sum(term in count for count in counts.values())
        weights[term] = times * max(log((len(texts) + 1) / (containing + 0.5)), 0.01)
    shares = {}
    for number, count in counts.items():
        norm = K1 * (1 - B + B * sum(count.values()) / mean)
        score = sum(weight * count[term] / (count[term] + norm) for term, weight in weights.items())
        if score:
            shares[number] = score / sum(weights.values())
    return shares


def test_growing_and_shrinking_equals_the_definition(tmp_path: Path) -> None:
    draw = random.Random(1)
    vocabulary = [f"word{n}" for n in range(60)]
    alive: dict[int, str] = {}
    index = LexicalIndex()
    number = 0
    for step in range(30):
        fresh = {}
        for _ in range(draw.randrange(1, 9)):
            fresh[number] = " ".join(draw.choices(vocabulary, k=draw.randrange(3, 40)))
            number += 1
        index.add(list(fresh), [pack(text) for text in fresh.values()])
        alive |= fresh
        gone = draw.sample(sorted(alive), min(2, len(alive) - 1))
        index.delete(gone)
        for key in gone:
            del alive[key]
        if step == 20:
            index.compact()
            (tmp_path / "s").mkdir()
            index.segments[0].save(tmp_path / "s")
            index = LexicalIndex([Segment.load(tmp_path / "s")])
    back = {3: "word1 word2 word1", 1: "word2 word9"}  # numbers lower than those that are there
    alive |= back
    index.delete(list(back))
    index.add(sorted(back), [pack(back[key]) for key in sorted(back)])
    assert index.entries.tolist() == sorted(alive)
    assert len(index.segments) < 8, "small segments are not merged"
    index.compact()
    for query in ("word1 word2 word2", "word9", "word59 word3 unheard"):
        expected = reference(alive, query)
        answer = search([index], QueryTerms.of(query))
        found = {hit.entry: hit.share for hit in answer.best(1000)}
        assert found.keys() == expected.keys()
        for key, share in expected.items():
            assert found[key] == pytest.approx(share, rel=1e-4)
            assert answer.shares_of(np.array([key, 10**9]))[0] == pytest.approx(share, rel=1e-4)
        limited = [hit.entry for hit in answer.best(5)]
        assert limited == sorted(expected, key=lambda key: (-found[key], key))[:5]


def test_several_indexes_score_as_one() -> None:
    texts = {n: f"alpha{'beta ' * n} common" for n in range(8)}
    whole, left, right = LexicalIndex(), LexicalIndex(), LexicalIndex()
    whole.add(list(texts), [pack(text) for text in texts.values()])
    left.add([0, 1, 2], [pack(texts[n]) for n in (0, 1, 2)])
    right.add([3, 4, 5, 6, 7], [pack(texts[n]) for n in (3, 4, 5, 6, 7)])
    query = QueryTerms.of("beta common")
    assert search([left, right], query).best(10) == search([whole], query).best(10)


def test_a_view_does_not_change_under_its_reader() -> None:
    index = LexicalIndex()
    index.add([1, 2], [pack("ferry"), pack("ferry pier")])
    view = index.snapshot()
    index.delete([1])
    index.add([3], [pack("ferry")])
    assert view.entries.tolist() == [1, 2]
    assert {hit.entry for hit in search([view], QueryTerms.of("ferry")).best(9)} == {1, 2}


def test_nothing_to_search_and_nothing_asked() -> None:
    assert search([LexicalIndex()], QueryTerms.of("ferry")).best(5) == []
    index = LexicalIndex()
    index.add([1], [pack("")])
    assert search([index], QueryTerms.of("?!")).best(5) == []
    assert search([index], QueryTerms.of("ferry")).best(5) == []
    assert np.array_equal(index.entries, [1])


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("indexes", "Indexing is done."),
        ("How many companies?", "one company"),
        ("ＡＢＣ１２３", "the abc123 model"),
        ("北码头", "渡轮从北码头出发"),
        ("聯合國", "他在聯合國工作"),
        ("iPhone手机", "一部iphone"),
        ("v1.2", "released as v1.2 in May"),
        ("O'Neil", "o'neil said so"),
    ],
)
def test_terms_meet(query: str, text: str) -> None:
    assert set(terms(query)) & set(terms(text))


def test_stems() -> None:
    pairs = {
        "caresses": "caress", "ponies": "poni", "cats": "cat", "hopping": "hop", "hoped": "hope",
        "relational": "relat", "conditional": "condit", "vietnamization": "vietnam", "happy": "happi",
        "adjustment": "adjust", "adoption": "adopt", "controlling": "control", "this": "this", "gas": "gas",
        "iphone": "iphon", "covid19": "covid19", "straße": "straße", "of": "of",
    }  # fmt: skip
    assert {word: stem(word) for word in pairs} == pairs


def test_threads_stem_side_by_side() -> None:
    words = [f"{a}{b}ing" for a in "bdfgklmnprst" for b in ("ott", "all", "end", "est", "urn")]
    stem.cache_clear()
    alone = {word: stem(word) for word in words}
    for _ in range(5):
        stem.cache_clear()
        with ThreadPoolExecutor(8) as threads:
            assert dict(zip(words * 4, threads.map(stem, words * 4), strict=True)) == alone


def test_no_cache_file_in_the_shared_temporary_folder(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = "from knowledge.segmenter import terms; assert '码头' in terms('渡轮从北码头出发')"
    root = Path(__file__).resolve().parents[2]
    environment = {"TMPDIR": str(tmp_path), "PATH": "/usr/bin", "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []
