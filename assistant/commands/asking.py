"""`tandem ask`, `compare`, `search`: questions put to arms, or to the documents alone."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.terminal import BaseOption, JsonFlag, language, note, opened, say, show, write

if TYPE_CHECKING:
    from assistant.arms import Answer
    from knowledge.documents import Passage


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
            for line in source_lines(answer, language()):
                print(line)


def compare(
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
            answered = print_as_json(question, events, chosen, language=language(), write=write)
        else:
            answered = print_as_text(events, chosen, language=language(), write=write, note=note)
    if not answered:
        sys.exit(1)


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
            print(f"{rank}. {passage.score:.2f}  {passage_place(passage, language())}  {_legs(passage)}")
            print("   " + " ".join(passage.text.split())[:240])


def _legs(passage: "Passage") -> str:
    dense = "-" if passage.dense_rank is None else f"#{passage.dense_rank}"
    lexical = "-" if passage.lexical_rank is None else f"#{passage.lexical_rank}"
    return f"(dense {dense}, BM25 {lexical})"
