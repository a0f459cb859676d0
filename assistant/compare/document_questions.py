"""Questions made from the documents of knowledge bases, none of which an adapter was trained on.

Facts, forms of words and leak check are those that make training data; asked are only forms that are never
trained. What is made is a question set like any other.
"""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assistant.compare.adapter_facts import trained_questions
from assistant.compare.question_files import Row
from assistant.compare.questions import Problem, QuestionSet, check_questions
from assistant.errors import QuestionSetError
from assistant.language import detect_language
from finetune.adapters import find
from finetune.facts.forms import Wording
from finetune.facts.leaks import Leak, LeakCheck
from finetune.facts.material import SourceDocument
from finetune.facts.options import BuildOptions, Writer
from finetune.facts.rows import Fact
from finetune.facts.unknown import questions as unknown_questions
from finetune.facts.wording import Worder
from finetune.near_duplicates import normalise

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.training.data_building import Progress

COUNT = 120
UNANSWERABLE = 0.2
"""Share of the questions that no document answers: as many as a question set should have."""
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Leaked:
    """A question that was left out, and how it is like what was trained: exact, like (MinHash) or meaning."""

    question: str
    why: Leak


@dataclass(frozen=True, slots=True)
class DocumentQuestions:
    """A question set, and what was left out of it."""

    questions: QuestionSet
    leaked: tuple[Leaked, ...] = ()


def questions_of_bases(
    app: "App",
    base_ids: Sequence[int],
    *,
    count: int = COUNT,
    adapter: str = "",
    writer: Writer = "rules",
    seed: int = 0,
    should_stop: Callable[[], bool] = lambda: False,
    progress: "Progress" = lambda stage, done, total: None,
) -> DocumentQuestions:
    """Make questions of all documents of some knowledge bases.

    Args:
        adapter: whose training data the questions must not stand in; "" for none.
        writer: "rules", or "model" where the chat model is to write questions as well.

    Raises:
        DatasetError: the bases are empty, or tell no fact.
        AdapterError: there is no such adapter.
        QuestionSetError: no question is left.
    """
    trained: list[str] | None = []
    if adapter:
        trained = trained_questions(find(app.settings.adapters_dir, adapter).record.get("config", {}))
    material = app.data_builds.material(base_ids, writer=writer, should_stop=should_stop, progress=progress)
    check = None
    if trained:
        embedder = app.data_builds.embedder(base_ids, detect_language(" ".join(trained[:20])))
        embed = embedder.embed_documents if embedder is not None else None
        usual = BuildOptions()
        check = LeakCheck(adapter, trained, usual.like, usual.meaning, embed)
    name = ", ".join(app.base(base_id).name for base_id in base_ids)
    made = make_questions(name, material.documents, material.found.facts, count=count, check=check, seed=seed)
    if trained is None:
        unknown = Problem("questions_leaks_unknown", 1, (adapter,))
        found = made.questions
        made = DocumentQuestions(QuestionSet(name, found.questions, (*found.problems, unknown)))
    return made


