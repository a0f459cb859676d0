"""POST /v1/chat/completions: OpenAI's request to `App.ask`, its events to OpenAI's answer, whole or in pieces."""

import math
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from assistant.api.door import Call, Events, Reply
from assistant.api.errors import ApiError
from assistant.api.limits import tokens_each
from assistant.api.schemas import ChatRequest
from assistant.api.served import Served, find
from assistant.api.slots import ShouldStop, Slots
from assistant.arms import Answer, Failed, Finished, Sampling, Token, Turn, to_json

if TYPE_CHECKING:
    from assistant.app import App

_PIECE_MS = 60.0
"""Pieces of a stream come at least so far apart after the first. On two cores each costs some 0.2 ms, by waking a
row of threads on the very cores that compute; a page draws no faster."""

_ALMOST_GREEDY = 1e-3
"""Temperatures below this divide by next to nothing; the likeliest token is what they mean."""


@dataclass(frozen=True)
class Question:
    """What `App.ask` is asked.

    Args:
        tokens_each: the most that each answer may have.
        wishes: fields of `Sampling` that the client set.
        choices: how many answers are wanted.
    """

    model: str
    text: str
    tokens_each: int
    history: tuple[Turn, ...] = ()
    instructions: str = ""
    wishes: tuple[tuple[str, Any], ...] = ()
    choices: int = 1


@dataclass(frozen=True)
class Piece:
    """Something about one choice: text to show now, or its whole answer, which ends it.

    Args:
        logprobs: of the text's tokens, where they were asked for.
        own: whether the answer is what the model wrote, and nothing was put in its place.
    """

    choice: int
    text: str = ""
    thinking: bool = False
    answer: Answer | None = None
    logprobs: tuple[dict[str, Any], ...] = ()
    own: bool = True


@dataclass(frozen=True)
class Usage:
    """Tokens of a request, all its choices together; the prompt counts once, as at OpenAI."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0

    def with_answer(self, answer: Answer) -> "Usage":
        """Add a choice."""
        return Usage(
            max(self.prompt, answer.prompt_tokens),
            max(self.cached, answer.cached_tokens),
            self.completion + answer.completion_tokens,
        )

    def as_json(self) -> dict[str, Any]:
        """In OpenAI's words."""
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": {"cached_tokens": self.cached},
        }


class Chat:
    """The handler.

    Args:
        get_app: the App, opened when first asked for.
        slots: where answering runs.
        max_tokens: the most that one request may ask for.
    """

    def __init__(self, get_app: Callable[[], "App"], slots: Slots, *, max_tokens: int) -> None:
        self._get_app = get_app
        self._slots = slots
        self.max_tokens = max_tokens

    async def __call__(self, call: Call) -> Reply:
        """Answer one request."""
        request = call.read(ChatRequest)
        question = read_question(request, max_tokens=self.max_tokens)
        if request.stream:
            usage = request.stream_options is not None and request.stream_options.include_usage
            return Events(self._chunks(question, usage=usage))
        return await self._whole(question)

    def answers(self, question: Question) -> AsyncGenerator[Piece, None]:
        """Yield each choice's whole answer; what is said before stays in its thread. Raises as `pieces` does."""

        def work(should_stop: ShouldStop) -> Iterator[Piece]:
            return _whole_answers(_ask(self._get_app(), question, should_stop, piece_ms=math.inf))

        return self._slots.stream(work)

    def pieces(self, question: Question) -> AsyncGenerator[Piece, None]:
        """Yield what is said, choice by choice; each ends with its whole answer.

        Raises (while iterated):
            ApiError: the model is unknown or the question too long.
            Exception: what the arm failed with.
        """
        return self._slots.stream(
            lambda should_stop: _ask(self._get_app(), question, should_stop, piece_ms=_PIECE_MS)
        )

    async def _whole(self, question: Question) -> dict[str, Any]:
        choices = []
        usage = Usage()
        async with aclosing(self.answers(question)) as pieces:
            async for piece in pieces:
                if piece.answer is not None:
                    choices.append(_choice(piece.choice, piece.answer, _content(question, piece)))
                    usage = usage.with_answer(piece.answer)
        head = _head(question.model, "chat.completion")
        return {**head, "choices": choices, "usage": usage.as_json()}

    async def _chunks(self, question: Question, *, usage: bool) -> AsyncGenerator[dict[str, Any], None]:
        head = _head(question.model, "chat.completion.chunk")
        if usage:
            head["usage"] = None
        counted = Usage()
        begun = -1
        async with aclosing(self.pieces(question)) as pieces:
            async for piece in pieces:
                if piece.choice > begun:
                    begun = piece.choice
                    yield {**head, "choices": [_delta(begun, {"role": "assistant", "content": ""})]}
                if piece.answer is not None:
                    counted = counted.with_answer(piece.answer)
                    yield {**head, "choices": [_delta(begun, {}) | _ending(piece.answer)]}
                else:
                    name = "reasoning_content" if piece.thinking else "content"
                    delta = _delta(begun, {name: piece.text}) | {"logprobs": _content(question, piece)}
                    yield {**head, "choices": [delta]}
        if usage:
            yield {**head, "choices": [], "usage": counted.as_json()}


