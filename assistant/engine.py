"""One model, many requests, each naming its adapter. Knows token ids and text, no documents and no prompts.

A single thread owns the model; everyone else hands it requests and reads events. Active requests take
turns, a block of the prompt or one token at a time, so that answers asked for together arrive together.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import EngineError
from assistant.generation import (
    EngineDone,
    EngineEvent,
    EngineFailed,
    EngineToken,
    FinishReason,
    GenerationRequest,
    Progress,
    Prompt,
)

if TYPE_CHECKING:
    import torch

    from assistant.decoding import Piece

logger = logging.getLogger(__name__)

_PREFIX_BYTES = 512 * 1024 * 1024
_PATIENCE_S = 0.1


class _Active:
    """A request on its way through the engine: its turns, where its events go, whether to go on."""

    def __init__(self, request: GenerationRequest, events: "queue.SimpleQueue[EngineEvent]") -> None:
        self.request = request
        self.events = events
        self.cancelled = threading.Event()
        self.arrived = time.perf_counter()
        self.turns: Iterator[None] = iter(())
        self.begun = False
        self.orphaned = False


class Engine:
    """Generates text with one causal model.

    Args:
        model: a transformers causal model in evaluation mode, on its device. It is the engine's from now on.
        tokenizer: the model's; its chat template renders messages.
        name, revision: what records call the model.
        prefix_bytes: memory for prompts read lately (see `assistant.prefix_cache`); 0 keeps none.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        name: str = "",
        revision: str = "",
        prefix_bytes: int = _PREFIX_BYTES,
    ) -> None:
        # torch and transformers take seconds; whoever opens an engine has loaded them already.
        import inspect

        from assistant.adapter_switch import AdapterSwitch
        from assistant.prefix_cache import PrefixCache

        self.name = name
        self.revision = revision
        self.parameters: int = model.num_parameters()
        self._model = model
        self._tokenizer = tokenizer
        self._config = model.config.get_text_config()
        self._adapters = AdapterSwitch(model)
        self._adapter_names: tuple[str, ...] = ()
        self._prefixes = PrefixCache(self._config, max_bytes=prefix_bytes)
        self._ends = _end_tokens(model, tokenizer)
        self._only_last_logits = "logits_to_keep" in inspect.signature(model.forward).parameters
        self._inbox: queue.SimpleQueue[_Active | Callable[[], None] | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._running: dict[str, _Active] = {}
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        self._thread.start()

    @property
    def context_tokens(self) -> int:
        """How many tokens prompt and answer may have together."""
        return int(getattr(self._config, "max_position_embeddings", None) or 2048)

    @property
    def adapters(self) -> tuple[str, ...]:
        """Names of the loaded adapters."""
        return self._adapter_names

    @property
    def running(self) -> tuple[str, ...]:
        """Ids of the requests that are not finished."""
        return tuple(self._running)

    def render(
        self,
        messages: Sequence[Mapping[str, str]],
        *,
        thinking: bool | None = None,
        continue_last: bool = False,
    ) -> Prompt:
        """Return `messages` as the model's own chat template writes them, ready for the answer.

        Args:
            thinking: handed to templates that know `enable_thinking`; None leaves it to the template.
            continue_last: the last message is the beginning of the answer and is left open.

        Raises:
            EngineError: the tokenizer has no chat template, or it does not accept these messages.
        """
        options: dict[str, Any] = {} if thinking is None else {"enable_thinking": thinking}
        try:
            text = self._tokenizer.apply_chat_template(
                [dict(message) for message in messages],
                tokenize=False,
                add_generation_prompt=not continue_last,
                continue_final_message=continue_last,
                **options,
            )
        except Exception as err:
            # jinja's own errors and ValueError: templates refuse what they do not know in many ways.
            raise EngineError("chat_template_failed", model=self.name, reason=str(err)) from err
        ids = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return Prompt(text, tuple(ids))

    def encode(self, text: str) -> Prompt:
        """Return a text to be gone on with as it stands, without a chat template."""
        return Prompt(text, tuple(self._tokenizer(text)["input_ids"]))

    def count_tokens(self, text: str) -> int:
        """Return how many tokens `text` has, special tokens not counted."""
        return len(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def load_adapter(self, name: str, folder: Path) -> None:
        """Make the PEFT adapter in `folder` available as `name`, replacing one of that name.

        Requests that the replaced one was answering fail: no answer is made by two sets of weights.

        Raises:
            EngineError: `folder` holds no adapter that fits the model.
        """

        def load() -> None:
            self._let_go(name)
            try:
                self._adapters.load(name, folder)
            finally:
                self._adapter_names = self._adapters.names

        self._on_thread(load)

    def unload_adapter(self, name: str) -> None:
        """Forget an adapter; unknown names are ignored. Its running requests fail."""

        def unload() -> None:
            self._let_go(name)
            self._adapters.unload(name)
            self._adapter_names = self._adapters.names

        self._on_thread(unload)

    def stream(
        self, requests: Sequence[GenerationRequest], *, should_stop: Callable[[], bool] = lambda: False
    ) -> Iterator[EngineEvent]:
        """Serve `requests` together and yield their events as they happen.

        Every request ends with one `EngineDone` or `EngineFailed`. Closing the iterator cancels what is
        still running.

        Args:
            should_stop: asked several times a second; True does as closing does, for callers that cannot
                close the iterator while it waits.

        Raises:
            ValueError: two requests share an id.
        """
        if len({request.id for request in requests}) < len(requests):
            raise ValueError(f"requests must have different ids, got {[request.id for request in requests]}")
        events: queue.SimpleQueue[EngineEvent] = queue.SimpleQueue()
        active = [_Active(request, events) for request in requests]
        try:
            for entry in active:
                self._submit(entry)
            waiting = len(active)
            while waiting and not should_stop():
                try:
                    event = events.get(timeout=_PATIENCE_S)
                except queue.Empty:
                    continue
                waiting -= isinstance(event, EngineDone | EngineFailed)
                yield event
        finally:
            for entry in active:
                entry.cancelled.set()

    def cancel(self, request_id: str) -> None:
        """End a request after its current step; unknown ids are ignored."""
        entry = self._running.get(request_id)
        if entry is not None:
            entry.cancelled.set()

    def close(self) -> None:
        """End all requests and the engine's thread. Later requests fail."""
        self._closed.set()
        self._inbox.put(None)
        self._thread.join()

    def _submit(self, entry: _Active) -> None:
        self._running[entry.request.id] = entry
        self._inbox.put(entry)
        if self._closed.is_set():
            entry.events.put(EngineFailed(entry.request.id, EngineError("engine_closed")))

    def _let_go(self, adapter: str) -> None:
        """End what an adapter has begun: its weights go away."""
        self._prefixes.forget(adapter)
        for entry in list(self._running.values()):
            entry.orphaned = entry.orphaned or (entry.begun and entry.request.adapter == adapter)

    def _on_thread(self, work: Callable[[], None]) -> None:
        """Run `work` between two steps on the thread that owns the model; re-raise what it raises."""
        if not self._thread.is_alive():
            raise EngineError("engine_closed")
        done: Future[None] = Future()

        def run() -> None:
            try:
                work()
            except BaseException as err:
                done.set_exception(err)
            else:
                done.set_result(None)

        self._inbox.put(run)
        done.result()

    def _work(self) -> None:
        """The engine's thread: take in what arrived, give every active request a turn, again."""
        active: list[_Active] = []
        while not self._closed.is_set():
            while not self._closed.is_set():
                try:
                    item = self._inbox.get(block=not active)
                except queue.Empty:
                    break
                if isinstance(item, _Active):
                    item.turns = self._turns(item)
                    active.append(item)
                elif item is not None:
                    item()
            # Neighbours with one adapter share a switch.
            active.sort(key=lambda entry: entry.request.adapter or "")
            active = [entry for entry in active if self._take_turn(entry)]
        for entry in active:
            entry.events.put(EngineFailed(entry.request.id, EngineError("engine_closed")))
        # Whoever handed in something in the last moment must not wait for ever.
        while not self._inbox.empty():
            item = self._inbox.get()
            if isinstance(item, _Active):
                item.events.put(EngineFailed(item.request.id, EngineError("engine_closed")))
            elif item is not None:
                item()

    def _take_turn(self, entry: _Active) -> bool:
        """Advance one request; return whether it goes on."""
        import torch

        request = entry.request
        end: EngineDone | EngineFailed
        try:
            if entry.orphaned:
                raise EngineError("adapter_not_loaded", name=request.adapter)
            with torch.inference_mode():
                self._adapters.activate(request.adapter)
                next(entry.turns)
            return True
        except StopIteration as finished:
            end = finished.value
        except EngineError as err:
            end = EngineFailed(request.id, err)
        except (torch.OutOfMemoryError, MemoryError):
            end = EngineFailed(request.id, EngineError("engine_out_of_memory", model=self.name))
        except Exception as err:
            # A defect must not take the other requests with it; the log keeps its traceback.
            logger.exception("request %s failed", request.id)
            reason = str(err) or type(err).__name__
            end = EngineFailed(request.id, EngineError("generation_failed", model=self.name, reason=reason))
        # Whoever sees the closing event may use the id again.
        self._running.pop(request.id, None)
        entry.events.put(end)
        return False

    def _turns(self, entry: _Active) -> Generator[None, None, EngineDone]:
        """Serve one request and return its closing event; every `yield` is the end of a turn."""
        from assistant.decoding import AnswerStream, Sampler

        request = entry.request
        entry.begun = True
        began = time.perf_counter()
        prompt = self._as_ids(request)
        room = self.context_tokens - len(prompt)
        if not prompt or room < 1:
            raise EngineError("prompt_too_long", tokens=len(prompt), limit=self.context_tokens)
        limit = min(room, request.sampling.max_new_tokens)
        cache, cached = self._prefixes.start(request.adapter, prompt)
        progress = Progress(request.id, len(prompt), cached, arrived=entry.arrived, began=began)

        logits = None
        for read in self._read(prompt, cached, cache, progress):
            logits = read
            if entry.cancelled.is_set():
                return progress.done("cancelled")
            yield
        self._prefixes.keep(request.adapter, prompt, cache)

        assert logits is not None
        sampler = Sampler(request.sampling, prompt)
        prompt_end = self._tokenizer.decode(list(prompt[-8:]))
        answer = AnswerStream(self._tokenizer, request.sampling.stop, prompt_end=prompt_end)
        reason: FinishReason = "length"
        token = -1
        for _ in range(limit):
            token = sampler.draw(logits)
            progress.drew()
            if token in self._ends:
                reason = "stop"
                break
            progress.completion_tokens += 1
            self._send(entry, answer.feed(token), token)
            if answer.stopped:
                reason = "stop"
                break
            yield
            if entry.cancelled.is_set():
                reason = "cancelled"
                break
            if progress.completion_tokens < limit:
                logits = self._forward([token], cache)
        self._send(entry, answer.flush(), token)
        return progress.done(reason)

    def _read(
        self, prompt: Sequence[int], cached: int, cache: Any, progress: "Progress"
    ) -> Iterator["torch.Tensor"]:
        """Read the prompt block by block; yield each block's last logits."""
        from assistant.prefix_cache import block_ends

        at = cached
        for end in block_ends(len(prompt)):
            if end <= cached:
                continue
            began = time.perf_counter()
            logits = self._forward(prompt[at:end], cache)
            progress.prefill_s += time.perf_counter() - began
            at = end
            yield logits

    def _forward(self, ids: Sequence[int], cache: Any) -> "torch.Tensor":
        """Return the logits (V,) after `ids`; `cache` grows by their keys and values."""
        import torch

        options = {"logits_to_keep": 1} if self._only_last_logits else {}
        batch = torch.tensor([list(ids)], device=self._model.device)  # (1, T)
        logits: torch.Tensor = self._model(
            input_ids=batch, past_key_values=cache, use_cache=True, **options
        ).logits
        return logits[0, -1]

    def _as_ids(self, request: GenerationRequest) -> tuple[int, ...]:
        first = request.prompt[0] if request.prompt else 0
        if isinstance(first, Mapping):
            return self.render(request.prompt, thinking=request.sampling.thinking).token_ids  # type: ignore[arg-type]
        return tuple(request.prompt)  # type: ignore[arg-type]

    @staticmethod
    def _send(entry: _Active, pieces: "Sequence[Piece]", token: int) -> None:
        for piece in pieces:
            entry.events.put(EngineToken(entry.request.id, piece.text, token, piece.thinking))


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """Tokens that end an answer: those of the generation config and the tokenizer's own."""
    named = getattr(model.generation_config, "eos_token_id", None)
    ends = set(named if isinstance(named, list) else [] if named is None else [named])
    if tokenizer.eos_token_id is not None:
        ends.add(tokenizer.eos_token_id)
    return frozenset(ends)
