"""POST /v1/completions: a text goes on, without chat template, prompt or passages."""

import time
import uuid
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from assistant.api.chat import Piece, Usage, finish_reason, sampling_for, wishes
from assistant.api.door import Call, Events, Reply
from assistant.api.errors import ApiError
from assistant.api.limits import tokens_each
from assistant.api.schemas import CompletionRequest
from assistant.api.served import find
from assistant.api.slots import ShouldStop, Slots
from assistant.arms import Answer
from assistant.generation import EngineDone, EngineFailed, EngineToken, GenerationRequest, room_for_answer

if TYPE_CHECKING:
    from assistant.app import App


class Completions:
    """The handler.

    Args:
        get_app: the App, opened when first asked for.
        slots: where generating runs.
        max_tokens: the most that one request may ask for.
    """

    def __init__(self, get_app: Callable[[], "App"], slots: Slots, *, max_tokens: int) -> None:
        self._get_app = get_app
        self._slots = slots
        self._max_tokens = max_tokens

    async def __call__(self, call: Call) -> Reply:
        """Answer one request."""
        request = call.read(CompletionRequest)
        texts = len(request.prompt) * (request.n or 1)
        each = tokens_each(self._max_tokens, texts=texts, asked=request.max_tokens)
        pieces = self._slots.stream(lambda should_stop: _go_on(self._get_app(), request, each, should_stop))
        if request.stream:
            return Events(self._chunks(request, pieces))
        return await self._whole(request, pieces)

    async def _whole(self, request: CompletionRequest, pieces: AsyncGenerator[Piece, None]) -> dict[str, Any]:
        texts: dict[int, str] = {}
        tokens: dict[int, list[dict[str, Any]]] = {}
        likely = _Likelihoods(request)
        choices = []
        usage = Usage()
        async with aclosing(pieces):
            async for piece in pieces:
                texts[piece.choice] = texts.get(piece.choice, "") + piece.text
                tokens.setdefault(piece.choice, []).extend(piece.logprobs)
                if piece.answer is not None:
                    usage = _add(usage, piece.answer)
                    reason = finish_reason(piece.answer.finish_reason)
                    told = likely.of(piece.choice, tokens[piece.choice])
                    choices.append(_choice(piece.choice, texts[piece.choice], reason, told))
        return {**_head(request.model), "choices": choices, "usage": usage.as_json()}

    async def _chunks(
        self, request: CompletionRequest, pieces: AsyncGenerator[Piece, None]
    ) -> AsyncGenerator[dict[str, Any], None]:
        head = _head(request.model)
        counting = request.stream_options is not None and request.stream_options.include_usage
        if counting:
            head["usage"] = None
        usage = Usage()
        likely = _Likelihoods(request)
        async with aclosing(pieces):
            async for piece in pieces:
                reason = None
                if piece.answer is not None:
                    usage = _add(usage, piece.answer)
                    reason = finish_reason(piece.answer.finish_reason)
                told = likely.of(piece.choice, piece.logprobs)
                yield {**head, "choices": [_choice(piece.choice, piece.text, reason, told)]}
        if counting:
            yield {**head, "choices": [], "usage": usage.as_json()}


def _go_on(app: "App", request: CompletionRequest, each: int, should_stop: ShouldStop) -> Iterator[Piece]:
    """Go on with every prompt, `n` times each, one after the other, in the thread that iterates."""
    from assistant.chat_model import EngineChatModel

    model = find(app, request.model)
    if model.arm.retrieval:
        raise ApiError("api_not_searching_raw", field="model", name="model_not_supported", model=model.id)
    chat_model = app.chat_model(model.arm)
    if not isinstance(chat_model, EngineChatModel):
        raise ApiError("api_not_local", field="model", name="model_not_supported", model=model.id)
    engine = chat_model.engine
    wanted = wishes(
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        max_new_tokens=request.max_tokens,
        seed=request.seed,
        repetition_penalty=request.repetition_penalty,
        stop=request.stop,
        logprobs=request.logprobs,
    )
    copies = request.n or 1
    prompts = [engine.encode(text) for text in request.prompt]
    for prompt in prompts:  # all of them before the first word: afterwards no status can tell it
        room_for_answer(len(prompt.token_ids), chat_model.context_tokens)
    for choice in range(copies * len(prompts)):
        prompt = prompts[choice // copies]
        if request.echo:
            yield Piece(choice, prompt.text)
        sampling = sampling_for(app, model, wanted, choice % copies, tokens_each=each)
        asked = GenerationRequest(uuid.uuid4().hex, prompt.token_ids, model.arm.adapter, sampling)
        for event in engine.stream([asked], should_stop=should_stop):
            if isinstance(event, EngineFailed):
                raise event.error
            if isinstance(event, EngineToken):
                yield Piece(choice, event.text, logprobs=_told(event))
            else:
                told = Answer(
                    "",
                    prompt_tokens=event.prompt_tokens,
                    cached_tokens=event.cached_tokens,
                    completion_tokens=event.completion_tokens,
                    finish_reason=event.finish_reason,
                )
                yield Piece(choice, answer=told, logprobs=_told(event))
        if should_stop():
            return


def _add(usage: Usage, answer: Answer) -> Usage:
    """Prompts differ here, so each one counts."""
    return Usage(
        usage.prompt + answer.prompt_tokens,
        usage.cached + answer.cached_tokens,
        usage.completion + answer.completion_tokens,
    )


def _head(model: str) -> dict[str, Any]:
    return {
        "id": f"cmpl-{uuid.uuid4().hex}",
        "object": "text_completion",
        "created": int(time.time()),
        "model": model,
    }


def _choice(choice: int, text: str, reason: str | None, logprobs: dict[str, Any] | None) -> dict[str, Any]:
    return {"index": choice, "text": text, "logprobs": logprobs, "finish_reason": reason}


def _told(event: EngineToken | EngineDone) -> tuple[dict[str, Any], ...]:
    return tuple(token.as_openai() for token in event.logprobs)


class _Likelihoods:
    """Probabilities in the words of this older interface, whose offsets count from the beginning of the answer."""

    def __init__(self, request: CompletionRequest) -> None:
        self._wanted = request.logprobs is not None
        self._offsets: dict[int, int] = {}

    def of(self, choice: int, tokens: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
        """What is told beside a piece; None where nothing was asked for."""
        if not self._wanted:
            return None
        at = self._offsets.get(choice, 0)
        offsets = []
        for token in tokens:
            offsets.append(at)
            at += len(token["token"])
        self._offsets[choice] = at
        return {
            "tokens": [token["token"] for token in tokens],
            "token_logprobs": [token["logprob"] for token in tokens],
            "top_logprobs": [
                {row["token"]: row["logprob"] for row in token["top_logprobs"]} for token in tokens
            ],
            "text_offset": offsets,
        }
