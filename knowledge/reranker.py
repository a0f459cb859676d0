"""A cross-encoder from a folder that orders passages anew: slower and better than both legs."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from knowledge.errors import KnowledgeError

logger = logging.getLogger(__name__)


class CrossEncoderReranker:
    """Reads query and passage together.

    Args:
        folder: a sentence-transformers cross-encoder, or any sequence classifier with one label; safetensors.
        device: a torch device; CUDA when there is one, else the CPU.
        batch_size: pairs scored together.

    Raises:
        KnowledgeError: the folder holds no such model, or has no safetensors weights.
    """

    def __init__(self, folder: Path, *, device: str | None = None, batch_size: int = 16) -> None:
        folder = Path(folder)
        if not any(folder.glob("*.safetensors")):
            raise KnowledgeError("reranker_wrong", folder=str(folder), reason="no_safetensors")
        from sentence_transformers import CrossEncoder

        try:
            self._model: Any = CrossEncoder(
                str(folder),
                device=device,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
        except (OSError, ValueError, RuntimeError) as err:
            logger.warning("reranker %s: %s", folder, err)
            raise KnowledgeError("reranker_wrong", folder=str(folder), reason=type(err).__name__) from err
        if self._model.num_labels != 1:
            labels = self._model.num_labels
            raise KnowledgeError("reranker_wrong", folder=str(folder), reason="many_labels", labels=labels)
        self._batch_size = batch_size

    def rank(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return a score for each text, 0 to 1, higher is better."""
        if not texts:
            return []
        import torch

        logits = self._model.predict(
            [(query, text) for text in texts],
            batch_size=self._batch_size,
            activation_fn=torch.nn.Sigmoid(),  # whatever the folder says: scores are 0 to 1 here
            show_progress_bar=False,
        )
        return [float(score) for score in np.asarray(logits, np.float64).reshape(-1)]
