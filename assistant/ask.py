"""The one function that answers: takes arms, yields events. Page, command line and experiments call it.

Every arm runs in a thread of its own through the same chain; all share one retrieval. What an arm cannot do
is told in its `Failed` event and does not stop the others.
"""

import logging
import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from assistant.arms import (
    RAG,
    AdapterCheck,
    Answer,
    Arm,
    ArmRecord,
    Event,
    Failed,
    Finished,
    Lookup,
    Retrieved,
    Sampling,
    Token,
    Turn,
)
from assistant.chain import Condense, build_chain, estimate_tokens
from assistant.chat_model import AnsweringModel
from assistant.citations import cite
from assistant.compare.machine import PeakMemory
from assistant.context import ContextProfile, ShapedContext, profile_for
from assistant.errors import TANDEM_ERRORS, AssistantError
from assistant.extractive import guard_answer
from assistant.generation import room_for_answer
from assistant.language import detect_language
from assistant.messages import Language
from assistant.prompts import (
    build_messages,
    looks_like_refusal,
    may_become_refusal,
    refusal,
    without_documents,
)
from assistant.shared_lookup import SharedQuery, SharedRetriever
from knowledge.documents import Passage, Retrieval
from knowledge.retriever import to_document

if TYPE_CHECKING:
    from knowledge.embeddings import Embedder

logger = logging.getLogger(__name__)

_DEFAULT_CONTEXT_TOKENS = 8192
_TEMPLATE_TOKENS = 64
_PATIENCE_S = 0.1


@dataclass(frozen=True)
class _Question:
    """Everything the arms of one question share."""

    text: str
    history: tuple[Turn, ...]
    earlier: tuple[Passage, ...]
    language: Language
    sampling: Sampling | None
    profile: ContextProfile | None
    refuse_below: float
    embedder: "Embedder | None"
    context_tokens: int | None
    adapter_sha256: Callable[[str], str | None]
    instructions: str = ""
    plain: bool = False
    memory: PeakMemory = field(default_factory=PeakMemory)
    began: float = field(default_factory=time.perf_counter)


