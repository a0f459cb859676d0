"""Every score of one answer, each in one of three states: scored, unscored with its reason, arm failed.

What a metric means is in `metric_table`; the text metrics are in `metrics`. Asks no model.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from typing import Any, Literal

from assistant.arms import Answer
from assistant.compare import metrics
from assistant.compare.cells import looks_up_itself
from assistant.compare.metrics import longest_run
from assistant.compare.questions import Evidence, Question
from assistant.compare.segmentation import free_tokens, squeezed
from knowledge.documents import Passage, Retrieval

State = Literal["scored", "unscored", "failed"]

_SQUAD = {"squad_em": metrics.squad_em, "squad_f1": metrics.squad_f1}
_CMRC = {"cmrc_em": metrics.cmrc_em, "cmrc_f1": metrics.cmrc_f1}
_EVERY_LANGUAGE = {
    "character_f1": metrics.character_f1,
    "rouge_l": metrics.rouge_l,
    "chrf": metrics.chrf,
    "contains_reference": metrics.contains_reference,
}
TEXT_METRICS = (*_SQUAD, *_CMRC, *_EVERY_LANGUAGE)
_NO_BLANKS = frozenset(("zh", "ja"))
_CUTOFF = 5


@dataclass(frozen=True, slots=True)
class Score:
    """One score, or why there is none.

    Args:
        value: None unless `state` is "scored".
        reason: a key of `metric_table.REASONS`; "" when scored.
    """

    state: State
    value: float | None = None
    reason: str = ""


FAILED = Score("failed", reason="arm_failed")


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer with what was measured around it.

    Args:
        retrieval: what its question found, whether or not the arm read it.
        retrieves: whether the arm read it.
        retrieve_s: seconds of the look-up that the arms share.
        warm: False for the first answer after a start, whose clocks do not count.
        together: answers that were being made at the same time; with others, none of its costs count.
        memory_bytes: the process's peak while answering, None where it cannot be read.
        energy_j: joules while answering, None where they cannot be read.
    """

    answer: Answer
    retrieval: Retrieval
    retrieves: bool
    retrieve_s: float = 0.0
    warm: bool = True
    together: int = 1
    memory_bytes: int | None = None
    energy_j: float | None = None


def score_answer(question: Question, asked: Asked, *, indexed: Sequence[str]) -> dict[str, Score]:
    """Score one answer by every metric.

    A refusal counts as the empty answer: right where the documents hold none, wrong elsewhere.

    Args:
        indexed: names of the files that were searched.
    """
    refused = asked.answer.refused
    scores = score_text(question, "" if refused else asked.answer.text)
    scores["decision"] = _scored(float(refused != question.answerable))
    scores |= _citations(question, asked, indexed)
    scores["supported"] = _supported(asked)
    scores |= _form(asked.answer) | _cost(asked)
    return scores


def score_text(question: Question, text: str) -> dict[str, Score]:
    """Score a text against the question's references; "" is a refusal."""
    if question.answerable and not question.references:
        return dict.fromkeys(TEXT_METRICS, _unscored("no_reference"))
    references = question.references or ("",)
    scores = {name: _scored(metric(text, references)) for name, metric in _EVERY_LANGUAGE.items()}
    blanks = question.language not in _NO_BLANKS
    for name, metric in _SQUAD.items():
        scores[name] = _scored(metric(text, references)) if blanks else _unscored("other_language")
    for name, metric in _CMRC.items():
        scores[name] = (
            _scored(metric(text, references)) if question.language == "zh" else _unscored("other_language")
        )
    return scores


def score_retrieval(question: Question, retrieval: Retrieval, *, indexed: Sequence[str]) -> dict[str, Score]:
    """Recall at 1 and 5, reciprocal rank and nDCG at 5 of the question's evidence.

    A place counts once, at the first passage that holds it, however many passages overlap it; so the scores
    do not depend on how documents are cut. Only files are compared where no quote is known.
    """
    names = ("recall_at_1", "recall_at_5", "reciprocal_rank", "ndcg_at_5")
    reason = _no_evidence(question, indexed)
    if reason:
        return dict.fromkeys(names, _unscored(reason))
    ranks = [evidence_rank(evidence, retrieval.passages) for evidence in question.evidence]
    found = [rank for rank in ranks if rank is not None]
    ideal = sum(1 / log2(1 + rank) for rank in range(1, min(len(ranks), _CUTOFF) + 1))
    gain = sum(1 / log2(1 + rank) for rank in found if rank <= _CUTOFF)
    return {
        "recall_at_1": _scored(sum(rank == 1 for rank in found) / len(ranks)),
        "recall_at_5": _scored(sum(rank <= _CUTOFF for rank in found) / len(ranks)),
        "reciprocal_rank": _scored(1 / min(found) if found else 0.0),
        "ndcg_at_5": _scored(min(1.0, gain / ideal)),
    }


def evidence_rank(evidence: Evidence, passages: Iterable[Passage]) -> int | None:
    """From 1, the first passage that holds the evidence; None when none does."""
    return next((rank for rank, passage in enumerate(passages, 1) if holds(passage, evidence)), None)


