"""One model, many requests, each naming its adapter. Knows token ids and text, no documents and no prompts.

A single thread owns the model; everyone else hands it requests and reads events. Requests join the running
batch when they come and leave it when they are done; every step appends a token to all answers at once.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.active_request import ActiveRequest
from assistant.arms import AdapterCheck
from assistant.errors import EngineError
from assistant.generation import EngineDone, EngineEvent, EngineFailed, EngineToken, GenerationRequest, Prompt

if TYPE_CHECKING:
    from assistant.slots import SlotShape

__all__ = ["Engine", "EngineDone", "EngineEvent", "EngineFailed", "EngineToken", "GenerationRequest"]

_PREFIX_BYTES = 512 * 1024 * 1024
_KV_BYTES = 2 * 1024 * 1024 * 1024
_MAX_ROWS = 16
_PATIENCE_S = 0.1


class Engine:
    """Generates text with one causal model.

    Args:
        model: a transformers causal model in evaluation mode, on its device. It is the engine's from now on.
        tokenizer: the model's; its chat template renders messages.
        name, revision: what records call the model.
        prefix_bytes: memory for prompts read lately (see `assistant.prefix_cache`); 0 keeps none.
        max_rows: requests that run at once; more wait.
        kv_bytes: memory for what running requests have read and written, counted by their limits.
        guessing: whether tokens that repeat the prompt are tried several at once (see `assistant.drafts`); only the
            speed depends on it.
        four_bit: whether tokens are written with four bits for each of the decoder's weights, on CPUs that are quick at
            it; None does so with models from a four-bit file, which lose nothing.
        slots: memory for running requests that are decoded by recorded steps (see `assistant.static_decoding`); None
            takes what fits on a CUDA device, and none on others, whose own way is faster.

    What holds for every request, whatever runs beside it: its adapter alone changes its text, and on the CPU in
    fp32 and bf16 its logits are bit for bit those it gets when it runs alone, so greedy text is the same. On a
    GPU a request in a slot is written by the same kernels whoever is beside it, but for longer ones looking at more
    places; how its prompt is read, and whether a slot is free, may round differently.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        name: str = "",
        revision: str = "",
        prefix_bytes: int = _PREFIX_BYTES,
        max_rows: int = _MAX_ROWS,
        kv_bytes: int = _KV_BYTES,
        guessing: bool = True,
        four_bit: bool | None = None,
        slots: "SlotShape | None" = None,
    ) -> None:
        # torch and transformers take seconds; whoever opens an engine has loaded them already.
        from assistant.forwarding import Forwarding
        from assistant.prefix_cache import PrefixCache
        from assistant.running_batch import RunningBatch

        self.name = name
        self.revision = revision
        self.parameters: int = model.num_parameters()
        self._model = model
        self._tokenizer = tokenizer
        self._config = model.config.get_text_config()
        self._forwarding = Forwarding(model, four_bit=four_bit, slots=slots, rows=max_rows)
        self._adapter_names: tuple[str, ...] = ()
        self._prefixes = PrefixCache(
            self._config, max_bytes=prefix_bytes, dtype=model.dtype, slots=self._forwarding.slots
        )
        self._batch = RunningBatch(
            self._forwarding,
            self._prefixes,
            ends=_end_tokens(model, tokenizer),
            max_rows=max_rows,
            kv_bytes=kv_bytes,
            # Whoever sees the closing event may use the id again.
            on_end=self._forget,
            name=name,
        )
        self._guessing = guessing
        self._inbox: queue.SimpleQueue[ActiveRequest | Callable[[], None] | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._running: dict[str, ActiveRequest] = {}
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        self._thread.start()

    @property
    def context_tokens(self) -> int:
        """How many tokens prompt and answer may have together."""
        return int(getattr(self._config, "max_position_embeddings", None) or 2048)

    @property
    def token_bytes(self) -> int:
        """What the keys and values of one token take."""
        return self._prefixes.token_bytes

    @property
    def adapters(self) -> tuple[str, ...]:
        """Names of the loaded adapters."""
        return self._adapter_names

    def adapter_check(self, name: str) -> AdapterCheck | None:
        """Return what the self-test of a loaded adapter found; None where none of this name is loaded."""
        return self._forwarding.check_of(name)

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
        """Make the PEFT adapter in `folder` available as `name`, replacing one of that name; test what it does.

        Requests that the replaced one was answering fail: no answer is made by two sets of weights. Plain LoRA takes
        some tens of milliseconds; what only PEFT can apply takes about a second.

        Raises:
            EngineError: `folder` holds no adapter that fits the model, or the base does not stay as it was.
        """

        def load() -> None:
            self._let_go(name)
            try:
                self._forwarding.load(name, folder)
            finally:
                self._adapter_names = self._forwarding.adapters

        self._on_thread(load)

    def unload_adapter(self, name: str) -> None:
        """Forget an adapter; unknown names are ignored. Its running requests fail."""

        def unload() -> None:
            self._let_go(name)
            self._forwarding.unload(name)
            self._adapter_names = self._forwarding.adapters

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
        active = [ActiveRequest(request, events) for request in requests]
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

    def _submit(self, entry: ActiveRequest) -> None:
        self._running[entry.request.id] = entry
        self._inbox.put(entry)
        if self._closed.is_set():
            entry.end(EngineFailed(entry.request.id, EngineError("engine_closed")))

    def _forget(self, entry: ActiveRequest) -> None:
        self._running.pop(entry.request.id, None)

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
        """The engine's thread: take in what arrived, make a step, again."""
        import torch

        closed = EngineError("engine_closed")
        while not self._closed.is_set():
            try:
                while not self._closed.is_set():
                    item = self._inbox.get(block=not self._batch.requests)
                    if isinstance(item, ActiveRequest):
                        self._take_in(item)
                    elif item is not None:
                        item()
            except queue.Empty:
                pass
            if not self._closed.is_set():
                with torch.inference_mode():
                    self._batch.step()
        for entry in self._batch.requests:
            self._batch.fail(entry, closed)
        # Whoever handed in something in the last moment must not wait for ever.
        while not self._inbox.empty():
            item = self._inbox.get()
            if isinstance(item, ActiveRequest):
                item.end(EngineFailed(item.request.id, closed))
            elif item is not None:
                item()

    def _take_in(self, entry: ActiveRequest) -> None:
        try:
            prompt = self._as_ids(entry.request)
            entry.prepare(
                prompt,
                context_tokens=self.context_tokens,
                tokenizer=self._tokenizer,
                guessing=self._guessing,
            )
        except Exception as err:
            self._batch.fail(entry, err)
        else:
            self._batch.add(entry)

    def _as_ids(self, request: GenerationRequest) -> tuple[int, ...]:
        first = request.prompt[0] if request.prompt else 0
        if isinstance(first, Mapping):
            return self.render(request.prompt, thinking=request.sampling.thinking).token_ids  # type: ignore[arg-type]
        return tuple(request.prompt)  # type: ignore[arg-type]


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """Tokens that end an answer: those of the generation config and the tokenizer's own."""
    named = getattr(model.generation_config, "eos_token_id", None)
    ends = set(named if isinstance(named, list) else [] if named is None else [named])
    if tokenizer.eos_token_id is not None:
        ends.add(tokenizer.eos_token_id)
    return frozenset(ends)
