"""`tandem experiment list`, `show`, `replay`, `compare`: what is kept of experiments, read without a model.

`replay` and `compare` end with 1 where a number changed or an arm got worse, for use in CI.
"""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.terminal import JsonFlag, fail, language, note, say, settings_in_force, show

if TYPE_CHECKING:
    from assistant.compare.store import Experiments

Number = Annotated[int, typer.Argument(help=say("The experiment's number.", "实验编号。"))]


def list_experiments(as_json: JsonFlag = False) -> None:
    """List the experiments there are, latest first."""
    rows: list[dict[str, Any]] = []
    with _kept() as store:
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


def show_experiment(
    number: Number,
    html: Annotated[
        Path | None, typer.Option(help=say("Write the report there.", "把报告写到此文件。"))
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(help=say("Write all scores there.", "把所有评分写到此文件。"))
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Print a result, or write it as HTML or CSV; also of a run that is not finished."""
    from assistant.compare.exports import csv_report, json_report, results_of
    from assistant.compare.report import html_report
    from assistant.compare.reporting import result_lines

    with _kept() as store:
        for path, render in ((html, html_report), (csv, csv_report)):
            if path is not None:
                path.write_text(render(store, number, language()), encoding="utf-8")
                note(str(path))
        if as_json:
            print(json.dumps(json_report(store, number), ensure_ascii=False, indent=2))
        elif html is None and csv is None:
            experiment = store.get(number)
            if store.answered(number):  # may have been cut off, or be running still
                experiment = replace(experiment, results=results_of(store, experiment))
            print("\n".join(result_lines(experiment, language())))


def replay(
    number: Number,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep",
            help=say(
                "Put the new scores in the place of the stored ones, such as after an update.",
                "用新的评分取代保存的评分，例如在更新之后。",
            ),
        ),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Score a run again from what is stored of it."""
    from assistant.arms import to_json
    from assistant.compare import replay as replaying

    with _kept() as store:
        found = replaying.replay(store, number, keep=keep)
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


def compare(first: Number, second: Number, as_json: JsonFlag = False) -> None:
    """Say how each arm changed from the first run to the second."""
    from assistant.compare.replay import compare_experiments
    from assistant.compare.reporting import change_failures, change_line

    with _kept() as store:
        rows = compare_experiments(store, first, second)
    if as_json:
        show(rows)
    else:
        for row in rows:
            print(change_line(row, language()))
    if failures := change_failures(rows, language()):
        fail(failures)


@contextmanager
def _kept() -> "Iterator[Experiments]":
    """The stored experiments; the data folder is made where it is missing, and not locked."""
    from assistant.compare.store import Experiments

    database = settings_in_force().database
    database.parent.mkdir(parents=True, exist_ok=True)
    with closing(Experiments(database)) as store:
        yield store
