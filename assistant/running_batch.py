"""The running batch: who is in it, whose prompt is read next, one step for all answers at once.

Knows requests and the model's two operations, `read` and `step`; no threads and no queues of events.
Imported only where an engine runs, because it needs torch.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import torch

from assistant.active_request import ActiveRequest
from assistant.errors import EngineError
from assistant.forwarding import Forwarding, shorten
from assistant.generation import EngineDone, EngineFailed
from assistant.prefix_cache import Block, PrefixCache, block_ends

logger = logging.getLogger(__name__)

# Answers that run wait so long for prompts of newcomers, and then a block more: reading first lets requests that
# came together answer together, in fewer and fuller steps.
_READING_S = 0.5

# Rows of a step that may be guesses' (see `assistant.drafts`), together with the answers' own: eight rows take half
# as long again as one.
_TRIED_ROWS = 8


class RunningBatch:
    """Requests that share a model.

    Args:
        ends: tokens that end an answer.
        max_rows: requests in the batch at once; more wait, first come, first served.
        kv_bytes: for the keys and values of the batch, counted by what its requests may come to; a single
            request always runs.
        on_end: called with each finished request before its closing event goes out.
        name: what errors call the model.
    """

    def __init__(
        self,
        forwarding: Forwarding,
        prefixes: PrefixCache,
        *,
        ends: frozenset[int],
        max_rows: int,
        kv_bytes: int,
        on_end: Callable[[ActiveRequest], None],
        name: str,
    ) -> None:
        self._forwarding = forwarding
        self._prefixes = prefixes
        self._ends = ends
        self._max_rows = max_rows
        self._kv_bytes = kv_bytes
        self._on_end = on_end
        self._name = name
        self._waiting: deque[ActiveRequest] = deque()
        self._reading: deque[ActiveRequest] = deque()
        self._writing: list[ActiveRequest] = []

    @property
    def requests(self) -> list[ActiveRequest]:
        """All that are not finished."""
        return [*self._waiting, *self._reading, *self._writing]

    def add(self, entry: ActiveRequest) -> None:
        """Queue a prepared request."""
        self._waiting.append(entry)

    def step(self) -> None:
        """Let in who fits, read prompts for a while, then append a token to every answer."""
        for entry in self.requests:
            if entry.orphaned:
                self.fail(entry, EngineError("adapter_not_loaded", name=entry.request.adapter))
            elif entry.cancelled.is_set():
                self._end(entry, entry.finish("cancelled"))
        self._admit()
        until = time.perf_counter() + _READING_S
        while self._reading:
            side_by_side = min(self._forwarding.lanes, len(self._reading))
            self._read([self._reading.popleft() for _ in range(side_by_side)])
            # With nobody to keep waiting, newcomers and cancellations are looked for after each block.
            if not self._writing or time.perf_counter() >= until:
                break
        if self._writing and (not self._reading or time.perf_counter() >= until):
            self._write(list(self._writing))

    def fail(self, entry: ActiveRequest, err: BaseException) -> None:
        """End a request with what went wrong."""
        if isinstance(err, EngineError):
            error = err
        elif isinstance(err, torch.OutOfMemoryError | MemoryError):
            error = EngineError("engine_out_of_memory", model=self._name)
        else:
            # A defect must not take the other requests with it; the log keeps its traceback.
            logger.error("request %s failed", entry.request.id, exc_info=err)
            error = EngineError("generation_failed", model=self._name, reason=str(err) or type(err).__name__)
        self._end(entry, EngineFailed(entry.request.id, error))

    def _end(self, entry: ActiveRequest, event: EngineDone | EngineFailed) -> None:
        for group in (self._waiting, self._reading, self._writing):
            if entry in group:
                group.remove(entry)
        self._on_end(entry)
        self._prefixes.release(entry.cache)
        entry.end(event)

    def _admit(self) -> None:
        """Move waiting requests into the batch while there is room."""
        while self._waiting:
            running = [*self._reading, *self._writing]
            # Slots have their memory already.
            needed = sum(self._most_tokens(e) for e in running if not self._forwarding.has_slot(e.cache))
            slots, next_needs = self._forwarding.slots, self._most_tokens(self._waiting[0])
            needed += 0 if slots is not None and slots.fits(next_needs) else next_needs
            full = len(running) >= self._max_rows or needed * self._prefixes.token_bytes > self._kv_bytes
            if running and full:
                return
            entry = self._waiting.popleft()
            try:
                self._begin(entry)
            except Exception as err:
                self.fail(entry, err)

    def _begin(self, entry: ActiveRequest) -> None:
        adapter = entry.request.adapter
        if adapter is not None and adapter not in self._forwarding.adapters:
            raise EngineError("adapter_not_loaded", name=adapter)
        cache, cached = self._prefixes.start(adapter, entry.prompt, room=self._most_tokens(entry))
        entry.begin(cache, cached)
        self._reading.append(entry)

    @staticmethod
    def _most_tokens(entry: ActiveRequest) -> int:
        return len(entry.prompt) + entry.limit

    def _read(self, entries: list[ActiveRequest]) -> None:
        """Read the next block of several prompts; draw a prompt's first token after its last block."""
        began = time.perf_counter()
        most = self._forwarding.read_at_once(len(entries))
        ends = [self._next_end(e, most) for e in entries]
        blocks = [
            Block(e.prompt[e.read : end], e.cache, e.request.adapter, last=end == len(e.prompt))
            for e, end in zip(entries, ends, strict=True)
        ]
        try:
            told = self._forwarding.read(blocks)
        except Exception as err:
            # Some may hold their block already. One by one, only the culprit fails.
            for entry in entries:
                if len(entries) > 1 and shorten(entry.cache, entry.read):
                    self._read([entry])
                else:
                    self.fail(entry, err)
            return
        spent = time.perf_counter() - began
        for entry, end, logits in zip(entries, ends, told, strict=True):
            entry.read = end
            entry.progress.prefill_s += spent
            if logits is None:
                self._reading.append(entry)
                continue
            try:
                self._prefixes.keep(entry.request.adapter, entry.prompt, entry.cache)
                self._writing.append(entry)
                self._take(entry, logits)
            except Exception as err:
                self.fail(entry, err)

    @staticmethod
    def _next_end(entry: ActiveRequest, tokens: int) -> int:
        """Where the last of the next blocks ends that have so many tokens together; at least one is taken."""
        ends = [end for end in block_ends(len(entry.prompt)) if end > entry.read]
        return max([ends[0], *(end for end in ends if end - entry.read <= tokens)])

    def _write(self, rows: list[ActiveRequest]) -> None:
        """Append a token to every answer in `rows`, with guesses behind it, and draw what comes next."""
        held = [entry.read + entry.progress.completion_tokens - 1 for entry in rows]
        guesses = [self._guess(entry, len(rows)) for entry in rows]
        spread = [
            (entry, token)
            for entry, guess in zip(rows, guesses, strict=True)
            for token in (entry.token, *guess)
        ]
        try:
            logits: list[Any] = self._forwarding.step(
                [token for _, token in spread],
                [entry.cache for entry, _ in spread],
                [entry.request.adapter for entry, _ in spread],
                likeliest=[entry.greedy for entry, _ in spread],
            )
        except Exception as err:
            # Layers before the failing one hold the token already. One by one, only the culprit fails.
            whole = [shorten(entry.cache, tokens) for entry, tokens in zip(rows, held, strict=True)]
            for entry, fit in zip(rows, whole, strict=True):
                if fit and len(rows) > 1:
                    self._write([entry])
                else:
                    self.fail(entry, err)
            return
        picks: list[int | None] = [None] * len(logits)
        if self._forwarding.picks_together and any(entry.greedy for entry in rows):
            picks = torch.stack(logits).argmax(-1).tolist()
        told = iter(zip(logits, picks, strict=True))
        for entry, guess, tokens in zip(rows, guesses, held, strict=True):
            mine = [next(told) for _ in range(1 + len(guess))]
            try:
                self._take_guessed(entry, mine, guess, tokens)
            except Exception as err:
                self.fail(entry, err)

    def _guess(self, entry: ActiveRequest, rows: int) -> list[int]:
        """Tokens to try behind the drawn one; few answers leave room for them in a step."""
        if entry.drafts is None or not self._forwarding.batches(entry.request.adapter):
            return []
        # A slot takes a token in a step.
        if self._forwarding.has_slot(entry.cache):
            return []
        room = min((_TRIED_ROWS - rows) // rows, entry.limit - entry.progress.completion_tokens - 1)
        return entry.drafts.guess(room)

    def _take_guessed(
        self,
        entry: ActiveRequest,
        logits: list[tuple[torch.Tensor, int | None]],
        guess: list[int],
        held: int,
    ) -> None:
        """Draw from each of `logits` for as long as what is drawn is what was guessed.

        Args:
            logits: each with its likeliest token, where that is known.
        """
        cache, right = entry.cache, 0
        for number, (told, likeliest) in enumerate(logits):
            self._take(entry, told, likeliest)
            if entry not in self._writing or number == len(guess) or entry.token != guess[number]:
                break
            right += 1
        if guess:
            shorten(cache, held + 1 + right)
            assert entry.drafts is not None
            entry.drafts.judge(len(guess), right)

    def _take(self, entry: ActiveRequest, logits: torch.Tensor, likeliest: int | None = None) -> None:
        reason = entry.take(logits, self._ends, likeliest=likeliest)
        if reason is not None:
            self._end(entry, entry.finish(reason))
