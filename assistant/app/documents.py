"""Knowledge bases, their files and chunks, as pages and commands see them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.app.parts import Parts
from knowledge.documents import ParsedDocument

if TYPE_CHECKING:
    from knowledge.base import BaseInfo, Preview, SourceInfo, StoredChunk
    from knowledge.parsing.page_image import PageImage
    from knowledge.splitter import SplitterConfig


@dataclass(frozen=True)
class PassageContext:
    """A chunk as it stands in its document, for reading around it."""

    source_id: int
    source_name: str
    before: str
    text: str
    after: str
    page_first: int | None
    page_label: str
    heading_path: tuple[str, ...]
    media_type: str


class Documents(Parts):
    """Knowledge bases, their files and chunks."""

    def bases(self) -> "list[BaseInfo]":
        """All knowledge bases, by name."""
        return self.knowledge.bases()

    def base(self, name_or_id: str | int) -> "BaseInfo":
        """One knowledge base.

        Raises:
            NotFoundError: there is none of this name or number.
        """
        return self.knowledge.base(name_or_id)

    def create_base(self, name: str) -> "BaseInfo":
        """Make an empty knowledge base with the settings' embedder and splitter."""
        embedder = self.settings.models.embedding  # may have been chosen since the knowledge was opened
        return self.knowledge.create_base(name, embedder=embedder, splitter=self.splitter())

    def base_or_new(self, name: str | None) -> "BaseInfo":
        """The base of this name, made when missing; without a name the one called "default"."""
        return self.base_named(name) or self.create_base(name or "default")

    def base_named(self, name: str | None) -> "BaseInfo | None":
        """The base of this name, if there is one; without a name the one called "default"."""
        return next((base for base in self.bases() if base.name == (name or "default")), None)

    def base_ids(self, names: Sequence[str] | None) -> list[int]:
        """Numbers of the named bases; of all when no name is given."""
        if not names:
            return [base.id for base in self.bases()]
        return [self.knowledge.base(name).id for name in names]

    def rename_base(self, base_id: int, name: str) -> None:
        """Give a knowledge base another name."""
        self.knowledge.rename_base(base_id, name)

    def delete_base(self, base_id: int) -> None:
        """Delete a knowledge base with all its files; no trace remains in store, index or originals.

        What experiments, votes and conversations kept of its passages goes too.
        """
        with self.experiments.forgetting_base(base_id):
            self.knowledge.delete_base(base_id)
        self.job_list.forget_base(base_id)

    def sources(self, base_id: int) -> "list[SourceInfo]":
        """The files of a base, by name."""
        return self.knowledge.sources(base_id)

    def delete_source(self, source_id: int) -> None:
        """Delete a file; no trace remains in store, index or originals, nor of its passages elsewhere."""
        with self.experiments.forgetting_source(source_id):
            self.knowledge.delete_source(source_id)

    def original(self, source_id: int) -> Path:
        """The file as it was added."""
        return self.knowledge.original(source_id)

    def chunks(self, source_id: int, *, offset: int = 0, limit: int = 50) -> "list[StoredChunk]":
        """A file's chunks in order."""
        return self.knowledge.chunks(source_id, offset=offset, limit=limit)

    def chunk(self, chunk_id: int) -> "StoredChunk":
        """One chunk."""
        return self.knowledge.chunk(chunk_id)

    def edit_chunk(self, chunk_id: int, text: str) -> None:
        """Replace a chunk's text; it is embedded again."""
        self.knowledge.edit_chunk(chunk_id, text)

    def reset_chunk(self, chunk_id: int) -> None:
        """Give a chunk back the text that its document has there."""
        self.knowledge.reset_chunk(chunk_id)

    def enable_chunk(self, chunk_id: int, enabled: bool) -> None:
        """Let searches find a chunk, or hide it from them."""
        self.knowledge.enable_chunk(chunk_id, enabled)

    def document(self, source_id: int) -> ParsedDocument:
        """A file's text and structure."""
        return self.knowledge.document(source_id)

    def passage_context(self, chunk_id: int, *, around: int = 1200) -> PassageContext:
        """A chunk with up to `around` characters of its document on either side."""
        stored = self.knowledge.chunk(chunk_id)
        source = self.knowledge.source(stored.source_id)
        document = self.knowledge.document(stored.source_id)
        chunk = stored.chunk
        label = next((page.label for page in document.pages if page.number == chunk.page_first), "")
        return PassageContext(
            source_id=source.id,
            source_name=source.name,
            before=document.text[max(0, chunk.start - around) : chunk.start],
            text=chunk.text,
            after=document.text[chunk.end : chunk.end + around],
            page_first=chunk.page_first,
            page_label=label,
            heading_path=chunk.heading_path,
            media_type=document.media_type,
        )

    def page_image(self, source_id: int, page: int, highlight: str | None = None) -> "PageImage | None":
        """A PDF's page as a picture with `highlight` lit up; None for other formats."""
        from knowledge.parsing.page_image import render_page

        if self.knowledge.source(source_id).media_type != "application/pdf":
            return None
        return render_page(self.knowledge.original(source_id), page, highlight=highlight)

    def preview(
        self,
        path: Path,
        name: str,
        *,
        base_id: int,
        chunk_size: int | None = None,
        chunk_overlap: int | None = None,
        password: str | None = None,
    ) -> "Preview":
        """Parse and cut a file as for a base, or with other sizes, without keeping anything."""
        from knowledge.originals import SourceInput

        base = self.knowledge.base(base_id)
        splitter = base.splitter
        if chunk_size is not None:
            splitter = replace(splitter, chunk_size=chunk_size)
        if chunk_overlap is not None:
            splitter = replace(splitter, chunk_overlap=chunk_overlap)
        source = SourceInput(path=path, name=name, password=password)
        return self.knowledge.preview(source, splitter=splitter, embedder=base.embedder)

    def splitter(self, chunk_size: int | None = None, chunk_overlap: int | None = None) -> "SplitterConfig":
        """How files are cut: as the settings say, but for the sizes given here."""
        from knowledge.splitter import SplitterConfig

        chosen = {
            "chunk_size": chunk_size or self.settings.splitter.chunk_size,
            "chunk_overlap": (
                chunk_overlap if chunk_overlap is not None else self.settings.splitter.chunk_overlap
            ),
        }
        return SplitterConfig(**{key: value for key, value in chosen.items() if value is not None})
