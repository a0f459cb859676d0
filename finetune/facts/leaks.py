"""Training questions held against test questions: the same words, nearly the same (MinHash), or the same meaning."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from finetune.errors import DatasetError
from finetune.near_duplicates import find_overlap, normalise

Embed = Callable[[Sequence[str]], np.ndarray]
"""Texts -> vectors of length one, float32 (N, D)."""
Leak = Literal["exact", "like", "meaning"]


def read_questions(path: Path) -> list[str]:
    """Return the questions of a test file: JSON Lines with the key `question`.

    Raises:
        DatasetError: it cannot be read, or a line is no question.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as err:
        raise DatasetError("data_unreadable", name=path.name, reason=err.strerror or str(err)) from err
    questions = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            question = json.loads(line)["question"]
        except (json.JSONDecodeError, KeyError, TypeError) as err:
            raise DatasetError("build_test_file", name=path.name, line=number, reason=str(err)) from err
        questions.append(str(question))
    return questions


@dataclass(slots=True)
class LeakCheck:
    """One set of test questions.

    Args:
        test: what the set is called.
        like, meaning: 0..1; similarity from which a question counts as leaked.
        embed: None leaves meaning out, as where the embedder does not know the language.
    """

    test: str
    questions: list[str]
    like: float
    meaning: float
    embed: Embed | None = None
    _normal: list[str] = field(init=False)
    _vectors: np.ndarray | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._normal = [normalise(question) for question in self.questions]

    def by_words(self, texts: Sequence[str]) -> dict[int, Leak]:
        """Return which of `texts` have the words of a test question, or nearly."""
        overlaps = find_overlap([normalise(text) for text in texts], self._normal, threshold=self.like)
        return {overlap.index: "exact" if overlap.share == 1.0 else "like" for overlap in overlaps}

    def nearest(self, texts: Sequence[str]) -> np.ndarray | None:
        """Return how near each text comes to a test question in meaning, (N,), 0..1; None without an embedder."""
        if self.embed is None or not self.questions or not texts:
            return None
        if self._vectors is None:
            self._vectors = self.embed(self.questions)
        return np.asarray((self.embed(texts) @ self._vectors.T).max(axis=1).clip(0.0, 1.0))
