"""App: builds and holds everything; the one door for the page, the command line and the API.

Parts are built on first use. One App owns its data folder (a lock of the operating system) and may be
used from many threads.
"""

import logging
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from assistant.arms import (
    BASE,
    RAG,
    Answer,
    Arm,
    Event,
    Finished,
    Retrieved,
    Sampling,
    Token,
    Turn,
    passages_of,
    to_json,
)
from assistant.errors import TANDEM_ERRORS, AssistantError
from assistant.jobs import Job, Jobs
from assistant.locking import DataFolderLock
from assistant.messages import Language
from assistant.settings import GenerationSettings, Settings, load_settings
from assistant.setup import SAMPLE_BASES, example_questions
from knowledge.documents import Notice, ParsedDocument, Passage, Retrieval
from knowledge.messages import render

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.runnables import Runnable

    from assistant.compare.votes import Votes
    from assistant.context import ContextProfile
    from assistant.conversations import Conversation, Conversations, ConversationSummary
    from assistant.doctor import Check
    from assistant.models import ModelInfo, Models
    from knowledge.base import BaseInfo, Knowledge, Preview, SourceInfo, StoredChunk
    from knowledge.embeddings import Embedder
    from knowledge.indexing import IndexEvent
    from knowledge.originals import SourceInput
    from knowledge.parsing import Limits
    from knowledge.parsing.page_image import PageImage
    from knowledge.planning import IndexPlan
    from knowledge.retriever import KnowledgeRetriever
    from knowledge.splitter import SplitterConfig

logger = logging.getLogger(__name__)

Part = TypeVar("Part")


def built_once(build: "Callable[[App], Part]") -> "Part":
    """A property that is built by whichever thread asks first; `functools.cached_property` has no lock."""
    name = build.__name__

    @wraps(build)
    def get(app: "App") -> Part:
        with app._building:
            if name not in app._parts:
                app._parts[name] = build(app)
            return app._parts[name]

    return property(get)  # type: ignore[return-value]


Stage = Literal["starting", "fetching", "loading", "ready", "failed"]


@dataclass(frozen=True)
class Readiness:
    """How far the models are.

    Args:
        stage: "fetching" while a model is downloaded, "loading" while it comes into memory.
        model: the model's name.
        done, total: bytes, while fetching.
        error: why it failed.
    """

    stage: Stage
    model: str = ""
    done: int = 0
    total: int | None = None
    error: Exception | None = None


@dataclass(frozen=True)
class PassageContext:
    """A chunk as it stands in its document, for reading around it."""

    source_id: int
    source_name: str
    before: str
    text: str
    after: str
    page_first: int | None
    page_label: str
    heading_path: tuple[str, ...]
    media_type: str


