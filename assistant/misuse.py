"""What a wrong command line or a wrong setting is told, in both languages.

Typer's and pydantic's own sentences exist in English only.
"""

import re
from collections.abc import Mapping
from typing import Any

from assistant.messages import Language

_RULES_ZH = {
    "bool_parsing": "应为 true 或 false",
    "bool_type": "应为 true 或 false",
    "decimal_parsing": "应为数字",
    "finite_number": "应为有限的数字",
    "float_parsing": "应为数字",
    "float_type": "应为数字",
    "greater_than": "应大于 {gt}",
    "greater_than_equal": "应不小于 {ge}",
    "int_from_float": "应为整数",
    "int_parsing": "应为整数",
    "int_type": "应为整数",
    "less_than": "应小于 {lt}",
    "less_than_equal": "应不大于 {le}",
    "list_type": "应为列表",
    "literal_error": "可用的取值：{expected}",
    "missing": "不能缺少",
    "model_type": "应为一组设置",
    "path_type": "应为路径",
    "string_pattern_mismatch": "格式应符合 {pattern}",
    "string_too_long": "最多 {max_length} 个字符",
    "string_too_short": "至少 {min_length} 个字符",
    "string_type": "应为文字",
    "too_long": "最多 {max_length} 项",
    "too_short": "至少 {min_length} 项",
    "url_parsing": "应为网址",
    "url_scheme": "网址应以 {expected_schemes} 开头",
}
_LINES_ZH = (
    (r"Missing argument '(.+)'\.", "缺少参数“{0}”。"),
    (r"Missing option '(.+)'\.", "缺少选项“{0}”。"),
    (r"Missing command\.", "缺少命令。"),
    (r"No such command '(.+?)'\.(?: Did you mean .+\?)?", "没有“{0}”这个命令。"),
    (r"No such option: (\S+)(?: .*)?", "没有“{0}”这个选项。"),
    (r"Option '(.+)' requires an argument\.", "选项“{0}”需要一个值。"),
    (r"Option '(.+)' requires (\d+) arguments\.", "选项“{0}”需要 {1} 个值。"),
    (r"Option '(.+)' does not take a value\.", "选项“{0}”不带值。"),
    (r"Got unexpected extra arguments?(?:\(s\))? \((.+)\)", "多余的参数：{0}。"),
)
_QUOTED = re.compile(r"'([^']+)'")


def rule_zh(kind: str, context: Mapping[str, Any]) -> str:
    """The rule that a value broke, in Chinese.

    Args:
        kind, context: `type` and `ctx` of one of pydantic's errors.
    """
    shown = {name: str(value).replace(" or ", " 或 ") for name, value in context.items()}
    return _RULES_ZH.get(kind, "格式或取值不正确").format(**shown)


def misuse_text(error: Exception, language: Language) -> str:
    """Two lines for a command line that Typer refuses: what is wrong, and where to read on.

    Args:
        error: raised by a Typer application that does not handle its own errors.
    """
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "tandem"
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    if type(error).__name__ == "NoArgsIsHelpError":
        return message  # the help itself, in our words already
    if language == "en":
        return f"Error: {message}\nSee: {command} --help"
    return f"错误：{_line_zh(error, message)}\n用法见：{command} --help"


def _line_zh(error: Exception, message: str) -> str:
    for pattern, text in _LINES_ZH:
        if found := re.fullmatch(pattern, message):
            near = getattr(error, "possibilities", None) or _QUOTED.findall(message)[1:]
            hint = f"是不是：{'、'.join(near)}？" if near else ""
            return text.format(*found.groups()) + hint
    rule = getattr(error, "message", message)  # what our own checks say is in the language already
    cause = error.__cause__
    if cause is not None and hasattr(cause, "errors"):
        first = cause.errors()[0]
        rule = rule_zh(first["type"], first.get("ctx") or {})
    parameter = getattr(error, "param", None)
    hint = getattr(error, "param_hint", None) or (parameter.opts[0] if parameter is not None else "")
    return f"{hint} 的值有误：{rule}。" if hint else f"{rule}。"
