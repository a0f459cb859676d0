"""GET /openapi.json: the description, made from the same classes that read the requests."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from assistant.api import replies, schemas

_REFERENCE = "#/components/schemas/{model}"
_ERRORS = {
    400: "a field is missing or wrong, or the prompt is too long",
    401: "the token is missing or wrong",
    403: "another site's page asks",
    404: "there is no such model",
    405: "the method is not possible here",
    408: "the body came too slowly",
    413: "the body is too long",
    421: "the Host header names another server",
    429: "too many requests wait, here or at the server that has the model; Retry-After says when to come back",
    500: "a defect",
    503: "the model, its server or the data folder cannot be had",
}
_BODY_ERRORS = frozenset({408, 413})


class _Operation(NamedTuple):
    path: str
    method: str
    name: str
    request: type[BaseModel] | None
    reply: type[BaseModel] | None
    event: type[BaseModel] | None = None  # the data of each event, where the reply may be a stream


_OPERATIONS = [
    _Operation("/v1/models", "get", "listModels", None, replies.ModelList),
    _Operation("/v1/models/{model}", "get", "retrieveModel", None, replies.Model),
    _Operation(
        "/v1/chat/completions",
        "post",
        "createChatCompletion",
        schemas.ChatRequest,
        replies.ChatReply,
        replies.ChatChunk,
    ),
    _Operation(
        "/v1/completions",
        "post",
        "createCompletion",
        schemas.CompletionRequest,
        replies.CompletionReply,
        replies.CompletionReply,
    ),
    _Operation("/v1/embeddings", "post", "createEmbedding", schemas.EmbeddingRequest, replies.EmbeddingReply),
    _Operation("/v1/retrieval", "post", "retrieve", schemas.RetrievalRequest, replies.RetrievalReply),
    _Operation("/v1/rerank", "post", "rerank", schemas.RerankRequest, replies.RerankReply),
    _Operation("/generate", "get", "generateFromAddress", schemas.GenerateRequest, replies.GenerateReply),
    _Operation("/generate", "post", "generate", schemas.GenerateRequest, replies.GenerateReply),
    _Operation("/health", "get", "health", None, replies.Health),
    _Operation("/openapi.json", "get", "describe", None, None),
]


@cache
def description() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    asked = dict.fromkeys(op.request for op in _OPERATIONS if op.request is not None)
    answered: list[type[BaseModel]] = [replies.ErrorReply]
    for op in _OPERATIONS:
        answered += [model for model in (op.reply, op.event) if model is not None]
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(model, "validation") for model in asked]
    wanted += [(model, "serialization") for model in dict.fromkeys(answered)]
    names, shapes = models_json_schema(wanted, ref_template=_REFERENCE)
    paths: dict[str, Any] = {}
    for op in _OPERATIONS:
        operation: dict[str, Any] = {"operationId": op.name, "responses": _responses(op, names)}
        if op.request is not None and op.method == "post":
            schema = names[(op.request, "validation")]
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
        elif op.request is not None:
            operation["parameters"] = _parameters(shapes["$defs"][op.request.__name__])
        elif "{" in op.path:
            operation["parameters"] = [
                {
                    "name": "model",
                    "in": "path",
                    "required": True,
                    "schema": {"type": "string", "minLength": 1},
                }
            ]
        paths.setdefault(op.path, {})[op.method] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tandem",
            "version": _version(),
            "description": "Answers from your own documents. A token is asked for only where one is set.",
        },
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": shapes["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _responses(op: _Operation, names: Mapping[Any, dict[str, Any]]) -> dict[str, Any]:
    def shape(model: type[BaseModel] | None) -> dict[str, Any]:
        return names[(model, "serialization")] if model is not None else {"type": "object"}

    content = {"application/json": {"schema": shape(op.reply)}}
    told = "the answer"
    if op.event is not None:
        data = {"type": "string", "contentMediaType": "application/json", "contentSchema": shape(op.event)}
        ends = {"type": "string", "const": "[DONE]"}
        fails = data | {"contentSchema": shape(replies.ErrorReply)}
        kinds = {"anyOf": [data, ends, fails]}
        event = {"type": "object", "properties": {"data": kinds}, "required": ["data"]}
        content["text/event-stream"] = {"schema": event}
        told = f"the answer; with stream, events whose data is a {op.event.__name__}, then [DONE]"
    found: dict[str, Any] = {"200": {"description": told, "content": content}}
    for status, why in _ERRORS.items():
        if op.method == "post" or status not in _BODY_ERRORS:
            error = {"application/json": {"schema": shape(replies.ErrorReply)}}
            found[str(status)] = {"description": why, "content": error}
    return found


def _parameters(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """A request's fields as parameters of the address; null cannot be written there."""
    found = []
    for name, field in schema["properties"].items():
        kinds = field.get("anyOf", [field])
        known = next(kind for kind in kinds if kind.get("type") != "null")
        required = name in schema.get("required", [])
        found.append({"name": name, "in": "query", "required": required, "schema": known})
    return found


def _version() -> str:
    try:
        return version("tandem-assistant")
    except PackageNotFoundError:
        return "0"
