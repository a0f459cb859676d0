"""An embedder whose vectors can be read: each word adds one to a bucket. Loads nothing, counts its work."""

from collections.abc import Sequence

import numpy as np

from knowledge.lexical import term_hash
from knowledge.segmenter import terms


class HashingEmbedder:
    """Vectors of word counts in D buckets; texts that share words are near."""

    def __init__(
        self,
        *,
        identity: str = "hashing/1",
        dimensions: int = 64,
        languages: frozenset[str] = frozenset({"*"}),
    ) -> None:
        self.identity = identity
        self.dimensions = dimensions
        self.max_tokens = 256
        self.languages = languages
        self.embedded: list[str] = []

    def embed_documents(self, texts: Sequence[str], *, progress: object = None) -> np.ndarray:
        """(N, D) float32 of unit length."""
        self.embedded += texts
        return np.stack([self.embed_query(text) for text in texts])

    def embed_query(self, text: str) -> np.ndarray:
        """(D,) float32 of unit length."""
        vector = np.full(self.dimensions, 1e-3, np.float32)
        for term in terms(text):
            vector[term_hash(term) % self.dimensions] += 1
        return vector / np.linalg.norm(vector)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Words and Chinese characters, and two special tokens."""
        return [2 + len(terms(text)) for text in texts]
