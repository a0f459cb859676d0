"""The models: which there are, and how far their loading is."""

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from assistant.app.answering import Answering
from assistant.errors import TANDEM_ERRORS, AssistantError
from assistant.locking import DataFolderLock
from assistant.messages import Language
from assistant.providers.config import parse_provider_model
from assistant.settings import Settings, is_set, with_choice

if TYPE_CHECKING:
    from assistant.doctor import Check
    from assistant.models import ModelInfo

logger = logging.getLogger(__name__)

Stage = Literal["starting", "fetching", "loading", "ready", "failed"]


@dataclass(frozen=True)
class Readiness:
    """How far the models are.

    Args:
        stage: "fetching" while a model is downloaded, "loading" while it comes into memory.
        model: the model's name.
        done, total: bytes, while fetching.
        error: why it failed.
    """

    stage: Stage
    model: str = ""
    done: int = 0
    total: int | None = None
    error: Exception | None = None


class Loading(Answering):
    """The models and their loading in the background."""

    def __init__(self, settings: Settings, lock: DataFolderLock) -> None:
        super().__init__(settings, lock)
        self._readiness = Readiness("starting", settings.models.chat)
        self._warming: threading.Thread | None = None

    def models(self) -> "list[ModelInfo]":
        """The models that can be used, with what is on disk."""
        from assistant.models import list_models

        return list_models(self.settings)

    def model_note(self, language: Language) -> str:
        """Which model answers, and what to expect of it."""
        chosen = self.settings.models.chat
        note = next((row.note(language) for row in self.models() if row.name == chosen), "")
        if (asked := parse_provider_model(chosen)) is not None:
            note = self.providers.note(asked.provider, language)
            chosen = asked.model
        colon = "：" if language == "zh" else ": "
        return f"{chosen}{colon}{note}" if note else chosen

    def answer_with(self, name: str) -> None:
        """Let another model answer from now on, here and after the next start.

        Args:
            name: as for the setting `models.chat`; "" goes back to the setting's default.

        Raises:
            AssistantError: the settings say which model answers.
            ProviderError: it names a provider that there is not, or the choice cannot be kept.
        """
        if is_set(self.settings, "chat"):
            raise AssistantError("settings_choose", setting="models.chat")
        self.providers.choose(name)
        self.settings = with_choice(self.settings)
        self.loaded.use(self.settings)
        self._readiness = Readiness("starting", self.settings.models.chat)
        self._warming = None
        self.warm_up()

    def adapters(self) -> list[str]:
        """Names of the adapters that arms may use."""
        return self.loaded.adapters()

    def warm_up(self) -> None:
        """Load the models in the background; `ready` follows it."""
        if self._warming is None or not self._warming.is_alive():
            self._warming = threading.Thread(target=self._warm, name="warm-up", daemon=True)
            self._warming.start()

    def ready(self) -> Readiness:
        """How far the models are."""
        return self._readiness

    def _warm(self) -> None:
        chat, embedding = self.settings.models.chat, self.settings.models.embedding

        def reach(reached: Readiness) -> None:
            if self.settings.models.chat == chat:  # else another was chosen meanwhile, and has its own thread
                self._readiness = reached

        def follow(stage: str, done: int, total: int | None) -> None:
            reach(Readiness("fetching", chat, done, total))

        try:
            reach(Readiness("loading", embedding))
            self.knowledge.embedder(embedding)
            bases = [base.id for base in self.bases() if base.chunks]
            if bases:  # reads word lists and indexes into memory, so that the first user need not wait
                self.search("预热 warm up", base_ids=bases, top_k=1)
            reach(Readiness("loading", chat))
            if (asked := parse_provider_model(chat)) is not None:
                self.providers.models(asked.provider, fresh=True)
            else:
                from finetune.auto_classes import import_auto_classes

                import_auto_classes()  # before the engine's own imports of transformers meet those of a page
                self.loaded.engine(progress=follow)
            reach(Readiness("ready", chat))
        except TANDEM_ERRORS as err:
            reach(Readiness("failed", chat, error=err))
        except Exception as err:
            logger.exception("the models could not be loaded")
            reach(Readiness("failed", chat, error=err))

    def doctor(self) -> "list[Check]":
        """What is there and what is missing."""
        from assistant.doctor import examine

        return list(examine(self.settings, holds_lock=True))
