"""The `tandem` command: each command parses, calls the App, prints.

Results go to stdout, everything else to stderr. Exit 0 done, 1 something failed and was said, 2 misuse.
Heavy imports stay inside the commands, so that `--help` answers at once.
"""

import json
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.compare.probe_commands import experiment_cli
from assistant.help_pages import Commands
from assistant.language import shell_language
from assistant.messages import Language
from assistant.providers.commands import providers_cli
from assistant.training import build_commands as build_commands
from assistant.training.adapter_commands import adapters_cli
from assistant.training.commands import runs_cli, train
from assistant.training.data_commands import data_cli

if TYPE_CHECKING:
    from assistant.app import App
    from assistant.arms import Answer
    from assistant.settings import Settings
    from knowledge.documents import Passage


LANGUAGE: Language = shell_language()


def say(en: str, zh: str) -> str:
    """The one of two texts that the shell's language asks for."""
    return zh if LANGUAGE == "zh" else en


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

JsonFlag = Annotated[bool, typer.Option("--json", help=say("Print JSON.", "输出 JSON。"))]
BaseOption = Annotated[
    list[str] | None,
    typer.Option(
        "--base",
        "-b",
        help=say("Knowledge base; may be repeated. Default: all.", "知识库，可重复；默认全部。"),
    ),
]


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
        note(misuse_text(err, LANGUAGE))
        sys.exit(2)
    except SettingsError as err:
        note(err.text(LANGUAGE))
        sys.exit(2)
    except TANDEM_ERRORS as err:
        fail(err.text(LANGUAGE))
    except (Abort, KeyboardInterrupt):
        note(say("Stopped. What was finished is kept.", "已停止。已完成的部分会保留。"))
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def note(text: str) -> None:
    """Print progress or a remark to stderr."""
    print(text, file=sys.stderr, flush=True)


def write(text: str) -> None:
    """Print a piece of a result to stdout."""
    print(text, end="", flush=True)


def fail(text: str) -> None:
    """Print one line to stderr and end with exit code 1."""
    note(text)
    sys.exit(1)


def show(value: Any) -> None:
    """Print JSON to stdout."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str), flush=True)


@contextmanager
def opened(purpose: str) -> Iterator["App"]:
    """Open the data folder for one command and close it again."""
    from assistant.app import App

    app = App.open(settings(), purpose=f"tandem {purpose}")
    try:
        yield app
    finally:
        app.close()


def settings() -> "Settings":
    """The settings in force."""
    from assistant.settings import load_settings

    return load_settings()


@cli.command(help=say("Add files and folders to a knowledge base.", "把文件和文件夹加入知识库。"))
def index(
    paths: Annotated[list[Path], typer.Argument(help=say("Files or folders.", "文件或文件夹。"))],
    base: Annotated[
        str | None,
        typer.Option(
            "--base", "-b", help=say("Knowledge base; made when missing.", "知识库；不存在则创建。")
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=say("Only say what would change.", "只显示将发生的变化。"))
    ] = False,
    sync: Annotated[
        bool,
        typer.Option(
            "--sync",
            help=say("Also drop files that are no longer in the folder.", "同时删除文件夹中已不存在的文件。"),
        ),
    ] = False,
    exclude: Annotated[
        list[str] | None,
        typer.Option(help=say("Leave out names like this: *faq.md.", "排除此类名称的文件：*faq.md。")),
    ] = None,
    password: Annotated[
        str | None, typer.Option(help=say("For encrypted files.", "加密文件的密码。"))
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Add files and folders to a knowledge base."""
    from assistant.arms import to_json
    from assistant.reporting import index_line, plan_lines
    from knowledge.indexing import FileDone, Finished
    from knowledge.planning import IndexPlan

    for path in paths:
        if not path.exists():
            raise typer.BadParameter(say(f"there is no {path}", f"找不到 {path}"))
    with opened("index") as app:
        gathered, skipped = app.gather(paths, password=password)
        inputs = [
            item for item in gathered if not any(fnmatch(item.name, pattern) for pattern in exclude or ())
        ]
        for notice in skipped:
            note("  " + app.notice_text(notice, LANGUAGE))
        if dry_run:
            known = app.base_named(base)
            if known is None:  # it would be made by the run; saying what would happen makes nothing
                plan = IndexPlan(tuple(item.name for item in inputs), (), (), (), ())
            else:
                plan = app.plan(known.id, inputs, remove_missing=sync)
            if as_json:
                show(to_json(plan))
            else:
                print("\n".join(plan_lines(plan, LANGUAGE)))
            return
        target = app.base_or_new(base)
        failed, done = 0, []
        for event in app.index(target.id, inputs, remove_missing=sync):
            if isinstance(event, FileDone):
                failed += event.state == "failed"
                done.append(event)
                note(index_line(event, LANGUAGE))
            if isinstance(event, Finished):
                for notice in event.notices:
                    note("  " + app.notice_text(notice, LANGUAGE))
                if as_json:
                    show({"base": target.name, "files": to_json(done), "seconds": event.seconds})
                else:
                    print(
                        say(
                            f"{target.name}: {len(done) - failed} files done, {failed} failed, "
                            f"{event.seconds:.1f} s",
                            f"{target.name}：完成 {len(done) - failed} 个文件，失败 {failed} 个，"
                            f"用时 {event.seconds:.1f} 秒",
                        )
                    )
    if failed:
        sys.exit(1)


