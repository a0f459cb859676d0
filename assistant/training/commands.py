"""`tandem train`, `tandem runs`: each parses, calls `assistant.training.installation`, prints."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.help_pages import Commands
from assistant.terminal import JsonFlag, language, note, say, settings_in_force, show

if TYPE_CHECKING:
    from finetune.config import RunConfig
    from finetune.run_folder import Status
    from finetune.runs import RunInfo


def group(en: str, zh: str, *, alone: bool = False) -> Commands:
    """A group of commands; `alone` if it does something without one."""
    return Commands(no_args_is_help=not alone, invoke_without_command=alone, help=say(en, zh))


runs_cli = group(
    "List runs; watch, stop, resume one: tandem runs watch last",
    "列出训练；查看、停止、继续：tandem runs watch last",
    alone=True,
)
ModelOption = Annotated[
    str | None, typer.Option(help=say("Model; default: the chat model.", "模型；默认为当前对话模型。"))
]
DatasetOption = Annotated[
    str | None, typer.Option(help=say("Entry of dataset_info.json.", "dataset_info.json 中的条目。"))
]
RunArgument = Annotated[
    str, typer.Argument(help=say("Id, its beginning, or last.", "训练编号、编号开头或 last。"))
]
PairsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...",
        help=say(
            "Any setting by its usual name: learning_rate=2e-4 lora_r=16 max_length=1024 train_on=last …",
            "任何设置，沿用通用名称：learning_rate=2e-4 lora_r=16 max_length=1024 train_on=last ……",
        ),
    ),
]


def train(
    what: Annotated[
        Path, typer.Argument(help=say("Dataset, or a run's YAML file.", "数据集，或训练的 YAML 文件。"))
    ],
    pairs: PairsArgument = None,
    name: Annotated[str | None, typer.Option(help=say("Name of the adapter to be.", "适配器名称。"))] = None,
    model: ModelOption = None,
    dataset: DatasetOption = None,
    detach: Annotated[
        bool,
        typer.Option("--detach", help=say("Do not watch; the run goes on.", "不跟踪，训练在后台继续。")),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Train an adapter: tandem train rows.json, or tandem train run.yaml."""
    from assistant.training.installation import start_run
    from finetune.config_files import read_config, to_mapping

    settings = settings_in_force()
    notes: tuple[Any, ...] = ()
    if what.suffix.lower() in (".yaml", ".yml"):
        read = read_config(what)
        values, notes = to_mapping(read.config), read.notes
    else:
        values = {"model": settings.models.chat, "data": str(what)}
    given = {"name": name, "model": model, "dataset": dataset}
    values |= {key: value for key, value in given.items() if value is not None}
    config = make_config(values | read_pairs(pairs))
    for finding in notes:
        note("  " + finding.text(language()))
    run = start_run(config, settings, notes=notes)
    if not as_json:
        facts = run.record
        note(
            say(
                f"Run {run.id}: {facts['rows']} rows, {facts['eval_rows']} held out, "
                f"{facts['trained_tokens']} trained tokens. It goes on if you close this window.",
                f"训练 {run.id}：{facts['rows']} 行，留出 {facts['eval_rows']} 行，"
                f"训练 {facts['trained_tokens']} 个 token。关闭窗口后训练仍会继续。",
            )
        )
    if detach:
        show({"run": run.id}) if as_json else print(run.id)
        return
    _follow(run, as_json=as_json)


def _follow(run: "RunInfo", *, as_json: bool) -> None:
    """Print a run's metrics until it ends; Ctrl-C leaves the run alone."""
    from finetune.runs import status_of, watch

    try:
        told = ""
        for event in watch(run.folder):
            if as_json:
                if isinstance(event, dict):
                    print(json.dumps(event), flush=True)
            elif isinstance(event, dict):
                print(_metrics_line(event, status_of(run.folder)), flush=True)
            elif event.state != told:
                told = event.state
                note(f"  {_state(event.state)}")
    except KeyboardInterrupt:
        note(
            say(
                f"The run goes on. Stop it with: tandem runs stop {run.id}",
                f"训练仍在继续。停止：tandem runs stop {run.id}",
            )
        )
        return
    status = status_of(run.folder)
    if as_json:
        show(_run_json(run.folder.path.name, status))
    else:
        print(_ending(status))
        _tell_again(run, status)
    if status.state in ("failed", "interrupted") or status.code == "adapter_not_offered":
        sys.exit(1)


