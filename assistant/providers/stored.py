"""What the page Models keeps in the data folder: servers that were added there, and which models are used.

One small file that only its owner can read, because it may hold keys. It is read anew when it has changed, so
that `tandem providers` and an open page see each other.
"""

import json
import os
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import ValidationError

from assistant.errors import ProviderError
from assistant.providers.config import PREFIX, ProviderSettings

FILE_NAME = "providers.json"

Choice = Literal["chat", "embedding", "reranker", "hub"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
"""What can be chosen on the page; each is a setting of the section `models` too, which goes first."""


@dataclass(frozen=True)
class Stored:
    """The file's content.

    Args:
        chat: name of the model that answers; "" where nobody chose.
        embedding: of the model that embeds new knowledge bases.
        reranker: of the model that orders passages.
        hub: address of a mirror of the Hugging Face hub.
    """

    chat: str = ""
    embedding: str = ""
    reranker: str = ""
    hub: str = ""
    providers: dict[str, ProviderSettings] = field(default_factory=dict)

    def with_provider(self, name: str, provider: ProviderSettings) -> "Stored":
        """The same with one more, or another in its place."""
        return replace(self, providers={**self.providers, name: provider})

    def with_choice(self, what: Choice, name: str) -> "Stored":
        """The same with another choice; "" is none."""
        change: dict[str, Any] = {what: name}
        return replace(self, **change)

    def without(self, name: str) -> "Stored":
        """The same without a provider and what was chosen of it."""
        gone: dict[str, Any] = {
            what: "" for what in CHOICES if getattr(self, what).startswith(f"{PREFIX}{name}/")
        }
        providers = {key: value for key, value in self.providers.items() if key != name}
        return replace(self, providers=providers, **gone)


def read_stored(data_dir: Path) -> Stored:
    """Return what was kept; nothing where there is no file.

    Raises:
        ProviderError: the file cannot be read or is damaged.
    """
    path = data_dir / FILE_NAME
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        providers = {
            str(name): ProviderSettings(**fields) for name, fields in value.get("providers", {}).items()
        }
        chosen = {what: str(value.get(what, "")) for what in CHOICES}
        return Stored(providers=providers, **chosen)
    except FileNotFoundError:
        return Stored()
    except ValidationError as err:
        reason = err.errors(include_input=False)[0]["msg"]
        raise ProviderError("providers_unreadable", file=path, reason=reason) from None
    except (OSError, ValueError, TypeError, AttributeError) as err:
        raise ProviderError("providers_unreadable", file=path, reason=err) from err


def write_stored(data_dir: Path, stored: Stored) -> None:
    """Keep `stored`, whole or not at all, readable by its owner only.

    Raises:
        ProviderError: the folder cannot be written.
    """
    path = data_dir / FILE_NAME
    value: dict[str, Any] = {
        **{str(what): chosen for what in CHOICES if (chosen := getattr(stored, what))},
        "providers": {name: _plain(provider) for name, provider in stored.providers.items()},
    }
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        # Files of mkstemp are their owner's only, from the start.
        number, temporary = tempfile.mkstemp(dir=data_dir, prefix=f".{FILE_NAME}.")
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                json.dump(value, file, ensure_ascii=False, indent=2)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as err:
        raise ProviderError("providers_unwritable", file=path, reason=err.strerror or err) from err


def _plain(provider: ProviderSettings) -> dict[str, Any]:
    fields = provider.model_dump(mode="json", exclude_defaults=True)
    fields["base_url"] = provider.base_url
    if provider.api_key is not None:
        fields["api_key"] = provider.api_key.get_secret_value()
    return fields
