"""Files in, ranked passages out. Knows nothing of settings files, prompts, chat models or pages."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from knowledge.base import Knowledge
    from knowledge.evaluate import evaluate_folder
    from knowledge.indexing import SourceInput, gather_inputs
    from knowledge.retriever import KnowledgeRetriever, open_knowledge

__all__ = [
    "Knowledge",
    "KnowledgeRetriever",
    "SourceInput",
    "evaluate_folder",
    "gather_inputs",
    "open_knowledge",
]

_HOMES = {
    "Knowledge": "knowledge.base",
    "KnowledgeRetriever": "knowledge.retriever",
    "SourceInput": "knowledge.indexing",
    "evaluate_folder": "knowledge.evaluate",
    "gather_inputs": "knowledge.indexing",
    "open_knowledge": "knowledge.retriever",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, so that importing the package costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
