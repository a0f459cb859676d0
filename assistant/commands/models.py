"""`tandem models`: the models there are, and fetching one."""

import typer

from assistant.help_pages import Commands
from assistant.terminal import JsonFlag, ProgressLine, language, note, say, settings_in_force, show

_MARKS = {(True, True): "*", (True, False): "!", (False, True): "+", (False, False): " "}
"""By whether a model is in use, and whether it is on disk."""

models_cli = Commands(
    no_args_is_help=False,
    invoke_without_command=True,
    help=say("List models; fetch one with `models get NAME`.", "列出模型；用 `models get 名称` 获取。"),
)


@models_cli.callback()
def models(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List the models there are."""
    if context.invoked_subcommand is not None:
        return
    from assistant.arms import to_json
    from assistant.models import list_models

    rows = list_models(settings_in_force())
    if as_json:
        show(to_json(rows))
        return
    for row in rows:
        mark = _MARKS[row.active, row.present]
        size = f"{row.size_bytes / 1e9:.1f} GB" if row.size_bytes else ""
        print(f"{mark} {row.name:32} {row.kind:10} {size:>8}  {row.note(language())}")
    note(
        say(
            "* in use, + on disk, ! chosen but not fetched yet. Fetch one with: tandem models get NAME",
            "* 使用中，+ 已下载，! 已选用但尚未获取。获取：tandem models get 名称",
        )
    )


@models_cli.command("get", help=say("Fetch a model, resuming what was begun.", "获取模型，可断点续传。"))
def models_get(name: str) -> None:
    """Fetch a model by catalogue name, hub id, `modelscope:` id or folder."""
    from assistant.models import fetch

    folder = fetch(name, settings_in_force(), progress=ProgressLine(name))
    note("")
    print(folder.path)
