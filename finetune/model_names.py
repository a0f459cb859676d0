"""What a model's name says: which source, and what to ask it for.

A name says by itself where a model comes from, whatever lies on the disk:

    ./folder  ../folder  /folder  ~/folder  C:\\folder  folder:NAME   a local folder, or a GGUF file in one
    hf:org/name  org/name  org/name@revision                          the Hugging Face hub or its mirror
    modelscope:org/name                                               ModelScope
    anything else                                                     a short name of the catalogue

A catalogue entry that a Python package carries comes from that package, one that is made from another is made here,
any other comes from the hub.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from finetune.catalogue import CatalogueEntry, entry_for
from finetune.errors import ModelUnavailableError
from finetune.folders import Source

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?")


@dataclass(frozen=True, slots=True)
class ModelName:
    """A name taken apart: which source, and what to ask it for."""

    source: Source
    target: str
    revision: str | None = None
    entry: CatalogueEntry | None = None

    @property
    def key(self) -> str:
        """A folder name for the model's record or files: one for all spellings of its name."""
        if self.source == "package" and self.entry is not None:
            return self.entry.name
        full = f"{self.source}:{self.target}@{self.revision or ''}"
        if self.source == "folder":
            full = str(Path(self.target).expanduser().resolve())
        plain = re.sub(r"[^A-Za-z0-9._-]+", "--", self.target).strip(".-")[-80:]
        # Signs were replaced, so the digest keeps two names apart.
        return f"{plain}-{hashlib.sha256(full.encode()).hexdigest()[:8]}"


def parse_name(name: str) -> ModelName:
    """Tell from a model's name alone where it comes from.

    Raises:
        ModelUnavailableError: it has no known form and is not in the catalogue.
    """
    if name.startswith("folder:"):
        return ModelName("folder", name.removeprefix("folder:"))
    if name.startswith((".", "/", "~", "\\")) or re.match(r"[A-Za-z]:[\\/]", name):
        return ModelName("folder", name)
    for prefix, source in (("hf:", "hub"), ("modelscope:", "modelscope"), ("", "hub")):
        rest = name.removeprefix(prefix)
        if name.startswith(prefix) and _HUB_NAME.fullmatch(rest):
            repository, _, revision = rest.partition("@")
            return ModelName(source, repository, revision or None, entry_for(repository))  # type: ignore[arg-type]
    entry = entry_for(name)
    if entry is None:
        raise ModelUnavailableError("model_unknown", name=name)
    ours = entry.package is not None or entry.made_from is not None
    return ModelName("package" if ours else "hub", entry.hub, None, entry)
