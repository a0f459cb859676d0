"""Documents of a knowledge base -> training rows that can be looked at, edited and exported.

The facts, wordings and counts are `finetune.facts`; here they meet the knowledge base, its retriever and the
chat model. How a page or command uses it:

    builds = app.data_builds                          # a DataBuilds
    build = builds.build("my-manual", base_ids, BuildOptions(), should_stop=..., progress=...)
    build.report.summary("en"); build.rows; build.facts; build.ledger
    build.edit_row("r12", answer="64"); build.deselect_row("r13")       # kept at once
    export = build.export("alpaca")                   # export.files["train"] is what a run trains on
    builds.names(); builds.load("my-manual"); builds.delete("my-manual")

Nothing is left out without being counted in `build.report`.
"""

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from finetune.errors import DatasetError

if TYPE_CHECKING:
    from assistant.app import App
    from finetune.facts.build import Build

Stage = Literal["read", "facts", "write", "wordings", "search", "check", "save"]
"""What a build is doing, in this order; "write" only where a model writes questions."""
STAGES: tuple[Stage, ...] = ("read", "facts", "write", "wordings", "search", "check", "save")
Progress = Callable[[Stage, int, int], None]
"""Stage, done, total."""
_good_name = re.compile(r"[\w][\w .\-]{0,79}")


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What to make of the documents.

    Args:
        wordings: of a fact, 5 to 20; those held out come on top.
        held_wordings: of a fact, never trained, for testing whether it was learnt.
        held_documents: names of files that are never trained, for testing what is claimed about them; None holds
            out none.
        max_facts: trained at most, spread over the documents; 0 for all. Fewer facts, seen more often, stick.
        epochs: passes that the training will make, for the ledger's judgement.
        open_book: 0..1, open-book rows for each closed-book row.
        misses: 0..1, share of the open-book rows whose passages lack the answer.
        unknown: 0..1, rows about things that no document tells, for each closed-book row.
        replay: 0..1, general rows for each closed-book row.
        writer: "rules" finds facts by rules alone, "model" lets the chat model write questions as well, "auto"
            does so where the model is large enough for it.
        test: files of test questions that must not be trained, JSON Lines with the key `question`.
        like: 0..1; the least MinHash similarity to a test question at which a row is left out.
        meaning: 0..1; the same for the embedder's cosine similarity.
        seed: of every choice.
    """

    wordings: int = 12
    held_wordings: int = 2
    held_documents: tuple[str, ...] = ()
    max_facts: int = 0
    epochs: float = 5.0
    open_book: float = 0.1
    misses: float = 0.4
    unknown: float = 0.15
    replay: float = 0.1
    writer: Literal["auto", "rules", "model"] = "auto"
    test: tuple[str, ...] = ()
    like: float = 0.7
    meaning: float = 0.9
    seed: int = 42

    def __post_init__(self) -> None:
        if not 5 <= self.wordings <= 20:
            raise ValueError(f"wordings: {self.wordings}; between 5 and 20")
        for name in ("open_book", "misses", "unknown", "replay", "like", "meaning"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: {getattr(self, name)}; between 0 and 1")


class DataBuilds:
    """The builds of this installation, each in a folder below `datasets/builds`.

    Args:
        app: whose knowledge bases, retriever and chat model are used.
    """

    def __init__(self, app: "App") -> None:
        self._app = app

    @property
    def folder(self) -> Path:
        """Where builds are kept."""
        from assistant.training import datasets_dir

        return datasets_dir(self._app.settings) / "builds"

    def names(self) -> list[str]:
        """Builds that can be loaded, latest first."""
        from finetune.facts.build import ABOUT

        found = sorted(self.folder.glob(f"*/{ABOUT}"), key=lambda path: path.stat().st_mtime, reverse=True)
        return [path.parent.name for path in found]

    def load(self, name: str) -> "Build":
        """A build that was made before.

        Raises:
            DatasetError: there is none of this name.
        """
        from finetune.facts.build import Build

        return Build.load(self.folder / _checked(name))

    def delete(self, name: str) -> None:
        """Delete a build with its exports.

        Raises:
            DatasetError: there is none of this name.
        """
        shutil.rmtree(self.load(name).folder)

    def build(
        self,
        name: str,
        base_ids: Sequence[int],
        options: BuildOptions | None = None,
        *,
        folder: Path | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        progress: Progress = lambda stage, done, total: None,
    ) -> "Build":
        """Make training rows of knowledge bases and keep them.

        Args:
            name: of the build.
            base_ids: the knowledge bases to read.
            folder: where to keep it; by default among the installation's builds.
            should_stop: asked often; once it says yes the build ends with what there is.
            progress: told what is being done.

        Raises:
            DatasetError: the name is taken or unusable, the bases are empty, or no fact was found.
        """
        raise NotImplementedError


def _checked(name: str) -> str:
    if not _good_name.fullmatch(name):
        raise DatasetError("build_name", name=name)
    return name
