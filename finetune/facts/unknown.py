"""Questions that no document answers, so that a model learns to say so: things that do not exist, and properties
that nothing is said of.

They look like the questions that do have an answer, or like what people ask of nearly any thing; only the thing or the
pair of thing and property is invented, and every one is held against the documents' words before it is used.
"""

import random
import re
from collections.abc import Iterator, Sequence

from finetune.facts.everyday_questions import FORMS
from finetune.facts.extract import squeeze
from finetune.facts.forms import Wording
from finetune.facts.material import Language, SourceDocument
from finetune.facts.rows import Fact
from finetune.facts.wording import Worder
from finetune.facts.wording_english import lower_first

ANSWER: dict[Language, str] = {"en": "I do not know that.", "zh": "我不知道。"}
_FIRST = "bra cel dor fen gal hal kel lor mer nor pel quil ras sel tor ul ven wil yar zan".split()
_LAST = "bock dale fin gate holm ket lock mere nick plate reach stick trap vane wick yard".split()
_FIRST_ZH, _LAST_ZH = "澄岚沐砚岑栩珂蔚苓霁", "阀泵盘罩板簧栓筒架匣"
_code = re.compile(r"[A-Za-z]*-?\d+(?:-\d+)?")
_told_by_anything = re.compile(
    r"\b(?:meaning|purpose|use|function|description|names?|notes?|remarks?|type|no|number)\b"
    r"|含义|意思|用途|作用|功能|说明|描述|名称|备注|类型|编号|章节"
)
"""Properties that any sentence about a thing may tell, so that nobody can say they are not told."""
TRIES = 30
EVERYDAY = 0.4
"""Share of the questions that are of the everyday forms."""
_NEAR_BEFORE, _NEAR_BEHIND = 120, 160


def questions(
    facts: Sequence[Fact],
    documents: Sequence[SourceDocument],
    number: int,
    *,
    dice: random.Random,
    told: Sequence[Fact] = (),
    held: bool = False,
) -> Iterator[Wording]:
    """Yield up to `number` wordings of questions without an answer.

    Args:
        facts: that are trained; their forms of words and names are used.
        documents: all of them, those held out too: what they tell is not unknown.
        told: the facts found in them, trained or not: what one of them answers is not unknown either.
        held: in forms of words that are never trained, as whole questions.
    """
    said = squeeze("".join(piece.text for document in documents for piece in document.pieces)).casefold()
    known = {
        (name.casefold(), fact.relation.casefold())
        for fact in (*facts, *told)
        for name in (fact.subject, *fact.aliases)
    }
    tables = [fact for fact in facts if fact.kind == "table"] or list(facts)
    worder = Worder([], seed=dice.randrange(1 << 30))
    asked: set[str] = set()
    tries = 0
    while tables and len(asked) < number and tries < number * TRIES:
        tries += 1
        fact = dice.choice(tables)
        if not held and dice.random() < EVERYDAY:
            wording = _everyday(fact, said, known, dice)
            if wording is not None and wording.question not in asked:
                asked.add(wording.question)
                yield wording
            continue
        made = dice.choice((_invented_thing, _invented_thing, _foreign_property))(
            fact, tables, said, known, dice
        )
        if made is None:
            continue
        kinds = ("direct",) if held else ("direct", "cloze")
        wordings = [w for w in worder.word(made) if w.held == held and w.kind in kinds]
        if not wordings:
            continue
        wording = dice.choice(wordings)
        if wording.question not in asked:
            asked.add(wording.question)
            name, answer = f"unknown_{wording.template}", ANSWER[made.language]
            yield Wording(wording.kind, name, wording.question, answer, held)


def _made(fact: Fact, subject: str, relation: str, topic: str) -> Fact:
    return Fact("", "table" if relation else "definition", fact.language, subject, relation, "?", "", "", 0, 0, "",
                topic=topic)  # fmt: skip


def _invented_thing(
    fact: Fact, facts: Sequence[Fact], said: str, known: set[tuple[str, str]], dice: random.Random
) -> Fact | None:
    """A property of a thing with a name or code that the documents do not have."""
    name = fact.aliases[0] if fact.aliases and dice.random() < 0.5 else fact.subject
    code = _code.search(name)
    if code and any(c.isdigit() for c in code[0]):
        other = re.sub(r"\d+$", lambda m: str(dice.randrange(10 ** len(m[0]))).zfill(len(m[0])), code[0])
        name = name[: code.start()] + other + name[code.end() :]
        if len(name) > len(other) + 4:
            name = other
    elif fact.language == "zh":
        name = "".join(dice.choices(_FIRST_ZH, k=2)) + dice.choice(_LAST_ZH)
    else:
        name = (dice.choice(_FIRST) + dice.choice(_LAST)).capitalize()
    relation = fact.relation if fact.kind == "table" else ""
    there = squeeze(name).casefold() in said or any(name.casefold() == each for each, _ in known)
    return None if there else _made(fact, name, relation, "")


def _foreign_property(
    fact: Fact, facts: Sequence[Fact], said: str, known: set[tuple[str, str]], dice: random.Random
) -> Fact | None:
    """A property that things of another table have."""
    other = dice.choice(facts)
    if other.group == fact.group or other.topic == fact.topic or not other.relation or fact.kind != "table":
        return None
    if _told_by_anything.search(other.relation.casefold()):
        return None
    if other.language != fact.language:  # what a document in another language may tell by another word
        return None
    asked = other.relation.casefold()
    # "Pressure" is answered by what is told of the "working pressure", and the other way round.
    properties = [told for name, told in known if name == fact.subject.casefold() and told]
    if any(asked in told or told in asked for told in properties):
        return None
    relation = squeeze(lower_first(other.relation)).casefold()
    if any(relation in around for around in _surroundings(fact.subject, said)):
        return None
    return _made(fact, fact.subject, other.relation, "")


def _everyday(fact: Fact, said: str, known: set[tuple[str, str]], dice: random.Random) -> Wording | None:
    """What people ask of nearly any thing, asked of one that the documents know but do not tell it of."""
    number = dice.randrange(len(FORMS[fact.language]))
    form, telling = FORMS[fact.language][number]
    name = dice.choice((fact.subject, *fact.aliases))
    properties = [squeeze(told) for other, told in known if other == name.casefold()]
    if any(telling.search(text) for text in (*properties, *_surroundings(name, said))):
        return None
    question = form.format(s=name)
    return Wording(
        "direct", f"unknown_everyday_{number}", question[:1].upper() + question[1:], ANSWER[fact.language]
    )


def _surroundings(name: str, said: str) -> Iterator[str]:
    """What stands around a name in the documents' squeezed text, at every place."""
    name = squeeze(name).casefold()
    at = said.find(name) if name else -1
    while at >= 0:
        yield said[max(0, at - _NEAR_BEFORE) : at + _NEAR_BEHIND]
        at = said.find(name, at + 1)
