"""`tandem experiment`: run, list, show, replay and compare experiments.

Exit codes, for use in CI: 0 done; 1 something failed, a replayed number changed, or an arm got worse; 2 misuse.
"""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.help_pages import Commands
from assistant.language import shell_language
from assistant.messages import Language

if TYPE_CHECKING:
    from assistant.compare.store import Experiments

METER_EVERY = 20
"""Answers after which a run tells how many questions are needed."""
_LANGUAGE: Language = shell_language()


def _say(en: str, zh: str) -> str:
    """For help texts, which are made before `assistant.cli` is; commands use its `say`."""
    return zh if _LANGUAGE == "zh" else en


experiment_cli = Commands(
    no_args_is_help=True,
    help=_say(
        "Compare arms on a set of questions: tandem experiment run samples/questions/en.jsonl",
        "在一组问题上比较各种方式：tandem experiment run samples/questions/zh.jsonl",
    ),
)

JsonFlag = Annotated[bool, typer.Option("--json", help=_say("Print JSON.", "输出 JSON。"))]
Number = Annotated[int, typer.Argument(help=_say("The experiment's number.", "实验编号。"))]


@experiment_cli.command("run", help=_say("Ask all questions of all arms.", "让各种方式回答所有问题。"))
def run(
    questions: Annotated[
        Path | None,
        typer.Argument(help=_say("CSV, JSONL, or JSON in SQuAD form.", "CSV、JSONL 或 SQuAD 形式的 JSON。")),
    ] = None,
    arm: Annotated[
        list[str] | None,
        typer.Option(
            "--arm",
            "-a",
            help=_say(
                "base, rag, sft:NAME, rag+sft:NAME; repeat. Default: all four, with the first adapter there is.",
                "base、rag、sft:名称、rag+sft:名称，可重复；默认四种全用，取第一个适配器。",
            ),
        ),
    ] = None,
    arms: Annotated[
        str, typer.Option(help=_say("The same in one: base,rag,sft:NAME.", "合写：base,rag,sft:名称。"))
    ] = "",
    at_once: Annotated[
        int,
        typer.Option(
            min=1,
            help=_say(
                "Answers made together; 1 makes and times each alone.",
                "同时作答的数量；1 表示逐个作答并计时。",
            ),
        ),
    ] = 8,
    base: Annotated[
        list[str] | None,
        typer.Option(
            "--base",
            "-b",
            help=_say("Knowledge base; may be repeated. Default: all.", "知识库，可重复；默认全部。"),
        ),
    ] = None,
    name: Annotated[str, typer.Option(help=_say("Default: the file's name.", "默认为文件名。"))] = "",
    language: Annotated[
        str | None,
        typer.Option(
            "--language", help=_say("Only questions in it, such as en.", "只用该语言的问题，如 zh。")
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help=_say("Draw so many questions.", "抽取这么多问题。"))
    ] = None,
    primary: Annotated[
        str | None,
        typer.Option(
            help=_say("Metric that decides; declared before the run.", "起决定作用的指标，运行前声明。")
        ),
    ] = None,
    contrast: Annotated[
        str | None,
        typer.Option(
            help=_say(
                "Two arms, such as base,rag: is the second better?", "两种方式，如 base,rag：后者是否更好？"
            )
        ),
    ] = None,
    margin: Annotated[
        float, typer.Option(help=_say("Points that do not matter.", "可以忽略的百分点。"))
    ] = 5.0,
    wanted: Annotated[float, typer.Option(help=_say("Points that would matter.", "有意义的百分点。"))] = 10.0,
    seeds: Annotated[
        bool | None,
        typer.Option(
            "--seeds/--no-seeds",
            help=_say(
                "Count the adapters as training runs of one arm. Default: where model, data and settings are the same.",
                "把各适配器当作同一方式的多次训练。默认：模型、数据和设置都相同时如此。",
            ),
        ),
    ] = None,
    resume: Annotated[
        int | None, typer.Option(help=_say("Go on with the experiment of this number.", "继续此编号的实验。"))
    ] = None,
    again: Annotated[
        int | None,
        typer.Option(
            help=_say("Ask anew what the experiment of this number asked.", "重新提问此编号实验的全部问题。")
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=_say("Only check the questions.", "只检查问题。"))
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Ask all questions of all arms, or go on where a run was stopped."""
    from assistant.cli import LANGUAGE, fail, note, opened, say, show
    from assistant.compare.app_asker import AppAsker
    from assistant.compare.experiment import Answered, Ended, default_arms, make_plan, run_experiment
    from assistant.compare.power import meter
    from assistant.compare.questions import load_questions, take
    from assistant.compare.reporting import progress_line, result_lines
    from assistant.compare.store import Experiments

    if [questions, resume, again].count(None) != 2:
        raise typer.BadParameter(
            say(
                "give a question set, or --resume NUMBER, or --again NUMBER",
                "请给出问题集，或 --resume 编号，或 --again 编号",
            )
        )
    pair = tuple(contrast.split(",")) if contrast else None
    if pair is not None and len(pair) != 2:
        raise typer.BadParameter(
            say("--contrast takes two arms: base,rag", "--contrast 需要两种方式：base,rag")
        )
    named = [*(arm or ()), *(one.strip() for one in arms.split(",") if one.strip())]
    asked = None
    if questions is not None:
        asked = load_questions(questions, language=language)
        asked = take(asked, limit) if limit else asked

    declared = partial(
        make_plan,
        primary=primary,
        contrast=(pair[0], pair[1]) if pair else None,
        base_names=tuple(base or ()),
        margin=margin / 100,
        wanted=wanted / 100,
        at_once=at_once,
    )
    if asked is not None:
        if named:
            declared(
                asked, named, pooled=seeds is not False
            )  # what is wrong is told before a model is loaded
        for problem in asked.problems:
            note("  " + problem.text(LANGUAGE))
        ahead = meter(len(asked.questions), wanted=wanted / 100)
        least = "-" if ahead.detectable is None else f"{100 * ahead.detectable:.0f}"
        note(
            say(
                f"{len(asked.questions)} questions would show a difference of about {least} points.",
                f"{len(asked.questions)} 个问题大约能看出 {least} 个百分点的差别。",
            )
        )
        if dry_run:
            return
    failed = 0
    with opened("experiment") as app:
        store = Experiments(app.settings.database)
        try:
            number = resume
            if asked is not None:
                chosen = named or default_arms(app.adapters())
                pooled = app.experiments.same_recipe(chosen) if seeds is None else seeds
                plan = declared(asked, chosen, pooled=pooled)
                note(", ".join(plan.arms))
                for group, members in plan.groups.items():
                    note(f"  {group}: {', '.join(members)}")
                number = store.create(name, asked, plan)
            if again is not None:
                number = store.again(again)
            assert number is not None
            note(
                say(
                    f"Experiment {number}. Stop with Ctrl-C, go on with --resume {number}.",
                    f"实验 {number}。按 Ctrl-C 停止，用 --resume {number} 继续。",
                )
            )
            stored = store.get(number)
            for event in run_experiment(store, number, AppAsker(app, stored.plan)):
                if isinstance(event, Answered):
                    note(progress_line(event, LANGUAGE))
                    if event.done % METER_EVERY == 0 and (line := _meter_line(store, number)):
                        note(line)
                if isinstance(event, Ended):
                    failed = event.failed
                    if as_json:
                        show({"id": number, "results": event.results})
                    else:
                        print("\n".join(result_lines(store.get(number), LANGUAGE)))
        finally:
            store.close()
    if failed:
        fail(
            say(
                f"{failed} answers failed; --resume {number} asks them again.",
                f"{failed} 个回答出错；--resume {number} 会重新提问。",
            )
        )


@experiment_cli.command("list", help=_say("List experiments.", "列出实验。"))
def list_experiments(as_json: JsonFlag = False) -> None:
    """List the experiments there are, latest first."""
    from assistant.cli import show

    rows: list[dict[str, Any]] = []
    with _Opened() as store:
        for experiment in store.all():
            rows.append(
                {
                    "id": experiment.id,
                    "name": experiment.name,
                    "state": experiment.state,
                    "questions": len(experiment.questions),
                    "arms": list(experiment.plan.arms),
                    "answered": len(store.answered(experiment.id)),
                }
            )
    if as_json:
        show(rows)
        return
    for row in rows:
        total = row["questions"] * len(row["arms"])
        print(
            f"{row['id']:4}  {row['state']:8} {row['answered']}/{total}  {row['name']}  ({', '.join(row['arms'])})"
        )


@experiment_cli.command("show", help=_say("Print or export a result.", "显示或导出结果。"))
def show_experiment(
    number: Number,
    html: Annotated[
        Path | None, typer.Option(help=_say("Write the report there.", "把报告写到此文件。"))
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(help=_say("Write all scores there.", "把所有评分写到此文件。"))
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Print a result, or write it as HTML or CSV; also of a run that is not finished."""
    from assistant.cli import LANGUAGE, note
    from assistant.compare.exports import csv_report, json_report, results_of
    from assistant.compare.report import html_report
    from assistant.compare.reporting import result_lines

    with _Opened() as store:
        for path, render in ((html, html_report), (csv, csv_report)):
            if path is not None:
                path.write_text(render(store, number, LANGUAGE), encoding="utf-8")
                note(str(path))
        if as_json:
            print(json.dumps(json_report(store, number), ensure_ascii=False, indent=2))
        elif html is None and csv is None:
            experiment = store.get(number)
            if store.answered(number):  # may have been cut off, or be running still
                experiment = replace(experiment, results=results_of(store, experiment))
            print("\n".join(result_lines(experiment, LANGUAGE)))


@experiment_cli.command(
    "replay", help=_say("Score again, offline; fail if a number changed.", "离线重新评分；数字有变则失败。")
)
def replay_experiment(
    number: Number,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep",
            help=_say(
                "Put the new scores in the place of the stored ones, such as after an update.",
                "用新的评分取代保存的评分，例如在更新之后。",
            ),
        ),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Score a run again from what is stored of it."""
    from assistant.arms import to_json
    from assistant.cli import fail, say, show
    from assistant.compare.replay import replay

    with _Opened() as store:
        found = replay(store, number, keep=keep)
    if as_json:
        show(to_json(found))
    else:
        for difference in found.differences[:20]:
            print(f"{difference.where}: {difference.stored} -> {difference.now}")
        print(
            say(
                f"{found.checked} values checked, {len(found.differences)} changed",
                f"核对 {found.checked} 个数值，{len(found.differences)} 个有变化",
            )
        )
    if found.differences and not keep:
        fail(say("Replay found other numbers than were stored.", "重新评分的结果与保存的不一致。"))


@experiment_cli.command(
    "compare", help=_say("Compare two runs; fail if an arm got worse.", "比较两次运行；有方式变差则失败。")
)
def compare(first: Number, second: Number, as_json: JsonFlag = False) -> None:
    """Say how each arm changed from the first run to the second."""
    from assistant.cli import LANGUAGE, fail, show
    from assistant.compare.replay import compare_experiments
    from assistant.compare.reporting import change_failures, change_line

    with _Opened() as store:
        rows = compare_experiments(store, first, second)
    if as_json:
        show(rows)
    else:
        for row in rows:
            print(change_line(row, LANGUAGE))
    if failures := change_failures(rows, LANGUAGE):
        fail(failures)


@experiment_cli.command(
    "passages", help=_say("Write a SQuAD file's passages as documents.", "把 SQuAD 文件中的段落写成文档。")
)
def passages(
    questions: Annotated[Path, typer.Argument(help=_say("JSON in SQuAD form.", "SQuAD 形式的 JSON。"))],
    folder: Annotated[
        Path,
        typer.Argument(
            help=_say("Where to; then: tandem index FOLDER.", "目标文件夹；然后：tandem index 文件夹。")
        ),
    ],
) -> None:
    """Write the passages that a SQuAD file asks about, one Markdown file per article."""
    from assistant.compare.question_files import write_passages

    for path in write_passages(questions, folder):
        print(path)


@experiment_cli.command("questions", help=_say("Make a question set of documents.", "由文档生成问题集。"))
def make_questions(
    base: Annotated[
        list[str], typer.Argument(help=_say("Knowledge base; several may be named.", "知识库，可写多个。"))
    ],
    out: Annotated[Path, typer.Option(help=_say("File to write, .jsonl.", "要写入的 .jsonl 文件。"))],
    count: Annotated[int, typer.Option(min=1, help=_say("Questions.", "问题数量。"))] = 120,
    adapter: Annotated[
        str,
        typer.Option(
            help=_say(
                "Leave out what is like this adapter's training data.", "略过与此适配器训练数据相近的问题。"
            )
        ),
    ] = "",
    by_model: Annotated[
        bool,
        typer.Option(
            "--by-model", help=_say("Let the chat model write questions too.", "让模型也编写问题。")
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help=_say("Of every choice.", "随机种子。"))] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Make questions with answers and where these stand, and one in five that no document answers."""
    from dataclasses import asdict

    from assistant.cli import LANGUAGE, note, opened, say, show
    from assistant.compare.document_questions import questions_of_bases
    from assistant.compare.questions import questions_jsonl
    from assistant.errors import QuestionSetError

    if out.suffix != ".jsonl":
        raise typer.BadParameter(say("--out takes a .jsonl file", "--out 需要 .jsonl 文件"))
    if out.exists():
        raise QuestionSetError("questions_exist", name=out.name)
    with opened("experiment questions") as app:
        made = questions_of_bases(
            app,
            app.base_ids(base),
            count=count,
            adapter=adapter,
            writer="model" if by_model else "rules",
            seed=seed,
        )
    out.write_text(questions_jsonl(made.questions.questions), encoding="utf-8")
    asked = made.questions.questions
    for leaked in made.leaked:
        note(f"  {leaked.why:8} {leaked.question}")
    for problem in made.questions.problems:
        note("  " + problem.text(LANGUAGE))
    if as_json:
        told = {"file": str(out), "sha256": made.questions.sha256, "questions": len(asked)}
        show(told | {"leaked": [asdict(leaked) for leaked in made.leaked]})
        return
    unanswerable = sum(not question.answerable for question in asked)
    print(
        say(
            f"{out}: {len(asked)} questions, {unanswerable} of them unanswerable",
            f"{out}：{len(asked)} 个问题，其中 {unanswerable} 个无法回答",
        )
    )
    note(say(f'Ask them: tandem experiment run "{out}"', f'提问：tandem experiment run "{out}"'))


def _meter_line(store: "Experiments", number: int) -> str:
    """How many questions are needed by the answers so far, as the page shows it; "" until that can be said."""
    from assistant.cli import say
    from assistant.compare.analysis import question_meter
    from assistant.compare.score_table import Table

    seen = question_meter(Table(store.get(number), store.answers(number)))
    if not seen["seen"]:
        return ""
    points = f"{100 * seen['wanted']:.0f}"
    if seen["needed"] is None:
        return say(
            f"  By the answers so far, a difference of {points} points would need more than 100,000 questions.",
            f"  按目前的回答，要看出 {points} 个百分点的差别需要超过 100,000 个问题。",
        )
    return say(
        f"  {seen['n']} of about {seen['needed']} independent questions to see {points} points, "
        "by the answers so far",
        f"  按目前的回答，要看出 {points} 个百分点约需 {seen['needed']} 个独立问题，现有 {seen['n']} 个",
    )


class _Opened:
    """The stored experiments, for commands that need neither models nor documents."""

    def __enter__(self) -> "Experiments":
        from assistant.cli import settings
        from assistant.compare.store import Experiments

        database = settings().database
        database.parent.mkdir(parents=True, exist_ok=True)
        self._store = Experiments(database)
        return self._store

    def __exit__(self, *error: Any) -> None:
        self._store.close()