@runs_cli.callback()
def runs(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List runs, newest first."""
    if context.invoked_subcommand is not None:
        return
    from assistant.training.installation import runs_dir
    from finetune.runs import list_runs

    rows = list_runs(runs_dir(settings_in_force()))
    if as_json:
        show([_run_json(row.id, row.status) for row in rows])
        return
    if not rows:
        print(say("No run yet: tandem train rows.json", "还没有训练：tandem train rows.json"))
    for row in rows:
        print(f"{row.id:36} {_state(row.status.state):12} {_progress(row.status)}")


@runs_cli.command("show", help=say("Say all about a run.", "显示训练详情。"))
def runs_show(run: RunArgument = "last", as_json: JsonFlag = False) -> None:
    """Say all about a run."""
    found = _run(run)
    if as_json:
        show(
            _run_json(found.id, found.status)
            | {"record": found.record, "metrics": found.folder.read_metrics()[0]}
        )
        return
    print(f"{found.id}: {_state(found.status.state)} {_progress(found.status)}")
    facts = found.record
    share = facts.get("parameters")
    if share:
        print(
            say(
                f"trains {share['trainable']:,} of {share['total']:,} parameters ({100 * share['share']:.2f} %)",
                f"训练 {share['total']:,} 个参数中的 {share['trainable']:,} 个（{100 * share['share']:.2f}%）",
            )
        )
    for key, value in facts.get("settings", {}).items():
        print(f"  {key}: {value}")
    # What was advised before the start says nothing once the checks have spoken.
    for kind in ("notes", "advice") if found.status.alive else ("notes",):
        for finding in facts.get(kind, []):
            print("  " + finding["text"][language()])
    if found.status.code:
        print(found.status.reason(language()))
    _tell_again(found, found.status)
    print(found.folder.path)


@runs_cli.command("watch", help=say("Follow a run.", "跟踪训练。"))
def runs_watch(run: RunArgument = "last", as_json: JsonFlag = False) -> None:
    """Follow a run until it ends."""
    _follow(_run(run), as_json=as_json)


@runs_cli.command("stop", help=say("Stop a run at a checkpoint.", "停止训练并保存检查点。"))
def runs_stop(
    run: RunArgument = "last",
    finish: Annotated[
        bool,
        typer.Option("--finish", help=say("Check and offer what was learnt.", "检查并保留已学到的结果。")),
    ] = False,
) -> None:
    """Stop a run; it can be resumed."""
    from finetune.runs import stop

    status = stop(_run(run).folder, finish=finish, wait_s=60)
    print(say("Asked to stop.", "已请求停止。") if status.alive else _ending(status))


@runs_cli.command("resume", help=say("Go on from the last checkpoint.", "从最近的检查点继续。"))
def runs_resume(
    run: RunArgument = "last",
    detach: Annotated[bool, typer.Option("--detach", help=say("Do not watch.", "不跟踪。"))] = False,
) -> None:
    """Go on with a run that was stopped or interrupted."""
    from finetune.runs import resume

    found = resume(_run(run).folder)
    if detach:
        print(found.id)
    else:
        _follow(found, as_json=False)


@runs_cli.command("delete", help=say("Delete a run; its adapter stays.", "删除训练记录，适配器保留。"))
def runs_delete(run: RunArgument) -> None:
    """Delete a run."""
    from finetune.runs import delete

    delete(_run(run).folder)


def read_pairs(pairs: list[str] | None) -> dict[str, Any]:
    """KEY=VALUE arguments, each value read as YAML reads it."""
    import yaml

    found: dict[str, Any] = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(say(f"write KEY=VALUE, not {pair}", f"请写成 KEY=VALUE，而不是 {pair}"))
        found[key.strip().replace("-", "_")] = yaml.safe_load(value)
    return found


def make_config(values: dict[str, Any]) -> "RunConfig":
    """Settings of a run from flat values."""
    from finetune.config_files import from_mapping

    return from_mapping(values, file=say("command line", "命令行"))


def _run(run: str) -> "RunInfo":
    from assistant.training.installation import runs_dir
    from finetune.runs import find

    return find(runs_dir(settings_in_force()), run)


_STATES: dict[str, tuple[str, str]] = {
    "preparing": ("preparing", "准备中"),
    "running": ("running", "训练中"),
    "checking": ("checking", "检查中"),
    "done": ("done", "已完成"),
    "stopped": ("stopped", "已停止"),
    "failed": ("failed", "失败"),
    "interrupted": ("interrupted", "已中断"),
}


def _state(state: str) -> str:
    return say(*_STATES[state])


def _progress(status: "Status") -> str:
    text = f"{status.step}/{status.total_steps}"
    if status.loss is not None:
        text += f"  loss {status.loss:.4f}"
    if status.eval_loss is not None:
        text += f"  eval {status.eval_loss:.4f}"
    if status.eta_s is not None and status.alive:
        text += say(f"  {status.eta_s / 60:.0f} min left", f"  剩余 {status.eta_s / 60:.0f} 分钟")
    return text


def _metrics_line(record: dict[str, Any], status: "Status") -> str:
    if record["kind"] == "eval":
        return f"  {record['step']:>6}  eval loss {record['loss']:.4f}"
    left = (
        "" if status.eta_s is None else say(f"  {status.eta_s:.0f} s left", f"  剩余 {status.eta_s:.0f} 秒")
    )
    return (
        f"  {record['step']:>6}/{status.total_steps}  loss {record['loss']:.4f}  lr {record['learning_rate']:.2e}  "
        f"grad {record['grad_norm'] or 0:.2f}  {record['tokens_per_s']:.0f} tok/s{left}"
    )


def _tell_again(run: "RunInfo", status: "Status") -> None:
    """Print the command that does what failed checks call for."""
    from finetune.next_step import pairs

    if changes := status.params.get("changes"):
        note(f'  tandem train "{run.folder.config}" {" ".join(pairs(changes))}')


def _ending(status: "Status") -> str:
    if status.code:
        return status.reason(language())
    if status.adapter:
        return say(
            f'Adapter {status.adapter} passed its checks. Ask it: tandem ask --arm "sft:{status.adapter}" …',
            f'适配器 {status.adapter} 已通过检查。提问：tandem ask --arm "sft:{status.adapter}" ……',
        )
    return _state(status.state)


def _run_json(run: str, status: "Status") -> dict[str, Any]:
    from dataclasses import asdict

    return {"run": run, **asdict(status), "reason": {"en": status.reason("en"), "zh": status.reason("zh")}}