def ask(
    question: str,
    *,
    arms: Sequence[Arm],
    retrieve: Callable[[str], Retrieval],
    chat_model_for: Callable[[Arm], BaseChatModel],
    history: Sequence[Turn] = (),
    earlier: Sequence[Passage] = (),
    sampling: Sampling | None = None,
    language: Language | None = None,
    profile: ContextProfile | None = None,
    condense: Condense | None = None,
    refuse_below: float = 0.0,
    embedder: "Embedder | None" = None,
    context_tokens: int | None = None,
    look_up: Callable[[Lookup, str], Retrieval] | None = None,
    adapter_sha256: Callable[[str], str | None] = lambda name: None,
    instructions: str = "",
    plain: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Answer `question` once per arm and yield what happens, as it happens.

    Each arm yields a `Retrieved` if it retrieves, then `Token`s, and ends with one `Finished` or `Failed`.
    An answer's text is what counts: it may differ from the tokens shown, where the model's answer had no
    support in the passages and their best sentence takes its place, or where it was a refusal. Closing the
    iterator cancels all arms.

    Args:
        arms: all different.
        retrieve: called once per query, whatever the number of arms.
        look_up: the same for arms that say how their passages are found: once per query and way.
        chat_model_for: an arm's model, its adapter chosen; sampling is set here for an `AnsweringModel` and
            left as it is for any other.
        history: the conversation so far, oldest first.
        earlier: passages that the previous answer cited; they stay available to a follow-up.
        sampling: None takes what suits the model's size.
        language: of prompt and refusal; None takes the question's.
        profile: how much the model can read; None goes by its size.
        condense: how a follow-up becomes a query; None asks the model if it is large enough, else rules.
        refuse_below: passages with a lower score are dropped; when none remain, the model is not run.
        embedder: for picking sentences and for citations; left alone where it does not know the language.
        context_tokens: the model's limit for prompt and answer; None asks the engine.
        adapter_sha256: of a named adapter's weights, for the record.
        instructions: a system message of the asker's; it stands before ours.
        plain: arms without retrieval get the conversation as it stands, with no prompt of ours and no habits
            of a profile, as a client that brings its own prompts expects.
        should_stop: asked several times a second, from the iterating thread; True ends the events and cancels
            all arms, for callers that cannot close the iterator while it waits.

    Raises:
        AssistantError: the question is empty.
        ValueError: no arm was given, or one twice.
    """
    if not question.strip():
        raise AssistantError("question_empty")
    if not arms or len(set(arms)) < len(arms):
        raise ValueError(f"arms must be given and all different, got {[arm.name for arm in arms]}")
    spoken = language or detect_language(question)
    knows = embedder is not None and not {spoken, "*"}.isdisjoint(embedder.languages)
    shared = _Question(
        text=question.strip(),
        history=tuple(history),
        earlier=tuple(earlier),
        language=spoken,
        sampling=sampling,
        profile=profile,
        refuse_below=refuse_below,
        embedder=embedder if knows else None,
        context_tokens=context_tokens,
        adapter_sha256=adapter_sha256,
        instructions=instructions,
        plain=plain,
    )
    query = SharedQuery(lambda: _query_writer(shared, chat_model_for), way=condense, language=shared.language)
    retrievers: dict[Lookup, SharedRetriever] = {Lookup(): SharedRetriever(retrieve)}
    for arm in arms:
        if arm.retrieval and arm.lookup not in retrievers:
            if look_up is None:
                raise ValueError(f"arm {arm.name} needs look_up")
            retrievers[arm.lookup] = SharedRetriever(partial(look_up, arm.lookup))
    return _events(shared, arms, retrievers, query, chat_model_for, should_stop)


def _events(
    shared: _Question,
    arms: Sequence[Arm],
    retrievers: Mapping[Lookup, SharedRetriever],
    query: SharedQuery,
    chat_model_for: Callable[[Arm], BaseChatModel],
    should_stop: Callable[[], bool],
) -> Iterator[Event]:
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    shared.memory.begin()
    runs = [
        _ArmRun(
            arm, shared, retrievers[arm.lookup if arm.retrieval else Lookup()], query, chat_model_for, events
        )
        for arm in arms
    ]
    try:
        for run in runs:
            threading.Thread(target=run.run, name=f"ask-{run.arm.name}", daemon=True).start()
        waiting = len(runs)
        while waiting and not should_stop():
            try:
                event = events.get(timeout=_PATIENCE_S)
            except queue.Empty:
                continue
            waiting -= isinstance(event, Finished | Failed)
            yield event
    finally:
        for run in runs:
            run.cancel()


def _profile(shared: _Question, model: BaseChatModel) -> ContextProfile:
    """What was asked for, else what suits the model's size."""
    if shared.profile is not None:
        return shared.profile
    if not isinstance(model, AnsweringModel):
        return profile_for(None)
    return profile_for(model.parameters, reads=model.reads, language=shared.language)


def _query_writer(shared: _Question, chat_model_for: Callable[[Arm], BaseChatModel]) -> BaseChatModel | None:
    """The model that rewrites a follow-up, on the base weights; None where it is too small for that."""
    model = chat_model_for(RAG)
    return None if _profile(shared, model).name == "small" else model


class _ArmRun:
    """One arm's way through the chain, in its own thread."""

    def __init__(
        self,
        arm: Arm,
        shared: _Question,
        retriever: SharedRetriever,
        query: SharedQuery,
        chat_model_for: Callable[[Arm], BaseChatModel],
        events: "queue.SimpleQueue[Event]",
    ) -> None:
        self.arm = arm
        self._shared = shared
        self._retriever = retriever
        self._query = query
        self._chat_model_for = chat_model_for
        self._events = events
        self._cancelled = threading.Event()
        self._shown = False
        self._held = ""
        self._rewords = False
        self._model: BaseChatModel | None = None

    def cancel(self) -> None:
        """Stop as soon as the current step is done."""
        self._cancelled.set()
        if isinstance(self._model, AnsweringModel):
            self._model.cancel()

    def run(self) -> None:
        """Answer and put the events; never raises."""
        try:
            self._answer()
        except TANDEM_ERRORS as err:
            self._events.put(Failed(self.arm, err))
        except Exception as err:
            if self._cancelled.is_set():
                return
            logger.exception("arm %s failed", self.arm.name)
            reason = str(err) or type(err).__name__
            self._events.put(
                Failed(self.arm, AssistantError("answer_failed", arm=self.arm.name, reason=reason))
            )

    def _answer(self) -> None:
        shared = self._shared
        model, profile, sampling = self._prepare()
        history, cut = self._history(model)
        state: dict[str, Any] = {
            "input": shared.text,
            "chat_history": list(history),
            "instructions": shared.instructions,
        }
        if self.arm.retrieval:
            state["earlier"] = [to_document(passage) for passage in shared.earlier]
        chain = build_chain(
            self._retriever if self.arm.retrieval else None,
            model,
            language=shared.language,
            profile=profile,
            condense=self._query.condense,
            budget=self._budget(model, profile, sampling, history) if self.arm.retrieval else 0,
            refuse_below=shared.refuse_below,
            embedder=shared.embedder,
            whole_message=True,
            plain=shared.plain,
        )
        prepared = time.perf_counter()
        clocks = {"model": 1000 * (prepared - shared.began)}
        said: list[Any] = []
        retrieval: Retrieval | None = None
        for piece in chain.stream(state):
            if self._cancelled.is_set():
                return
            if "query" in piece:
                state["query"] = piece["query"]
                clocks["condense"] = _ms(prepared)
            if "context" in piece:
                retrieval = self._retriever.result(state["query"])
                clocks["retrieve"] = 1000 * self._retriever.seconds(state["query"])
                self._events.put(Retrieved(self.arm, state["query"], retrieval))
            if "shaped" in piece:
                state["shaped"] = piece["shaped"]
            if "answer" in piece:
                clocks.setdefault("first_token", _ms(shared.began))
                said.append(piece["answer"])
                self._show(piece["answer"])
        if self._held:
            self._events.put(Token(self.arm, self._held))
        # Joined once: chunks added one by one would be copied for every token.
        message = said[0] + said[1:] if len(said) > 1 else said[0]
        answer = self._finish(message, state, profile, sampling, clocks, retrieval)
        self._events.put(Finished(self.arm, replace(answer, cut_tokens=answer.cut_tokens + cut)))

    def _prepare(self) -> tuple[BaseChatModel, ContextProfile, Sampling]:
        """The arm's model with its sampling set, and what suits its size."""
        shared = self._shared
        model = self._chat_model_for(self.arm)
        profile = _profile(shared, model)
        if shared.plain and not self.arm.retrieval:
            sampling = shared.sampling or Sampling()
        else:
            sampling = shared.sampling or Sampling(
                max_new_tokens=profile.max_new_tokens, repetition_penalty=profile.repetition_penalty
            )
            sampling = replace(sampling, stop=sampling.stop or profile.stop)
        if self.arm.retrieval and profile.refusal_bias:
            opening = f" {refusal(shared.language)}"
            sampling = replace(sampling, opening=opening, opening_bias=profile.refusal_bias)
        # Who asks for the tokens' probabilities wants the tokens as they were drawn.
        self._rewords = not self.arm.retrieval and sampling.logprobs is None
        if sampling.seed is None:
            # Drawn here, so that the record can tell it.
            sampling = replace(sampling, seed=secrets.randbelow(2**31))
        if isinstance(model, AnsweringModel):
            model = model.answering(sampling=sampling)
        self._model = model
        if self._cancelled.is_set():
            self.cancel()  # it was asked for while there was no model to tell
        return model, profile, sampling

    def _limit(self, model: BaseChatModel) -> tuple[int, Callable[[str], int]]:
        """Tokens that prompt and answer may have together, and what counts them."""
        limit = self._shared.context_tokens
        if isinstance(model, AnsweringModel):
            return limit or model.context_tokens, model.get_num_tokens
        return limit or _DEFAULT_CONTEXT_TOKENS, estimate_tokens

    def _history(self, model: BaseChatModel) -> tuple[tuple[Turn, ...], int]:
        """The latest turns, in at most half of the context, and how many tokens of earlier ones are left out."""
        shared = self._shared
        if not shared.history or (shared.plain and not self.arm.retrieval):
            return shared.history, 0
        limit, count = self._limit(model)
        room = limit // 2
        for kept, turn in enumerate(reversed(shared.history)):
            room -= count(turn.content)
            if room < 0:
                at = len(shared.history) - kept
                at += at < len(shared.history) and shared.history[at].role == "assistant"
                return shared.history[at:], sum(count(turn.content) for turn in shared.history[:at])
        return shared.history, 0

    def _budget(
        self, model: BaseChatModel, profile: ContextProfile, sampling: Sampling, history: Sequence[Turn]
    ) -> int:
        """Tokens that passages may take: the context less question, history, template, and the answer.

        An answer that may become long takes half of what is left; it ends where the context does.

        Raises:
            EngineError: question and history alone are too long.
        """
        shared = self._shared
        limit, count = self._limit(model)
        frame = build_messages(
            shared.text,
            context=" ",
            history=history,
            language=shared.language,
            profile=profile,
            instructions=shared.instructions,
        )
        room = room_for_answer(sum(count(message.text) for message in frame) + _TEMPLATE_TOKENS, limit)
        return room - min(sampling.max_new_tokens, room // 2)

    def _show(self, piece: BaseMessage) -> None:
        logprobs = tuple(piece.response_metadata.get("logprobs", {}).get("content", ()))
        thought = piece.additional_kwargs.get("reasoning_content", "")
        if thought:
            self._events.put(Token(self.arm, thought, thinking=True, logprobs=logprobs))
            logprobs = ()
        text = str(piece.text) if self._shown else piece.text.lstrip()
        if text and self._rewords and (self._held or not self._shown):
            text = self._held + text
            self._shown = True
            self._held = text if may_become_refusal(text) else ""
            text = "" if self._held else without_documents(text, self._shared.language)
        if text or logprobs:
            self._shown = self._shown or bool(text)
            self._events.put(Token(self.arm, text, logprobs=logprobs))

    def _finish(
        self,
        message: BaseMessage,
        state: dict[str, Any],
        profile: ContextProfile,
        sampling: Sampling,
        clocks: dict[str, float],
        retrieval: Retrieval | None,
    ) -> Answer:
        """The answer with its citations, counts, clocks and record."""
        shared = self._shared
        shaped: ShapedContext | None = state.get("shaped")
        question: str = state.get("query", shared.text)  # a follow-up's own words say little
        told = message.response_metadata
        thinking = message.additional_kwargs.get("reasoning_content", "")
        text = message.text.strip()
        if "</think>" in text:
            # A template that opens the thoughts itself leaves only their end in the answer.
            before, _, text = (part.strip() for part in text.partition("</think>"))
            thinking = f"{thinking}\n{before}".strip()
        reason = told.get("finish_reason") or "stop"
        trusted = profile.trusts_refusal or not self.arm.retrieval
        refused = reason == "refused" or (trusted and looks_like_refusal(text))
        shown = [used.passage for used in shaped.used] if shaped is not None else []
        if refused and self.arm.retrieval:
            text = refusal(shared.language)
        elif self._rewords:
            text = without_documents(text, shared.language)
        elif shown and profile.guard and reason != "cancelled":
            text = guard_answer(question, text, shown, embedder=shared.embedder).text
        began = time.perf_counter()
        sentences, citations = cite(
            text, [] if refused else shown, question=question, embedder=shared.embedder
        )
        clocks["cite"] = _ms(began)
        for stage in ("prefill", "generate"):
            if stage in told.get("timings_ms", {}):
                clocks[stage] = told["timings_ms"][stage]
        clocks["total"] = _ms(shared.began)
        ours = "memory_bytes" in told  # only our own engine, whose adapters lie here, tells that
        usage: Any = getattr(message, "usage_metadata", None) or {}
        return Answer(
            text=text,
            sentences=sentences,
            citations=citations,
            refused=refused,
            thinking=thinking,
            prompt=told.get("prompt", ""),
            prompt_tokens=usage.get("input_tokens", 0),
            cached_tokens=(usage.get("input_token_details") or {}).get("cache_read", 0),
            completion_tokens=usage.get("output_tokens", 0),
            cut_tokens=shaped.cut_tokens if shaped is not None else 0,
            finish_reason=reason,
            timings_ms=clocks,
            peak_memory_bytes=shared.memory.read() if ours else None,
            own_memory_bytes=told.get("memory_bytes"),
            record=ArmRecord(
                arm=self.arm.name,
                model=told.get("model_name", ""),
                model_revision=told.get("model_revision", ""),
                adapter=self.arm.adapter,
                adapter_sha256=shared.adapter_sha256(self.arm.adapter) if self.arm.adapter and ours else None,
                adapter_check=AdapterCheck(**told["adapter_check"]) if told.get("adapter_check") else None,
                prompt_sha256=told.get("prompt_sha256", ""),
                index_generation=retrieval.generation if retrieval is not None else "",
                refuse_below=shared.refuse_below if self.arm.retrieval else None,
                reader_profile=profile.name if self.arm.retrieval else "",
                sampling=sampling,
            ),
        )


def _ms(began: float) -> float:
    return 1000 * (time.perf_counter() - began)
