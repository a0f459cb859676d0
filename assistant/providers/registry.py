"""The providers of one data folder: those of the settings and those added on the page; asked, tested, changed."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from assistant.arms import Sampling
from assistant.errors import ProviderError
from assistant.messages import Language
from assistant.providers.asking import Hangup
from assistant.providers.config import (
    ProviderModel,
    ProviderSettings,
    is_provider_name,
    parse_provider_model,
)
from assistant.providers.connections import Connections
from assistant.providers.ollama_api import OllamaSpeaker
from assistant.providers.speech import Said, ServedModel, Speaker
from assistant.providers.stored import Choice, Stored, read_stored, write_stored
from assistant.settings import Settings

if TYPE_CHECKING:
    from assistant.providers.chat_model import ProviderChatModel
    from assistant.providers.embedder import ServedEmbedder
    from assistant.providers.reranker import ServedReranker

Progress = Callable[[str, int, int | None], None]

_TEST_TOKENS = 8


@dataclass(frozen=True)
class ProviderInfo:
    """A provider as it is set.

    Args:
        configured: set in tandem.toml or the environment, and to be changed there only.
    """

    name: str
    settings: ProviderSettings
    configured: bool


@dataclass(frozen=True)
class Tried:
    """What a server said when it was tried.

    Args:
        latency_ms: how long its list of models took.
        answer: the first words of the model that was tried; None where none was.
        first_word_ms: until they began.
    """

    models: tuple[ServedModel, ...]
    latency_ms: float
    answer: str | None = None
    first_word_ms: float = 0.0


class Providers:
    """Everything that is known of other programs' servers.

    Args:
        settings: their section `providers`, and where the data folder is.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.RLock()
        self._connections = Connections(lambda name: self.get(name).settings)

    def all(self) -> list[ProviderInfo]:
        """Every provider, by name; what the settings say comes before what the page kept.

        Raises:
            ProviderError: the page's file is damaged.
        """
        configured = self._settings.providers
        kept = read_stored(self._settings.data_dir).providers
        return [
            ProviderInfo(name, configured.get(name) or kept[name], name in configured)
            for name in sorted({*configured, *kept})
        ]

    def get(self, name: str) -> ProviderInfo:
        """One provider.

        Raises:
            ProviderError: there is none of this name.
        """
        known = {info.name: info for info in self.all()}
        if name not in known:
            raise ProviderError("provider_unknown", name=name, names=", ".join(known) or "-")
        return known[name]

    def add(self, name: str, base_url: str = "", *, kind: str = "openai", **options: object) -> ProviderInfo:
        """Keep a provider in the data folder, in place of one of its name.

        Args:
            options: further fields of `ProviderSettings`; those that are None are left out.

        Raises:
            ProviderError: name, address or options are wrong, the settings have one of this name, or it cannot
                be kept.
        """
        name = name.strip()
        if not is_provider_name(name):
            raise ProviderError("provider_name_wrong", name=name[:80])
        if name in self._settings.providers:
            raise ProviderError("provider_configured", provider=name)
        given = {key: value for key, value in options.items() if value is not None}
        try:
            provider = ProviderSettings.model_validate({"kind": kind, "base_url": base_url, **given})
        except ValidationError as err:
            first = err.errors(include_input=False, include_url=False)[0]
            reason = first["msg"].removeprefix("Value error, ").rstrip(".")
            place = ".".join(str(part) for part in first["loc"])
            raise ProviderError(
                "provider_wrong", name=name, reason=f"{place}: {reason}" if place else reason
            ) from None
        with self._lock:
            self._keep(read_stored(self._settings.data_dir).with_provider(name, provider))
            self._connections.forget(name)
        return ProviderInfo(name, provider, configured=False)

    def change(self, name: str, **options: object) -> ProviderInfo:
        """Keep a provider with some of its settings changed.

        Args:
            options: fields of `ProviderSettings`; `api_key=None` forgets the key, which stays where none is given.

        Raises:
            ProviderError: as of `add`, or there is none of this name.
        """
        info = self.get(name)
        if info.configured:
            raise ProviderError("provider_configured", provider=name)
        fields = {**dict(info.settings), **options}
        return self.add(name, **fields)

    def remove(self, name: str) -> None:
        """Forget a provider and its key.

        Raises:
            ProviderError: there is none of this name, or it is in the settings.
        """
        if self.get(name).configured:
            raise ProviderError("provider_configured", provider=name)
        with self._lock:
            self._keep(read_stored(self._settings.data_dir).without(name))
            self._connections.forget(name)

    def note(self, name: str, language: Language) -> str:
        """One line on where a provider's models run, and whether what is asked leaves this machine."""
        info = next((info for info in self.all() if info.name == name), None)
        if info is None:
            return ""
        place = info.settings.base_url
        if language == "zh":
            told = f"由 {name}（{place}）回答"
            return told if info.settings.is_here else f"{told}，问题和检索到的段落会发送到该处"
        told = f"answered by {name} ({place})"
        return told if info.settings.is_here else f"{told}; questions and passages are sent there"

    def models(self, name: str, *, fresh: bool = False) -> list[ServedModel]:
        """What a server has, and what its settings add; asked again after some seconds, also when it was down.

        Args:
            fresh: ask now.

        Raises:
            ProviderError: it cannot be asked, and its settings name no models.
        """
        settings = self.get(name).settings
        named = (*settings.models, *settings.adapters)
        try:
            served = self._connections.models(name, fresh=fresh)
        except ProviderError:
            if fresh or not named:
                raise
            return [ServedModel(model) for model in named]
        known = {model.id for model in served}
        return served + [ServedModel(model) for model in named if model not in known]

    def test(self, name: str, *, model: str | None = None) -> Tried:
        """Ask a server now for its models and, where one is named, for a few words of it.

        Raises:
            ProviderError: it is down, slow, refuses, or speaks something else.
        """
        self.get(name)
        began = time.perf_counter()
        models = tuple(self.models(name, fresh=True))
        latency_ms = 1000 * (time.perf_counter() - began)
        if model is None:
            return Tried(models, latency_ms)
        began = time.perf_counter()
        first_ms, answer = 0.0, ""
        asked = [{"role": "user", "content": "Say hello."}]
        drawing = Sampling(max_new_tokens=_TEST_TOKENS)
        for piece in self.speaker(name).chat(model, asked, drawing, hangup=Hangup()):
            first_ms = first_ms or 1000 * (time.perf_counter() - began)
            if isinstance(piece, Said):
                answer += piece.text
        return Tried(models, latency_ms, answer.strip(), first_ms)

    def pull(self, name: str, model: str, progress: Progress, *, hangup: Hangup) -> None:
        """Let an Ollama server download a model.

        Raises:
            ProviderError: it is no Ollama server, cannot be asked, or cannot get the model.
        """
        speaker = self.speaker(name)
        if not isinstance(speaker, OllamaSpeaker):
            kind = self.get(name).settings.kind
            raise ProviderError("provider_cannot", provider=name, kind=kind, what="pull")
        speaker.pull(model, progress, hangup=hangup)
        self._connections.forget_models(name)

    def chat_model(self, name: str, adapter: str | None = None) -> "ProviderChatModel":
        """Return a model as arms are answered with.

        Args:
            name: `provider:NAME/MODEL`.
            adapter: one of `adapters`: another model on the same server, which answers in its place.

        Raises:
            ProviderError: the name is of another form, or there is no such provider.
        """
        from assistant.providers.chat_model import ProviderChatModel

        asked, info = self._find(name)
        limit = info.settings.context_tokens
        try:
            told = {model.id: model for model in self.models(asked.provider)}.get(adapter or asked.model)
        except ProviderError:
            told = None  # it will be told when it is asked for an answer
        if told is not None and told.context_tokens is not None:
            limit = told.context_tokens
        return ProviderChatModel(
            speaker=self.speaker(asked.provider),
            provider=asked.provider,
            model=adapter or asked.model,
            adapter=adapter,
            limit=limit,
        )

    def adapters(self, name: str) -> list[str]:
        """Models on the same server that are `name` with an adapter: as the server says, or the settings do.

        Raises:
            ProviderError: the name is of another form, or there is no such provider.
        """
        asked, info = self._find(name)
        try:
            served = self.models(asked.provider)
        except ProviderError:
            served = []
        told = [model.id for model in served if model.parent == asked.model]
        return list(dict.fromkeys((*told, *info.settings.adapters)))

    def embedder(self, name: str) -> "ServedEmbedder":
        """Return an embedding model; asks the server once, for its dimensions.

        Raises:
            ProviderError: the name is of another form, or the server cannot be asked.
        """
        from assistant.providers.embedder import ServedEmbedder

        asked, _ = self._find(name)
        return ServedEmbedder(
            asked.model,
            speaker=lambda: self.speaker(asked.provider),
            settings=lambda: self.get(asked.provider).settings,
        )

    def reranker(self, name: str) -> "ServedReranker":
        """Return a model that orders passages.

        Raises:
            ProviderError: the name is of another form, or there is no such provider.
        """
        from assistant.providers.reranker import ServedReranker

        asked, _ = self._find(name)
        return ServedReranker(self.speaker(asked.provider), asked.model)

    def speaker(self, name: str) -> Speaker:
        """The connection to a provider's server, made once and again when its settings change.

        Raises:
            ProviderError: there is no such provider, or a package for it is missing.
        """
        return self._connections.speaker(name)

    def tells_likelihoods(self, name: str) -> bool:
        """Whether a model can tell how likely its tokens were; every one of this machine can."""
        asked = parse_provider_model(name)
        return asked is None or self.get(asked.provider).settings.kind == "openai"

    def chosen_for(self, what: Choice) -> str:
        """What the page has chosen; "" where it chose nothing."""
        return str(getattr(read_stored(self._settings.data_dir), what))

    def choose(self, name: str, what: Choice = "chat") -> None:
        """Keep which model does this from now on; "" goes back to the settings' own.

        Raises:
            ProviderError: it names a provider that there is not, or it cannot be kept.
        """
        if name.startswith("provider:"):
            self._find(name)
        with self._lock:
            self._keep(read_stored(self._settings.data_dir).with_choice(what, name))

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def _find(self, name: str) -> tuple[ProviderModel, ProviderInfo]:
        asked = parse_provider_model(name)
        if asked is None:
            raise ProviderError("provider_model_wrong", name=name)
        return asked, self.get(asked.provider)

    def _keep(self, stored: Stored) -> None:
        write_stored(self._settings.data_dir, stored)