@cli.command(help=say("Ask a question of your documents.", "向您的文档提问。"))
def ask(
    question: Annotated[str, typer.Argument(help=say("The question.", "问题。"))],
    base: BaseOption = None,
    arm: Annotated[
        str, typer.Option(help=say("rag, or base for the model alone.", "rag，或 base（仅模型）。"))
    ] = "rag",
    as_json: JsonFlag = False,
) -> None:
    """Ask a question of your documents."""
    from assistant.arms import Failed, Finished, Retrieved, Token, to_json
    from assistant.reporting import source_lines

    with opened("ask") as app:
        answer: Answer | None = None
        shown = ""
        for event in app.ask(question, arms=[app.arm(arm)], base_ids=app.base_ids(base)):
            if isinstance(event, Retrieved) and not as_json:
                note(
                    say(
                        f"{len(event.retrieval.passages)} passages found",
                        f"找到 {len(event.retrieval.passages)} 个段落",
                    )
                )
            elif isinstance(event, Token) and not event.thinking and not as_json:
                shown += event.text
                print(event.text, end="", flush=True)
            elif isinstance(event, Failed):
                raise event.error
            elif isinstance(event, Finished):
                answer = event.answer
        assert answer is not None
        if as_json:
            show(to_json(answer))
        else:
            print()
            if answer.text.strip() != shown.strip():  # what was written had no support in the passages
                print(f"=> {answer.text}")
            for line in source_lines(answer, LANGUAGE):
                print(line)


@cli.command("compare", help=say("Put one question to several arms.", "用同一个问题比较多种方式。"))
def compare_arms(
    question: Annotated[str, typer.Argument(help=say("The question.", "问题。"))],
    arms: Annotated[
        str,
        typer.Option(
            help=say(
                "Two to four of base, rag, sft:ADAPTER, rag+sft:ADAPTER, each with settings of its own "
                "if need be, such as rag?top_k=3&mode=dense&base=NAME or base?model=NAME.",
                "base、rag、sft:适配器、rag+sft:适配器 中的二至四种；各自可带设置，"
                "例如 rag?top_k=3&mode=dense&base=知识库 或 base?model=模型。",
            )
        ),
    ] = "base,rag",
    base: BaseOption = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help=say(
                "Print one JSON object a line as things happen, each with its arm and its event: retrieved, token, "
                "finished, failed. The last line (event: compared) is the whole comparison; take it alone with: "
                "| tail -n 1.",
                "边进行边输出，每行一个 JSON 对象，含方式（arm）与事件（event）：retrieved、token、finished、failed。"
                "最后一行（compared）为完整的比较结果；只要结果可接：| tail -n 1。",
            ),
        ),
    ] = False,
) -> None:
    """Put one question to several arms: all are answered at once and printed one after another."""
    from assistant.compare.printing import print_as_json, print_as_text

    names = list(dict.fromkeys(name.strip() for name in arms.split(",") if name.strip()))
    if not 2 <= len(names) <= 4:
        raise typer.BadParameter(say("give two to four different arms", "请给出二至四种不同的方式"))
    with opened("compare") as app:
        chosen = [app.arm(name) for name in names]
        events = app.ask(question, arms=chosen, base_ids=app.base_ids(base))
        if as_json:
            answered = print_as_json(question, events, chosen, language=LANGUAGE, write=write)
        else:
            answered = print_as_text(events, chosen, language=LANGUAGE, write=write, note=note)
    if not answered:
        sys.exit(1)


