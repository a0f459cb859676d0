"""The models that clients may name, and what a name means here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.api.errors import ApiError
from assistant.arms import BASE, RAG, Arm

if TYPE_CHECKING:
    from assistant.app import App


@dataclass(frozen=True)
class Served:
    """A model as clients see it.

    Args:
        id: what clients call it: the arm's name, with @ and a knowledge base's where it searches only that.
        arm: how it answers.
        base_ids: the knowledge bases that it searches; none for an arm without retrieval.
    """

    id: str
    arm: Arm
    base_ids: tuple[int, ...] = ()


def chat_models(app: "App") -> list[Served]:
    """What chat and completions serve: the four kinds of arms, then those that search one knowledge base."""
    bases = app.bases()
    everything = tuple(base.id for base in bases)
    arms = [BASE, RAG]
    for adapter in app.adapters():
        arms += [Arm(retrieval=False, adapter=adapter), Arm(retrieval=True, adapter=adapter)]
    whole = [Served(arm.name, arm, everything if arm.retrieval else ()) for arm in arms]
    searching = [arm for arm in arms if arm.retrieval]
    return whole + [Served(f"{a.name}@{base.name}", a, (base.id,)) for base in bases for a in searching]


def embedder_names(app: "App") -> list[str]:
    """What embeddings serve: the settings' embedder and those of the knowledge bases."""
    names = [app.settings.models.embedding, *(base.embedder for base in app.bases())]
    return list(dict.fromkeys(names))


def reranker_names(app: "App") -> list[str]:
    """What reranking serves: the settings' reranker, if they choose one."""
    return [app.settings.models.reranker] if app.settings.models.reranker else []


def find(app: "App", name: str) -> Served:
    """Return what is meant by a model's name.

    Raises:
        ApiError: there is none of this name; the message lists those there are.
    """
    # The two that there always are need no look at adapters, which is files to read for every request.
    if name == BASE.name:
        return Served(name, BASE)
    if name == RAG.name:
        return Served(name, RAG, tuple(base.id for base in app.bases()))
    models = {model.id: model for model in chat_models(app)}
    if name not in models:
        raise unknown(name, list(models))
    return models[name]


def unknown(name: str, names: Sequence[str]) -> ApiError:
    """The error for a model that there is not."""
    return ApiError(
        "api_model_unknown",
        status=404,
        field="model",
        name="model_not_found",
        model=name[:200],
        names=", ".join(names),
    )
