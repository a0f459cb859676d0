"""What a server says while it answers, the same for every protocol, and what it is asked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from assistant.arms import Sampling
from assistant.providers.asking import Hangup

_OPEN, _CLOSE = "<think>", "</think>"


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that a server lists.

    Args:
        size_bytes: 0 where the server does not say.
        parent: the model that this one is an adapter of, where the server says so, as vLLM does.
        context_tokens: None where the server does not say.
        kind: "chat", "embedding" or "reranker" where the server says so, else "".
    """

    id: str
    size_bytes: int = 0
    parent: str | None = None
    context_tokens: int | None = None
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of the answer, or of the thoughts before it."""

    text: str
    thinking: bool = False


@dataclass(frozen=True, slots=True)
class Likely:
    """How likely the tokens of what was said last were, in OpenAI's words; only where it was asked for."""

    tokens: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The answer is complete.

    Args:
        finish_reason: "stop" or "length".
        prompt_tokens, cached_tokens, completion_tokens: 0 where the server does not count.
        model: what the server calls the model that answered.
        prefill_ms: 0 where the server does not say.
    """

    finish_reason: str = "stop"
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    model: str = ""
    prefill_ms: float = 0.0


Speech = Said | Likely | Ended
Messages = Sequence[dict[str, str]]


class Speaker(Protocol):
    """A server as a model is asked through it."""

    def models(self) -> list[ServedModel]:
        """Return what the server has. Raises ProviderError."""
        ...

    def chat(self, model: str, messages: Messages, sampling: Sampling, *, hangup: Hangup) -> Iterator[Speech]:
        """Yield the answer, an `Ended` last unless hung up. Raises ProviderError."""
        ...

    def embed(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector for each text. Raises ProviderError."""
        ...

    def rerank(self, model: str, query: str, texts: Sequence[str]) -> list[float]:
        """Return a score for each text, on whatever scale the server has. Raises ProviderError."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


def split_thoughts(speech: Iterator[Speech]) -> Iterator[Speech]:
    """Yield `speech` with what stands between `<think>` and `</think>`, at the beginning, told as thoughts."""
    held = ""
    state = "opening"
    for piece in speech:
        if not isinstance(piece, Said) or piece.thinking:
            if held and isinstance(piece, Ended):
                yield Said(held, state == "thinking")
                held = ""
            yield piece
            continue
        if state == "answering":
            yield piece
            continue
        if state == "between":
            if text := piece.text.lstrip():
                state = "answering"
                yield Said(text)
            continue
        held += piece.text
        if state == "opening":
            begun = held.lstrip()
            if begun.startswith(_OPEN):
                state, held = "thinking", begun.removeprefix(_OPEN)
            elif not _OPEN.startswith(begun):
                state = "answering"
        if state == "thinking" and _CLOSE in held:
            thoughts, _, held = held.partition(_CLOSE)
            if thoughts:
                yield Said(thoughts, thinking=True)
            held = held.lstrip()
            state = "answering" if held else "between"
        if state != "opening":
            # The tag that ends the thoughts may come in pieces: what may be its beginning waits.
            kept = _tag_begun(held) if state == "thinking" else 0
            told, held = held[: len(held) - kept], held[len(held) - kept :]
            if told:
                yield Said(told, state == "thinking")


def _tag_begun(text: str) -> int:
    """How many characters at the end of `text` may begin the closing tag."""
    return next((n for n in range(len(_CLOSE) - 1, 0, -1) if text.endswith(_CLOSE[:n])), 0)
