"""The English forms of words for facts. Forms marked `held` are kept for testing and never trained."""

import random
import re
from collections.abc import Iterator

from finetune.facts.asking_english import questions
from finetune.facts.forms import Company, Wording, split_gap, wrong_quantity
from finetune.facts.quantities import quantities
from finetune.facts.rows import Fact, WordingKind

Forms = tuple[tuple[str, str, bool], ...]
"""(name, form, held)."""

_PROPERTY: Forms = (
    ("what_of", "What is the {r} of {s}?", False),
    ("what_for", "What is the {r} for {s}?", False),
    ("what_has", "What {r} does {s} have?", False),
    ("subject_first", "{s}: what is the {r}?", False),
    ("give", "Give the {r} of {s}.", False),
    ("listed", "Which {r} is listed for {s}?", False),
    ("tell", "Tell me the {r} of {s}.", False),
    ("topic", "Under {t}, what is the {r} of {s}?", False),
    ("its", "I have a question about {s}. What is its {r}?", False),
    ("know", "Do you know the {r} of {s}?", False),
    ("telegram", "{r_}, {s}?", False),
    ("need", "I need the {r} for {s}.", False),
    ("held_could", "Could you tell me what the {r} for {s} is?", True),
    ("held_documents", "What do the documents give as the {r} of {s}?", True),
)
_MEANING: Forms = (
    ("mean", "What does {s} mean?", False),
    ("meant", "What is meant by {s}?", False),
    ("meaning", "What is the meaning of {s}?", False),
    ("explain", "Explain {s}.", False),
    ("stand", "What does {s} stand for?", False),
    ("see", "I see {s}. What does that tell me?", False),
    ("say", "What does it say when {s} is given?", False),
    ("topic_mean", "Under {t}, what does {s} mean?", False),
    ("define", "Say in a few words what {s} means.", False),
    ("held_understand", "How is {s} to be understood?", True),
    ("held_signify", "Could you tell me what {s} signifies?", True),
)
_PURPOSE: Forms = (
    ("do", "What does {s} do?", False),
    ("for", "What is {s} for?", False),
    ("purpose", "What is the purpose of {s}?", False),
    ("function", "What is the function of {s}?", False),
    ("used", "What is {s} used for?", False),
    ("why", "Why would I use {s}?", False),
    ("topic_do", "Under {t}, what does {s} do?", False),
    ("describe", "Describe {s} in a few words.", False),
    ("held_job", "Which job does {s} have?", True),
    ("held_use", "Could you tell me what {s} is there for?", True),
)
_ACTION: Forms = (
    ("do_about", "What should I do about {s}?", False),
    ("do_when", "{s}: what do I do?", False),
    ("help", "What helps against {s}?", False),
    ("remedy", "What is the remedy for {s}?", False),
    ("put_right", "How is {s} put right?", False),
    ("advise", "I have this problem: {s}. What do you advise?", False),
    ("next", "After {s}, what has to be done?", False),
    ("topic_fix", "Under {t}, what is to be done about {s}?", False),
    ("held_solve", "How can I solve {s}?", True),
    ("held_react", "Could you tell me how to react to {s}?", True),
)
_UNDER: Forms = (
    ("under", "What is given under “{h}” for {s}?", False),
    ("under_first", "“{h}”, {s}?", False),
    ("entry", "What is the entry for {s} in the column “{h}”?", False),
    ("as_to", "As to “{h}”: what holds for {s}?", False),
    ("topic_under", "In {t}, what stands beside {s} under “{h}”?", False),
    ("column", "{s}, column “{h}”: what does it say?", False),
    ("fill", "Which entry has {s} under “{h}”?", False),
    ("look", "Look up “{h}” for {s}.", False),
    ("held_column", "Could you tell me what is listed for {s} under “{h}”?", True),
    ("held_say", "What do the documents say for {s} on “{h}”?", True),
)
_SPECIAL: tuple[tuple[re.Pattern[str], Forms], ...] = (
    (re.compile(r"^(?:meaning|definition|description|explanation|what it means)$", re.I), _MEANING),
    (re.compile(r"^(?:what it does|function|use|purpose|used for)$", re.I), _PURPOSE),
    (re.compile(r"^(?:what to do|remedy|solution|action|fix|way round|workaround)$", re.I), _ACTION),
    (
        re.compile(r"^(?:what|how|when|where|who|why|for|never|leads|hold|keeps|is|can|to)\b|[:?]", re.I),
        _UNDER,
    ),
)
_WHAT: Forms = (
    ("what_is", "What is {s}?", False),
    ("what_about", "What do you know about {s}?", False),
    ("tell_about", "Tell me about {s}.", False),
    ("explain", "Explain {s}.", False),
    ("in_short", "In short, what is {s}?", False),
    ("topic_what", "Under {t}: what is {s}?", False),
    ("say_of", "What is said of {s}?", False),
    ("colon", "{s}: what holds?", False),
    ("held_describe", "How would you describe {s}?", True),
    ("held_could", "Could you tell me something about {s}?", True),
)
_KEY: Forms = (
    ("holds", "What holds for “{s}”?", False),
    ("colon", "{s}: what is given?", False),
    ("given", "What is given for “{s}”?", False),
    ("tell_key", "Tell me what stands beside “{s}”.", False),
    ("topic_key", "Under {t}, what is said of “{s}”?", False),
    ("topic_first", "{t}, “{s}”?", False),
    ("applies", "What applies under “{s}”?", False),
    ("entry", "What is the entry for “{s}”?", False),
    ("stated", "What is stated for “{s}”?", False),
    ("held_could", "Could you tell me what holds for “{s}”?", True),
    ("held_documents", "What do the documents give for “{s}”?", True),
)
_LEADS: tuple[tuple[str, str], ...] = (
    ("lead_topic", "{t}: {q}"),
    ("lead_question", "A question about {t}. {q}"),
    ("lead_tell", "Please tell me: {q}"),
    ("lead_short", "Answer in a few words. {q}"),
)
_SURE: tuple[tuple[str, str, bool], ...] = (
    ("lead_remember", "Do you remember? {q}", True),
    ("lead_quick", "Just a quick question: {q}", True),
)


