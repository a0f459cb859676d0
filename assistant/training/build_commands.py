"""`tandem data build` and `tandem data builds`: each parses, calls `assistant.training.data_building`, prints."""

import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.terminal import JsonFlag, language, note, opened, say, settings_in_force, show
from assistant.training.commands import PairsArgument, read_pairs
from assistant.training.data_commands import data_cli

if TYPE_CHECKING:
    from finetune.facts.build import Build
    from finetune.facts.options import BuildOptions

_STAGES: dict[str, tuple[str, str]] = {
    "read": ("reading documents", "读取文档"),
    "facts": ("looking for facts", "寻找事实"),
    "write": ("letting the model write questions", "由模型编写问题"),
    "wordings": ("wording them", "编写问法"),
    "search": ("asking the retriever", "检索段落"),
    "check": ("checking against the test questions", "与测试问题比对"),
    "save": ("saving", "保存"),
}
_VERDICTS: dict[str, tuple[str, str]] = {
    "likely": ("will likely stick", "很可能记住"),
    "uncertain": ("may stick", "不一定记住"),
    "unlikely": ("will hardly stick", "很难记住"),
    "not_trained": ("not trained", "未训练"),
}


@data_cli.command("build", help=say("Make training rows of a knowledge base.", "由知识库生成训练数据。"))
def data_build(
    pairs: PairsArgument = None,
    base: Annotated[
        list[str] | None,
        typer.Option("--base", "-b", help=say("Knowledge base; may be repeated.", "知识库，可重复。")),
    ] = None,
    name: Annotated[str, typer.Option(help=say("Name of the build.", "数据集名称。"))] = "documents",
    out: Annotated[
        Path | None,
        typer.Option(help=say("Folder; default: in the data folder.", "输出文件夹；默认在数据目录中。")),
    ] = None,
    layout: Annotated[str, typer.Option(help="alpaca | sharegpt | openai")] = "sharegpt",
    test: Annotated[
        list[Path] | None,
        typer.Option(help=say("Test questions that must not be trained.", "不得用于训练的测试问题。")),
    ] = None,
    hold_out: Annotated[
        list[str] | None,
        typer.Option(help=say("File that is never trained; may be repeated.", "不参与训练的文件，可重复。")),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make training rows: tandem data build --base NAME --out FOLDER wordings=12 max_facts=150."""
    from finetune.facts.options import BuildOptions

    if layout not in ("alpaca", "sharegpt", "openai"):
        raise typer.BadParameter(
            say("the layout is alpaca, sharegpt or openai", "格式为 alpaca、sharegpt 或 openai")
        )
    options = _options(BuildOptions(), read_pairs(pairs))
    options = replace(options, test=tuple(map(str, test or ())), held_documents=tuple(hold_out or ()))
    with opened("data build") as app, _stopping() as should_stop:
        build = app.data_builds.build(
            name,
            app.base_ids(base),
            options,
            folder=out,
            should_stop=should_stop,
            progress=_Told() if not as_json else lambda stage, done, total: None,
        )
    export = build.export(layout)  # type: ignore[arg-type]
    files = {key: str(path) for key, path in export.files.items()}
    if as_json:
        show(build.report.to_json() | {"files": files, "folder": str(build.folder)})
        return
    for line in build.report.summary(language()):
        print(line)
    print(_ledger_line(build))
    for path in files.values():
        print(path)
    if "train" in files:
        note(
            say(
                f'Look at it: tandem data check "{files["train"]}"   Train: tandem train "{files["train"]}" --name …',
                f'查看：tandem data check "{files["train"]}"   训练：tandem train "{files["train"]}" --name ……',
            )
        )


@data_cli.command(
    "builds", help=say("List builds, or show one's ledger.", "列出数据集，或显示某个数据集的台账。")
)
def data_builds(
    name: Annotated[str | None, typer.Argument(help=say("Name, or a folder.", "名称或文件夹。"))] = None,
    epochs: Annotated[
        float | None, typer.Option(help=say("Epochs to reckon with.", "按多少轮计算。"))
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List builds; with a name, its facts with wordings and exposures."""
    from assistant.training.data_building import BUILDS
    from assistant.training.installation import datasets_dir
    from finetune.facts.build import ABOUT, Build

    folder = datasets_dir(settings_in_force()) / BUILDS
    if name is None:
        names = sorted(path.parent.name for path in folder.glob(f"*/{ABOUT}"))
        if as_json:
            show(names)
        else:
            none = say(
                "No build yet: tandem data build --base NAME", "还没有数据集：tandem data build --base 名称"
            )
            print("\n".join(names) or none)
        return
    own = Path(name)
    build = Build.load(own if (own / ABOUT).is_file() else folder / name)
    ledger = build.ledger if epochs is None else build.ledger_for(epochs)
    if as_json:
        show([asdict(entry) for entry in ledger])
        return
    for entry in sorted(ledger, key=lambda e: -e.exposures):
        print(
            f"{entry.wordings:3} {entry.exposures:5}  {say(*_VERDICTS[entry.verdict]):18} {entry.statement[:100]}"
        )
    print(_ledger_line(build, epochs))


def _options(options: "BuildOptions", pairs: dict[str, Any]) -> "BuildOptions":
    known = {field.name for field in fields(options)} - {"test", "held_documents"}
    for key in pairs:
        if key not in known:
            text = ", ".join(sorted(known))
            raise typer.BadParameter(say(f"{key} is none of: {text}", f"没有 {key} 这个选项，可用：{text}"))
    try:
        return replace(options, **pairs)
    except (TypeError, ValueError) as err:
        raise typer.BadParameter(str(err)) from err


def _ledger_line(build: "Build", epochs: float | None = None) -> str:
    ledger = build.ledger if epochs is None else build.ledger_for(epochs)
    counts: Counter[str] = Counter(entry.verdict for entry in ledger)
    said = [f"{counts[verdict]} {say(*names)}" for verdict, names in _VERDICTS.items() if counts[verdict]]
    rounds = epochs or float(build.options.get("epochs", 1))
    return say(f"Facts in {rounds:g} epochs: ", f"{rounds:g} 轮训练中的事实：") + say(", ", "，").join(said)


class _Told:
    """Progress on stderr, a line for each stage."""

    def __init__(self) -> None:
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage != self._stage:
            self._stage = stage
            note(f"  {say(*_STAGES[stage])} …")


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    """Ctrl-C ends a build with what there is, once; a second one ends the command."""
    asked = threading.Event()

    def stop(number: int, frame: Any) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        print(say("  stopping …", "  正在停止……"), file=sys.stderr)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)
