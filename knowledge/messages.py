"""Every message this package can give a person, in English and Chinese, by code.

A message says what, why, and what to do next, on one line. `errors.py` raises them; pages and
commands print them with `render`.
"""

from typing import Any, Literal

Language = Literal["en", "zh"]

MESSAGES: dict[str, dict[Language, str]] = {
    "file_missing": {
        "en": "{name}: there is no such file. Check the path.",
        "zh": "{name}：找不到这个文件。请检查路径。",
    },
    "file_unsupported": {
        "en": "{name}: files of type {suffix} are not read. Convert it to PDF, DOCX or text and add that.",
        "zh": "{name}：不支持 {suffix} 类型的文件。请转换为 PDF、DOCX 或文本后再添加。",
    },
}


def render(code: str, params: dict[str, Any], language: Language = "en") -> str:
    """Return the message for `code` in `language`, its fields filled from `params`."""
    return MESSAGES[code][language].format(**params)
