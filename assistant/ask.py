"""The one function that answers: takes arms, yields events. Page, command line and experiments call it.

Every arm runs in a thread of its own through the same chain (see `assistant.arm_run`); all share one retrieval. What
an arm cannot do is told in its `Failed` event and does not stop the others.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from langchain_core.language_models import BaseChatModel

from assistant.arm_run import ArmRun
from assistant.arms import RAG, Arm, Event, Failed, Finished, Lookup, Sampling, Turn
from assistant.chain import Condense
from assistant.context import ContextProfile
from assistant.errors import AssistantError
from assistant.language import detect_language
from assistant.messages import Language
from assistant.shared_lookup import SharedQuery, SharedRetriever
from assistant.shared_question import Question, profile_of
from knowledge.documents import Passage, Retrieval

if TYPE_CHECKING:
    from knowledge.embeddings import Embedder

_PATIENCE_S = 0.1


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
    shared = Question(
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
    shared: Question,
    arms: Sequence[Arm],
    retrievers: Mapping[Lookup, SharedRetriever],
    query: SharedQuery,
    chat_model_for: Callable[[Arm], BaseChatModel],
    should_stop: Callable[[], bool],
) -> Iterator[Event]:
    """Start every arm and yield what they put, in the order in which it comes."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    shared.memory.begin()
    runs = [
        ArmRun(
            arm,
            shared,
            retrievers[arm.lookup] if arm.retrieval else None,
            query,
            chat_model_for=chat_model_for,
            put=events.put,
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


def _query_writer(shared: Question, chat_model_for: Callable[[Arm], BaseChatModel]) -> BaseChatModel | None:
    """The model that rewrites a follow-up, on the base weights; None where it is too small for that."""
    model = chat_model_for(RAG)
    return None if profile_of(shared, model).name == "small" else model