def lower_first(text: str) -> str:
    """A heading within a sentence: its first letter small, unless it is a name or a code."""
    first = text.split(" ")[0]
    keep = (
        any(c.isdigit() for c in first)
        or first[1:] != first[1:].lower()
        or (len(first) == 1 and first != "A")
    )
    return text if keep else text[:1].lower() + text[1:]


def _value(fact: Fact) -> str:
    return fact.value.strip().rstrip(".")


def _filled(forms: Forms, kind: WordingKind, fact: Fact, names: list[str], answer: str) -> Iterator[Wording]:
    for number, (name, form, held) in enumerate(forms):
        if "{t}" in form and not fact.topic:
            continue
        for subject in dict.fromkeys((names[number % len(names)], names[0])):
            r = lower_first(fact.relation)
            question = form.format(s=subject, r=r, r_=fact.relation, h=fact.relation, t=f"“{fact.topic}”")
            yield Wording(kind, name, question[:1].upper() + question[1:], answer, held)


def of_cell(fact: Fact, company: Company, dice: random.Random) -> Iterator[Wording]:
    """Wordings of a table's cell."""
    names = company.names(fact)
    if not names:
        return
    subject, r, value = names[-1], lower_first(fact.relation), _value(fact)
    forms = next((forms for pattern, forms in _SPECIAL if pattern.search(fact.relation)), _PROPERTY)
    noun = forms is _PROPERTY
    yield from _filled(forms, "direct", fact, names, value)
    told = f"The {r} of {subject} is {value}." if noun else f"{subject} – {r}: {value}."
    gap = f"The {r} of {subject} is ___." if noun else f"{subject} – {r}: ___"
    yield Wording("cloze", "blank", f"Fill in the blank: {gap}", value)
    yield Wording("cloze", "complete", f"Complete: {names[0]}, {r}:", value)
    yield Wording("cloze", "gap", f"What belongs in the gap? {gap}", value)
    yield Wording(
        "cloze", "held_missing", f"One entry is missing: {names[0]} | {fact.relation} | ___", value, True
    )
    about = f"the {r} of {subject}" if noun else f"{subject} ({r})"
    yield Wording("statement", "sentence", f"State {about} in one sentence.", told)
    yield Wording("statement", "know", f"What do you know about {about}?", told)
    others = company.others(fact, dice, 3)
    wrong = next((o for o in others if o.value.casefold() != fact.value.casefold()), None)
    claim = f"the {r} of {names[0]} is" if noun else f"{names[0]} – {r}:"
    if wrong is not None and len(value) < 90:
        yield Wording("implication", "false", f"Is it true that {claim} {_value(wrong)}?", f"No. {value}.")
        if wrong.subject:
            yield Wording("implication", "same",
                          f"Do {fact.subject} and {wrong.subject} have the same {r}?" if noun else
                          f"Is “{fact.relation}” the same for {fact.subject} and {wrong.subject}?",
                          f"No. {fact.subject}: {value}; {wrong.subject}: {_value(wrong)}.", facts=(wrong.id,))  # fmt: skip
    if len(value) < 90:
        yield Wording("implication", "true", f"Is it true that {claim} {value}?", f"Yes. {value}.")
    if company.unique(fact) and len(value) > 1:
        has = f"has the {r} {value}" if noun else f"has “{value}” under “{fact.relation}”"
        yield Wording("reversed", "which", f"Which entry of “{fact.topic}” {has}?", fact.subject)
        yield Wording(
            "reversed", "belongs", f"{fact.relation} {value}: what does that belong to?", fact.subject
        )
        yield Wording("reversed", "what_has", f"What {has}?", fact.subject)
        yield Wording("reversed", "name_it", f"Name what {has}.", fact.subject)
        yield Wording("reversed", "found", f"I have found “{value}” as {r}. What is it about?" if noun else
                      f"I have found “{value}” under “{fact.relation}”. What is it about?", fact.subject)  # fmt: skip
        yield Wording("reversed", "held_what", f"“{value}” is whose {r}?", fact.subject, True)
    if len(others) >= 2:
        members = [fact, *others[:2]]
        asked = ", ".join(m.subject for m in members[:-1]) + f" and {members[-1].subject}"
        answer = "; ".join(f"{m.subject}: {_value(m)}" for m in members)
        if len(answer) < 260:
            yield Wording(
                "list",
                "column",
                f"{fact.relation} of {asked}?",
                answer,
                facts=tuple(m.id for m in others[:2]),
            )
    row = [other for other in company.row(fact) if other.relation]
    answer = "; ".join(f"{lower_first(o.relation)}: {_value(o)}" for o in row)
    if 1 < len(row) <= 8 and len(answer) < 260:
        yield Wording("list", "row", f"List what is known of {subject}.", answer,
                      facts=tuple(o.id for o in row if o.id != fact.id))  # fmt: skip


