"""The application as an experiment asks it: through `App`, with everything that shapes answers written down."""

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.arms import Answer, Failed, Finished, Retrieved, to_json
from assistant.compare.cells import looks_up_itself
from assistant.compare.questions import Question
from assistant.compare.records import Plan
from assistant.compare.scoring import Score
from assistant.compare.similarity import other_embedder, similarity
from assistant.messages import Language
from assistant.settings import GenerationSettings
from knowledge.documents import Retrieval

if TYPE_CHECKING:
    from assistant.app import App
    from knowledge.embeddings import Embedder


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
        self._choosing = threading.Lock()
        self._others: dict[str, Embedder | None] = {}
        self._read: dict[tuple[str, str], Retrieval] = {}
        chosen = app.settings.generation
        if self._sampling is None and chosen != GenerationSettings():
            # Limits as the user has set them, but drawn greedily: the same question has one answer.
            self._sampling = replace(chosen.sampling(), temperature=0.0)

    def identity(self, arms: Sequence[str]) -> dict[str, Any]:
        """Models, adapters, files and settings that shape answers."""
        app = self._app
        model, revision = app.loaded.chat_identity()
        adapters = sorted({name for arm in arms if (name := app.arm(arm).adapter) is not None})
        return {
            "model": model,
            "model_revision": revision,
            "adapters": {name: adapter_digest(app.settings.adapters_dir / name) for name in adapters},
            **self._indexed(self._base_ids),
            "own": self._own(arms),
            "retrieval": app.settings.retrieval.model_dump(mode="json"),
            "reader_profile": app.settings.models.reader_profile,
            "reranker": app.settings.models.reranker,
            "top_k": self._plan.top_k,
            "sampling": to_json(self._sampling),
        }

    def _indexed(self, base_ids: Sequence[int]) -> dict[str, Any]:
        """Bases as they are cut and embedded now, and their files."""
        app = self._app
        bases = [app.base(base_id) for base_id in base_ids]
        return {
            # A base that is cut anew gets another version, however many chunks come of it.
            "bases": {
                base.name: {
                    "embedder": base.embedder,
                    "chunks": base.chunks,
                    "version": base.version_id,
                    "edits": app.knowledge.edits_identity(base.id),
                    "splitter": asdict(base.splitter),
                }
                for base in bases
            },
            "sources": {
                source.name: source.sha256
                for base in bases
                for source in app.sources(base.id)
                if source.state == "ready"
            },
        }

    def _own(self, arms: Sequence[str]) -> dict[str, Any]:
        """What single arms answer with or search instead of what all share."""
        told: dict[str, Any] = {}
        for name in arms:
            arm = self._app.arm(name)
            own: dict[str, Any] = {"model": arm.model} if arm.model else {}
            if arm.lookup.bases:
                own |= self._indexed(self._app.base_ids(arm.lookup.bases))
            if own:
                told[name] = own
        return told

    def base_ids(self) -> Sequence[int]:
        """Numbers of the plan's bases, and of those that single arms search."""
        own = [name for arm in self._plan.arms for name in self._app.arm(arm).lookup.bases]
        return list(dict.fromkeys([*self._base_ids, *(self._app.base_ids(own) if own else ())]))

    def about_adapters(self, arms: Sequence[str], questions: Sequence[Question]) -> dict[str, Any]:
        """What is known of the arms' adapters."""
        from assistant.compare.adapter_facts import adapter_facts
        from assistant.training.installation import runs_dir

        settings = self._app.settings
        names = sorted({name for arm in arms if (name := self._app.arm(arm).adapter) is not None})
        return {
            name: adapter_facts(
                name, questions, adapters_dir=settings.adapters_dir, runs_dir=runs_dir(settings)
            )
            for name in names
        }

    def similarity(self, question: Question, text: str) -> Score:
        """By an embedder that none of the plan's bases uses."""
        with self._choosing:
            if question.language not in self._others:
                used = {self._app.base(base_id).embedder for base_id in self._base_ids}
                self._others[question.language] = other_embedder(self._app.loaded, used, question.language)
        return similarity(self._others[question.language], question, text)

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
            if isinstance(event, Retrieved) and looks_up_itself(arm):
                self._read[question, arm] = event.retrieval
            if isinstance(event, Failed):
                raise event.error
            if isinstance(event, Finished):
                return event.answer
        raise AssertionError("an arm ends with an answer or a failure")

    def read(self, question: str, arm: str) -> Retrieval | None:
        """What an arm with a look-up of its own has just read; told once."""
        return self._read.pop((question, arm), None)


def adapter_digest(folder: Path) -> str | None:
    """SHA-256 of an adapter's weights; None where the folder has none."""
    weights = folder / "adapter_model.safetensors"
    if not weights.is_file():
        return None
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
