"""What can go wrong in this package.

FinetuneError
├── DatasetError             rows cannot be read, or not enough of them can be trained on
├── ModelUnavailableError    a model cannot be found, fetched, verified or loaded
├── TrainingError            a run cannot be started, or ended before its time
│   └── InsufficientMemoryError   it does not fit, however small the batch
└── AdapterError             an adapter is unknown, not whole, or does not fit
"""

from collections.abc import Sequence
from typing import Any

from finetune.messages import Language, render


class FinetuneError(Exception):
    """A failed operation, told in one line: what, why, what to do next.

    Args:
        code: a key of `finetune.messages.MESSAGES`.
        params: fill the message's fields.
    """

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params

    def text(self, language: Language = "en") -> str:
        """Return the message in `language`."""
        return render(self.code, self.params, language)

    def __str__(self) -> str:
        return self.text("en")


class ModelUnavailableError(FinetuneError):
    """A model cannot be found, fetched, verified or loaded."""


class DatasetError(FinetuneError):
    """Rows cannot be read, or not enough of them can be trained on.

    Args:
        findings: `finetune.examples.Finding` of the rows that are the reason, where rows are.
    """

    def __init__(self, code: str, *, findings: Sequence[Any] = (), **params: Any) -> None:
        super().__init__(code, **params)
        self.findings = tuple(findings)


class TrainingError(FinetuneError):
    """A run cannot be started, or ended before its time."""


class InsufficientMemoryError(TrainingError):
    """Training does not fit into memory, however small the batch."""


class AdapterError(FinetuneError):
    """An adapter is unknown, not whole, or does not fit."""
