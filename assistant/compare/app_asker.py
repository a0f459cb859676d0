"""The application as an experiment asks it: through `App`, with everything that shapes answers written down."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.arms import Answer, Failed, Finished, to_json
from assistant.compare.store import Plan
from assistant.messages import Language
from assistant.settings import GenerationSettings
from knowledge.documents import Retrieval

if TYPE_CHECKING:
    from assistant.app import App


class AppAsker:
    """The application as an experiment asks it.

    Args:
        plan: which bases, how many passages, how tokens are drawn.
    """

    def __init__(self, app: "App", plan: Plan) -> None:
        self._app = app
        self._plan = plan
        self._base_ids = app.base_ids(plan.base_names)
        self._sampling = plan.sampling
        chosen = app.settings.generation
        if self._sampling is None and chosen != GenerationSettings():
            # Limits as the user has set them, but drawn greedily: the same question has one answer.
            self._sampling = replace(chosen.sampling(), temperature=0.0)

    def identity(self, arms: Sequence[str]) -> dict[str, Any]:
        """Models, adapters, files and settings that shape answers."""
        app = self._app
        engine = app.loaded.engine()
        bases = [app.base(base_id) for base_id in self._base_ids]
        sources = {
            source.name: source.sha256
            for base in bases
            for source in app.sources(base.id)
            if source.state == "ready"
        }
        adapters = sorted({name for arm in arms if (name := app.arm(arm).adapter) is not None})
        return {
            "model": engine.name,
            "model_revision": engine.revision,
            "adapters": {name: adapter_digest(app.settings.adapters_dir / name) for name in adapters},
            "bases": {base.name: {"embedder": base.embedder, "chunks": base.chunks} for base in bases},
            "sources": sources,
            "retrieval": app.settings.retrieval.model_dump(mode="json"),
            "reader_profile": app.settings.models.reader_profile,
            "reranker": app.settings.models.reranker,
            "top_k": self._plan.top_k,
            "sampling": to_json(self._sampling),
        }

    def search(self, question: str) -> Retrieval:
        """Find passages in the plan's bases."""
        return self._app.search(question, base_ids=self._base_ids, top_k=self._plan.top_k)

    def ask(self, question: str, arm: str, retrieval: Retrieval, language: Language) -> Answer:
        """Answer through `App.ask`, handing it the passages found before."""
        chosen = self._app.arm(arm)
        for event in self._app.ask(
            question,
            arms=[chosen],
            base_ids=self._base_ids,
            sampling=self._sampling,
            language=language,
            retrieve=lambda query: retrieval,
        ):
            if isinstance(event, Failed):
                raise event.error
            if isinstance(event, Finished):
                return event.answer
        raise AssertionError("an arm ends with an answer or a failure")


def adapter_digest(folder: Path) -> str | None:
    """SHA-256 of an adapter's weights; None where the folder has none."""
    weights = folder / "adapter_model.safetensors"
    if not weights.is_file():
        return None
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
