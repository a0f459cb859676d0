"""An Ollama server, by its own API, which also lists sizes and pulls models.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from assistant.arms import Sampling
from assistant.errors import ProviderError
from assistant.providers.asking import Hangup, Server
from assistant.providers.config import ProviderSettings
from assistant.providers.speech import Ended, Messages, Said, ServedModel, Speech

_MILLION = 1_000_000  # nanoseconds of a millisecond


class OllamaSpeaker:
    """Speaks Ollama's API."""

    def __init__(self, name: str, settings: ProviderSettings) -> None:
        self._server = Server(name, settings, protocol="Ollama")
        self._settings = settings

    def models(self) -> list[ServedModel]:
        told = self._server.get("/api/tags")
        rows = told.get("models") if isinstance(told, dict) else None
        if not isinstance(rows, list):
            raise self._server.otherwise("/api/tags has no list of models")
        return [_model(row) for row in rows if isinstance(row, dict) and isinstance(row.get("name"), str)]

    def chat(self, model: str, messages: Messages, sampling: Sampling, *, hangup: Hangup) -> Iterator[Speech]:
        options: dict[str, Any] = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
            "num_predict": sampling.max_new_tokens,
            "repeat_penalty": sampling.repetition_penalty,
            # Without it, Ollama reads a few thousand tokens and drops the beginning without a word.
            "num_ctx": self._settings.context_tokens,
        }
        if sampling.seed is not None:
            options["seed"] = sampling.seed
        if sampling.stop:
            options["stop"] = list(sampling.stop)
        body = {"model": model, "messages": list(messages), "stream": True, "options": options}
        if sampling.thinking is not None:
            body["think"] = sampling.thinking
        for event in self._events("/api/chat", body, hangup):
            message = event.get("message")
            message = message if isinstance(message, dict) else {}
            for field, thinking in (("thinking", True), ("content", False)):
                if isinstance(message.get(field), str) and message[field]:
                    yield Said(message[field], thinking=thinking)
            if event.get("done"):
                yield _ended(event)
                return
        if not hangup.rung:
            raise self._server.broken("it ended without saying so")

    def embed(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        told = self._server.post("/api/embed", {"model": model, "input": list(texts)})
        vectors = told.get("embeddings") if isinstance(told, dict) else None
        if not isinstance(vectors, list) or len(vectors) != len(texts):
            raise self._server.otherwise(f"/api/embed has no {len(texts)} vectors")
        return vectors

    def rerank(self, model: str, query: str, texts: Sequence[str]) -> list[float]:
        raise ProviderError("provider_cannot", provider=self._server.name, kind="Ollama", what="reranking")

    def pull(self, model: str, progress: Callable[[str, int, int | None], None], *, hangup: Hangup) -> None:
        """Let the server download a model; what it has got stays when hung up, and is gone on with next time.

        Args:
            progress: told what is done now, with the bytes of the part at hand, done and in all.

        Raises:
            ProviderError: the server cannot be asked, or cannot get the model.
        """
        last = ""
        for event in self._events("/api/pull", {"model": model, "stream": True}, hangup):
            last = str(event.get("status", ""))
            total = event.get("total")
            progress(
                last,
                int(event.get("completed") or 0),
                total if isinstance(total, int) and total > 0 else None,
            )
        if last != "success" and not hangup.rung:
            raise self._server.broken(last or "it ended without saying so")

    def close(self) -> None:
        self._server.close()

    def _events(self, path: str, body: dict[str, Any], hangup: Hangup) -> Iterator[dict[str, Any]]:
        for line in self._server.lines(path, body, hangup=hangup):
            try:
                event = json.loads(line)
            except (ValueError, RecursionError) as err:
                raise self._server.otherwise("a line is not JSON") from err
            if not isinstance(event, dict):
                raise self._server.otherwise("a line is not a JSON object")
            if event.get("error"):
                raise self._server.broken(str(event["error"]))
            yield event


def _ended(event: dict[str, Any]) -> Ended:
    return Ended(
        finish_reason="length" if event.get("done_reason") == "length" else "stop",
        prompt_tokens=int(event.get("prompt_eval_count") or 0),
        completion_tokens=int(event.get("eval_count") or 0),
        model=str(event.get("model") or ""),
        prefill_ms=int(event.get("prompt_eval_duration") or 0) / _MILLION,
    )


def _model(row: dict[str, Any]) -> ServedModel:
    details = row.get("details")
    parent = details.get("parent_model") if isinstance(details, dict) else None
    size = row.get("size")
    return ServedModel(
        row["name"],
        size_bytes=size if isinstance(size, int) else 0,
        parent=parent if isinstance(parent, str) and parent else None,
    )
