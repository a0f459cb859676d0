"""POST /v1/embeddings, /v1/retrieval and /v1/rerank: vectors, passages and their order, without a chat model."""

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from assistant.api.door import Call
from assistant.api.errors import ApiError
from assistant.api.schemas import EmbeddingRequest, RerankRequest, RetrievalRequest
from assistant.api.served import embedder_names, reranker_names, unknown
from assistant.api.slots import Slots
from assistant.arms import to_json

if TYPE_CHECKING:
    from assistant.app import App


class Lookup:
    """The handlers.

    Args:
        get_app: the App, opened when first asked for.
        slots: where embedding and searching run.
    """

    def __init__(self, get_app: Callable[[], "App"], slots: Slots) -> None:
        self._get_app = get_app
        self._slots = slots

    async def embeddings(self, call: Call) -> dict[str, Any]:
        """Embed texts."""
        request = call.read(EmbeddingRequest)
        return await self._slots.call(lambda: _embed(self._get_app(), request))

    async def retrieval(self, call: Call) -> dict[str, Any]:
        """Search."""
        request = call.read(RetrievalRequest)
        return await self._slots.call(lambda: _search(self._get_app(), request))

    async def rerank(self, call: Call) -> dict[str, Any]:
        """Order texts by how well they answer a query."""
        request = call.read(RerankRequest)
        return await self._slots.call(lambda: _rerank(self._get_app(), request))


def _embed(app: "App", request: EmbeddingRequest) -> dict[str, Any]:
    import numpy as np

    names = embedder_names(app)
    if request.model not in names:
        raise unknown(request.model, names)
    embedder = app.knowledge.embedder(request.model)
    if request.dimensions not in (None, embedder.dimensions):
        raise ApiError(
            "api_dimensions_fixed",
            field="dimensions",
            name="invalid_value",
            model=request.model,
            dimensions=embedder.dimensions,
        )
    counts = embedder.count_tokens(request.input)
    for index, tokens in enumerate(counts):
        if tokens > embedder.max_tokens:
            raise ApiError(
                "api_input_too_long",
                field="input",
                name="context_length_exceeded",
                index=index,
                tokens=tokens,
                limit=embedder.max_tokens,
                model=request.model,
            )
    if request.input_type == "query":
        vectors = np.stack([embedder.embed_query(text) for text in request.input])
    else:
        vectors = embedder.embed_documents(request.input)  # (N, D)
    rows = np.asarray(vectors, dtype="<f4")
    if request.encoding_format == "base64":
        values: list[Any] = [base64.b64encode(row.tobytes()).decode("ascii") for row in rows]
    else:
        values = rows.tolist()
    total = sum(counts)
    return {
        "object": "list",
        "model": request.model,
        "data": [{"object": "embedding", "index": at, "embedding": value} for at, value in enumerate(values)],
        "usage": {"prompt_tokens": total, "total_tokens": total},
    }


def _rerank(app: "App", request: RerankRequest) -> dict[str, Any]:
    from assistant.chain import estimate_tokens

    names = reranker_names(app)
    if not names:
        raise ApiError("api_no_reranker", status=404, field="model", name="model_not_found")
    if request.model is not None and request.model not in names:
        raise unknown(request.model, names)
    reranker = app.loaded.reranker_named(names[0])
    texts = [document if isinstance(document, str) else document.text for document in request.documents]
    scores = reranker.rank(request.query, texts)
    best = sorted(range(len(texts)), key=lambda at: -scores[at])[: request.top_n]
    results = [{"index": at, "relevance_score": scores[at]} for at in best]
    if request.return_documents:
        results = [{**row, "document": {"text": texts[at]}} for row, at in zip(results, best, strict=True)]
    total = sum(estimate_tokens(text) for text in texts) + len(texts) * estimate_tokens(request.query)
    return {"object": "list", "model": names[0], "results": results, "usage": {"total_tokens": total}}


def _search(app: "App", request: RetrievalRequest) -> dict[str, Any]:
    known = {base.name: base for base in app.bases()}
    wanted = list(known) if request.knowledge_bases is None else request.knowledge_bases
    for name in wanted:
        if name not in known:
            raise ApiError(
                "api_base_unknown",
                status=404,
                field="knowledge_bases",
                name="knowledge_base_not_found",
                base=name[:200],
                names=", ".join(known) or "-",
            )
    bases = [known[name] for name in dict.fromkeys(wanted)]
    found = app.search(
        request.query,
        base_ids=[base.id for base in bases],
        top_k=request.top_k,
        mode=request.mode,
        score_threshold=float(request.score_threshold),
    )
    names = {base.id: base.name for base in bases}
    passages = [
        {**to_json(passage), "knowledge_base": names.get(passage.base_id, "")} for passage in found.passages
    ]
    return {
        "object": "list",
        "query": request.query,
        "data": passages,
        "generation": found.generation,
        "timings_ms": found.timings_ms,
    }
