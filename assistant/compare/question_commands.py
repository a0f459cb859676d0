"""`tandem experiment passages` and `questions`: what experiments ask, made of files and of documents."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from assistant.terminal import JsonFlag, language, note, opened, say, show


def passages(
    questions: Annotated[Path, typer.Argument(help=say("JSON in SQuAD form.", "SQuAD 形式的 JSON。"))],
    folder: Annotated[
        Path,
        typer.Argument(
            help=say("Where to; then: tandem index FOLDER.", "目标文件夹；然后：tandem index 文件夹。")
        ),
    ],
) -> None:
    """Write the passages that a SQuAD file asks about, one Markdown file per article."""
    from assistant.compare.question_files import write_passages

    for path in write_passages(questions, folder):
        print(path)


def questions(
    base: Annotated[
        list[str], typer.Argument(help=say("Knowledge base; several may be named.", "知识库，可写多个。"))
    ],
    out: Annotated[Path, typer.Option(help=say("File to write, .jsonl.", "要写入的 .jsonl 文件。"))],
    count: Annotated[int, typer.Option(min=1, help=say("Questions.", "问题数量。"))] = 120,
    adapter: Annotated[
        str,
        typer.Option(
            help=say(
                "Leave out what is like this adapter's training data.", "略过与此适配器训练数据相近的问题。"
            )
        ),
    ] = "",
    by_model: Annotated[
        bool,
        typer.Option("--by-model", help=say("Let the chat model write questions too.", "让模型也编写问题。")),
    ] = False,
    seed: Annotated[int, typer.Option(help=say("Of every choice.", "随机种子。"))] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Make questions with answers and where these stand, and one in five that no document answers."""
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
        note("  " + problem.text(language()))
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
