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

import random
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from assistant.training.open_book import frame_of
from finetune.errors import DatasetError
from finetune.facts.options import BuildOptions, Writer

if TYPE_CHECKING:
    from assistant.app import App
    from finetune.facts.build import Build
    from finetune.facts.compose import Composition
    from finetune.facts.extract import Extraction
    from finetune.facts.leaks import LeakCheck
    from finetune.facts.material import SourceDocument
    from knowledge.embeddings import Embedder

__all__ = ["BUILDS", "STAGES", "BuildOptions", "DataBuilds", "Material", "Stage"]

Stage = Literal["read", "facts", "write", "wordings", "search", "check", "save"]
"""What a build is doing, in this order; "write" only where a model writes questions."""
STAGES: tuple[Stage, ...] = ("read", "facts", "write", "wordings", "search", "check", "save")
Progress = Callable[[Stage, int, int], None]
"""Stage, done, total."""
_good_name = re.compile(r"[\w][\w .\-]{0,79}")
BUILDS = "builds"
"""Folder of the builds, below that of the datasets."""
PAGE = 500
"""Chunks read at a time."""


@dataclass(frozen=True, slots=True)
class Material:
    """What a build is made of.

    Args:
        writer: "rules", or the name of the model that wrote questions as well.
        written: what became of its questions; empty where rules alone found the facts.
    """

    documents: "Sequence[SourceDocument]"
    found: "Extraction"
    writer: str
    written: dict[str, int]


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
        from assistant.training.installation import datasets_dir

        return datasets_dir(self._app.settings) / BUILDS

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
        from finetune.facts.build import ABOUT, Build, BuildReport
        from finetune.facts.compose import check_meaning, compose, number_rows

        options = options or BuildOptions()
        target = folder or self.folder / _checked(name)
        if (target / ABOUT).exists():
            raise DatasetError("build_exists", name=target.name)
        began = time.monotonic()
        material = self.material(base_ids, writer=options.writer, should_stop=should_stop, progress=progress)
        documents, found = material.documents, material.found
        checks = self._checks(options, base_ids)
        made = compose(
            documents,
            found.facts,
            options,
            frame=frame_of(self._app.reading_profile()),
            checks=checks,
            should_stop=should_stop,
            progress=partial(progress, "wordings"),
        )
        self._add_open_book(found, made, base_ids, options, should_stop, partial(progress, "search"))
        progress("check", 0, 1)
        check_meaning(made, options, checks)
        progress("save", 0, 1)
        rows = number_rows(made.rows, seed=options.seed)
        report = BuildReport(
            documents=len(documents),
            chunks=sum(len(document.chunks) for document in documents),
            facts=dict(Counter(fact.kind for fact in found.facts)),
            rows=dict(Counter(row.kind for row in rows)),
            wordings=dict(Counter(row.wording for row in rows if row.wording and row.split == "train")),
            losses=tuple(found.losses + made.losses),
            written=material.written,
            leaks=tuple(made.leaks.values()),
            writer=material.writer,
            stopped=should_stop(),
            seconds=round(time.monotonic() - began, 1),
        )
        plain = asdict(options) | {"bases": self._base_names(base_ids)}
        build = Build(target, rows=rows, facts=found.facts, report=report, options=plain)
        build.save()
        return build

    def material(
        self,
        base_ids: Sequence[int],
        *,
        writer: Writer = "rules",
        should_stop: Callable[[], bool] = lambda: False,
        progress: Progress = lambda stage, done, total: None,
    ) -> "Material":
        """Read the documents of knowledge bases and find what they tell.

        Raises:
            DatasetError: the bases are empty, or no fact was found.
        """
        from finetune.facts.extract import extract

        documents = self._documents(base_ids, should_stop, partial(progress, "read"))
        if not any(document.chunks for document in documents):
            raise DatasetError("build_no_chunks", name=self._base_names(base_ids))
        found = extract(documents, should_stop=should_stop, progress=partial(progress, "facts"))
        wrote, counts = self._write(found, documents, writer, should_stop, progress)
        if not found.facts and not should_stop():
            raise DatasetError("build_no_facts", name=self._base_names(base_ids))
        return Material(documents, found, wrote, counts)

    def _base_names(self, base_ids: Sequence[int]) -> str:
        return ", ".join(self._app.base(base_id).name for base_id in base_ids)

    def _documents(
        self, base_ids: Sequence[int], should_stop: Callable[[], bool], progress: Callable[[int, int], None]
    ) -> "list[SourceDocument]":
        from finetune.facts.material import Piece, SourceChunk, SourceDocument

        app = self._app
        sources = [source for base_id in base_ids for source in app.sources(base_id) if source.chunks]
        documents = []
        for number, source in enumerate(sources):
            if should_stop():
                break
            progress(number, len(sources))
            parsed = app.document(source.id)
            stored = [
                chunk
                for offset in range(0, source.chunks, PAGE)
                for chunk in app.chunks(source.id, offset=offset, limit=PAGE)
                if chunk.enabled
            ]
            chunks = tuple(
                SourceChunk(
                    s.id, s.chunk.text, s.chunk.start, s.chunk.end, s.chunk.heading_path, s.chunk.page_first
                )
                for s in stored
            )
            pieces = tuple(
                Piece(b.kind, parsed.text[b.start : b.end], b.start, b.heading_path) for b in parsed.blocks
            )
            documents.append(SourceDocument(source.id, source.name, pieces, chunks, parsed.title))
        return documents

    def _write(
        self,
        found: "Extraction",
        documents: "Sequence[SourceDocument]",
        writer: Writer,
        should_stop: Callable[[], bool],
        progress: Progress,
    ) -> tuple[str, dict[str, int]]:
        """Let the chat model write questions where it can; return who wrote, and what became of it."""
        from assistant.arms import BASE
        from assistant.training.question_writing import write_questions

        if writer == "rules" or (writer == "auto" and self._app.reading_profile().name != "full"):
            return "rules", {}
        written = write_questions(
            self._app.chat_model(BASE),
            documents,
            first_id=len(found.facts) + 1,
            should_stop=should_stop,
            progress=partial(progress, "write"),
        )
        found.facts += written.facts
        return self._app.settings.models.chat, written.counts

    def embedder(self, base_ids: Sequence[int], language: str) -> "Embedder | None":
        """The first base's embedder, where it knows the language."""
        embedder = self._app.knowledge.embedder(self._app.base(base_ids[0]).embedder)
        return embedder if {"*", language} & embedder.languages else None

    def _checks(self, options: BuildOptions, base_ids: Sequence[int]) -> "list[LeakCheck]":
        from assistant.language import detect_language
        from finetune.facts.leaks import LeakCheck, read_questions

        checks = []
        for path in map(Path, options.test):
            questions = read_questions(path)
            embedder = self.embedder(base_ids, detect_language(" ".join(questions[:20])))
            embed = embedder.embed_documents if embedder is not None else None
            checks.append(LeakCheck(path.name, questions, options.like, options.meaning, embed))
        return checks

    def _add_open_book(
        self,
        found: "Extraction",
        made: "Composition",
        base_ids: Sequence[int],
        options: BuildOptions,
        should_stop: Callable[[], bool],
        progress: Callable[[int, int], None],
    ) -> None:
        from assistant.arms import BASE
        from assistant.training.open_book import open_book_rows

        facts = {fact.id: fact for fact in found.facts}
        asked = [(facts[fact_id], w) for fact_id, wordings in made.trained.items() for w in wordings]
        number = round(options.open_book * len(asked))
        if not number or should_stop():
            return
        model = self._app.chat_model(BASE)
        made.rows += open_book_rows(
            asked,
            lambda question: self._app.search(question, base_ids=base_ids).passages,
            number=number,
            misses=options.misses,
            profile=self._app.reading_profile(),
            budget=model.context_tokens // 2,
            count_tokens=model.get_num_tokens,
            embedder=self.embedder(base_ids, asked[0][0].language),
            dice=random.Random(options.seed),
            should_stop=should_stop,
            progress=progress,
        )


def _checked(name: str) -> str:
    if not _good_name.fullmatch(name):
        raise DatasetError("build_name", name=name)
    return name
