"""A server that speaks OpenAI's API: vLLM, LLaMA-Factory, FastChat, LM Studio, llama.cpp, another Tandem.

Reranking is Cohere's and Jina's `/rerank`, as vLLM, llama.cpp and we have it. Text Embeddings Inference embeds as
OpenAI does, but has words of its own for reranking and for what it serves, and is asked in them where it has no others.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assistant.arms import Sampling
from assistant.errors import ProviderError
from assistant.providers.asking import Hangup, Server, reason_in
from assistant.providers.config import ProviderSettings
from assistant.providers.speech import Ended, Likely, Messages, Said, ServedModel, Speech

_DEFAULT = Sampling()


class OpenAISpeaker:
    """Speaks OpenAI's API, with the fields that vLLM and others have added to it."""

    def __init__(self, name: str, settings: ProviderSettings) -> None:
        self._server = Server(name, settings, protocol="OpenAI")
        self._dimensions = settings.embedding_dimensions

    def models(self) -> list[ServedModel]:
        try:
            told = self._server.get("/models")
        except ProviderError as err:
            if _no_such_path(err) and (only := self._in_tei_s_words()) is not None:
                return [only]
            raise
        rows = told.get("data") if isinstance(told, dict) else None
        if not isinstance(rows, list):
            raise self._server.otherwise("/models has no list of models")
        return [_model(row) for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]

    def chat(self, model: str, messages: Messages, sampling: Sampling, *, hangup: Hangup) -> Iterator[Speech]:
        body = {"model": model, "messages": list(messages), "stream": True, **_drawing(sampling)}
        body["stream_options"] = {"include_usage": True}
        reason, answered_by = "", ""
        usage: Mapping[str, Any] = {}
        lines = self._server.lines("/chat/completions", body, hangup=hangup)
        for data in (_data_of(line) for line in lines):
            if data is None:
                continue
            if data == "[DONE]":
                break
            event = self._parsed(data)
            answered_by = str(event.get("model") or answered_by)
            usage = event.get("usage") or usage
            choice = _first(event.get("choices"))
            # A server that does not stream puts the whole message where others put what is new.
            yield from _said(choice.get("delta") or choice.get("message") or {})
            if sampling.logprobs is not None and (tokens := _likely(choice.get("logprobs"))):
                yield Likely(tokens)
            reason = choice.get("finish_reason") or reason
        if hangup.rung:
            return
        if not reason and not usage:
            raise self._server.broken("it ended without saying so")
        yield _ended(reason, usage, answered_by)

    def embed(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        body: dict[str, Any] = {"model": model, "input": list(texts), "encoding_format": "float"}
        if self._dimensions is not None:
            body["dimensions"] = self._dimensions
        told = self._server.post("/embeddings", body)
        rows = told.get("data") if isinstance(told, dict) else None
        if not isinstance(rows, list) or len(rows) != len(texts):
            raise self._server.otherwise(f"/embeddings has no {len(texts)} vectors")
        try:
            return [list(row["embedding"]) for row in sorted(rows, key=lambda row: row["index"])]
        except (KeyError, TypeError) as err:
            raise self._server.otherwise("/embeddings has no vectors in its rows") from err

    def rerank(self, model: str, query: str, texts: Sequence[str]) -> list[float]:
        body: dict[str, Any] = {"model": model, "query": query, "documents": list(texts), "top_n": len(texts)}
        name = "relevance_score"
        try:
            told = self._server.post("/rerank", body)
            rows = told.get("results") if isinstance(told, dict) else None
        except ProviderError as err:
            if not _no_such_path(err):
                raise
            name, rows = (
                "score",
                self._server.post("/rerank", {"query": query, "texts": list(texts)}, root=True),
            )
        try:
            found = {int(row["index"]): float(row[name]) for row in rows or ()}
            return [found[at] for at in range(len(texts))]
        except (KeyError, TypeError, ValueError) as err:
            raise self._server.otherwise("/rerank has no score for every text") from err

    def close(self) -> None:
        self._server.close()

    def _in_tei_s_words(self) -> ServedModel | None:
        """The one model of a Text Embeddings Inference server; None where it is none."""
        try:
            told = self._server.get("/info", root=True)
        except ProviderError:
            return None
        if not isinstance(told, dict) or not isinstance(told.get("model_id"), str):
            return None
        kinds = told.get("model_type")
        ranks = isinstance(kinds, dict) and "reranker" in kinds
        return ServedModel(told["model_id"], kind="reranker" if ranks else "embedding")

    def _parsed(self, data: str) -> dict[str, Any]:
        try:
            event = json.loads(data)
        except (ValueError, RecursionError) as err:
            raise self._server.otherwise("an event is not JSON") from err
        if not isinstance(event, dict):
            raise self._server.otherwise("an event is not a JSON object")
        if event.get("error") or event.get("object") == "error":
            raise self._server.broken(reason_in(data.encode()) or "an error without a reason")
        return event


def _no_such_path(err: ProviderError) -> bool:
    return err.params.get("status") in (404, 405) or err.code == "provider_speaks_otherwise"


def _drawing(sampling: Sampling) -> dict[str, Any]:
    """How tokens are drawn; what only some servers know is sent only where it changes something."""
    fields: dict[str, Any] = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_new_tokens,
    }
    if sampling.seed is not None:
        fields["seed"] = sampling.seed
    if sampling.stop:
        fields["stop"] = list(sampling.stop)
    for name in ("top_k", "repetition_penalty"):
        if getattr(sampling, name) != getattr(_DEFAULT, name):
            fields[name] = getattr(sampling, name)
    if sampling.logprobs is not None:
        fields["logprobs"] = True
        if sampling.logprobs:
            fields["top_logprobs"] = sampling.logprobs
    if sampling.thinking is not None:
        fields["chat_template_kwargs"] = {"enable_thinking": sampling.thinking}
    return fields


