"""Searching, asking by several arms, and the conversations that keep the answers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from assistant.app.documents import Documents
from assistant.arm_names import arm_named
from assistant.arms import (
    RAG,
    Answer,
    Arm,
    Event,
    Finished,
    Lookup,
    Retrieved,
    Sampling,
    Token,
    Turn,
    passages_of,
    to_json,
)
from assistant.errors import AssistantError
from assistant.messages import Language
from assistant.settings import GenerationSettings
from assistant.setup import SAMPLE_BASES, example_questions
from knowledge.documents import Notice, Passage, Retrieval, SearchOptions
from knowledge.messages import render

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

    from assistant.chat_model import AnsweringModel
    from assistant.context import ContextProfile
    from assistant.conversations import Conversation, ConversationSummary
    from knowledge.embeddings import Embedder
    from knowledge.retriever import KnowledgeRetriever


class Answering(Documents):
    """Searching and asking."""

    def notice_text(self, notice: Notice, language: Language) -> str:
        """A notice as one line."""
        return render(notice.code, notice.params, language)

    def example_questions(self, language: Language) -> list[str]:
        """Questions to begin with: of the sample manual in `language` while it is indexed, else none."""
        indexed = {SAMPLE_BASES.get(base.name) for base in self.bases() if base.chunks}
        return example_questions(language) if language in indexed else []

    def search(
        self,
        query: str,
        *,
        base_ids: Sequence[int],
        top_k: int | None = None,
        mode: Literal["hybrid", "dense", "lexical"] | None = None,
        score_threshold: float = 0.0,
    ) -> Retrieval:
        """Ranked passages for a query."""
        chosen = self.settings.retrieval
        asked = SearchOptions(
            base_ids=tuple(base_ids),
            top_k=top_k or chosen.top_k,
            mode=mode or chosen.mode,
            score_threshold=score_threshold,
            reranker=self.settings.models.reranker or "",
            candidates=self.knowledge.config.candidates,
        )
        found = self.knowledge.search(
            query,
            base_ids=base_ids,
            top_k=asked.top_k,
            mode=asked.mode,
            score_threshold=score_threshold,
            reranker=self.loaded.reranker(),
        )
        return replace(found, asked=asked)

    def ask(
        self,
        question: str,
        *,
        arms: Sequence[Arm] = (RAG,),
        base_ids: Sequence[int],
        conversation_id: int | None = None,
        instead_of: int | None = None,
        sampling: Sampling | None = None,
        language: Language | None = None,
        top_k: int | None = None,
        history: Sequence[Turn] = (),
        instructions: str = "",
        plain: bool = False,
        should_stop: Callable[[], bool] = lambda: False,
        retrieve: Callable[[str], Retrieval] | None = None,
        piece_ms: float | None = None,
    ) -> Iterator[Event]:
        """Answer a question by each arm, yielding what happens; arms come interleaved.

        Args:
            base_ids: the knowledge bases that retrieving arms search.
            conversation_id: the answers are added to it when all arms are done, and its earlier turns are
                the history; None asks without saving.
            instead_of: the conversation's turn whose place the answers take: it is no part of the history, and
                goes when there is something to put in its place.
            sampling: in place of the settings'; None, with nothing set there, takes what suits the model.
            language: of prompt and refusal; None takes the question's.
            history: earlier turns, where the asker keeps the conversation.
            instructions, plain, should_stop: as for `assistant.ask.ask`.
            retrieve: in place of searching the bases, for passages that were found before; arms that say how
                theirs are found search all the same.
            piece_ms: tokens of an engine of ours come at least so far apart, after the first; None takes what
                suits a page. Whoever shows nothing before the end asks for infinity, and wakes nobody till then.

        Closing the iterator cancels what still runs; what was written by then is added all the same.
        """
        from assistant.ask import ask

        earlier: list[Passage] = []
        if conversation_id is not None:
            conversation = self.conversations.get(conversation_id)
            turns = tuple(turn for turn in conversation.turns if turn.id != instead_of)
            conversation = replace(conversation, turns=turns)
            history = conversation.history(arms[0].name)
            if conversation.turns and (last := conversation.turns[-1].answers.get(arms[0].name)):
                earlier = passages_of(last)
        if sampling is None and self.settings.generation != GenerationSettings():
            sampling = self.settings.generation.sampling()

        def chat_model_for(arm: Arm) -> "AnsweringModel":
            model = self.chat_model(arm)
            return model if piece_ms is None else model.paced(piece_ms)

        def look_up(own: Lookup, query: str) -> Retrieval:
            ids = self.base_ids(own.bases) if own.bases else base_ids
            if not ids:
                raise AssistantError("arm_no_base")
            return self.search(query, base_ids=ids, top_k=own.top_k or top_k, mode=own.mode)

        heard = _Heard(arms)
        keep = partial(
            self._keep,
            conversation_id,
            question,
            heard,
            instead_of=instead_of,
            base_ids=base_ids,
            sampling=sampling,
        )
        try:
            for event in ask(
                question,
                arms=arms,
                history=history,
                earlier=earlier,
                retrieve=retrieve or partial(look_up, Lookup()),
                look_up=look_up,
                chat_model_for=chat_model_for,
                sampling=sampling,
                language=language,
                instructions=instructions,
                plain=plain,
                should_stop=should_stop,
                refuse_below=self.settings.retrieval.score_threshold,
                embedder=self._citing_embedder(base_ids),
                profile=self._profile(),
                adapter_sha256=self.loaded.adapter_sha256,
            ):
                heard.add(event)
                yield event
        except Exception:
            raise
        except BaseException:  # closed, or torn away from where it waits
            heard.cut_off()
            keep()
            raise
        keep()

    def _keep(
        self,
        conversation_id: int | None,
        question: str,
        heard: "_Heard",
        *,
        instead_of: int | None,
        base_ids: Sequence[int],
        sampling: Sampling | None,
    ) -> None:
        """Add a question and its answers to a conversation, where there is one and any arm has answered."""
        if conversation_id is None or not heard.answers:
            return
        if instead_of is not None and not any(answer.text for answer in heard.answers.values()):
            return  # stopped before the first word: what was there stays
        self.conversations.add_turn(
            conversation_id,
            question,
            heard.answers,
            retrievals=heard.retrievals,
            instead_of=instead_of,
            base_names=[self.knowledge.base(base_id).name for base_id in base_ids],
            settings={"sampling": to_json(sampling), "model": self.settings.models.chat},
        )

    def arm(self, name: str) -> Arm:
        """The arm of this name: `base`, `rag`, `sft:<adapter>` or `rag+sft:<adapter>`, with what is its own.

        Raises:
            AssistantError: the name is none of these.
        """
        return arm_named(name)

    def retriever(
        self, bases: Sequence[str] | None = None, *, top_k: int | None = None
    ) -> "KnowledgeRetriever":
        """The named knowledge bases, or all, as a LangChain retriever."""
        from knowledge.retriever import KnowledgeRetriever

        return KnowledgeRetriever(
            knowledge=self.knowledge,
            base_ids=tuple(self.base_ids(bases)),
            top_k=top_k or self.settings.retrieval.top_k,
            mode=self.settings.retrieval.mode,
            reranker=self.loaded.reranker(),
        )

    def chain(
        self, arm: str = RAG.name, *, bases: Sequence[str] | None = None
    ) -> "Runnable[dict[str, Any], dict[str, Any]]":
        """An arm as a LangChain runnable: `input`, `chat_history` to `context`, `answer`.

        Args:
            arm: its name, as for `arm`.
            bases: names of the knowledge bases that it searches; all by default.

        Raises:
            AssistantError: no arm is called so.
            NotFoundError: there is no such knowledge base.
        """
        from assistant.arm_chain import ArmChain

        chosen = self.arm(arm)
        ask = partial(self.ask, base_ids=self.base_ids(bases))
        return ArmChain(chosen, ask, held=lambda: chosen.retrieval and self.reading_profile(chosen).guard)

    def chat_model(self, arm: Arm = RAG) -> "AnsweringModel":
        """The chat model that answers for an arm."""
        if arm.model is not None and arm.model != self.settings.models.chat:
            return self.other_models.chat_model(arm.model, arm.adapter)
        return self.loaded.chat_model(arm.adapter)

    def _profile(self) -> "ContextProfile | None":
        from assistant.context import FULL, SMALL

        return {"auto": None, "small": SMALL, "full": FULL}[self.settings.models.reader_profile]

    def reading_profile(self, arm: Arm = RAG) -> "ContextProfile":
        """How much the model of an arm can read, and how its answers are treated."""
        from assistant.context import profile_for

        model = self.chat_model(arm)
        return self._profile() or profile_for(model.parameters, reads=model.reads)

    def _citing_embedder(self, base_ids: Sequence[int]) -> "Embedder":
        name = self.knowledge.base(base_ids[0]).embedder if base_ids else self.settings.models.embedding
        return self.knowledge.embedder(name)

    def conversation_list(self, search: str = "") -> "list[ConversationSummary]":
        """Saved conversations, latest first."""
        return self.conversations.list(search)

    def create_conversation(self, title: str = "") -> int:
        """Begin a conversation; without a title it takes its first question."""
        return self.conversations.create(title)

    def conversation(self, conversation_id: int) -> "Conversation":
        """One conversation with its turns."""
        return self.conversations.get(conversation_id)

    def rename_conversation(self, conversation_id: int, title: str) -> None:
        """Give a conversation another title."""
        self.conversations.rename(conversation_id, title)

    def delete_conversation(self, conversation_id: int) -> None:
        """Delete a conversation without trace."""
        self.conversations.delete(conversation_id)

    def export_conversation(
        self, conversation_id: int, form: Literal["markdown", "json"], language: Language = "en"
    ) -> str:
        """A conversation as a file's text, with citations and settings."""
        return self.conversations.export(conversation_id, form, language)


class _Heard:
    """What the arms of one question have said so far, by their names: what a conversation keeps."""

    def __init__(self, arms: Sequence[Arm]) -> None:
        self.answers: dict[str, Answer] = {}
        self.retrievals: dict[str, Retrieval] = {}
        self._written = dict.fromkeys((arm.name for arm in arms), "")

    def add(self, event: Event) -> None:
        """Take note of what happens."""
        match event:
            case Retrieved():
                self.retrievals[event.arm.name] = event.retrieval
            case Token(thinking=False):
                self._written[event.arm.name] += event.text
            case Finished():
                self.answers[event.arm.name] = event.answer

    def cut_off(self) -> None:
        """Let what unfinished arms have written be their answers, without sources."""
        for name, text in self._written.items():
            self.answers.setdefault(name, Answer(text.strip(), finish_reason="cancelled"))