def read_question(request: ChatRequest, *, max_tokens: int) -> Question:
    """Return a chat request as a question with its history; turns without text, and those of tools, are no part of it.

    Raises:
        ApiError: the last message is not the user's, or more than `max_tokens` are asked for.
    """
    instructions = "\n\n".join(m.text for m in request.messages if m.role in ("system", "developer"))
    turns = [
        Turn(m.role, m.text)
        for m in request.messages
        if m.role == "user" or (m.role == "assistant" and m.text.strip())
    ]
    if not turns or turns[-1].role != "user":
        raise ApiError("api_no_question", field="messages", name="invalid_value")
    thinking = request.chat_template_kwargs.enable_thinking if request.chat_template_kwargs else None
    limit = request.max_completion_tokens or request.max_tokens
    field = "max_completion_tokens" if request.max_completion_tokens else "max_tokens"
    choices = request.n or 1
    return Question(
        model=request.model,
        text=turns[-1].content,
        history=tuple(turns[:-1]),
        instructions=instructions,
        wishes=wishes(
            temperature=request.temperature,
            top_p=request.top_p,
            top_k=request.top_k,
            max_new_tokens=limit,
            seed=request.seed,
            repetition_penalty=request.repetition_penalty,
            stop=request.stop,
            thinking=thinking,
            logprobs=(request.top_logprobs or 0) if request.logprobs else None,
        ),
        choices=choices,
        tokens_each=tokens_each(max_tokens, texts=choices, asked=limit, field=field),
    )


def wishes(**given: Any) -> tuple[tuple[str, Any], ...]:
    """Return fields of `Sampling` that a client set, put as the engine wants them."""
    found = {name: value for name, value in given.items() if value is not None}
    if found.get("temperature", 1) < _ALMOST_GREEDY:
        found["temperature"] = 0.0
    if "top_k" in found:
        found["top_k"] = max(found["top_k"], 0)
    if "stop" in found:
        found["stop"] = tuple(found["stop"])
    found.setdefault("seed", None)  # who names no seed gets a new draw each time, as at OpenAI
    return tuple(found.items())


def sampling_for(
    app: "App", model: Served, wanted: tuple[tuple[str, Any], ...], choice: int, *, tokens_each: int
) -> Sampling:
    """Return how a model draws: as the client wishes, else as the settings say, else as suits the model.

    Args:
        choice: which of the answers to one prompt; each has a seed of its own.
        tokens_each: the most that it may have, whoever wishes for more.
    """
    from assistant.settings import GenerationSettings

    chosen = Sampling()
    if app.settings.generation != GenerationSettings():
        chosen = app.settings.generation.sampling()
    elif model.arm.retrieval:
        profile = app.reading_profile(model.arm)
        chosen = Sampling(
            max_new_tokens=profile.max_new_tokens, repetition_penalty=profile.repetition_penalty
        )
    given = dict(wanted)
    if model.arm.retrieval:
        # What ends a small model's answer belongs to the way it is asked; a client's own come on top.
        given["stop"] = (*app.reading_profile(model.arm).stop, *given.get("stop", ()))
    chosen = replace(chosen, **given)
    chosen = replace(chosen, max_new_tokens=min(chosen.max_new_tokens, tokens_each))
    return chosen if chosen.seed is None else replace(chosen, seed=(chosen.seed + choice) % 2**63)


