"""What answers, as LangChain chat models: streaming, async and batches as LangChain makes them.

`AnsweringModel` is what asking needs of any of them, `EngineChatModel` is our own engine; models of other
programs' servers are in `assistant.providers`.
"""

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict

from assistant.arms import Sampling
from assistant.engine import Engine, EngineDone, EngineFailed, EngineToken, GenerationRequest
from finetune.catalogue import entry_for

_ROLES = {"system": "system", "human": "user", "ai": "assistant", "AIMessageChunk": "assistant"}
_SAMPLING_FIELDS = frozenset(Sampling.__dataclass_fields__)


class AnsweringModel(BaseChatModel):
    """A chat model that an arm can answer with: its sampling can be set, its answer ended from elsewhere.

    Args:
        sampling: may be changed by `bind` or per call with the fields of `Sampling`.
    """

    sampling: Sampling = Sampling()

    @property
    def context_tokens(self) -> int:
        """How many tokens prompt and answer may have together."""
        raise NotImplementedError

    @property
    def parameters(self) -> int | None:
        """How large the model is; None where that is not known."""
        raise NotImplementedError

    @property
    def reads(self) -> bool:
        """Whether it was trained to answer from passages under our own prompt."""
        return False

    def paced(self, piece_ms: float) -> "AnsweringModel":
        """Return a copy whose chunks come at least so far apart, where that is ours to say."""
        return self

    def answering(self, **changes: Any) -> "AnsweringModel":
        """Return a copy for one answer, which `cancel` can end, with fields such as `sampling` changed."""
        raise NotImplementedError

    def cancel(self) -> None:
        """End the answer of a copy that `answering` made."""
        raise NotImplementedError

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))


class EngineChatModel(AnsweringModel):
    """A chat model of an `Engine`.

    A last message from the assistant is the beginning of the answer and is gone on with. Sampling is set here and may
    be changed by `bind` or per call with the fields of `Sampling`, such as `model.bind(temperature=0.7,
    max_new_tokens=64)`. Thoughts of a thinking model come as `additional_kwargs["reasoning_content"]` of their chunks.
    The last chunk's `response_metadata` has `finish_reason`, `model_name`, `adapter`, its `adapter_check`, the rendered
    `prompt`, `prompt_sha256` and `timings_ms`; its `usage_metadata` has the tokens, cached ones under
    `input_token_details["cache_read"]`.

    Args:
        engine: shared with whoever else asks it.
        adapter: name of an adapter that the engine has loaded, or None for the base weights.
        request_id: for `Engine.cancel`; only for a model that is called once. None makes a new one per call.
        piece_ms: chunks come at least so far apart, with all that was written meanwhile; 0 is one per token.

    Raises (when called):
        EngineError: the prompt is too long, the adapter is not loaded, or the model failed.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    engine: Engine
    adapter: str | None = None
    request_id: str | None = None
    piece_ms: float = 30.0

    @property
    def _llm_type(self) -> str:
        return "tandem-engine"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.engine.name, "adapter": self.adapter}

    @property
    def context_tokens(self) -> int:
        return self.engine.context_tokens

    @property
    def parameters(self) -> int:
        return self.engine.parameters

    @property
    def reads(self) -> bool:
        entry = entry_for(self.engine.name)
        return entry is not None and entry.reads

    def get_num_tokens(self, text: str) -> int:
        """Return how many of the model's own tokens `text` has."""
        return self.engine.count_tokens(text)

    def paced(self, piece_ms: float) -> "EngineChatModel":
        return self.model_copy(update={"piece_ms": piece_ms})

    def answering(self, **changes: Any) -> "EngineChatModel":
        return self.model_copy(update={"request_id": uuid.uuid4().hex, **changes})

    def cancel(self) -> None:
        if self.request_id is not None:
            self.engine.cancel(self.request_id)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        sampling = merge_sampling(self.sampling, stop, kwargs)
        # A closing message of the assistant's is the beginning of the answer, to be gone on with.
        begun = bool(messages) and isinstance(messages[-1], AIMessage)
        prompt = self.engine.render(as_dicts(messages), thinking=sampling.thinking, continue_last=begun)
        request = GenerationRequest(
            self.request_id or uuid.uuid4().hex, prompt.token_ids, self.adapter, sampling, self.piece_ms
        )
        events = self.engine.stream([request])
        try:
            for event in events:
                if isinstance(event, EngineFailed):
                    raise event.error
                chunk = _as_chunk(event) if isinstance(event, EngineToken) else self._last(event, prompt.text)
                if run_manager is not None and chunk.text:
                    run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk
        finally:
            # Reached when the caller stops listening too: the engine then ends the request.
            events.close()  # type: ignore[attr-defined]

    def _last(self, done: EngineDone, prompt: str) -> ChatGenerationChunk:
        """The closing chunk: counts, clocks and what the model read."""
        check = None if self.adapter is None else self.engine.adapter_check(self.adapter)
        later = max(done.completion_tokens - 1, 0)  # tokens after the first
        metadata = {
            **_logprobs(done),
            "finish_reason": done.finish_reason,
            "model_name": self.engine.name,
            "model_revision": self.engine.revision,
            "adapter": self.adapter,
            "adapter_check": None if check is None else asdict(check),
            "prompt": prompt,
            "prompt_sha256": hashlib.sha256(prompt.encode()).hexdigest(),
            "tokens_per_s": done.tokens_per_s,
            "memory_bytes": (done.prompt_tokens + done.completion_tokens) * self.engine.token_bytes,
            "timings_ms": {
                "queued": done.queued_ms,
                "prefill": done.prefill_ms,
                "first_token": done.first_token_ms,
                "generate": 1000 * later / done.tokens_per_s if done.tokens_per_s else 0.0,
            },
        }
        usage = UsageMetadata(
            input_tokens=done.prompt_tokens,
            output_tokens=done.completion_tokens,
            total_tokens=done.prompt_tokens + done.completion_tokens,
            input_token_details={"cache_read": done.cached_tokens},
        )
        message = AIMessageChunk(
            content="", response_metadata=metadata, usage_metadata=usage, chunk_position="last"
        )
        return ChatGenerationChunk(message=message, generation_info={"finish_reason": done.finish_reason})


