"""Where right answers came from: the same questions again without passages, with foreign and with altered ones.

Causal where a look at the text alone is not: an answer that stands in a passage may have been known anyway.
"""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from assistant.arms import Answer
from assistant.compare.asking import Asker, language_of
from assistant.compare.cells import adapter_of, cell_of, given_passages
from assistant.compare.experiment import Answered, Began, Ended, ExperimentEvent
from assistant.compare.metrics import contains_reference
from assistant.compare.questions import Question
from assistant.compare.records import Experiment, StoredAnswer, StoredProbe, StoredRetrieval
from assistant.compare.scoring import evidence_rank
from assistant.compare.store import Experiments
from assistant.errors import TANDEM_ERRORS
from knowledge.documents import Retrieval

Change = Literal["removed", "base", "swapped", "altered"]
"""Without passages by the same weights; without passages by the base; with another question's passages; with
passages in which the reference is replaced by something else."""
SOURCES = ("context", "adapter", "base")
"""Where `sources_of` says that a right answer came from."""
LIMIT = 20
"""Right answers of one arm that are looked into, unless told otherwise."""
_RIGHT = 0.5
_DIGITS = re.compile(r"\d")


def probe_experiment(
    store: Experiments,
    experiment_id: int,
    asker: Asker,
    *,
    limit: int = LIMIT,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[ExperimentEvent]:
    """Ask again under changed conditions, of each retrieving arm up to `limit` questions that it got right.

    What an arm of the experiment has answered without passages is not asked again.

    Raises:
        ExperimentError: there is no such experiment, or an answer cannot be saved.
    """
    experiment = store.get(experiment_id)
    answers = {(one.question_id, one.arm): one for one in store.answers(experiment_id)}
    shared, own = store.retrievals(experiment_id), store.own_retrievals(experiment_id)
    there = {(one.question_id, one.arm, one.change) for one in store.probes(experiment_id)}
    tasks = [
        (arm, question, change)
        for arm, question in chosen_questions(experiment, answers, limit=limit)
        for change in _wanted(arm, question, experiment, _read_by(arm, shared, own))
    ]
    total, done, failed = len(tasks), 0, 0
    yield Began(experiment_id, 0, total)
    for arm, question, change in tasks:
        if should_stop():
            break
        error: Exception | None = None
        if (question.id, arm, change) not in there:
            known = answers.get((question.id, _without(arm, change)))
            try:
                read = _read_by(arm, shared, own)
                probe = _probe(arm, question, change, experiment, read, asker, known)
            except TANDEM_ERRORS as err:
                error, failed = err, failed + 1
            else:
                store.save_probe(experiment_id, probe)
        done += 1
        yield Answered(question.id, arm, done, total, failed, error)
    yield Ended(experiment_id, done < total, failed, {})


def chosen_questions(
    experiment: Experiment, answers: Mapping[tuple[str, str], StoredAnswer], *, limit: int
) -> list[tuple[str, Question]]:
    """Arms and questions to be asked again: answerable ones that a retrieving arm got right."""
    chosen = []
    for arm in experiment.plan.arms:
        if not cell_of(arm).startswith("rag"):
            continue
        right = [
            question
            for question in experiment.questions
            if question.references
            and (stored := answers.get((question.id, arm))) is not None
            and stored.answer is not None
            and is_right(question, stored.answer)
        ]
        drawn = random.Random(experiment.plan.seed).sample(right, min(limit, len(right)))
        chosen += [(arm, question) for question in right if question in drawn]
    return chosen


def is_right(question: Question, answer: Answer) -> bool:
    """Whether a reference stands in the answer word for word."""
    return not answer.refused and contains_reference(answer.text, question.references) >= _RIGHT


def alter(question: Question, others: Sequence[Question], *, seed: int) -> tuple[str, str] | None:
    """A reference and what replaces it: other digits where it has some, else another question's reference."""
    rng = random.Random(f"{seed} {question.id}")
    wanted = min(question.references, key=len)
    if _DIGITS.search(wanted):
        shift = rng.randint(1, 8)
        changed = _DIGITS.sub(lambda digit: str(1 + (int(digit.group()) + shift - 1) % 9), wanted)
        return wanted, changed
    candidates = [
        other.references[0]
        for other in others
        if other.references
        and other.language == question.language
        and not _DIGITS.search(other.references[0])
        and not contains_reference(other.references[0], [wanted])
        and not contains_reference(wanted, [other.references[0]])
    ]
    if not candidates:
        return None
    # One of the nearest in length reads like an answer to the same kind of question.
    nearest = sorted(candidates, key=lambda text: abs(len(text) - len(wanted)))[:5]
    return wanted, rng.choice(nearest)


def altered_retrieval(retrieval: Retrieval, wanted: str, instead: str) -> Retrieval | None:
    """The passages with `wanted` replaced wherever it stands; None where it stands nowhere word for word."""
    pattern = re.compile(r"\s+".join(map(re.escape, wanted.split())), re.IGNORECASE)
    passages = tuple(
        replace(passage, text=pattern.sub(lambda _: instead, passage.text)) for passage in retrieval.passages
    )
    if all(old.text == new.text for old, new in zip(retrieval.passages, passages, strict=True)):
        return None
    return replace(retrieval, passages=passages)


def sources_of(probes: Sequence[StoredProbe]) -> dict[str, dict[str, Any]]:
    """Where each retrieving arm's right answers came from, by arm.

    "context": without passages the same weights are wrong. "adapter": without passages they are right, the
    base is not. "base": the base alone is right.

    Returns:
        Per arm `n`, counts by source, `questions` with the source of each, and what was found with altered
        passages (`follows` them, `keeps` to the right answer, `other`) and with foreign ones (`right`,
        `refused`, `other`).
    """
    told: dict[str, dict[str, Any]] = {}
    by_question: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for probe in probes:
        by_question.setdefault((probe.arm, probe.question_id), {})[probe.change] = probe.facts
    for (arm, question_id), changes in by_question.items():
        if "removed" not in changes:
            continue
        entry = told.setdefault(
            arm,
            {
                "n": 0,
                **dict.fromkeys(SOURCES, 0),
                "questions": {},
                "altered": Counter(),
                "swapped": Counter(),
            },
        )
        source = "context"
        if changes["removed"]["right"]:
            base = changes.get("base", changes["removed"])
            source = "base" if base["right"] else "adapter"
        entry["n"] += 1
        entry[source] += 1
        entry["questions"][question_id] = source
        if "altered" in changes:
            facts = changes["altered"]
            entry["altered"]["follows" if facts["follows"] else "keeps" if facts["right"] else "other"] += 1
        if "swapped" in changes:
            facts = changes["swapped"]
            entry["swapped"]["right" if facts["right"] else "refused" if facts["refused"] else "other"] += 1
    return {
        arm: entry | {"altered": dict(entry["altered"]), "swapped": dict(entry["swapped"])}
        for arm, entry in told.items()
    }


def _read_by(
    arm: str,
    shared: Mapping[str, StoredRetrieval],
    own: Mapping[tuple[str, str], StoredRetrieval],
) -> dict[str, StoredRetrieval]:
    """What an arm read, by question: what it looked up for itself where that is kept."""
    return {**shared, **{name: found for (name, one), found in own.items() if one == arm}}


def _wanted(
    arm: str, question: Question, experiment: Experiment, retrievals: Mapping[str, StoredRetrieval]
) -> list[Change]:
    """Which changes can be made to what an arm read."""
    changes: list[Change] = ["removed"]
    if cell_of(arm) == "rag+sft":
        changes.append("base")
    if _foreign(question, experiment, retrievals) is not None:
        changes.append("swapped")
    if _altered(question, experiment, retrievals) is not None:
        changes.append("altered")
    return changes


def _without(arm: str, change: Change) -> str:
    """The arm with the same weights and no passages, or the base of the same model."""
    bare = "base" if change == "base" or cell_of(arm) == "rag" else f"sft:{adapter_of(arm)}"
    model = given_passages(arm).partition("?")[2]
    return f"{bare}?{model}" if model else bare


def _probe(
    arm: str,
    question: Question,
    change: Change,
    experiment: Experiment,
    retrievals: Mapping[str, StoredRetrieval],
    asker: Asker,
    known: StoredAnswer | None,
) -> StoredProbe:
    """Ask one question under one change; `known` is what the arm without passages has answered already."""
    facts: dict[str, Any] = {}
    if change in ("removed", "base"):
        if known is not None and known.answer is not None:
            answer = known.answer
        else:
            nothing = Retrieval(question.text, ())
            answer = asker.ask(question.text, _without(arm, change), nothing, language_of(question))
    elif change == "swapped":
        foreign = _foreign(question, experiment, retrievals)
        assert foreign is not None
        answer = asker.ask(question.text, given_passages(arm), foreign.retrieval, language_of(question))
        facts["from"] = foreign.question_id
    else:
        altered = _altered(question, experiment, retrievals)
        assert altered is not None
        retrieval, wanted, instead = altered
        answer = asker.ask(question.text, given_passages(arm), retrieval, language_of(question))
        follows = not answer.refused and contains_reference(answer.text, [instead]) >= _RIGHT
        facts |= {"wanted": wanted, "instead": instead, "follows": follows}
    facts |= {"right": is_right(question, answer), "refused": answer.refused}
    return StoredProbe(question.id, arm, change, answer, facts)


def _foreign(
    question: Question, experiment: Experiment, retrievals: Mapping[str, StoredRetrieval]
) -> StoredRetrieval | None:
    """What another question of the same language found, that holds neither evidence nor reference."""
    others = [other for other in experiment.questions if other.id != question.id]
    random.Random(f"{experiment.plan.seed} {question.id}").shuffle(others)
    for other in others:
        found = retrievals.get(other.id)
        if other.language != question.language or found is None or not found.retrieval.passages:
            continue
        passages = found.retrieval.passages
        if any(evidence_rank(evidence, passages) is not None for evidence in question.evidence):
            continue
        if not any(contains_reference(passage.text, question.references) for passage in passages):
            return found
    return None


def _altered(
    question: Question, experiment: Experiment, retrievals: Mapping[str, StoredRetrieval]
) -> tuple[Retrieval, str, str] | None:
    """What a question found with its reference replaced, the reference, and what stands in its place."""
    found = retrievals.get(question.id)
    change = alter(question, experiment.questions, seed=experiment.plan.seed)
    if found is None or change is None:
        return None
    retrieval = altered_retrieval(found.retrieval, *change)
    return None if retrieval is None else (retrieval, *change)
