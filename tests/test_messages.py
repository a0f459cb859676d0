"""Every message exists in both languages, with the same fields, on one line."""

import string

import pytest

import assistant.messages
import finetune.messages
import knowledge.messages

TABLES = {
    "assistant": assistant.messages.MESSAGES,
    "finetune": finetune.messages.MESSAGES,
    "knowledge": knowledge.messages.MESSAGES,
}
CASES = [(package, code) for package, table in TABLES.items() for code in table]


def fields(text: str) -> set[str]:
    # A reason that is itself a message comes in both languages, as {reason} and {reason_zh}.
    return {name.removesuffix("_zh") for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize(("package", "code"), CASES)
def test_message_is_whole_in_both_languages(package: str, code: str) -> None:
    message = TABLES[package][code]
    assert set(message) == {"en", "zh"}
    assert fields(message["en"]) == fields(message["zh"])
    assert any("\u4e00" <= letter <= "\u9fff" for letter in message["zh"])
    for text in message.values():
        assert "\n" not in text
        assert text == text.strip()
