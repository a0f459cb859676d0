"""The open folder: searching, chunks, erasing, and what happens when the ground shifts."""

import os
import sqlite3
from pathlib import Path

import pytest

from knowledge.base import Knowledge
from knowledge.errors import EmbeddingMismatchError, NotFoundError, StoreError
from knowledge.indexing import SourceInput
from tests.knowledge.conftest import OpenKnowledge, inputs_of, run
from tests.knowledge.hashing_embedder import HashingEmbedder


@pytest.fixture
def base_id(knowledge: Knowledge, notes: Path) -> int:
    base = knowledge.create_base("notes")
    run(knowledge.index(base.id, inputs_of(notes)))
    return base.id


def bytes_with(folder: Path, *markers: bytes) -> list[str]:
    """Files below a folder whose name or content has one of the markers."""
    found = []
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        if any(marker in content or marker in os.fsencode(path) for marker in markers):
            found.append(path.name)
    return found


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_scores_fall_within_0_to_1_and_thresholds_cut(knowledge: Knowledge, base_id: int, mode: str) -> None:
    found = knowledge.search("when does the ferry leave", base_ids=[base_id], mode=mode)  # type: ignore[arg-type]
    scores = [passage.score for passage in found.passages]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert found.passages[0].source_name == "ferry.md"
    cut = knowledge.search(
        "when does the ferry leave",
        base_ids=[base_id],
        mode=mode,  # type: ignore[arg-type]
        score_threshold=scores[0] - 1e-6,
    )
    assert [passage.source_name for passage in cut.passages] == ["ferry.md"]


def test_unknown_language_is_left_to_the_lexical_leg(open_folder: OpenKnowledge, notes: Path) -> None:
    english = HashingEmbedder(languages=frozenset({"en"}))
    knowledge = open_folder(embedder=english)
    base = knowledge.create_base("notes")
    run(knowledge.index(base.id, inputs_of(notes)))
    chinese = knowledge.search("渡轮几点出发", base_ids=[base.id])
    assert [passage.source_name for passage in chinese.passages] == ["sub/码头.md"]
    assert chinese.passages[0].dense_score is None
    assert "embed" not in chinese.timings_ms
    assert knowledge.search("the ferry", base_ids=[base.id]).passages[0].dense_score is not None


def test_searches_several_bases_as_one(knowledge: Knowledge, base_id: int, tmp_path: Path) -> None:
    file = tmp_path / "tide.txt"
    file.write_text("The tide table hangs at the pier.")
    other = knowledge.create_base("other")
    run(knowledge.index(other.id, [SourceInput(file, "tide.txt")]))
    found = knowledge.search("pier", base_ids=[base_id, other.id]).passages
    assert {passage.base_id for passage in found[:2]} == {base_id, other.id}
    alone = knowledge.search("pier", base_ids=[other.id]).passages
    assert {passage.source_name for passage in alone} == {"tide.txt"}


def test_edit_and_disable_take_effect_at_once(knowledge: Knowledge, base_id: int) -> None:
    chunk = knowledge.search("ferry", base_ids=[base_id], mode="lexical").passages[0].chunk_id
    knowledge.edit_chunk(chunk, "The hovercraft hovers.")
    assert knowledge.chunk(chunk).edited
    for mode in ("lexical", "dense", "hybrid"):
        best = knowledge.search("hovercraft hovers", base_ids=[base_id], mode=mode).passages[0]  # type: ignore[arg-type]
        assert best.chunk_id == chunk
        assert best.text == "The hovercraft hovers."
    knowledge.enable_chunk(chunk, False)
    hidden = knowledge.search("hovercraft hovers", base_ids=[base_id], top_k=10)
    assert chunk not in {passage.chunk_id for passage in hidden.passages}
    knowledge.enable_chunk(chunk, True)
    assert knowledge.search("hovercraft", base_ids=[base_id]).passages[0].chunk_id == chunk


def test_deleted_file_leaves_no_byte(open_folder: OpenKnowledge, tmp_path: Path) -> None:
    knowledge = open_folder(background=True, index_from=1)
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(30):
        (folder / f"plain{number}.txt").write_text(f"Nothing special in file {number}. " * 40)
    (folder / "Zanzibarquux.txt").write_text("The password of Xylophonequux is 4711. " * 200)
    base = knowledge.create_base("a")
    run(knowledge.index(base.id, inputs_of(folder)))
    assert knowledge.wait_for_indexes(timeout_s=100)
    markers = (b"ylophonequux", b"anzibarquux")
    assert bytes_with(knowledge.folder, *markers), "the marker was never stored: the test proves nothing"
    source = next(s for s in knowledge.sources(base.id) if s.name == "Zanzibarquux.txt")
    knowledge.delete_source(source.id)
    assert bytes_with(knowledge.folder, *markers) == []
    assert knowledge.search("Xylophonequux", base_ids=[base.id], mode="lexical").passages == ()
    assert knowledge.base(base.id).files == 30


