"""`tandem data`: each command parses, calls `assistant.training.installation`, prints."""

from pathlib import Path
from typing import Annotated

import typer

from assistant.training.commands import (
    LANGUAGE,
    DatasetOption,
    JsonFlag,
    ModelOption,
    PairsArgument,
    group,
    make_config,
    note,
    read_pairs,
    say,
    settings_in_force,
    show,
)

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

    settings = settings_in_force()
    values = {"model": model or settings.models.chat, "data": str(path), **read_pairs(pairs)}
    config = make_config(values)
    report = check_dataset(
        path,
        settings,
        model=config.model,
        dataset=dataset,
        columns=config.columns,
        rows=config.rows,
        test=test,
    )
    if as_json:
        show(report.to_json())
        return
    print(report.summary(LANGUAGE))
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
    worth = [f for f in report.findings if show_all or f.outcome != "noted"] or report.findings
    for finding in worth if show_all else worth[:SHOWN_FINDINGS]:
        print(f"  {finding.source}  [{_outcome(finding.outcome)}] {finding.text(LANGUAGE)}")
    hidden = len(report.findings) - (len(worth) if show_all else min(len(worth), SHOWN_FINDINGS))
    if hidden > 0:
        print(say(f"  … {hidden} more: --all", f"  …… 还有 {hidden} 条：--all"))


@data_cli.command(
    "recipe", help=say("Write a ready dataset: self-cognition.", "生成现成的数据集：self-cognition。")
)
def data_recipe(
    recipe: Annotated[str, typer.Argument(help="self-cognition")],
    name: Annotated[str, typer.Option(help=say("What the assistant is called.", "助手的名字。"))],
    maker: Annotated[str, typer.Option(help=say("Who made it.", "开发者。"))],
    out: Annotated[Path | None, typer.Option(help=say("File to write.", "输出文件。"))] = None,
    language: Annotated[str, typer.Option(help="both | en | zh")] = "both",
) -> None:
    """Write the rows of a recipe and say how to train on them."""
    from assistant.training.installation import datasets_dir, write_self_cognition

    if recipe != "self-cognition" or language not in ("both", "en", "zh"):
        raise typer.BadParameter(say("the recipe is self-cognition", "目前的配方是 self-cognition"))
    if not name.strip() or not maker.strip():
        raise typer.BadParameter(say("name and maker must not be empty", "名字和开发者不能为空"))
    target = out or datasets_dir(settings_in_force()) / "self_cognition.json"
    path, rows = write_self_cognition(name, maker, target, languages=language)
    print(path)
    note(
        say(
            f'{rows} rows. Train with: tandem train "{path}" num_train_epochs=6',
            f'共 {rows} 行。训练：tandem train "{path}" num_train_epochs=6',
        )
    )


def _outcome(outcome: str) -> str:
    names = {"noted": "提示", "repaired": "修复", "cut": "截短", "dropped": "丢弃"}
    return say(outcome, names[outcome])
