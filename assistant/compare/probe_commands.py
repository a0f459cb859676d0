"""`tandem experiment sources` and `judge`: what may be asked of an experiment after it has run."""

import os
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from assistant.compare.result_commands import Number
from assistant.terminal import JsonFlag, fail, language, note, opened, say, show


def sources(
    number: Number,
    limit: Annotated[
        int, typer.Option(min=1, help=say("Right answers per arm.", "每种方式考察多少个正确答案。"))
    ] = 20,
    as_json: JsonFlag = False,
) -> None:
    """Say where each retrieving arm's right answers came from."""
    from assistant.compare.app_asker import AppAsker
    from assistant.compare.counterfactual import probe_experiment, sources_of
    from assistant.compare.experiment import Answered
    from assistant.compare.reporting import progress_line

    failed = 0
    with opened("experiment") as app:
        store = app.experiments.store
        asker = AppAsker(app, store.get(number).plan)
        for event in probe_experiment(store, number, asker, limit=limit):
            if isinstance(event, Answered):
                failed = event.failed
                note(progress_line(event, language()))
        told = sources_of(store.probes(number))
    if as_json:
        show(told)
    else:
        _print_sources(told)
    if failed:
        fail(say(f"{failed} answers failed; run it again.", f"{failed} 个回答出错；请再次运行。"))


def _print_sources(told: Mapping[str, Mapping[str, Any]]) -> None:
    """Print how many right answers came from where, and what became of them under changed passages.

    Args:
        told: by arm, as `counterfactual.sources_of` makes it.
    """
    from assistant.compare.counterfactual import SOURCES
    from assistant.compare.report_text import REPORT_TEXT

    def text(key: str) -> str:
        return REPORT_TEXT[key][language()]

    for arm, entry in told.items():
        print(f"{arm}: {entry['n']}")
        for name in SOURCES:
            print(f"  {entry[name]:4}  {text(f'source_{name}')}")
        for change in ("altered", "swapped"):
            for kind, count in entry[change].items():
                print(f"  {count:4}  {text(change)}: {text(f'{change}_{kind}')}")


def judge(
    number: Number,
    model: Annotated[
        str,
        typer.Option(
            help=say("A chat model here, or the server's name for it.", "本机对话模型，或服务器上的模型名。")
        ),
    ],
    url: Annotated[
        str,
        typer.Option(
            help=say(
                "OpenAI-compatible server; its key in TANDEM_JUDGE_KEY.",
                "兼容 OpenAI 的服务器；密钥写在 TANDEM_JUDGE_KEY 中。",
            )
        ),
    ] = "",
    as_json: JsonFlag = False,
) -> None:
    """Hold the exam, judge the declared contrast if it is passed, print the card."""
    from assistant.compare.experiment import Answered
    from assistant.compare.judges import LocalJudge, ServerJudge, judge_experiment, judged
    from assistant.compare.reporting import judge_lines, progress_line

    with opened("experiment") as app:
        store = app.experiments.store
        chosen = (
            ServerJudge(url, model, key=os.environ.get("TANDEM_JUDGE_KEY", ""))
            if url
            else LocalJudge(model, app.settings)
        )
        for event in judge_experiment(store, number, chosen, ballots=app.votes.all()):
            if isinstance(event, Answered):
                note(progress_line(event, language()))
        card = store.judges(number)[chosen.name]
        scores = judged(store, number, chosen.name)
        if as_json:
            show(card | {"scores": scores})
        else:
            print("\n".join(judge_lines(store.get(number), chosen.name, card, scores, language())))
    if not card["passed"]:
        fail(say("The judge did not pass its exam.", "评判模型未通过考试。"))
