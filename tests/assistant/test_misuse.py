"""A wrong command line and a wrong setting, told in the user's language."""

import re

import pytest

from assistant.errors import SettingsError
from assistant.misuse import rule_zh
from assistant.settings import load_settings
from tests.assistant.running import CommandLine


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("ask", "缺少参数“question”。"),
        ("serach", "没有“serach”这个命令。是不是：search？"),
        ("search x --topk 3", "没有“--topk”这个选项。是不是：--top-k？"),
        ("search x --top-k", "选项“--top-k”需要一个值。"),
        ("search x --top-k abc", "--top-k 的值有误：应为整数。"),
        ("ask x y", "多余的参数：y。"),
    ],
)
def test_misuse_is_told_in_chinese(arguments: str, told: str, command_line: CommandLine) -> None:
    code, _, text = command_line(*arguments.split(), language="zh")
    assert code == 2
    assert text.splitlines()[0] == f"错误：{told}"
    assert re.fullmatch(r"用法见：tandem.* --help", text.splitlines()[1])


def test_misuse_is_told_in_english(command_line: CommandLine) -> None:
    code, _, text = command_line("serach")
    assert (code, text.splitlines()[0]) == (2, "Error: No such command 'serach'. Did you mean 'search'?")


@pytest.mark.parametrize(
    ("variable", "value", "rule"),
    [
        ("TANDEM_RETRIEVAL__TOP_K", "abc", "应为整数"),
        ("TANDEM_RETRIEVAL__TOP_K", "-1", "应不小于 1"),
        ("TANDEM_RETRIEVAL__MODE", "x", "可用的取值：'hybrid', 'dense' 或 'lexical'"),
    ],
)
def test_a_wrong_setting_names_its_rule_in_both_languages(
    variable: str, value: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as wrong:
        load_settings()
    assert f"有误：{rule}。" in wrong.value.text("zh")
    assert "Input should" in wrong.value.text("en")


def test_a_rule_that_is_not_known_is_still_said_in_chinese() -> None:
    assert rule_zh("no_such_rule", {}) == "格式或取值不正确"
