"""What the arms of one question do only once: rewriting a follow-up, and looking passages up."""

import threading
import time
from collections.abc import Callable, Sequence

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.retrievers import BaseRetriever
from pydantic import PrivateAttr

from assistant.arms import Turn
from assistant.chain import Condense, condense_by_model
from assistant.condense import condense_by_rules
from assistant.messages import Language
from knowledge.documents import Retrieval
from knowledge.retriever import to_document


class SharedRetriever(BaseRetriever):
    """Looks a query up once, however many arms ask for it; a failure is told to all of them."""

    _retrieve: Callable[[str], Retrieval] = PrivateAttr()
    _done: dict[str, Retrieval | Exception] = PrivateAttr(default_factory=dict)
    _seconds: dict[str, float] = PrivateAttr(default_factory=dict)
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    def __init__(self, retrieve: Callable[[str], Retrieval]) -> None:
        super().__init__()
        self._retrieve = retrieve

    def result(self, query: str) -> Retrieval:
        """The retrieval for a query, looked up now if nobody did before."""
        with self._lock:
            if query not in self._done:
                began = time.perf_counter()
                try:
                    self._done[query] = self._retrieve(query)
                except Exception as err:
                    self._done[query] = err
                self._seconds[query] = time.perf_counter() - began
            found = self._done[query]
        if isinstance(found, Exception):
            raise found
        return found

    def seconds(self, query: str) -> float:
        """How long the look-up took."""
        return self._seconds.get(query, 0.0)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return [to_document(passage) for passage in self.result(query).passages]


class SharedQuery:
    """Rewrites a follow-up once, so that all arms search for the same.

    Args:
        writer: gives the model that rewrites, or None where rules are better; called when it is needed.
        way: how; None asks the model if there is one, else goes by rules.
    """

    def __init__(
        self, writer: Callable[[], BaseChatModel | None], *, way: Condense | None, language: Language
    ) -> None:
        self._writer = writer
        self._way = way
        self._language = language
        self._lock = threading.Lock()
        self._query: str | None = None

    def condense(self, question: str, history: Sequence[Turn]) -> str:
        """The query for a question that has a history."""
        with self._lock:
            if self._query is None:
                self._query = self._rewritten(question, history)
            return self._query

    def _rewritten(self, question: str, history: Sequence[Turn]) -> str:
        if self._way == "off":
            return question
        model = None if self._way == "rules" else self._writer()
        if model is None:
            return condense_by_rules(question, history)
        return condense_by_model(question, history, model, self._language)
