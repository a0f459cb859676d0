"""Which models answer, embed and rerank, and which mirror of the hub is asked: chosen on the page, for good.

The model that answers is chosen by `App.answer_with`, which also loads it. What a settings file, a variable or an
argument names goes before every choice.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from assistant.errors import AssistantError
from assistant.providers.config import PREFIX
from assistant.providers.stored import Choice
from assistant.settings import ModelSettings, is_set, with_choice

if TYPE_CHECKING:
    from assistant.app import App
    from knowledge.base import BaseInfo

Work = Literal["embedding", "reranker"]

_QUERY = "How heavy is the pump?"
_TEXTS = ("The pump weighs 12 kilograms.", "Tea is grown on hills.")


@dataclass(frozen=True)
class WorkTried:
    """What a model did with a sentence or two.

    Args:
        took_ms: for the request, once the model was there.
        dimensions: of an embedder's vectors; 0 of a reranker.
        scores: a reranker's, of a passage that answers the question and one that does not.
    """

    took_ms: float
    dimensions: int = 0
    scores: tuple[float, float] | None = None


class ModelChoice:
    """The choices of one App.

    Args:
        app: its settings follow the choices.
    """

    def __init__(self, app: "App") -> None:
        self._app = app

    def is_set(self, what: Choice) -> bool:
        """Whether the settings decide, so that nothing can be chosen."""
        return is_set(self._app.settings, what)

    def chosen(self, what: Choice) -> str:
        """What was chosen; "" where nobody chose."""
        return self._app.providers.chosen_for(what)

    def tried(self, what: Work, name: str) -> WorkTried:
        """Let a model embed or rerank a little.

        Args:
            name: as for the setting `models.embedding` or `models.reranker`.

        Raises:
            ModelUnavailableError, KnowledgeError: it cannot be found, fetched or loaded, or is of another kind.
            ProviderError: its server cannot be asked, or does not do this.
        """
        if what == "embedding":
            embedder = self._app.loaded.embedder(name)
            began = time.perf_counter()
            embedder.embed_query(_QUERY)
            return WorkTried(1000 * (time.perf_counter() - began), dimensions=embedder.dimensions)
        reranker = self._app.loaded.reranker_named(name)
        began = time.perf_counter()
        first, second = reranker.rank(_QUERY, _TEXTS)
        return WorkTried(1000 * (time.perf_counter() - began), scores=(first, second))

    def choose(self, what: Work, name: str) -> None:
        """Use a model from now on, after it has shown that it does its work.

        An embedder is used by knowledge bases that are made later; see `behind` for the others.

        Args:
            name: "" goes back to the setting's default.

        Raises:
            AssistantError: the settings decide.
            ModelUnavailableError, KnowledgeError, ProviderError: as of `tried`, or the choice cannot be kept.
        """
        self._require_open(what)
        if name:
            self.tried(what, name)
        self._keep(what, name)

    def use_hub(self, address: str) -> None:
        """Fetch models from a mirror of the Hugging Face hub from now on; "" goes back to the hub.

        Raises:
            AssistantError: the settings decide, or it is no address.
            ProviderError: the choice cannot be kept.
        """
        self._require_open("hub")
        try:
            hub = ModelSettings(hub=address.strip() or None).hub
        except ValidationError as err:
            reason = err.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
            raise AssistantError("hub_address_wrong", reason=reason) from None
        self._keep("hub", hub or "")

    def remove_server(self, name: str) -> None:
        """Forget a provider, its key, and the choice of its models.

        Raises:
            ProviderError: there is none of this name, or it is in the settings.
        """
        app = self._app
        answers = self.chosen("chat").startswith(f"{PREFIX}{name}/") and not self.is_set("chat")
        app.providers.remove(name)
        if answers:
            app.answer_with("")
        self._follow()

    def behind(self) -> "list[BaseInfo]":
        """Knowledge bases whose passages were embedded by another model than new ones will be."""
        return [base for base in self._app.bases() if base.embedder != self._app.settings.models.embedding]

    def reindex_behind(self) -> int:
        """Begin to embed those bases anew, one after the other in the background; returns how many.

        They answer with their old index until the new one is complete; what is being indexed already is left alone.
        """
        busy = {job.base_id for job in self._app.jobs() if job.state == "running"}
        bases = [base for base in self.behind() if base.id not in busy]
        for base in bases:
            self._app.start_reindex(base.id, embedder=self._app.settings.models.embedding)
        return len(bases)

    def _require_open(self, what: Choice) -> None:
        if self.is_set(what):
            raise AssistantError("settings_choose", setting=f"models.{what}")

    def _keep(self, what: Choice, name: str) -> None:
        self._app.providers.choose(name, what)
        self._follow()

    def _follow(self) -> None:
        self._app.settings = with_choice(self._app.settings)
        self._app.loaded.use(self._app.settings)
        self._app.other_models.use(self._app.settings)
