"""Why an arm that looks things up got a question wrong."""

from collections.abc import Callable, Mapping

from assistant.arms import Answer
from assistant.compare.cells import cell_of, looks_up_itself
from assistant.compare.questions import Question
from assistant.compare.records import Experiment, StoredAnswer, StoredRetrieval
from assistant.compare.scoring import evidence_rank

RIGHT = 0.5
"""From this score on an answer counts as right."""


def retrieval_losses(
    experiment: Experiment,
    answers: Mapping[tuple[str, str], StoredAnswer],
    score: Callable[[str, Question], float | None],
    retrievals: Mapping[str, StoredRetrieval],
    own: Mapping[tuple[str, str], StoredRetrieval],
) -> dict[str, dict[str, str]]:
    """Why a retrieving arm got a question wrong, by arm and question.

    Of an unanswerable question: "not_in_documents", it was answered all the same. Of an answerable one, in
    this order: "not_indexed", the file with the answer was not searched; "irrelevant", no passage found holds
    the evidence; and where one does: "refused"; "misread", the answer cites it and is wrong all the same;
    "conflicting", the answer rests on other passages; "not_used", it rests on none.

    Args:
        answers: by arm and question.
        own: what arms with a look-up of their own found, by question and arm.
        score: an arm's primary score of a question.
    """
    told: dict[str, dict[str, str]] = {}
    for arm in experiment.plan.arms:
        if not cell_of(arm).startswith("rag"):
            continue
        told[arm] = {}
        for question in experiment.questions:
            stored, value = answers.get((arm, question.id)), score(arm, question)
            found = own.get((question.id, arm)) if looks_up_itself(arm) else retrievals.get(question.id)
            if stored is None or stored.answer is None or value is None or value >= RIGHT:
                continue
            why = _why_lost(question, stored.answer, found)
            if why:
                told[arm][question.id] = why
    return told


def _why_lost(question: Question, answer: Answer, found: StoredRetrieval | None) -> str:
    """One of the reasons of `retrieval_losses`; "" where it is not known where the answer stands.

    Args:
        found: what the arm read; None where that is not kept, as of runs before version 4 with a look-up of their own.
    """
    if not question.answerable:
        return "" if answer.refused else "not_in_documents"
    reasons = set() if found is None else {score.reason for score in found.scores.values()}
    if "source_not_indexed" in reasons:
        # A page of questions and answers names itself as source; that its answers stand nowhere else is not said.
        return "not_indexed" if any(evidence.quote for evidence in question.evidence) else ""
    if not question.evidence or "no_evidence" in reasons:
        return ""
    cited = [citation.passage for citation in answer.citations]
    if found is None:
        read = not answer.refused and any(evidence_rank(evidence, cited) for evidence in question.evidence)
        return "misread" if read else ""
    if all(evidence_rank(evidence, found.retrieval.passages) is None for evidence in question.evidence):
        return "irrelevant"
    if answer.refused:
        return "refused"
    if any(evidence_rank(evidence, cited) is not None for evidence in question.evidence):
        return "misread"
    return "conflicting" if cited else "not_used"
