"""Making a base equal to files: what is embedded, what is found, what is told."""

from pathlib import Path

import pytest

from knowledge.base import Knowledge
from knowledge.errors import StoreError
from knowledge.indexing import FileStarted, SourceInput, gather_inputs
from knowledge.splitter import SplitterConfig
from tests.knowledge.conftest import OpenKnowledge, inputs_of, run
from tests.knowledge.hashing_embedder import HashingEmbedder


def names_found(knowledge: Knowledge, base_id: int, query: str) -> list[str]:
    return [p.source_name for p in knowledge.search(query, base_ids=[base_id], top_k=10).passages]


def test_indexes_searches_and_reports(knowledge: Knowledge, notes: Path) -> None:
    base = knowledge.create_base("手册")
    done, finished = run(knowledge.index(base.id, inputs_of(notes)))
    assert {name: event.state for name, event in done.items()} == {
        "bakery.md": "added", "ferry.md": "added", "sub/码头.md": "added",
    }  # fmt: skip
    assert finished.counts == {"added": 3}
    assert not finished.stopped
    assert names_found(knowledge, base.id, "ferry north pier")[0] == "ferry.md"
    assert names_found(knowledge, base.id, "渡轮几点出发")[0] == "sub/码头.md"
    info = knowledge.base("手册")
    assert (info.files, info.chunks, info.state) == (3, 3, "ready")
    passage = knowledge.search("rye bread", base_ids=[base.id]).passages[0]
    document = knowledge.document(passage.source_id)
    assert document.text[passage.start : passage.end] == passage.text
    assert knowledge.original(passage.source_id).read_bytes() == (notes / "bakery.md").read_bytes()


def test_same_files_again_embed_nothing(knowledge: Knowledge, notes: Path, hashing: HashingEmbedder) -> None:
    base = knowledge.create_base("a")
    run(knowledge.index(base.id, inputs_of(notes)))
    before = list(hashing.embedded)
    done, _ = run(knowledge.index(base.id, inputs_of(notes)))
    assert {event.state for event in done.values()} == {"unchanged"}
    assert hashing.embedded == before
    other = knowledge.create_base("b")
    done, _ = run(knowledge.index(other.id, inputs_of(notes)))
    assert sum(event.embedded for event in done.values()) == 0
    assert hashing.embedded == before, "another base embedded text whose vectors are stored"


def test_change_of_same_size_and_time_is_noticed(knowledge: Knowledge, notes: Path) -> None:
    import os

    base = knowledge.create_base("a")
    run(knowledge.index(base.id, inputs_of(notes)))
    file = notes / "ferry.md"
    status = file.stat()
    file.write_text(file.read_text().replace("seven", "eight"))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    done, _ = run(knowledge.index(base.id, inputs_of(notes)))
    assert done["ferry.md"].state == "changed"


def test_changed_file_embeds_changed_chunks_only(
    knowledge: Knowledge, tmp_path: Path, hashing: HashingEmbedder
) -> None:
    sections = [f"# Part {n}\n\n" + f"Sentence about topic{n} number. " * 12 for n in range(8)]
    file = tmp_path / "long.md"
    file.write_text("\n\n".join(sections))
    base = knowledge.create_base("a", splitter=SplitterConfig(chunk_size=64, chunk_overlap=0, min_size=32))
    done, _ = run(knowledge.index(base.id, [SourceInput(file, "long.md")]))
    total = done["long.md"].chunks
    assert total >= 8
    sections[3] = sections[3].replace("topic3", "novelty")
    file.write_text("\n\n".join(sections))
    done, _ = run(knowledge.index(base.id, [SourceInput(file, "long.md")]))
    assert done["long.md"].state == "changed"
    assert 0 < done["long.md"].embedded <= total // 2
    texts = [stored.chunk.text for stored in knowledge.chunks(knowledge.sources(base.id)[0].id)]
    assert len(texts) == done["long.md"].chunks
    assert not any("topic3" in text for text in texts)


