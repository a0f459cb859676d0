"""What experiments tell people, in English and Chinese, by code; the sentences of verdicts are apart."""

from typing import Literal

from assistant.compare.verdict_messages import VERDICT_MESSAGES

EXPERIMENT_MESSAGES: dict[str, dict[Literal["en", "zh"], str]] = {
    **VERDICT_MESSAGES,
    "experiment_busy": {
        "en": "Experiment {id} is still running. Wait for it or stop it first.",
        "zh": "实验 {id} 仍在运行。请等待完成或先停止它。",
    },
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
    "experiment_erased": {
        "en": "The texts of experiment {id} were erased with their knowledge base; only its scores are left. "
        "Start a new one.",
        "zh": "实验 {id} 的文本已随知识库一同删除，只保留了评分。请新建实验。",
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
    "experiment_other_version": {
        "en": "Experiment {id} was scored by another version ({stored}; this one is {now}). Of {checked} values that both "
        "tell, {changed} came out otherwise ({where}). Its answers are kept; to score them by this version, which takes "
        "seconds and asks no model: tandem experiment replay {id} --keep",
        "zh": "实验 {id} 由另一版本评分（{stored}，当前为 {now}）。两个版本都有的 {checked} 个数值中，{changed} 个不同（{where}）。"
        "已有的回答保持不变；按当前版本重新评分（只需几秒，不调用模型）：tandem experiment replay {id} --keep",
    },
    "experiment_unknown": {
        "en": "There is no experiment {id}. `tandem experiment list` shows those there are.",
        "zh": "没有编号为 {id} 的实验。`tandem experiment list` 会列出已有的实验。",
    },
    "judge_unreachable": {
        "en": "The judge {name} does not answer: {reason}. Check its address, and that the server is running.",
        "zh": "评判模型 {name} 没有响应：{reason}。请检查地址，并确认服务器正在运行。",
    },
}