def _data_of(line: str) -> str | None:
    """An event's data; None for comments and other fields. A line of JSON alone is data too."""
    if line.startswith("data:"):
        return line.removeprefix("data:").strip()
    return line if line.startswith("{") else None


def _said(delta: Mapping[str, Any]) -> Iterator[Said]:
    # vLLM and DeepSeek write reasoning_content, newer vLLM and OpenRouter reasoning.
    thoughts = delta.get("reasoning_content") or delta.get("reasoning")
    if isinstance(thoughts, str) and thoughts:
        yield Said(thoughts, thinking=True)
    if isinstance(delta.get("content"), str) and delta["content"]:
        yield Said(delta["content"])


def _likely(told: Any) -> tuple[dict[str, Any], ...]:
    """Tokens with what OpenAI's shape has of each and nothing more; those in another shape are left out."""
    rows = told.get("content") if isinstance(told, dict) else None
    return tuple(
        {**_likelihood(row), "top_logprobs": [_likelihood(top) for top in row.get("top_logprobs") or ()]}
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, dict) and isinstance(row.get("token"), str) and "logprob" in row
    )


def _likelihood(row: Mapping[str, Any]) -> dict[str, Any]:
    given = row.get("bytes")
    return {
        "token": str(row["token"]),
        "logprob": float(row["logprob"]),
        "bytes": given if isinstance(given, list) else None,
    }


def _ended(reason: str, usage: Mapping[str, Any], answered_by: str) -> Ended:
    details = usage.get("prompt_tokens_details") or {}
    return Ended(
        finish_reason="length" if reason == "length" else "stop",
        prompt_tokens=int(usage.get("prompt_tokens") or 0),
        cached_tokens=int(details.get("cached_tokens") or 0),
        completion_tokens=int(usage.get("completion_tokens") or 0),
        model=answered_by,
    )


def _model(row: Mapping[str, Any]) -> ServedModel:
    length = row.get("max_model_len") or row.get("max_context_length")
    parent, kind = row.get("parent"), row.get("kind")
    return ServedModel(
        row["id"],
        parent=parent if isinstance(parent, str) else None,
        context_tokens=length if isinstance(length, int) else None,
        kind=kind if kind in ("chat", "embedding", "reranker") else "",
    )


def _first(choices: Any) -> dict[str, Any]:
    first = choices[0] if isinstance(choices, list) and choices else {}
    return first if isinstance(first, dict) else {}
