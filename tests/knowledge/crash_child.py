"""Indexes a folder and prints each file once it is acknowledged; meant to be killed.

python -m tests.knowledge.crash_child DATA FILES
"""

import sys
from pathlib import Path

from knowledge.base import Knowledge
from knowledge.config import KnowledgeConfig
from knowledge.indexing import FileDone, gather_inputs
from tests.knowledge.hashing_embedder import HashingEmbedder


def main(data: Path, files: Path) -> None:
    """Make the base equal to the files."""
    knowledge = Knowledge(
        data,
        data / "tandem.db",
        load_embedder=lambda _: HashingEmbedder(),
        config=KnowledgeConfig(embedder="hashing", background=False, batch_chunks=8),
    )
    base = knowledge.bases()[0] if knowledge.bases() else knowledge.create_base("crash")
    print("ready", flush=True)
    for event in knowledge.index(base.id, gather_inputs([files])[0], remove_missing=True):
        if isinstance(event, FileDone) and event.state in ("added", "changed", "renamed", "removed"):
            print(f"{event.state} {event.name}", flush=True)
    knowledge.close()
    print("finished", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
