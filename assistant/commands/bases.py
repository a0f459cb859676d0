"""`tandem index`, `bases`, `evaluate`: what the knowledge bases hold, and how well it is found."""

import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.terminal import JsonFlag, language, note, opened, say, settings_in_force, show

if TYPE_CHECKING:
    from assistant.app import App
    from knowledge.base import SourceInput


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
    for path in paths:
        if not path.exists():
            raise typer.BadParameter(say(f"there is no {path}", f"找不到 {path}"))
    with opened("index") as app:
        gathered, skipped = app.gather(paths, password=password)
        inputs = [
            item for item in gathered if not any(fnmatch(item.name, pattern) for pattern in exclude or ())
        ]
        for notice in skipped:
            note("  " + app.notice_text(notice, language()))
        if dry_run:
            _show_plan(app, base, inputs, remove_missing=sync, as_json=as_json)
            return
        failed = _index(app, base, inputs, remove_missing=sync, as_json=as_json)
    if failed:
        sys.exit(1)


def _show_plan(
    app: "App", base: str | None, inputs: "Sequence[SourceInput]", *, remove_missing: bool, as_json: bool
) -> None:
    """Say what indexing would do; a base that it would make is not made."""
    from assistant.arms import to_json
    from assistant.reporting import plan_lines
    from knowledge.planning import IndexPlan

    known = app.base_named(base)
    if known is None:
        plan = IndexPlan(tuple(item.name for item in inputs), (), (), (), ())
    else:
        plan = app.plan(known.id, inputs, remove_missing=remove_missing)
    if as_json:
        show(to_json(plan))
    else:
        print("\n".join(plan_lines(plan, language())))


def _index(
    app: "App", base: str | None, inputs: "Sequence[SourceInput]", *, remove_missing: bool, as_json: bool
) -> int:
    """Index, a line for each file; return how many failed."""
    from assistant.arms import to_json
    from assistant.reporting import index_line
    from knowledge.indexing import FileDone, Finished

    target = app.base_or_new(base)
    done: list[FileDone] = []
    seconds = 0.0
    for event in app.index(target.id, inputs, remove_missing=remove_missing):
        if isinstance(event, FileDone):
            done.append(event)
            note(index_line(event, language()))
        if isinstance(event, Finished):
            for notice in event.notices:
                note("  " + app.notice_text(notice, language()))
            seconds = event.seconds
    failed = sum(one.state == "failed" for one in done)
    if as_json:
        show({"base": target.name, "files": to_json(done), "seconds": seconds})
    else:
        print(
            say(
                f"{target.name}: {len(done) - failed} files done, {failed} failed, {seconds:.1f} s",
                f"{target.name}：完成 {len(done) - failed} 个文件，失败 {failed} 个，用时 {seconds:.1f} 秒",
            )
        )
    return failed


def bases(as_json: JsonFlag = False) -> None:
    """List knowledge bases."""
    from assistant.arms import to_json
    from assistant.reporting import counted

    with opened("bases") as app:
        rows = app.bases()
    if as_json:
        show(to_json(rows))
        return
    if not rows:
        print(
            say(
                "No knowledge base yet. Make one with: tandem index PATH --base NAME",
                "还没有知识库。创建：tandem index 路径 --base 名称",
            )
        )
    for row in rows:
        print(
            say(
                f"{row.name}: {counted(row.files, 'file')}, {counted(row.chunks, 'chunk')}, {row.embedder}",
                f"{row.name}：{row.files} 个文件，{row.chunks} 个分块，{row.embedder}",
            )
        )


def evaluate(
    folder: Annotated[Path, typer.Argument(help="corpus.jsonl, queries.jsonl, qrels/")],
    split: Annotated[str | None, typer.Option(help=say("Which qrels file.", "使用哪个 qrels 文件。"))] = None,
    mode: Annotated[str, typer.Option(help="hybrid | dense | lexical | all")] = "all",
    as_json: JsonFlag = False,
) -> None:
    """Print recall@k, MRR and nDCG of each way to search."""
    from assistant.evaluation import evaluate_retrieval

    rows = evaluate_retrieval(folder, settings_in_force(), split=split, mode=mode, progress=note)
    if as_json:
        show(rows)
        return
    for row in rows:
        cells = (f"{key} {value:.4f}" if isinstance(value, float) else value for key, value in row.items())
        print(*cells, sep="  ")