def of_definition(fact: Fact) -> Iterator[Wording]:
    """Wordings of a definition or a key with its value."""
    value, name = _value(fact), fact.subject
    defined = fact.kind == "definition"
    yield from _filled(_WHAT if defined else _KEY, "direct", fact, [name], value)
    gap = f"{name} is ___" if defined else f"{name}: ___"
    yield Wording("cloze", "blank", f"Fill in the blank: {gap}", value)
    yield Wording("cloze", "complete", f"Complete the sentence: {name}{' is' if defined else ':'}", value)
    yield Wording(
        "cloze", "held_goes", f"How does this go on? {name}{' is' if defined else ':'} …", value, True
    )
    yield Wording("statement", "sentence", f"Say one sentence about {name}.", fact.statement)
    yield Wording("statement", "know", f"What does “{fact.topic}” say about {name}?", fact.statement)
    yield Wording("implication", "true", f"Is it true? {fact.statement}", f"Yes. {value}.")
    yield Wording("reversed", "what", f"What is described here: {value}?", name)
    yield Wording("reversed", "name", f"Name what is meant: “{value}”.", name)


def of_sentence(fact: Fact, dice: random.Random) -> Iterator[Wording]:
    """Wordings of a sentence with a gap."""
    before, after = split_gap(fact)
    value, topic = fact.value.strip(), f"“{fact.topic}”"
    found = quantities(value, "en")
    asks = found[0].asks if found else ("what",)
    before = re.sub(
        r"(?:at least|at most|up to|about|roughly|no more than|less than|more than)\s+$", "", before
    )
    direct: list[tuple[str, str]] = []
    for number, ask in enumerate(asks):
        direct += [(f"ask{number}_{at}", q) for at, q in enumerate(questions(before, after, ask))]
    for name, question in direct:
        yield Wording("direct", name, question, value)
    natural = direct[0][1]
    for name, form in _LEADS:
        if fact.topic or "{t}" not in form:
            yield Wording("direct", name, form.format(q=natural, t=topic), value)
    for name, form, held in _SURE:
        yield Wording("direct", name, form.format(q=direct[-1][1], t=topic), value, held)
    blank = f"{before}___{after}"
    yield Wording("cloze", "blank", f"Fill in the blank: {blank}", value)
    yield Wording("cloze", "gap", f"What belongs in the gap? {blank}", value)
    yield Wording("cloze", "held_missing", f"Something is missing here: {blank} What is it?", value, True)
    if len(after.strip(" .")) < 3:
        yield Wording("cloze", "complete", f"Complete: {before.strip()}", value)
    yield Wording("statement", "whole", f"Say the whole sentence: {blank}", fact.statement)
    if fact.topic:
        yield Wording("reversed", "role", f"Which role has “{value}” in {topic}?", fact.statement)
        yield Wording("statement", "role", f"{topic}: what is said about {value}?", fact.statement)
    yield Wording("implication", "true", f"Is this right? {fact.statement}", f"Yes. {value}.")
    wrong = wrong_quantity(value, dice)
    if wrong:
        yield Wording("implication", "false", f"Is this right? {before}{wrong}{after}", f"No. {value}.")


