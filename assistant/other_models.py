"""Models beside the one that the settings choose, for arms that name their own.

A model of this machine gets an engine of its own; few are kept, because each holds a whole model in memory. A
provider's model is asked where it is.
"""

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from assistant.providers.config import parse_provider_model
from assistant.settings import Settings

if TYPE_CHECKING:
    from assistant.chat_model import AnsweringModel
    from assistant.models import Models
    from assistant.providers.registry import Providers

KEPT = 3
"""Models kept beside the chosen one: as many as a comparison of four arms can want."""


class OtherModels:
    """Answers with models that the settings do not choose.

    Args:
        settings: everything but the chat model is taken from them.
        providers: servers of other programs.
    """

    def __init__(self, settings: Settings, providers: "Providers") -> None:
        self._settings = settings
        self._providers = providers
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Models] = OrderedDict()

    def use(self, settings: Settings) -> None:
        """Take over settings, such as another mirror, for models that are opened from now on."""
        self._settings = settings

    def chat_model(self, model: str, adapter: str | None) -> "AnsweringModel":
        """Return a model, loaded on first use, with an adapter or without.

        Raises:
            ModelUnavailableError: it cannot be found, fetched or loaded.
            AdapterError, EngineError: the adapter is not one of this model.
            ProviderError: it runs on a server that is not known.
        """
        if parse_provider_model(model) is not None:
            return self._providers.chat_model(model, adapter)
        return self._models(model).chat_model(adapter)

    def adapters(self, model: str) -> list[str]:
        """Names of the adapters that can answer with a model."""
        if parse_provider_model(model) is not None:
            return self._providers.adapters(model)
        return self._models(model).adapters()

    def close(self) -> None:
        """Let all of them go."""
        with self._lock:
            kept, self._kept = list(self._kept.values()), OrderedDict()
        for models in kept:
            models.close()

    def _models(self, name: str) -> "Models":
        from assistant.models import Models

        dropped = None
        with self._lock:
            if name not in self._kept:
                chosen = self._settings.models.model_copy(update={"chat": name})
                self._kept[name] = Models(self._settings.model_copy(update={"models": chosen}))
                if len(self._kept) > KEPT:
                    _, dropped = self._kept.popitem(last=False)
            self._kept.move_to_end(name)
            models = self._kept[name]
        if dropped is not None:
            dropped.close()
        return models
