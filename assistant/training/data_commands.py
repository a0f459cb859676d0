"""`tandem data`: each command parses, calls `assistant.training.installation`, prints."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.terminal import JsonFlag, language, note, say, settings_in_force, show
from assistant.training.commands import (
    DatasetOption,
    ModelOption,
    PairsArgument,
    group,
    make_config,
    read_pairs,
)

if TYPE_CHECKING:
    from finetune.errors import DatasetError
    from finetune.examples import Finding

SHOWN_FINDINGS = 20

data_cli = group(
    "Look at training data before training: tandem data check FILE",
    "训练前检查数据：tandem data check 文件",
)


@data_cli.command("check", help=say("Say what of a dataset would be trained.", "说明数据中哪些会被训练。"))
def data_check(
    path: Annotated[Path, typer.Argument(help=say("File or folder.", "文件或文件夹。"))],
    pairs: PairsArgument = None,
    model: ModelOption = None,
    dataset: DatasetOption = None,
    test: Annotated[
        Path | None, typer.Option(help=say("Test set to compare with.", "用于比对的测试集。"))
    ] = None,
    show_all: Annotated[
        bool, typer.Option("--all", help=say("List every finding.", "列出全部发现。"))
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Say what of a dataset would be trained, row by row, before any compute."""
    from assistant.training.installation import check_dataset
    from finetune.errors import DatasetError

    settings = settings_in_force()
    values = {"model": model or settings.models.chat, "data": str(path), **read_pairs(pairs)}
    config = make_config(values)
    try:
        report = check_dataset(
            path,
            settings,
            model=config.model,
            dataset=dataset,
            columns=config.columns,
            rows=config.rows,
            test=test,
        )
    except DatasetError as error:
        _tell_why_not(error, show_all=show_all, as_json=as_json)
        raise
    if as_json:
        show(report.to_json())
        return
    print(report.summary(language()))
    lengths = report.lengths
    if lengths is not None:
        print(
            say(
                f"Tokens of a row: median {lengths.median}, 95 % under {lengths.p95}, longest {lengths.longest}, "
                f"limit {lengths.limit}",
                f"每行 token 数：中位数 {lengths.median}，95% 不超过 {lengths.p95}，最长 {lengths.longest}，"
                f"上限 {lengths.limit}",
            )
        )
    _list(report.findings, show_all=show_all)


