"""Every message this package can give a person, in English and Chinese, by code.

A message says what, why, and what to do next, on one line.
"""

from typing import Any, Literal

from finetune.data_messages import DATA_MESSAGES
from finetune.facts.messages import FACT_MESSAGES
from finetune.model_messages import MODEL_MESSAGES
from finetune.training_messages import TRAINING_MESSAGES

Language = Literal["en", "zh"]

MESSAGES: dict[str, dict[Language, str]] = {
    **DATA_MESSAGES,
    **FACT_MESSAGES,
    **MODEL_MESSAGES,
    **TRAINING_MESSAGES,
}


def render(code: str, params: dict[str, Any], language: Language = "en") -> str:
    """Return the message for `code` in `language`, its fields filled from `params`."""
    return MESSAGES[code][language].format(**params)
