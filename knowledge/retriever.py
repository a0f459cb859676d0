"""An open knowledge folder as a LangChain retriever, for chains of ours and of others."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field

from knowledge.base import Knowledge
from knowledge.documents import Passage

if TYPE_CHECKING:
    from knowledge.embeddings import Embedder


class KnowledgeRetriever(BaseRetriever):
    """Ranked passages of knowledge bases as LangChain documents.

    `page_content` is the passage's text, `metadata` every other field of `knowledge.documents.Passage`;
    `metadata["source"]` repeats the file's name, as LangChain's own loaders call it.

    Args:
        base_ids: bases to search as one; all of them when None.
        top_k: K, most documents returned.
        mode: which legs search.
        score_threshold: 0..1; passages whose relevance is lower are left out.
        reranker: orders the candidates anew, see `knowledge.searching.Reranker`.

    Any of these but the knowledge and the reranker may be overridden in a call:
    `retriever.invoke("…", top_k=3)`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    knowledge: Knowledge
    base_ids: tuple[int, ...] | None = None
    top_k: int = Field(5, ge=1)
    mode: Literal["hybrid", "dense", "lexical"] = "hybrid"
    score_threshold: float = Field(0.0, ge=0, le=1)
    reranker: Any = None

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **overrides: Any
    ) -> list[Document]:
        return [to_document(passage) for passage in self._passages(query, overrides)]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **overrides: Any
    ) -> list[Document]:
        passages = await asyncio.to_thread(self._passages, query, overrides)
        return [to_document(passage) for passage in passages]

    def _passages(self, query: str, overrides: dict[str, Any]) -> tuple[Passage, ...]:
        options: dict[str, Any] = {
            "base_ids": self.base_ids,
            "top_k": self.top_k,
            "mode": self.mode,
            "score_threshold": self.score_threshold,
        }
        unknown = set(overrides) - set(options)
        if unknown:
            raise TypeError(f"unknown search options {sorted(unknown)}; there are {sorted(options)}")
        options |= overrides
        if options["base_ids"] is None:
            options["base_ids"] = [base.id for base in self.knowledge.bases()]
        return self.knowledge.search(query, reranker=self.reranker, **options).passages


def to_document(passage: Passage) -> Document:
    """A passage as LangChain knows it; its chunk's number is the id."""
    metadata = asdict(passage)
    text = metadata.pop("text")
    return Document(
        page_content=text, metadata={**metadata, "source": passage.source_name}, id=str(passage.chunk_id)
    )


def open_knowledge(folder: Path | str, *, embedder: Path | str, **options: Any) -> Knowledge:
    """Open or make a knowledge folder with one embedding model, for use in one's own code.

    Args:
        folder: holds everything: `tandem.db`, `sources/`, `index/`. No other process may have it open.
        embedder: folder of a sentence-transformers model with safetensors weights.
        options: as of `knowledge.embeddings.load_embedder`, such as `languages=frozenset({"en"})`.

    Example:
        >>> from pathlib import Path
        >>> from knowledge import KnowledgeRetriever, gather_inputs, open_knowledge
        >>> knowledge = open_knowledge(folder, embedder=model_folder)
        >>> base = knowledge.create_base("notes")
        >>> for event in knowledge.index(base.id, gather_inputs([notes_folder])[0]):
        ...     pass
        >>> retriever = KnowledgeRetriever(knowledge=knowledge, top_k=1)
        >>> retriever.invoke("When does the ferry leave?")[0].metadata["source_name"]
        'ferry.md'
        >>> knowledge.close()
    """
    folder = Path(folder)

    def load(name: str) -> "Embedder":
        from knowledge.embeddings import load_embedder

        return load_embedder(Path(embedder), name=name, **options)

    from knowledge.config import KnowledgeConfig

    name = Path(embedder).resolve().name
    return Knowledge(folder, folder / "tandem.db", load_embedder=load, config=KnowledgeConfig(embedder=name))
