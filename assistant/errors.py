"""What can go wrong in this package, and the three roots that the page and the commands catch.

AssistantError
├── SettingsError       a setting is unknown or out of range
├── DataFolderError     the data folder is locked, full or cannot be written
├── EngineError         the model could not answer
├── ProviderError       another program's server could not be asked, or answered with an error
├── ConversationError   no conversation has this id
├── QuestionSetError    a question set cannot be read or asked
└── ExperimentError     an experiment cannot be run, shown or replayed
"""

from typing import Any

from assistant.messages import Language, render
from finetune.errors import FinetuneError
from knowledge.errors import KnowledgeError


class AssistantError(Exception):
    """A failed operation, told in one line: what, why, what to do next.

    Args:
        code: a key of `assistant.messages.MESSAGES`.
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


class SettingsError(AssistantError):
    """A setting is unknown or out of range."""


class DataFolderError(AssistantError):
    """The data folder is locked, full or cannot be written."""


class EngineError(AssistantError):
    """The model could not answer."""


class ProviderError(AssistantError):
    """Another program's server could not be asked, or answered with an error."""


class ConversationError(AssistantError):
    """No conversation has this id."""


class QuestionSetError(AssistantError):
    """A question set cannot be read or asked."""


class ExperimentError(AssistantError):
    """An experiment cannot be run, shown or replayed."""


TANDEM_ERRORS = (KnowledgeError, FinetuneError, AssistantError)
"""Everything that is told to a person in one line; anything else is a defect and keeps its traceback."""
