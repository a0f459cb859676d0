"""An embedding model on a server, as `knowledge` wants one."""

import hashlib
import logging
import time
from collections.abc import Callable, Sequence

import numpy as np

from assistant.errors import ProviderError
from assistant.providers.config import ProviderSettings
from assistant.providers.speech import Speaker

logger = logging.getLogger(__name__)

_BATCH = 32
"""As many as Text Embeddings Inference takes unless it is told otherwise; others take more."""
_TRIES = 3
_WAIT_S = 1.0
_PASSING = ("provider_down", "provider_slow", "provider_busy", "provider_answer_broken")
_LONGEST_TOKEN = 24


class ServedEmbedder:
    """Vectors of a model that runs elsewhere; see `knowledge.embeddings.Embedder`.

    Prompts and languages are the catalogue's where it knows the model. How many tokens a text has is estimated,
    on the high side, because the model's tokenizer is not here.

    Args:
        model: what the server calls it.
        speaker, settings: the server as it is set when it is asked, which may change while this is in use.

    Raises:
        ProviderError: the server cannot be asked for a first vector.
    """

    def __init__(
        self, model: str, *, speaker: Callable[[], Speaker], settings: Callable[[], ProviderSettings]
    ) -> None:
        from finetune.catalogue import entry_for

        self._speaker = speaker
        self._settings = settings
        self._model = model
        entry = entry_for(model.partition(":")[0])  # Ollama's names have a tag
        self._query_prompt = (entry.query_prompt if entry is not None else None) or ""
        self._document_prompt = (entry.document_prompt if entry is not None else None) or ""
        self.languages = entry.languages if entry is not None else frozenset({"*"})
        self.max_tokens = settings().embedding_tokens
        self.dimensions = len(self._ask(["1"])[0])
        prompts = repr((self._query_prompt, self._document_prompt)).encode()
        self._prompts = hashlib.sha256(prompts).hexdigest()[:8]

    @property
    def identity(self) -> str:
        """What vectors are made with: another address may have another model of the same name."""
        return f"{self._settings().base_url}:{self._model}:{self._prompts}:{self.dimensions}"

    def embed_documents(
        self, texts: Sequence[str], *, progress: Callable[[int, int], None] | None = None
    ) -> np.ndarray:
        """Return (N, D) float32 of unit length."""
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for first in range(0, len(texts), _BATCH):
            part = [self._document_prompt + self._cut(text) for text in texts[first : first + _BATCH]]
            vectors[first : first + len(part)] = self._ask(part)
            if progress is not None:
                progress(first + len(part), len(texts))
        return vectors

    def embed_query(self, text: str) -> np.ndarray:
        """Return (D,) float32 of unit length."""
        return self._ask([self._query_prompt + self._cut(text)])[0]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return about how many tokens each text has."""
        return [_estimate(text) for text in texts]

    def _ask(self, texts: list[str]) -> np.ndarray:
        """(N, D) from the server; asked again after a failure that passes."""
        for attempt in range(1, _TRIES + 1):
            try:
                # A server may refuse a text of nothing; a space says as much.
                told = self._speaker().embed(self._model, [text or " " for text in texts])
                break
            except ProviderError as err:
                if attempt == _TRIES or err.code not in _PASSING:
                    raise
                logger.warning("%s; trying again", err)
                time.sleep(_WAIT_S * attempt)
        try:
            vectors = np.asarray(told, dtype=np.float32)
        except (TypeError, ValueError):
            vectors = np.empty(0, dtype=np.float32)
        lengths = np.linalg.norm(vectors, axis=-1, keepdims=True) if vectors.ndim == 2 else np.zeros(1)
        fits = vectors.ndim == 2 and vectors.shape[1] == getattr(self, "dimensions", vectors.shape[1])
        if not fits or not np.isfinite(lengths).all() or not lengths.all():
            raise ProviderError(
                "provider_failed", provider=self._model, status=200, reason="its vectors are unusable"
            )
        return np.asarray(vectors / lengths, dtype=np.float32)

    def _cut(self, text: str) -> str:
        if _estimate(text) <= self.max_tokens:
            return text
        low, high = 0, min(len(text), self.max_tokens * _LONGEST_TOKEN)
        while low < high:
            middle = (low + high + 1) // 2
            if _estimate(text[:middle]) <= self.max_tokens:
                low = middle
            else:
                high = middle - 1
        logger.warning("a text is longer than the embedder's %d tokens and was cut", self.max_tokens)
        return text[:low]


def _estimate(text: str) -> int:
    """About how many tokens: one for three ASCII characters, one for every other character."""
    plain = sum(character.isascii() for character in text)
    return len(text) - plain + -(-plain // 3)
