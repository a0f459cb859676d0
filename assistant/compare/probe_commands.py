"""`tandem experiment sources` and `judge`: what may be asked of an experiment after it has run."""

from typing import Annotated

import typer

from assistant.compare.commands import JsonFlag, Number, experiment_cli
from assistant.language import shell_language

__all__ = ["experiment_cli"]


def _say(en: str, zh: str) -> str:
    return zh if shell_language() == "zh" else en


@experiment_cli.command(
    "sources",
    help=_say(
        "Ask right answers again with passages removed, swapped and altered.",
        "去掉、替换、改动段落后再次提问，看知识来自哪里。",
    ),
)
def sources(
    number: Number,
    limit: Annotated[
        int, typer.Option(min=1, help=_say("Right answers per arm.", "每种方式考察多少个正确答案。"))
    ] = 20,
    as_json: JsonFlag = False,
) -> None:
    """Say where each retrieving arm's right answers came from."""
    from assistant.cli import LANGUAGE, fail, note, opened, say, show
    from assistant.compare.app_asker import AppAsker
    from assistant.compare.counterfactual import SOURCES, probe_experiment, sources_of
    from assistant.compare.experiment import Answered
    from assistant.compare.report_text import REPORT_TEXT
    from assistant.compare.reporting import progress_line

    failed = 0
    with opened("experiment") as app:
        store = app.experiments.store
        asker = AppAsker(app, store.get(number).plan)
        for event in probe_experiment(store, number, asker, limit=limit):
            if isinstance(event, Answered):
                failed = event.failed
                note(progress_line(event, LANGUAGE))
        told = sources_of(store.probes(number))
    if as_json:
        show(told)
    for arm, entry in told.items() if not as_json else ():
        print(f"{arm}: {entry['n']}")
        for name in SOURCES:
            print(f"  {entry[name]:4}  {REPORT_TEXT[f'source_{name}'][LANGUAGE]}")
        for change in ("altered", "swapped"):
            for kind, count in entry[change].items():
                labels = REPORT_TEXT[change][LANGUAGE], REPORT_TEXT[f"{change}_{kind}"][LANGUAGE]
                print(f"  {count:4}  {labels[0]}: {labels[1]}")
    if failed:
        fail(say(f"{failed} answers failed; run it again.", f"{failed} 个回答出错；请再次运行。"))


@experiment_cli.command(
    "judge",
    help=_say("Let a model compare the answers, if it passes its exam.", "让通过考试的模型评判回答。"),
)
def judge(
    number: Number,
    model: Annotated[
        str,
        typer.Option(
            help=_say("A chat model here, or the server's name for it.", "本机对话模型，或服务器上的模型名。")
        ),
    ],
    url: Annotated[
        str,
        typer.Option(
            help=_say(
                "OpenAI-compatible server; its key in TANDEM_JUDGE_KEY.",
                "兼容 OpenAI 的服务器；密钥写在 TANDEM_JUDGE_KEY 中。",
            )
        ),
    ] = "",
    as_json: JsonFlag = False,
) -> None:
    """Hold the exam, judge the declared contrast if it is passed, print the card."""
    import os

    from assistant.cli import LANGUAGE, fail, note, opened, say, show
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
                note(progress_line(event, LANGUAGE))
        card = store.judges(number)[chosen.name]
        scores = judged(store, number, chosen.name)
        if as_json:
            show(card | {"scores": scores})
        else:
            print("\n".join(judge_lines(store.get(number), chosen.name, card, scores, LANGUAGE)))
    if not card["passed"]:
        fail(say("The judge did not pass its exam.", "评判模型未通过考试。"))
