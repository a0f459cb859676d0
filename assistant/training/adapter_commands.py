"""`tandem adapters`: each command parses, calls `assistant.training.installation` or the registry, prints."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.terminal import JsonFlag, language, note, say, settings_in_force, show
from assistant.training.commands import group

if TYPE_CHECKING:
    from finetune.adapters import AdapterInfo

adapters_cli = group(
    "List adapters; show, rename, export one: tandem adapters show NAME",
    "列出适配器；查看、改名、导出：tandem adapters show 名称",
    alone=True,
)

NameArgument = Annotated[str, typer.Argument(help=say("The adapter's name.", "适配器名称。"))]


@adapters_cli.callback()
def adapters(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List adapters, newest first."""
    if context.invoked_subcommand is not None:
        return
    from finetune.adapters import list_adapters

    rows = list_adapters(settings_in_force().adapters_dir)
    if as_json:
        show([_adapter_json(row) for row in rows])
        return
    if not rows:
        print(say("No adapter yet: tandem train rows.json", "还没有适配器：tandem train rows.json"))
    for row in rows:
        day = time.strftime("%Y-%m-%d %H:%M", time.localtime(row.created_at))
        mark = "" if row.whole else say("  DAMAGED", "  已损坏")
        print(f"{row.name:24} {row.method:8} {row.base_model:28} {row.size_bytes / 1e6:6.1f} MB  {day}{mark}")


@adapters_cli.command("show", help=say("Show an adapter's card.", "显示适配器的检查结果。"))
def adapters_show(name: NameArgument, as_json: JsonFlag = False) -> None:
    """Show what an adapter is and what its checks measured."""
    from finetune.adapters import find, verified

    directory = settings_in_force().adapters_dir
    info = find(directory, name)
    verified(directory, name)
    if as_json:
        show(_adapter_json(info) | {"card": info.card, "record": info.record})
        return
    print(f"{info.name}: {info.method}, {info.base_model} ({info.base_revision[:24]})")
    for gate in info.card.get("gates", []):
        mark = {True: "ok  ", False: "FAIL", None: "-   "}[gate["passed"]]
        figures = ", ".join(f"{key} {value}" for key, value in gate["figures"].items())
        print(f"  {mark} {gate['name']:12} {gate['reason'][language()] or figures}")
    if info.notes:
        print(info.notes)
    print(info.path)


@adapters_cli.command(
    "check",
    help=say("Compare engine and transformers.", "比较引擎与 transformers 的回答。"),
)
def adapters_check(name: NameArgument) -> None:
    """Compare what the engine answers with an adapter with what transformers answers."""
    from assistant.training.installation import check_served

    gate = check_served(name, settings_in_force())
    figures = gate.figures
    print(
        gate.reason(language())
        or say(
            f"{figures['same']} of {figures['answers']} answers are the same.",
            f"{figures['answers']} 个回答中 {figures['same']} 个一致。",
        )
    )
    if not gate.passed:
        sys.exit(1)


@adapters_cli.command("rename", help=say("Give an adapter another name.", "重命名适配器。"))
def adapters_rename(name: NameArgument, new: str) -> None:
    """Give an adapter another name."""
    from finetune.adapters import rename

    rename(settings_in_force().adapters_dir, name, new)


@adapters_cli.command("delete", help=say("Delete an adapter.", "删除适配器。"))
def adapters_delete(name: NameArgument) -> None:
    """Delete an adapter."""
    from finetune.adapters import delete

    delete(settings_in_force().adapters_dir, name)


@adapters_cli.command("note", help=say("Write a note on an adapter.", "为适配器写备注。"))
def adapters_note(name: NameArgument, text: str) -> None:
    """Write a note on an adapter; an empty one removes it."""
    from finetune.adapters import set_notes

    set_notes(settings_in_force().adapters_dir, name, text)


@adapters_cli.command("import", help=say("Take in a PEFT folder, after checks.", "检查后导入 PEFT 文件夹。"))
def adapters_import(
    folder: Annotated[Path, typer.Argument(help=say("The PEFT folder.", "PEFT 文件夹。"))],
    name: Annotated[str | None, typer.Option(help=say("Default: the folder's.", "默认为文件夹名。"))] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help=say("Its base; default: the one the folder names.", "基座模型，默认为文件夹所指。")
        ),
    ] = None,
) -> None:
    """Take in an adapter that was made elsewhere."""
    from assistant.training.installation import import_adapter

    info, gates = import_adapter(folder, name or folder.resolve().name, settings_in_force(), model=model)
    if info is None:
        for gate in gates:
            if gate.reason(language()):
                note(gate.reason(language()))
        sys.exit(1)
    print(info.name)


@adapters_cli.command(
    "export", help=say("Write an adapter for other programs.", "导出适配器供其他程序使用。")
)
def adapters_export(
    name: NameArgument,
    target: Annotated[Path, typer.Argument(help=say("Folder to write.", "输出文件夹。"))],
    form: Annotated[
        str,
        typer.Option(
            "--as",
            help=say("peft | merged (with Ollama Modelfile) | gguf", "peft | merged（含 Modelfile）| gguf"),
        ),
    ] = "merged",
    kind: Annotated[str, typer.Option(help="GGUF: q8_0 | f16 | bf16")] = "q8_0",
) -> None:
    """Write an adapter as a PEFT folder, a merged model, or GGUF."""
    from assistant.training.installation import export_merged
    from finetune.export import export_adapter, export_gguf

    settings = settings_in_force()
    if form not in ("peft", "merged", "gguf"):
        raise typer.BadParameter(say("choose peft, merged or gguf", "请选择 peft、merged 或 gguf"))
    if form == "peft":
        print(export_adapter(settings.adapters_dir, name, target))
        return
    merged = export_merged(name, target, settings)
    figures = merged.parity.figures
    note(
        say(
            f"{figures['same']} of {figures['answers']} answers as before, largest difference of a logit "
            f"{figures['difference']}",
            f"{figures['answers']} 个回答中 {figures['same']} 个与合并前一致，logit 最大差异 {figures['difference']}",
        )
    )
    print(export_gguf(target, target / f"{name}.gguf", kind=kind) if form == "gguf" else merged.path)


def _adapter_json(info: "AdapterInfo") -> dict[str, Any]:
    return {
        "name": info.name,
        "path": str(info.path),
        "base_model": info.base_model,
        "base_revision": info.base_revision,
        "method": info.method,
        "created_at": info.created_at,
        "size_bytes": info.size_bytes,
        "whole": info.whole,
        "passed": info.card.get("passed"),
        "notes": info.notes,
    }
