"""Both languages say the same things, and the page says nothing that is not in them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from ui.text import LANGUAGES, PAGES, TEXTS, en, zh

UI = Path(en.__file__).resolve().parents[1]
SOURCES = sorted(path for path in UI.rglob("*.py") if path.parent.name != "text" or path.stem == "__init__")
EN, ZH = TEXTS["en"], TEXTS["zh"]
SAME_IN_BOTH = {
    "adding.folder_hint",
    "conversations.export_json",
    "conversations.export_markdown",
    "sampling.top_k",
    "sampling.top_p",
    "score.lexical",
    "train.export_gguf",
    "train.folder_hint",
    "train.import_hint",
    "train.memory_logits",
    "why.column.lexical",
    "why.column.rank",
    "why.leg.lexical",
}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def said() -> Iterator[tuple[Path, ast.expr]]:
    """The first argument of every call of `say`."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
                yield path, node.args[0]


def keys_of(argument: ast.expr) -> set[str]:
    """The keys that an argument of `say` can stand for."""
    if isinstance(argument, ast.Constant):
        return {argument.value}
    if isinstance(argument, ast.IfExp):
        return keys_of(argument.body) | keys_of(argument.orelse)
    assert isinstance(argument, ast.JoinedStr), ast.dump(argument)
    pattern = "".join(
        re.escape(part.value) if isinstance(part, ast.Constant) else r"\w+" for part in argument.values
    )
    found = {key for key in EN if re.fullmatch(pattern, key)}
    assert found, f"no key looks like {pattern}"
    return found


def test_both_languages_have_the_same_keys_with_the_same_fields() -> None:
    assert list(en.TEXT) == list(zh.TEXT)
    for texts in (en.TEXT, *PAGES):
        assert list(texts) == sorted(texts)
    assert len(EN) == len(en.TEXT) + sum(map(len, PAGES)), "a key stands twice"
    assert all(set(text) == set(LANGUAGES) for page in PAGES for text in page.values())
    assert {key: fields(text) for key, text in EN.items()} == {key: fields(text) for key, text in ZH.items()}


@pytest.mark.parametrize("key", sorted(EN))
def test_chinese_is_chinese(key: str) -> None:
    if key in SAME_IN_BOTH:
        assert EN[key] == ZH[key]
        return
    assert re.search(r"[一-鿿]", ZH[key]) or not re.search(r"[A-Za-z]{2}", EN[key])
    assert not re.search(r"[一-鿿]", EN[key])
    # Half-width marks between Chinese characters are typing slips.
    assert not re.search(r"[一-鿿][,;:?!]", ZH[key])


def test_what_is_said_exists_and_what_exists_is_said() -> None:
    used: set[str] = set()
    for path, argument in said():
        keys = keys_of(argument)
        assert keys <= set(EN), f"{path.name}: {keys - set(EN)}"
        used |= keys
    assert set(EN) == used


def test_no_words_are_written_into_the_pages() -> None:
    """A label that is a literal would be English for everyone."""
    commands = {
        "button",
        "caption",
        "markdown",
        "title",
        "text_input",
        "error",
        "warning",
        "toggle",
        "selectbox",
    }
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            first = node.args[0]
            if (
                isinstance(node.func.value, ast.Name)
                and node.func.value.id == "st"
                and node.func.attr in commands
                and isinstance(first, ast.Constant)
                and isinstance(first.value, str)
            ):
                assert not re.search(r"[A-Za-z]{3}", first.value), (
                    f"{path.name}:{node.lineno} {first.value!r}"
                )
