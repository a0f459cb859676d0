"""What a user did to chunks: undone, carried over, or told to be lost."""

from pathlib import Path

import pytest

from knowledge.base import Knowledge
from knowledge.chunk_edits import fit
from knowledge.documents import Chunk
from knowledge.errors import NotFoundError
from knowledge.indexing import FileProgress, SourceInput
from knowledge.records import StoredChunk
from knowledge.splitter import SplitterConfig
from tests.knowledge.conftest import OpenKnowledge, inputs_of, run
from tests.knowledge.hashing_embedder import HashingEmbedder

SMALL = SplitterConfig(chunk_size=64, chunk_overlap=0, min_size=16)
LARGE = SplitterConfig(chunk_size=200, chunk_overlap=0, min_size=64)
TEXT = "aaaa. bbbb. cccc. dddd."


def piece(number: int, start: int, end: int, *, text: str | None = None, enabled: bool = True) -> StoredChunk:
    """A chunk of TEXT, edited when a text is given."""
    chunk = Chunk(0, TEXT[start:end] if text is None else text, start, end)
    return StoredChunk(number, 1, chunk, enabled, text is not None)


@pytest.fixture
def source_id(knowledge: Knowledge, tmp_path: Path) -> int:
    """A file of four sections, each one small chunk and all of them one large one."""
    file = tmp_path / "quay.md"
    sentences = [f"The {kind} quay number {n} is {n * 7} metres long." for n, kind in enumerate("abcdefgh")]
    file.write_text("# Quays\n\n" + " ".join(sentences * 2))
    base = knowledge.create_base("a", splitter=SMALL)
    run(knowledge.index(base.id, [SourceInput(file, "quay.md")]))
    source = knowledge.sources(base.id)[0]
    assert source.chunks >= 3
    return source.id


def test_reset_gives_back_the_documents_text(knowledge: Knowledge, source_id: int) -> None:
    before = knowledge.chunks(source_id)[1]
    knowledge.edit_chunk(before.id, "Xylophones are sold here.")
    knowledge.enable_chunk(before.id, False)
    after = knowledge.reset_chunk(before.id)
    assert after.chunk == before.chunk
    assert not after.edited
    assert not after.enabled
    knowledge.enable_chunk(before.id, True)
    bases = [base.id for base in knowledge.bases()]
    for mode in ("lexical", "dense"):
        found = knowledge.search(before.chunk.text, base_ids=bases, mode=mode)  # type: ignore[arg-type]
        assert before.id in {passage.chunk_id for passage in found.passages}
    assert "Xylophones" not in str(knowledge.search("Xylophones", base_ids=bases, mode="lexical").passages)
    with pytest.raises(NotFoundError):
        knowledge.reset_chunk(4711)


def test_reindex_with_another_embedder_keeps_edits(
    open_folder: OpenKnowledge, knowledge: Knowledge, source_id: int
) -> None:
    first, second, *_ = knowledge.chunks(source_id)
    knowledge.edit_chunk(first.id, "Xylophones are sold here.")
    knowledge.enable_chunk(second.id, False)
    knowledge.close()
    other = open_folder(embedder=HashingEmbedder(identity="hashing/2", dimensions=32))
    base = other.bases()[0].id
    _, finished = run(other.reindex(base))
    assert finished.notices == ()
    now = other.chunks(source_id)
    assert now[0].id != first.id
    assert (now[0].edited, now[0].chunk.text) == (True, "Xylophones are sold here.")
    assert [chunk.enabled for chunk in now] == [chunk.id != now[1].id for chunk in now]
    best = other.search("Xylophones are sold", base_ids=[base], mode="dense").passages[0]
    assert best.chunk_id == now[0].id, "the edited text has no vector of the new embedder"


def test_larger_chunks_take_edits_along_and_smaller_ones_say_what_is_lost(
    knowledge: Knowledge, source_id: int
) -> None:
    base = knowledge.bases()[0].id
    original = knowledge.document(source_id).text
    edited = knowledge.chunks(source_id)[1]
    knowledge.edit_chunk(edited.id, "Xylophones are sold here.")
    _, finished = run(knowledge.reindex(base, splitter=LARGE))
    assert finished.notices == ()
    large = next(chunk for chunk in knowledge.chunks(source_id) if chunk.edited)
    span = slice(large.chunk.start, large.chunk.end)
    assert large.chunk.text == original[span].replace(edited.chunk.text, "Xylophones are sold here.")
    _, finished = run(knowledge.reindex(base, splitter=SMALL))
    assert [(notice.code, notice.params) for notice in finished.notices] == [
        ("edits_not_carried", {"count": 1})
    ]
    assert not any(chunk.edited for chunk in knowledge.chunks(source_id))
    knowledge.roll_back(base)
    assert any("Xylophones" in chunk.chunk.text for chunk in knowledge.chunks(source_id))


