"""The chain of retrieval and generation, in LangChain's expression language.

`{input, chat_history}` becomes `{input, chat_history, query, context, shaped, answer}`. Streaming it yields
the query, then the passages, then the answer piece by piece. Works with any retriever and chat model.
`assistant.arm_run` runs it for every arm; `assistant.arm_chain` is what comes of that, citations included, as a runnable.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableLambda, RunnablePassthrough
from langchain_core.runnables.utils import AddableDict

from assistant.arms import Turn
from assistant.chat_model import AnsweringModel
from assistant.condense import condense_by_rules, leans_on_history
from assistant.context import FULL, ContextProfile, CountTokens, ShapedContext, shape_context
from assistant.errors import AssistantError
from assistant.language import detect_language
from assistant.messages import Language
from assistant.prompts import build_messages, condense_messages, plain_messages, refusal
from knowledge.documents import Passage

if TYPE_CHECKING:
    from knowledge.embeddings import Embedder

Condense = Literal["rules", "model", "off"]
Rewrite = Callable[[str, Sequence[Turn]], str]
_NEW_BEFORE_EARLIER = 2
_CONDENSE_TURNS = 6
_LONGEST_QUERY = 400
_EARLIER = 2


def build_chain(
    retriever: BaseRetriever | None,
    chat_model: BaseChatModel,
    *,
    language: Language | None = None,
    profile: ContextProfile = FULL,
    condense: Condense | Rewrite = "rules",
    budget: int = 2048,
    refuse_below: float = 0.0,
    embedder: "Embedder | None" = None,
    count_tokens: CountTokens | None = None,
    whole_message: bool = False,
    plain: bool = False,
) -> Runnable[dict[str, Any], dict[str, Any]]:
    """Return the chain.

    Its input may also have `earlier`: documents that the previous answer used; they stay available to a
    follow-up that leans on them.

    Args:
        retriever: None answers without retrieval; the chain then has no `query`, `context` and `shaped`.
        language: of prompt and refusal; None takes the question's.
        profile: how much the model can read (see `assistant.context`).
        condense: how a follow-up becomes a query that stands alone: by rules, by asking the model, not at
            all, or by a function of one's own, given the question and the turns before it.
        budget: tokens that the passages may take in the prompt.
        refuse_below: passages whose `score` is lower are dropped; when none remain, the answer is a refusal
            and the model is not run.
        embedder: helps to pick sentences; only where it knows the question's language.
        count_tokens: of the answering model; None asks an `AnsweringModel`, and estimates for any other,
            whose own counting may fetch a tokenizer from the network.
        whole_message: `answer` is the model's message with its metadata instead of its text.
        plain: without a retriever, the model reads the conversation as it stands, without our prompt.

    The chain's input may have `instructions`, a system message of the asker's.

    Raises (when it runs):
        AssistantError: passages were found, and none fits the budget.
    """
    if count_tokens is None:
        ours = isinstance(chat_model, AnsweringModel)
        count_tokens = chat_model.get_num_tokens if ours else estimate_tokens
    steps = _Steps(
        chat_model=chat_model,
        searches=retriever is not None,
        language=language,
        profile=profile,
        condense=condense,
        budget=budget,
        refuse_below=refuse_below,
        embedder=embedder,
        count_tokens=count_tokens,
        whole_message=whole_message,
        plain=plain,
    )
    if retriever is None:
        return RunnableGenerator(steps.answered)
    said: Runnable[Any, Any] = RunnableGenerator(steps.answer)
    if not whole_message:
        said = said | StrOutputParser()
    search = RunnableLambda(lambda state: state["query"]) | retriever
    return (
        RunnablePassthrough.assign(query=RunnableLambda(steps.query))
        .assign(context=RunnablePassthrough.assign(found=search) | RunnableLambda(steps.relevant))
        .assign(shaped=RunnableLambda(steps.shaped))
        .assign(answer=said)
    )


@dataclass(frozen=True, kw_only=True)
class _Steps:
    """The steps of a chain, each from the state so far to its next entry; options as of `build_chain`."""

    chat_model: BaseChatModel
    searches: bool
    language: Language | None
    profile: ContextProfile
    condense: Condense | Rewrite
    budget: int
    refuse_below: float
    embedder: "Embedder | None"
    count_tokens: CountTokens
    whole_message: bool
    plain: bool

    def query(self, state: dict[str, Any]) -> str:
        """What to search for."""
        history = as_turns(state.get("chat_history", ()))
        if self.condense == "off" or not history:
            return str(state["input"])
        if callable(self.condense):
            return self.condense(state["input"], history)
        if self.condense == "rules":
            return condense_by_rules(state["input"], history)
        return condense_by_model(state["input"], history, self.chat_model, self._language(state))

    def relevant(self, state: dict[str, Any]) -> list[Document]:
        """What was found and is good enough, with what the previous answer used where a follow-up leans on it."""
        found = [d for d in state["found"] if d.metadata.get("score", 1.0) >= self.refuse_below]
        earlier = list(state.get("earlier", ()))
        if not earlier or not state.get("chat_history") or not leans_on_history(state["input"]):
            return found
        return _with_earlier(found, earlier)

    def shaped(self, state: dict[str, Any]) -> ShapedContext:
        """What the model reads of it."""
        passages = [as_passage(document, at) for at, document in enumerate(state["context"])]
        # A follow-up's own words say little about which sentences answer it; the query does.
        return shape_context(
            state["query"],
            passages,
            count_tokens=self.count_tokens,
            budget=self.budget,
            profile=self.profile,
            embedder=self.embedder,
        )

    def answer(self, states: Iterator[dict[str, Any]]) -> Iterator[BaseMessage]:
        """The model's message piece by piece; a refusal, without the model, where there is nothing to read."""
        for state in _joined(states):
            if self.searches and not state["shaped"].used:
                if state["shaped"].cut_tokens:
                    raise AssistantError("passages_do_not_fit", budget=max(self.budget, 0))
                metadata = {"finish_reason": "refused"}
                yield AIMessageChunk(content=refusal(self._language(state)), response_metadata=metadata)
                return
            yield from self.chat_model.stream(self._messages(state))

    def answered(self, states: Iterator[dict[str, Any]]) -> Iterator[AddableDict]:
        """The state with its answer, without retrieval.

        As `RunnablePassthrough.assign` does, but every token stays in this thread.
        """
        for state in _joined(states):
            yield AddableDict(state)
            for piece in self.answer(iter((state,))):
                yield AddableDict(answer=piece if self.whole_message else piece.text)

    def _messages(self, state: dict[str, Any]) -> list[BaseMessage]:
        """What the model is told."""
        history = as_turns(state.get("chat_history", ()))
        instructions = state.get("instructions", "")
        if self.plain and not self.searches:
            return plain_messages(state["input"], history=history, instructions=instructions)
        return build_messages(
            state["input"],
            context=state["shaped"].text if self.searches else None,
            history=history,
            language=self._language(state),
            profile=self.profile,
            instructions=instructions,
        )

    def _language(self, state: dict[str, Any]) -> Language:
        return self.language or detect_language(state["input"])


