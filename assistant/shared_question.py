"""What all arms of one question are told of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from langchain_core.language_models import BaseChatModel

from assistant.arms import Sampling, Turn
from assistant.chat_model import AnsweringModel
from assistant.compare.machine import PeakMemory
from assistant.context import ContextProfile, profile_for
from assistant.messages import Language
from knowledge.documents import Passage

if TYPE_CHECKING:
    from knowledge.embeddings import Embedder


@dataclass(frozen=True)
class Question:
    """Everything the arms of one question share.

    Args:
        earlier: passages that the previous answer cited.
        embedder: None where it does not know the question's language.
        began: by `time.perf_counter`, what clocks count from.
        memory: read at the end of each answer; counts from the question's beginning.

    The others are as for `assistant.ask.ask`.
    """

    text: str
    history: tuple[Turn, ...]
    earlier: tuple[Passage, ...]
    language: Language
    sampling: Sampling | None
    profile: ContextProfile | None
    refuse_below: float
    embedder: "Embedder | None"
    context_tokens: int | None
    adapter_sha256: Callable[[str], str | None]
    instructions: str = ""
    plain: bool = False
    memory: PeakMemory = field(default_factory=PeakMemory)
    began: float = field(default_factory=time.perf_counter)


def profile_of(shared: Question, model: BaseChatModel) -> ContextProfile:
    """What was asked for, else what suits the model's size."""
    if shared.profile is not None:
        return shared.profile
    if not isinstance(model, AnsweringModel):
        return profile_for(None)
    return profile_for(model.parameters, reads=model.reads, language=shared.language)
