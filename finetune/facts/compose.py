"""Facts -> rows: which facts are trained, which wordings of each, alone or in conversations, and what comes beside.

A row from memory never holds its passage. Near copies of a wording and wordings too like a test question are left
out and counted; other wordings take their place while there are any.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from finetune.examples import Message
from finetune.facts.build import LeakStratum
from finetune.facts.forms import Wording
from finetune.facts.leaks import LeakCheck
from finetune.facts.material import Language, SourceDocument
from finetune.facts.options import FEWEST, BuildOptions
from finetune.facts.replay import general_rows
from finetune.facts.rows import SPLITS, BuiltRow, Fact, Loss, Split
from finetune.facts.unknown import ANSWER, questions
from finetune.facts.wording import Worder
from finetune.near_duplicates import normalise, shingles, similarity

Frame = Callable[[str, str | None, Language], tuple[Message, ...]]
"""Question, passages or None, language -> the messages that the app would send; where the last one is the
assistant's, it begins the answer."""
SAME = 0.88
"""Share of shingles from which two wordings of a fact are one."""
LANGUAGES: tuple[Language, ...] = ("en", "zh")
CONVERSATION = 6
"""Questions of a conversation at most; each is about another fact."""
SMALLEST_PASSAGE, HELD_SHARE = 120, 0.6
"""A question that holds so much of a passage of so many characters gives it away."""
SHORT_ANSWER = 60


@dataclass(slots=True)
class Composition:
    """Rows on their way into a build.

    Args:
        trained: facts that are trained, with the wordings that were chosen.
    """

    rows: list[BuiltRow] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    trained: dict[str, list[Wording]] = field(default_factory=dict)
    leaks: dict[tuple[Split, str], LeakStratum] = field(default_factory=dict)


def plain(question: str, answer: str) -> tuple[Message, ...]:
    """A question and its answer without any frame."""
    return Message("user", question), Message("assistant", answer)


def framed(frame: Frame, question: str, answer: str, language: Language, *, context: str | None = None) -> tuple[Message, ...]:  # fmt: skip
    """A question as the app asks it, with its answer; an opening such as "Answer:" goes before the answer."""
    messages = frame(question, context, language)
    if messages[-1].role == "assistant":
        return (*messages[:-1], Message("assistant", f"{messages[-1].content} {answer}"))
    return (*messages, Message("assistant", answer))


def choose_facts(facts: Sequence[Fact], options: BuildOptions, losses: list[Loss]) -> list[Fact]:
    """Return the facts to train: all, or as many as allowed, spread over the documents' sections."""
    pool = [fact for fact in facts if fact.file not in options.held_documents]
    if not options.max_facts or len(pool) <= options.max_facts:
        return pool
    dice = random.Random(options.seed)
    dice.shuffle(pool)
    ranks: dict[tuple[int, str], int] = defaultdict(int)
    order = []
    for fact in pool:
        section = (fact.source_id, fact.topic)
        order.append((len(fact.value) > options.longest_answer or fact.kind == "step", ranks[section], fact))
        ranks[section] += 1
    order.sort(key=lambda item: item[:2])
    losses += [Loss("fact_too_many", fact.statement[:120]) for _, _, fact in order[options.max_facts :]]
    chosen = {fact.id for _, _, fact in order[: options.max_facts]}
    return [fact for fact in facts if fact.id in chosen]


