"""Make a follow-up question searchable without the conversation, by rules alone.

For models too small to rewrite a question. A follow-up that leans on what was said before ("and in
winter?", "那它呢？") is searched together with the key terms of the question it leans on.
"""

import re
from collections.abc import Sequence

from assistant.arms import Turn

_WORD = re.compile(r"[A-Za-z0-9\u00c0-\u024f]+(?:[-'’._/][A-Za-z0-9\u00c0-\u024f]+)*")
_HAN_RUN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
_POINTS_BACK_EN = re.compile(
    r"\b(?:it|its|they|them|their|theirs|this|that|these|those|he|him|his|she|her|hers|one|ones|there|former|"
    r"latter|same|such|both|either|neither|others?|another|else|above|instead|too)\b",
    re.IGNORECASE,
)
_GOES_ON_EN = re.compile(
    r"^\W*(?:and|or|but|so|then|also|what about|how about|what if|why|how so|how come|is that|really|okay|ok|"
    r"for example|more|any|anything|tell me more|go on|continue|explain|elaborate)\b",
    re.IGNORECASE,
)
_POINTS_BACK_ZH = re.compile(
    r"它|他|她|这(?!样的话)|那(?!么多)|该(?!怎|如|去|用)|其(?!他|它|实|中)|此|上述|上面|前者|后者|同样|刚才|两者|另一|另外|其他|其它"
)
_GOES_ON_ZH = re.compile(
    r"^\W*(?:那么?|还有|另外|然后|以及|而且|但是|可是|所以|为什么|为何|怎么|如何|比如|举例|继续|再|多少|什么时候|哪)"
    r"|呢[？?。！!\s]*$"
)
_STOP_EN = frozenset(
    "a an the of in on at to for from by with about as into and or but not no is are was were be been being do "
    "does did has have had can could may might must shall should will would what which who whom whose when "
    "where why how many much long far often this that these those it its they them their there he she his her "
    "you your i we our me my if than then so such also any some tell please give explain describe show say get "
    "know want need like use used using let us more most other one am yes sure thanks thank ok okay".split()
)
_STOP_ZH = re.compile(
    r"请问|请|什么时候|什么|怎么样|怎么|怎样|如何|多少|多久|多大|多长|多高|哪个|哪些|哪里|哪儿|哪种|为什么|为何|是否|可以|能否|能不能|"
    r"有没有|是不是|几个|告诉我|介绍一下|介绍|一下|吗|呢|吧|啊|的|了|是|在|和|与|有|需要|应该|会|要|把|被|对|从|到|为|我|你|您|能"
)
_SHORT_EN, _SHORT_ZH = 1, 2
_LOOK_BACK = 3


def leans_on_history(question: str) -> bool:
    """Whether a question can hardly be understood without what was said before it."""
    han = "".join(_HAN_RUN.findall(question))
    if len(han) >= 2:
        return (
            bool(_POINTS_BACK_ZH.search(question) or _GOES_ON_ZH.search(question))
            or len("".join(_key_terms(question))) <= _SHORT_ZH
        )
    return (
        bool(_POINTS_BACK_EN.search(question) or _GOES_ON_EN.search(question))
        or len(_key_terms(question)) <= _SHORT_EN
    )


def condense_by_rules(question: str, history: Sequence[Turn]) -> str:
    """Return what to search for: `question`, with the key terms that it leans on when it does.

    Args:
        history: oldest first.
    """
    asked = [turn.content for turn in history if turn.role == "user"]
    if not asked or not leans_on_history(question):
        return question
    terms: list[str] = []
    for earlier in reversed(asked[-_LOOK_BACK:]):
        terms = _key_terms(earlier) + terms
        if not leans_on_history(earlier):
            break
    present = question.lower()
    missing = [term for term in dict.fromkeys(terms) if term.lower() not in present]
    return f"{' '.join(missing)} {question}" if missing else question


def _key_terms(text: str) -> list[str]:
    """The words of a question that say what it is about, in their order."""
    found: list[tuple[int, str]] = [
        (match.start(), match.group())
        for match in _WORD.finditer(text)
        if match.group().lower() not in _STOP_EN
    ]
    for match in _HAN_RUN.finditer(text):
        at = match.start()
        for part in _STOP_ZH.split(match.group()):
            if part:
                found.append((text.index(part, at), part))
    return [term for _, term in sorted(found)]
