"""Every message this package can give a person, in English and Chinese, by code.

A message says what, why, and what to do next, on one line.
"""

from typing import Any, Literal

Language = Literal["en", "zh"]

MESSAGES: dict[str, dict[Language, str]] = {
    # settings, data folder, jobs, doctor
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
    "setting_unknown": {
        "en": "There is no setting {key}. Correct its name in {file} or its TANDEM_… variable; "
        "`tandem config` lists all settings.",
        "zh": "没有名为 {key} 的设置。请在 {file} 或对应的 TANDEM_… 环境变量中改正；"
        "`tandem config` 会列出所有设置。",
    },
    "setting_wrong": {
        "en": "Setting {key} = {value!r} is wrong: {rule}. Change it in {file} or its TANDEM_… variable; "
        "`tandem config` lists all settings.",
        "zh": "设置 {key} = {value!r} 有误：{rule}。请在 {file} 或对应的 TANDEM_… 环境变量中修改；"
        "`tandem config` 会列出所有设置。",
    },
    "settings_file_wrong": {
        "en": "{file} cannot be read: {reason}. Mend that line or move the file away.",
        "zh": "无法读取 {file}：{reason}。请修正该行或移走此文件。",
    },
}


def render(code: str, params: dict[str, Any], language: Language = "en") -> str:
    """Return the message for `code` in `language`, its fields filled from `params`."""
    return MESSAGES[code][language].format(**params)