@cli.command(help=say("Show ranked passages, without a model.", "不经模型，直接显示检索到的段落。"))
def search(
    query: Annotated[str, typer.Argument(help=say("What to look for.", "要查找的内容。"))],
    base: BaseOption = None,
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, max=100)] = 5,
    mode: Annotated[str, typer.Option(help="hybrid | dense | lexical")] = "hybrid",
    as_json: JsonFlag = False,
) -> None:
    """Show ranked passages, without a model."""
    from assistant.arms import to_json
    from assistant.reporting import passage_place

    if mode not in ("hybrid", "dense", "lexical"):
        raise typer.BadParameter(say("choose hybrid, dense or lexical", "请选择 hybrid、dense 或 lexical"))
    with opened("search") as app:
        found = app.search(query, base_ids=app.base_ids(base), top_k=top_k, mode=mode)  # type: ignore[arg-type]
        if as_json:
            show(to_json(found))
            return
        if not found.passages:
            print(say("Nothing found.", "没有找到。"))
        for rank, passage in enumerate(found.passages, 1):
            print(f"{rank}. {passage.score:.2f}  {passage_place(passage, LANGUAGE)}  {_legs(passage)}")
            print("   " + " ".join(passage.text.split())[:240])


def _legs(passage: "Passage") -> str:
    dense = "-" if passage.dense_rank is None else f"#{passage.dense_rank}"
    lexical = "-" if passage.lexical_rank is None else f"#{passage.lexical_rank}"
    return f"(dense {dense}, BM25 {lexical})"


@cli.command(help=say("List knowledge bases.", "列出知识库。"))
def bases(as_json: JsonFlag = False) -> None:
    """List knowledge bases."""
    from assistant.arms import to_json
    from assistant.reporting import counted

    with opened("bases") as app:
        rows = app.bases()
        if as_json:
            show(to_json(rows))
        elif not rows:
            print(
                say(
                    "No knowledge base yet. Make one with: tandem index PATH --base NAME",
                    "还没有知识库。创建：tandem index 路径 --base 名称",
                )
            )
        for row in [] if as_json else rows:
            print(
                say(
                    f"{row.name}: {counted(row.files, 'file')}, {counted(row.chunks, 'chunk')}, {row.embedder}",
                    f"{row.name}：{row.files} 个文件，{row.chunks} 个分块，{row.embedder}",
                )
            )


models_cli = Commands(
    no_args_is_help=False,
    invoke_without_command=True,
    help=say("List models; fetch one with `models get NAME`.", "列出模型；用 `models get 名称` 获取。"),
)
cli.add_typer(models_cli, name="models")
cli.add_typer(providers_cli, name="providers")
cli.add_typer(experiment_cli, name="experiment")
cli.add_typer(data_cli, name="data")
cli.add_typer(runs_cli, name="runs")
cli.add_typer(adapters_cli, name="adapters")
cli.command(
    "train", help=say("Train an adapter: tandem train rows.json", "训练适配器：tandem train rows.json")
)(train)