def test_a_changed_file_says_which_edits_it_lost(
    knowledge: Knowledge, source_id: int, tmp_path: Path
) -> None:
    base = knowledge.bases()[0].id
    chunk = knowledge.chunks(source_id)[0]
    knowledge.edit_chunk(chunk.id, "Xylophones are sold here.")
    (tmp_path / "quay.md").write_text("# Bakeries\n\nEvery bakery sells rye bread.")
    _, finished = run(knowledge.index(base, [SourceInput(tmp_path / "quay.md", "quay.md")]))
    assert [notice.code for notice in finished.notices] == ["edits_without_text"]


def test_an_edit_during_a_run_does_not_take_its_vectors(
    open_folder: OpenKnowledge, notes: Path, tmp_path: Path
) -> None:
    knowledge = open_folder(batch_chunks=2)
    base = knowledge.create_base("a")
    run(knowledge.index(base.id, inputs_of(notes)))
    chunk = knowledge.chunks(knowledge.sources(base.id)[0].id)[0]
    file = tmp_path / "long.txt"
    file.write_text("\n\n".join(f"Section {n} is about topic{n}. " * 30 for n in range(6)))
    embedding = 0
    for event in knowledge.index(base.id, [SourceInput(file, "long.txt")]):
        if isinstance(event, FileProgress):  # its vectors are stored, its chunks are not yet
            embedding += 1
            knowledge.edit_chunk(chunk.id, f"Edited {embedding} times.")
    assert embedding > 1
    assert {source.state for source in knowledge.sources(base.id)} == {"ready"}
    knowledge.edit_chunk(chunk.id, "Edited for the last time.")
    vectors = knowledge._store.database.reader().execute("SELECT count(*) FROM kb_vector").fetchone()[0]
    assert vectors == knowledge.base(base.id).chunks, "vectors of former texts are still there"


def test_fit_into_equal_larger_and_smaller_chunks() -> None:
    old = [piece(1, 0, 5, text="AAAA."), piece(2, 6, 11, enabled=False)]
    same = fit(old, [piece(11, 0, 5), piece(12, 6, 11), piece(13, 12, 23)], TEXT)
    assert (same.texts, same.disabled, same.lost) == ({11: "AAAA."}, {12}, 0)
    larger = fit(old, [piece(11, 0, 11), piece(12, 12, 23)], TEXT)
    assert (larger.texts, larger.disabled, larger.lost) == ({11: "AAAA. bbbb."}, set(), 1)
    smaller = fit([piece(1, 0, 11, text="AB"), piece(2, 12, 23, enabled=False)],
                  [piece(n, 6 * n, 6 * n + 5) for n in range(4)], TEXT)  # fmt: skip
    assert (smaller.texts, smaller.disabled, smaller.lost) == ({}, {2, 3}, 1)


def test_fit_two_neighbours_and_overlapping_chunks() -> None:
    both = [piece(1, 0, 5, text="A"), piece(2, 6, 11, text="B")]
    assert fit(both, [piece(11, 0, 17)], TEXT).texts == {11: "A B cccc."}
    off = [piece(1, 0, 5, enabled=False), piece(2, 6, 11, enabled=False)]
    assert fit(off, [piece(11, 0, 11), piece(12, 6, 23)], TEXT).disabled == {11}
    overlapping = [piece(1, 0, 11, text="A"), piece(2, 6, 17, text="B")]
    found = fit(overlapping, [piece(11, 0, 23)], TEXT)
    assert (found.texts, found.lost) == ({11: "A cccc. dddd."}, 1)


def test_what_is_searched_has_another_name_after_an_edit(knowledge: Knowledge, source_id: int) -> None:
    base_id = knowledge.source(source_id).base_id
    chunk = knowledge.chunks(source_id)[1]

    def name() -> str:
        found = knowledge.search("quay", base_ids=[base_id]).generation
        edits = knowledge.edits_identity(base_id)
        assert found.endswith(f"~{edits}") if edits else "~" not in found
        return found

    untouched = name()
    knowledge.edit_chunk(chunk.id, "Xylophones are sold here.")
    edited = name()
    knowledge.edit_chunk(chunk.id, "Xylophones are let here.")
    again = name()
    knowledge.enable_chunk(chunk.id, False)
    hidden = name()
    assert len({untouched, edited, again, hidden}) == 4
    knowledge.enable_chunk(chunk.id, True)
    assert name() == again
    knowledge.reset_chunk(chunk.id)
    assert name() == untouched
