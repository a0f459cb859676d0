"""`tandem experiment run`: a set of questions put to all arms, watched until it ends."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.terminal import BaseOption, JsonFlag, fail, language, note, opened, say, show

if TYPE_CHECKING:
    from assistant.compare.asking import Asker
    from assistant.compare.questions import QuestionSet
    from assistant.compare.store import Experiments

METER_EVERY = 20
"""Answers after which a run tells how many questions are needed."""


def run(
    questions: Annotated[
        Path | None,
        typer.Argument(help=say("CSV, JSONL, or JSON in SQuAD form.", "CSV、JSONL 或 SQuAD 形式的 JSON。")),
    ] = None,
    arm: Annotated[
        list[str] | None,
        typer.Option(
            "--arm",
            "-a",
            help=say(
                "base, rag, sft:NAME, rag+sft:NAME; repeat. Default: all four, with the first adapter there is.",
                "base、rag、sft:名称、rag+sft:名称，可重复；默认四种全用，取第一个适配器。",
            ),
        ),
    ] = None,
    arms: Annotated[
        str, typer.Option(help=say("The same in one: base,rag,sft:NAME.", "合写：base,rag,sft:名称。"))
    ] = "",
    at_once: Annotated[
        int,
        typer.Option(
            min=1,
            help=say(
                "Answers made together; 1 makes and times each alone.",
                "同时作答的数量；1 表示逐个作答并计时。",
            ),
        ),
    ] = 8,
    base: BaseOption = None,
    name: Annotated[str, typer.Option(help=say("Default: the file's name.", "默认为文件名。"))] = "",
    language: Annotated[
        str | None,
        typer.Option(
            "--language", help=say("Only questions in it, such as en.", "只用该语言的问题，如 zh。")
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help=say("Draw so many questions.", "抽取这么多问题。"))
    ] = None,
    primary: Annotated[
        str | None,
        typer.Option(
            help=say("Metric that decides; declared before the run.", "起决定作用的指标，运行前声明。")
        ),
    ] = None,
    contrast: Annotated[
        str | None,
        typer.Option(
            help=say(
                "Two arms, such as base,rag: is the second better?", "两种方式，如 base,rag：后者是否更好？"
            )
        ),
    ] = None,
    margin: Annotated[
        float, typer.Option(help=say("Points that do not matter.", "可以忽略的百分点。"))
    ] = 5.0,
    wanted: Annotated[float, typer.Option(help=say("Points that would matter.", "有意义的百分点。"))] = 10.0,
    seeds: Annotated[
        bool | None,
        typer.Option(
            "--seeds/--no-seeds",
            help=say(
                "Count the adapters as training runs of one arm. Default: where model, data and settings are the same.",
                "把各适配器当作同一方式的多次训练。默认：模型、数据和设置都相同时如此。",
            ),
        ),
    ] = None,
    resume: Annotated[
        int | None, typer.Option(help=say("Go on with the experiment of this number.", "继续此编号的实验。"))
    ] = None,
    again: Annotated[
        int | None,
        typer.Option(
            help=say("Ask anew what the experiment of this number asked.", "重新提问此编号实验的全部问题。")
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=say("Only check the questions.", "只检查问题。"))
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Ask all questions of all arms, or go on where a run was stopped."""
    from assistant.compare.app_asker import AppAsker
    from assistant.compare.planning import default_arms, make_plan
    from assistant.compare.questions import load_questions, take

    if [questions, resume, again].count(None) != 2:
        raise typer.BadParameter(
            say(
                "give a question set, or --resume NUMBER, or --again NUMBER",
                "请给出问题集，或 --resume 编号，或 --again 编号",
            )
        )
    declared = partial(
        make_plan,
        primary=primary,
        contrast=_pair(contrast) if contrast else None,
        base_names=tuple(base or ()),
        margin=margin / 100,
        wanted=wanted / 100,
        at_once=at_once,
    )
    named = [*(arm or ()), *(one.strip() for one in arms.split(",") if one.strip())]
    asked = None
    if questions is not None:
        asked = load_questions(questions, language=language)
        asked = take(asked, limit) if limit else asked
        if named:
            declared(
                asked, named, pooled=seeds is not False
            )  # what is wrong is told before a model is loaded
        _tell_questions(asked, wanted=wanted / 100)
        if dry_run:
            return
    with opened("experiment") as app:
        store = app.experiments.store
        number = resume
        if asked is not None:
            chosen = named or default_arms(app.adapters())
            pooled = app.experiments.same_recipe(chosen) if seeds is None else seeds
            plan = declared(asked, chosen, pooled=pooled)
            note(", ".join(plan.arms))
            for group, members in plan.groups.items():
                note(f"  {group}: {', '.join(members)}")
            number = store.create(name, asked, plan)
        elif again is not None:
            number = store.again(again)
        assert number is not None
        failed = _follow(store, number, AppAsker(app, store.get(number).plan), as_json=as_json)
    if failed:
        fail(
            say(
                f"{failed} answers failed; --resume {number} asks them again.",
                f"{failed} 个回答出错；--resume {number} 会重新提问。",
            )
        )


def _pair(contrast: str) -> tuple[str, str]:
    """The two arms of `--contrast`."""
    match contrast.split(","):
        case [first, second]:
            return first, second
    raise typer.BadParameter(say("--contrast takes two arms: base,rag", "--contrast 需要两种方式：base,rag"))


def _tell_questions(asked: "QuestionSet", *, wanted: float) -> None:
    """Say what is wrong with the questions, and how small a difference they can show.

    Args:
        wanted: the difference that would matter, as a share.
    """
    from assistant.compare.power import meter

    for problem in asked.problems:
        note("  " + problem.text(language()))
    ahead = meter(len(asked.questions), wanted=wanted)
    least = "-" if ahead.detectable is None else f"{100 * ahead.detectable:.0f}"
    note(
        say(
            f"{len(asked.questions)} questions would show a difference of about {least} points.",
            f"{len(asked.questions)} 个问题大约能看出 {least} 个百分点的差别。",
        )
    )


def _follow(store: "Experiments", number: int, asker: "Asker", *, as_json: bool) -> int:
    """Run an experiment with a line for each answer, print its result, return how many answers failed."""
    from assistant.compare.experiment import Answered, Ended, run_experiment
    from assistant.compare.reporting import progress_line, result_lines

    note(
        say(
            f"Experiment {number}. Stop with Ctrl-C, go on with --resume {number}.",
            f"实验 {number}。按 Ctrl-C 停止，用 --resume {number} 继续。",
        )
    )
    failed = 0
    for event in run_experiment(store, number, asker):
        if isinstance(event, Answered):
            note(progress_line(event, language()))
            if event.done % METER_EVERY == 0 and (line := _meter_line(store, number)):
                note(line)
        if isinstance(event, Ended):
            failed = event.failed
            if as_json:
                show({"id": number, "results": event.results})
            else:
                print("\n".join(result_lines(store.get(number), language())))
    return failed


def _meter_line(store: "Experiments", number: int) -> str:
    """How many questions are needed by the answers so far, as the page shows it; "" until that can be said."""
    from assistant.compare.contrasts import question_meter
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
