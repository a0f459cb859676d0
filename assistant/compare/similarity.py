"""How near an answer is in meaning to its references, by an embedder that the retriever does not use.

The retriever's own would favour answers made of what it had ranked high.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

from assistant.compare.questions import Question
from assistant.compare.scoring import Score

if TYPE_CHECKING:
    from assistant.models import Models
    from knowledge.embeddings import Embedder


def other_embedder(models: "Models", used: Collection[str], language: str) -> "Embedder | None":
    """An embedder on this machine that is none of `used` and knows `language`; None where there is none."""
    from assistant.models import list_models

    for row in list_models(models.settings):
        if row.kind == "embedding" and row.present and row.name not in used:
            known = set(row.languages)
            if "*" in known or language in known:
                return models.embedder(row.name)
    return None


def similarity(embedder: "Embedder | None", question: Question, text: str) -> Score:
    """Cosine of the answer and its nearest reference, cut to 0..1; a refusal is right or wrong, not near.

    Args:
        text: "" is a refusal.
    """
    if embedder is None:
        return Score("unscored", reason="no_other_embedder")
    if question.answerable and not question.references:
        return Score("unscored", reason="no_reference")
    if not text.strip() or not question.answerable:
        return Score("scored", float(bool(text.strip()) == question.answerable))
    vectors = embedder.embed_documents([text, *question.references])  # (1 + R, D), unit length
    return Score("scored", float(min(1.0, max(0.0, (vectors[1:] @ vectors[0]).max()))))
