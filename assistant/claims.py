"""What a sentence claims: its terms, numbers and names, and whether it claims anything at all."""

import re
from dataclasses import dataclass

from assistant.prompts import looks_like_refusal
from assistant.sentences import terms

_IDENTIFIER = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Za-z0-9_-]*[A-Za-z])(?=[A-Za-z0-9_-]*\d)[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*"
)
_NUMBER = re.compile(r"(?<![A-Za-z0-9_.])\d+(?:[.,]\d+)*")
_NUMBER_WITH_UNIT = re.compile(r"^(\d+(?:[.,]\d+)*)([A-Za-z]{1,4})$")
_HAN_NUMBER = re.compile(
    r"(第)?([零〇一二两三四五六七八九十百千万亿]+)(?=[个年月日天周号点时分秒小次倍元块人名位台岁米公千克吨度种项条章节页层级步座辆件支只家所届世])"
)
_WORDS = {
    word: str(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty".split()
    )
}
_NUMBER_WORD = re.compile(r"\b(" + "|".join(list(_WORDS)[2:]) + r")\b", re.IGNORECASE)
_NAME = re.compile(r"\b[A-Z\u00c0-\u00de][A-Za-z\u00c0-\u024f'’-]+\b|\b[A-Z]{2,}\b")
_LIST_MARK = re.compile(r"^\s*(?:[-*•·]\s+|\(?\d{1,3}[.)、）](?!\d)\s*|#{1,6}\s+|>\s+)+")
# An underscore inside a word is part of a name, a lone "~" stands between two numbers.
_MARKUP = re.compile(r"[*`]+|~~|(?<!\w)_+|_+(?!\w)|\[\^?\d+\]|!?\[([^\]]*)\]\([^)]*\)")
_UNITS = {
    unit: spellings[0]
    for spellings in (
        ("s", "sec", "secs", "second", "seconds", "秒", "秒钟"),
        ("min", "mins", "minute", "minutes", "分", "分钟"),
        ("h", "hr", "hrs", "hour", "hours", "小时", "时"),
        ("day", "days", "天", "日"),
        ("week", "weeks", "周", "星期"),
        ("month", "months", "个月", "月"),
        ("year", "years", "年"),
        ("mm", "millimetre", "millimetres", "millimeter", "millimeters", "毫米"),
        ("cm", "centimetre", "centimetres", "centimeter", "centimeters", "厘米"),
        ("m", "metre", "metres", "meter", "meters", "米"),
        ("km", "kilometre", "kilometres", "kilometer", "kilometers", "公里", "千米"),
        ("g", "gram", "grams", "克"),
        ("kg", "kilogram", "kilograms", "公斤", "千克"),
        ("ml", "millilitre", "millilitres", "milliliter", "milliliters", "毫升"),
        ("l", "litre", "litres", "liter", "liters", "升"),
        ("%", "percent", "per cent"),
        ("°c", "℃", "degrees celsius", "摄氏度"),
        ("v", "volt", "volts", "伏"),
        ("w", "watt", "watts", "瓦"),
        ("a", "ampere", "amperes", "amp", "amps", "安"),
        ("n·m", "nm", "newton metres"),
        ("mb",),
        ("gb",),
    )
    for unit in spellings
}
_MEASURE = re.compile(
    r"(?<![A-Za-z0-9_.])(\d+(?:[.,]\d+)*)\s?("
    + "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
    + r")(?![A-Za-z])",
    re.IGNORECASE,
)
_NOT_NAMES = frozenset(
    "The A An It Its This That These Those He She They We You I In On At By For From With Without To Of And Or But "
    "If When While After Before Since Because As So Then There Here How What Which Who Why Where Yes No Not Each "
    "Every All Both Some Any Many Most More Less Also However Therefore Thus First Second Third Finally Next "
    "Overall According Based During Between Under Over Please Use Make Note Only Once Until Their His Her Our "
    "My Your One Two Three Four Five Six Seven Eight Nine Ten Such Other Another Can May Must Should Do Does".split()
)
_FILLER = re.compile(
    r"^\W*(?:sure|certainly|of course|yes|no|ok(?:ay)?|hello|hi|thanks?(?: you)?|great(?: question)?|you'?re welcome|"
    r"i hope (?:this|that) helps.*|let me know.*|(?:please )?feel free.*|here(?:'s| is| are).*|in (?:summary|conclusion)|"
    r"好的?|当然|您好|你好|谢谢|不客气|希望.*帮助.*|如有.*(?:疑问|问题).*|以下是.*|如下)\W*$",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence as what has to be found in a source.

    Args:
        terms: stemmed words and pairs of Chinese characters.
        numbers: normalized, such as "1200" for "1,200".
        measures: numbers with their units, such as "25 min"; the same number of something else is no support.
        identifiers: names with digits in them, such as "x200", in lower case.
        names: capitalized words, in lower case.
    """

    terms: frozenset[str]
    numbers: frozenset[str]
    measures: frozenset[str]
    identifiers: frozenset[str]
    names: frozenset[str]


def read_claim(text: str) -> Claim:
    """Return what `text` claims; Markdown's marks and list numbers claim nothing."""
    plain = _plain(text)
    identifiers = {match.group().lower() for match in _IDENTIFIER.finditer(plain)}
    numbers = numbers_in(plain)
    # "12kg" is a number with its unit, not a name.
    identifiers = {word for word in identifiers if not _NUMBER_WITH_UNIT.match(word)}
    return Claim(
        terms=frozenset(terms(_MEASURE.sub(r"\1 ", plain))),
        numbers=frozenset(numbers),
        measures=frozenset(measures_in(plain)),
        identifiers=frozenset(identifiers),
        names=frozenset(_names(plain)),
    )


def claims_something(text: str) -> bool:
    """Whether a sentence can be true or false: not a question, greeting, refusal, title or lead-in."""
    plain = _plain(text)
    if text.lstrip().startswith("#") or re.fullmatch(r"\*\*[^*]+\*\*[:：]?", text.strip()):
        return False
    if plain.endswith(("?", "？", ":", "：")) or _FILLER.match(plain) or looks_like_refusal(plain):
        return False
    return bool(terms(plain) or numbers_in(plain))


def _plain(text: str) -> str:
    """A sentence without Markdown's marks and its list number, unless the number is all there is ("15.")."""
    without_mark = _LIST_MARK.sub("", text)
    return _MARKUP.sub(r"\1", without_mark if without_mark.strip() else text).strip()


def numbers_in(text: str) -> set[str]:
    """Return the numbers of a text, written alike: "1,200" and "1200.0" are one, "两" and "two" are "2"."""
    found = set()
    for match in _NUMBER.finditer(text):
        found.add(_normal(match.group()))
    for match in _IDENTIFIER.finditer(text):
        with_unit = _NUMBER_WITH_UNIT.match(match.group())
        if with_unit:
            found.add(_normal(with_unit.group(1)))
    found.update(_WORDS[match.group().lower()] for match in _NUMBER_WORD.finditer(text))
    for match in _HAN_NUMBER.finditer(text):
        value = _han_value(match.group(2))
        if value is not None:
            found.add(str(value))
    return found


def measures_in(text: str) -> set[str]:
    """Return the numbers of a text that have a unit, as "25 min", whatever way both are spelt."""
    text = _NUMBER_WORD.sub(lambda match: _WORDS[match.group().lower()], text)
    text = _HAN_NUMBER.sub(lambda match: match.group(1) or str(_han_value(match.group(2)) or 1), text)
    return {
        f"{_normal(match.group(1))} {_UNITS[match.group(2).lower()]}" for match in _MEASURE.finditer(text)
    }


def _normal(number: str) -> str:
    """A number without thousands commas, leading and trailing zeros."""
    number = re.sub(r",(?=\d{3}(?:\D|$))", "", number).replace(",", ".")
    whole, dot, part = number.partition(".")
    if dot and "." not in part:
        part = part.rstrip("0")
        return (whole.lstrip("0") or "0") + (f".{part}" if part else "")
    return number.lstrip("0") or "0" if not dot else number


_HAN_DIGITS = {"零": 0, "〇": 0, "两": 2} | {
    digit: i for i, digit in enumerate("一二三四五六七八九", start=1)
}
_HAN_UNITS = {"十": 10, "百": 100, "千": 1000}


def _han_value(text: str) -> int | None:
    """The value of a Chinese numeral; None where it is a lone 一, which is seldom a number."""
    if text == "一":
        return None
    if len(text) > 1 and all(character in _HAN_DIGITS for character in text):
        return int("".join(str(_HAN_DIGITS[character]) for character in text))
    total = section = digit = 0
    for character in text:
        if character in _HAN_DIGITS:
            digit = _HAN_DIGITS[character]
        elif character in _HAN_UNITS:
            section += (digit or 1) * _HAN_UNITS[character]
            digit = 0
        else:
            total = (total + section + digit) * (10_000 if character == "万" else 100_000_000)
            section = digit = 0
    return total + section + digit


def _names(text: str) -> set[str]:
    """Capitalized words that are names: not those that only begin a sentence."""
    found = set()
    for match in _NAME.finditer(text):
        word = match.group()
        first = not text[: match.start()].strip(" \"'“‘(")
        if word in _NOT_NAMES or (first and not word.isupper() and not _NAME.match(text, match.end() + 1)):
            continue
        found.add(re.sub(r"['’]s?$", "", word).lower())
    return found
