"""The frame of `--help` pages in the shell's language; Typer has its headings in English only."""

import re
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from assistant.language import shell_language

_ZH = (
    (r"^Usage:", "用法："),
    (r"^Arguments:$", "参数："),
    (r"^Options:$", "选项："),
    (r"^Commands:$", "命令："),
    (r"Show this message and exit\.", "显示本说明。"),
    (r"\[required\]", "[必填]"),
    (r"\[default: ([^\]]*)\]", r"[默认：\1]"),
)


def in_chinese(page: str) -> str:
    """A help page of Typer's with its frame in Chinese; what commands say of themselves is left as it is."""
    for pattern, text in _ZH:
        page = re.sub(pattern, text, page, flags=re.MULTILINE)
    return page


def _in_shell_language(page: str) -> str:
    return in_chinese(page) if shell_language() == "zh" else page


class _Command(TyperCommand):
    def get_help(self, ctx: Any) -> str:
        return _in_shell_language(super().get_help(ctx))


class _Group(TyperGroup):
    def get_help(self, ctx: Any) -> str:
        return _in_shell_language(super().get_help(ctx))


class Commands(typer.Typer):
    """A group of commands as `typer.Typer` makes it, with help pages as plain text in the shell's language."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(cls=_Group, rich_markup_mode=None, **settings)

    def command(self, name: str | None = None, **settings: Any) -> Any:
        """As `typer.Typer.command`."""
        return super().command(name, cls=_Command, **settings)
