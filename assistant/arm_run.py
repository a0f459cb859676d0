"""One arm's answer to a question: its model prepared, its chain run, its tokens shown, its answer finished.

Knows nothing of the other arms but what they share: the question, one retrieval, one query.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from assistant.arms import (
    AdapterCheck,
    Answer,
    Arm,
    ArmRecord,
    Failed,
    Finished,
    Retrieved,
    Sampling,
    Turn,
)
from assistant.chain import build_chain, estimate_tokens
from assistant.chat_model import AnsweringModel
from assistant.citations import cite
from assistant.context import ContextProfile, ShapedContext
from assistant.errors import TANDEM_ERRORS, AssistantError
from assistant.extractive import guard_answer
from assistant.generation import room_for_answer
from assistant.prompts import (
    build_messages,
    looks_like_refusal,
    refusal,
    without_documents,
)
from assistant.shared_lookup import SharedQuery, SharedRetriever
from assistant.shared_question import Question, profile_of
from assistant.writing import Put, Writing, thoughts_apart
from knowledge.documents import Retrieval
from knowledge.retriever import to_document

logger = logging.getLogger(__name__)

_DEFAULT_CONTEXT_TOKENS = 8192
"""Of a model that does not tell its limit."""
_TEMPLATE_TOKENS = 64
"""What a chat template may add to the messages' own tokens."""


@dataclass(frozen=True)
class _Way:
    """What an arm answers with: the model, how much it can read and how it draws, and the turns it is told of.

    Args:
        cut_tokens: of earlier turns, which are left out.
    """

    model: BaseChatModel
    profile: ContextProfile
    sampling: Sampling
    history: tuple[Turn, ...]
    cut_tokens: int