def make_questions(
    name: str,
    documents: Sequence[SourceDocument],
    facts: Sequence[Fact],
    *,
    count: int = COUNT,
    check: LeakCheck | None = None,
    seed: int = 0,
) -> DocumentQuestions:
    """Make up to `count` questions, each with its answer and where that stands, and one in five without.

    Those without an answer ask for things and properties that the documents do not have. Questions that two facts
    answer differently are not asked.

    Args:
        check: against which questions are held; None leaves none out.
        seed: of every choice.

    Raises:
        QuestionSetError: no question is left.
        ValueError: `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    dice = random.Random(seed)
    leaked: list[Leaked] = []
    asked = _worded(facts, seed)
    unanswerable = math.ceil(UNANSWERABLE * count)
    rows = _unleaked(_answerable(asked, dice), count - unanswerable, check, leaked)
    # In their proportion also where the documents give fewer; twice as many are tried, for some may be leaked.
    unanswerable = math.ceil(len(rows) * UNANSWERABLE / (1 - UNANSWERABLE))
    told = {normalise(wording.question) for _, wordings in asked for wording in wordings}
    without = unknown_questions(facts, documents, 2 * unanswerable, dice=dice, held=True)
    unknown = (_unanswerable(w.question) for w in without if normalise(w.question) not in told)
    rows += _unleaked(unknown, min(unanswerable, count - len(rows)), check, leaked)
    if not any(row.answerable for row in rows):
        raise QuestionSetError("questions_none_made", name=name, leaked=len(leaked))
    dice.shuffle(rows)
    numbered = [replace(row, number=number, id=f"d{number:03}") for number, row in enumerate(rows, 1)]
    found = check_questions(name, numbered)
    problems = list(found.problems)
    if len(rows) < count:
        problems.append(Problem("questions_fewer", len(rows)))
    if leaked:
        shown = tuple(one.question for one in leaked[:_SHOWN])
        problems.append(Problem("questions_leaked", len(leaked), shown, dropped=True))
    return DocumentQuestions(QuestionSet(name, found.questions, tuple(problems)), tuple(leaked))


def answerable_rows(facts: Sequence[Fact], *, seed: int = 0) -> Iterator[Row]:
    """One question a fact with its answer and where that stands, numbered; none of two facts that answer it differently."""
    rows = _answerable(_worded(facts, seed), random.Random(seed))
    for number, row in enumerate(rows, 1):
        yield replace(row, number=number, id=f"d{number:03}")


def _worded(facts: Sequence[Fact], seed: int) -> list[tuple[Fact, list[Wording]]]:
    """Facts with the questions that are never trained."""
    worder = Worder(facts, seed=seed)
    worded = ((fact, [w for w in worder.word(fact) if w.held and w.kind == "direct"]) for fact in facts)
    return [(fact, wordings) for fact, wordings in worded if wordings]


def _answerable(worded: Sequence[tuple[Fact, list[Wording]]], dice: random.Random) -> Iterator[Row]:
    """One question a fact, spread over the documents' sections; long answers and steps come last."""
    asked = [(fact, wordings[0]) for fact, wordings in worded]
    answers: dict[str, set[str]] = defaultdict(set)
    for _, wordings in worded:
        for wording in wordings:
            answers[normalise(wording.question)].add(normalise(wording.answer))
    dice.shuffle(asked)
    ranks: Counter[tuple[int, str]] = Counter()
    order = []
    for fact, wording in asked:
        if len(answers[normalise(wording.question)]) == 1:
            section = (fact.source_id, fact.topic)
            late = fact.kind == "step" or len(fact.value) > BuildOptions().longest_answer
            order.append(((late, ranks[section]), fact, wording))
            ranks[section] += 1
    said: set[str] = set()
    for _, fact, wording in sorted(order, key=lambda item: item[0]):
        if normalise(wording.question) not in said:
            said.add(normalise(wording.question))
            yield Row(
                0,
                wording.question,
                answers=(wording.answer,),
                answerable=True,
                language=fact.language,
                evidence=((fact.file, fact.span),),
                document=fact.file,
                section=fact.headings[-1] if fact.headings else "",
                kind=fact.kind,
            )


def _unanswerable(question: str) -> Row:
    return Row(0, question, answerable=False, kind="unknown")


def _unleaked(rows: Iterator[Row], wanted: int, check: LeakCheck | None, leaked: list[Leaked]) -> list[Row]:
    """The first `wanted` rows that are not like what was trained; the others go to `leaked`."""
    kept: list[Row] = []
    while len(kept) < wanted:
        block = [row for _, row in zip(range(wanted - len(kept)), rows, strict=False)]
        if not block:
            break
        found = _leaks([row.question for row in block], check)
        leaked += [Leaked(block[place].question, why) for place, why in sorted(found.items())]
        kept += [row for place, row in enumerate(block) if place not in found]
    return kept


def _leaks(texts: Sequence[str], check: LeakCheck | None) -> dict[int, Leak]:
    if check is None:
        return {}
    found = check.by_words(texts)
    near = check.nearest(texts)
    if near is not None:
        for place, value in enumerate(near):
            if value >= check.meaning:
                found.setdefault(place, "meaning")
    return found
