"""The adapters of this installation: which there are, whether they can answer here, and what can be done with them."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.models import chat_revision
from assistant.servable import why_not_served
from assistant.settings import Settings
from assistant.training.installation import export_merged, import_adapter

if TYPE_CHECKING:
    from finetune.adapters import AdapterInfo
    from finetune.checks import Gate
    from finetune.export import Merged


class AdapterShelf:
    """The adapters under one folder.

    Args:
        forget: called with the name of an adapter that is renamed or deleted, so that nothing answers with it any
            more.
    """

    def __init__(self, settings: Settings, *, forget: Callable[[str], None] = lambda name: None) -> None:
        self.settings = settings
        self._forget = forget

    def all(self) -> "list[tuple[AdapterInfo, Exception | None]]":
        """Adapters, newest first, each with the reason why it cannot answer here, or None."""
        from finetune.adapters import list_adapters

        revision = chat_revision(self.settings)
        found = list_adapters(self.settings.adapters_dir)
        return [(info, why_not_served(info, self.settings, revision)) for info in found]

    def rename(self, name: str, new: str) -> None:
        """Give an adapter another name.

        Raises:
            AdapterError: the new name is taken or unusable.
        """
        from finetune.adapters import rename

        rename(self.settings.adapters_dir, name, new)
        self._forget(name)

    def delete(self, name: str) -> None:
        """Remove an adapter."""
        from finetune.adapters import delete

        delete(self.settings.adapters_dir, name)
        self._forget(name)

    def note(self, name: str, notes: str) -> None:
        """Keep what people write about an adapter."""
        from finetune.adapters import set_notes

        set_notes(self.settings.adapters_dir, name, notes)

    def take_in(self, folder: Path, name: str) -> "tuple[AdapterInfo | None, list[Gate]]":
        """Take in an adapter folder from elsewhere after the same checks as our own; see `import_adapter`."""
        return import_adapter(folder, name, self.settings)

    def export(self, name: str, target: Path) -> Path:
        """Copy an adapter's PEFT folder.

        Raises:
            AdapterError: `target` holds something, or the adapter is damaged.
        """
        from finetune.export import export_adapter

        return export_adapter(self.settings.adapters_dir, name, target)

    def export_merged(self, name: str, target: Path) -> "Merged":
        """Merge an adapter into its base and write a model folder with an Ollama Modelfile.

        Raises:
            FinetuneError: as `finetune.export.export_merged`.
        """
        return export_merged(name, target, self.settings)