def test_renamed_and_removed(knowledge: Knowledge, notes: Path, hashing: HashingEmbedder) -> None:
    base = knowledge.create_base("a")
    run(knowledge.index(base.id, inputs_of(notes)))
    before = len(hashing.embedded)
    (notes / "ferry.md").rename(notes / "boat.md")
    (notes / "bakery.md").unlink()
    plan = knowledge.plan(base.id, inputs_of(notes), remove_missing=True)
    assert plan.renamed == (("ferry.md", "boat.md"),)
    assert plan.removed == ("bakery.md",)
    assert plan.new == plan.changed == ()
    done, _ = run(knowledge.index(base.id, inputs_of(notes), remove_missing=True))
    assert done["boat.md"].state == "renamed"
    assert done["bakery.md"].state == "removed"
    assert len(hashing.embedded) == before
    assert {source.name for source in knowledge.sources(base.id)} == {"boat.md", "sub/码头.md"}
    assert "bakery.md" not in names_found(knowledge, base.id, "rye bread bakery")


def test_without_remove_missing_other_files_stay(knowledge: Knowledge, notes: Path) -> None:
    base = knowledge.create_base("a")
    run(knowledge.index(base.id, inputs_of(notes)))
    run(knowledge.index(base.id, [SourceInput(notes / "ferry.md", "ferry.md")]))
    assert knowledge.base(base.id).files == 3


def test_bad_file_is_told_and_the_others_go_on(knowledge: Knowledge, notes: Path) -> None:
    (notes / "broken.pdf").write_bytes(b"%PDF-1.4 nothing of the kind")
    base = knowledge.create_base("a")
    done, finished = run(knowledge.index(base.id, inputs_of(notes)))
    assert finished.counts == {"added": 3, "failed": 1}
    error = done["broken.pdf"].error
    assert error is not None
    source = next(s for s in knowledge.sources(base.id) if s.name == "broken.pdf")
    assert source.state == "failed"
    assert source.error == error


def test_a_change_that_cannot_be_read_keeps_what_was_stored(knowledge: Knowledge, notes: Path) -> None:
    base = knowledge.create_base("a")
    run(knowledge.index(base.id, inputs_of(notes)))
    (notes / "ferry.md").write_bytes(b"")
    done, _ = run(knowledge.index(base.id, inputs_of(notes)))
    assert done["ferry.md"].state == "failed"
    assert names_found(knowledge, base.id, "ferry north pier")[0] == "ferry.md"


def test_stop_keeps_what_was_done_and_a_rerun_does_the_rest(knowledge: Knowledge, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number:02}.txt").write_text(f"File number{number} speaks of item{number}.")
    base = knowledge.create_base("a")
    started: list[FileStarted] = []
    events = []
    for event in knowledge.index(base.id, inputs_of(folder), should_stop=lambda: len(started) >= 10):
        if isinstance(event, FileStarted):
            started.append(event)
        events.append(event)
    assert events[-1].stopped  # type: ignore[union-attr]
    kept = {source.name for source in knowledge.sources(base.id)}
    assert len(kept) < 40
    done, finished = run(knowledge.index(base.id, inputs_of(folder)))
    assert not finished.stopped
    assert {name for name, event in done.items() if event.state == "unchanged"} == kept
    assert knowledge.base(base.id).chunks == 40


def test_reindex_switches_when_complete_and_rolls_back_with_new_files(
    knowledge: Knowledge, notes: Path
) -> None:
    (notes / "long.md").write_text(" ".join(f"Sentence {n} tells of harbours." for n in range(80)))
    base = knowledge.create_base("a")
    run(knowledge.index(base.id, inputs_of(notes)))
    before = knowledge.base(base.id)
    small = SplitterConfig(chunk_size=64, chunk_overlap=0, min_size=16)
    run(knowledge.reindex(base.id, splitter=small))
    after = knowledge.base(base.id)
    assert after.chunks > before.chunks
    assert after.splitter == small
    assert after.previous
    (notes / "late.md").write_text("The lighthouse was painted in 1931.")
    run(knowledge.index(base.id, inputs_of(notes)))
    knowledge.roll_back(base.id)
    back = knowledge.base(base.id)
    assert back.splitter == before.splitter
    assert back.chunks == before.chunks + 1
    assert names_found(knowledge, base.id, "lighthouse painted")[0] == "late.md"


