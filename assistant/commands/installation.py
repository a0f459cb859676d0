"""`tandem setup`, `doctor`, `config`, `ui`, `serve`: this installation, and opening it to a browser or to clients."""

import sys
from typing import Annotated

import typer

from assistant.terminal import JsonFlag, ProgressLine, language, note, say, settings_in_force, show


def setup() -> None:
    """Get the embedded models and index the sample documents; quick when all is there."""
    from assistant.setup import prepare

    for line in prepare(settings_in_force(), language(), progress=ProgressLine):
        note(line)


def doctor(as_json: JsonFlag = False) -> None:
    """Say what is there, what is missing, how to mend it."""
    from assistant.doctor import examine

    checks = []
    for check in examine(settings_in_force()):
        checks.append(check)
        if not as_json:
            mark = {"ok": "ok  ", "warn": "warn", "bad": "BAD "}[check.verdict]
            print(f"{mark}  {check.text(language())}", flush=True)
    if as_json:
        show([{"code": c.code, "verdict": c.verdict, "text": c.text(language())} for c in checks])
    if any(check.verdict == "bad" for check in checks):
        sys.exit(1)


def config(as_json: JsonFlag = False) -> None:
    """Print every setting and where it is looked for."""
    from assistant.settings import config_file, flat_settings

    current = settings_in_force()
    if as_json:
        show(current.model_dump(mode="json"))
        return
    found = config_file()
    print(
        say(
            f"# settings file: {found or 'none (tandem.toml here or in the data folder, or TANDEM_CONFIG)'}",
            f"# 设置文件：{found or '无（当前目录或数据目录中的 tandem.toml，或 TANDEM_CONFIG）'}",
        )
    )
    for key, value, variable in flat_settings(current):
        print(f"{key} = {value}    # {variable}")


def ui(
    port: Annotated[int | None, typer.Option(help=say("Default: 8501.", "默认 8501。"))] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help=say("Open a browser.", "自动打开浏览器。"))
    ] = True,
) -> None:
    """Open the page in a browser; Ctrl-C ends it."""
    from assistant import page

    page.serve(settings_in_force(), port=port, open_browser=browser, say=note, language=language())


def serve(
    port: Annotated[int | None, typer.Option(help=say("Default: 8501.", "默认 8501。"))] = None,
) -> None:
    """Serve the OpenAI-compatible API; Ctrl-C ends it."""
    from assistant import serving

    def announce(url: str) -> None:
        note(say(f"Tandem's API is at {url} (Ctrl-C ends it)", f"Tandem API 已就绪：{url}（按 Ctrl-C 结束）"))

    serving.serve(settings_in_force(), port=port, say=announce)
