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
}


def render(code: str, params: dict[str, Any], language: Language = "en") -> str:
    """Return the message for `code` in `language`, its fields filled from `params`."""
    return MESSAGES[code][language].format(**params)