def test_deleted_base_leaves_no_byte(knowledge: Knowledge, tmp_path: Path) -> None:
    file = tmp_path / "secret.txt"
    file.write_text("Xylophonequux plays at night.")
    base = knowledge.create_base("Yggdrasilquux")
    kept = knowledge.create_base("kept")
    run(knowledge.index(base.id, [SourceInput(file, "secret.txt")]))
    run(knowledge.index(kept.id, [SourceInput(file, "secret.txt")]))
    original = knowledge.original(knowledge.sources(kept.id)[0].id)
    knowledge.delete_base(base.id)
    assert original.exists(), "another base needs this original"
    knowledge.delete_base(kept.id)
    assert bytes_with(knowledge.folder, b"ylophonequux", b"ggdrasilquux") == []
    with pytest.raises(NotFoundError):
        knowledge.base("kept")


def test_another_embedder_is_refused_with_the_way_out(open_folder: OpenKnowledge, notes: Path) -> None:
    first = open_folder()
    base = first.create_base("手册")
    run(first.index(base.id, inputs_of(notes)))
    first.close()
    second = open_folder(embedder=HashingEmbedder(identity="hashing/2", dimensions=32))
    with pytest.raises(EmbeddingMismatchError, match="re-index the base"):
        second.search("ferry", base_ids=[base.id])
    (notes / "new.md").write_text("Something new.")
    with pytest.raises(EmbeddingMismatchError):
        run(second.index(base.id, inputs_of(notes)))
    assert second.search("ferry", base_ids=[base.id], mode="lexical").passages
    run(second.reindex(base.id))
    assert second.search("ferry", base_ids=[base.id]).passages[0].source_name == "ferry.md"


def test_another_segmenter_is_told_with_the_answer(
    knowledge: Knowledge, base_id: int, hashing: HashingEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert knowledge.search("ferry", base_ids=[base_id]).notices == ()
    monkeypatch.setattr("knowledge.segmenter.IDENTITY", "another/1")
    found = knowledge.search("ferry", base_ids=[base_id])
    assert [notice.code for notice in found.notices] == ["segmenter_changed"]
    assert found.passages
    before = len(hashing.embedded)
    run(knowledge.reindex(base_id))
    assert knowledge.search("ferry", base_ids=[base_id]).notices == ()
    assert len(hashing.embedded) == before, "re-indexing embedded texts whose vectors are known"


def test_names_of_bases(knowledge: Knowledge) -> None:
    base = knowledge.create_base("  产品 手册 ")
    assert base.name == "产品 手册"
    with pytest.raises(StoreError, match="already"):
        knowledge.create_base("产品 手册")
    with pytest.raises(StoreError):
        knowledge.create_base("   ")
    assert knowledge.rename_base(base.id, "x").name == "x"
    with pytest.raises(NotFoundError):
        knowledge.rename_base(99, "y")


def test_damaged_and_read_only_files_are_told_in_one_line(tmp_path: Path, hashing: HashingEmbedder) -> None:
    database = tmp_path / "tandem.db"
    database.write_bytes(b"this is not a database, whatever its name says" * 100)
    with pytest.raises(StoreError, match="damaged") as caught:
        Knowledge(tmp_path, database, load_embedder=lambda _: hashing)
    assert "\n" not in str(caught.value)


def test_full_disk_in_a_transaction_changes_nothing(
    knowledge: Knowledge, base_id: int, tmp_path: Path
) -> None:
    database = knowledge._store.database
    pages = database.reader().execute("PRAGMA page_count").fetchone()[0]
    file = tmp_path / "big.txt"
    file.write_text(" ".join(f"word{n}" for n in range(60_000)))
    before = knowledge.sources(base_id)
    # SQLite's own limit stands in for the disk: the same error, SQLITE_FULL. It is per connection, and the
    # writer's is made later, so it is set where connections are made.
    original = database.reader

    def limited() -> sqlite3.Connection:
        connection = original()
        connection.execute(f"PRAGMA max_page_count={pages + 5}")
        return connection

    database.reader = limited  # type: ignore[method-assign]
    with pytest.raises(StoreError, match="No room left"):
        run(knowledge.index(base_id, [SourceInput(file, "big.txt")]))
    assert knowledge.sources(base_id) == before
    assert knowledge.search("ferry", base_ids=[base_id]).passages[0].source_name == "ferry.md"


def test_another_packages_tables_stay(tmp_path: Path, hashing: HashingEmbedder) -> None:
    database = tmp_path / "tandem.db"
    with sqlite3.connect(database) as other:
        other.execute("CREATE TABLE conversations (id INTEGER)")
        other.execute("INSERT INTO conversations VALUES (7)")
    with Knowledge(tmp_path, database, load_embedder=lambda _: hashing) as knowledge:
        base = knowledge.create_base("a")
        knowledge.delete_base(base.id)
    with sqlite3.connect(database) as other:
        assert other.execute("SELECT id FROM conversations").fetchall() == [(7,)]
    other.close()
