"""Every message this package can give a person, in English and Chinese, by code.

A message says what, why, and what to do next, on one line.
"""

from typing import Any, Literal

from assistant.api.messages import API_MESSAGES
from assistant.compare.experiment_messages import EXPERIMENT_MESSAGES
from assistant.compare.question_messages import QUESTION_MESSAGES
from assistant.providers.messages import PROVIDER_MESSAGES
from assistant.training.workshop_messages import WORKSHOP_MESSAGES

Language = Literal["en", "zh"]

MESSAGES: dict[str, dict[Language, str]] = {
    **API_MESSAGES,
    **EXPERIMENT_MESSAGES,
    **QUESTION_MESSAGES,
    **WORKSHOP_MESSAGES,
    **PROVIDER_MESSAGES,
    # settings, data folder, jobs, doctor
    "arm_setting_wrong": {
        "en": "Arm {name}: {setting} cannot be used. Allowed: {allowed}.",
        "zh": "方式 {name}：{setting} 无效。可用的取值：{allowed}。",
    },
    "arm_unknown": {
        "en": "There is no arm {name}. Use base, rag, sft:ADAPTER or rag+sft:ADAPTER; settings of its own follow a "
        "question mark, such as rag?top_k=3&mode=dense&base=NAME or base?model=NAME.",
        "zh": "没有名为 {name} 的方式。请使用 base、rag、sft:适配器 或 rag+sft:适配器；该方式自己的设置写在问号之后，"
        "如 rag?top_k=3&mode=dense&base=知识库 或 base?model=模型。",
    },
    "data_folder_locked": {
        "en": "{folder} is in use by another Tandem (process {pid}: {purpose}). Use that one, stop it, "
        "or choose another folder with TANDEM_DATA_DIR.",
        "zh": "{folder} 正被另一个 Tandem 使用（进程 {pid}：{purpose}）。请使用或停止那个进程，"
        "或用 TANDEM_DATA_DIR 指定其他数据目录。",
    },
    "data_folder_unwritable": {
        "en": "{folder} cannot be written: {reason}. Choose another folder with TANDEM_DATA_DIR.",
        "zh": "无法写入 {folder}：{reason}。请用 TANDEM_DATA_DIR 指定其他数据目录。",
    },
    "job_running": {
        "en": "{title} is still running for this knowledge base. Wait for it or stop it first.",
        "zh": "该知识库的“{title}”仍在进行。请等待完成或先停止它。",
    },
    "job_unknown": {
        "en": "There is no job {id}; it may have been finished by an earlier start.",
        "zh": "没有编号为 {id} 的任务；它可能属于之前的运行。",
    },
    "jobs_unreadable": {
        "en": "The jobs in {file} cannot be read or written: {reason}. Check the disk and the file.",
        "zh": "无法读写 {file} 中的任务：{reason}。请检查磁盘和该文件。",
    },
    "port_taken": {
        "en": "Port {port} is taken by another program. Choose another: tandem ui --port 8502.",
        "zh": "端口 {port} 已被其他程序占用。请换一个：tandem ui --port 8502。",
    },
    "setting_unknown": {
        "en": "There is no setting {key}. Correct its name in {file} or its TANDEM_… variable; "
        "`tandem config` lists all settings.",
        "zh": "没有名为 {key} 的设置。请在 {file} 或对应的 TANDEM_… 环境变量中改正；"
        "`tandem config` 会列出所有设置。",
    },
    "setting_wrong": {
        "en": "Setting {key} = {value!r} is wrong: {rule}. Change it in {file} or its TANDEM_… variable; "
        "`tandem config` lists all settings.",
        "zh": "设置 {key} = {value!r} 有误：{rule_zh}。请在 {file} 或对应的 TANDEM_… 环境变量中修改；"
        "`tandem config` 会列出所有设置。",
    },
    "settings_file_missing": {
        "en": "TANDEM_CONFIG names {file}, which is not there. Correct the path or unset the variable.",
        "zh": "TANDEM_CONFIG 指定的 {file} 不存在。请改正路径，或取消该变量。",
    },
    "settings_file_wrong": {
        "en": "{file} cannot be read: {reason}. Mend that line or move the file away.",
        "zh": "无法读取 {file}：{reason}。请修正该行或移走此文件。",
    },
    # engine, answers, conversations
    "adapter_changes_base": {
        "en": "Adapter {name} is not served: with it in memory the base model no longer answers as without it. "
        "Choose another adapter, and start Tandem again.",
        "zh": "适配器 {name} 未启用：加载它之后，基础模型的输出与加载前不再一致。请选择其他适配器，并重新启动 Tandem。",
    },
    "adapter_not_loaded": {
        "en": "Adapter {name} is not loaded. Choose another one, or load it on the page Models.",
        "zh": "适配器 {name} 尚未加载。请选择其他适配器，或在“模型”页面加载它。",
    },
    "adapter_unreadable": {
        "en": "Adapter {name} cannot be used with this model: {reason}. Choose an adapter trained on it.",
        "zh": "适配器 {name} 无法用于当前模型：{reason}。请选择基于该模型训练的适配器。",
    },
    "answer_failed": {
        "en": "Arm {arm} could not answer: {reason}. Ask again; if it persists, run `tandem doctor`.",
        "zh": "方案 {arm} 未能回答：{reason}。请重试；如仍失败，请运行 `tandem doctor`。",
    },
    "chat_template_failed": {
        "en": "The chat template of {model} refused the messages: {reason}. Choose an instruct model.",
        "zh": "模型 {model} 的对话模板不接受这些消息：{reason}。请选择指令微调（instruct）模型。",
    },
    "conversation_unknown": {
        "en": "There is no conversation {id}; it may have been deleted. Start a new one.",
        "zh": "没有编号为 {id} 的会话，它可能已被删除。请新建会话。",
    },
    "votes_without_rows": {
        "en": "These votes make no rows of this kind. Vote for a best answer, say which answers are usable, or write a "
        "corrected answer.",
        "zh": "这些投票还不能生成这类训练数据。请选出最好的回答、标明哪些回答可用，或写下改正的回答。",
    },
    "votes_unreadable": {
        "en": "The votes in {file} cannot be read or written: {reason}. Check the disk and the file.",
        "zh": "无法读写 {file} 中的投票：{reason}。请检查磁盘和该文件。",
    },
    "database_newer": {
        "en": "{file} was written by a newer version of Tandem. Update this installation.",
        "zh": "{file} 由更新版本的 Tandem 写入。请升级当前安装。",
    },
    "conversations_unreadable": {
        "en": "The conversations in {file} cannot be read or written: {reason}. Check the disk and the file.",
        "zh": "无法读写 {file} 中的会话：{reason}。请检查磁盘和该文件。",
    },
    "engine_closed": {
        "en": "The model was shut down while answering. Start Tandem again and repeat the question.",
        "zh": "回答过程中模型已关闭。请重新启动 Tandem 后再提问。",
    },
    "engine_out_of_memory": {
        "en": "There is not enough memory for {model} to answer this. Ask with fewer passages, or use a smaller model.",
        "zh": "内存不足，{model} 无法回答。请减少检索段落，或换用更小的模型。",
    },
    "generation_failed": {
        "en": "{model} stopped with an error: {reason}. Ask again; if it persists, run `tandem doctor`.",
        "zh": "{model} 出错停止：{reason}。请重试；如仍失败，请运行 `tandem doctor`。",
    },
    "prompt_empty": {
        "en": "The prompt is empty. Give it some text.",
        "zh": "提示为空。请提供文字。",
    },
    "prompt_too_long": {
        "en": "The prompt has {tokens} tokens, the model reads at most {limit}. "
        "Shorten the question or use fewer passages.",
        "zh": "提示共 {tokens} 个 token，模型最多读取 {limit} 个。请缩短问题或减少检索段落。",
    },
    "passages_do_not_fit": {
        "en": "Passages were found, but question and conversation leave no room for one: {budget} tokens. "
        "Ask for a shorter answer, shorten the question or begin a new conversation.",
        "zh": "已检索到段落，但问题和对话只留下 {budget} 个 token，放不下任何段落。请缩短回答长度或问题，或开始新对话。",
    },
    "arm_no_base": {
        "en": "There is no knowledge base to look the answer up in. Choose or add one, or ask the model alone.",
        "zh": "没有可供检索的知识库。请选择或添加知识库，或直接询问模型。",
    },
    "question_empty": {
        "en": "The question is empty. Type one.",
        "zh": "问题为空。请输入问题。",
    },
    # experiments
    "experiment_changed": {
        "en": "Experiment {id} cannot go on: {what} changed since it began, so its answers would not be "
        "comparable. What it has can be read as it is. To ask the same questions anew, of the same arms: "
        "tandem experiment run --again {id}",
        "zh": "实验 {id} 无法继续：开始之后 {what} 发生了变化，前后的回答不可比。已有的结果仍可查看。"
        "要用同样的问题和方式重新提问：tandem experiment run --again {id}",
    },
    "experiment_contrast_wrong": {
        "en": "The contrast {contrast} does not name two of the arms {arms}. Choose two of them.",
        "zh": "对比 {contrast} 不是所选方式（{arms}）中的两种。请从中选择两种。",
    },
    "experiment_metric_unknown": {
        "en": "There is no metric {name} to decide by. Choose one of: {known}.",
        "zh": "没有可作为主要指标的 {name}。请从以下指标中选择：{known}。",
    },
    "experiment_not_comparable": {
        "en": "Experiments {first} and {second} share no arm and question. Compare runs of the same question set.",
        "zh": "实验 {first} 与 {second} 没有相同的方式和问题。请比较同一问题集的两次运行。",
    },
    "experiment_not_saved": {
        "en": "The experiment cannot be read or written: {reason}. Check the disk; a run can be resumed.",
        "zh": "无法读写实验：{reason}。请检查磁盘；之后可以继续运行。",
    },
    "experiment_one_arm": {
        "en": "A comparison needs two arms or more, but got: {arms}. Add one, such as base or rag.",
        "zh": "比较至少需要两种方式，目前只有：{arms}。请再加一种，例如 base 或 rag。",
    },
    "experiment_unknown": {
        "en": "There is no experiment {id}. `tandem experiment list` shows those there are.",
        "zh": "没有编号为 {id} 的实验。`tandem experiment list` 会列出已有的实验。",
    },
    # experiments: question sets
    "passages_exist": {
        "en": "{name} is in {folder} already and is not overwritten. Choose an empty folder.",
        "zh": "{folder} 中已有 {name}，不会覆盖。请选择一个空文件夹。",
    },
    "question_answer_not_in_passage": {
        "en": "{count} answers do not stand in the passage given for them ({rows}). They are asked and scored, "
        "but not for retrieval and citations. Correct the passage or the answer.",
        "zh": "有 {count} 个答案不在所给的段落中（{rows}）。这些问题照常提问和评分，但不评检索与引用。请更正段落或答案。",
    },
    "question_id_twice": {
        "en": "{count} rows repeat an id ({rows}). Only the first row of each id is asked. Give every row an id of its own.",
        "zh": "有 {count} 行的编号重复（{rows}）。每个编号只提问第一行。请为每行指定唯一编号。",
    },
    "question_row_empty": {
        "en": "{count} rows have no question ({rows}) and are left out. Fill them in or delete them.",
        "zh": "有 {count} 行没有问题（{rows}），已略过。请补全或删除这些行。",
    },
    "question_unanswerable_with_answer": {
        "en": "{count} questions are marked unanswerable but have an answer ({rows}). The mark counts; "
        "correct one of the two.",
        "zh": "有 {count} 个问题标为无法回答却带有答案（{rows}）。以标记为准；请更正其中之一。",
    },
    "question_without_reference": {
        "en": "{count} questions have no reference answer ({rows}). They are asked, but not scored for "
        "correctness. Add answers to compare it.",
        "zh": "有 {count} 个问题没有参考答案（{rows}）。照常提问，但不评正确性。要比较正确性，请补充答案。",
    },
    "questions_column_missing": {
        "en": "{name} has no column `question`; its columns are: {columns}. Name the column of questions so.",
        "zh": "{name} 中没有 `question`（问题）列；现有的列：{columns}。请把问题所在的列改为此名。",
    },
    "questions_few": {
        "en": "There are only {count} questions. With fewer than 10 nothing is concluded; 100 and more show "
        "differences of 15 points.",
        "zh": "只有 {count} 个问题。少于 10 个不作任何结论；要看出 15 个百分点的差别，需要 100 个以上。",
    },
    "questions_few_unanswerable": {
        "en": "Only {count} questions are unanswerable. Add some that the documents do not answer, one in five or "
        "more, or refusing well cannot be told from refusing always.",
        "zh": "只有 {count} 个无法回答的问题。请加入一些文档中没有答案的问题（至少五分之一），否则无法判断拒答是否恰当。",
    },
    "questions_form_unknown": {
        "en": "{name} is not a question set that can be read. Use CSV, JSONL, or JSON in SQuAD form; "
        "see samples/questions/en.jsonl.",
        "zh": "无法识别 {name} 的问题集格式。请使用 CSV、JSONL 或 SQuAD 形式的 JSON；可参考 samples/questions/zh.jsonl。",
    },
    "questions_none": {
        "en": "{name} holds no question that can be asked. Add some, or check the language that was chosen.",
        "zh": "{name} 中没有可以提问的问题。请添加问题，或检查所选的语言。",
    },
    "questions_not_json": {
        "en": "{name}, line {line}, is not JSON: {reason}. Mend that line.",
        "zh": "{name} 第 {line} 行不是有效的 JSON：{reason}。请修正该行。",
    },
    "questions_unreadable": {
        "en": "{name} cannot be read: {reason}. Check the path, or save the file as UTF-8.",
        "zh": "无法读取 {name}：{reason}。请检查路径，或将文件另存为 UTF-8。",
    },
    # experiments: verdicts
    "advice_both": {
        "en": "What to do: use both, retrieval and the adapter; nothing simpler was shown to be as good.",
        "zh": "建议：检索与微调同时使用；没有更简单的方式被证明同样好。",
    },
    "advice_finetune": {
        "en": "What to do: use the adapter without retrieval; nothing was shown to beat it.",
        "zh": "建议：使用微调的适配器，不必检索；没有哪种方式被证明更好。",
    },
    "advice_floor": {
        "en": "What to do: nothing can be recommended; even the better of the two reaches only {best} of 100. Read some "
        "answers: either the model is too small, or the reference answers are much longer than it writes.",
        "zh": "建议：目前无法给出建议；两者中较好的一种也只有 {best} 分（满分 100）。请抽查一些回答：或是模型太小，"
        "或是参考答案远比模型写的长。",
    },
    "advice_neither": {
        "en": "What to do: neither; the model alone is the simplest, and nothing was shown to beat it.",
        "zh": "建议：两者都不用；仅用模型最简单，而且没有哪种方式被证明更好。",
    },
    "advice_none": {
        "en": "What to do: nothing can be recommended; what scores best does so by refusing.",
        "zh": "建议：目前无法给出建议；得分最高的方式靠的是拒答。",
    },
    "advice_not_asked": {
        "en": "Not asked, so nothing is known of: {arms}.",
        "zh": "未参加比较，因此无从得知：{arms}。",
    },
    "advice_open": {
        "en": "Whether {arms} would be better than {arm} is open: it takes more questions.",
        "zh": "{arms} 是否优于{arm}尚无定论，需要更多问题。",
    },
    "advice_retrieve": {
        "en": "What to do: retrieve; nothing that was asked was shown to beat it.",
        "zh": "建议：使用检索；参加比较的方式中没有哪种被证明更好。",
    },
    "advice_silent": {
        "en": "{arm} is not advised, whatever its score: it refused {refused} of {answerable} questions that have an "
        "answer.",
        "zh": "{arm}不作推荐，无论得分如何：{answerable} 个有答案的问题中，它拒答了 {refused} 个。",
    },
    "advice_unclear": {
        "en": "What to do: nothing can be recommended yet; ask more questions.",
        "zh": "建议：目前还无法给出建议；请增加问题。",
    },
    "flip_none": {
        "en": "No price in time was shown: as far as was measured, {better} is not slower than {other}.",
        "zh": "未见时间上的代价：就所测而言，{better}并不比{other}慢。",
    },
    "flip_speed": {
        "en": "{better} takes {seconds} s longer per answer than {other}: whoever gives up more than {points} points "
        "for a second decides the other way.",
        "zh": "{better}每次回答比{other}多用 {seconds} 秒：若每秒的等待值得放弃 {points} 个百分点以上，则结论相反。",
    },
    "verdict_better": {
        "en": "On your {n} questions, {second} beats {first} by {points} points ({metric}; {level} % interval {low} to {high}).",
        "zh": "在您的 {n} 个问题上，{second}比{first}高 {points} 个百分点（{metric}；{level}% 区间 {low} 至 {high}）。",
    },
    "verdict_better_within": {
        "en": "On your {n} questions, {second} beats {first}, but only by {points} points ({metric}; {level} % interval "
        "{low} to {high}), which is within the {margin} points that were declared not to matter.",
        "zh": "在您的 {n} 个问题上，{second}优于{first}，但只高 {points} 个百分点（{metric}；{level}% 区间 {low} 至 {high}），"
        "在事先声明的 {margin} 个百分点的可忽略范围之内。",
    },
    "verdict_clustered": {
        "en": "Questions from the same {by} resemble each other: these {n} say as much as about {effective} independent ones.",
        "zh": "同一{by}的问题彼此相似：这 {n} 个问题大约相当于 {effective} 个独立的问题。",
    },
    "verdict_equivalent": {
        "en": "On your {n} questions, {second} and {first} are equivalent within {margin} points: they differ by {points} "
        "({metric}; {level} % interval {low} to {high}).",
        "zh": "在您的 {n} 个问题上，{second}与{first}在 {margin} 个百分点之内等效：相差 {points}（{metric}；{level}% 区间 {low} 至 {high}）。",
    },
    "verdict_few": {
        "en": "Only {n} questions were scored for both {first} and {second} ({metric}): with fewer than {fewest} nothing is concluded.",
        "zh": "{first}与{second}都有评分的问题只有 {n} 个（{metric}）：少于 {fewest} 个不作任何结论。",
    },
    "verdict_levels": {
        "en": "Out of 100, {second} reaches {second_mean} and {first} {first_mean}.",
        "zh": "满分 100，{second}为 {second_mean}，{first}为 {first_mean}。",
    },
    "verdict_none": {
        "en": "No question was scored for both {first} and {second} ({metric}). Add reference answers, or see why the arms failed.",
        "zh": "没有一个问题同时有{first}与{second}的评分（{metric}）。请补充参考答案，或查看出错原因。",
    },
    "verdict_unclear": {
        "en": "{n} questions are not enough to tell {second} from {first}: they differ by {points} points ({metric}; "
        "{level} % interval {low} to {high}). About {more} more would tell.",
        "zh": "{n} 个问题不足以分辨{second}与{first}：相差 {points} 个百分点（{metric}；{level}% 区间 {low} 至 {high}）。大约还需要 {more} 个问题。",
    },
    "verdict_worse": {
        "en": "On your {n} questions, {second} loses to {first} by {points} points ({metric}; {level} % interval {low} to {high}).",
        "zh": "在您的 {n} 个问题上，{second}比{first}低 {points} 个百分点（{metric}；{level}% 区间 {low} 至 {high}）。",
    },
    "verdict_worse_within": {
        "en": "On your {n} questions, {second} loses to {first}, but only by {points} points ({metric}; {level} % interval "
        "{low} to {high}), which is within the {margin} points that were declared not to matter.",
        "zh": "在您的 {n} 个问题上，{second}不如{first}，但只低 {points} 个百分点（{metric}；{level}% 区间 {low} 至 {high}），"
        "在事先声明的 {margin} 个百分点的可忽略范围之内。",
    },
}


def render(code: str, params: dict[str, Any], language: Language = "en") -> str:
    """Return the message for `code` in `language`, its fields filled from `params`."""
    return MESSAGES[code][language].format(**params)