def test_stopped_reindex_leaves_the_active_version(knowledge: Knowledge, notes: Path) -> None:
    base = knowledge.create_base("a")
    run(knowledge.index(base.id, inputs_of(notes)))
    before = knowledge.base(base.id)
    _, finished = run(
        knowledge.reindex(base.id, splitter=SplitterConfig(chunk_size=100), should_stop=lambda: True)
    )
    assert finished.stopped
    assert knowledge.base(base.id) == before
    with pytest.raises(StoreError, match="no earlier index"):
        knowledge.roll_back(base.id)


def test_what_a_user_did_to_chunks_survives_a_change_of_the_file(
    knowledge: Knowledge, tmp_path: Path
) -> None:
    file = tmp_path / "two.md"
    parts = ["# One\n\n" + "alpha words here. " * 14, "# Two\n\n" + "beta words there. " * 14]
    file.write_text("\n\n".join(parts))
    base = knowledge.create_base("a", splitter=SplitterConfig(chunk_size=64, chunk_overlap=0, min_size=16))
    run(knowledge.index(base.id, [SourceInput(file, "two.md")]))
    source = knowledge.sources(base.id)[0].id
    chunks = knowledge.chunks(source)
    knowledge.edit_chunk(chunks[0].id, "gamma replaces it all")
    knowledge.enable_chunk(chunks[1].id, False)
    parts.append("# Three\n\n" + "delta words elsewhere. " * 14)
    file.write_text("\n\n".join(parts))
    run(knowledge.index(base.id, [SourceInput(file, "two.md")]))
    after = knowledge.chunks(source)
    assert after[0].edited
    assert after[0].chunk.text == "gamma replaces it all"
    assert not after[1].enabled
    assert all(not chunk.edited and chunk.enabled for chunk in after[2:])


def test_full_disk_stops_before_it_is_full(open_folder: OpenKnowledge, notes: Path) -> None:
    knowledge = open_folder(free_space_mb=1 << 40)
    base = knowledge.create_base("a")
    with pytest.raises(StoreError, match="No room left") as caught:
        run(knowledge.index(base.id, inputs_of(notes)))
    assert caught.value.text("zh")
    assert knowledge.base(base.id).files == 0


def test_a_missing_path_is_told_and_nothing_is_stored(knowledge: Knowledge, notes: Path) -> None:
    base = knowledge.create_base("a")
    run(knowledge.index(base.id, inputs_of(notes)))
    (notes / "ferry.md").unlink()
    missing = [SourceInput(notes / name, name) for name in ("never.md", "ferry.md")]
    done, finished = run(knowledge.index(base.id, missing))
    for name in ("never.md", "ferry.md"):
        error = done[name].error
        assert error is not None
        assert (error.code, error.params) == ("file_missing", {"name": name})
    assert finished.counts == {"failed": 2}
    assert {source.name: source.state for source in knowledge.sources(base.id)} == {
        "bakery.md": "ready", "ferry.md": "ready", "sub/码头.md": "ready",
    }  # fmt: skip


def test_gather_inputs_expands_skips_and_names(tmp_path: Path) -> None:
    for name in ("a/x.md", "a/.hidden.md", "a/.git/config.md", "a/sub/y.txt", "a/z.exe", "b/x.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text")
    inputs, skipped = gather_inputs([tmp_path / "a", tmp_path / "b", tmp_path / "a" / "x.md"])
    assert [item.name for item in inputs] == ["x.md", "sub/y.txt", "b/x.md"]
    assert [notice.params["name"] for notice in skipped] == ["z.exe"]
