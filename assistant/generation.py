"""What an engine is asked for and what it tells: requests, events, and the counts and clocks between them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from assistant.arms import Sampling
from assistant.errors import EngineError

FinishReason = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """A text to continue.

    Args:
        id: names the request in its events; unique among those running.
        prompt: token ids, or messages of `role` and `content` for the tokenizer's own chat template.
        adapter: name of a loaded adapter, or None for the base weights.
        piece_ms: text that comes sooner after the last is sent with the next; every piece wakes its reader, on
            the very cores that compute. 0 sends every token.
    """

    id: str
    prompt: Sequence[int] | Sequence[Mapping[str, str]]
    adapter: str | None = None
    sampling: Sampling = field(default_factory=Sampling)
    piece_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Prompt:
    """A rendered prompt: what the model reads, as text and as token ids."""

    text: str
    token_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """How likely a drawn token was, before temperature and penalties.

    Args:
        text: the token alone; a part of a character is shown as U+FFFD.
        logprob: natural logarithm.
        top: the likeliest tokens with theirs, from the likeliest.
    """

    text: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()

    def as_openai(self) -> dict[str, Any]:
        """In OpenAI's words."""
        return {
            **_worded(self.text, self.logprob),
            "top_logprobs": [_worded(text, logprob) for text, logprob in self.top],
        }


def _worded(text: str, logprob: float) -> dict[str, Any]:
    whole = "\ufffd" not in text
    return {"token": text, "logprob": logprob, "bytes": list(text.encode()) if whole else None}


@dataclass(frozen=True, slots=True)
class EngineToken:
    """Text that a request may show now; `token_id` is the token that completed it.

    Args:
        logprobs: of the tokens drawn since the event before, where the request asks for them.
    """

    request_id: str
    text: str
    token_id: int
    thinking: bool = False
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineDone:
    """A request is complete.

    Args:
        finish_reason: "stop" at an end token or stop string, "length" at the limit, "cancelled".
        cached_tokens: prompt tokens that were not read again.
        completion_tokens: drawn tokens, thinking included, the end token not.
        queued_ms: from the request's arrival to its place in the running batch.
        prefill_ms: model time spent on reading this prompt.
        first_token_ms: from the request's arrival to its first token.
        tokens_per_s: after the first token, by the clock, so other requests slow it down.
        logprobs: of tokens that came to no text.
    """

    request_id: str
    finish_reason: FinishReason
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    queued_ms: float
    prefill_ms: float
    first_token_ms: float
    tokens_per_s: float
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineFailed:
    """A request cannot be served; the others go on."""

    request_id: str
    error: EngineError


EngineEvent = EngineToken | EngineDone | EngineFailed


class Progress:
    """Counts and clocks of one request; times are `time.perf_counter`'s."""

    def __init__(self, request_id: str, prompt_tokens: int, *, arrived: float) -> None:
        self._id = request_id
        self._arrived = arrived
        self._began: float | None = None
        self._first: float | None = None
        self._last = arrived
        self.prompt_tokens = prompt_tokens
        self.cached_tokens = 0
        self.completion_tokens = 0
        self.prefill_s = 0.0

    def begin(self, cached_tokens: int) -> None:
        """The request left the queue; so many of its prompt's tokens need no reading."""
        self.cached_tokens = cached_tokens
        self._began = self._last = time.perf_counter()

    def drew(self) -> None:
        """A token was drawn."""
        self._last = time.perf_counter()
        if self._first is None:
            self._first = self._last

    def done(self, reason: FinishReason) -> EngineDone:
        """Return the closing event."""
        began = time.perf_counter() if self._began is None else self._began
        first = max(began, self._last) if self._first is None else self._first
        spent = self._last - first
        return EngineDone(
            request_id=self._id,
            finish_reason=reason,
            prompt_tokens=self.prompt_tokens,
            cached_tokens=self.cached_tokens,
            completion_tokens=self.completion_tokens,
            queued_ms=(began - self._arrived) * 1000,
            prefill_ms=self.prefill_s * 1000,
            first_token_ms=(first - self._arrived) * 1000,
            tokens_per_s=(self.completion_tokens - 1) / spent if spent > 0 else 0.0,
        )


def room_for_answer(prompt_tokens: int, context_tokens: int) -> int:
    """Tokens that a prompt leaves for its answer.

    Raises:
        EngineError: the prompt is empty, or leaves none.
    """
    if prompt_tokens < 1:
        raise EngineError("prompt_empty")
    if prompt_tokens >= context_tokens:
        raise EngineError("prompt_too_long", tokens=prompt_tokens, limit=context_tokens)
    return context_tokens - prompt_tokens
