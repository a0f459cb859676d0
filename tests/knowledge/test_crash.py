"""kill -9 at random moments of indexing: the store holds exactly what was acknowledged, and a rerun goes on."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from knowledge.dense import GenerationError, Generations
from tests.knowledge.conftest import OpenKnowledge, inputs_of, run

ROOT = Path(__file__).resolve().parents[2]


def write_round(folder: Path, draw: random.Random, number: int, written: dict[str, list[str]]) -> None:
    """Change the folder: some files come, some change, some go. `written` keeps every text a name ever had."""
    folder.mkdir(exist_ok=True)
    for _ in range(12):
        name = f"{draw.randrange(60):02}.txt"
        words = " ".join(f"w{draw.randrange(4000)}" for _ in range(draw.choice([20, 150, 600])))
        text = f"round{number} of {name[:2]}file. {words}."
        (folder / name).write_text(text)
        written.setdefault(name, []).append(text)
    for path in draw.sample(sorted(folder.iterdir()), 2):
        path.unlink()


def kill_while_indexing(data: Path, files: Path, delay_s: float) -> list[str]:
    """Lines that the child printed before it was killed, `delay_s` after it began to index."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.knowledge.crash_child", str(data), str(files)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert child.stdout is not None
    lines = [child.stdout.readline()]
    time.sleep(delay_s)
    os.killpg(child.pid, signal.SIGKILL)
    lines += child.stdout.readlines()
    child.wait()
    child.stdout.close()
    return [line.strip() for line in lines]


def check_sound(open_folder: OpenKnowledge, acknowledged: dict[str, list[str]]) -> None:
    """No ghost, no duplicate, every acknowledged text findable by both legs.

    Args:
        acknowledged: by name, the text that was reported done and those that were written later: a kill may
            come between a commit and its report.
    """
    knowledge = open_folder()
    try:
        base = knowledge.bases()[0]
        with sqlite3.connect(knowledge.folder / "tandem.db") as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert database.execute("PRAGMA foreign_key_check").fetchall() == []
            doubles = "SELECT 1 FROM kb_chunk GROUP BY version_id, source_id, ordinal HAVING count(*) > 1"
            assert database.execute(doubles).fetchall() == []
        database.close()
        held = {source.name: source for source in knowledge.sources(base.id)}
        for name, texts in acknowledged.items():
            assert name in held, f"{name} was acknowledged and is gone"
            assert knowledge.document(held[name].id).text.strip() in texts
        for source in held.values():
            assert knowledge.original(source.id).exists()
            text = knowledge.document(source.id).text
            chunks = knowledge.chunks(source.id)
            assert chunks
            assert all(text[c.chunk.start : c.chunk.end] == c.chunk.text for c in chunks)
            for mode in ("lexical", "dense"):
                found = knowledge.search(
                    chunks[0].chunk.text,
                    base_ids=[base.id],
                    mode=mode,
                    top_k=3,  # type: ignore[arg-type]
                )
                assert chunks[0].id in {passage.chunk_id for passage in found.passages}
    finally:
        knowledge.close()


def kill_often(open_folder: OpenKnowledge, tmp_path: Path, kills: int, seed: int) -> None:
    data, files = tmp_path / "data", tmp_path / "files"
    draw = random.Random(seed)
    written: dict[str, list[str]] = {}
    reported: dict[str, int] = {}  # which of a name's texts was reported done
    killed_at_work = 0
    window = 0.9
    for number in range(kills):
        write_round(files, draw, number, written)
        # The window follows the machine's speed: a kill that came too late halves it.
        lines = kill_while_indexing(data, files, draw.uniform(0.0, window))
        killed_at_work += "finished" not in lines
        window = max(window / 2, 0.02) if "finished" in lines else min(window * 1.2, 0.9)
        for line in lines:
            state, _, name = line.partition(" ")
            if state in ("added", "changed", "renamed"):
                reported[name] = len(written[name]) - 1
        for name in [name for name in reported if not (files / name).exists()]:
            reported.pop(name)  # it may be gone already, though that was not reported any more
        if number % 5 == 4 or number == kills - 1:
            check_sound(open_folder, {name: written[name][at:] for name, at in reported.items()})
    assert killed_at_work >= kills // 3, "most kills came too late to prove anything"
    knowledge = open_folder()
    base = knowledge.bases()[0]
    run(knowledge.index(base.id, inputs_of(files), remove_missing=True))
    held = {source.name: source for source in knowledge.sources(base.id)}
    assert set(held) == {path.name for path in files.iterdir()}
    for name, source in held.items():
        assert knowledge.document(source.id).text.strip() == (files / name).read_text()
    originals = {path.name for path in (data / "sources").iterdir()}
    assert originals == {source.sha256 for source in held.values()}
    knowledge.close()
    check_sound(open_folder, {})


def test_twenty_kills(open_folder: OpenKnowledge, tmp_path: Path) -> None:
    kill_often(open_folder, tmp_path, 20, seed=3)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_kills(open_folder: OpenKnowledge, tmp_path: Path) -> None:
    kill_often(open_folder, tmp_path, 200, seed=11)


def test_damaged_generation_is_dropped_and_exact_search_answers(
    open_folder: OpenKnowledge, notes: Path, caplog: pytest.LogCaptureFixture
) -> None:
    knowledge = open_folder(background=True, index_from=1)
    base = knowledge.create_base("a")
    run(knowledge.index(base.id, inputs_of(notes)))
    assert knowledge.wait_for_indexes(timeout_s=100)
    indexed = knowledge.search("ferry pier", base_ids=[base.id])
    assert not indexed.dense_exact
    knowledge.close()
    generation = next((knowledge.folder / "index").glob("gen-*"))
    for path in generation.rglob("*.bin"):
        path.write_bytes(b"\xff" * path.stat().st_size)
    (generation / "chroma.sqlite3").write_bytes(b"rubbish" * 100)
    (generation / "lexical" / "rows.npy").write_bytes(b"rubbish")
    (generation / "vectors.npy").write_bytes(b"rubbish")
    again = open_folder(background=True, index_from=1)
    first = again.search("ferry pier", base_ids=[base.id])
    assert first.dense_exact
    assert [p.chunk_id for p in first.passages] == [p.chunk_id for p in indexed.passages]
    assert again.wait_for_indexes(timeout_s=100)
    rebuilt = again.search("ferry pier", base_ids=[base.id])
    assert not rebuilt.dense_exact
    assert rebuilt.generation != indexed.generation
    assert [p.chunk_id for p in rebuilt.passages] == [p.chunk_id for p in indexed.passages]


def test_a_generation_without_manifest_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "index" / "gen-3").mkdir(parents=True)
    (tmp_path / "index" / "CURRENT").write_text('{"1": "gen-3"}')
    generations = Generations(tmp_path / "index")
    assert generations.current() == {}
    generations.sweep()
    assert not (tmp_path / "index" / "gen-3").exists()
    with pytest.raises((GenerationError, OSError)):
        generations.open_checked(tmp_path / "index" / "gen-3")
