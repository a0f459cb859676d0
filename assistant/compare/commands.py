"""`tandem experiment`: all that it has, in the order of its help.

Exit codes, for use in CI: 0 done; 1 something failed, a replayed number changed, or an arm got worse; 2 misuse.
"""

from assistant.compare.probe_commands import judge, sources
from assistant.compare.question_commands import passages, questions
from assistant.compare.result_commands import compare, list_experiments, replay, show_experiment
from assistant.compare.run_command import run
from assistant.help_pages import Commands
from assistant.terminal import say

experiment_cli = Commands(
    no_args_is_help=True,
    help=say(
        "Compare arms on a set of questions: tandem experiment run samples/questions/en.jsonl",
        "在一组问题上比较各种方式：tandem experiment run samples/questions/zh.jsonl",
    ),
)
command = experiment_cli.command
command("run", help=say("Ask all questions of all arms.", "让各种方式回答所有问题。"))(run)
command("list", help=say("List experiments.", "列出实验。"))(list_experiments)
command("show", help=say("Print or export a result.", "显示或导出结果。"))(show_experiment)
command(
    "replay", help=say("Score again, offline; fail if a number changed.", "离线重新评分；数字有变则失败。")
)(replay)
command(
    "compare", help=say("Compare two runs; fail if an arm got worse.", "比较两次运行；有方式变差则失败。")
)(compare)
command(
    "passages", help=say("Write a SQuAD file's passages as documents.", "把 SQuAD 文件中的段落写成文档。")
)(passages)
command("questions", help=say("Make a question set of documents.", "由文档生成问题集。"))(questions)
command(
    "sources",
    help=say(
        "Ask right answers again with passages removed, swapped and altered.",
        "去掉、替换、改动段落后再次提问，看知识来自哪里。",
    ),
)(sources)
command(
    "judge", help=say("Let a model compare the answers, if it passes its exam.", "让通过考试的模型评判回答。")
)(judge)
