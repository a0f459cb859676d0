"""The LangChain retriever, and the example in its documentation, run as it stands there."""

import asyncio
import doctest
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnablePassthrough

from knowledge.base import Knowledge
from knowledge.retriever import KnowledgeRetriever, open_knowledge
from tests.knowledge.conftest import inputs_of, run


@pytest.fixture
def retriever(knowledge: Knowledge, notes: Path) -> KnowledgeRetriever:
    base = knowledge.create_base("notes")
    run(knowledge.index(base.id, inputs_of(notes)))
    return KnowledgeRetriever(knowledge=knowledge, top_k=2)


def test_documents_carry_the_passage(retriever: KnowledgeRetriever) -> None:
    documents = retriever.invoke("When does the ferry leave?")
    assert len(documents) <= 2
    best = documents[0]
    assert "north pier" in best.page_content
    assert best.metadata["source"] == best.metadata["source_name"] == "ferry.md"
    assert best.id == str(best.metadata["chunk_id"])
    assert {"score", "start", "end", "heading_path", "page_label", "dense_rank"} <= best.metadata.keys()


def test_async_gives_the_same(retriever: KnowledgeRetriever) -> None:
    assert asyncio.run(retriever.ainvoke("rye bread")) == retriever.invoke("rye bread")


def test_options_of_a_call(retriever: KnowledgeRetriever) -> None:
    assert len(retriever.invoke("ferry bakery", top_k=1)) == 1
    assert retriever.invoke("ferry", score_threshold=1.0) == []
    assert retriever.invoke("ferry", mode="lexical")[0].metadata["dense_score"] is None
    with pytest.raises(TypeError, match="unknown search options"):
        retriever.invoke("ferry", topk=3)
    with pytest.raises(ValueError, match="top_k"):
        KnowledgeRetriever(knowledge=retriever.knowledge, top_k=0)


def test_in_a_chain(retriever: KnowledgeRetriever) -> None:
    chain = RunnablePassthrough.assign(context=(lambda given: given["input"]) | retriever)
    answer = chain.invoke({"input": "rye bread on which day?"})
    assert answer["context"][0].metadata["source"] == "bakery.md"


def test_the_example_in_the_documentation(tmp_path: Path, notes: Path, minilm_folder: Any) -> None:
    names = {"folder": tmp_path / "data", "model_folder": minilm_folder.path, "notes_folder": notes}
    example = doctest.DocTestFinder().find(open_knowledge, "open_knowledge", globs=names)[0]
    assert example.examples
    result = doctest.DocTestRunner().run(example)
    assert result.failed == 0
