"""What an App is made of: each part is built by whoever asks first, and closed with the App."""

import threading
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Self, TypeVar

from assistant.app.uploads import sweep_uploads
from assistant.jobs import Jobs
from assistant.locking import DataFolderLock
from assistant.settings import Settings, load_settings

if TYPE_CHECKING:
    from assistant.compare.votes import Votes
    from assistant.conversations import Conversations
    from assistant.downloads import Downloads
    from assistant.experiments import Laboratory
    from assistant.model_choice import ModelChoice
    from assistant.models import Models
    from assistant.other_models import OtherModels
    from assistant.providers.registry import Providers
    from assistant.training.data_building import DataBuilds
    from assistant.training.workshop import Workshop
    from knowledge.base import Knowledge
    from knowledge.parsing import Limits

Part = TypeVar("Part")


def built_once(build: "Callable[[Any], Part]") -> "Part":
    """A property that is built by whichever thread asks first; `functools.cached_property` has no lock."""
    name = build.__name__

    @wraps(build)
    def get(app: "Parts") -> Part:
        with app._building:
            if name not in app._parts:
                app._parts[name] = build(app)
            return app._parts[name]

    return property(get)  # type: ignore[return-value]


class Parts:
    """The open data folder and the parts over it.

    Args:
        settings: everything that can be set.
        lock: held until `close`.
    """

    def __init__(self, settings: Settings, lock: DataFolderLock) -> None:
        self.settings = settings
        self._lock = lock
        self._building = threading.RLock()
        self._parts: dict[str, Any] = {}

    @classmethod
    def open(cls, settings: Settings | None = None, *, purpose: str = "python") -> Self:
        """Take the data folder and open everything over it.

        Args:
            purpose: told to a second process that wants the same folder.

        Raises:
            SettingsError: the settings are wrong.
            DataFolderError: another process holds the folder, or it cannot be written.
        """
        settings = settings or load_settings()
        return cls(settings, DataFolderLock(settings.data_dir, purpose=purpose))

    def close(self) -> None:
        """Stop jobs, close the stores, let the folder go."""
        with self._building:
            for name in (
                "workshop",
                "experiments",
                "downloads",
                "job_list",
                "other_models",
                "loaded",
                "providers",
                "knowledge",
                "conversations",
                "votes",
            ):
                part = self._parts.pop(name, None)
                if part is not None:
                    part.close()
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def describe(self, purpose: str) -> None:
        """Say what this process does with the folder, such as the page's address."""
        self._lock.describe(purpose)

    @built_once
    def knowledge(self) -> "Knowledge":
        """The knowledge bases."""
        from knowledge.base import Knowledge
        from knowledge.config import KnowledgeConfig

        return Knowledge(
            self.settings.data_dir,
            self.settings.database,
            load_embedder=self.loaded.embedder,
            config=KnowledgeConfig(embedder=self.settings.models.embedding),
            limits=self._limits,
        )

    @built_once
    def loaded(self) -> "Models":
        """The models in memory."""
        from assistant.models import Models

        return Models(self.settings, self.providers)

    @built_once
    def providers(self) -> "Providers":
        """Other programs' servers that have models."""
        from assistant.providers.registry import Providers

        return Providers(self.settings)

    @built_once
    def model_choice(self) -> "ModelChoice":
        """Which models are used, as the page chooses."""
        from assistant.model_choice import ModelChoice

        return ModelChoice(self)  # type: ignore[arg-type]

    @built_once
    def downloads(self) -> "Downloads":
        """Models on their way here."""
        from assistant.downloads import Downloads

        return Downloads()

    @built_once
    def other_models(self) -> "OtherModels":
        """Models that arms name beside the chosen one."""
        from assistant.other_models import OtherModels

        return OtherModels(self.settings, self.loaded.providers)

    @built_once
    def conversations(self) -> "Conversations":
        """Saved conversations."""
        from assistant.conversations import Conversations

        return Conversations(self.settings.database)

    @built_once
    def votes(self) -> "Votes":
        """Votes on answers shown side by side."""
        from assistant.compare.votes import Votes

        return Votes(self.settings.database)

    @built_once
    def workshop(self) -> "Workshop":
        """Datasets, training runs and adapters."""
        from assistant.training.workshop import Workshop

        return Workshop(self.settings, forget_adapter=self.loaded.forget_adapter)

    @built_once
    def data_builds(self) -> "DataBuilds":
        """Training rows made of knowledge bases."""
        from assistant.training.data_building import DataBuilds

        return DataBuilds(self)  # type: ignore[arg-type]

    @built_once
    def experiments(self) -> "Laboratory":
        """Arms compared on sets of questions."""
        from assistant.experiments import Laboratory

        return Laboratory(self)  # type: ignore[arg-type]

    @built_once
    def job_list(self) -> Jobs:
        """Long work in the background."""
        _ = self.knowledge  # its migrations come first
        jobs = Jobs(self.settings.database)
        sweep_uploads(self.settings.uploads_dir, jobs)
        return jobs

    @property
    def _limits(self) -> "Limits":
        from knowledge.parsing import Limits

        parsing = self.settings.parsing
        return Limits(
            seconds=parsing.timeout_s,
            memory_bytes=parsing.memory_mb << 20,
            file_bytes=parsing.max_file_mb << 20,
        )
