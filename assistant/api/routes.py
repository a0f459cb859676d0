"""The API's routes, for any Starlette application: the page's, or one of their own."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.routing import BaseRoute, Route

from assistant.api.chat import Chat
from assistant.api.completions import Completions
from assistant.api.door import Call, Door, Handler
from assistant.api.generate import Generate
from assistant.api.lookup import Lookup
from assistant.api.openapi import description
from assistant.api.served import Served, chat_models, embedder_names, reranker_names, unknown
from assistant.api.slots import Slots
from assistant.settings import ServerSettings

if TYPE_CHECKING:
    from assistant.app import App


def build_routes(
    get_app: Callable[[], "App"], settings: ServerSettings, *, alone: bool = False
) -> list[BaseRoute]:
    """Return the routes.

    Args:
        get_app: the process's one App; called from threads, at every request, so that a failure to open it
            is told and tried again.
        settings: token and limits.
        alone: whether there is no page on this port, so that unknown paths are the API's to tell, all of them.
    """
    slots = Slots(running=settings.running, waiting=settings.waiting)
    chat = Chat(get_app, slots, max_tokens=settings.max_tokens)
    lookup = Lookup(get_app, slots)
    generate = Generate(chat)
    about = About(get_app, slots)
    doors: dict[str, dict[str, Handler]] = {
        "/v1/models": {"GET": about.models},
        "/v1/models/{model:path}": {"GET": about.model},
        "/v1/chat/completions": {"POST": chat},
        "/v1/completions": {"POST": Completions(get_app, slots, max_tokens=settings.max_tokens)},
        "/v1/embeddings": {"POST": lookup.embeddings},
        "/v1/retrieval": {"POST": lookup.retrieval},
        "/v1/rerank": {"POST": lookup.rerank},
        "/generate": {"GET": generate.from_query, "POST": generate.from_body},
        "/health": {"GET": about.health},
        "/openapi.json": {"GET": about.openapi},
        # Without this, the page would answer an unknown path with its own HTML.
        "/{path:path}" if alone else "/v1/{path:path}": {},
    }
    token = settings.token.get_secret_value() if settings.token is not None else None
    body_bytes = settings.max_body_kb << 10
    return [
        _Route(path, Door(handlers, token=token, body_bytes=body_bytes)) for path, handlers in doors.items()
    ]


class _Route(Route):
    """A route whose parameters may hold anything, line breaks too."""

    def __init__(self, path: str, endpoint: Door) -> None:
        super().__init__(path, endpoint)
        self.path_regex = re.compile(self.path_regex.pattern, re.DOTALL)


class About:
    """What there is, and whether it is ready."""

    def __init__(self, get_app: Callable[[], "App"], slots: Slots) -> None:
        self._get_app = get_app
        self._slots = slots

    async def models(self, _: Call) -> dict[str, Any]:
        """All models."""
        return {"object": "list", "data": await self._slots.aside(lambda: _list(self._get_app()))}

    async def model(self, call: Call) -> dict[str, Any]:
        """One model."""
        rows = await self._slots.aside(lambda: _list(self._get_app()))
        name = call.path["model"]
        for row in rows:
            if row["id"] == name:
                return row
        raise unknown(name, [row["id"] for row in rows])

    async def health(self, _: Call) -> dict[str, Any]:
        """How far the models are."""
        ready = await self._slots.aside(lambda: self._get_app().ready())
        failed = ready.stage == "failed"
        return {"status": "failed" if failed else "ok", "stage": ready.stage, "model": ready.model}

    async def openapi(self, _: Call) -> dict[str, Any]:
        """The description."""
        return description()


def _list(app: "App") -> list[dict[str, Any]]:
    created = int(app.settings.data_dir.stat().st_ctime)
    names = [(model.id, "chat", _parent(model)) for model in chat_models(app)]
    names += [(name, "embedding", None) for name in embedder_names(app)]
    names += [(name, "reranker", None) for name in reranker_names(app)]
    return [
        {
            "id": name,
            "object": "model",
            "created": created,
            "owned_by": "tandem",
            "kind": kind,
            "parent": parent,
        }
        for name, kind, parent in names
    ]


def _parent(model: Served) -> str | None:
    """The same arm without its adapter."""
    return (
        model.id.replace(f"sft:{model.arm.adapter}", "").strip("+") or "base" if model.arm.adapter else None
    )
