"""Why a retrieving arm was wrong: every cause, and none where it cannot be known."""

import pytest

from assistant.arms import Answer, Citation
from assistant.compare.losses import retrieval_losses
from assistant.compare.planning import make_plan
from assistant.compare.questions import Evidence, Question, QuestionSet
from assistant.compare.records import Experiment, StoredAnswer, StoredRetrieval
from assistant.compare.scoring import score_retrieval
from knowledge.documents import Retrieval
from tests.assistant.compare.scripted import passage

QUOTE = "Number 1 is value 1."
GOLD, OTHER = passage(QUOTE), passage("Something else.", number=2)
ASKED = Question("q", "?", ("value 1",), evidence=(Evidence("a.md", QUOTE),))
UNANSWERABLE = Question("q", "?", answerable=False)
FAQ = Question("q", "?", ("value 1",), evidence=(Evidence("faq.md"),), document="faq.md")
ELSEWHERE = Question("q", "?", ("value 1",), evidence=(Evidence("faq.md", QUOTE),))
REFUSED = Answer("I could not find it.", refused=True)


def citing(*passages) -> Answer:
    return Answer("wrong", citations=tuple(Citation(i, p, ((0, 3),), 0.8) for i, p in enumerate(passages, 1)))


def cause(question: Question, answer: Answer, *found, arm: str = "rag", kept: bool = False) -> str:
    """`kept`: whether the passages are what the arm looked up itself."""
    plan = make_plan(QuestionSet("", (question,)), ["base", arm])
    experiment = Experiment(1, "", "done", plan, (question,), "", {}, None, 0.0, None)
    retrieval = Retrieval("?", found)
    scores = score_retrieval(question, retrieval, indexed=["a.md"])
    answers = {(arm, "q"): StoredAnswer("q", arm, answer, None, True, None, None, {})}
    stored = StoredRetrieval("q", 0.1, retrieval, scores)
    own = {("q", arm): stored} if kept else {}
    told = retrieval_losses(experiment, answers, lambda arm, question: 0.0, {"q": stored}, own)
    return told[arm].get("q", "")


@pytest.mark.parametrize(
    ("question", "answer", "found", "told"),
    [
        (UNANSWERABLE, citing(OTHER), (OTHER,), "not_in_documents"),
        (UNANSWERABLE, REFUSED, (OTHER,), ""),
        (ELSEWHERE, citing(OTHER), (OTHER,), "not_indexed"),
        (FAQ, citing(OTHER), (OTHER,), ""),  # where the row was taken from is no passage that the user named
        (Question("q", "?", ("x",)), citing(OTHER), (OTHER,), ""),
        (ASKED, citing(OTHER), (OTHER,), "irrelevant"),
        (ASKED, REFUSED, (OTHER, GOLD), "refused"),
        (ASKED, citing(GOLD), (OTHER, GOLD), "misread"),
        (ASKED, citing(OTHER), (OTHER, GOLD), "conflicting"),
        (ASKED, citing(), (OTHER, GOLD), "not_used"),
    ],
)
def test_every_cause(question: Question, answer: Answer, found: tuple, told: str) -> None:
    assert cause(question, answer, *found) == told


def test_of_an_arm_that_looks_up_for_itself_counts_what_it_found() -> None:
    assert cause(ASKED, citing(OTHER), OTHER, arm="rag?top_k=3", kept=True) == "irrelevant"
    assert cause(ASKED, citing(OTHER), OTHER, GOLD, arm="rag?top_k=3", kept=True) == "conflicting"


def test_where_that_is_not_kept_only_what_it_cites_is_known() -> None:
    assert cause(ASKED, citing(OTHER), OTHER, arm="rag?top_k=3") == ""
    assert cause(ASKED, citing(GOLD), OTHER, arm="rag?top_k=3") == "misread"
    assert cause(UNANSWERABLE, citing(OTHER), OTHER, arm="rag?top_k=3") == "not_in_documents"
    assert cause(ASKED, citing(OTHER), OTHER, arm="rag?model=x") == "irrelevant"


def test_a_source_alone_that_is_not_indexed_is_no_gold_passage() -> None:
    def reason(question: Question) -> str:
        scores = score_retrieval(question, Retrieval("?", (OTHER,)), indexed=["a.md"])
        return scores["recall_at_5"].reason

    assert (reason(FAQ), reason(ELSEWHERE)) == ("no_evidence", "source_not_indexed")