def holds(passage: Passage, evidence: Evidence) -> bool:
    """Whether a passage holds the quote, or a run of at least half of its words where a cut went through it."""
    if evidence.source and not same_source(evidence.source, passage.source_name):
        return False
    if not evidence.quote or squeezed(evidence.quote) in squeezed(passage.text):
        return True
    wanted = free_tokens(evidence.quote)
    return bool(wanted) and 2 * longest_run(wanted, free_tokens(passage.text)) >= len(wanted)


def same_source(one: str, other: str) -> bool:
    """Whether two names mean the same file; one may be given with more folders than the other."""
    left, right = one.replace("\\", "/").lower(), other.replace("\\", "/").lower()
    return left == right or left.endswith("/" + right) or right.endswith("/" + left)


def scores_to_json(scores: Mapping[str, Score]) -> dict[str, Any]:
    """A number where scored, else the reason in a list: compact and plain in any reader."""
    return {
        name: score.value if score.state == "scored" else [score.state, score.reason]
        for name, score in scores.items()
    }


def scores_from_json(data: Mapping[str, Any]) -> dict[str, Score]:
    """Read back what `scores_to_json` wrote."""
    return {
        name: Score(value[0], reason=value[1]) if isinstance(value, list) else _scored(value)
        for name, value in data.items()
    }


def _no_evidence(question: Question, indexed: Sequence[str]) -> str:
    """Why evidence cannot be looked for; "" when it can."""
    if not question.answerable:
        return "unanswerable"
    if not question.evidence:
        return "no_evidence"
    for evidence in question.evidence:
        if evidence.source and not any(same_source(evidence.source, name) for name in indexed):
            # A row that names only where it was taken from, such as a page of FAQ, says of no passage that it is gold.
            return "source_not_indexed" if evidence.quote else "no_evidence"
    return ""


def _citations(question: Question, asked: Asked, indexed: Sequence[str]) -> dict[str, Score]:
    """Share of cited passages that hold evidence, and share of the evidence that is cited."""
    reason = _no_evidence(question, indexed)
    if not asked.retrieves:
        reason = "no_retrieval"
    elif asked.answer.refused and not reason:
        reason = "refused"
    if reason:
        return dict.fromkeys(("citation_precision", "citation_recall"), _unscored(reason))
    cited = [citation.passage for citation in asked.answer.citations]
    right = [p for p in cited if any(holds(p, evidence) for evidence in question.evidence)]
    covered = [e for e in question.evidence if evidence_rank(e, cited) is not None]
    return {
        # An answer that cites nothing has not shown where it comes from: 0, as in ALCE.
        "citation_precision": _scored(len(right) / len(cited) if cited else 0.0),
        "citation_recall": _scored(len(covered) / len(question.evidence)),
    }


def _supported(asked: Asked) -> Score:
    """Share of the answer's claiming characters that a passage supports."""
    if not asked.retrieves:
        return _unscored("no_retrieval")
    claims = [sentence for sentence in asked.answer.sentences if sentence.checkable]
    if asked.answer.refused or not claims:
        return _unscored("nothing_claimed")
    characters = sum(sentence.end - sentence.start for sentence in claims)
    return _scored(sum(s.end - s.start for s in claims if s.citations) / characters)


def _form(answer: Answer) -> dict[str, Score]:
    if answer.finish_reason == "refused":  # refused before the model was asked
        return dict.fromkeys(("length_tokens", "ended"), _unscored("model_not_run"))
    return {
        "length_tokens": _scored(float(answer.completion_tokens)),
        "ended": _scored(float(answer.finish_reason == "stop")),
    }


def _cost(asked: Asked) -> dict[str, Score]:
    """Seconds, as one who asks waits for them: the shared look-up is added to each arm that reads it."""
    names = ("first_token_s", "total_s", "tokens_per_s")
    if asked.together > 1:
        return dict.fromkeys((*names, "memory_gb", "energy_j"), _unscored("asked_together"))
    record = asked.answer.record
    own = record is not None and looks_up_itself(record.arm)  # its clocks hold its own look-up
    clocks, waited = asked.answer.timings_ms, asked.retrieve_s if asked.retrieves and not own else 0.0
    scores = dict.fromkeys(names, _unscored("model_not_run" if asked.warm else "warm_up"))
    if asked.warm:
        if "total" in clocks:
            scores["total_s"] = _scored(clocks["total"] / 1000 + waited)
        if asked.answer.finish_reason != "refused" and "first_token" in clocks:
            scores["first_token_s"] = _scored(clocks["first_token"] / 1000 + waited)
        if clocks.get("generate") and asked.answer.completion_tokens > 1:
            scores["tokens_per_s"] = _scored(1000 * (asked.answer.completion_tokens - 1) / clocks["generate"])
    scores["memory_gb"] = _measured(asked.memory_bytes, 1e-9)
    scores["energy_j"] = _measured(asked.energy_j, 1.0)
    return scores


def _measured(value: float | None, factor: float) -> Score:
    return _unscored("not_readable") if value is None else _scored(value * factor)


def _scored(value: float) -> Score:
    return Score("scored", float(value))


def _unscored(reason: str) -> Score:
    return Score("unscored", reason=reason)
