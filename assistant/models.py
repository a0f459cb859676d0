"""The models in use: which there are, which are on disk, and each loaded once.

Joins `finetune.models` (where a model comes from) with what needs one: the engine, the embedders of the
knowledge bases, the reranker. Loading happens under a lock per model, from whichever thread asks first.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assistant.errors import ProviderError
from assistant.messages import Language
from assistant.providers.config import parse_provider_model
from assistant.servable import why_not_served
from assistant.settings import Settings

if TYPE_CHECKING:
    from assistant.chat_model import AnsweringModel
    from assistant.engine import Engine
    from assistant.providers.registry import Providers
    from finetune.models import ModelFolder
    from knowledge.embeddings import Embedder

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class ModelInfo:
    """A model that can be asked for by name.

    Args:
        kind: "chat", "embedding" or "reranker".
        present: whether it is on disk.
        size_bytes: of the weights; 0 when not known.
        languages: codes such as "en"; "*" for many.
        active: whether the settings choose it.
        note_en, note_zh: what to expect of it.
    """

    name: str
    kind: str
    present: bool
    size_bytes: int
    languages: tuple[str, ...]
    active: bool
    note_en: str = ""
    note_zh: str = ""

    def note(self, language: Language) -> str:
        """What to expect of it, in `language`."""
        return self.note_zh if language == "zh" else self.note_en


def list_models(settings: Settings) -> list[ModelInfo]:
    """The catalogue, with what is on disk and in use; then what else was fetched, or is named in the settings."""
    from finetune.catalogue import CATALOGUE
    from finetune.model_names import parse_name
    from finetune.models import present, recorded

    chosen = {settings.models.chat, settings.models.embedding, settings.models.reranker}
    rows = [
        ModelInfo(
            name=entry.name,
            kind=entry.kind,
            present=present(entry.name, models_dir=settings.models_dir),
            size_bytes=entry.size_bytes,
            languages=tuple(sorted(entry.languages)),
            active=entry.name in chosen,
            note_en=entry.note["en"],
            note_zh=entry.note["zh"],
        )
        for entry in CATALOGUE
    ]
    known = {row.name for row in rows}
    keys = {parse_name(name).key for name in known}  # one for all spellings of a name
    for model in recorded(settings.models_dir):
        if parse_name(model.name).key not in keys:
            known.add(model.name)
            active = model.name in chosen
            rows.append(ModelInfo(model.name, model.kind, True, model.size_bytes, (), active))
    for name, kind in (
        (settings.models.chat, "chat"),
        (settings.models.embedding, "embedding"),
        (settings.models.reranker, "reranker"),
    ):
        if name and name not in known:
            on_disk = parse_provider_model(name) is not None or present(name, models_dir=settings.models_dir)
            rows.append(ModelInfo(name, kind, on_disk, 0, ("*",), active=True))
    return rows


def fetch(name: str, settings: Settings, *, progress: Progress | None = None) -> "ModelFolder":
    """Bring a model to this machine and return its folder; at once when it is there.

    Raises:
        ModelUnavailableError: it cannot be found, fetched or verified.
        ProviderError: it runs on another program's server.
    """
    from finetune.models import resolve

    if parse_provider_model(name) is not None:
        raise ProviderError("provider_model_elsewhere", name=name)
    chosen = settings.models
    return resolve(
        name, models_dir=settings.models_dir, offline=chosen.offline, hub=chosen.hub, progress=progress
    )


def chat_revision(settings: Settings) -> str | None:
    """The revision of the chat model where it is on this machine; nothing is fetched."""
    from finetune.models import present

    name = settings.models.chat
    return fetch(name, settings).revision if present(name, models_dir=settings.models_dir) else None


class Models:
    """Loaded models of one App, and those that it asks elsewhere.

    Args:
        providers: other programs' servers; by default those of the settings.
    """

    def __init__(self, settings: Settings, providers: "Providers | None" = None) -> None:
        from assistant.providers.registry import Providers

        self.settings = settings
        self.providers = providers or Providers(settings)
        self._lock = threading.RLock()
        self._embedders: dict[str, Embedder] = {}
        self._engine: Engine | None = None
        self._engine_name = ""
        self._reranker: tuple[str, Any] | None = None

    @property
    def elsewhere(self) -> bool:
        """Whether another program's server answers, and no engine of ours."""
        return parse_provider_model(self.settings.models.chat) is not None

    def use(self, settings: Settings) -> None:
        """Take over settings with another chat model; what the old one was answering fails.

        Returns at once, also while a model is being loaded: that one is let go when the next is asked for.
        """
        self.settings = settings
        if self._lock.acquire(blocking=False):
            try:
                self._let_go_of_other_engine()
            finally:
                self._lock.release()

    def _let_go_of_other_engine(self) -> None:
        if self._engine is not None and self._engine_name != self.settings.models.chat:
            self._engine.close()
            self._engine = None

    def chat_model(self, adapter: str | None = None) -> "AnsweringModel":
        """The model that answers, with an adapter or without.

        Raises:
            ModelUnavailableError: it cannot be found, fetched or loaded.
            AdapterError: the adapter was changed since it was sealed, or belongs to another model.
            EngineError: the adapter does not fit the model.
            ProviderError: it runs on a server that is not known.
        """
        if self.elsewhere:
            return self.providers.chat_model(self.settings.models.chat, adapter)
        from assistant.chat_model import EngineChatModel

        if adapter is not None:
            self.use_adapter(adapter)
        return EngineChatModel(engine=self.engine(), adapter=adapter)

    def chat_identity(self) -> tuple[str, str]:
        """Name and revision of the model that answers; the revision is "" where a server keeps it to itself."""
        if self.elsewhere:
            return self.settings.models.chat, ""
        engine = self.engine()
        return engine.name, engine.revision

    def embedder(self, name: str) -> "Embedder":
        """The embedder of this name, loaded once.

        Raises:
            ModelUnavailableError: it cannot be found, fetched or loaded.
        """
        from finetune.catalogue import entry_for
        from knowledge.embeddings import load_embedder

        with self._lock:
            if name not in self._embedders and parse_provider_model(name) is not None:
                self._embedders[name] = self.providers.embedder(name)
            if name not in self._embedders:
                folder = fetch(name, self.settings)
                entry = entry_for(name)
                known: dict[str, Any] = {}
                if entry is not None:
                    known = {
                        "languages": entry.languages,
                        "query_prompt": entry.query_prompt,
                        "document_prompt": entry.document_prompt,
                    }
                self._embedders[name] = load_embedder(
                    folder.path, name=name, device=self.settings.models.device, **known
                )
            return self._embedders[name]

    def engine(self, *, progress: Progress | None = None) -> "Engine":
        """The engine over the chat model, built once.

        Raises:
            ModelUnavailableError: the model cannot be found, fetched or loaded.
        """
        from assistant.engine import Engine
        from finetune.models import load_model

        with self._lock:
            self._let_go_of_other_engine()
            if self._engine is None:
                chosen = self.settings.models
                folder = fetch(chosen.chat, self.settings, progress=progress)
                loaded = load_model(folder, device=chosen.device, dtype=chosen.dtype)
                self._engine = Engine(
                    loaded.model, loaded.tokenizer, name=folder.name, revision=folder.revision
                )
                self._engine_name = chosen.chat
            return self._engine

    def adapters(self) -> list[str]:
        """Names of the adapters that can answer: a server's own; here those loaded, and those on disk that fit."""
        if self.elsewhere:
            return self.providers.adapters(self.settings.models.chat)
        from finetune.adapters import list_adapters

        found = list_adapters(self.settings.adapters_dir)
        revision = chat_revision(self.settings) if found else None
        on_disk = {info.name for info in found if why_not_served(info, self.settings, revision) is None}
        engine = self._engine
        return sorted(on_disk.union(engine.adapters if engine is not None else ()))

    def use_adapter(self, name: str) -> None:
        """Load a complete adapter into the engine, unless it is there; unknown names are the engine's to tell.

        Raises:
            AdapterError: it was changed since it was sealed, or belongs to another model.
            EngineError: it does not fit the model.
        """
        from finetune.adapters import list_adapters, verified

        engine = self.engine()
        with self._lock:
            on_disk = {info.name for info in list_adapters(self.settings.adapters_dir)}
            if name not in engine.adapters and name in on_disk:
                base = fetch(self.settings.models.chat, self.settings)
                engine.load_adapter(name, verified(self.settings.adapters_dir, name, base=base))

    def adapter_sha256(self, name: str) -> str | None:
        """The SHA-256 of an adapter's weights, as sealed; None where a server keeps it to itself."""
        from finetune.adapters import list_adapters

        found = next((info for info in list_adapters(self.settings.adapters_dir) if info.name == name), None)
        files = {} if found is None else found.record.get("files", {})
        digest = files.get("adapter_model.safetensors", {}).get("sha256")
        return None if digest is None else str(digest)

    def forget_adapter(self, name: str) -> None:
        """Let go of an adapter that is renamed or deleted; unknown names are ignored."""
        with self._lock:
            if self._engine is not None:
                self._engine.unload_adapter(name)

    def reranker(self) -> Any:
        """The reranker that the settings choose, loaded once; None when they choose none."""
        name = self.settings.models.reranker
        return None if name is None else self.reranker_named(name)

    def reranker_named(self, name: str) -> Any:
        """A reranker; of this machine's only the latest is kept in memory.

        Raises:
            ModelUnavailableError, KnowledgeError: it cannot be found, fetched or loaded, or is none.
            ProviderError: it runs on a server that is not known.
        """
        if parse_provider_model(name) is not None:
            return self.providers.reranker(name)
        from knowledge.reranker import CrossEncoderReranker

        with self._lock:
            if self._reranker is None or self._reranker[0] != name:
                folder = fetch(name, self.settings).path
                self._reranker = name, CrossEncoderReranker(folder, device=self.settings.models.device)
            return self._reranker[1]

    def close(self) -> None:
        """End the engine's thread."""
        with self._lock:
            if self._engine is not None:
                self._engine.close()
                self._engine = None
            self.providers.close()
