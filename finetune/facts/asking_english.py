"""An English sentence with a gap -> questions for what stood in the gap.

By word order alone: an auxiliary or a known verb goes before the subject, an imperative becomes "should I". Where
the sentence has neither, the question word stays in the gap ("It holds what volume?"), which is English still.
"""

import re

_AUXILIARIES = frozenset({
    "is", "are", "was", "were", "can", "may", "must", "should", "will", "could", "would", "has", "have", "cannot"})  # fmt: skip
_VERBS = {
    f"{base}{'es' if base.endswith(('ch', 'sh', 'ss', 'x', 'go')) else 's'}": base
    for base in (
        "reach hold last run take weigh store need draw contain keep measure heat lower cost pause wait begin end "
        "go make open appear warm drop count offer support provide use set stay remain start stop lock turn show "
        "serve read expire return require allow produce carry lie cover accept listen default answer repair "
        "happen come include save enter sound blink repeat differ exceed fall rise extend want work get give"
    ).split()
} | {"carries": "carry", "lies": "lie"}  # fmt: skip
_IMPERATIVES = frozenset(
    "use fill let place keep heat push hold mix wait press leave soak wash put stir chill cut dissolve insert select "
    "choose open close set add allow clean dry empty enter place pour rinse spread start steam store turn wipe take "
    "apply lay cool boil cover download change configure adjust limit".split()
)
_PREPOSITIONS = frozenset(
    "for in at by to of from within after before under above with than every on until during between up".split()
)
_LONG = 12
"""Words in which a subject has to end."""


def questions(before: str, after: str, ask: str) -> list[str]:
    """Return questions, most natural first, for the gap between `before` and `after`.

    Args:
        before, after: the sentence around the gap, without its full stop.
        ask: "how long", "what temperature" ...
    """
    head = before.split()
    tail = after.strip().rstrip(".;:")
    asked = _front(head, tail, ask)
    echo = " ".join([*head, ask, tail]).strip()
    return [*([asked + "?"] if asked else []), _capital(_clean(echo)) + "?"]


def _front(head: list[str], tail: str, ask: str) -> str:
    """The question with its word in front, or ""."""
    if not head:
        return _capital(f"{ask} {tail}") if tail else ""
    if any(word.endswith((",", ";", ":")) for word in head):
        return ""
    first = head[0].lower()
    if first in _PREPOSITIONS or first in ("if", "when", "while", "as", "because", "once", "to"):
        return ""
    if first in _IMPERATIVES:
        return _put(ask, ["should", "I", first, *head[1:]], tail)
    for at, word in enumerate(head[1 : _LONG + 1], 1):
        low = word.lower()
        if low in _AUXILIARIES and not (at > 1 and head[at - 1].lower() in ("that", "which", "who")):
            return _put(ask, [low, *_subject(head[:at]), *head[at + 1 :]], tail)
        if low in _VERBS:
            return _put(ask, ["does", *_subject(head[:at]), _VERBS[low], *head[at + 1 :]], tail)
        if low in ("that", "which", "who", "because", "if", "when"):
            return ""
    return ""


def _put(ask: str, middle: list[str], tail: str) -> str:
    # "for how long", not "how long ... for": the preposition before the gap goes along.
    moved = ""
    if middle and middle[-1].lower() in _PREPOSITIONS and ask not in ("how long",):
        moved = middle.pop() + " "
    elif middle and middle[-1].lower() == "for" and ask == "how long":
        middle.pop()
    return _capital(_clean(f"{moved}{ask} {' '.join(middle)} {tail}"))


def _subject(words: list[str]) -> list[str]:
    first = words[0]
    keep = first.isupper() or any(c.isdigit() for c in first) or first[1:] != first[1:].lower()
    article = first.lower() in (
        "the",
        "a",
        "an",
        "it",
        "each",
        "every",
        "this",
        "these",
        "all",
        "you",
        "they",
        "one",
    )
    return [first.lower() if article and not (keep and len(first) > 1) else first, *words[1:]]


def _clean(text: str) -> str:
    return re.sub(r"\s+([,;.)])", r"\1", re.sub(r"\s+", " ", text)).strip()


def _capital(text: str) -> str:
    text = _clean(text)
    return text[:1].upper() + text[1:]
