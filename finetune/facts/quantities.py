"""Numbers with their units in running text, and what one asks to get them, in English and Chinese."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from finetune.facts.material import Language

_NUMBER = r"(?<![\w.])[−±+]?\d[\d,.]*(?<![,.])(?:\s?[–-]\s?\d[\d.,]*(?<![,.]))?"
_UNITS_EN: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (r"°\s?C|°\s?F|℃", "degrees", ("what temperature", "how many degrees")),
    (r"%|per cent|percent", "per cent", ("what percentage", "how many per cent")),
    (r"seconds?|minutes?|min\b|hours?|h\b|days?|weeks?|months?|years?|working days",
     "", ("how long", "for what length of time")),
    (r"kg|mg/L|mg|g\b|kilograms?|grams?", "", ("what amount", "how many {unit}")),
    (r"mL|L\b|litres?|liters?", "", ("what volume", "how many {unit}")),
    (r"mm²|mm|cm|km|m\b|metres?|inch(?:es)?", "", ("what length", "how many {unit}")),
    (r"€|euros?|dollars?|USD|EUR", "", ("what price", "how much money")),
    (r"kWh|W\b|kW|V\b|A\b|Ω|kΩ|Hz|GHz|MHz|dB\(A\)|dBm|rpm|N·m", "", ("what figure in {unit}",)),
    (r"KB|MB|GB|TB", "", ("how many {unit}", "how much space")),
)  # fmt: skip
_UNITS_ZH: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"℃|°\s?C|度", ("多少度", "什么温度")),
    (r"%|％", ("百分之多少", "多大比例")),
    (r"个?小时|分钟|秒钟?|天|个工作日|周|个月|年|岁", ("多长时间", "多少{unit}")),
    (r"kg|mg/L|mg|g|千克|公斤|克|毫克", ("多少{unit}", "多重")),
    (r"mL|L|升|毫升", ("多少{unit}", "多少容量")),
    (r"mm²|mm|cm|km|m|毫米|厘米|米|英寸", ("多少{unit}",)),
    (r"欧元|元|€", ("多少钱", "多少{unit}")),
    (r"kWh|kW|W|V|A|Ω|kΩ|GHz|MHz|Hz|dB\(A\)|dBm|rpm|N·m|KB|MB|GB|TB", ("多少 {unit}",)),
    (r"个|次|层|级|批|张|步|种|档|台|部|位|条|块|倍|行|页", ("多少{unit}", "几{unit}")),
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a unit.

    Args:
        start, end: in the text.
        asks: what one asks to get it, most natural first.
        unit: as written.
    """

    text: str
    start: int
    end: int
    asks: tuple[str, ...]
    unit: str


_EN = [(re.compile(rf"({_NUMBER})[\s\u00a0]?({unit})(?![\w])"), asks) for unit, _, asks in _UNITS_EN]
_ZH = [(re.compile(rf"({_NUMBER})[\s\u00a0]?({unit})(?![A-Za-z])"), asks) for unit, asks in _UNITS_ZH]
_COUNT = re.compile(rf"(?<![\w.-])({_NUMBER})[\s\u00a0]([a-z]{{3,}}s)\b")
_LED = re.compile(
    r"(?:at least|at most|up to|about|roughly|nearly|no more than|no longer than|less than|more than)\s+$"
)
_LED_ZH = re.compile(r"(?:至少|最多|不超过|不到|不少于|不小于|不大于|约|大约|低于|高于|超过)\s?$")
_joint = re.compile(r"\s?|\s?(?:到|至)\s?| to ")
"""What makes one quantity of two: "4 h 30 min", "10 °C to 34 °C"."""


def quantities(text: str, language: Language) -> list[Quantity]:
    """Return the quantities of a sentence, in order, not overlapping; the words that bound one belong to it."""
    found: list[Quantity] = []
    for quantity in sorted(_all(text, language), key=lambda q: (q.start, -q.end)):
        if not found or quantity.start >= found[-1].end:
            found.append(quantity)
            if len(found) > 1 and _joint.fullmatch(text[found[-2].end : found[-1].start]):
                last = found.pop()
                first = found.pop()
                whole = text[first.start : last.end]
                found.append(Quantity(whole, first.start, last.end, first.asks[:1], first.unit))
    return [_with_bound(text, quantity, language) for quantity in found]


def _all(text: str, language: Language) -> Iterator[Quantity]:
    for pattern, asks in _EN if language == "en" else _ZH:
        for match in pattern.finditer(text):
            unit = match[2]
            yield Quantity(
                match[0], match.start(), match.end(), tuple(a.format(unit=unit) for a in asks), unit
            )
    if language == "en":
        for match in _COUNT.finditer(text):
            yield Quantity(match[0], match.start(), match.end(), (f"how many {match[2]}",), match[2])


def _with_bound(text: str, quantity: Quantity, language: Language) -> Quantity:
    led = (_LED if language == "en" else _LED_ZH).search(text[: quantity.start])
    start = led.start() if led else quantity.start
    asks = quantity.asks if language == "en" else tuple(_bounded(led[0].strip() if led else "", a)
                                                       for a in quantity.asks)  # fmt: skip
    return Quantity(text[start : quantity.end], start, quantity.end, asks, quantity.unit)


def _bounded(bound: str, ask: str) -> str:
    return bound + ask
