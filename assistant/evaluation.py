"""Retrieval measured with the settings' embedder and reranker, as rows for a table."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assistant.models import Models
from assistant.settings import Settings
from knowledge.evaluate import evaluate_folder
from knowledge.searching import Mode

MODES: tuple[Mode, ...] = ("hybrid", "dense", "lexical")


def evaluate_retrieval(
    folder: Path, settings: Settings, *, split: str | None, mode: str, progress: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Measure each way to search on a folder in BEIR's layout.

    Args:
        split: which judgements; None takes "test", else the only ones.
        mode: one of `MODES`, or "all".
        progress: told what is done next.

    Returns:
        A row for each mode: mode, k, queries, documents, recall, mrr, ndcg.

    Raises:
        KnowledgeError: the folder is not of this layout.
    """
    modes = tuple(one for one in MODES if mode in (one, "all"))
    models = Models(settings)
    try:
        progress(f"{folder}: {', '.join(modes)} ...")
        found = evaluate_folder(
            folder,
            embedder=models.embedder(settings.models.embedding),
            modes=modes,
            split=split,
            reranker=models.reranker(),
        )
    finally:
        models.close()
    return [{"mode": one, **asdict(result)} for one, result in found.items()]
