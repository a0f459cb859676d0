"""An open knowledge folder with a hashing embedder, and files to put into it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from knowledge.base import Knowledge
from knowledge.config import KnowledgeConfig
from knowledge.indexing import FileDone, Finished, IndexEvent, SourceInput, gather_inputs
from tests.knowledge.hashing_embedder import HashingEmbedder

OpenKnowledge = Callable[..., Knowledge]


@pytest.fixture
def hashing() -> HashingEmbedder:
    """The embedder that `knowledge` uses."""
    return HashingEmbedder()


@pytest.fixture
def open_folder(tmp_path: Path, hashing: HashingEmbedder) -> Iterator[OpenKnowledge]:
    """Opens the test's data folder, again and again if need be; closes what was opened."""
    opened: list[Knowledge] = []

    def open_again(*, embedder: HashingEmbedder | None = None, **options: object) -> Knowledge:
        config = KnowledgeConfig(embedder="hashing", **{"background": False, **options})  # type: ignore[arg-type]
        folder = tmp_path / "data"
        chosen = embedder or hashing
        knowledge = Knowledge(folder, folder / "tandem.db", load_embedder=lambda _: chosen, config=config)
        opened.append(knowledge)
        return knowledge

    yield open_again
    for knowledge in opened:
        knowledge.close()


@pytest.fixture
def knowledge(open_folder: OpenKnowledge) -> Knowledge:
    """An open folder without a background thread."""
    return open_folder()


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A folder of three small notes."""
    folder = tmp_path / "notes"
    (folder / "sub").mkdir(parents=True)
    (folder / "ferry.md").write_text("# Ferry\n\nThe ferry leaves at seven from the north pier.\n")
    (folder / "bakery.md").write_text("# Bakery\n\nThe bakery sells rye bread on Tuesdays.\n")
    (folder / "sub" / "码头.md").write_text("# 码头\n\n渡轮每天早上七点从北码头出发。\n", encoding="utf-8")
    return folder


def run(events: Iterator[IndexEvent]) -> tuple[dict[str, FileDone], Finished]:
    """Exhaust an indexing run; what it did with each file, and its end."""
    done: dict[str, FileDone] = {}
    for event in events:
        if isinstance(event, FileDone):
            done[event.name] = event
        if isinstance(event, Finished):
            return done, event
    raise AssertionError("the run did not finish")


def inputs_of(*paths: Path) -> list[SourceInput]:
    """Everything readable below the paths."""
    return gather_inputs(paths)[0]
