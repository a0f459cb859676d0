"""One request on its way through the engine: prompt, answer so far, where its events go.

Knows how tokens become events, nothing of the model, its caches' contents, or other requests.
"""

import math
import queue
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assistant.drafts import Drafts
from assistant.generation import (
    EngineDone,
    EngineEvent,
    EngineFailed,
    EngineToken,
    FinishReason,
    GenerationRequest,
    Progress,
    TokenLogprob,
    room_for_answer,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from assistant.decoding import Piece


class ActiveRequest:
    """A request that is not finished.

    Attributes:
        prompt: its token ids, set by `prepare`.
        limit: the answer's tokens at most.
        read: how many of the prompt's tokens `cache` holds.
        token: the token drawn last, not yet in `cache`.
        drafts: guesses at what comes next; None where none are made.
        orphaned: the weights that began the answer are gone.
    """

    def __init__(self, request: GenerationRequest, events: "queue.SimpleQueue[EngineEvent]") -> None:
        self.request = request
        self.cancelled = threading.Event()
        self.orphaned = False
        self.prompt: tuple[int, ...] = ()
        self.limit = 0
        self.cache: Any = None
        self.read = 0
        self.token = -1
        self.drafts: Drafts | None = None
        self.progress = Progress(request.id, 0, arrived=time.perf_counter())
        self._events = events
        self._logprobs: list[TokenLogprob] = []
        self._held: Piece | None = None  # text that waits for more
        self._sent = -math.inf  # the first piece waits for nothing

    @property
    def begun(self) -> bool:
        """Whether the request has a place in the running batch."""
        return self.cache is not None

    @property
    def greedy(self) -> bool:
        """Whether only the likeliest token matters, and not how likely any is."""
        sampling = self.request.sampling
        return sampling.temperature <= 0 and sampling.logprobs is None

    def prepare(
        self, prompt: tuple[int, ...], *, context_tokens: int, tokenizer: Any, guessing: bool
    ) -> None:
        """Take in the rendered prompt.

        Args:
            guessing: whether next tokens are guessed from the prompt and tried.

        Raises:
            EngineError: it leaves no room for an answer.
        """
        from assistant.decoding import AnswerStream, Sampler

        room = room_for_answer(len(prompt), context_tokens)
        self.prompt = prompt
        self.progress.prompt_tokens = len(prompt)
        self.limit = min(room, self.request.sampling.max_new_tokens)
        sampling = self.request.sampling
        opening = (
            tokenizer(sampling.opening, add_special_tokens=False)["input_ids"] if sampling.opening else []
        )
        self._tokenizer = tokenizer
        self._sampler = Sampler(sampling, prompt, opening_id=opening[0] if opening else None)
        if guessing:
            self.drafts = Drafts(prompt)
        prompt_end = tokenizer.decode(list(prompt[-8:]))
        self._answer = AnswerStream(tokenizer, self.request.sampling.stop, prompt_end=prompt_end)

    def begin(self, cache: Any, cached_tokens: int) -> None:
        """Take a place in the running batch; `cache` holds the first tokens of the prompt."""
        self.cache = cache
        self.read = cached_tokens
        self.progress.begin(cached_tokens)

    def take(
        self, logits: "torch.Tensor", ends: frozenset[int], *, likeliest: int | None = None
    ) -> FinishReason | None:
        """Draw the next token from `logits` (V,) and send its text; return the reason where it is the last.

        Args:
            likeliest: the token of the greatest of `logits`, where that is known already.
        """
        if self.limit < 1:
            return "length"
        self.token = self._sampler.draw(logits, likeliest=likeliest)
        if self.drafts is not None:
            self.drafts.add(self.token)
        self.progress.drew()
        if self.token in ends:
            return "stop"
        self.progress.completion_tokens += 1
        if self.request.sampling.logprobs is not None:
            self._logprobs.append(self._likelihood(logits, self.request.sampling.logprobs))
        self._send(self._answer.feed(self.token))
        if self._answer.stopped:
            return "stop"
        return "length" if self.progress.completion_tokens >= self.limit else None

    def finish(self, reason: FinishReason) -> EngineDone:
        """Send what was held back; return the closing event, for `end`."""
        if self.begun:
            self._send(self._answer.flush())
        self._send_held()
        done = self.progress.done(reason)
        return replace(done, logprobs=self._told())

    def end(self, event: EngineDone | EngineFailed) -> None:
        """Send the closing event and let go of the cache."""
        self.cache = None
        self._send_held()
        self._events.put(event)

    def _send(self, pieces: "Sequence[Piece]") -> None:
        """Send text, or hold it where the last was sent just now."""
        for piece in pieces:
            if self._held is not None and self._held.thinking == piece.thinking:
                piece = replace(piece, text=self._held.text + piece.text)
            else:
                self._send_held()
            self._held = piece
        if 1000 * (time.perf_counter() - self._sent) >= self.request.piece_ms:
            self._send_held()

    def _send_held(self) -> None:
        if self._held is None:
            return
        piece, self._held = self._held, None
        self._sent = time.perf_counter()
        self._events.put(EngineToken(self.request.id, piece.text, self.token, piece.thinking, self._told()))

    def _told(self) -> tuple[TokenLogprob, ...]:
        """What was not told yet."""
        told, self._logprobs = tuple(self._logprobs), []
        return told

    def _likelihood(self, logits: "torch.Tensor", top: int) -> TokenLogprob:
        """How likely the drawn token was, and the `top` likeliest."""
        logprobs = logits.float().log_softmax(-1)
        best = logprobs.topk(min(top, len(logprobs))) if top else None
        ids = [] if best is None else best.indices.tolist()
        values = [] if best is None else best.values.tolist()
        texts = [self._tokenizer.decode([token]) for token in (self.token, *ids)]
        return TokenLogprob(texts[0], float(logprobs[self.token]), tuple(zip(texts[1:], values, strict=True)))