class App:
    """Everything Tandem can do, over one data folder.

    Use `App.open`, as a context manager or with `close` at the end.
    """

    def __init__(self, settings: Settings, lock: DataFolderLock) -> None:
        self.settings = settings
        self._lock = lock
        self._building = threading.RLock()
        self._parts: dict[str, Any] = {}
        self._readiness = Readiness("starting", settings.models.chat)
        self._warming: threading.Thread | None = None

    @classmethod
    def open(cls, settings: Settings | None = None, *, purpose: str = "python") -> "App":
        """Take the data folder and return the App over it.

        Args:
            purpose: told to a second process that wants the same folder.

        Raises:
            SettingsError: the settings are wrong.
            DataFolderError: another process holds the folder, or it cannot be written.
        """
        settings = settings or load_settings()
        return cls(settings, DataFolderLock(settings.data_dir, purpose=purpose))

    def close(self) -> None:
        """Stop jobs, close the stores, let the folder go."""
        with self._building:
            for name in ("job_list", "loaded", "knowledge", "conversations", "votes"):
                part = self._parts.pop(name, None)
                if part is not None:
                    part.close()
            self._lock.release()

    def __enter__(self) -> "App":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def describe(self, purpose: str) -> None:
        """Say what this process does with the folder, such as the page's address."""
        self._lock.describe(purpose)

    # ---- parts, built on first use ----

    @built_once
    def knowledge(self) -> "Knowledge":
        """The knowledge bases."""
        from knowledge.base import Knowledge
        from knowledge.config import KnowledgeConfig

        return Knowledge(
            self.settings.data_dir,
            self.settings.database,
            load_embedder=self.loaded.embedder,
            config=KnowledgeConfig(embedder=self.settings.models.embedding),
            limits=self._limits,
        )

    @built_once
    def loaded(self) -> "Models":
        """The models in memory."""
        from assistant.models import Models

        return Models(self.settings)

    @built_once
    def conversations(self) -> "Conversations":
        """Saved conversations."""
        from assistant.conversations import Conversations

        return Conversations(self.settings.database)

    @built_once
    def votes(self) -> "Votes":
        """Votes on answers shown side by side."""
        from assistant.compare.votes import Votes

        return Votes(self.settings.database)

    @built_once
    def job_list(self) -> Jobs:
        """Long work in the background."""
        _ = self.knowledge  # its migrations come first
        jobs = Jobs(self.settings.database)
        self._sweep_uploads(jobs)
        return jobs

    @property
    def _limits(self) -> "Limits":
        from knowledge.parsing import Limits

        parsing = self.settings.parsing
        return Limits(
            seconds=parsing.timeout_s,
            memory_bytes=parsing.memory_mb << 20,
            file_bytes=parsing.max_file_mb << 20,
        )

    # ---- knowledge bases ----

    def bases(self) -> "list[BaseInfo]":
        """All knowledge bases, by name."""
        return self.knowledge.bases()

    def base(self, name_or_id: str | int) -> "BaseInfo":
        """One knowledge base.

        Raises:
            NotFoundError: there is none of this name or number.
        """
        return self.knowledge.base(name_or_id)

    def create_base(self, name: str) -> "BaseInfo":
        """Make an empty knowledge base with the settings' embedder and splitter."""
        return self.knowledge.create_base(name, splitter=self._splitter())

    def base_or_new(self, name: str | None) -> "BaseInfo":
        """The base of this name, made when missing; without a name the one called "default"."""
        return self.base_named(name) or self.create_base(name or "default")

    def base_named(self, name: str | None) -> "BaseInfo | None":
        """The base of this name, if there is one; without a name the one called "default"."""
        return next((base for base in self.bases() if base.name == (name or "default")), None)

    def base_ids(self, names: Sequence[str] | None) -> list[int]:
        """Numbers of the named bases; of all when no name is given."""
        if not names:
            return [base.id for base in self.bases()]
        return [self.knowledge.base(name).id for name in names]

    def rename_base(self, base_id: int, name: str) -> None:
        """Give a knowledge base another name."""
        self.knowledge.rename_base(base_id, name)

    def delete_base(self, base_id: int) -> None:
        """Delete a knowledge base with all its files; no trace remains in store, index or originals."""
        self.knowledge.delete_base(base_id)
        self.job_list.forget_base(base_id)

    def sources(self, base_id: int) -> "list[SourceInfo]":
        """The files of a base, by name."""
        return self.knowledge.sources(base_id)

    def delete_source(self, source_id: int) -> None:
        """Delete a file; no trace remains in store, index or originals."""
        self.knowledge.delete_source(source_id)

    def original(self, source_id: int) -> Path:
        """The file as it was added."""
        return self.knowledge.original(source_id)

    def chunks(self, source_id: int, *, offset: int = 0, limit: int = 50) -> "list[StoredChunk]":
        """A file's chunks in order."""
        return self.knowledge.chunks(source_id, offset=offset, limit=limit)

    def chunk(self, chunk_id: int) -> "StoredChunk":
        """One chunk."""
        return self.knowledge.chunk(chunk_id)

    def edit_chunk(self, chunk_id: int, text: str) -> None:
        """Replace a chunk's text; it is embedded again."""
        self.knowledge.edit_chunk(chunk_id, text)

    def enable_chunk(self, chunk_id: int, enabled: bool) -> None:
        """Let searches find a chunk, or hide it from them."""
        self.knowledge.enable_chunk(chunk_id, enabled)

    def document(self, source_id: int) -> ParsedDocument:
        """A file's text and structure."""
        return self.knowledge.document(source_id)

    def passage_context(self, chunk_id: int, *, around: int = 1200) -> PassageContext:
        """A chunk with up to `around` characters of its document on either side."""
        stored = self.knowledge.chunk(chunk_id)
        source = self.knowledge.source(stored.source_id)
        document = self.knowledge.document(stored.source_id)
        chunk = stored.chunk
        label = next((page.label for page in document.pages if page.number == chunk.page_first), "")
        return PassageContext(
            source_id=source.id,
            source_name=source.name,
            before=document.text[max(0, chunk.start - around) : chunk.start],
            text=chunk.text,
            after=document.text[chunk.end : chunk.end + around],
            page_first=chunk.page_first,
            page_label=label,
            heading_path=chunk.heading_path,
            media_type=document.media_type,
        )

    def page_image(self, source_id: int, page: int, highlight: str | None = None) -> "PageImage | None":
        """A PDF's page as a picture with `highlight` lit up; None for other formats."""
        from knowledge.parsing.page_image import render_page

        if self.knowledge.source(source_id).media_type != "application/pdf":
            return None
        return render_page(self.knowledge.original(source_id), page, highlight=highlight)

    # ---- indexing ----

    def gather(
        self, paths: Iterable[Path], *, password: str | None = None
    ) -> "tuple[list[SourceInput], list[Notice]]":
        """Files and folders as inputs for indexing, and what was passed over."""
        from knowledge.originals import gather_inputs

        inputs, skipped = gather_inputs(paths)
        if password is not None:
            inputs = [replace(item, password=password) for item in inputs]
        return inputs, skipped

    def plan(
        self, base_id: int, inputs: "Sequence[SourceInput]", *, remove_missing: bool = False
    ) -> "IndexPlan":
        """What indexing these inputs would do."""
        return self.knowledge.plan(base_id, inputs, remove_missing=remove_missing)

    def index(
        self,
        base_id: int,
        inputs: "Sequence[SourceInput]",
        *,
        remove_missing: bool = False,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> "Iterator[IndexEvent]":
        """Index now, in this thread, yielding what happens."""
        return self.knowledge.index(base_id, inputs, remove_missing=remove_missing, should_stop=should_stop)

    def start_indexing(
        self, base_id: int, inputs: "Sequence[SourceInput]", *, remove_missing: bool = False
    ) -> Job:
        """Index in the background."""
        arguments = {
            "inputs": [[str(item.path), item.name] for item in inputs],
            "remove_missing": remove_missing,
        }

        def work(should_stop: Callable[[], bool]) -> "Iterator[IndexEvent]":
            return self.index(base_id, inputs, remove_missing=remove_missing, should_stop=should_stop)

        def clean_up(job: Job) -> None:
            if job.state == "done":  # any other may be continued and then wants its files again
                self._remove_uploads(item.path for item in inputs)

        title = self.knowledge.base(base_id).name
        return self.job_list.start(
            "index",
            title,
            work,
            base_id=base_id,
            arguments=arguments,
            after=clean_up,
        )

    def start_reindex(
        self,
        base_id: int,
        *,
        embedder: str | None = None,
        chunk_size: int | None = None,
        chunk_overlap: int | None = None,
    ) -> Job:
        """Cut and embed a base anew in the background, beside the old index; switch when complete."""
        splitter = self._splitter(chunk_size, chunk_overlap) if chunk_size or chunk_overlap else None

        def work(should_stop: Callable[[], bool]) -> "Iterator[IndexEvent]":
            return self.knowledge.reindex(
                base_id, embedder=embedder, splitter=splitter, should_stop=should_stop
            )

        arguments = {"embedder": embedder, "chunk_size": chunk_size, "chunk_overlap": chunk_overlap}
        title = self.knowledge.base(base_id).name
        return self.job_list.start("reindex", title, work, base_id=base_id, arguments=arguments)

    def roll_back(self, base_id: int) -> None:
        """Go back to the index before the last re-index."""
        self.knowledge.roll_back(base_id)

    def continue_job(self, job_id: int) -> Job:
        """Start an interrupted or stopped job again with what it was given."""
        from knowledge.originals import SourceInput

        job = self.job_list.get(job_id)
        if job.base_id is None:
            raise AssistantError("job_unknown", id=job_id)
        self.job_list.forget(job_id)
        if job.kind == "reindex":
            return self.start_reindex(job.base_id, **job.arguments)
        inputs = [SourceInput(path=Path(path), name=name) for path, name in job.arguments["inputs"]]
        return self.start_indexing(job.base_id, inputs, remove_missing=job.arguments["remove_missing"])

    def jobs(self) -> list[Job]:
        """The latest jobs, newest first."""
        return self.job_list.latest()

    def job(self, job_id: int) -> Job:
        """One job."""
        return self.job_list.get(job_id)

    def stop_job(self, job_id: int) -> None:
        """Ask a job to stop; what is finished stays."""
        self.job_list.stop(job_id)

    def forget_job(self, job_id: int) -> None:
        """Take an ended job off the list, and the uploads that it kept for going on."""
        self._remove_uploads(_inputs_of(self.job_list.get(job_id)))
        self.job_list.forget(job_id)

    def save_upload(self, name: str, data: bytes) -> Path:
        """Keep an uploaded file until it is indexed; its name on disk is ours, not the user's."""
        self.settings.uploads_dir.mkdir(parents=True, exist_ok=True)
        path = self.settings.uploads_dir / f"{uuid.uuid4().hex}{safe_suffix(name)}"
        path.write_bytes(data)
        return path

    def _remove_uploads(self, paths: Iterable[Path]) -> None:
        for path in paths:
            if path.parent == self.settings.uploads_dir:
                path.unlink(missing_ok=True)

    def _sweep_uploads(self, jobs: Jobs) -> None:
        """Remove what a crash left in the uploads, but not what an interrupted job still wants."""
        wanted = {path for job in jobs.latest(limit=10_000) for path in _inputs_of(job)}
        if self.settings.uploads_dir.is_dir():
            self._remove_uploads(set(self.settings.uploads_dir.iterdir()) - wanted)

    def preview(
        self,
        path: Path,
        name: str,
        *,
        base_id: int,
        chunk_size: int | None = None,
        chunk_overlap: int | None = None,
        password: str | None = None,
    ) -> "Preview":
        """Parse and cut a file as for a base, or with other sizes, without keeping anything."""
        from knowledge.originals import SourceInput

        base = self.knowledge.base(base_id)
        splitter = base.splitter
        if chunk_size is not None:
            splitter = replace(splitter, chunk_size=chunk_size)
        if chunk_overlap is not None:
            splitter = replace(splitter, chunk_overlap=chunk_overlap)
        source = SourceInput(path=path, name=name, password=password)
        return self.knowledge.preview(source, splitter=splitter, embedder=base.embedder)

    def _splitter(self, chunk_size: int | None = None, chunk_overlap: int | None = None) -> "SplitterConfig":
        from knowledge.splitter import SplitterConfig

        chosen = {
            "chunk_size": chunk_size or self.settings.splitter.chunk_size,
            "chunk_overlap": (
                chunk_overlap if chunk_overlap is not None else self.settings.splitter.chunk_overlap
            ),
        }
        return SplitterConfig(**{key: value for key, value in chosen.items() if value is not None})

    # ---- searching and asking ----

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
        return self.knowledge.search(
            query,
            base_ids=base_ids,
            top_k=top_k or chosen.top_k,
            mode=mode or chosen.mode,
            score_threshold=score_threshold,
            reranker=self.loaded.reranker(),
        )

    def ask(
        self,
        question: str,
        *,
        arms: Sequence[Arm] = (RAG,),
        base_ids: Sequence[int],
        conversation_id: int | None = None,
        sampling: Sampling | None = None,
        language: Language | None = None,
        top_k: int | None = None,
        history: Sequence[Turn] = (),
        instructions: str = "",
        plain: bool = False,
        should_stop: Callable[[], bool] = lambda: False,
        retrieve: Callable[[str], Retrieval] | None = None,
    ) -> Iterator[Event]:
        """Answer a question by each arm, yielding what happens; arms come interleaved.

        Args:
            base_ids: the knowledge bases that retrieving arms search.
            conversation_id: the answers are added to it when all arms are done, and its earlier turns are
                the history; None asks without saving.
            sampling: in place of the settings'; None, with nothing set there, takes what suits the model.
            language: of prompt and refusal; None takes the question's.
            history: earlier turns, where the asker keeps the conversation.
            instructions, plain, should_stop: as for `assistant.ask.ask`.
            retrieve: in place of searching the bases, for passages that were found before.

        Closing the iterator cancels what still runs; what was written by then is added all the same.
        """
        from assistant.ask import ask

        earlier: list[Passage] = []
        if conversation_id is not None:
            conversation = self.conversations.get(conversation_id)
            history = conversation.history(arms[0].name)
            if conversation.turns and (last := conversation.turns[-1].answers.get(arms[0].name)):
                earlier = passages_of(last)
        if sampling is None and self.settings.generation != GenerationSettings():
            sampling = self.settings.generation.sampling()
        answers: dict[str, Any] = {}
        retrievals: dict[str, Retrieval] = {}

        def search(query: str) -> Retrieval:
            return self.search(query, base_ids=base_ids, top_k=top_k)

        written = dict.fromkeys((arm.name for arm in arms), "")

        def keep() -> None:
            if conversation_id is None or not answers:
                return
            self.conversations.add_turn(
                conversation_id,
                question,
                answers,
                retrievals=retrievals,
                base_names=[self.knowledge.base(base_id).name for base_id in base_ids],
                settings={"sampling": to_json(sampling), "model": self.settings.models.chat},
            )

        try:
            for event in ask(
                question,
                arms=arms,
                history=history,
                earlier=earlier,
                retrieve=retrieve or search,
                chat_model_for=self.chat_model,
                sampling=sampling,
                language=language,
                instructions=instructions,
                plain=plain,
                should_stop=should_stop,
                refuse_below=self.settings.retrieval.score_threshold,
                embedder=self._citing_embedder(base_ids),
                profile=self._profile(),
            ):
                if isinstance(event, Retrieved):
                    retrievals[event.arm.name] = event.retrieval
                if isinstance(event, Token) and not event.thinking:
                    written[event.arm.name] += event.text
                if isinstance(event, Finished):
                    answers[event.arm.name] = event.answer
                yield event
        except BaseException as end:
            if isinstance(end, Exception):
                raise
            # Closed, or torn away from where it waits: what was written stays, without sources.
            for name, text in written.items():
                answers.setdefault(name, Answer(text.strip(), finish_reason="cancelled"))
            keep()
            raise
        keep()

    def arm(self, name: str) -> Arm:
        """The arm of this name: `base`, `rag`, `sft:<adapter>` or `rag+sft:<adapter>`.

        Raises:
            AssistantError: the name is none of these.
        """
        kind, _, adapter = name.partition(":")
        if kind in ("base", "rag") and not adapter:
            return RAG if kind == "rag" else BASE
        if kind in ("sft", "rag+sft") and adapter:
            return Arm(retrieval=kind == "rag+sft", adapter=adapter)
        raise AssistantError("arm_unknown", name=name)

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

    def chain(self, bases: Sequence[str] | None = None) -> "Runnable[dict[str, Any], dict[str, Any]]":
        """Retriever and chat model as one LangChain runnable: `input`, `chat_history` to `context`, `answer`."""
        from assistant.chain import build_chain

        engine = self.loaded.engine()
        return build_chain(
            self.retriever(bases),
            self.chat_model(),
            profile=self.reading_profile(),
            budget=engine.context_tokens // 2,
            refuse_below=self.settings.retrieval.score_threshold,
            embedder=self._citing_embedder(self.base_ids(bases)),
        )

    def chat_model(self, arm: Arm = RAG) -> "BaseChatModel":
        """The chat model that answers for an arm."""
        from assistant.chat_model import EngineChatModel

        if arm.adapter is not None:
            self.loaded.use_adapter(arm.adapter)
        return EngineChatModel(engine=self.loaded.engine(), adapter=arm.adapter)

    def _profile(self) -> "ContextProfile | None":
        from assistant.context import FULL, SMALL

        return {"auto": None, "small": SMALL, "full": FULL}[self.settings.models.reader_profile]

    def reading_profile(self) -> "ContextProfile":
        """How much the chat model can read, and how its answers are treated."""
        from assistant.context import profile_for

        return self._profile() or profile_for(self.loaded.engine().parameters)

    def _citing_embedder(self, base_ids: Sequence[int]) -> "Embedder":
        name = self.knowledge.base(base_ids[0]).embedder if base_ids else self.settings.models.embedding
        return self.knowledge.embedder(name)

    # ---- conversations ----

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

    # ---- models and health ----

    def models(self) -> "list[ModelInfo]":
        """The models that can be used, with what is on disk."""
        from assistant.models import list_models

        return list_models(self.settings)

    def model_note(self, language: Language) -> str:
        """Which model answers, and what to expect of it."""
        chosen = self.settings.models.chat
        note = next((row.note(language) for row in self.models() if row.name == chosen), "")
        return f"{chosen}: {note}" if note else chosen

    def adapters(self) -> list[str]:
        """Names of the adapters that arms may use."""
        return self.loaded.adapters()

    def warm_up(self) -> None:
        """Load the models in the background; `ready` follows it."""
        if self._warming is None or not self._warming.is_alive():
            self._warming = threading.Thread(target=self._warm, name="warm-up", daemon=True)
            self._warming.start()

    def ready(self) -> Readiness:
        """How far the models are."""
        return self._readiness

    def _warm(self) -> None:
        chat, embedding = self.settings.models.chat, self.settings.models.embedding

        def follow(stage: str, done: int, total: int | None) -> None:
            self._readiness = Readiness("fetching", chat, done, total)

        try:
            self._readiness = Readiness("loading", embedding)
            self.knowledge.embedder(embedding)
            bases = [base.id for base in self.bases() if base.chunks]
            if bases:  # reads word lists and indexes into memory, so that the first user need not wait
                self.search("预热 warm up", base_ids=bases, top_k=1)
            self._readiness = Readiness("loading", chat)
            self.loaded.engine(progress=follow)
            self._readiness = Readiness("ready", chat)
        except TANDEM_ERRORS as err:
            self._readiness = Readiness("failed", chat, error=err)
        except Exception as err:
            logger.exception("the models could not be loaded")
            self._readiness = Readiness("failed", chat, error=err)

    def doctor(self) -> "list[Check]":
        """What is there and what is missing."""
        from assistant.doctor import examine

        return list(examine(self.settings, holds_lock=True))


def _inputs_of(job: Job) -> list[Path]:
    return [Path(path) for path, _ in job.arguments.get("inputs", [])]


def safe_suffix(name: str) -> str:
    """A file name's ending, if it is a harmless one, else ""."""
    suffix = Path(name).suffix.lower()
    return suffix if suffix[1:].isalnum() and suffix.isascii() and len(suffix) <= 10 else ""
