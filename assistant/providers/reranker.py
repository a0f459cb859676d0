"""A reranker on a server that has `/v1/rerank`, as vLLM, Jina, Cohere and llama.cpp have it."""

import math
from collections.abc import Sequence

from assistant.providers.speech import Speaker

_BATCH = 32
"""As many as Text Embeddings Inference takes unless it is told otherwise."""


class ServedReranker:
    """Reads query and passage together; see `knowledge.searching.Reranker`.

    Args:
        model: what the server calls it.
    """

    def __init__(self, speaker: Speaker, model: str) -> None:
        self._speaker = speaker
        self._model = model

    def rank(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return a score for each text, 0 to 1, higher is better.

        Most servers answer so already; a server that answers logits, as llama.cpp does, is told by a score outside
        of 0..1, and all its scores then go through a sigmoid.

        Raises:
            ProviderError: the server cannot be asked.
        """
        scores: list[float] = []
        for first in range(0, len(texts), _BATCH):
            scores += self._speaker.rerank(self._model, query, texts[first : first + _BATCH])
        if any(not 0 <= score <= 1 for score in scores):
            return [1 / (1 + math.exp(-max(min(score, 60.0), -60.0))) for score in scores]
        return scores
