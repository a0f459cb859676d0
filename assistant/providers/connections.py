"""The open connections to providers' servers, and what each said that it has."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from assistant.errors import ProviderError
from assistant.providers.config import ProviderSettings
from assistant.providers.ollama_api import OllamaSpeaker
from assistant.providers.openai_api import OpenAISpeaker
from assistant.providers.speech import ServedModel, Speaker

_FRESH_S = 15.0


@dataclass(frozen=True)
class _Listed:
    at: float
    result: list[ServedModel] | ProviderError


class Connections:
    """One connection a provider, made when it is needed and again when its settings change.

    Args:
        settings_of: a provider's settings as they are now, by its name; may raise.
    """

    def __init__(self, settings_of: Callable[[str], ProviderSettings]) -> None:
        self._settings_of = settings_of
        self._lock = threading.RLock()
        self._speakers: dict[str, tuple[ProviderSettings, Speaker]] = {}
        self._listed: dict[str, _Listed] = {}

    def speaker(self, name: str) -> Speaker:
        """The connection to a provider's server.

        Raises:
            ProviderError: there is no such provider, or a package for it is missing.
        """
        settings = self._settings_of(name)
        with self._lock:
            known = self._speakers.get(name)
            if known is not None and known[0] == settings:
                return known[1]
            self.forget(name)
            speaker = _connect(name, settings)
            self._speakers[name] = (settings, speaker)
            return speaker

    def models(self, name: str, *, fresh: bool) -> list[ServedModel]:
        """What a server has, as it told some seconds ago or tells now; that it was down is kept as long.

        Args:
            fresh: ask now.

        Raises:
            ProviderError: there is no such provider, or it cannot be asked.
        """
        with self._lock:
            listed = self._listed.get(name)
        if fresh or listed is None or time.monotonic() - listed.at > _FRESH_S:
            try:
                result: list[ServedModel] | ProviderError = self.speaker(name).models()
            except ProviderError as err:
                result = err
            listed = _Listed(time.monotonic(), result)
            with self._lock:
                self._listed[name] = listed
        if isinstance(listed.result, ProviderError):
            raise listed.result
        return listed.result

    def forget_models(self, name: str) -> None:
        """Ask for a server's models again when they are needed next."""
        with self._lock:
            self._listed.pop(name, None)

    def forget(self, name: str) -> None:
        """Close a provider's connection and forget what its server has."""
        with self._lock:
            self._listed.pop(name, None)
            known = self._speakers.pop(name, None)
        if known is not None:
            known[1].close()

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            for name in list(self._speakers):
                self.forget(name)


def _connect(name: str, settings: ProviderSettings) -> Speaker:
    if settings.kind == "ollama":
        return OllamaSpeaker(name, settings)
    if settings.kind == "yuan2":
        from assistant.providers.yuan2_api import Yuan2Speaker

        return Yuan2Speaker(name, settings)
    return OpenAISpeaker(name, settings)
