"""What every command shares: the shell's language, stdout and stderr, the settings, the open data folder.

Results go to stdout, everything else to stderr.
"""

import json
import sys
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from assistant.language import shell_language
from assistant.messages import Language

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.settings import Settings


@cache
def language() -> Language:
    """The shell's language, looked up once: the settings file may be read for it, and every help text asks."""
    return shell_language()


def say(en: str, zh: str) -> str:
    """The one of two texts that the shell's language asks for."""
    return zh if language() == "zh" else en


JsonFlag = Annotated[bool, typer.Option("--json", help=say("Print JSON.", "输出 JSON。"))]
BaseOption = Annotated[
    list[str] | None,
    typer.Option(
        "--base",
        "-b",
        help=say("Knowledge base; may be repeated. Default: all.", "知识库，可重复；默认全部。"),
    ),
]


def note(text: str) -> None:
    """Print progress or a remark to stderr."""
    print(text, file=sys.stderr, flush=True)


def write(text: str) -> None:
    """Print a piece of a result to stdout."""
    print(text, end="", flush=True)


def show(value: Any) -> None:
    """Print JSON to stdout."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str), flush=True)


def fail(text: str) -> NoReturn:
    """Print one line to stderr and end with exit code 1."""
    note(text)
    sys.exit(1)


def settings_in_force() -> "Settings":
    """The settings in force."""
    from assistant.settings import load_settings

    return load_settings()


def opened(purpose: str) -> "App":
    """The open data folder, for one command: a context manager, which closes it again."""
    from assistant.app import App

    return App.open(settings_in_force(), purpose=f"tandem {purpose}")


class ProgressLine:
    """One line on stderr that is rewritten as work goes on; plain lines where stderr is no terminal."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.last = ""
        self.terminal = sys.stderr.isatty()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Show `stage`, and bytes where known."""
        amount = f" {done / 1e6:.0f}/{total / 1e6:.0f} MB" if total else ""
        if self.terminal:
            line = f"  {self.title}: {stage}{amount}"
            print("\r" + line.ljust(len(self.last)), end="", file=sys.stderr, flush=True)
            self.last = line
        elif stage != self.last:
            note(f"  {self.title}: {stage}{amount}")
            self.last = stage