@models_cli.callback()
def models(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List the models there are."""
    if context.invoked_subcommand is not None:
        return
    from assistant.arms import to_json
    from assistant.models import list_models

    rows = list_models(settings())
    if as_json:
        show(to_json(rows))
        return
    for row in rows:
        mark = {(True, True): "*", (True, False): "!", (False, True): "+"}.get((row.active, row.present), " ")
        size = f"{row.size_bytes / 1e9:.1f} GB" if row.size_bytes else ""
        print(f"{mark} {row.name:32} {row.kind:10} {size:>8}  {row.note(LANGUAGE)}")
    print(
        say(
            "* in use, + on disk, ! chosen but not fetched yet. Fetch one with: tandem models get NAME",
            "* 使用中，+ 已下载，! 已选用但尚未获取。获取：tandem models get 名称",
        ),
        file=sys.stderr,
    )


@models_cli.command("get", help=say("Fetch a model, resuming what was begun.", "获取模型，可断点续传。"))
def models_get(name: str) -> None:
    """Fetch a model by catalogue name, hub id, `modelscope:` id or folder."""
    from assistant.models import fetch

    folder = fetch(name, settings(), progress=ProgressLine(name))
    note("")
    print(folder.path)


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


@cli.command(
    help=say("Say what is there, what is missing, how to mend it.", "检查环境，指出缺失及解决办法。")
)
def doctor(as_json: JsonFlag = False) -> None:
    """Say what is there, what is missing, how to mend it."""
    from assistant.doctor import examine

    checks = []
    for check in examine(settings()):
        checks.append(check)
        if not as_json:
            mark = {"ok": "ok  ", "warn": "warn", "bad": "BAD "}[check.verdict]
            print(f"{mark}  {check.text(LANGUAGE)}", flush=True)
    if as_json:
        show([{"code": c.code, "verdict": c.verdict, "text": c.text(LANGUAGE)} for c in checks])
    if any(check.verdict == "bad" for check in checks):
        sys.exit(1)


@cli.command(help=say("Print every setting and where it is looked for.", "显示所有设置及其来源。"))
def config(as_json: JsonFlag = False) -> None:
    """Print every setting and where it is looked for."""
    from assistant.settings import config_file, flat_settings

    current = settings()
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


@cli.command(help=say("Get the embedded models and index the samples.", "获取内置模型并索引示例文档。"))
def setup() -> None:
    """Get the embedded models and index the sample documents; quick when all is there."""
    from assistant.setup import prepare

    for line in prepare(settings(), LANGUAGE, progress=ProgressLine):
        note(line)


@cli.command(help=say("Measure retrieval on a folder in BEIR layout.", "在 BEIR 格式的数据上评测检索。"))
def evaluate(
    folder: Annotated[Path, typer.Argument(help="corpus.jsonl, queries.jsonl, qrels/")],
    split: Annotated[str | None, typer.Option(help=say("Which qrels file.", "使用哪个 qrels 文件。"))] = None,
    mode: Annotated[str, typer.Option(help="hybrid | dense | lexical | all")] = "all",
    as_json: JsonFlag = False,
) -> None:
    """Print recall@k, MRR and nDCG of each way to search."""
    from assistant.evaluation import evaluate_retrieval

    rows = evaluate_retrieval(folder, settings(), split=split, mode=mode, progress=note)
    if as_json:
        show(rows)
        return
    for row in rows:
        print(
            "  ".join(
                f"{key} {value:.4f}" if isinstance(value, float) else f"{value}" for key, value in row.items()
            )
        )


@cli.command(help=say("Open the page.", "打开页面。"))
def ui(
    port: Annotated[int | None, typer.Option(help=say("Default: 8501.", "默认 8501。"))] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help=say("Open a browser.", "自动打开浏览器。"))
    ] = True,
) -> None:
    """Open the page in a browser; Ctrl-C ends it."""
    from assistant.page import serve

    serve(settings(), port=port, open_browser=browser, say=note, language=LANGUAGE)


@cli.command("serve", help=say("Serve the API without the page.", "只提供 API，不打开页面。"))
def serve_api(
    port: Annotated[int | None, typer.Option(help=say("Default: 8501.", "默认 8501。"))] = None,
) -> None:
    """Serve the OpenAI-compatible API; Ctrl-C ends it."""
    from assistant.serving import serve

    def announce(url: str) -> None:
        note(say(f"Tandem's API is at {url} (Ctrl-C ends it)", f"Tandem API 已就绪：{url}（按 Ctrl-C 结束）"))

    serve(settings(), port=port, say=announce)
