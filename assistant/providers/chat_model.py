"""A provider's model as a LangChain chat model, with the same ways as our own engine's."""

import hashlib
import time
from collections.abc import Iterator
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk
from pydantic import ConfigDict, PrivateAttr

from assistant.chat_model import AnsweringModel, as_dicts, merge_sampling
from assistant.providers.asking import Hangup
from assistant.providers.speech import Ended, Likely, Messages, Said, Speaker, split_thoughts


class ProviderChatModel(AnsweringModel):
    """A chat model on another program's server.

    Sampling is set and overridden, and thoughts and metadata are told, as of `EngineChatModel`; the prompt in the
    metadata is the messages as they were sent, because the server renders them. A last message from the assistant,
    the beginning of an answer, is left out: most servers cannot go on with one.

    Args:
        speaker: the server.
        provider: what the user calls it.
        model: what the server calls the model; that of the adapter, where there is one.
        adapter: the arm's adapter, for the record.
        limit: tokens of prompt and answer together.

    Raises (when called):
        ProviderError: the server is down, slow, refuses, or speaks something else.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    speaker: Any  # a Speaker; pydantic cannot check protocols
    provider: str
    model: str
    adapter: str | None = None
    limit: int = 8192
    _hangup: Hangup = PrivateAttr(default_factory=Hangup)

    @property
    def _llm_type(self) -> str:
        return "tandem-provider"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": f"{self.provider}/{self.model}", "adapter": self.adapter}

    @property
    def context_tokens(self) -> int:
        return self.limit

    @property
    def parameters(self) -> int | None:
        return None

    def get_num_tokens(self, text: str) -> int:
        """Return about how many tokens `text` has; the server's own count is not known beforehand."""
        from assistant.chain import estimate_tokens

        return estimate_tokens(text)

    def answering(self, **changes: Any) -> "ProviderChatModel":
        model = self.model_copy(update=changes)
        model._hangup = Hangup()
        return model

    def cancel(self) -> None:
        self._hangup.ring()

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        sampling = merge_sampling(self.sampling, stop, kwargs)
        asked = as_dicts(messages)
        if len(asked) > 1 and asked[-1]["role"] == "assistant":
            asked.pop()
        speaker: Speaker = self.speaker
        began = time.perf_counter()
        first = None
        ended = False
        speech = speaker.chat(self.model, asked, sampling, hangup=self._hangup)
        try:
            for piece in split_thoughts(speech):
                if isinstance(piece, Likely):
                    chunk = _likely_chunk(piece)
                elif isinstance(piece, Said):
                    first = first or time.perf_counter()
                    chunk = _chunk(piece)
                else:
                    chunk = self._last(piece, asked, began, first or time.perf_counter())
                    ended = True
                if run_manager is not None and chunk.text:
                    run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk
            if not ended:  # hung up
                yield self._last(Ended("cancelled"), asked, began, first or time.perf_counter())
        finally:
            # Reached when the caller stops listening too: the server then ends the answer.
            speech.close()  # type: ignore[attr-defined]

    def _last(self, ended: Ended, asked: Messages, began: float, first: float) -> ChatGenerationChunk:
        """The closing chunk: counts, clocks and what was sent."""
        prompt = "\n\n".join(f"[{message['role']}]\n{message['content']}" for message in asked)
        spent = time.perf_counter() - first
        counted = ended.completion_tokens
        metadata = {
            "finish_reason": ended.finish_reason,
            "model_name": f"{self.provider}/{self.model}",
            "model_revision": ended.model if ended.model != self.model else "",
            "adapter": self.adapter,
            "prompt": prompt,
            "prompt_sha256": hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest(),
            "tokens_per_s": (counted - 1) / spent if counted > 1 and spent > 0 else 0.0,
            "timings_ms": {
                "prefill": ended.prefill_ms,
                "first_token": 1000 * (first - began),
                "generate": 1000 * spent,
            },
        }
        usage = UsageMetadata(
            input_tokens=ended.prompt_tokens,
            output_tokens=counted,
            total_tokens=ended.prompt_tokens + counted,
            input_token_details={"cache_read": ended.cached_tokens},
        )
        message = AIMessageChunk(
            content="", response_metadata=metadata, usage_metadata=usage, chunk_position="last"
        )
        return ChatGenerationChunk(message=message, generation_info={"finish_reason": ended.finish_reason})


def _chunk(piece: Said) -> ChatGenerationChunk:
    if piece.thinking:
        message = AIMessageChunk(content="", additional_kwargs={"reasoning_content": piece.text})
    else:
        message = AIMessageChunk(content=piece.text)
    return ChatGenerationChunk(message=message)


def _likely_chunk(piece: Likely) -> ChatGenerationChunk:
    told = {"logprobs": {"content": list(piece.tokens)}}
    return ChatGenerationChunk(message=AIMessageChunk(content="", response_metadata=told))
