"""Placeholders that a template dataset leaves to be filled: {{name}}, <NAME>, [NAME].

Tutorials train self-cognition from such files, and forgetting to fill them teaches the model to say "I am
{{name}}".
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from finetune.examples import Example, Message

_braces = re.compile(r"\{\{\s*([\w\u4e00-\u9fff][\w\u4e00-\u9fff .-]{0,30}?)\s*\}\}")
_angles = re.compile(r"<([A-Z][A-Z_]{2,30})>")
_squares = re.compile(
    r"\[([A-Z]{2,}_?(?:NAME|AUTHOR|COMPANY|MODEL|DATE|ORG)|NAME|AUTHOR|MODEL_NAME|COMPANY)\](?!\()"
)
_code = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
HTML = frozenset(
    "TABLE BODY HEAD HTML SPAN DIV FORM INPUT TITLE LINK META STYLE SCRIPT BUTTON SELECT OPTION".split()
)
SHAPES = (_braces, _angles, _squares)


def find_placeholders(text: str) -> set[str]:
    """Return the names in `text` that look like placeholders, lower case; code is not looked at."""
    if "{{" not in text and "<" not in text and "[" not in text:
        return set()
    if "`" in text:
        text = _code.sub(" ", text)
    return {m[1].strip().lower() for shape in SHAPES for m in shape.finditer(text) if m[1] not in HTML}


def count_placeholders(examples: Iterable[Example]) -> Counter[str]:
    """Return in how many examples each placeholder stands."""
    found: Counter[str] = Counter()
    for example in examples:
        found.update(set().union(*(find_placeholders(message.content) for message in example.turns())))
    return found


def fill_placeholders(examples: Iterable[Example], values: Mapping[str, str]) -> Iterator[Example]:
    """Yield the examples with placeholders replaced; names are compared without case, unnamed ones stay.

    Args:
        values: text by placeholder name, as `{"name": "小谈", "author": "..."}`.
    """
    wanted = {name.strip().lower(): value for name, value in values.items()}
    for example in examples:
        messages = tuple(_fill(message, wanted) for message in example.messages)
        chosen = _fill(example.chosen, wanted) if example.chosen else None
        rejected = _fill(example.rejected, wanted) if example.rejected else None
        yield replace(example, messages=messages, chosen=chosen, rejected=rejected)


def _fill(message: Message, wanted: Mapping[str, str]) -> Message:
    content = message.content
    for shape in SHAPES:
        content = shape.sub(lambda m: wanted.get(m[1].strip().lower(), m[0]), content)
    return message if content == message.content else replace(message, content=content)