def condense_by_model(
    question: str, history: Sequence[Turn], chat_model: BaseChatModel, language: Language
) -> str:
    """Return the question as `chat_model` rewrites it to stand alone; by rules where its reply is no question."""
    messages = condense_messages(question, history[-_CONDENSE_TURNS:], language)
    # A rewriting is short, the same every time, and needs no thinking.
    options = {"temperature": 0.0, "max_new_tokens": 96, "thinking": False, "stop": None}
    model = chat_model.bind(**options) if isinstance(chat_model, AnsweringModel) else chat_model
    lines = model.invoke(messages).text.strip().splitlines()
    rewritten = lines[0].strip() if lines else ""
    if not rewritten or len(rewritten) > _LONGEST_QUERY + len(question):
        return condense_by_rules(question, history)
    return rewritten


def as_passage(document: Document, at: int = 0) -> Passage:
    """Return a document as a passage. What another retriever's metadata lacks gets a neutral value.

    Args:
        at: its rank, which numbers documents that have no chunk id.
    """
    metadata = document.metadata
    known = {name: metadata[name] for name in Passage.__dataclass_fields__ if name in metadata}
    neutral: dict[str, Any] = {
        "chunk_id": -1 - at,
        "source_id": -1,
        "base_id": -1,
        "source_name": str(metadata.get("source", "")),
        "start": 0,
        "end": len(document.page_content),
        "score": 1.0,
    }
    known["heading_path"] = tuple(metadata.get("heading_path", ()))
    return Passage(**neutral | known | {"text": document.page_content})


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a text has: one for a Chinese character, one for 3.5 others."""
    han = sum("\u3400" <= character <= "\u9fff" for character in text)
    return han + round((len(text) - han) / 3.5)


def as_turns(messages: Sequence[BaseMessage | Turn]) -> list[Turn]:
    """Return LangChain messages as turns; system and tool messages are left out."""
    turns: list[Turn] = []
    for message in messages:
        if isinstance(message, Turn):
            turns.append(message)
        elif isinstance(message, AIMessage):
            turns.append(Turn("assistant", message.text))
        elif message.type == "human":
            turns.append(Turn("user", message.text))
    return turns


def _with_earlier(found: list[Document], earlier: list[Document]) -> list[Document]:
    """New passages with the previous answer's after the best of them, none twice."""
    known = {_identity(document) for document in found}
    added = [document for document in earlier if _identity(document) not in known][:_EARLIER]
    return [*found[:_NEW_BEFORE_EARLIER], *added, *found[_NEW_BEFORE_EARLIER:]]


def _identity(document: Document) -> Any:
    return document.metadata.get("chunk_id", document.page_content)


def _joined(states: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The pieces of a streamed state as one."""
    whole: dict[str, Any] = {}
    for state in states:
        whole |= state
    yield whole
