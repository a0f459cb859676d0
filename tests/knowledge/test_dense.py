"""Chroma generations: built beside, followed by exact search, replaced when too much is new."""

from pathlib import Path

import numpy as np
import pytest

from knowledge.base import Knowledge
from knowledge.exact import ExactIndex
from tests.knowledge.conftest import OpenKnowledge, inputs_of, run


def write_notes(folder: Path, numbers: range) -> None:
    folder.mkdir(exist_ok=True)
    for number in numbers:
        (folder / f"{number:03}.txt").write_text(f"Crate {number} holds item{number} and part{number * 7}.")


def ranked(knowledge: Knowledge, base_id: int, query: str) -> list[tuple[int, float]]:
    found = knowledge.search(query, base_ids=[base_id], mode="dense", top_k=8)
    return [(passage.chunk_id, round(passage.score, 4)) for passage in found.passages]


def test_generation_follows_the_store(open_folder: OpenKnowledge, tmp_path: Path) -> None:
    knowledge = open_folder(background=True, index_from=10, rebuild_share=0.5)
    write_notes(tmp_path / "notes", range(40))
    base = knowledge.create_base("a")
    run(knowledge.index(base.id, inputs_of(tmp_path / "notes")))
    exact = knowledge.search("Crate 3 holds item3", base_ids=[base.id], mode="dense", top_k=8)
    assert exact.dense_exact, "the first search waited for the index"
    assert knowledge.wait_for_indexes(timeout_s=100)
    first = knowledge.search("Crate 3 holds item3", base_ids=[base.id], mode="dense", top_k=8)
    assert not first.dense_exact
    assert first.passages[0].chunk_id == exact.passages[0].chunk_id
    # a few more: no other generation, and found at once
    write_notes(tmp_path / "notes", range(40, 45))
    run(knowledge.index(base.id, inputs_of(tmp_path / "notes")))
    assert knowledge.wait_for_indexes(timeout_s=100)
    more = knowledge.search("Crate 42 holds item42 and part294.", base_ids=[base.id], mode="dense")
    assert more.generation == first.generation
    assert more.passages[0].source_name == "042.txt"
    hidden = more.passages[0].chunk_id
    knowledge.enable_chunk(hidden, False)
    assert hidden not in dict(ranked(knowledge, base.id, "Crate 42 holds item42 and part294."))
    old = ranked(knowledge, base.id, "Crate 3 holds item3 and part21.")[0][0]
    knowledge.enable_chunk(old, False)
    assert old not in dict(ranked(knowledge, base.id, "Crate 3 holds item3 and part21."))
    # many more: another generation, the one before is gone from the disk
    write_notes(tmp_path / "notes", range(45, 90))
    run(knowledge.index(base.id, inputs_of(tmp_path / "notes")))
    assert knowledge.wait_for_indexes(timeout_s=100)
    later = knowledge.search("item3", base_ids=[base.id], mode="dense")
    assert not later.dense_exact
    assert later.generation != first.generation
    assert len(list((knowledge.folder / "index").glob("gen-*"))) == 1
    stored = b"".join(p.read_bytes() for p in (knowledge.folder / "index").rglob("*") if p.is_file())
    assert b"Crate" not in stored, "text went into the index"


def test_exact_search_equals_sorting_all() -> None:
    draw = np.random.default_rng(0)
    vectors = draw.standard_normal((300, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = ExactIndex()
    for at in range(0, 300, 7):
        index.add(np.arange(at, min(at + 7, 300)), vectors[at : at + 7])
    index.delete(range(0, 300, 5))
    query = vectors[17]
    alive = [number for number in range(300) if number % 5]
    expected = sorted(alive, key=lambda number: -float(vectors[number] @ query))[:10]
    assert [hit.entry for hit in index.search(query, limit=10)] == expected
    assert index.search(query, limit=1)[0].similarity == pytest.approx(1.0, abs=1e-5)
    assert len(index) == len(alive)