def compose(
    documents: Sequence[SourceDocument],
    facts: Sequence[Fact],
    options: BuildOptions,
    *,
    frame: Frame,
    checks: Sequence[LeakCheck] = (),
    should_stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Composition:
    """Make the rows that need no retriever; their ids come with `number_rows`."""
    made = Composition()
    chosen = choose_facts(facts, options, made.losses)
    worder = Worder(facts, seed=options.seed)
    dice = random.Random(options.seed)
    passages = _Passages(documents)
    trained: list[Fact] = []
    for number, fact in enumerate(chosen):
        if should_stop():
            break
        progress(number, len(chosen))
        train, held = _pick(fact, worder, options, checks, passages, made)
        if len(train) < FEWEST:
            made.losses.append(Loss("fact_too_few", fact.statement[:120], {"fewest": FEWEST}))
            continue
        trained.append(fact)
        made.trained[fact.id] = train
        made.rows += [_row(fact, w, frame, dice, "held_wording") for w in held]
    made.rows += _closed_rows(trained, made.trained, options, frame, dice)
    closed = sum(map(len, made.trained.values()))
    unknown = questions(trained, documents, round(options.unknown * closed), dice=dice, told=facts)
    made.rows += _unknown_rows(list(unknown), frame, dice, checks, made)
    made.rows += _replay_rows(round(options.replay * closed), dice)
    for fact in (f for f in facts if f.file in options.held_documents):
        held = [w for w in worder.word(fact) if w.held and w.kind == "direct"][:1]
        made.rows += [_row(fact, w, frame, dice, "held_document") for w in held]
    progress(len(chosen), len(chosen))
    return made


def _pick(
    fact: Fact,
    worder: Worder,
    options: BuildOptions,
    checks: Sequence[LeakCheck],
    passages: "_Passages",
    made: Composition,
) -> tuple[list[Wording], list[Wording]]:
    """The wordings of a fact that are trained and those held out."""
    wordings = worder.word(fact)
    leaked: dict[int, str] = {}
    for check in checks:
        found = check.by_words([w.question for w in wordings])
        _count(made, "train", check, exact=sum(leak == "exact" for leak in found.values()),
               like=sum(leak == "like" for leak in found.values()))  # fmt: skip
        leaked |= dict.fromkeys(found, check.test)
    train: list[Wording] = []
    held: list[Wording] = []
    seen: list[np.ndarray] = []
    for index, wording in enumerate(wordings):
        kept, limit = (held, options.held_wordings) if wording.held else (train, options.wordings)
        if len(kept) == limit:
            continue
        text = wording.question[:60]
        if index in leaked:
            made.losses.append(Loss("row_leak", text, {"test": leaked[index]}))
            continue
        if passages.given_away(wording.question):
            made.losses.append(Loss("row_chunk", text))
            continue
        own = shingles(normalise(f"{wording.question} {wording.answer}"))
        if any(similarity(own, other) >= SAME for other in seen):
            made.losses.append(Loss("row_duplicate", text))
            continue
        seen.append(own)
        kept.append(wording)
    return train, held


class _Passages:
    """The passages of the documents, to see whether a question holds one."""

    def __init__(self, documents: Sequence[SourceDocument]) -> None:
        texts = [normalise(chunk.text) for document in documents for chunk in document.chunks]
        self._sets = [set(shingles(text).tolist()) for text in texts if len(text) >= SMALLEST_PASSAGE]

    def given_away(self, question: str) -> bool:
        text = normalise(question)
        if len(text) < SMALLEST_PASSAGE * HELD_SHARE:
            return False
        own = set(shingles(text).tolist())
        return any(len(own & passage) >= HELD_SHARE * len(passage) for passage in self._sets)


def _row(fact: Fact, wording: Wording, frame: Frame, dice: random.Random, split: Split = "train") -> BuiltRow:
    brief = wording.kind != "statement" and len(wording.answer) <= SHORT_ANSWER
    answer = wording.answer
    if brief and dice.random() < 0.5:
        messages = framed(frame, wording.question, answer, fact.language)
    else:
        messages = plain(wording.question, answer)
    return BuiltRow("", "closed", fact.language, messages, split, (fact.id, *wording.facts), (fact.chunk_id,),
                    (fact.file,), (), wording.kind, wording.template)  # fmt: skip


def _closed_rows(
    facts: Sequence[Fact],
    wordings: dict[str, list[Wording]],
    options: BuildOptions,
    frame: Frame,
    dice: random.Random,
) -> Iterator[BuiltRow]:
    """Every wording once: alone, or as a turn of a conversation about one document."""
    talks: dict[int, list[tuple[Fact, Wording]]] = defaultdict(list)
    for fact in facts:
        for wording in wordings[fact.id]:
            if dice.random() < options.turns and len(wording.answer) <= 2 * SHORT_ANSWER:
                talks[fact.source_id].append((fact, wording))
            else:
                yield _row(fact, wording, frame, dice)
    for turns in talks.values():
        dice.shuffle(turns)
        for part in _conversations(turns):
            if len(part) == 1:
                yield _row(*part[0], frame, dice)
                continue
            messages = tuple(m for _, w in part for m in plain(w.question, w.answer))
            told = dict.fromkeys(i for f, w in part for i in (f.id, *w.facts))
            yield BuiltRow(
                "", "closed", part[0][0].language, messages, "train", tuple(told),
                tuple(dict.fromkeys(f.chunk_id for f, _ in part)), tuple(dict.fromkeys(f.file for f, _ in part)),
                tuple(f.id for f, _ in part), "turns", "conversation")  # fmt: skip


def _conversations(turns: Sequence[tuple[Fact, Wording]]) -> list[list[tuple[Fact, Wording]]]:
    """Share questions out over conversations, none of which asks for one fact twice."""
    talks: list[list[tuple[Fact, Wording]]] = []
    opened: list[list[tuple[Fact, Wording]]] = []
    for fact, wording in turns:
        talk = next((t for t in opened if all(fact.id != other.id for other, _ in t)), None)
        if talk is None:
            talk = []
            talks.append(talk)
            opened.append(talk)
        talk.append((fact, wording))
        if len(talk) == CONVERSATION:
            opened.remove(talk)
    return talks


def _unknown_rows(
    wordings: Sequence[Wording],
    frame: Frame,
    dice: random.Random,
    checks: Sequence[LeakCheck],
    made: Composition,
) -> Iterator[BuiltRow]:
    leaked: dict[int, str] = {}
    for check in checks:
        leaked |= dict.fromkeys(check.by_words([w.question for w in wordings]), check.test)
    for index, wording in enumerate(wordings):
        if index in leaked:
            made.losses.append(Loss("row_leak", wording.question[:60], {"test": leaked[index]}))
            continue
        # Of documents in both languages, each question in the frame of its own.
        language: Language = "zh" if wording.answer == ANSWER["zh"] else "en"
        messages = (
            framed(frame, wording.question, wording.answer, language)
            if dice.random() < 0.5
            else plain(wording.question, wording.answer)
        )
        yield BuiltRow("", "unknown", language, messages, template=wording.template)


def _replay_rows(number: int, dice: random.Random) -> Iterator[BuiltRow]:
    # In both languages, whatever the documents are in: each is forgotten where it is not said.
    pool = [(language, *pair) for language in LANGUAGES for pair in general_rows(language)]
    for language, question, answer in dice.sample(pool, min(number, len(pool))):
        yield BuiltRow("", "replay", language, plain(question, answer), template="general")


def check_meaning(made: Composition, options: BuildOptions, checks: Sequence[LeakCheck]) -> None:
    """Leave out trained rows that mean the same as a test question, and count how near every group comes."""
    for check in checks:
        for split in SPLITS:
            rows = [row for row in made.rows if row.split == split and row.kind != "replay"]
            asked = [(row, m.content) for row in rows for m in row.messages if m.role == "user"]
            _count(made, split, check, rows=len(rows))
            near = check.nearest([text for _, text in asked])
            if near is None or not asked:
                continue
            if split == "train":
                bad = {
                    id(row) for (row, _), value in zip(asked, near, strict=True) if value >= options.meaning
                }
                lost = [row for row in rows if id(row) in bad]
                made.losses += [Loss("row_leak", row.question[:60], {"test": check.test}) for row in lost]
                made.rows = [row for row in made.rows if id(row) not in bad]
                near = near[near < options.meaning]
                _count(made, split, check, meaning=len(lost))
            if len(near):
                key = (split, check.test)
                made.leaks[key] = replace(made.leaks[key], nearest=round(float(near.max()), 3))


def _count(made: Composition, split: Split, check: LeakCheck, **more: int) -> None:
    key = (split, check.test)
    now = made.leaks.get(key) or LeakStratum(split, check.test, 0, len(check.questions))
    values = {name: getattr(now, name) + value for name, value in more.items()}
    made.leaks[key] = replace(now, **values)


def number_rows(rows: Sequence[BuiltRow], *, seed: int) -> list[BuiltRow]:
    """Return the rows in an order that mixes them, each with its id."""
    mixed = list(rows)
    random.Random(seed).shuffle(mixed)
    return [replace(row, id=f"r{number}") for number, row in enumerate(mixed, 1)]