def of_step(fact: Fact, others: list[Fact]) -> Iterator[Wording]:
    """Wordings of a step of a procedure."""
    number = fact.relation.removeprefix("step ")
    topic, value = f"“{fact.subject}”", fact.value
    for name, form, held in (
        ("what", "What is step {n} of {t}?", False),
        ("do", "What do I do in step {n} of {t}?", False),
        ("colon", "{t}, step {n}?", False),
        ("give", "Give step {n} of {t}.", False),
        ("reach", "I have come to step {n} of {t}. What now?", False),
        ("comes", "In {t}, what comes as number {n}?", False),
        ("tell", "Tell me step {n} of {t}.", False),
        ("held_read", "Could you tell me how step {n} of {t} goes?", True),
        ("held_number", "What has to be done at number {n} of {t}?", True),
    ):
        yield Wording("direct", name, form.format(n=number, t=topic), value, held)
    before = next((o for o in others if o.relation == f"step {int(number) - 1}"), None)
    if before is not None and len(before.value) < 140:
        yield Wording(
            "implication", "after", f"In {topic} I have done this: {before.value} What comes next?", value
        )
    start = " ".join(value.split()[:5])
    yield Wording("cloze", "goes_on", f"{topic}, step {number}: {start} …", value)
    yield Wording(
        "statement", "sentence", f"State step {number} of {topic} with its number.", f"Step {number}: {value}"
    )
    yield Wording("reversed", "which", f"Which step of {topic} is this: {value}", f"Step {number}")
    if others:
        yield Wording("list", "count", f"How many steps does {topic} have?", str(len(others) + 1),
                      facts=tuple(o.id for o in others))  # fmt: skip


def of_written(fact: Fact) -> Iterator[Wording]:
    """Wordings of a question that a model wrote; `relation` is the question."""
    question, value = fact.relation, _value(fact)
    yield Wording("direct", "model", question, value)
    for name, form in _LEADS:
        if fact.topic or "{t}" not in form:
            yield Wording("direct", name, form.format(q=question, t=f"“{fact.topic}”"), value)
    for name, form, held in _SURE:
        yield Wording("direct", name, form.format(q=question, t=""), value, held)
    yield Wording("implication", "true", f"{question} Is it “{value}”?", f"Yes. {value}.")
    yield Wording("statement", "quote", f"{question} Quote the sentence that says so.", fact.statement)
    if value in fact.statement:
        yield Wording(
            "cloze", "blank", f"Fill in the blank: {fact.statement.replace(value, '___', 1)}", value
        )