def _as_chunk(event: EngineToken) -> ChatGenerationChunk:
    told = _logprobs(event)
    if event.thinking:
        thought = {"reasoning_content": event.text}
        message = AIMessageChunk(content="", additional_kwargs=thought, response_metadata=told)
    else:
        message = AIMessageChunk(content=event.text, response_metadata=told)
    return ChatGenerationChunk(message=message)


def _logprobs(event: EngineToken | EngineDone) -> dict[str, Any]:
    """Metadata as LangChain's own model for OpenAI has it."""
    if not event.logprobs:
        return {}
    return {"logprobs": {"content": [token.as_openai() for token in event.logprobs]}}


def merge_sampling(sampling: Sampling, stop: Sequence[str] | None, changes: Mapping[str, Any]) -> Sampling:
    """`sampling` with the call's own wishes; what is not a field of `Sampling` is a mistake and is said."""
    wishes = {name: value for name, value in changes.items() if value is not None}
    if "max_tokens" in wishes:
        wishes["max_new_tokens"] = wishes.pop("max_tokens")
    unknown = set(wishes) - _SAMPLING_FIELDS
    if unknown:
        raise TypeError(f"unknown sampling options {sorted(unknown)}; known are {sorted(_SAMPLING_FIELDS)}")
    stops = tuple(wishes.pop("stop", None) or sampling.stop) + tuple(stop or ())
    return replace(sampling, **wishes, stop=stops)


def as_dicts(messages: Sequence[BaseMessage]) -> list[dict[str, str]]:
    """LangChain messages as the chat template wants them.

    Raises:
        ValueError: a message of a kind that a local chat model cannot be told, such as a tool's.
    """
    told = []
    for message in messages:
        role = _ROLES.get(message.type)
        if role is None:
            raise ValueError(f"messages of type {message.type!r} are not supported; use {sorted(_ROLES)}")
        told.append({"role": role, "content": message.text})
    return told