class ArmRun:
    """One arm's way through the chain, in whichever thread calls `run`.

    Args:
        retriever: shared by the arms that search alike; None without retrieval.
        query: shared by all arms.
        chat_model_for: the arm's model, its adapter chosen.
        put: takes the events.
    """

    def __init__(
        self,
        arm: Arm,
        shared: Question,
        retriever: SharedRetriever | None,
        query: SharedQuery,
        *,
        chat_model_for: Callable[[Arm], BaseChatModel],
        put: Put,
    ) -> None:
        self.arm = arm
        self._shared = shared
        self._retriever = retriever
        self._query = query
        self._chat_model_for = chat_model_for
        self._put = put
        self._cancelled = threading.Event()
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
            self._put(Failed(self.arm, err))
        except Exception as err:
            if self._cancelled.is_set():
                return
            logger.exception("arm %s failed", self.arm.name)
            reason = str(err) or type(err).__name__
            self._put(Failed(self.arm, AssistantError("answer_failed", arm=self.arm.name, reason=reason)))

    def _answer(self) -> None:
        shared, retriever = self._shared, self._retriever
        way = self._prepare()
        state: dict[str, Any] = {
            "input": shared.text,
            "chat_history": list(way.history),
            "instructions": shared.instructions,
        }
        if retriever is not None:
            state["earlier"] = [to_document(passage) for passage in shared.earlier]
        chain = build_chain(
            retriever,
            way.model,
            language=shared.language,
            profile=way.profile,
            condense=self._query.condense,
            budget=self._budget(way) if retriever is not None else 0,
            refuse_below=shared.refuse_below,
            embedder=shared.embedder,
            whole_message=True,
            plain=shared.plain,
        )
        prepared = time.perf_counter()
        clocks = {"model": 1000 * (prepared - shared.began)}
        writing = Writing(self.arm, self._put, language=shared.language, rewords=self._rewords(way.sampling))
        said: list[Any] = []
        retrieval: Retrieval | None = None
        for piece in chain.stream(state):
            if self._cancelled.is_set():
                return
            if "query" in piece:
                state["query"] = piece["query"]
                clocks["condense"] = _ms(prepared)
            if "context" in piece and retriever is not None:
                retrieval = retriever.result(state["query"])
                clocks["retrieve"] = 1000 * retriever.seconds(state["query"])
                self._put(Retrieved(self.arm, state["query"], retrieval))
            if "shaped" in piece:
                state["shaped"] = piece["shaped"]
            if "answer" in piece:
                clocks.setdefault("first_token", _ms(shared.began))
                said.append(piece["answer"])
                writing.add(piece["answer"])
        writing.end()
        # Joined once: chunks added one by one would be copied for every token.
        message = said[0] + said[1:] if len(said) > 1 else said[0]
        self._put(Finished(self.arm, self._finish(message, state, way, clocks, retrieval)))

    def _prepare(self) -> _Way:
        """The arm's model with its sampling set, what suits its size, and what of the conversation it is told."""
        shared = self._shared
        model = self._chat_model_for(self.arm)
        profile = profile_of(shared, model)
        sampling = self._sampling(profile)
        if isinstance(model, AnsweringModel):
            model = model.answering(sampling=sampling)
        self._model = model
        if self._cancelled.is_set():
            self.cancel()  # it was asked for while there was no model to tell
        return _Way(model, profile, sampling, *self._history(model))

    def _sampling(self, profile: ContextProfile) -> Sampling:
        """What was asked for, else what suits the profile; always with a seed, so that the record can tell it."""
        shared = self._shared
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
        if sampling.seed is None:
            sampling = replace(sampling, seed=secrets.randbelow(2**31))
        return sampling

    def _rewords(self, sampling: Sampling) -> bool:
        """Whether a refusal is put into our words: not for one who wants the tokens as they were drawn."""
        return not self.arm.retrieval and sampling.logprobs is None

    def _limit(self, model: BaseChatModel) -> tuple[int, Callable[[str], int]]:
        """Tokens that prompt and answer may have together, and what counts them."""
        limit = self._shared.context_tokens
        if isinstance(model, AnsweringModel):
            return limit or model.context_tokens, model.get_num_tokens
        return limit or _DEFAULT_CONTEXT_TOKENS, estimate_tokens

    def _history(self, model: BaseChatModel) -> tuple[tuple[Turn, ...], int]:
        """The latest turns, in at most half of the context, and how many tokens of earlier ones are left out."""
        turns = self._shared.history
        if not turns or (self._shared.plain and not self.arm.retrieval):
            return turns, 0
        limit, count = self._limit(model)
        room = limit // 2
        for kept, turn in enumerate(reversed(turns)):
            room -= count(turn.content)
            if room < 0:
                first = len(turns) - kept
                if first < len(turns) and turns[first].role == "assistant":
                    first += 1  # an answer says little without its question
                return turns[first:], sum(count(turn.content) for turn in turns[:first])
        return turns, 0

    def _budget(self, way: _Way) -> int:
        """Tokens that passages may take: the context less question, history, template, and the answer.

        An answer that may become long takes half of what is left; it ends where the context does.

        Raises:
            EngineError: question and history alone are too long.
        """
        shared = self._shared
        limit, count = self._limit(way.model)
        frame = build_messages(
            shared.text,
            context=" ",
            history=way.history,
            language=shared.language,
            profile=way.profile,
            instructions=shared.instructions,
        )
        room = room_for_answer(sum(count(message.text) for message in frame) + _TEMPLATE_TOKENS, limit)
        return room - min(way.sampling.max_new_tokens, room // 2)

    def _finish(
        self,
        message: BaseMessage,
        state: dict[str, Any],
        way: _Way,
        clocks: dict[str, float],
        retrieval: Retrieval | None,
    ) -> Answer:
        """The answer with its citations, counts, clocks and record."""
        shared, told = self._shared, message.response_metadata
        shaped: ShapedContext | None = state.get("shaped")
        shown = [used.passage for used in shaped.used] if shaped is not None else []
        question: str = state.get("query", shared.text)  # a follow-up's own words say little
        thinking, text = thoughts_apart(message)
        reason = told.get("finish_reason") or "stop"
        trusted = way.profile.trusts_refusal or not self.arm.retrieval
        refused = reason == "refused" or (trusted and looks_like_refusal(text))
        if refused and self.arm.retrieval:
            text = refusal(shared.language)
        elif self._rewords(way.sampling):
            text = without_documents(text, shared.language)
        elif shown and way.profile.guard and reason != "cancelled":
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
            cut_tokens=way.cut_tokens + (shaped.cut_tokens if shaped is not None else 0),
            finish_reason=reason,
            timings_ms=clocks,
            peak_memory_bytes=shared.memory.read() if _is_ours(told) else None,
            own_memory_bytes=told.get("memory_bytes"),
            record=self._record(told, way, retrieval),
        )

    def _record(self, told: dict[str, Any], way: _Way, retrieval: Retrieval | None) -> ArmRecord:
        """Everything needed to make the answer again; `told` is the message's metadata."""
        shared, adapter = self._shared, self.arm.adapter
        check = told.get("adapter_check")
        return ArmRecord(
            arm=self.arm.name,
            model=told.get("model_name", ""),
            model_revision=told.get("model_revision", ""),
            adapter=adapter,
            adapter_sha256=shared.adapter_sha256(adapter) if adapter and _is_ours(told) else None,
            adapter_check=AdapterCheck(**check) if check else None,
            prompt_sha256=told.get("prompt_sha256", ""),
            index_generation=retrieval.generation if retrieval is not None else "",
            refuse_below=shared.refuse_below if self.arm.retrieval else None,
            reader_profile=way.profile.name if self.arm.retrieval else "",
            sampling=way.sampling,
        )


def _is_ours(told: dict[str, Any]) -> bool:
    """Whether an engine of ours answered, whose adapters lie here: only it tells what memory an answer took."""
    return "memory_bytes" in told


def _ms(began: float) -> float:
    """Milliseconds since then."""
    return 1000 * (time.perf_counter() - began)
