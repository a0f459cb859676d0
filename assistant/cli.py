"""The `tandem` command: all that it has, in the order of its help, and how it ends.

Exit 0 done, 1 something failed and was said, 2 misuse. Heavy imports stay inside the commands, so that `--help`
answers at once.
"""

import logging
import os
import sys
import warnings
from typing import Annotated

import typer

from assistant.commands.asking import ask, compare, search
from assistant.commands.bases import bases, evaluate, index
from assistant.commands.installation import config, doctor, serve, setup, ui
from assistant.commands.models import models_cli
from assistant.compare.commands import experiment_cli
from assistant.help_pages import Commands
from assistant.providers.commands import providers_cli
from assistant.terminal import fail, language, note, say
from assistant.training import build_commands as build_commands  # it adds to `data_cli`
from assistant.training.adapter_commands import adapters_cli
from assistant.training.commands import runs_cli, train
from assistant.training.data_commands import data_cli

cli = Commands(
    name="tandem",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=say(
        "Answers from your own documents. Start with: tandem ui",
        "基于您自己的文档回答问题。从这里开始：tandem ui",
    ),
)
cli.command(help=say("Add files and folders to a knowledge base.", "把文件和文件夹加入知识库。"))(index)
cli.command(help=say("Ask a question of your documents.", "向您的文档提问。"))(ask)
cli.command(help=say("Put one question to several arms.", "用同一个问题比较多种方式。"))(compare)
cli.command(help=say("Show ranked passages, without a model.", "不经模型，直接显示检索到的段落。"))(search)
cli.command(help=say("List knowledge bases.", "列出知识库。"))(bases)
cli.command(help=say("Train an adapter: tandem train rows.json", "训练适配器：tandem train rows.json"))(train)
cli.command(
    help=say("Say what is there, what is missing, how to mend it.", "检查环境，指出缺失及解决办法。")
)(doctor)
cli.command(help=say("Print every setting and where it is looked for.", "显示所有设置及其来源。"))(config)
cli.command(help=say("Get the embedded models and index the samples.", "获取内置模型并索引示例文档。"))(setup)
cli.command(help=say("Measure retrieval on a folder in BEIR layout.", "在 BEIR 格式的数据上评测检索。"))(
    evaluate
)
cli.command(help=say("Open the page.", "打开页面。"))(ui)
cli.command(help=say("Serve the API without the page.", "只提供 API，不打开页面。"))(serve)
cli.add_typer(models_cli, name="models")
cli.add_typer(providers_cli, name="providers")
cli.add_typer(experiment_cli, name="experiment")
cli.add_typer(data_cli, name="data")
cli.add_typer(runs_cli, name="runs")
cli.add_typer(adapters_cli, name="adapters")


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"tandem {version('tandem-assistant')}")
        raise typer.Exit


@cli.callback()
def _tandem(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help=say("Show the version.", "显示版本。")
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; errors of ours become one line and exit code 1, misuse and wrong settings 2."""
    from typer.exceptions import Abort, TyperException

    from assistant.errors import TANDEM_ERRORS, SettingsError
    from assistant.misuse import misuse_text

    logging.basicConfig(level=os.environ.get("TANDEM_LOG", "WARNING").upper(), stream=sys.stderr)
    # What libraries will rename one day tells whoever types a command nothing; PYTHONWARNINGS still shows it.
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers", append=True)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        sys.exit(cli(standalone_mode=False, prog_name="tandem"))
    except TyperException as err:
        note(misuse_text(err, language()))
        sys.exit(2)
    except SettingsError as err:
        note(err.text(language()))
        sys.exit(2)
    except TANDEM_ERRORS as err:
        fail(err.text(language()))
    except (Abort, KeyboardInterrupt):
        note(say("Stopped. What was finished is kept.", "已停止。已完成的部分会保留。"))
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
