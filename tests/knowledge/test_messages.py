"""Details inside messages are in both languages, and no call brings an English one of its own."""

import ast
import string
from pathlib import Path

import pytest

import knowledge
from knowledge.messages import DETAILS, render

PACKAGE = Path(knowledge.__file__).parent


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("code", DETAILS)
def test_detail_is_whole_in_both_languages(code: str) -> None:
    english, chinese = DETAILS[code]["en"], DETAILS[code]["zh"]
    assert fields(english) == fields(chinese)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)
    params = {"name": "a.bin", "detail": code, "part": "p.xml", "type": "PDF", "labels": 3}
    assert english.format(**params) in render("file_damaged", params, "en")
    assert chinese.format(**params) in render("file_damaged", params, "zh")


def test_a_technical_code_stays_as_it_is() -> None:
    assert "（ENOSPC）" in render("store_failed", {"path": "/x", "reason": "ENOSPC"}, "zh")


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_no_call_gives_an_english_detail(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg in ("detail", "reason"):
            if isinstance(node.value, ast.Constant):
                assert node.value.value in DETAILS
            elif isinstance(node.value, ast.JoinedStr):
                words = [part.value for part in node.value.values if isinstance(part, ast.Constant)]
                assert not any(" a" in str(word) or len(str(word).split()) > 1 for word in words)