@data_cli.command(
    "lens", help=say("Show what of a row is trained, token by token.", "逐个 token 显示一行中训练哪些内容。")
)
def data_lens(
    path: Annotated[Path, typer.Argument(help=say("File or folder.", "文件或文件夹。"))],
    pairs: PairsArgument = None,
    row: Annotated[int, typer.Option(help=say("Which row, from 1.", "第几行，从 1 起。"))] = 1,
    model: ModelOption = None,
    dataset: DatasetOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show one row as the trainer gets it: coloured on a terminal, with marks elsewhere."""
    from assistant.training.installation import look_at_row
    from assistant.training.lens_text import lens_text, wants_colour

    settings = settings_in_force()
    values = {"model": model or settings.models.chat, "data": str(path), **read_pairs(pairs)}
    config = make_config(values)
    shown = look_at_row(
        path, row, settings, model=config.model, dataset=dataset, columns=config.columns, rows=config.rows
    )
    if as_json:
        show({"row": row, **shown.to_json()})
        return
    print(shown.example.source)
    print(lens_text(shown, language(), colour=wants_colour(sys.stdout)))


@data_cli.command(
    "recipe",
    help=say(
        "Write a ready dataset: self-cognition or voice.", "生成现成的数据集：self-cognition 或 voice。"
    ),
)
def data_recipe(
    recipe: Annotated[str, typer.Argument(help="self-cognition | voice")],
    name: Annotated[
        str,
        typer.Option(
            help=say("What the assistant is called (self-cognition).", "助手的名字（self-cognition）。")
        ),
    ] = "",
    maker: Annotated[
        str, typer.Option(help=say("Who made it (self-cognition).", "开发者（self-cognition）。"))
    ] = "",
    out: Annotated[Path | None, typer.Option(help=say("File to write.", "输出文件。"))] = None,
    languages: Annotated[str, typer.Option("--language", help="both | en | zh")] = "both",
) -> None:
    """Write the rows of a recipe and say how to train on them."""
    from assistant.training.installation import datasets_dir, write_sample_voice, write_self_cognition
    from finetune.starting_points import STARTING_POINTS

    if recipe not in ("self-cognition", "voice") or languages not in ("both", "en", "zh"):
        raise typer.BadParameter(
            say("the recipes are self-cognition and voice", "目前的配方是 self-cognition 和 voice")
        )
    folder = datasets_dir(settings_in_force())
    if recipe == "voice":
        # A voice is of one language: that of the shell where none is named.
        spoken = language() if languages == "both" else languages
        path, rows = write_sample_voice(out or folder / f"voice_{spoken}.json", language=spoken)
    elif name.strip() and maker.strip():
        path, rows = write_self_cognition(
            name, maker, out or folder / "self_cognition.json", languages=languages
        )
    else:
        raise typer.BadParameter(say("give --name and --maker", "请给出 --name 和 --maker"))
    print(path)
    chosen = STARTING_POINTS["voice" if recipe == "voice" else "self_cognition"].settings
    pairs = " ".join(f"{key}={value:g}" for key, value in chosen.items())
    note(
        say(
            f'{rows} rows. Train with: tandem train "{path}" {pairs}',
            f'共 {rows} 行。训练：tandem train "{path}" {pairs}',
        )
    )


@data_cli.command(
    "fill", help=say("Fill in placeholders: data fill FILE name=Rosa", "填写占位符：data fill 文件 name=小双")
)
def data_fill(
    path: Annotated[Path, typer.Argument(help=say("File or folder.", "文件或文件夹。"))],
    pairs: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=VALUE...",
            help=say("What to put in for {{name}}.", "用来替换 {{name}} 的内容。"),
        ),
    ],
    dataset: DatasetOption = None,
    out: Annotated[Path | None, typer.Option(help=say("File to write.", "输出文件。"))] = None,
) -> None:
    """Write a copy of a dataset with its placeholders filled, and say which are left."""
    from assistant.training.installation import datasets_dir, write_filled

    values = {name.strip(): value for name, found, value in (pair.partition("=") for pair in pairs) if found}
    if len(values) != len(pairs) or not all(value.strip() for value in values.values()):
        raise typer.BadParameter(say("write name=value", "请写成 名称=内容"))
    target = out or datasets_dir(settings_in_force()) / f"{dataset or path.stem}_filled.jsonl"
    export, left = write_filled(path, values, target, dataset=dataset)
    for file in export.files.values():
        print(file)
    _list(export.findings, show_all=True)
    if left:
        names = ", ".join(left)
        note(say(f"Still unfilled: {names}", f"仍未填写：{names}"))
    note(
        say(
            f"{export.rows} rows. Train with: tandem train FILE",
            f"共 {export.rows} 行。训练：tandem train 文件",
        )
    )


def _tell_why_not(error: "DatasetError", *, show_all: bool, as_json: bool) -> None:
    """List the rows that are the reason; the error itself is told by whoever catches it."""
    if as_json:
        text = {"en": error.text("en"), "zh": error.text("zh")}
        told = {"code": error.code, "params": error.params, "text": text}
        show({"error": told, "findings": [finding.to_json() for finding in error.findings]})
        return
    _list(error.findings, show_all=show_all)
    if error.code == "too_many_dropped":
        share = (int(error.params["percent"]) + 1) / 100
        note(
            say(
                f"To go on without these rows: max_dropped_share={share:g}, here and with tandem train",
                f"若要舍弃这些行继续：max_dropped_share={share:g}，检查和训练（tandem train）时都可以这样写",
            )
        )


def _list(findings: "Sequence[Finding]", *, show_all: bool) -> None:
    """Print the findings; without `show_all` the first of those that matter."""
    worth = [f for f in findings if show_all or f.outcome != "noted"] or findings
    shown = worth if show_all else worth[:SHOWN_FINDINGS]
    for finding in shown:
        print(f"  {finding.source}  [{_outcome(finding.outcome)}] {finding.text(language())}")
    if hidden := len(findings) - len(shown):
        print(say(f"  … {hidden} more: --all", f"  …… 还有 {hidden} 条：--all"))


def _outcome(outcome: str) -> str:
    names = {"noted": "提示", "repaired": "修复", "cut": "截短", "dropped": "丢弃"}
    return say(outcome, names[outcome])