def _ask(app: "App", question: Question, should_stop: ShouldStop, *, piece_ms: float) -> Iterator[Piece]:
    """Answer all choices one after the other, in the thread that iterates."""
    model = find(app, question.model)
    if _wants_likelihoods(question) and not app.providers.tells_likelihoods(app.settings.models.chat):
        raise ApiError("api_no_logprobs", field="logprobs", name="logprobs_not_supported", model=model.id)
    if model.arm.retrieval and question.text:  # an empty one is refused where it is asked
        _require_short(app, question.text)
    # What a small model writes is checked against the passages and may be replaced: shown when that is done.
    held = model.arm.retrieval and app.reading_profile(model.arm).guard
    for choice in range(question.choices):
        if should_stop():
            return
        events = app.ask(
            question.text,
            arms=[model.arm],
            base_ids=model.base_ids,
            sampling=sampling_for(app, model, question.wishes, choice, tokens_each=question.tokens_each),
            history=question.history,
            instructions=question.instructions,
            plain=True,
            should_stop=should_stop,
            piece_ms=piece_ms,
        )
        drawn, likely = "", tuple[dict[str, Any], ...]()
        for event in events:
            if isinstance(event, Failed):
                raise event.error
            if isinstance(event, Token):
                drawn += "" if event.thinking else event.text
                if held and not event.thinking:
                    likely += event.logprobs
                else:
                    yield Piece(choice, event.text, event.thinking, logprobs=event.logprobs)
            if isinstance(event, Finished):
                # What was put in the place of the model's words has no probabilities.
                own = drawn.strip() == event.answer.text
                if held:
                    yield Piece(choice, event.answer.text, logprobs=likely if own else ())
                yield Piece(choice, answer=event.answer, own=own)


def _require_short(app: "App", text: str) -> None:
    """Refuse a question that alone is longer than the context, before anything is searched for it."""
    from assistant.generation import room_for_answer

    model = app.chat_model()
    room_for_answer(model.get_num_tokens(text), model.context_tokens)


def _head(model: str, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": model}


def _delta(choice: int, delta: dict[str, Any]) -> dict[str, Any]:
    return {"index": choice, "delta": delta, "logprobs": None, "finish_reason": None}


def _whole_answers(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Each choice's whole answer, with the probabilities of all its tokens."""
    told: list[dict[str, Any]] = []
    for piece in pieces:
        told += piece.logprobs
        if piece.answer is not None:
            yield replace(piece, logprobs=tuple(told) if piece.own else ())
            told = []


def _wants_likelihoods(question: Question) -> bool:
    return dict(question.wishes).get("logprobs") is not None


def _content(question: Question, piece: Piece) -> dict[str, Any] | None:
    """A piece's probabilities as OpenAI tells them; None where they were not asked for, or there are none."""
    if not _wants_likelihoods(question) or not piece.logprobs:
        return None
    return {"content": list(piece.logprobs), "refusal": None}


def _choice(choice: int, answer: Answer, logprobs: dict[str, Any] | None) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.thinking:
        message["reasoning_content"] = answer.thinking
    return {"index": choice, "message": message, "logprobs": logprobs, **_ending(answer)}


def _ending(answer: Answer) -> dict[str, Any]:
    """What the end of a choice tells; all but the first is ours, and ignored by clients that do not know it."""
    return {"finish_reason": finish_reason(answer.finish_reason), **provenance(answer)}


def provenance(answer: Answer) -> dict[str, Any]:
    """Where an answer comes from: its sources, which sentence rests on which, and the arm record."""
    return {
        "citations": to_json(answer.citations),
        "sentences": to_json(answer.sentences),
        "refused": answer.refused,
        "record": to_json(answer.record),
        "timings_ms": answer.timings_ms,
    }


def finish_reason(reason: str) -> str:
    """In OpenAI's words; a refusal for want of passages is a complete answer."""
    return "length" if reason == "length" else "stop"
